#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many hosts: ten tasks that change nothing, on 500 of them.

The hosts are addresses of the loopback device in a network namespace of its own, behind one sshd.
What is measured is this machine: how much the engine adds to 500 handshakes, and what it holds in
memory. In one run, interleaved: parallel `ssh HOST true`, as many at a time as the engine has
forks; run-playbook with a task that only connects; run-playbook with ten tasks that find nothing
to do.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from harness import HarnessError  # noqa: E402
from harness.loopback import Node  # noqa: E402
from measure import run  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
HOSTS, FORKS = 500, 100
SSH, CONNECT, TASKS = "ssh true", "connect", "ten tasks"
# (what, of what, at most)
AIMS = ((TASKS, CONNECT, 1.5), (TASKS, SSH, 1.5))
MEMORY_AIM = 300  # MB

TEN = [
    {"file": {"path": "{{ own }}/etc", "state": "directory", "mode": "0755"}},
    {"copy": {"content": "name={{ inventory_hostname }}\n", "dest": "{{ own }}/etc/name",
              "mode": "0644"}},
    {"template": {"src": "service.conf.j2", "dest": "{{ own }}/etc/service.conf"}},
    {"lineinfile": {"path": "{{ own }}/etc/lines", "line": "level=3", "regexp": "^level=",
                    "create": True}},
    {"blockinfile": {"path": "{{ own }}/etc/lines", "block": "a=1\nb=2"}},
    {"file": {"src": "{{ own }}/etc/service.conf", "dest": "{{ own }}/etc/link",
              "state": "link"}},
    {"stat": {"path": "{{ own }}/etc/lines"}, "register": "lines"},
    {"assert": {"that": "lines.stat.exists", "quiet": True}},
    {"command": {"cmd": "touch made", "chdir": "{{ own }}", "creates": "{{ own }}/made"}},
    {"replace": {"path": "{{ own }}/etc/lines", "regexp": "^c=.*", "replace": "c=2"}},
]


class NoFleet:
    """There are no wires to count bytes on."""
    hosts = ()


class Site:
    """An sshd, an inventory of addresses, and two playbooks."""

    def __init__(self, directory, count, program):
        self.directory = Path(directory)
        self.program = program
        self.names = [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(count)]
        self.node = Node("many", self.directory / "node", listen="0.0.0.0")
        self.log = self.directory / "log"
        self.environment = dict(os.environ, HOME=str(self.directory), LC_ALL="C.UTF-8")
        self.environment.pop("SSH_AUTH_SOCK", None)

    def up(self):
        self.node.create()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        self.directory / "key"], check=True)
        self.node.start(self.directory / "key.pub")
        kind, key = (self.node.directory / "host_key.pub").read_text().split()[:2]
        (self.directory / "known_hosts").write_text(
            f"[127.*]:{self.node.port} {kind} {key}\n")
        (self.directory / "ssh_config").write_text(
            f"Host *\nPort {self.node.port}\nUser root\nBatchMode yes\nIdentitiesOnly yes\n"
            f"IdentityFile {self.directory}/key\nGlobalKnownHostsFile /dev/null\n"
            f"UserKnownHostsFile {self.directory}/known_hosts\n")
        (self.directory / "hosts.json").write_text(json.dumps(
            {"all": {"hosts": {name: {} for name in self.names}, "vars": {
                "ansible_port": self.node.port, "ansible_user": "root",
                "ansible_ssh_private_key_file": f"{self.directory}/key",
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.directory}/known_hosts"
                                           " -o GlobalKnownHostsFile=/dev/null"}}}))
        (self.directory / "service.conf.j2").write_text(
            "{% for port in ports %}port={{ port }} {{ inventory_hostname }}\n{% endfor %}")
        own = f"{self.directory}/hosts/{{{{ inventory_hostname }}}}"
        for name, tasks in ((CONNECT, [{"ping": {}}]), (TASKS, TEN)):
            (self.directory / f"{name}.json").write_text(json.dumps([{
                "hosts": "all", "gather_facts": False, "tasks": tasks,
                "vars": {"own": own, "ports": [8000, 8001, 8002]}}]))

    def command(self, what):
        if what == SSH:
            return ["xargs", "-a", self.names_file(), "-P", str(FORKS), "-I", "HOST",
                    "ssh", "-F", self.directory / "ssh_config", "HOST", "true"]
        return [self.program, "-i", self.directory / "hosts.json", "-f", str(FORKS),
                self.directory / f"{what}.json"]

    def names_file(self):
        path = self.directory / "names"
        path.write_text("".join(f"{name}\n" for name in self.names))
        return path

    def measure(self, what):
        self.log.write_text("")
        return run(NoFleet, self.command(what), self.environment, self.log)

    def bad_lines(self):
        return re.findall(r"^.*(?:UNREACHABLE|FAILED|WARNING|rror).*", self.log.read_text(), re.M)

    def expect_nothing_changed(self):
        recap = self.log.read_text().split("PLAY RECAP")[-1]
        if recap.count("ok=10 ") != len(self.names) or recap.count("changed=0 ") != len(self.names):
            raise HarnessError(f"not 10 ok and 0 changed everywhere: {recap[:2000]}")


def measure_all(site, runs):
    samples = {SSH: [], CONNECT: [], TASKS: []}
    site.measure(TASKS)
    for _ in range(runs):
        for what, found in samples.items():
            found.append(site.measure(what))
            print(f"  {what:<10}{found[-1].wall:8.2f} s", flush=True)
        site.expect_nothing_changed()
    return samples


def table(walls, largest):
    print(f"\n{'':<12}{'wall s':>8}")
    for what, wall in walls.items():
        print(f"{what:<12}{wall:8.2f}")
    print(f"\n{'aim':<30}{'measured':>10}{'at most':>10}")
    missed = False
    rows = [(f"{what} / {of}", walls[what] / walls[of], limit) for what, of, limit in AIMS]
    for title, value, limit in [*rows, ("engine memory, MB", largest, MEMORY_AIM)]:
        missed = missed or value > limit
        print(f"{title:<30}{value:10.2f}{limit:10}  {'MISSED' if value > limit else 'reached'}")
    return 2 if missed else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="samples of each (default 3)")
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/run-playbook")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build/bench/many.json")
    return parser.parse_args()


def enter_own_network():
    """Begins again in a network namespace whose loopback device is up."""
    if os.environ.get("MODELFLEET_OWN_NETWORK"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ["MODELFLEET_OWN_NETWORK"] = "yes"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def main():
    options = parse()
    enter_own_network()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output.parent) as directory:
        site = Site(directory, options.hosts, options.program)
        try:
            site.up()
            samples = measure_all(site, options.runs)
        except HarnessError as error:
            print(f"many.py: {error}", *site.bad_lines()[:20], sep="\n", file=sys.stderr)
            return 1
        finally:
            site.node.stop()
    walls = {what: statistics.median(one.wall for one in found)
             for what, found in samples.items()}
    largest = max(one.largest for one in samples[TASKS])
    code = table(walls, largest)
    options.output.write_text(json.dumps({
        "machine": {"cpus": os.cpu_count(), "kernel": os.uname().release},
        "hosts": options.hosts, "medians": walls, "engine_memory_mb": largest}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
