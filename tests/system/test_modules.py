#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modules that need a whole host, against Ansible's own (tests/play/modules.py tells how).

A topic is tests/play/modules/host/TOPIC.yaml: `cases`, and if need be `before`, shell lines that
make the host ready, `disk`, the directories whose content is compared, and `needs`, a program
that this machine must have. Every topic has a freshly booted host. The answers of ansible-playbook
(2.14) are kept. What its modules need on a host and ours do not, `ansible_needs` names: packages
that are fetched and installed only where Ansible is asked; `packages` are those that both need.
To ask again:

    test_modules.py --ask TOPIC
"""

import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))

import modules  # noqa: E402
from harness import CannotBoot, program  # noqa: E402
from harness.deploy import program as built  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.root import archives, archives_lock  # noqa: E402

TOPICS = sorted(path.stem for path in Path(modules.MODULES, "host").glob("*.yaml"))
PICTURE = ("import json, os, sys, zlib\n" + inspect.getsource(modules.picture) +
           "print(json.dumps({d: picture(d) for d in sys.argv[1:]}))\n")


def disk(host, directories):
    """What lies in directories of a host."""
    return json.loads(host.run("python3", "-", *directories, stdin=PICTURE.encode()).stdout)


def do_runs(command, topic, fleet):
    """What a program says and leaves behind on a fresh host, run by run."""
    host = fleet.hosts[0]
    top = tempfile.mkdtemp(prefix="modules.")
    answers = {}
    try:
        playbook = modules.make_site(os.path.join(top, "site"), topic["cases"], None)
        inventory = Path(top, "hosts.json")
        inventory.write_text(fleet.inventory())
        host.shell("mkdir -p /srv/d\n" + topic.get("before", ""))
        for label, options in modules.RUNS:
            said = modules.run(command, playbook, "/srv/d", os.path.join(top, "out"), options,
                               ("-i", inventory))
            names = {top: "TOP", host.address: "ADDRESS",
                     str(fleet.ssh_config.parent): "FLEET"}
            answers[label] = {
                "results": modules.normal(said, names),
                "disk": modules.normal(disk(host, ["/srv/d", *topic.get("disk", [])]), names)}
    finally:
        shutil.rmtree(top)
    return answers


class ModulesTest(unittest.TestCase):
    def compare(self, name):
        topic = modules.read_cases(f"host/{name}")
        if topic.get("needs") and not shutil.which(topic["needs"]):
            self.skipTest(f"there is no {topic['needs']} on this machine")
        kept = modules.kept_answers(f"host/{name}", topic["cases"])
        try:
            fleet = Fleet.up(1, f"modules-{name}")
        except CannotBoot as reason:
            self.skipTest(str(reason))
        self.addCleanup(fleet.remove)
        try:
            give_packages(fleet.hosts[0], topic.get("packages", []))
        except CannotFetch as reason:
            self.skipTest(str(reason))
        ours = do_runs(built("run-playbook"), topic, fleet)
        self.assertEqual(modules.report(topic["cases"], ours, kept), 0)


def add_test(name):
    setattr(ModulesTest, f"test_{name}", lambda self: self.compare(name))


for topic_name in TOPICS:
    add_test(topic_name)


class CannotFetch(Exception):
    """This machine cannot fetch what a topic needs."""


def fetched(name):
    """The file of a package of this machine's Debian, which is fetched once."""
    with archives_lock():
        known = sorted(archives().glob(f"{name}_*.deb"))
        return known[-1] if known else fetch(name)


def fetch(name):
    with tempfile.TemporaryDirectory(prefix="modules.") as scratch:
        os.chmod(scratch, 0o777)
        done = subprocess.run(["apt-get", "download", "-q", name], cwd=scratch, check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotFetch(f"cannot fetch {name}: {done.stderr.strip()}")
        return Path(shutil.move(next(Path(scratch).glob("*.deb")), archives()))


def give_packages(host, names):
    """Installs packages on a host, whatever others they depend on."""
    if not names:
        return
    needs = host.root / "srv/needs"
    needs.mkdir()
    for name in names:
        shutil.copy(fetched(name), needs)
    host.shell("dpkg --install --force-depends /srv/needs/*.deb >&2; rm -r /srv/needs")


def ask(name):
    topic = modules.read_cases(f"host/{name}")
    fleet = Fleet.up(1, f"modules-{name}")
    try:
        give_packages(fleet.hosts[0],
                      topic.get("packages", []) + topic.get("ansible_needs", []))
        modules.keep(f"host/{name}", topic["cases"], do_runs("ansible-playbook", topic, fleet))
    finally:
        fleet.remove()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        ask(sys.argv[2])
    else:
        program.main()
