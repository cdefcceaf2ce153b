#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent and servers, disks, records and clocks that do not do what they should."""

import json
import os
import unittest

import faulty_proxy as faulty
from test_sync_agent import AgentCase, pt

ALIAS = "/registered-models/alias"
WHERE = "/get-download-uri"
LIST = "/mlflow-artifacts/"
FILE = "/get-artifact"
SIZE = 200_000


class ProxyCase(AgentCase):
    """A device with version 1 in use, and version 2 behind a proxy."""

    OLD, NEW = pt("one"), pt("two", SIZE)

    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": self.OLD})
        self.once()
        self.before = (self.models / "manifest.json").read_bytes()
        self.registry.publish("plates", {"best.pt": self.NEW})
        self.proxy = faulty.Proxy(self.registry.url)
        self.addCleanup(self.proxy.stop)
        self.configure(mlflow_uri=self.proxy.url)

    def assert_former(self):
        self.assert_file(self.OLD)
        self.assertEqual((self.models / "manifest.json").read_bytes(), self.before)
        self.assertFalse((self.models / "staging").exists())
        self.assertEqual(self.restarts(), 1)

    def assert_new(self):
        self.assert_file(self.NEW)
        self.assertEqual(self.version(), 2)
        self.assertFalse((self.models / "staging").exists())
        self.assertEqual(self.restarts(), 2)


class AnswerTest(ProxyCase):
    """Answers that end a cycle: what is there stays, the log says why, the next cycle is well."""

    CASES = (
        (ALIAS, faulty.page(), "no JSON"),
        (ALIAS, faulty.half_json, "no JSON"),
        (ALIAS, faulty.bomb, "no JSON"),
        (ALIAS, faulty.cut(20), "warning: plates.pt"),
        (ALIAS, faulty.reset, "warning: plates.pt"),
        (ALIAS, faulty.no_http, "plates.pt"),
        (ALIAS, faulty.large_headers, "headers"),
        (ALIAS, faulty.endless, "plates.pt"),
        (ALIAS, faulty.other_json([]), "no version"),
        (ALIAS, faulty.other_json({"model_version": {"version": "../../etc"}}), "no version"),
        (ALIAS, faulty.other_json({"model_version": {"version": "-1"}}), "no version"),
        (ALIAS, faulty.page(403, b"Forbidden host"), "the server says 403"),
        (WHERE, faulty.page(), "no JSON"),
        (WHERE, faulty.other_json({}), "where the version's files are"),
        (LIST, faulty.half_json, "no JSON"),
        (LIST, faulty.other_json({"files": [{"path": "../x.pt"}]}), "would leave it"),
        (LIST, faulty.other_json({"files": [{"is_dir": False}]}), "without a path"),
        (LIST, faulty.other_json({"files": []}), "has no files"),
        (FILE, faulty.page(), "the source lists"),
        (FILE, faulty.bomb, "plates.pt"),
        (FILE, faulty.length(-1000), "the source lists"),
        (FILE, faulty.page(404), "the server says 404"),
        (FILE, faulty.unasked_range, "none was asked for"),
        (FILE, faulty.large_headers, "headers"),
        (FILE, faulty.no_http, "plates.pt"),
    )

    def test_the_former_file_stays_and_the_next_cycle_is_well(self):
        for word, fault, said in self.CASES:
            with self.subTest(word=word, fault=getattr(fault, "__qualname__", fault), said=said):
                self.proxy.spoil(word, fault)
                self.assertIn(said, self.once(code=1))
                self.assertEqual(self.proxy.faults, [])
                self.assert_former()
        self.once()
        self.assert_new()

    def test_a_tree_of_files_without_end(self):
        many = faulty.other_json(
            {"files": [{"path": f"d{n}", "is_dir": True} for n in range(40)]})
        none = faulty.other_json({"files": []})
        self.proxy.always = [(LIST, lambda handler: (
            many if handler.path.count("%2F") < 3 else none)(handler))]
        self.assertIn("more than 1000 directories", self.once(code=1))
        self.assert_former()

    def test_a_server_that_is_away_is_asked_once(self):
        self.configure(models=[{"mlflow_name": name, "local_filename": f"{name}.pt"}
                               for name in ("plates", "cars", "signs")])
        self.proxy.always = [("/", faulty.reset)]
        said = self.once(code=1)
        self.assertIn("cars.pt: not asked for, since its source does not answer", said)
        self.assertEqual(len([path for path, _ in self.proxy.seen if ALIAS in path]), 1)


class TransferTest(ProxyCase):
    """What is mended within a cycle."""

    def test_cuts_go_on_where_they_were(self):
        self.proxy.spoil(FILE, faulty.cut(1000), faulty.cut(1), faulty.cut(50_000),
                         faulty.length(500))
        self.once()
        self.assert_new()
        self.assertEqual(self.proxy.ranges()[:3],
                         ["bytes=1000-", "bytes=1001-", "bytes=51001-"])

    def test_a_cut_before_the_first_byte(self):
        self.proxy.spoil(FILE, faulty.reset, faulty.cut(0), faulty.reset)
        self.once()
        self.assert_new()

    def test_a_server_that_ignores_ranges(self):
        self.proxy.spoil(FILE, faulty.cut(1000), faulty.without_ranges)
        self.once()
        self.assert_new()

    def test_another_size_on_resume_begins_anew(self):
        self.proxy.spoil(FILE, faulty.cut(1000), faulty.other_size)
        self.once()
        self.assert_new()
        self.assertEqual(self.proxy.ranges(), ["bytes=1000-"])

    def test_another_range_than_asked_for_is_not_taken(self):
        self.proxy.spoil(FILE, faulty.cut(1000), faulty.other_range)
        self.assertIn("another range", self.once(code=1))
        self.assert_former()

    def test_a_busy_server_is_asked_again(self):
        soon = ("Retry-After", "0")
        self.proxy.spoil(ALIAS, faulty.busy(503, soon), faulty.busy(429, soon))
        self.proxy.spoil(WHERE, faulty.busy(502))
        self.proxy.spoil(FILE, faulty.busy(429, soon), faulty.busy(503, soon))
        self.once()
        self.assert_new()

    def test_one_that_stays_busy_is_a_warning(self):
        self.proxy.always = [(ALIAS, faulty.busy(503, ("Retry-After", "0")))]
        self.assertIn("warning: plates.pt: plates: ", self.once(code=1))
        self.assertEqual(len(self.proxy.seen), 3)
        self.assert_former()

    def attempts(self):
        return len([path for path, _ in self.proxy.seen if FILE in path])

    def test_a_line_that_cuts_and_gets_forward_brings_the_file(self):
        self.proxy.always = [(FILE, faulty.cut(SIZE // 10))]
        self.once()
        self.assert_new()
        self.assertGreater(self.attempts(), 10)

    def test_one_that_cuts_for_ever_is_given_up(self):
        self.proxy.spoil(FILE, faulty.cut(100), faulty.cut(1))
        self.proxy.always = [(FILE, faulty.cut(0))]
        self.assertIn("warning: plates.pt", self.once(code=1))
        self.assertEqual(self.attempts(), 2 + 5)
        self.assert_former()

    def test_one_that_knows_no_ranges_has_to_come_further(self):
        def cut_whole(handler):
            _, headers, body = handler.ask(without=("Range", "If-Range"))
            handler.begin(200, headers, len(body))
            handler.wfile.write(body[:1000])
            handler.hang_up()
        self.proxy.always = [(FILE, cut_whole)]
        self.assertIn("warning: plates.pt", self.once(code=1))
        self.assertEqual(self.attempts(), 1 + 5)
        self.assert_former()

    def test_silence_and_a_trickle_are_cut_off(self):
        self.proxy.spoil(FILE, faulty.stall(5000), faulty.trickle)
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "2"
        self.addCleanup(os.environ.pop, "MLFLOW_HTTP_REQUEST_TIMEOUT")
        self.once()
        self.assert_new()
        self.assertEqual(self.proxy.ranges()[0], "bytes=5000-")

    def test_a_question_that_is_not_answered(self):
        self.proxy.spoil(ALIAS, faulty.stall(5))
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"
        self.addCleanup(os.environ.pop, "MLFLOW_HTTP_REQUEST_TIMEOUT")
        self.assertIn("warning: plates.pt", self.once(code=1))
        self.assert_former()

    def test_an_empty_file_is_no_model(self):
        self.configure(models=[{"mlflow_name": "plates", "local_filename": "plates.bin",
                                "artifact": "best.pt"}])
        self.proxy.spoil(FILE, faulty.page(200, b""))
        self.assertIn("it is empty", self.once(code=1))
        self.proxy.spoil(FILE, faulty.nothing_more, faulty.nothing_more)
        self.assertIn("the server says 416", self.once(code=1))
        self.assertFalse((self.models / "plates.bin").exists())

    def test_a_body_without_end_is_cut_at_the_size_that_is_accepted(self):
        self.configure(max_model_bytes=1_000_000)
        self.proxy.spoil(FILE, faulty.endless)
        self.assertIn("at most 1000000 are accepted", self.once(code=1))
        self.assert_former()


class CredentialTest(ProxyCase):
    """They go to the registry alone."""

    SETTINGS = (
        {"MLFLOW_TRACKING_TOKEN": "secret-token"},
        {"MLFLOW_TRACKING_USERNAME": "edge", "MLFLOW_TRACKING_PASSWORD": "secret-word"},
    )

    def test_a_redirect_elsewhere_gets_none(self):
        for settings in self.SETTINGS:
            with self.subTest(settings=settings):
                self.redirected(settings)

    def redirected(self, settings):
        elsewhere = faulty.Proxy(self.registry.url)
        self.addCleanup(elsewhere.stop)
        self.proxy.always = [("/", faulty.redirect(elsewhere.url))]
        self.proxy.seen.clear()
        os.environ.update(settings)
        for name in settings:
            self.addCleanup(os.environ.pop, name, None)
        said = self.once()
        for name in settings:
            del os.environ[name]
        self.assertTrue(all("Authorization" in headers for _, headers in self.proxy.seen))
        self.assertTrue(elsewhere.seen)
        self.assertFalse([headers for _, headers in elsewhere.seen
                          if "secret" in str(headers) or "Authorization" in headers])
        self.assertNotIn("secret", said)

    def test_a_password_in_the_address_is_not_told(self):
        self.configure(mlflow_uri=self.proxy.url.replace("//", "//edge:secret@"))
        self.start()
        self.assertEqual(self.status()["mlflow_uri"], self.proxy.url + "/")
        self.proxy.always = [("/", faulty.page())]
        self.sync()
        self.wait(lambda: self.status()["last_error"])
        self.assertNotIn("secret", json.dumps(self.status()))
        self.assertNotIn("secret", (self.site / "log").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
