# SPDX-License-Identifier: Apache-2.0
"""Tasks given to run-playbook on booted hosts, and what became of each."""

import json
import subprocess
import tempfile
from pathlib import Path

from .booted import BootedCase
from .deploy import Operator, Run, program


class PlaybookCase(BootedCase):
    """Booted hosts for all tests of a class; subclasses set `fleet_name`."""

    fleet_name = "playbook"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = tempfile.TemporaryDirectory(prefix="modelfleet-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.operator = Operator(cls.directory / "operator", None)

    def write(self, path, text, mode=0o644):
        """Writes a file of the host."""
        file = self.host.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def run_play(self, *tasks, user="root", options=(), **keywords):
        """Runs tasks as one play: the run."""
        inventory = self.directory / "hosts.json"
        inventory.write_text(self.fleet.inventory(user))
        playbook = self.directory / "playbook.yaml"
        play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}
        playbook.write_text(json.dumps([play]))
        return self._run([program("run-playbook"), "--json", "-i", inventory, *options, playbook])

    def play(self, *tasks, code=0, **keywords):
        """Runs tasks as one play; [(outcome, result)] of those that ran, in their order."""
        run = self.run_play(*tasks, **keywords)
        self.assertEqual(run.code, code, run)
        return [(event["outcome"], event["result"]) for event in run.events
                if event["event"] == "task"]

    def _run(self, command):
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", errors="replace",
                              env=self.operator.environment, timeout=600, check=False)
        if "Sanitizer" in done.stderr or done.returncode < 0:
            raise AssertionError(f"the program crashed: {done.returncode}\n{done.stderr}")
        return Run(done.returncode, done.stdout, done.stderr)

    def task(self, *arguments, **keywords):
        """The same for one task: (outcome, result)."""
        results = self.play(*arguments, **keywords)
        self.assertEqual(len(results), 1, results)
        return results[0]
