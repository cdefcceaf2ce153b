#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The playbook benchmark: one job on 24 booted hosts, done by four programs in one run.

The job: directories, a tree of files synchronised, three templates, a handler that restarts a
service. The programs: run-playbook, Ansible (newest, pipelining on), Ansible with mitogen, pyinfra.
Each has a directory and a service of its own on the same hosts, over the same keys. Measured are
a run with nothing to do and one after a file and a variable changed; rounds are interleaved. What
lies on the hosts afterwards must be equal, and the recaps of the first two as well.

The peers come from PyPI into build/bench/peers, once.
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
from harness.fleet import Fleet  # noqa: E402
from measure import run  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = REPOSITORY / "build/bench/peers"
HOSTS = 24
FILES = 20
NOTHING, CHANGES = "nothing to do", "changes"
# (phase, peer, at least so many times as fast); "others" is the fastest of mitogen and pyinfra.
AIMS = ((NOTHING, "ansible", 30), (CHANGES, "ansible", 10),
        (NOTHING, "others", 3), (CHANGES, "others", 3))

UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep infinity
"""

TEMPLATES = {
    "service.conf": "# managed\nname = {{ inventory_hostname }}\nlevel = {{ level }}\n"
                    "{% for port in ports %}port = {{ port }}\n{% endfor %}",
    "environment": "LEVEL={{ level }}\nNAME={{ inventory_hostname | upper }}\n",
    "peers.txt": "{% for peer in peers %}{{ peer }}\n{% endfor %}",
}


class Contender:
    """Does the job below its own directory, with its own service."""

    def __init__(self, name, fleet, work):
        self.name, self.fleet = name, fleet
        self.work = Path(work) / name
        self.site = Path(work)
        self.work.mkdir()
        self.target = f"/srv/{name}"
        self.environment = dict(os.environ, HOME=str(self.work), LC_ALL="C.UTF-8")
        self.environment.pop("SSH_AUTH_SOCK", None)
        self.log = self.work / "log"
        self.log.touch()

    def variables(self):
        return {"target": self.target, "unit": f"job-{self.name}", "ports": [8000, 8001],
                "level": json.loads((self.site / "level.json").read_text()),
                "peers": [host.name for host in self.fleet.hosts]}

    def measure(self):
        self.log.write_text("")
        return run(self.fleet, self.command(), self.environment, self.log).wall

    def bad_lines(self):
        """What the last run says went wrong."""
        return re.findall(r"^.*(?:fatal|UNREACHABLE|FAILED|rror).*", self.log.read_text(), re.M)


class Playbook(Contender):
    """Those that run the playbook."""

    CONFIG = """\
[defaults]
forks = 50
timeout = 60
host_key_checking = True
interpreter_python = /usr/bin/python3
{more}
[ssh_connection]
pipelining = True
"""

    def __init__(self, name, fleet, work, program, more=""):
        super().__init__(name, fleet, work)
        self.program = program
        (self.work / "ansible.cfg").write_text(self.CONFIG.format(more=more))
        self.environment["ANSIBLE_CONFIG"] = str(self.work / "ansible.cfg")
        (self.work / "hosts.json").write_text(fleet.inventory())

    def command(self):
        play = {
            "hosts": "all", "gather_facts": False, "vars": self.variables(),
            "tasks": [
                {"name": "Directories", "loop": ["", "/etc", "/log"],
                 "file": {"path": "{{ target }}{{ item }}", "state": "directory", "mode": "0755"}},
                {"name": "Tree", "ansible.posix.synchronize": {
                    "src": f"{self.site}/tree/", "dest": "{{ target }}/tree/",
                    "use_ssh_args": True}, "notify": "restart"},
                {"name": "Templates", "loop": sorted(TEMPLATES), "notify": "restart",
                 "template": {"src": f"{self.site}/{{{{ item }}}}.j2", "mode": "0644",
                              "dest": "{{ target }}/etc/{{ item }}"}}],
            "handlers": [{"name": "restart",
                          "systemd": {"name": "{{ unit }}", "state": "restarted"}}]}
        path = self.work / "play.json"
        path.write_text(json.dumps([play]))
        return [*self.program, "-i", self.work / "hosts.json", path]

    def recap(self):
        """{host: counts} of the last run."""
        found = {}
        for line in self.log.read_text().splitlines():
            match = re.match(r"(\S+)\s+: (ok=.*)", line)
            if match:
                found[match[1]] = match[2].split()
        return found


class Pyinfra(Contender):
    """The same job in pyinfra's words."""

    DEPLOY = """\
from pyinfra import host
from pyinfra.operations import files, systemd
d = host.data
for name in ("", "/etc", "/log"):
    files.directory(path=d.target + name, mode="755")
results = [files.sync(src=d.site + "/tree", dest=d.target + "/tree")]
for name in d.names:
    results.append(files.template(src=d.site + "/" + name + ".j2", dest=d.target + "/etc/" + name,
                                  mode="644", inventory_hostname=host.name, level=d.level,
                                  ports=d.ports, peers=d.peers))
systemd.service(service=d.unit, running=True, restarted=True,
                _if=lambda: any(result.did_change() for result in results))
"""

    def command(self):
        data = dict(self.variables(), site=str(self.site), names=sorted(TEMPLATES))
        hosts = [(host.name, {"ssh_hostname": host.name, "ssh_user": "root",
                              "ssh_config_file": str(self.fleet.ssh_config)})
                 for host in self.fleet.hosts]
        (self.work / "inventory.py").write_text(f"hosts = ({hosts!r}, {data!r})\n")
        (self.work / "deploy.py").write_text(self.DEPLOY)
        return [PEERS / "bin/pyinfra", "-y", "--parallel", "50", self.work / "inventory.py",
                self.work / "deploy.py"]


def install_peers():
    if (PEERS / "bin/pyinfra").exists():
        return
    subprocess.run(["/usr/bin/python3", "-m", "venv", PEERS], check=True)
    subprocess.run([PEERS / "bin/pip", "install", "-q", "ansible", "mitogen", "pyinfra"],
                   check=True)


def make_contenders(fleet, work, options):
    strategies, = PEERS.glob("lib/*/site-packages/ansible_mitogen/plugins/strategy")
    ansible = [PEERS / "bin/ansible-playbook"]
    makers = {
        "ansible": lambda name: Playbook(name, fleet, work, ansible),
        "mitogen": lambda name: Playbook(
            name, fleet, work, ansible,
            f"strategy_plugins = {strategies}\nstrategy = mitogen_linear"),
        "pyinfra": lambda name: Pyinfra(name, fleet, work),
        "modelfleet": lambda name: Playbook(name, fleet, work, [options.program]),
    }
    return [makers[name](name) for name in options.only]


def change(work, number):
    """Another value of a variable, and another content of one file."""
    (work / "level.json").write_text(json.dumps(f"level-{number}"))
    (work / "tree/file-03.txt").write_text(f"changed {number}\n" * 100)


def make_site(work):
    (work / "tree").mkdir()
    for i in range(FILES):
        (work / f"tree/file-{i:02}.txt").write_text(f"file {i}\n" * 200)
    for name, text in TEMPLATES.items():
        (work / f"{name}.j2").write_text(text)
    change(work, 0)


def prepare_host(host, names):
    for name in names:
        host.run("tee", f"/etc/systemd/system/job-{name}.service", stdin=UNIT.encode())
    host.shell("systemctl daemon-reload")


def picture(host, target):
    """Every path below a target with mode, owner and content."""
    return host.shell(f"cd {target} && find . -printf '%p %y %m %u %g\\n' | sort && "
                      "find . -type f -print0 | sort -z | xargs -0 sha256sum")


def compare_ends(fleet, contenders):
    """Fails where two contenders left different things on a host."""
    for host in fleet.hosts:
        seen = {one.name: picture(host, one.target) for one in contenders}
        if len(set(seen.values())) > 1:
            for name, text in seen.items():
                print(f"--- {name}\n{text}")
            raise HarnessError(f"{host.name}: not the same on all hosts")
    recaps = {one.name: one.recap() for one in contenders if isinstance(one, Playbook)}
    if len({json.dumps(recap) for recap in recaps.values()}) > 1:
        raise HarnessError(f"the recaps differ: {recaps}")


def measure_all(fleet, contenders, work, runs):
    walls = {phase: {one.name: [] for one in contenders} for phase in (NOTHING, CHANGES)}
    for one in contenders:
        one.measure()
    compare_ends(fleet, contenders)
    for number in range(1, runs + 1):
        for phase in (NOTHING, CHANGES):
            if phase == CHANGES:
                change(work, number)
            for one in contenders:
                walls[phase][one.name].append(one.measure())
                print(f"  {one.name:<12}{phase:<15}{walls[phase][one.name][-1]:8.2f} s",
                      flush=True)
            compare_ends(fleet, contenders)
    return {phase: {name: statistics.median(found) for name, found in by_name.items()}
            for phase, by_name in walls.items()}


def table(medians):
    for phase, by_name in medians.items():
        print(f"\n{phase}")
        for name, wall in by_name.items():
            print(f"  {name:<12}{wall:8.2f} s")
    missed = False
    print(f"\n{'aim: run-playbook is faster by':<46}{'measured':>10}{'at least':>10}")
    for phase, peer, limit in AIMS:
        names = ("mitogen", "pyinfra") if peer == "others" else (peer,)
        found = [medians[phase][name] for name in names if name in medians[phase]]
        if not found or "modelfleet" not in medians[phase]:
            continue
        ratio = min(found) / medians[phase]["modelfleet"]
        missed = missed or ratio < limit
        print(f"{phase + ', than ' + ' and '.join(names):<46}{ratio:10.1f}{limit:10}  "
              f"{'MISSED' if ratio < limit else 'reached'}")
    return 2 if missed else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="samples of each (default 3)")
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--only", default="ansible,mitogen,pyinfra,modelfleet",
                        type=lambda text: text.split(","))
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/run-playbook")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build/bench/playbook.json")
    return parser.parse_args()


def main():
    options = parse()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    install_peers()
    try:
        with tempfile.TemporaryDirectory(dir=options.output.parent) as work, \
                Fleet.up(options.hosts, "bench") as fleet:
            make_site(Path(work))
            contenders = make_contenders(fleet, work, options)
            for host in fleet.hosts:
                prepare_host(host, options.only)
            try:
                medians = measure_all(fleet, contenders, Path(work), options.runs)
            except HarnessError:
                for one in contenders:
                    print(f"--- {one.name}", *one.bad_lines()[:3], sep="\n", file=sys.stderr)
                raise
    except HarnessError as error:
        print(f"playbook.py: {error}", file=sys.stderr)
        return 1
    code = table(medians)
    options.output.write_text(json.dumps({
        "machine": {"cpus": os.cpu_count(), "kernel": os.uname().release},
        "hosts": options.hosts, "medians": medians}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
