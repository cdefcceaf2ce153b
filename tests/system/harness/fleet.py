# SPDX-License-Identifier: Apache-2.0
"""Several booted hosts with an admin key, known_hosts, an ssh configuration and an inventory.

A fleet's state is written before anything of it is made, and after each step; so
Fleet.load(name).remove() cleans up whatever an earlier process left, however that ended.
"""

import concurrent.futures
import json
import os
import shutil
import subprocess
from pathlib import Path

from . import CannotBoot, HarnessError, cgroup
from .host import Host
from .network import Bridge, Link, run
from .reached import Reached
from .root import cache_dir, root_with

TOOLS = ("debootstrap", "ip", "nsenter", "ssh-keygen", "sysctl", "systemd-nspawn", "tc")
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_NEEDED = 4096


def fleets_dir():
    """Where the states of all fleets are."""
    return cache_dir() / "fleets"


def check_machine():
    """Raises CannotBoot with the reason if this machine cannot boot hosts."""
    if os.geteuid() != 0:
        raise CannotBoot("booting hosts needs root")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise CannotBoot(f"not installed: {', '.join(missing)} (./scripts/bootstrap --test)")
    if not cgroup.hierarchies():
        raise CannotBoot("no cgroup hierarchy is mounted")
    _check_privileges()


def _check_privileges():
    """A container may call itself root and still be refused mounts and namespaces."""
    probe = "mount -t tmpfs probe /mnt && ip link add mfprobe type veth peer name mfprobe1"
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", probe],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotBoot(f"no mounts or network namespaces here: {done.stderr.strip()}")


class Fleet(Reached):
    """A fleet by name, whose key opens root, admin and careful. Use Fleet.up(), or as a context manager in a test."""

    def __init__(self, name, bridge):
        self.name = name
        self.bridge = bridge
        self.directory = fleets_dir() / name
        self.hosts = []

    @classmethod
    def up(cls, count, name="default", packages=()):
        """Boots `count` hosts and waits for their sshd; a former fleet of that name goes.

        `packages` of Debian's are on the hosts besides those that all fleets have."""
        check_machine()
        base = root_with(packages)
        cls.remove_by_name(name)
        fleet = cls(name, Bridge.create())
        try:
            fleet._create(base, count)
        except BaseException:
            fleet.remove()
            raise
        return fleet

    def _create(self, base, count):
        self.directory.mkdir(parents=True)
        self.hosts = [self._host(index) for index in range(count)]
        self._save()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", self.key)
        if int(INOTIFY.read_text()) < INOTIFY_NEEDED:
            INOTIFY.write_text(str(INOTIFY_NEEDED))
        public = self.key.with_suffix(".pub").read_text()
        self._each(lambda host: host.create(base, public))
        self._write_client_files()
        for host in self.hosts:
            host.start()
        self._save()
        self._each(Host.wait)

    def _host(self, index):
        name = f"n{index + 1:02d}"
        # The bridge's number is this machine's; a fleet's name may be another tree's as well.
        return Host(name, Link(self.bridge, index), self.directory / "hosts" / name,
                    f"{self.bridge.name}-{name}")

    def _each(self, action):
        """Runs an action on all hosts at once; the first error is raised after all ended."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
            for result in [pool.submit(action, host) for host in self.hosts]:
                result.result()

    def _save(self):
        state = {"bridge": self.bridge.number,
                 "hosts": [{"name": host.name, "supervisor": host.supervisor}
                           for host in self.hosts]}
        partial = self.directory / "state.partial"
        partial.write_text(json.dumps(state, indent=1))
        partial.rename(self.directory / "state.json")

    @classmethod
    def load(cls, name="default"):
        """A fleet that another process made."""
        path = fleets_dir() / name / "state.json"
        try:
            state = json.loads(path.read_text())
        except FileNotFoundError:
            raise HarnessError(f"no fleet {name!r}: start one with `fleet.py up`") from None
        fleet = cls(name, Bridge(state["bridge"]))
        for index, saved in enumerate(state["hosts"]):
            host = fleet._host(index)
            host.supervisor = saved["supervisor"]
            fleet.hosts.append(host)
        return fleet

    @classmethod
    def remove_by_name(cls, name):
        """Removes the fleet of that name; none is fine."""
        if (fleets_dir() / name / "state.json").exists():
            cls.load(name).remove()

    def remove(self):
        """Stops all hosts and removes mounts, cgroups, namespaces, bridge and files."""
        if self.hosts:
            self._each(Host.remove)
        self.bridge.remove()
        shutil.rmtree(self.directory, ignore_errors=True)

    def members(self):
        return self.hosts

    def _write_client_files(self):
        lines = []
        for host in self.hosts:
            for public in sorted((host.root / "etc/ssh").glob("ssh_host_*_key.pub")):
                kind, key = public.read_text().split()[:2]
                lines.append(f"{host.address} {kind} {key}\n")
        self.known_hosts.write_text("".join(lines))
        self.ssh_config.write_text(
            "Host *\n\tUser root\n\tBatchMode yes\n\tIdentitiesOnly yes\n"
            f"\tIdentityFile {self.key}\n\tUserKnownHostsFile {self.known_hosts}\n"
            "\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n"
            + "".join(f"Host {host.name}\n\tHostName {host.address}\n" for host in self.hosts))

    def ssh(self, host, *command):
        """The command line of `ssh HOST COMMAND` with this fleet's configuration."""
        return ["ssh", "-F", str(self.ssh_config), host.name, *command]

    def host_variables(self, host, user="root"):
        """What an inventory says of a host so that it can be reached."""
        return {
            "ansible_host": host.address,
            "ansible_user": user,
            **self.client_variables(),
        }

    def inventory(self, user="root"):
        """An inventory of all hosts; JSON text, which is YAML too."""
        hosts = {host.name: self.host_variables(host, user) for host in self.hosts}
        return json.dumps({"all": {"hosts": hosts}}, indent=2) + "\n"
