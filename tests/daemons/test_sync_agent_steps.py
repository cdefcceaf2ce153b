#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent stopped before each change that it makes on disk, one after the other.

A preloaded object (fault_point.c) kills it, or lets the call fail. After each: every model is
whole, and the old or the new one; the next cycle brings all to the same end, with nothing left
over; the pipeline runs what the file's name leads to.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import unittest

from test_sync_agent import AGENT, PATIENCE, AgentCase, pt

SHIM = os.environ["FAULT_POINT"]
STEPS_MAX = 400
# What the pipeline loads when it is restarted; a line for each restart.
RESTART = "cp models/plates.pt running && echo x >> restarts"


class StepCase(AgentCase):
    """A device with version 1 of two models in use; the alias names version 2 of one."""

    DIRECTORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # fsync costs nothing there
    OLD, NEW, CAR = pt("one", 3000), pt("two", 5000), pt("car", 1000)

    def setUp(self):
        super().setUp()
        self.template = self.site / "template"
        self.mark = self.site / "mark"
        self.configure(keep_former=1, status_port=0,
                       on_update={"restart_command": RESTART},
                       models=[{"mlflow_name": "plates", "local_filename": "plates.pt"},
                               {"mlflow_name": "cars", "local_filename": "cars/car.pt"}])
        self.registry.publish("plates", {"best.pt": self.OLD})
        self.once(code=1)  # nobody has published a car
        self.registry.publish("plates", {"best.pt": self.NEW})
        self.registry.publish("cars", {"best.pt": self.CAR})

    def save(self):
        """What each step begins with."""
        shutil.copytree(self.models, self.template)

    def restore(self):
        shutil.rmtree(self.models)
        shutil.copytree(self.template, self.models)
        shutil.copy2(self.models / "plates.pt", self.site / "running")

    def faulty(self, step, *options, error=None, lasts=False):
        """Runs the agent to the fault; the call that it met, None when there was none left."""
        environment = {**os.environ, "LD_PRELOAD": SHIM, "FAULT_PROGRAM": "model-sync-agent",
                       "FAULT_BELOW": str(self.models), "FAULT_AT": str(step),
                       "FAULT_MARK": str(self.mark),
                       "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        if error:
            environment["FAULT_ERRNO"] = str(error)
        if lasts:
            environment["FAULT_LASTS"] = "1"
        self.mark.unlink(missing_ok=True)
        self.done = subprocess.run([AGENT, "--config", "config.yaml", *(options or ["--once"])],
                                   cwd=self.site, env=environment, text=True,
                                   capture_output=True, timeout=PATIENCE, check=False)
        return self.mark.read_text().strip() if self.mark.exists() else None

    def each_step(self, check, *options, error=None, lasts=False, code=0):
        """Calls check() after the agent has met its fault at each step, until it meets none."""
        for step in range(1, STEPS_MAX):
            self.restore()
            call = self.faulty(step, *options, error=error, lasts=lasts)
            if call is None:
                self.assertEqual(self.done.returncode, code, self.done.stderr)
                self.assertGreater(step, 10)
                return
            try:
                check()
            except AssertionError as wrong:
                raise AssertionError(f"at step {step}, {call}; it had said:\n"
                                     f"{self.done.stderr}") from wrong
        self.fail("there is no end of steps")

    def content(self, name):
        path = self.models / name
        return path.read_bytes() if path.exists() else None

    def names(self):
        """All that lies there; kept files without their number."""
        return sorted(str(path.relative_to(self.models)).replace(path.name, path.name[6:])
                      if path.parent.name == ".former" else str(path.relative_to(self.models))
                      for path in self.models.rglob("*"))

    def state(self):
        return json.loads((self.models / ".sync-state.json").read_text())

    def assert_whole(self):
        self.assertIn(self.content("plates.pt"), (self.OLD, self.NEW))
        self.assertIn(self.content("cars/car.pt"), (None, self.CAR))

    def assert_consistent(self, plates, version):
        """Files, manifest and pipeline agree, and no update is under way."""
        self.assertEqual(self.content("plates.pt"), plates)
        self.assertEqual(self.version(), version)
        self.assertEqual((self.site / "running").read_bytes(), plates)
        self.assertEqual(self.state()["pending"], [])


class UpdateTest(StepCase):
    def setUp(self):
        super().setUp()
        self.save()
        self.restore()
        self.once()
        self.expected = self.names()

    def assert_recovers(self):
        self.assert_whole()
        self.once()
        self.assert_consistent(self.NEW, 2)
        self.assertEqual(self.content("cars/car.pt"), self.CAR)
        self.assertEqual(self.version("cars/car.pt"), 1)
        self.assertEqual(self.names(), self.expected)

    def test_killed_before_each_step(self):
        self.each_step(self.assert_recovers)

    def assert_survived(self):
        self.assertIn(self.done.returncode, (0, 1))
        if not self.state()["pending"]:
            self.assertEqual(self.content("plates.pt"),
                             {1: self.OLD, 2: self.NEW}[self.version()])
        self.assert_recovers()

    def test_each_step_fails_once(self):
        self.each_step(self.assert_survived, error=errno.EIO)

    def test_the_disk_is_full_from_each_step_on(self):
        self.each_step(self.assert_survived, error=errno.ENOSPC, lasts=True)


class UnhealthyTest(StepCase):
    """The new version makes the pipeline unwell: it goes back, and is not tried again."""

    def setUp(self):
        super().setUp()
        self.configure(on_update={
            "restart_command": RESTART,
            "health": {"command": "! cmp -s running bad", "timeout_seconds": 0,
                       "stable_seconds": 0}})
        (self.site / "bad").write_bytes(self.NEW)
        self.save()

    def test_killed_before_each_step(self):
        self.each_step(self.assert_goes_back, code=1)

    def test_each_step_fails_once(self):
        self.each_step(self.assert_goes_back, error=errno.EIO, code=1)

    def assert_goes_back(self):
        self.assert_whole()
        self.once(code=None)  # may find it unwell yet
        self.once(code=None)  # may take what another had to wait for
        self.assert_consistent(self.OLD, 1)
        self.assertIn(("plates.pt", "2", "unhealthy"),
                      [(block["file"], block["version"], block["reason"])
                       for block in self.state()["blocked"]])
        restarts = self.restarts()
        self.once()
        self.assertEqual(self.restarts(), restarts)


class RollbackTest(StepCase):
    """--rollback is done or not done; neither version is lost."""

    def setUp(self):
        super().setUp()
        self.once()
        self.save()

    def test_killed_before_each_step(self):
        self.seen = set()
        self.each_step(self.assert_nothing_is_lost, "--rollback", "plates.pt")
        self.assertEqual(self.seen, {1, 2})

    def test_each_step_fails_once(self):
        self.seen = set()
        self.each_step(self.assert_nothing_is_lost, "--rollback", "plates.pt", error=errno.EIO)
        self.assertEqual(self.seen, {1, 2})

    def assert_nothing_is_lost(self):
        contents = {1: self.OLD, 2: self.NEW}
        self.assert_whole()
        self.once()
        version = self.version()
        self.seen.add(version)
        self.assert_consistent(contents[version], version)
        kept = [path.read_bytes() for path in (self.models / ".former").iterdir()]
        self.assertEqual(kept, [contents[3 - version]])
        self.once("--rollback", "plates.pt")
        self.assertEqual(self.version(), 3 - version)


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
