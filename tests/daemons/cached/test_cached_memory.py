#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-cached in a control group whose limit is below what its models have: models go, and the
kernel kills nobody."""

import errno
import os
import pathlib
import random
import subprocess
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).parents[2] / "system"),
                str(pathlib.Path(__file__).parents[3] / "docs/examples")]

from cached_case import PATIENCE, CachedCase  # noqa: E402
from harness import program  # noqa: E402
from memory_group import MemoryGroup  # noqa: E402
import modelcache  # noqa: E402

MIB = 1 << 20
SIZE = 16 * MIB     # of a model
MODELS = 12
LIMIT = MODELS * SIZE * 60 // 100
CLIENTS = 4
# Takes so many MiB step by step, so slowly that the kernel, which adds up every two seconds only,
# and a daemon on a busy machine can follow; says when it has them.
HUNGRY = """
import sys, time
kept = []
for _ in range(int(sys.argv[1])):
    kept.append(b"x" * (1 << 20))
    time.sleep(0.2)
print("full", flush=True)
sys.stdin.read()
"""


def content(word):
    """A model that says at its begin and its end which one it is."""
    return word.encode().ljust(64, b".") + bytes(SIZE - 128) + word.encode().rjust(64, b".")


class MemoryCase(CachedCase):
    limit = LIMIT

    def setUp(self):
        super().setUp()
        # The sanitizer would keep what was freed.
        options = os.environ.get("ASAN_OPTIONS", "")
        self.environment["ASAN_OPTIONS"] = f"{options}:quarantine_size_mb=1"
        self.group = self.make_group()
        self.prefix = self.group.prefix()
        self.addCleanup(self.kill)  # before the group goes
        self.names = [f"model-{number}" for number in range(MODELS)]
        self.configure(models=[], allow=["*"], cache_size=1000, update_interval_seconds=1)

    def make_group(self):
        return MemoryGroup(self, "cached", self.limit)

    def publish_word(self, name, word=None):
        return self.publish(content(word or name), name=name)

    def open(self):
        cache = modelcache.Cache(str(self.site / "socket"))
        self.addCleanup(cache.close)
        return cache

    def held(self):
        return int(self.metric("model_cache_bytes"))

    def assert_nobody_was_killed(self):
        self.assertEqual(self.group.kills(), 0)
        self.assertIsNone(self.daemon.poll(), self.log())


class LimitTest(MemoryCase):
    def use(self, seed, rounds, failures):
        """A client that takes models at random, a few at a time."""
        luck = random.Random(seed)
        with modelcache.Cache(str(self.site / "socket")) as cache:
            for _ in range(rounds):
                name = luck.choice(self.names)
                try:
                    with cache.acquire(name) as model:
                        told = (bytes(model.data[:64]).strip(b"."), bytes(model.data[-64:]).strip(b"."))
                        if told[0] != told[1] or not told[0].startswith(name.encode()):
                            failures.append((name, told))
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        failures.append((name, error))

    def test_many_clients_and_updates(self):
        for name in self.names:
            self.publish_word(name)
        self.configure(models=[{"mlflow_name": name, "pinned": True} for name in self.names[:2]])
        self.start()
        failures = []
        threads = [threading.Thread(target=self.use, args=(seed, 40, failures))
                   for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        version = 1
        while any(thread.is_alive() for thread in threads):
            version += 1
            for name in self.names[:3]:
                self.publish_word(name, f"{name} {version}")
            threads[0].join(1)
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [], self.log()[-3000:])
        self.assertGreater(self.metric("model_cache_evictions_total"), 0)
        self.assertLess(self.metric("model_cache_limit_bytes"), LIMIT)
        self.wait(lambda: self.held() > SIZE)  # the kernel tells of freed memory by and by
        self.assert_nobody_was_killed()
        self.end()

    def has_place(self, cache, name):
        try:
            cache.acquire(name).release()
        except OSError as error:
            self.assertEqual(error.errno, errno.EBUSY)
            return False
        return True

    def test_start_with_more_on_the_disk_than_fits(self):
        for name in self.names:
            self.publish_word(name)
        self.configure(models=[{"mlflow_name": name} for name in self.names], loaders=8)
        self.start()
        for name in self.names:  # there may be no place while all the others are loaded
            self.wait(lambda: self.ask(f"/models/reload?name={name}", "POST")[0] == 200)
        for _ in range(2):
            self.kill()
            self.registry.away = True
            self.start()
            cache = self.open()
            self.wait(lambda: self.has_place(cache, self.names[-1]))
            self.wait(lambda: all(row["checks"] for row in
                                  self.get("/models/updates/status")["models"]))
            self.wait(lambda: self.has_place(cache, self.names[0]) and self.held() > SIZE)
            self.assertEqual(self.group.kills(), 0)
        self.end()

    def take_all(self, cache, taken):
        """Takes what can be had of all models in hand; why it ends."""
        try:
            for name in self.names[len(taken):]:
                taken.append(cache.acquire(name))
        except OSError as error:
            return error.errno
        return None

    def test_in_use_is_all_that_there_is_memory_for(self):
        for name in self.names:
            self.publish_word(name)
        self.start()
        cache, taken = self.open(), []
        self.wait(lambda: self.take_all(cache, taken) == errno.EBUSY and len(taken) > 2)
        # One that is in use is not exchanged either where there is no memory for two of it.
        self.publish_word(self.names[0], f"{self.names[0]} newer")
        self.wait(lambda: self.current(self.names[0]) == "2" or "no place for it" in
                  (self.update(self.names[0])["last_error"] or ""))
        self.assertEqual(bytes(taken[0].data[:64]).strip(b"."), self.names[0].encode())
        for model in taken:
            model.release()
        self.wait_version(2, self.names[0])
        self.assert_nobody_was_killed()
        self.end()

    def test_large_is_what_does_not_fit_alone(self):
        self.publish_word("small")
        self.publish(bytes(LIMIT), name="large")
        self.start()
        self.assertEqual(self.ask("/models/reload?name=small", "POST")[0], 200)
        with self.assertRaises(OSError) as refused:
            self.open().acquire("large")
        self.assertEqual(refused.exception.errno, errno.EFBIG)
        self.assertIn("raise MemoryMax", str(refused.exception))
        self.assertEqual(self.current("small"), "1")
        self.assert_nobody_was_killed()
        self.end()


class NeighbourTest(MemoryCase):
    """The limit is that of a group above, which has another service, too."""

    def make_group(self):
        self.slice = MemoryGroup(self, "slice", self.limit)
        self.slice.share()
        self.neighbours = MemoryGroup(self, "neighbour", above=self.slice)
        return MemoryGroup(self, "cached", above=self.slice)

    def fill(self):
        """Has all loaded, one after the other; how much is held then."""
        for name in self.names:
            self.ask(f"/models/reload?name={name}", "POST")
        return self.held()

    def test_neighbours_get_what_they_need(self):
        for name in self.names:
            self.publish_word(name)
        self.start()
        self.wait(lambda: self.fill() > LIMIT // 2)
        hungry = subprocess.Popen(
            [*self.neighbours.prefix(), sys.executable, "-c", HUNGRY, str(LIMIT // 2 // MIB)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(hungry.communicate, timeout=PATIENCE)
        self.assertEqual(hungry.stdout.readline(), "full\n")
        self.assertLessEqual(self.held(), LIMIT // 2)
        hungry.communicate(timeout=PATIENCE)
        self.assertEqual(hungry.returncode, 0)
        self.wait(lambda: self.metric("model_cache_limit_bytes") > LIMIT // 2)
        for group in (self.slice, self.neighbours):
            self.assertEqual(group.kills(), 0)
        self.assert_nobody_was_killed()
        self.end()


if __name__ == "__main__":
    program.main()
