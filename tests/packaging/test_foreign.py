#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A deploy to nodes of another machine type: the engine asks them what they are, puts the right
helper there, and that does everything: models, deltas, configs, services, the way back.

Run by tests/node/foreign.py, which makes the kernel run that machine's programs. The nodes are
loopback nodes whose `uname -m` names the machine."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/system"))

from harness import program  # noqa: E402

BIN = Path(os.environ["MODELFLEET_BIN"])
HELPER = Path(os.environ["MODELFLEET_TEST_NODE"])
MACHINE = os.environ["MODELFLEET_TEST_MACHINE"]
NODES = 2


class ForeignDeployTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="modelfleet-foreign.")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        cls.demo_fleet("up", "--nodes", str(NODES))
        cls.addClassCleanup(cls.demo_fleet, "down")
        for home in cls.homes():
            cls.pretend(home)

    @classmethod
    def homes(cls):
        return sorted(cls.directory.glob("fleet/nodes/*/home"))

    @staticmethod
    def pretend(home, machine=MACHINE):
        """From now on the node's `uname -m` says that it is another machine."""
        uname = home / "bin/uname"
        uname.parent.mkdir(exist_ok=True)
        uname.write_text(f"#!/bin/sh\n[ \"$1\" = -m ] && echo {machine} || exec /bin/uname \"$@\"\n")
        uname.chmod(0o755)
        session = home.parent / "session"
        text = session.read_text()
        if "HOME/bin" not in text:
            session.write_text(text.replace("export ", 'export PATH="$HOME/bin:$PATH"\nexport ', 1))

    @classmethod
    def demo_fleet(cls, command, *arguments):
        done = subprocess.run([SOURCE / "scripts/demo-fleet", command, cls.directory, *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def deploy(self, code, *options):
        """What deploy-models says; engine and nodes know nothing of each other but this run."""
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.directory / "cache"),
                       "XDG_STATE_HOME": str(self.directory / "state")}
        done = subprocess.run(
            [BIN / "deploy-models", "-i", self.directory / "site/inventory", *options],
            env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_1_everything_comes_to_the_nodes(self):
        self.assertIn(f"{NODES} changed", self.deploy(0))
        self.demo_fleet("verify")
        for home in self.homes():
            helpers = list((home / ".cache/modelfleet").glob("node-*"))
            self.assertEqual([path.read_bytes() for path in helpers], [HELPER.read_bytes()])

    def test_2_nothing_comes_twice(self):
        self.assertIn(f"{NODES} unchanged", self.deploy(0))

    def test_3_a_delta_is_applied(self):
        self.demo_fleet("bump")
        events = [json.loads(line) for line in self.deploy(0, "--json").splitlines()]
        self.assertEqual(events[-1]["deltas_made"], 1, events[-1])
        self.assertLess(events[-1]["bytes_sent"], 1_000_000)
        self.demo_fleet("verify")

    def test_4_a_version_that_does_not_live_goes_back(self):
        self.demo_fleet("spoil")
        self.assertIn(f"{NODES} went back", self.deploy(3))
        self.demo_fleet("unspoil")
        self.deploy(0)

    def test_5_a_machine_without_a_helper_is_named(self):
        """An ARMv6 board: the helper for armhf needs ARMv7."""
        home = self.homes()[0]
        for helper in (home / ".cache/modelfleet").glob("node-*"):
            helper.unlink()
        self.pretend(home, "armv6l")
        said = self.deploy(4, "--limit", "node1")
        self.assertIn("armv6l", said)
        self.assertIn("helpers here are for Linux on", said)
        self.assertIn(HELPER.parent.name, said)


if __name__ == "__main__":
    program.main()
