#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalogue as it is served, on SQLite and on PostgreSQL: syncs on request and by schedule,
lists, and what is left of a daemon that was killed."""

import contextlib
import json
import shutil
import signal
import subprocess
import threading
import unittest

from catalogue_case import CatalogueCase, Host, Postgres


class Background(threading.Thread):
    """A request whose answer is waited for later."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.answer = host, None
        self.start()

    def run(self):
        with contextlib.suppress(OSError):  # of a daemon that is killed
            self.answer = self.host.sync()

    def end(self):
        self.join(120)
        return self.answer


class RequestTest(CatalogueCase):
    def test_a_sync_is_answered_when_it_has_ended(self):
        self.hub.add("a/b")
        self.hub.add_raw(b"{}")
        host = Host(self)
        self.assertEqual(host.sync(), (200, {
            "status": "success", "created": 1, "updated": 0, "skipped": 1,
            "message": "Sync completed - Created: 1, Updated: 0, Skipped: 1"}))
        self.assertEqual(host.models(), ["a/b"])

    def test_a_sync_that_fails_says_why(self):
        self.hub.troubles = [(404, [])]
        status, answer = Host(self).sync()
        self.assertEqual((status, answer["status"]), (502, "failed"))
        self.assertIn("the server says 404", answer["message"])

    def test_one_at_a_time(self):
        self.hub.add("a/b")
        self.hub.held.clear()
        host, other = Host(self), Host(self)
        first = Background(host)
        self.assertTrue(self.hub.waiting.wait(120))
        self.assertEqual(host.sync()[0], 409)
        status, problem = other.sync()  # the same database
        self.assertEqual((status, problem["detail"]), (409, "a sync runs already"))
        self.assertTrue(other.status()["running"])
        self.hub.held.set()
        self.assertEqual(first.end()[0], 200)
        self.assertEqual(other.sync()[0], 200)

    def test_status_tells_progress_and_history(self):
        self.hub.page_max = 2
        for i in range(5):
            self.hub.add(f"a/m{i}")
        host = Host(self)
        self.assertEqual((host.status()["running"], host.status()["history"]), (False, []))
        held = threading.Event()
        self.hub.troubles = [None, lambda handler: (held.wait(120), handler.list(
            {"filter": ["tflite"], "cursor": ["2"]}))]
        sync = Background(host)
        host.wait(lambda: [run["fetched"] for run in host.status()["history"]] == [2])
        (run,) = host.status()["history"]
        self.assertEqual((run["status"], run["cause"], run["finished_at"]),
                         ("running", "request", None))
        self.assertIn("modelfleet_catalogue_sync_running 1", host.ask("/metrics")[1])
        held.set()
        self.assertEqual(sync.end()[0], 200)
        status = host.status()
        self.assertEqual({**status["history"][0], "started_at": 0, "finished_at": 0}, {
            "id": 1, "cause": "request", "status": "success", "started_at": 0, "finished_at": 0,
            "fetched": 5, "created": 5, "updated": 0, "unchanged": 0, "vanished": 0,
            "skipped": 0, "message": "Sync completed - Created: 5, Updated: 0, Skipped: 0"})
        self.assertRegex(status["next"], "T02:00:00Z$")

    def test_metrics(self):
        self.hub.add("a/b")
        host = Host(self)
        self.assertIn('syncs_total{status="success"} 0\n', host.ask("/metrics")[1])
        host.sync()
        text = host.ask("/metrics")[1]
        self.assertIn('modelfleet_catalogue_syncs_total{status="success"} 1\n', text)
        self.assertIn('modelfleet_catalogue_last_sync_models{outcome="created"} 1\n', text)
        self.assertIn("modelfleet_catalogue_last_success_timestamp_seconds 1", text)
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                  capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_stop_ends_a_sync(self):
        self.hub.add("a/b")
        self.hub.held.clear()
        host = Host(self)
        sync = Background(host)
        self.assertTrue(self.hub.waiting.wait(120))
        host.end()
        self.assertEqual(sync.end()[0], 503)
        self.assertEqual(self.store.sql("SELECT status FROM sync_runs"), [("interrupted",)])


class ScheduleTest(CatalogueCase):
    def setUp(self):
        super().setUp()
        self.hub.add("a/b")

    def runs(self):
        return self.store.sql("SELECT cause, status FROM sync_runs ORDER BY id")

    def pretend(self, status, started):
        self.store.sql("INSERT INTO sync_runs (cause, status, started_at) "
                       f"VALUES ('schedule', '{status}', '{started}')")

    def test_the_log_tells_the_schedule(self):
        for schedule, said in (
                ("0 2 * * *", "Background scheduler started - HF LiteRT sync scheduled for "
                              "02:00 UTC daily"),
                ("0 */6 * * *", "HF LiteRT sync scheduled for \"0 */6 * * *\" (UTC)"),
                ("off", "Background scheduler is off - HF LiteRT sync on request only")):
            self.schedule = schedule
            host = Host(self)
            self.assertIn(said, host.log())
            if schedule == "off":
                self.assertIsNone(host.status()["next"])
                self.assertEqual(host.sync()[0], 200)
            host.end()

    def test_what_is_no_schedule_is_refused(self):
        self.schedule = "0 25 * * *"
        done = subprocess.run(self.command(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("catalogue.schedule: the hour \"25\" has a value that is not from 0 to 23",
                      done.stderr)

    def test_nothing_is_missed_before_the_first_start(self):
        self.schedule = "0 0 1 1 *"
        host = Host(self)
        host.wait(lambda: self.store.sql("SELECT since FROM sync_schedule"))
        self.assertEqual(host.status()["history"], [])

    def test_a_run_that_was_missed_is_made_up_once(self):
        self.schedule = "0 0 1 1 *"
        Host(self).end()
        for status, expected in (("success", "missed"), ("interrupted", None)):
            self.pretend(status, "2025-06-01T02:00:00Z")
            before = len(self.runs())
            hosts = [Host(self), Host(self)]
            if expected:
                hosts[0].wait(lambda: self.runs()[before:] == [("missed", "success")])
            for host in hosts:
                host.sync()
                host.end()
            self.assertEqual([cause for cause, _ in self.runs()[before:]].count("missed"),
                             1 if expected else 0)

    def test_a_time_that_passed_since_the_first_start_is_made_up(self):
        self.schedule = "0 0 1 1 *"
        host = Host(self)
        host.wait(lambda: self.store.sql("SELECT since FROM sync_schedule"))
        host.end()
        self.store.sql("UPDATE sync_schedule SET since = '2025-06-01T02:00:00Z'")
        host = Host(self)
        host.wait(lambda: self.runs() == [("missed", "success")])

    def test_a_daemon_that_was_killed_leaves_what_it_had(self):
        self.hub.page_max = 1
        self.hub.add("a/c")
        self.hub.add("a/d")
        host = Host(self)
        hanging = threading.Event()
        self.hub.troubles = [None, lambda _: hanging.wait(120)]
        Background(host)
        host.wait(lambda: self.names() == ["a/b"])
        host.end(signal.SIGKILL, -signal.SIGKILL)
        hanging.set()
        self.assertEqual(self.runs(), [("request", "running")])
        host = Host(self)
        host.wait(lambda: self.runs() == [("request", "interrupted")])
        self.assertEqual(host.sync()[1]["created"], 2)
        self.assertEqual(self.names(), ["a/b", "a/c", "a/d"])


class ListTest(CatalogueCase):
    def fill(self):
        self.hub.add("google/mobilenet_v1", tags=["tflite", "license:apache-2.0", "Vision"])
        self.hub.add("google/mobilenet_v2", tags=["tflite", "license:mit", "Vision", "edge"])
        self.hub.add("google/gemma-3n", tags=["litert-lm", "license:gemma"],
                     pipeline_tag="text-generation")
        self.hub.add("acme/detector", tags=["tflite", "license:mit", "edge"],
                     pipeline_tag="object-detection")
        self.hub.add("gpt2", tags=["litert", "100% tested"], pipeline_tag="text-generation")
        self.sync(fetched=5, created=5)
        return Host(self)

    def test_lists_are_filtered(self):
        host = self.fill()
        for query, expected in (
                ({"author": "acme"}, ["acme/detector"]),
                ({"task": "text-generation"}, ["gpt2", "google/gemma-3n"]),
                ({"license": "mit"}, ["google/mobilenet_v2", "acme/detector"]),
                ({"tag": "edge"}, ["google/mobilenet_v2", "acme/detector"]),
                ({"tag": "100% tested"}, ["gpt2"]),
                ({"tag": "nothing"}, []),
                ({"tag": "edge", "author": "google"}, ["google/mobilenet_v2"]),
                ({"tag": "edge", "task": "object-detection", "license": "mit"},
                 ["acme/detector"]),
                ({"task": ""}, ["google/mobilenet_v1", "google/mobilenet_v2", "acme/detector",
                                "gpt2", "google/gemma-3n"])):
            with self.subTest(query):
                self.assertEqual(host.models(**query), expected)

    def test_text_is_found_by_the_beginnings_of_words(self):
        host = self.fill()
        mobile = ["google/mobilenet_v1", "google/mobilenet_v2"]
        for text, expected in (
                ("mobile", mobile), ("MOBILEnet", mobile), ("mobilenet_v1", mobile[:1]),
                ("google/mobilenet", mobile), ("vision", mobile), ("edge v2", mobile[1:]),
                ("obilenet", []), ("generation gpt", ["gpt2"]), ("\"3n\" OR *", []),
                ("gemma-3n", ["google/gemma-3n"]), ("' OR 1=1 --", []), ("100", ["gpt2"])):
            with self.subTest(text):
                self.assertEqual(host.models(text=text), expected)
        for more in ({"author": "google"}, {"tag": "edge"}, {"license": "mit"},
                     {"author": "google", "tag": "edge"}):
            with self.subTest(more):
                self.assertEqual(host.models(text="mobile v2", **more), mobile[1:])

    def test_pages_are_stable_while_models_come(self):
        for i in range(10):
            self.hub.add(f"a/m{i}", tags=["tflite", "odd" if i % 2 else "even"])
        self.sync(fetched=10, created=10)
        host = Host(self)
        for query, expected in (({}, [f"a/m{i}" for i in range(10)]),
                                ({"tag": "odd"}, [f"a/m{i}" for i in range(1, 10, 2)]),
                                ({"text": "a"}, [f"a/m{i}" for i in range(10)])):
            seen, cursor = [], {}
            while cursor is not None:
                answer = host.ask("/models", limit=3, **query, **cursor)[1]
                seen += [model["hf_model_id"] for model in answer["models"]]
                cursor = {"cursor": answer["next"]} if answer["next"] else None
                self.hub.remove("a/m0")
                host.sync()  # which marks one that was shown already
            self.assertEqual(seen[1:], expected[1:])
            self.hub.add("a/m0", tags=["tflite", "even"])
            host.sync()

    def test_vanished_ones_are_shown_on_request(self):
        host = self.fill()
        self.hub.remove("acme/detector")
        host.sync()
        self.assertEqual(host.models(author="acme"), [])
        self.assertEqual(host.models(author="acme", vanished="any"), ["acme/detector"])
        self.assertEqual(host.models(vanished="yes"), ["acme/detector"])

    def test_one_model(self):
        host = self.fill()
        status, model = host.ask("/models/2")
        self.assertEqual(status, 200)
        self.assertEqual({**model, "created_at": 0, "updated_at": 0, "sha": 0}, {
            "id": 2, "name": "mobilenet_v2", "hf_model_id": "google/mobilenet_v2",
            "origin_repo_url": f"{self.hub.url}/google/mobilenet_v2", "author_id": 1,
            "author": "google", "task": "image-classification", "license_type": "mit",
            "license": "mit", "library": "tflite", "sha": 0,
            "last_modified": "2026-01-02T03:04:05.000Z",
            "hub_created_at": "2025-01-02T03:04:05.000Z", "gated": None, "created_at": 0,
            "updated_at": 0, "vanished_at": None, "downloads": 5, "likes": 1,
            "tags": ["tflite", "license:mit", "Vision", "edge"]})
        for unknown in ("99", "0", "-1", "x", "1e3", "99999999999999999999"):
            self.assertEqual(host.ask(f"/models/{unknown}")[0], 404)

    def test_what_is_no_condition_is_refused(self):
        host = self.fill()
        for query in ({"limit": "0"}, {"limit": "501"}, {"limit": "x"}, {"cursor": "-1"},
                      {"cursor": "x"}, {"vanished": "maybe"}, {"text": b"\xff"}):
            with self.subTest(query):
                status, problem = host.ask("/models", **query)
                self.assertEqual(status, 422)
                self.assertIn(next(iter(query)), problem["detail"])

    def test_answers_are_json_whatever_is_in_them(self):
        self.hub.add("a/b", tags=["tflite", 'quo"te', "back\\slash", "new\nline", "☃"],
                     pipeline_tag='"; DROP TABLE ml_models; --')
        self.sync(fetched=1, created=1)
        (model,) = Host(self).ask("/models")[1]["models"]
        self.assertEqual(model["tags"], ["tflite", 'quo"te', "back\\slash", "new\nline", "☃"])
        self.assertEqual(json.loads(self.model("a/b", "tags")[0]), model["tags"])
        self.assertEqual(model["task"], '"; DROP TABLE ml_models; --')


class PostgresRequestTest(RequestTest):
    kind = Postgres


class PostgresScheduleTest(ScheduleTest):
    kind = Postgres


class PostgresListTest(ListTest):
    kind = Postgres


if __name__ == "__main__":
    unittest.main()
