#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two instances of model-registryd over one PostgreSQL, behind one address."""

import threading
import unittest

from balancer import Balancer
from registry_case import MODELS, Client, RegistryCase

WRITERS = 8
WRITES = 10


class TwoInstancesTest(RegistryCase):
    store = "postgresql"

    def setUp(self):
        super().setUp()
        self.instances, self.asks, ports = [], [], []
        for _ in range(2):
            self.asks.append(self.start())
            self.instances.append(self.daemon)
            ports.append(self.port)
        self.balancer = Balancer(ports)
        self.addCleanup(self.balancer.server_close)
        self.addCleanup(self.balancer.shutdown)

    def ask(self, *request):
        """A request on a connection of its own: the next instance's."""
        client = Client(self.balancer.port)
        try:
            return client(*request)
        finally:
            client.close()

    def run_writers(self, work):
        """Runs work(number) in threads at once; what they raise is the test's failure."""
        failures = []

        def guarded(number):
            try:
                work(number)
            except Exception as why:  # of any kind: it is told below
                failures.append(repr(why))

        threads = [threading.Thread(target=guarded, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def await_same(self):
        """Both serve the same bytes, at last; the entries."""
        lists = [None, 0]

        def same():
            lists[:] = [ask("GET", MODELS).text for ask in self.asks]
            return lists[0] == lists[1]
        self.await_true(same, "two equal lists")
        return self.asks[0]("GET", MODELS).json["models"]

    def test_what_is_posted_to_one_shows_on_the_other(self):
        one, other = self.asks
        self.register(one, "a", 1)
        self.await_true(lambda: self.statuses(other, "a") == {1: "staging"}, "version 1")
        self.assertEqual(other("PUT", f"{MODELS}/a/1/activate").status, 200)
        self.await_true(lambda: self.statuses(one, "a") == {1: "production"}, "its activation")
        self.assertEqual(one("POST", MODELS, {"model_name": "a", "version": 1, "path": "p"}).status, 409)
        tags = {ask("GET", MODELS).headers["ETag"] for ask in self.asks}
        self.assertEqual(len(tags), 1)

    def test_a_change_is_refused_by_what_the_other_did(self):
        one, other = self.asks
        self.register(one, "a", 1)
        self.await_true(lambda: self.statuses(other, "a") == {1: "staging"}, "version 1")
        tag = other("GET", f"{MODELS}/a/1").headers["ETag"]
        self.assertEqual(one("PUT", f"{MODELS}/a/1/activate").status, 200)
        late = other("DELETE", f"{MODELS}/a/1")
        self.assertEqual(late.status, 409, late)  # however late it hears of it
        late = other("PUT", f"{MODELS}/a/1/archive", If_Match=tag)
        self.assertEqual(late.status, 412, late)

    def test_writers_at_both_lose_nothing(self):
        def work(number):
            for version in range(1, WRITES + 1):
                made = self.ask("POST", MODELS, {"model_name": f"m{number}", "version": version, "path": "p"})
                if made.status != 201:
                    raise AssertionError(made)
                shared = self.ask("POST", MODELS, {"model_name": "shared", "version": version, "path": "p"})
                if shared.status not in (201, 409):
                    raise AssertionError(shared)
                moved = self.ask("PUT", f"{MODELS}/shared/{version}/activate")
                if moved.status != 200:
                    raise AssertionError(moved)

        self.run_writers(work)
        entries = self.await_same()
        self.assertEqual(len(entries), (WRITERS + 1) * WRITES)
        self.assertEqual(sum(e["status"] == "production" for e in entries), 1)
        self.assertEqual(len({(e["model_name"], e["version"]) for e in entries}), len(entries))

    def test_one_that_is_killed_takes_nothing_along(self):
        told, killed = [], threading.Event()

        def work(number):
            for version in range(1, WRITES + 1):
                if number == 0 and version == WRITES // 2:
                    self.instances[0].kill()
                    killed.set()
                try:
                    made = self.ask("POST", MODELS, {"model_name": f"m{number}", "version": version, "path": "p"})
                except TimeoutError:
                    raise
                except OSError:  # the connection was to the one that is gone
                    continue
                except Exception:  # an answer that was cut
                    if not killed.is_set():
                        raise
                    continue
                if made.status != 201:
                    raise AssertionError(made)
                told.append((f"m{number}", version))

        self.run_writers(work)
        def all_are_there():
            entries = self.asks[1]("GET", MODELS).json["models"]
            return set(told) <= {(e["model_name"], e["version"]) for e in entries}
        self.await_true(all_are_there, "all that was told")
        self.assertGreater(len(told), WRITERS)
        again = self.start()
        self.assertEqual(again("GET", MODELS).text, self.asks[1]("GET", MODELS).text)


if __name__ == "__main__":
    unittest.main()
