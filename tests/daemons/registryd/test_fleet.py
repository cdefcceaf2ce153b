#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fleet as it is reported to the service: `test_fleet.py STORE`."""

import hashlib
import json
import sys
import unittest

from fleet_case import FLEET, Watch, look, model, rollout, seen, start_of
from registry_case import RegistryCase

STORE = sys.argv.pop() if sys.argv[-1] in ("json", "sqlite", "postgresql") else "json"


class FleetCase(RegistryCase):
    store = STORE

    def setUp(self):
        super().setUp()
        self.ask = self.start()

    def post(self, batch, client=None):
        return (client or self.ask)("POST", f"{FLEET}/events", batch)

    def take(self, batch, taken=None):
        answer = self.post(batch)
        self.assertEqual(answer.status, 200, answer)
        if taken is not None:
            self.assertEqual(answer.json["taken"], taken)

    def states(self):
        return {(m["host"], m["model"]): m for m in self.ask("GET", FLEET).json["models"]}

    def state(self, host, name="face"):
        return self.states()[host, name]

    def hosts(self):
        return {h["host"]: h for h in self.ask("GET", FLEET).json["hosts"]}

    def rollout(self, name="r1"):
        return self.ask("GET", f"{FLEET}/rollouts/{name}").json

    def watch(self, port=None, **more):
        watch = Watch(port or self.port, **more)
        self.addCleanup(watch.close)
        return watch


class LookTest(FleetCase):
    def test_what_was_seen_is_what_is_told(self):
        self.take({"events": [look("h1", seen(runs=["2026-01-01"], state="runs other", drift=2,
                                              drifted=["a", "b"]),
                                   services=[{"service": "x", "active": "active"}])]}, 1)
        state = self.state("h1")
        self.assertEqual((state["version"], state["wanted"], state["state"]),
                         ("2026-01-01", "2026-02-01", "runs other"))
        self.assertEqual((state["drift"], state["drifted"]), (2, ["a", "b"]))
        self.assertEqual(self.hosts()["h1"]["health"], "healthy")

    def test_a_version_is_what_runs_else_what_is_there(self):
        self.take({"events": [look("h1", seen("a"), seen("b", "absent", there=["2026-01-05"]),
                                   seen("c", "absent"))]})
        self.assertEqual([self.state("h1", name)["version"] for name in "abc"],
                         ["2026-02-01", "2026-01-05", None])

    def test_of_a_host_that_is_away_stays_what_was_known(self):
        self.take({"events": [look("h1", seen())]})
        self.take({"events": [look("h1", state="away", error={"text": "no route"})]})
        self.assertEqual((self.hosts()["h1"]["state"], self.hosts()["h1"]["error"]),
                         ("away", "no route"))
        self.assertEqual(self.state("h1")["state"], "ok")

    def test_a_service_that_is_down_is_no_health(self):
        self.take({"events": [look("h1", seen(), services=[
            {"service": "x", "active": "active"}, {"service": "y", "active": "failed"}])]})
        self.assertEqual(self.hosts()["h1"]["health"], "unhealthy")

    def test_older_news_change_nothing(self):
        self.take({"events": [look("h1", seen(), time="2026-02-02T10:00:00Z")]})
        self.take({"events": [look("h1", seen(state="absent"), time="2026-02-01T10:00:00Z",
                                   state="differs")]})
        self.assertEqual((self.state("h1")["state"], self.hosts()["h1"]["state"]),
                         ("ok", "as_wanted"))

    def test_a_time_to_come_is_now(self):
        self.take({"events": [look("h1", seen(), time="2999-01-01T00:00:00Z")]})
        self.assertLess(self.state("h1")["seen"], "2999")

    def test_another_version_in_production_is_behind(self):
        self.stop()
        version = self.site / "store/face/2026-03-01"
        version.mkdir(parents=True)
        (version / "m.onnx").write_text("two")
        self.settings["site"] = {"store": str(self.site / "store")}
        self.ask = self.start()
        self.register(self.ask, "face", 2, date="2026-03-01")
        self.take({"events": [look("h1", seen())]})
        self.assertEqual((self.state("h1")["state"], self.state("h1")["production"]), ("ok", None))
        self.ask("PUT", "/api/v1/registry/models/face/2/activate")
        self.assertEqual((self.state("h1")["state"], self.state("h1")["production"]),
                         ("behind", "2026-03-01"))

    def test_a_host_is_forgotten(self):
        self.take({"events": [look("h1", seen()), look("h2", seen())]})
        self.assertEqual(self.ask("DELETE", f"{FLEET}/hosts/h1").status, 204)
        self.assertEqual((list(self.hosts()), list(self.states())), (["h2"], [("h2", "face")]))
        self.assert_problem(self.ask("DELETE", f"{FLEET}/hosts/h1"), 404, "h1")


class RolloutTest(FleetCase):
    def test_each_host_goes_its_way(self):
        self.take(rollout("r1", start_of("h1", "h2", "h3")), 1)
        self.assertEqual([h["state"] for h in self.rollout()["hosts"]], ["waiting"] * 3)
        self.take(rollout("r1", {"event": "host_start", "host": "h1"},
                          {"event": "phase", "host": "h1", "phase": "sync"}, first=1))
        self.assertEqual([(h["state"], h["phase"]) for h in self.rollout()["hosts"]],
                         [("running", "sync"), ("waiting", None), ("waiting", None)])
        self.take(rollout("r1", model("h1"), {"event": "host_end", "host": "h1",
                                              "state": "changed"},
                          {"event": "host_end", "host": "h2", "state": "failed",
                           "error": {"text": "no space"}},
                          {"event": "run_end", "exit_code": 2}, first=3))
        seen_now = self.rollout()
        self.assertEqual([h["state"] for h in seen_now["hosts"]], ["changed", "failed", "waiting"])
        self.assertEqual(seen_now["hosts"][0]["models"],
                         [{"model": "face", "version": "2026-02-01", "outcome": "sent"}])
        self.assertEqual(seen_now["hosts"][1]["error"], "no space")
        self.assertEqual({k: seen_now["rollout"][k] for k in (
            "state", "exit_code", "hosts", "done", "failed", "by", "name", "silent")},
            {"state": "failed", "exit_code": 2, "hosts": 3, "done": 1, "failed": 1,
             "by": "ada@admin", "name": "deploy", "silent": False})

    def test_what_came_is_the_state_of_the_host(self):
        for outcome, state in (("sent", "ok"), ("current", "ok"), ("drifted", "drifted"),
                               ("failed", "failed")):
            with self.subTest(outcome):
                self.take(rollout(f"r-{outcome}", start_of("h1"), model("h1", outcome)))
                self.assertEqual(self.state("h1")["state"], state)

    def test_a_host_that_went_back_does_not_have_the_version(self):
        self.take(rollout("r1", start_of("h1"), model("h1"),
                          {"event": "host_end", "host": "h1", "state": "rolled_back",
                           "undo": "healthy"}))
        self.assertEqual((self.state("h1")["state"], self.state("h1")["version"]),
                         ("rolled_back", None))
        self.assertEqual(self.hosts()["h1"]["health"], "healthy")

    def test_a_batch_that_comes_again_does_nothing(self):
        batch = rollout("r1", start_of("h1"), model("h1"))
        self.take(batch, 2)
        self.take(batch, 0)
        self.take(rollout("r1", model("h1"), model("h1", name="plates"), first=1), 1)
        self.assertEqual([m["model"] for m in self.rollout()["hosts"][0]["models"]],
                         ["face", "plates"])

    def test_the_newest_hundred_are_kept(self):
        for i in range(103):
            self.take(rollout(f"r{i}", start_of("h1")))
        names = [r["id"] for r in self.ask("GET", f"{FLEET}/rollouts").json["rollouts"]]
        self.assertEqual(names, [f"r{i}" for i in range(102, 2, -1)])
        self.assertEqual(self.ask("GET", f"{FLEET}/rollouts/r1").status, 404)

    def test_what_is_not_known_is_passed_over(self):
        self.take(rollout("r1", start_of("h1"), {"event": "task", "host": "h1", "result": {}},
                          {"event": "host", "host": "h1", "state": "away"}), 1)
        self.assertEqual(self.hosts(), {})


class RefusalTest(FleetCase):
    def test_a_batch_is_taken_as_a_whole_or_not_at_all(self):
        answer = self.post(rollout("r1", start_of("h1"), {"event": "phase", "host": ""}))
        self.assert_problem(answer, 422, "events[1]: phase: host")
        self.assertEqual(self.ask("GET", f"{FLEET}/rollouts").json["rollouts"], [])

    def test_fields_are_named(self):
        self.assert_problem(self.post({"rollout": 7, "name": "x" * 300, "first": -1, "events": [1]}),
                            422, fields=["rollout", "name", "first", "events"])

    def test_limits(self):
        self.assert_problem(self.post({"events": [look("h1")] * 1001}), 422, "1000")
        self.assert_problem(self.post(rollout("r", start_of("x" * 256))), 422, "hosts[0]")

    def test_a_body_that_is_too_long_is_not_read(self):
        connection = self.client().connection
        connection.putrequest("POST", f"{FLEET}/events")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "5000000")
        connection.endheaders()
        self.assertEqual(connection.getresponse().status, 413)

    def test_not_json(self):
        self.assertEqual(self.post("{").status, 400)

    def test_strings_that_databases_do_not_take(self):
        answer = self.post({"events": [look("h\0x", seen())]})
        self.assertIn(answer.status, (200, 422), answer)
        self.assertEqual(self.ask("GET", FLEET).status, 200)

    def test_reading_does_not_suffice_to_report(self):
        key = hashlib.sha256(b"secret").hexdigest()
        self.stop()
        self.settings["access"] = {"keys": [{"name": "screen", "sha256": key, "role": "read"}]}
        self.start()
        reader = self.client(X_API_Key="secret")
        self.assert_problem(self.post({"events": []}, reader), 403, "write")
        self.assertEqual(reader("GET", FLEET).status, 200)
        self.assertEqual(self.client()("GET", FLEET).status, 401)
        self.assertEqual(Watch(self.port).response.status, 401)


class EventTest(FleetCase):
    def test_events_are_told_as_they_come(self):
        watch = self.watch()
        self.assertEqual(watch.next()[:2], ("hello", "0"))
        self.take(rollout("r1", start_of("h1"), {"event": "phase", "host": "h1", "phase": "sync"}))
        self.assertEqual(watch.next()[:2], ("rollout", "1"))
        name, number, data = watch.next()
        self.assertEqual((name, number, json.loads(data)), ("rollout", "2", {
            "event": "phase", "host": "h1", "phase": "sync", "rollout": "r1"}))
        self.take({"events": [look("h9", seen())]})
        self.assertEqual(json.loads(watch.next()[2])["host"], "h9")

    def test_who_comes_again_gets_what_was_missed(self):
        self.take(rollout("r1", start_of("h1"), model("h1"), model("h1", name="b")))
        first = self.watch()
        self.assertEqual(first.next()[1], "3")
        again = self.watch(last=1)
        self.assertEqual([again.next()[1] for _ in range(3)], ["2", "3", "3"])

    def test_nothing_is_lost_between_what_was_missed_and_what_comes(self):
        self.take(rollout("r", start_of("h1")))
        watches, posted = [], 1
        for i in range(10):
            self.take(rollout("r", *[model("h1", name=f"m{i}-{k}") for k in range(5)],
                              first=posted))
            posted += 5
            watches.append(self.watch(last=1))
        for watch in watches:
            numbers = []
            while not numbers or numbers[-1] < posted:
                name, number, _ = watch.next()
                if name == "rollout":
                    numbers.append(int(number))
            self.assertEqual(numbers, list(range(2, posted + 1)))

    def test_an_activation_is_told(self):
        watch = self.watch()
        watch.next()
        self.register(self.ask)
        self.assertEqual(watch.next()[0], "models")

    def test_numbers_go_on_after_a_restart(self):
        self.take(rollout("r1", start_of("h1")))
        self.stop()
        self.ask = self.start()
        self.assertEqual(self.watch().next()[:2], ("hello", "1"))

    def test_a_number_that_is_none(self):
        self.assertEqual(self.watch(last="x").response.status, 422)

    @unittest.skipIf(STORE == "json", "a file is one instance's")
    def test_what_one_instance_takes_shows_on_the_other(self):
        other = RegistryCase()
        RegistryCase.setUp(other)
        self.addCleanup(other.doCleanups)
        other.settings["store"] = self.settings["store"]
        there = other.start()
        watch = self.watch(other.port)
        watch.next()
        self.take(rollout("r1", start_of("h1"), model("h1")))
        self.assertEqual([watch.next()[1] for _ in range(2)], ["1", "2"])
        self.assertEqual(there("GET", f"{FLEET}/rollouts/r1").json, self.rollout())


if __name__ == "__main__":
    unittest.main()
