#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/examples, run as their readers would."""

import hashlib
import os
import pathlib
import subprocess
import sys
import unittest

from cached_case import PATIENCE, CachedCase

EXAMPLES = pathlib.Path(__file__).parents[3] / "docs/examples"


class ExampleTest(CachedCase):
    def setUp(self):
        super().setUp()
        self.environment["MODELCACHE_SOCKET"] = str(self.site / "socket")
        self.environment["MODELCACHE_LIBRARY"] = os.environ["MODELCACHE_LIBRARY"]
        self.publish(b"one")
        self.start()
        self.wait_version(1)

    def expected(self, version, content):
        return (f"fraud version {version}, {len(content)} bytes, "
                f"{hashlib.sha256(content).hexdigest()}\n")

    def python(self, *words):
        return subprocess.run([sys.executable, EXAMPLES / "modelcache.py", *words], text=True,
                              capture_output=True, timeout=PATIENCE, check=False,
                              env=self.environ())

    def test_python_shows_a_model(self):
        self.assertEqual(self.python("fraud").stdout, self.expected(1, b"one"))
        self.assertEqual(self.python("fraud", "Production").stdout, self.expected(1, b"one"))

    def test_python_says_what_is_missing(self):
        failed = self.python("other")
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("other", failed.stderr)

    def test_c_shows_each_current_version(self):
        shown = subprocess.Popen([os.environ["SHOW_MODEL"], "fraud"], text=True,
                                 stdout=subprocess.PIPE, env=self.environ())
        self.addCleanup(shown.stdout.close)
        self.addCleanup(shown.wait, PATIENCE)
        self.addCleanup(shown.kill)
        self.assertEqual(shown.stdout.readline(), self.expected(1, b"one"))
        self.publish(b"other")
        self.assertEqual(shown.stdout.readline(), self.expected(2, b"other"))


if __name__ == "__main__":
    unittest.main()
