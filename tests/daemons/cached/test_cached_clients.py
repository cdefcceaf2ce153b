#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of the library, and the daemon that they get models from."""

import errno
import signal
import unittest

from cached_case import CachedCase


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


if __name__ == "__main__":
    unittest.main(verbosity=2)
