# SPDX-License-Identifier: Apache-2.0
"""Runs deploy-models as an operator would, and reads its JSON events."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

from . import HarnessError

OK, CANNOT_RUN, HOST_FAILED, ROLLED_BACK, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130


@dataclasses.dataclass
class Run:
    """One run of the program that has ended."""
    code: int
    stdout: str
    stderr: str

    @property
    def events(self):
        """The JSON events, in order."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    def _only(self, kind, **keys):
        found = [event for event in self.events if event["event"] == kind
                 and all(event.get(key) == value for key, value in keys.items())]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} events {kind} {keys} in:\n{self}")
        return found[0]

    @property
    def totals(self):
        """The event that ends the run."""
        return self._only("run_end")

    def host(self, name):
        """What became of a host."""
        return self._only("host_end", host=name)

    def model(self, host, model):
        """What became of a model on a host."""
        return self._only("model", host=host, model=model)

    def outcomes(self, host):
        """{model: outcome} of a host."""
        return {event["model"]: event["outcome"] for event in self.events
                if event["event"] == "model" and event["host"] == host}

    def __str__(self):
        return f"exit code {self.code}\n{self.stdout}{self.stderr}"


def program(name):
    """The path of a built program; MODELFLEET_BIN names the build's bin folder."""
    default = Path(__file__).resolve().parents[3] / "build/release/bin"
    path = Path(os.environ.get("MODELFLEET_BIN", default)) / name
    if not path.exists():
        raise HarnessError(f"{path} is not there: build first, or set MODELFLEET_BIN")
    return path


class Operator:
    """A person with a home of their own: caches, journal and keys do not meet anyone else's."""

    def __init__(self, home, inventory):
        self.home = Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.inventory = inventory
        self.environment = dict(os.environ, HOME=str(self.home), LC_ALL="C.UTF-8",
                                NO_COLOR="1")
        for name in ("SSH_AUTH_SOCK", "XDG_CACHE_HOME", "XDG_STATE_HOME", "ANSIBLE_CONFIG"):
            self.environment.pop(name, None)

    def command(self, *arguments):
        return [str(word) for word in
                (program("deploy-models"), "-i", self.inventory, *arguments)]

    def start(self, *arguments):
        """Starts a deploy and leaves it running; the caller ends it."""
        return subprocess.Popen(self.command("--json", *arguments), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment)

    def start_playbook(self, playbook, *arguments):
        """Starts a playbook and leaves it running; the caller ends it."""
        command = [program("run-playbook"), "-i", self.inventory, playbook, *arguments]
        return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment)

    def deploy(self, *arguments, timeout=120):
        """Runs `deploy-models --json` to its end."""
        return self._run(self.command("--json", *arguments), timeout)

    def deploy_text(self, *arguments, timeout=120):
        """The same as a person sees it: without --json."""
        return self._run(self.command(*arguments), timeout)

    def _run(self, command, timeout):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", env=self.environment,
                              timeout=timeout, check=False)
        if "Sanitizer" in done.stderr or done.returncode < 0:
            raise AssertionError(f"the program crashed: {done.returncode}\n{done.stderr}")
        return Run(done.returncode, done.stdout, done.stderr)


def finish(process, timeout=120):
    """Waits for a deploy that start() began."""
    stdout, stderr = process.communicate(timeout=timeout)
    return Run(process.returncode, stdout, stderr)
