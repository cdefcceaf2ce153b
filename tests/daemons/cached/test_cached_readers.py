#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Eight threads of a program that read all the time, while versions come and daemons go."""

import os
import select
import subprocess
import time
import unittest

from cached_case import PATIENCE, CachedCase

SIZE = 100_000


class ReadersTest(CachedCase):
    def setUp(self):
        super().setUp()
        self.configure(cache_size=1)
        self.put()
        self.start()
        self.wait_version(1)
        with (self.site / "readers").open("w") as errors:
            self.readers = subprocess.Popen(
                [os.environ["CACHE_READERS"], self.site / "socket", "fraud"], bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.addCleanup(self.readers.stdout.close)
        self.addCleanup(self.readers.wait, PATIENCE)
        self.addCleanup(self.readers.kill)
        self.seen = []
        self.await_read(1)

    def put(self):
        """The next version, whose bytes are its number's first digit."""
        number = len(self.registry.versions) + 1
        return self.publish(str(number)[:1].encode() * (SIZE + number))

    def await_read(self, version):
        """Waits until the readers have a version; they may have passed by others."""
        until = time.monotonic() + PATIENCE
        while version not in self.seen:
            if select.select([self.readers.stdout], [], [], 1)[0]:
                line = self.readers.stdout.readline()
                self.assertTrue(line, (self.site / "readers").read_text())
                self.seen.append(int(line))
            self.assertTrue(self.daemon.poll() is None and time.monotonic() < until, self.log())

    def leave(self):
        self.readers.stdin.close()
        reads, failed, wrong = map(int, self.readers.stdout.read().split()[-3:])
        self.assertEqual((self.readers.wait(PATIENCE), failed, wrong), (0, 0, 0),
                         (self.site / "readers").read_text())
        self.assertGreater(reads, 8)

    def test_versions_are_exchanged(self):
        for _ in range(10):
            version = self.put()
            self.get("/models/reload", "POST")
            self.await_read(version)
        self.assertEqual(self.metric("model_swaps_total"), 10)
        self.leave()
        self.wait(lambda: self.metric("model_cache_leaving_bytes") == 0)
        self.end()

    def test_the_daemon_is_killed_and_comes_back(self):
        for _ in range(3):
            self.kill()
            version = self.put()
            self.start()
            self.await_read(version)
        self.leave()
        self.end()

    def test_a_memory_that_holds_only_one(self):
        """Room for a version and a half: the former one has to go before the next can come."""
        self.configure(cache_size=5, cache_bytes=5 * SIZE // 2)
        self.daemon.send_signal(1)
        self.wait(lambda: "read again" in self.log())
        for _ in range(5):
            version = self.put()
            self.get("/models/reload", "POST")
            self.await_read(version)
        self.leave()
        self.assertLessEqual(self.metric("model_cache_bytes"), 5 * SIZE // 2)
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
