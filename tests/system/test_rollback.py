#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rollback-model on real hosts: another version is current, committed, deployed and in use."""

import os
import subprocess

from harness import program
from harness.activation import DATA, FIRST, MODEL, SECOND, ActivationCase, brief
from harness.deploy import CANNOT_RUN, HOST_FAILED, OK, ROLLED_BACK, UNREACHABLE, Run, finish
from harness.deploy import program as built

THIRD = "2026-04-01"


class RollbackCase(ActivationCase):
    """Hosts that have two versions and run the second; the site lies in a git repository."""

    host_count = 2
    second = "fine"  # how the service takes to the second version

    def setUp(self):
        super().setUp()
        (self.operator.home / ".gitconfig").write_text(
            "[user]\n\tname = Anna\n\temail = anna@example.org\n[init]\n\tdefaultBranch = main\n")
        self.git("init", "-q")
        self.deploy()
        self.add_version(SECOND, "fine")
        self.deploy()
        (self.site.directory / ".gitignore").write_text("model_registry/\n")
        self.commit("the site")

    def git(self, *arguments, check=True):
        done = subprocess.run(["git", "-C", self.site.directory, *map(str, arguments)],
                              env=self.operator.environment, capture_output=True, text=True,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"git {arguments}: {done.stderr}")
        return done.stdout

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def commits(self):
        """The subjects of all commits, newest first."""
        return self.git("log", "--format=%s").splitlines()

    def command(self, *arguments):
        return [str(word) for word in
                (built("rollback-model"), "-i", self.site.inventory, *arguments)]

    def rollback(self, *arguments, code=OK, timeout=120):
        """Runs rollback-model as a person without a terminal would, and expects an exit code."""
        done = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", errors="replace",
                              env=self.operator.environment, timeout=timeout, check=False)
        run = Run(done.returncode, done.stdout, done.stderr)
        self.assertNotIn("Sanitizer", run.stderr, run)
        self.assertEqual(run.code, code, brief(run))
        return run

    def registry(self):
        """(current, previous) as the registry's file says it now."""
        path = self.site.inventory / "group_vars/all/model_registry.yaml"
        words = dict(line.split(":", 1) for line in path.read_text().splitlines() if "_version:" in line)
        return tuple(words[f"    {key}_version"].strip().strip('"') for key in ("current", "previous"))


class MoveTest(RollbackCase):
    def test_back_to_the_previous_version(self):
        run = self.rollback(MODEL, "--previous", "--yes", "--note", "it sees ghosts")
        for host in self.fleet.hosts:
            self.assert_version(host.name, FIRST)
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assertEqual(self.commits(), [f"Roll back {MODEL} to {FIRST}", "the site"])
        self.assertIn("it sees ghosts", self.git("log", "-1", "--format=%b"))
        self.assertEqual(self.git("status", "--porcelain"), "")
        self.assertIn(f"{SECOND} -> {FIRST} (the previous version)", run.stdout)


if __name__ == "__main__":
    program.main()
