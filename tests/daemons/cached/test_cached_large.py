#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model of more than 4 GiB, from a directory through the daemon and the socket to a program.

Only with MODELFLEET_LARGE=1: it takes 5 GiB of memory, as many on the disk, and minutes.
"""

import hashlib
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from cached_case import PATIENCE, DaemonCase

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "docs/examples"))
import modelcache  # noqa: E402

GIB = 1 << 30
MARKS = {0: b"begin", 2 * GIB - 2: b"2 GiB", 4 * GIB - 2: b"4 GiB", 4 * GIB + 8192: b"end"}
SIZE = 4 * GIB + 8192 + 3
PIECE = 1 << 24


def missing():
    """What the machine lacks; None."""
    if os.environ.get("MODELFLEET_LARGE") != "1":
        return "only with MODELFLEET_LARGE=1"
    memory = pathlib.Path("/proc/meminfo").read_text()
    available = int(memory.split("MemAvailable:")[1].split()[0]) << 10
    if available < 8 * GIB:
        return "less than 8 GiB of memory are free"
    if shutil.disk_usage(tempfile.gettempdir()).free < 12 * GIB:
        return "less than 12 GiB of disk are free"
    return None


def digest(pieces):
    whole = hashlib.sha256()
    for piece in pieces:
        whole.update(piece)
    return whole.hexdigest()


class LargeTest(DaemonCase):
    patience = 10 * PATIENCE

    def setUp(self):
        super().setUp()
        version = self.site / "store" / "large" / "2026-01-05"
        version.mkdir(parents=True)
        self.file = version / "model.bin"
        with self.file.open("wb") as out:
            for place, text in MARKS.items():
                out.seek(place)
                out.write(text)
        self.assertEqual(self.file.stat().st_size, SIZE)
        self.configure(models=[{"name": "large", "source": "directory", "uri": "store"}])

    def source_digest(self):
        with self.file.open("rb") as source:
            return digest(iter(lambda: source.read(PIECE), b""))

    def test_sizes_and_places_beyond_32_bits(self):
        self.start()
        self.wait(lambda: self.current("large"))
        expected = self.source_digest()
        (row,) = self.get("/models")["models"]
        self.assertEqual((row["size"], row["sha256"]), (SIZE, expected))
        self.assertEqual(self.metric("model_cache_bytes"), SIZE)
        with modelcache.Cache(str(self.site / "socket")) as cache, cache.acquire("large") as model:
            self.assertEqual((model.size, model.sha256), (SIZE, expected))
            for place, text in MARKS.items():
                self.assertEqual(bytes(model.data[place:place + len(text)]), text)
            self.assertEqual(digest(model.data[at:at + PIECE] for at in range(0, SIZE, PIECE)),
                             expected)
        self.kill()
        self.file.unlink()
        self.start()
        self.wait(lambda: self.current("large"))
        self.assertEqual(self.get("/models")["models"][0]["sha256"], expected)
        self.end()

    def test_it_does_not_fit_by_its_lower_32_bits(self):
        self.configure(cache_bytes=GIB)
        self.start()
        self.wait(lambda: self.update("large")["failures"])
        self.assertIsNone(self.current("large"))
        self.assertIn(str(SIZE), self.update("large")["last_error"])
        self.end()


if __name__ == "__main__":
    if missing():
        print(missing())
        sys.exit(77)
    unittest.main(verbosity=2)
