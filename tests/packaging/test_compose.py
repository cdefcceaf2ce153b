#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/examples/compose.yaml, read by the library that Docker Compose reads it with (compose-go).

Its command is built with Go once, below build/cache. Nothing is run: test_container.py runs the image.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/system"))

from harness import program  # noqa: E402

EXAMPLES = SOURCE / "docs/examples"
CACHE = SOURCE / "build/cache/compose"
VERSION = "2.1.6"
STATE = "/var/lib/model-registryd"
PATIENCE = 600  # seconds that only a hang reaches


def reader():
    """The program; SkipTest where it cannot be made."""
    made = CACHE / VERSION / "cmd"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            return made
        if not shutil.which("go"):
            raise unittest.SkipTest("compose-go is built with Go, which is not installed")
        module = f"github.com/compose-spec/compose-go/v2/cmd@v{VERSION}"
        with tempfile.TemporaryDirectory(dir=CACHE) as place:
            done = subprocess.run(["go", "install", module], cwd="/", capture_output=True, text=True,
                                  env={**os.environ, "GOBIN": place}, timeout=PATIENCE, check=False)
            if done.returncode:
                raise unittest.SkipTest(f"go cannot build compose-go: {done.stderr[-300:]}")
            made.parent.mkdir(exist_ok=True)
            os.rename(Path(place) / "cmd", made)
    return made


class ComposeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = reader()

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="modelfleet-compose.")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.text = (EXAMPLES / "compose.yaml").read_text()

    def read(self, text):
        """(code, errors, project) of a file with this text."""
        path = self.directory / "compose.yaml"
        path.write_text(text)
        done = subprocess.run([self.program, "-format", "json", path], cwd=self.directory,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stderr, json.loads(done.stdout or "null")

    def test_it_is_what_compose_reads(self):
        code, errors, project = self.read(self.text)
        self.assertEqual(code, 0, errors)
        self.assertEqual(list(project["services"]), ["registry"])
        service = project["services"]["registry"]
        self.assertTrue((EXAMPLES / service["build"]["dockerfile"]).exists())
        self.assertTrue(service["read_only"])
        self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertEqual([(p["published"], p["target"]) for p in service["ports"]], [("8080", 8080)])

    def test_entries_are_in_a_volume_that_it_declares(self):
        _, _, project = self.read(self.text)
        volumes = {v["target"]: v for v in project["services"]["registry"]["volumes"]}
        self.assertEqual(volumes[STATE]["type"], "volume")
        self.assertIn(volumes[STATE]["source"], project["volumes"])
        self.assertFalse(volumes[STATE].get("read_only"))
        settings = volumes["/etc/model-registryd/model_registryd.yaml"]
        self.assertEqual((settings["type"], settings["read_only"]), ("bind", True))

    def test_a_mistake_in_it_would_be_found(self):
        for right, wrong in (("read_only:", "read_onli:"), ("[ALL]", "{ALL: 1}"),
                             ("init: true", "init: [1]")):
            with self.subTest(wrong):
                self.assertIn(right, self.text)
                code, errors, _ = self.read(self.text.replace(right, wrong))
                self.assertNotEqual(code, 0, errors)


if __name__ == "__main__":
    program.main()
