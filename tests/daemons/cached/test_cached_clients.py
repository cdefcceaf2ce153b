#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of the library, and the daemon that they get models from."""

import errno
import os
import subprocess
import unittest

from cached_case import PATIENCE, CachedCase


class ClientTest(CachedCase):
    def client(self):
        client = subprocess.Popen([os.environ["CACHE_CLIENT"], self.site / "socket"], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait, PATIENCE)
        self.addCleanup(client.kill)
        return client

    def acquire(self, client, words):
        client.stdin.write(words + "\n")
        client.stdin.flush()
        return client.stdout.readline().rstrip("\n")

    def leave(self, client):
        client.stdin.close()
        self.assertEqual(client.wait(PATIENCE), 0)

    def test_a_client_gets_what_is_current_before_and_after_a_swap(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        client = self.client()
        self.assertEqual(self.acquire(client, "fraud"), "1 one")
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: self.acquire(client, "fraud") == "2 two")
        self.assertEqual(self.acquire(client, "fraud Production"), "2 two")
        self.assertEqual(self.acquire(client, "fraud 1"), "1 one")
        self.leave(client)
        self.end()

    def test_the_first_request_loads_what_is_allowed(self):
        self.configure(models=[], allow=["team-*"])
        self.publish(b"one", name="team-a")
        self.publish(b"other", name="other")
        self.start()
        client = self.client()
        self.assertEqual(self.acquire(client, "team-a"), "1 one")
        self.assertTrue(self.acquire(client, "other").startswith(f"error {errno.ENOENT} "))
        self.assertTrue(self.acquire(client, "team-b").startswith(f"error {errno.ENOENT} "))
        self.assertEqual(self.versions(), {("team-a", "1")})
        self.leave(client)
        self.end()

    def test_what_is_in_use_is_not_evicted(self):
        self.configure(cache_size=1, models=[], allow=["*"])
        self.publish(b"one", name="a")
        self.publish(b"two", name="b")
        self.start()
        first, second = self.client(), self.client()
        self.assertEqual(self.acquire(first, "a"), "1 one")
        self.assertTrue(self.acquire(second, "b").startswith(f"error {errno.EBUSY} "))
        code, _, headers = self.ask("/models/reload?name=b", "POST")
        self.assertEqual((code, bool(headers["Retry-After"])), (503, True))
        self.assertGreaterEqual(self.metric("model_cache_refused_total"), 1)
        self.leave(first)
        self.wait(lambda: self.ask("/models/reload?name=b", "POST")[0] == 200)
        self.assertEqual(self.acquire(second, "b"), "1 two")
        self.leave(second)
        self.end()

    def test_clients_go_on_while_the_daemon_is_away(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        client = self.client()
        self.assertEqual(self.acquire(client, "fraud"), "1 one")
        self.kill()
        self.assertEqual(self.acquire(client, "fraud"), "1 one")
        self.registry.away = True
        self.start()
        self.wait_version(1)
        self.assertEqual(self.acquire(self.client(), "fraud"), "1 one")
        self.leave(client)
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
