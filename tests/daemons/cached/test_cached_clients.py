#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of the library, and the daemon that they get models from."""

import errno
import pathlib
import signal
import socket
import sys
import threading
import unittest

from cached_case import CachedCase

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "docs/examples"))
import modelcache  # noqa: E402

# Of modelcache_open, while there is no daemon.
NO_DAEMON = (errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET)


class ClientTest(CachedCase):
    def leave(self, client):
        self.assertEqual(client.leave(), 0)

    def test_a_client_gets_what_is_current_before_and_after_a_swap(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        client = self.library_client()
        self.assertEqual(client.acquire("fraud"), "1 one")
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: client.acquire("fraud") == "2 two")
        self.assertEqual(client.acquire("fraud Production"), "2 two")
        self.assertEqual(client.acquire("fraud 1"), "1 one")
        self.leave(client)
        self.end()

    def test_an_old_version_comes_by_its_number(self):
        self.configure(retry_intervals=[3600])
        self.publish(b"one")
        self.publish(b"two")
        self.start()
        self.wait_version(2)
        client = self.library_client()
        self.assertEqual(client.acquire("fraud 1"), "1 one")
        self.assertEqual(self.current(), "2")
        # What does not exist is not asked for again and again.
        for _ in range(3):
            self.assertTrue(client.acquire("fraud 9").startswith(f"error {errno.ENOENT} "))
        self.assertEqual(self.registry.asked.count("/api/2.0/mlflow/model-versions/get"), 2)
        self.assertEqual(self.metric("model_cache_negative_total"), 2)
        self.leave(client)
        self.end()

    def test_an_old_version_comes_from_the_disk_while_the_registry_is_away(self):
        self.configure(cache_size=1)
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.publish(b"two")
        self.wait_version(2)
        self.registry.away = True
        self.configure(cache_size=2)
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: "read again" in self.log())
        client = self.library_client()
        self.assertEqual(client.acquire("fraud 1"), "1 one")
        self.assertEqual(self.current(), "2")
        self.leave(client)
        self.end()

    def test_an_old_version_takes_no_place_of_what_serves(self):
        self.configure(cache_size=1)
        self.publish(b"one")
        self.publish(b"two")
        self.start()
        self.wait_version(2)
        client = self.library_client()
        self.assertTrue(client.acquire("fraud 1").startswith(f"error {errno.EBUSY} "))
        self.assertEqual(client.acquire("fraud"), "2 two")
        self.leave(client)
        self.end()

    def test_a_stage_that_clients_asked_for_is_followed(self):
        self.publish(b"one")
        self.registry.aliases["fraud", "Staging"] = 1  # the same version as in Production
        self.start()
        self.wait_version(1)
        client = self.library_client()
        self.assertEqual(client.acquire("fraud Staging"), "1 one")
        self.registry.publish("fraud", {"model.pkl": b"two"}, alias="Staging")
        self.wait(lambda: client.acquire("fraud Staging") == "2 two")
        self.registry.publish("fraud", {"model.pkl": b"three"}, alias="Staging")
        self.wait(lambda: client.acquire("fraud Staging") == "3 three")
        self.assertEqual(client.acquire("fraud"), "1 one")
        del self.registry.aliases["fraud", "Staging"]  # while there is none the last serves on
        checks = self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual(client.acquire("fraud Staging"), "3 three")
        self.leave(client)
        self.end()

    def test_the_first_request_loads_what_is_allowed(self):
        self.configure(models=[], allow=["team-*"])
        self.publish(b"one", name="team-a")
        self.publish(b"other", name="other")
        self.start()
        client = self.library_client()
        self.assertEqual(client.acquire("team-a"), "1 one")
        self.assertTrue(client.acquire("other").startswith(f"error {errno.ENOENT} "))
        self.assertTrue(client.acquire("team-b").startswith(f"error {errno.ENOENT} "))
        self.assertEqual(self.versions(), {("team-a", "1")})
        self.leave(client)
        self.end()

    def test_what_is_in_use_is_not_evicted(self):
        self.configure(cache_size=1, models=[], allow=["*"])
        self.publish(b"one", name="a")
        self.publish(b"two", name="b")
        self.start()
        first, second = self.library_client(), self.library_client()
        self.assertEqual(first.acquire("a"), "1 one")
        self.assertTrue(second.acquire("b").startswith(f"error {errno.EBUSY} "))
        code, _, headers = self.ask("/models/reload?name=b", "POST")
        self.assertEqual((code, bool(headers["Retry-After"])), (503, True))
        self.assertGreaterEqual(self.metric("model_cache_refused_total"), 1)
        self.leave(first)
        self.wait(lambda: self.ask("/models/reload?name=b", "POST")[0] == 200)
        self.assertEqual(second.acquire("b"), "1 two")
        self.leave(second)
        self.end()

    def test_clients_go_on_while_the_daemon_is_away(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        client = self.library_client()
        self.assertEqual(client.acquire("fraud"), "1 one")
        self.kill()
        self.assertEqual(client.acquire("fraud"), "1 one")
        self.registry.away = True
        self.start()
        self.wait_version(1)
        self.assertEqual(self.library_client().acquire("fraud"), "1 one")
        self.leave(client)
        self.end()

    def test_a_restart_serves_the_disk_before_it_asks(self):
        """The registry takes requests and never answers; one thread does all the loads."""
        names = ["fraud", "spam", "mail"]
        for name in names:
            self.publish(name.encode(), name=name)
        self.configure(models=[{"mlflow_name": name} for name in names], loaders=1)
        self.start()
        for name in names:
            self.wait_version(1, name)
        self.kill()
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.configure(mlflow_uri=f"http://127.0.0.1:{silent.getsockname()[1]}")
        self.start()
        client = self.library_client()
        for name in reversed(names):
            self.assertEqual(client.acquire(name), f"1 {name}")
            self.assertEqual(client.acquire(f"{name} Production"), f"1 {name}")
        self.assertNotIn("ERROR", self.log())
        self.leave(client)
        self.end()


class RestartTest(CachedCase):
    """The daemon is killed and started again while clients come and stay."""

    RESTARTS = 12
    VISITORS = 4

    def visit(self, stop, visits, failures):
        """Connects anew for each model."""
        while not stop.is_set():
            try:
                cache = modelcache.Cache(str(self.site / "socket"))
            except OSError as error:
                if error.errno not in NO_DAEMON:
                    failures.append(error)
                continue
            with cache:
                try:
                    with cache.acquire("fraud") as model:
                        visits.append(bytes(model.data))
                except OSError as error:
                    if error.errno != errno.ENOTCONN:  # killed in the midst of it
                        failures.append(error)

    def stay(self, cache, stop, reads, failures):
        """Takes what it had before, again and again."""
        while not stop.is_set():
            try:
                with cache.acquire("fraud") as model:
                    reads.append(bytes(model.data))
            except OSError as error:
                failures.append(error)

    def test_what_is_on_the_disk_is_never_unknown(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.registry.away = True
        stop, visits, reads, failures = threading.Event(), [], [], []
        cache = modelcache.Cache(str(self.site / "socket"))
        self.addCleanup(cache.close)
        cache.acquire("fraud").release()
        threads = [threading.Thread(target=self.visit, args=(stop, visits, failures))
                   for _ in range(self.VISITORS)]
        threads.append(threading.Thread(target=self.stay, args=(cache, stop, reads, failures)))
        for thread in threads:
            thread.start()
        for _ in range(self.RESTARTS):
            self.kill()
            self.start()
            seen = len(visits)
            self.wait(lambda: len(visits) >= seen + self.VISITORS or failures)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(set(visits) | set(reads), {b"one"})
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
