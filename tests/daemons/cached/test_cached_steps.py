#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-cached stopped before each change that it makes on its disk, one after the other.

A preloaded object (fault_point.c) kills it, or lets the call fail, while it takes version 2 in
place of version 1. Whatever the step: a start without the registry serves one of the two, whole,
and a start with it serves version 2, with nothing left over.
"""

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import subprocess
import time
import unittest

from cached_case import CACHED, PATIENCE, CachedCase

SHIM = os.environ["FAULT_POINT"]
STEPS_MAX = 200
CONTENTS = {"1": b"one" * 1000, "2": b"two" * 2000}


class StepCase(CachedCase):
    def setUp(self):
        super().setUp()
        self.state, self.template = self.site / "state", self.site / "template"
        self.mark = self.site / "mark"
        self.publish(CONTENTS["1"])
        self.start()
        self.wait_version(1)
        self.end()
        self.state.rename(self.template)
        self.publish(CONTENTS["2"])

    def spawn(self, step, error, lasts):
        environment = {**self.environ(), "LD_PRELOAD": SHIM, "FAULT_PROGRAM": "model-cached",
                       "FAULT_BELOW": str(self.state), "FAULT_AT": str(step),
                       "FAULT_MARK": str(self.mark), "ASAN_OPTIONS": "verify_asan_link_order=0"}
        if error:
            environment["FAULT_ERRNO"] = str(error)
        if lasts:
            environment["FAULT_LASTS"] = "1"
        with (self.site / "log").open("w") as log:
            self.daemon = subprocess.Popen([CACHED, "--config", "config.yaml"], cwd=self.site,
                                           stderr=log, env=environment)

    def settled(self):
        """The version that serves once the daemon has done what it can; None: it has ended."""
        deadline = time.monotonic() + PATIENCE
        while self.daemon.poll() is None:
            port = re.search(r"port (\d+)", self.log())
            try:
                self.port = int(port.group(1)) if port else None
                if port and (self.current() == "2" or self.update()["failures"] >= 4):
                    return self.current()
            except (OSError, http.client.HTTPException):
                pass  # it has just been killed
            if time.monotonic() > deadline:
                self.fail(self.log())
            time.sleep(0.01)
        return None

    def faulty(self, step, error=None, lasts=False):
        """Runs the daemon to the fault; self.call is the call that it met, None if there was none."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.template, self.state)
        self.mark.unlink(missing_ok=True)
        self.spawn(step, error, lasts)
        self.served = self.settled()
        if self.served:
            self.end()
        else:
            self.code = self.daemon.wait(PATIENCE)
            self.daemon = None
        self.call = self.mark.read_text().strip() if self.mark.exists() else None

    def each_step(self, check, **fault):
        for step in range(1, STEPS_MAX):
            self.faulty(step, **fault)
            if self.call is None:
                self.assertEqual(self.served, "2", self.log())
                self.assertGreater(step, 5)
                return
            with self.subTest(step=step, call=self.call):
                check()
        self.fail(f"more than {STEPS_MAX} steps")

    def check_disk(self):
        """What the index names is there and whole, and nothing else is."""
        index = json.loads((self.state / "index.json").read_text())
        for row in index["versions"]:
            content = (self.state / "blobs" / row["sha256"]).read_bytes()
            self.assertEqual(content, CONTENTS[row["version"]])
            self.assertEqual(hashlib.sha256(content).hexdigest(), row["sha256"])
        self.assertEqual({path.name for path in (self.state / "blobs").iterdir()},
                         {row["sha256"] for row in index["versions"]})

    def check_next_starts(self):
        self.registry.away = True
        self.start()
        self.wait(self.current)
        self.assertIn(self.current(), CONTENTS)
        self.end()
        self.check_disk()
        self.registry.away = False
        self.start()
        self.wait_version(2)
        self.end()
        self.check_disk()
        # What could not be removed goes with a start a day later.
        left = [path for path in (self.state / "staging").iterdir()
                if not (self.call == "unlink" and path.name.endswith(".info"))]
        self.assertEqual(left, [])
        self.assertEqual({path.name for path in self.state.iterdir()},
                         {"blobs", "index.json", "lock", "staging"})


class KilledTest(StepCase):
    def test_killed_before_each_step(self):
        def check():
            self.assertIsNone(self.served)
            self.assertEqual(self.code, -9)
            self.check_next_starts()

        self.each_step(check)


class ErrorTest(StepCase):
    def check(self):
        if self.served is None:  # before there was anything to serve
            self.assertEqual(self.code, 1)
            self.assertRegex(self.log(), r"\[ERROR\] .*(Input/output error|No space left)")
        else:
            self.assertEqual(self.served, "2", self.log())
        self.check_next_starts()

    def test_an_error_at_each_step(self):
        self.each_step(self.check, error=errno.EIO)


class FullDiskTest(StepCase):
    def test_a_disk_that_is_full_from_each_step_on(self):
        def check():
            if self.served is None:
                self.assertEqual(self.code, 1)
                self.assertRegex(self.log(), r"\[ERROR\] .*No space left")
            else:  # what was there serves on, or what had come before
                self.assertIn(self.served, CONTENTS)
            self.check_next_starts()

        self.each_step(check, error=errno.ENOSPC, lasts=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
