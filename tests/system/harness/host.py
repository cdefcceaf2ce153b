# SPDX-License-Identifier: Apache-2.0
"""One booted host: systemd as process 1 over an overlay of the shared root.

Theory of operation. A small shell joins the host's cgroups and runs systemd-nspawn, again and
again as long as nspawn ends with 133, which is a reboot from inside. Killing nspawn takes the
host's power away: its death kills process 1 and so all others, and the shell, which is told
any other status, ends by itself. A process is remembered with its start time, so that a number used anew is never killed.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import HarnessError, cgroup
from .network import run

REBOOT = 133
PATIENCE = 120  # seconds that only a hang reaches

SUPERVISOR = f"""
while [ "$1" != -- ]; do echo $$ > "$1"; shift; done
shift
while "$@"; [ $? = {REBOOT} ]; do :; done
"""


def process_key(pid):
    """A process as [pid, start time], or None if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else [pid, int(fields[19])]


def children(pid):
    """The process ids whose parent is `pid`."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in found.split()]


def kill(key):
    """Kills the process of a key, if it is still the same one, and waits until it is gone."""
    if not key or process_key(key[0]) != key:
        return
    os.kill(key[0], signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while process_key(key[0]) == key:
        if time.monotonic() > deadline:
            raise HarnessError(f"process {key[0]} survives SIGKILL")
        time.sleep(0.01)


class Host:
    """A host of a fleet. `directory` holds its layers and its console's text."""

    def __init__(self, name, link, directory, group):
        self.name = name
        self.link = link
        self.directory = Path(directory)
        self.group = group
        self.supervisor = None
        self._process = None

    @property
    def address(self):
        return self.link.address

    @property
    def root(self):
        """The host's file system as this machine sees it."""
        return self.directory / "root"

    def create(self, base, authorized_key):
        """Lays the overlay, the host keys and the network; nothing runs yet."""
        for layer in ("upper", "work", "root"):
            (self.directory / layer).mkdir(parents=True)
        self._mount(base)
        for kind in ("ed25519", "ecdsa"):
            run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", self.name,
                "-f", self.root / f"etc/ssh/ssh_host_{kind}_key")
        (self.root / "etc/hostname").write_text(self.name + "\n")
        for home in ("root", "home/admin", "home/careful"):
            self._authorize(self.root / home, authorized_key)
        self.link.create()

    def _mount(self, base):
        layers = (f"lowerdir={base},upperdir={self.directory / 'upper'},"
                  f"workdir={self.directory / 'work'}")
        run("mount", "-t", "overlay", "overlay", "-o", layers, self.root)

    @staticmethod
    def _authorize(home, authorized_key):
        directory = home / ".ssh"
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / "authorized_keys").write_text(authorized_key)
        owner = home.stat()
        for path in (directory, directory / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)

    def start(self):
        """Boots; returns at once."""
        groups = [str(path) for path in cgroup.create(self.group)]
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit",
                   "--link-journal=no", "--console=pipe", f"--machine={self.name}",
                   f"--directory={self.root}",
                   f"--network-namespace-path={self.link.namespace_path}"]
        with open(self.directory / "console.log", "ab") as console:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", SUPERVISOR, "supervisor", *groups, "--", *command],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                start_new_session=True)
        self.supervisor = process_key(self._process.pid)

    def init(self):
        """The process id of the host's systemd, or None while there is none."""
        if not self.supervisor or process_key(self.supervisor[0]) != self.supervisor:
            return None
        for nspawn in children(self.supervisor[0]):
            for pid in children(nspawn):
                return pid
        return None

    def wait(self, timeout=180):
        """Waits until the host lets users in by ssh."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not process_key(self.supervisor[0]):
                break
            if self._greets() and not self._nologin():
                return
            time.sleep(0.05)
        console = (self.directory / "console.log").read_text(errors="replace")
        raise HarnessError(f"host {self.name} does not come up: {console[-2000:]}")

    def wait_for_systemd(self):
        """Waits until the host has done with its boot, or part of it has failed."""
        deadline = time.monotonic() + PATIENCE
        state = b""
        while state not in (b"running\n", b"degraded\n"):
            if time.monotonic() > deadline:
                raise HarnessError(f"host {self.name} is not done with its boot: {state}")
            time.sleep(0.05)
            if self.init() is not None:
                state = self.run("systemctl", "is-system-running", check=False).stdout

    def _greets(self):
        try:
            with socket.create_connection((self.address, 22), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _nologin(self):
        init = self.init()
        return init is None or Path(f"/proc/{init}/root/run/nologin").exists()

    def run(self, *command, check=True, stdin=b"", timeout=120):
        """Runs a command inside, not by the network, so it works while the cable is cut."""
        init = self.init()
        if init is None:
            raise HarnessError(f"host {self.name} does not run")
        return subprocess.run(
            ["nsenter", "--target", str(init), "--all", "--wd=/", "--", "env", "-i",
             "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             *map(str, command)],
            input=stdin, capture_output=True, check=check, timeout=timeout)

    def shell(self, script, **options):
        """Runs a shell script inside; returns what it printed."""
        return self.run("/bin/sh", "-euc", script, **options).stdout.decode(errors="replace")

    def stop(self):
        """Takes the power away; start() boots the same disk again."""
        supervisor, self.supervisor = self.supervisor, None
        if not supervisor or process_key(supervisor[0]) != supervisor:
            return
        deadline = time.monotonic() + PATIENCE
        while process_key(supervisor[0]) == supervisor and time.monotonic() < deadline:
            for nspawn in map(process_key, children(supervisor[0])):
                inits = [process_key(pid) for pid in children(nspawn[0])] if nspawn else []
                for key in [nspawn, *inits]:
                    kill(key)
            time.sleep(0.01)
        kill(supervisor)
        if self._process:
            self._process.wait()

    def remove(self):
        """Stops the host and removes all that create() made."""
        self.stop()
        cgroup.remove(self.group)
        self._unmount()
        self.link.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _unmount(self):
        """The host's own mount namespace may take a moment to die after its processes."""
        deadline = time.monotonic() + PATIENCE
        while os.path.ismount(self.root) and time.monotonic() < deadline:
            subprocess.run(["umount", str(self.root)], capture_output=True, check=False)
            time.sleep(0.02)
        if os.path.ismount(self.root):
            run("umount", self.root)
