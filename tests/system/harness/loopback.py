# SPDX-License-Identifier: Apache-2.0
"""Nodes that need neither root nor systemd: one sshd each, on a loopback port of its own.

Every node logs in as the user who started it. What makes it a node of its own is a host key, a
port, and a directory that is HOME and the working directory of every session.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import HarnessError
from .host import kill, process_key
from .reached import Reached

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))

SSHD_CONFIG = """\
ListenAddress {listen}:{port}
HostKey "{key}"
AuthorizedKeysFile "{authorized}"
PidFile "{pid_file}"
UsePAM {use_pam}
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
UseDNS no
MaxStartups 200
PrintMotd no
PrintLastLog no
SetEnv "HOME={home}"
Subsystem sftp internal-sftp
ForceCommand "{session}"
{extra}
"""

# sshd starts it with the node's HOME by the user's own shell, in the user's real home.
SESSION = """\
#!/bin/sh
cd "$HOME" || exit 255
export MODELFLEET_STATE_DIR="$HOME/.local/state/modelfleet"
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
\texec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
fi
exec "${SHELL:-/bin/sh}"
"""


def _run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HarnessError(f"{command[0]}: {(done.stderr or done.stdout).strip()}")


def _free_port():
    """A port that nobody listens on now; sshd says so if another takes it first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _password_locked():
    """Whether sshd without PAM would refuse this user for a locked password."""
    try:
        lines = Path("/etc/shadow").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    user = pwd.getpwuid(os.geteuid()).pw_name
    return any(line.split(":")[1].startswith("!") for line in lines
               if line.split(":")[0] == user)


class Node:
    """One sshd with its directory."""

    def __init__(self, name, directory, port=None, listen="127.0.0.1"):
        self.name = name
        self.directory = Path(directory)
        self.port = port
        self.listen = listen
        self.sshd = None
        self._process = None

    @property
    def home(self):
        return self.directory / "home"

    @property
    def address(self):
        return "127.0.0.1"

    def create(self):
        """Makes the node's directory, host key and session script."""
        self.home.mkdir(parents=True)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name,
             "-f", self.directory / "host_key")
        session = self.directory / "session"
        session.write_text(SESSION)
        session.chmod(0o755)

    def start(self, authorized, extra=""):
        """Starts sshd and waits for its greeting. `extra` is more text for sshd_config."""
        if not SSHD:
            raise HarnessError("no sshd: install openssh-server")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for _ in range(5):
            if self.port is None:
                self.port = _free_port()
            self._launch(authorized, extra)
            if self._wait():
                return
            self.stop()
            self.port = None
        log = (self.directory / "sshd.log").read_text(errors="replace")
        raise HarnessError(f"node {self.name}: sshd does not start: {log[-2000:]}")

    def _launch(self, authorized, extra):
        config = self.directory / "sshd_config"
        config.write_text(SSHD_CONFIG.format(
            listen=self.listen, port=self.port, key=self.directory / "host_key", authorized=authorized,
            pid_file=self.directory / "sshd.pid", home=self.home,
            session=self.directory / "session",
            use_pam="yes" if os.geteuid() == 0 and _password_locked() else "no", extra=extra))
        self._process = subprocess.Popen(
            [SSHD, "-D", "-f", str(config), "-E", str(self.directory / "sshd.log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.sshd = process_key(self._process.pid)

    def _wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    return connection.recv(4) == b"SSH-"
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        """Stops sshd; sessions that are open go on until they end."""
        kill(self.sshd)
        self.sshd = None
        if self._process:
            self._process.wait()
            self._process = None

    def sessions(self):
        """The process ids of this node's sessions: sshd's children and theirs."""
        found = []
        pending = [self.sshd[0]] if self.sshd else []
        while pending:
            pid = pending.pop()
            path = Path(f"/proc/{pid}/task/{pid}/children")
            below = [int(word) for word in path.read_text().split()] if path.exists() else []
            found += below
            pending += below
        return found

    def processes(self, name):
        """Those of its session processes whose program's file name starts with `name`."""
        found = []
        for pid in self.sessions():
            try:
                program = Path(os.readlink(f"/proc/{pid}/exe")).name
            except OSError:
                continue
            if program.startswith(name):
                found.append(pid)
        return found

    def kill_sessions(self):
        """Kills every session of this node."""
        for pid in self.sessions():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Nodes(Reached):
    """Several nodes with a user key, known_hosts, an ssh configuration and an inventory."""

    def __init__(self, directory):
        self.directory = Path(directory).absolute()
        self.nodes = []

    @classmethod
    def up(cls, directory, count):
        """Starts `count` nodes named node1, node2 ... in a directory of their own."""
        cls.remove_from(directory)
        nodes = cls(directory)
        try:
            nodes._create(count)
        except BaseException:
            nodes.remove()
            raise
        return nodes

    def _create(self, count):
        self.directory.mkdir(parents=True)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", self.key)
        self.authorized_keys.write_text(self.key.with_suffix(".pub").read_text())
        for index in range(count):
            name = f"node{index + 1}"
            node = Node(name, self.directory / "nodes" / name)
            node.create()
            self.nodes.append(node)
            self.start(node)
        self._write_client_files()

    def start(self, node):
        """Starts a node that was stopped, or is new."""
        node.start(self.authorized_keys)
        self.save()

    def save(self):
        """Notes ports and processes for load()."""

        state = [{"name": node.name, "port": node.port, "sshd": node.sshd}
                 for node in self.nodes]
        (self.directory / "state.json").write_text(json.dumps(state, indent=1))

    @classmethod
    def load(cls, directory):
        """Nodes that another process started."""
        nodes = cls(directory)
        for saved in json.loads((nodes.directory / "state.json").read_text()):
            node = Node(saved["name"], nodes.directory / "nodes" / saved["name"], saved["port"])
            node.sshd = saved["sshd"]
            nodes.nodes.append(node)
        return nodes

    @classmethod
    def remove_from(cls, directory):
        """Stops and removes the nodes of a directory; none is fine."""
        if (Path(directory) / "state.json").exists():
            cls.load(directory).remove()

    def stop(self):
        """Stops every sshd and its sessions; the files stay."""
        for node in self.nodes:
            node.kill_sessions()
            node.stop()
        self.save()

    def remove(self):
        """Stops all nodes and removes their files."""
        for node in self.nodes:
            node.kill_sessions()
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def members(self):
        return self.nodes

    @property
    def authorized_keys(self):
        return self.directory / "authorized_keys"

    def _write_client_files(self):
        lines = []
        for node in self.nodes:
            kind, key = (node.directory / "host_key.pub").read_text().split()[:2]
            lines.append(f"[127.0.0.1]:{node.port} {kind} {key}\n")
        self.known_hosts.write_text("".join(lines))
        self.ssh_config.write_text(
            f"Host *\n\tHostName 127.0.0.1\n\tUser {pwd.getpwuid(os.geteuid()).pw_name}\n"
            f"\tBatchMode yes\n\tIdentitiesOnly yes\n\tIdentityFile \"{self.key}\"\n"
            f"\tUserKnownHostsFile \"{self.known_hosts}\"\n\tGlobalKnownHostsFile /dev/null\n"
            "\tStrictHostKeyChecking yes\n"
            + "".join(f"Host {node.name}\n\tPort {node.port}\n" for node in self.nodes))

    def host_variables(self, node):
        """What an inventory says of a node so that it can be reached."""
        return {
            "ansible_host": node.address,
            "ansible_port": node.port,
            "ansible_user": pwd.getpwuid(os.geteuid()).pw_name,
            **self.client_variables(),
        }
