#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The registry's API over each of its stores: test_api.py json|sqlite|postgresql."""

import json
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

from registry_case import MODELS, PATIENCE, RegistryCase

WRITERS = 16


class ApiCase(RegistryCase):
    store = "json"

    def setUp(self):
        super().setUp()
        self.ask = self.start()


class LifeTest(ApiCase):
    def test_a_version_is_registered_listed_and_activated(self):
        metadata = {"description": "Fine-tuned on custom dataset.",
                    "metrics": {"accuracy": 0.82, "latency_ms": 32}}
        made = self.register(self.ask, "yolov8n-coco", 3, metadata=metadata)
        entry = made.json
        self.assertRegex(entry.pop("creation_timestamp"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(entry, {"model_name": "yolov8n-coco", "version": 3, "status": "staging",
                                 "path": "models/yolov8n-coco/v3", "metadata": metadata})
        self.assertEqual(made.headers["Location"], f"{MODELS}/yolov8n-coco/3")
        self.assertEqual(self.ask("GET", made.headers["Location"]).text, made.text)
        self.assertEqual(self.ask("GET", MODELS).json, {"models": [made.json]})
        activated = self.ask("PUT", f"{MODELS}/yolov8n-coco/3/activate")
        self.assertEqual(activated.status, 200)
        self.assertEqual(activated.json, {**made.json, "status": "production"})
        self.assertEqual(self.ask("GET", f"{MODELS}/yolov8n-coco/production").json, activated.json)

    def test_metadata_is_an_empty_object_unless_given(self):
        self.assertEqual(self.register(self.ask).json["metadata"], {})

    def test_numbers_stay_as_they_were_written(self):
        body = ('{"model_name": "a", "version": 1, "path": "p", "metadata": '
                '{"a": 0.780, "b": 1e2, "c": 12345678901234567890123}}')
        self.assertIn('{"a":0.780,"b":1e2,"c":12345678901234567890123}',
                      self.ask("POST", MODELS, body).text)

    def test_an_activation_makes_the_former_one_staging_and_leaves_archived_alone(self):
        for version in (1, 2, 3):
            self.register(self.ask, version=version)
        self.register(self.ask, "other")
        for path in ("yolo/1/archive", "yolo/2/activate", "other/1/activate", "yolo/3/activate"):
            self.assertEqual(self.ask("PUT", f"{MODELS}/{path}").status, 200)
        self.assertEqual(self.statuses(self.ask), {1: "archived", 2: "staging", 3: "production"})
        self.assertEqual(self.statuses(self.ask, "other"), {1: "production"})

    def test_the_production_one_is_activated_again(self):
        self.register(self.ask)
        for _ in range(2):
            self.assertEqual(self.ask("PUT", f"{MODELS}/yolo/1/activate").json["status"],
                             "production")

    def test_the_version_before_is_the_next_lower_that_is_not_archived(self):
        previous = f"{MODELS}/yolo/previous"
        self.assert_problem(self.ask("GET", previous), 404, "in production")
        for version in (1, 2, 3, 5):
            self.register(self.ask, version=version)
        self.register(self.ask, name="other", version=4)
        self.assertEqual(self.ask("PUT", f"{MODELS}/yolo/3/archive").status, 200)
        self.assertEqual(self.ask("PUT", f"{MODELS}/yolo/5/activate").status, 200)
        got = self.ask("GET", previous)
        self.assertEqual(got.json["version"], 2)
        self.assertEqual(got.headers["ETag"], self.ask("GET", f"{MODELS}/yolo/2").headers["ETag"])
        self.assertEqual(self.ask("PUT", f"{MODELS}/yolo/1/activate").status, 200)
        self.assert_problem(self.ask("GET", previous), 404, "to go back to")

    def test_a_duplicate_version_is_refused(self):
        first = self.register(self.ask)
        again = self.ask("POST", MODELS, {"model_name": "yolo", "version": 1, "path": "other"})
        self.assert_problem(again, 409, "version 1 of yolo")
        self.assertEqual(self.ask("GET", f"{MODELS}/yolo/1").text, first.text)

    def test_what_is_unknown_is_404(self):
        self.register(self.ask)
        for method, path in (("PUT", "yolo/2/activate"), ("PUT", "none/1/activate"),
                             ("PUT", "yolo/2/archive"), ("GET", "yolo/2"), ("DELETE", "none/1"),
                             ("GET", "yolo/production"), ("GET", "none/production")):
            self.assert_problem(self.ask(method, f"{MODELS}/{path}"), 404)
        self.assert_problem(self.ask("PATCH", f"{MODELS}/yolo/2", {"metadata": {}}), 404)
        self.assertEqual(self.ask("GET", f"{MODELS}?model_name=none").json, {"models": []})

    def test_production_is_not_deleted(self):
        self.register(self.ask)
        self.register(self.ask, version=2)
        self.ask("PUT", f"{MODELS}/yolo/1/activate")
        self.assert_problem(self.ask("DELETE", f"{MODELS}/yolo/1"), 409, "in production")
        gone = self.ask("DELETE", f"{MODELS}/yolo/2")
        self.assertEqual((gone.status, gone.text), (204, ""))
        self.assertEqual(self.statuses(self.ask), {1: "production"})

    def test_metadata_is_merged(self):
        self.register(self.ask, metadata={"description": "a", "metrics": {"x": 1, "y": 2}})
        merged = self.ask("PATCH", f"{MODELS}/yolo/1",
                          {"metadata": {"description": None, "metrics": {"y": 3}, "z": []}})
        self.assertEqual(merged.json["metadata"], {"metrics": {"x": 1, "y": 3}, "z": []})
        again = self.ask("PATCH", f"{MODELS}/yolo/1", {"metadata": {"z": None}},
                         Content_Type="application/merge-patch+json")
        self.assertEqual(again.json["metadata"], {"metrics": {"x": 1, "y": 3}})

    def test_it_is_there_after_a_restart(self):
        self.register(self.ask, metadata={"a": [1, 2.50]})
        self.ask("PUT", f"{MODELS}/yolo/1/activate")
        before = self.ask("GET", MODELS)
        self.assertEqual(self.stop(), 0)
        after = self.start()("GET", MODELS)
        self.assertEqual(after.text, before.text)
        self.assertEqual(after.headers["ETag"], before.headers["ETag"])


class ConditionTest(ApiCase):
    def test_an_entry_that_has_changed_is_not_changed_by_who_does_not_know(self):
        tag = self.register(self.ask).headers["ETag"]
        self.ask("PATCH", f"{MODELS}/yolo/1", {"metadata": {"a": 1}})
        path = f"{MODELS}/yolo/1"
        for answer in (self.ask("PUT", path + "/activate", If_Match=tag),
                       self.ask("PUT", path + "/archive", If_Match=tag),
                       self.ask("DELETE", path, If_Match=f'"other", {tag}'),
                       self.ask("PATCH", path, {"metadata": {"b": 1}}, If_Match=tag)):
            self.assert_problem(answer, 412)
        now = self.ask("GET", path)
        self.assertEqual(now.json["metadata"], {"a": 1})
        tag = now.headers["ETag"]
        self.assertEqual(self.ask("PUT", path + "/activate", If_Match=f'"other", {tag}').status, 200)
        self.assertEqual(self.ask("PUT", path + "/archive", If_Match="*").status, 200)

    def test_what_is_known_is_not_sent_again(self):
        self.register(self.ask)
        for path in (MODELS, f"{MODELS}?model_name=yolo", f"{MODELS}/yolo/1"):
            tag = self.ask("GET", path).headers["ETag"]
            again = self.ask("GET", path, If_None_Match=tag)
            self.assertEqual((again.status, again.text), (304, ""))
        self.register(self.ask, version=2)
        self.assertEqual(self.ask("GET", MODELS, If_None_Match=tag).status, 200)

    def test_head_is_get_without_a_body(self):
        self.register(self.ask)
        got, head = self.ask("GET", MODELS), self.ask("HEAD", MODELS)
        self.assertEqual((head.status, head.text), (200, ""))
        self.assertEqual(head.headers["Content-Length"], str(len(got.text)))


class PageTest(ApiCase):
    def pages(self, query):
        """All pages of a list: by next_cursor, and by the header Link, which agree."""
        path, versions = f"{MODELS}?{query}", []
        while path:
            answer = self.ask("GET", path)
            self.assertEqual(answer.status, 200, answer)
            page = answer.json
            versions.append([m["version"] for m in page["models"]])
            link = answer.headers.get("Link")
            self.assertEqual(bool(link), "next_cursor" in page)
            path = link and link[1:link.index(">")]
            if path:
                self.assertIn(page["next_cursor"], path)
        return versions

    def test_a_list_comes_in_pages(self):
        for version in range(1, 8):
            self.register(self.ask, version=version)
            self.register(self.ask, "other", version + 10)
        self.assertEqual(self.pages("model_name=yolo&limit=3"), [[1, 2, 3], [4, 5, 6], [7]])
        self.assertEqual(sum(self.pages("limit=5"), []),
                         [v for n in range(1, 8) for v in (n, n + 10)])
        self.assertEqual(len(self.ask("GET", MODELS).json["models"]), 14)

    def test_a_page_goes_on_where_entries_came_and_went(self):
        for version in range(1, 7):
            self.register(self.ask, version=version)
        first = self.ask("GET", f"{MODELS}?limit=2").json
        self.ask("DELETE", f"{MODELS}/yolo/2")
        self.register(self.ask, version=9)
        rest = self.ask("GET", f"{MODELS}?cursor={first['next_cursor']}").json
        self.assertEqual([m["version"] for m in rest["models"]], [3, 4, 5, 6, 9])

    def test_queries_are_checked(self):
        for query, field in (("limit=0", "limit"), ("limit=x", "limit"), ("limit=1001", "limit"),
                             ("cursor=%00", "cursor"), ("cursor=nonsense", "cursor")):
            with self.subTest(query):
                self.assert_problem(self.ask("GET", f"{MODELS}?{query}"), 422, fields=[field])


class CurlTest(ApiCase):
    """What curl sends by itself: a form's type where there is a body, and none where there is not."""

    def curl(self, path, *words):
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-m", str(PATIENCE), "-w", "\n%{http_code}", *words,
             f"http://127.0.0.1:{self.port}{MODELS}{path}"],
            capture_output=True, text=True, check=True, timeout=2 * PATIENCE)
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(body)

    def test_a_version_is_activated_whatever_the_type_of_no_body(self):
        for version in range(1, 6):
            self.register(self.ask, version=version)
        ways = ([], ["-d", ""], ["-H", "Content-Type: application/json"],
                ["-H", "Content-Type: application/json", "-d", "{}"],
                ["-H", "Content-Type:", "-d", ""])
        for version, words in enumerate(ways, 1):
            with self.subTest(words):
                status, entry = self.curl(f"/yolo/{version}/activate", "-X", "PUT", *words)
                self.assertEqual((status, entry["version"], entry["status"]),
                                 (200, version, "production"))
        self.assertEqual(list(self.statuses(self.ask).values()).count("production"), 1)

    def test_a_version_is_registered_as_json_or_without_a_type(self):
        for version, words in enumerate((["-H", "Content-Type: application/json"],
                                         ["-H", "Content-Type:"]), 1):
            with self.subTest(words):
                body = json.dumps({"model_name": "yolo", "version": version, "path": "p"})
                status, entry = self.curl("", "-d", body, *words)
                self.assertEqual((status, entry["version"], entry["status"]),
                                 (201, version, "staging"))
        status, problem = self.curl("", "-d", '{"model_name": "a", "version": 1, "path": "p"}')
        self.assertEqual(status, 415)
        self.assertIn("x-www-form-urlencoded", problem["detail"])
        self.assertIn("-H 'Content-Type: application/json'", problem["detail"])

    def test_a_list_is_filtered_by_the_query(self):
        for name in ("yolo", "face"):
            self.register(self.ask, name)
        status, found = self.curl("", "-G", "--data-urlencode", "model_name=face")
        self.assertEqual((status, [m["model_name"] for m in found["models"]]), (200, ["face"]))


class RefusalTest(ApiCase):
    def refused(self, body, *fields):
        with self.subTest(body):
            self.assert_problem(self.ask("POST", MODELS, body), 422, fields=list(fields))

    def test_fields_are_checked_all_at_once(self):
        good = {"model_name": "a", "version": 1, "path": "p"}
        for name in ("", "-a", "a/b", "a b", "\u00e9", "a\x00", "x" * 201, 5, None):
            self.refused({**good, "model_name": name}, "model_name")
        for version in (0, -1, 1.5, "1", True, None, 10 ** 30):
            self.refused({**good, "version": version}, "version")
        for path in ("", "a\nb", "a\x00b", "x" * 5000, 7, []):
            self.refused({**good, "path": path}, "path")
        for metadata in ([], "x", 1, None):
            self.refused({**good, "metadata": metadata}, "metadata")
        self.refused({}, "model_name", "version", "path")
        self.refused({**good, "vesrion": 2}, "vesrion")
        self.refused({"model_name": "?", "version": "x", "stauts": 1}, "model_name", "version",
                     "stauts", "path")
        for body in ("[]", "1", '"x"', "null"):
            self.refused(body, "body")
        self.assertEqual(self.ask("GET", MODELS).json, {"models": []})

    def test_what_is_no_json_is_told_its_place(self):
        for body, place in (('{"model_name": "a",}', "1:20"), ('{\n "version": 01}', "2:13"),
                            ('{"a": 1, "a": 2}', "1:10"), ("", "1:1"), ('{"a": NaN}', "1:7"),
                            ("[" * 500, "")):
            with self.subTest(body[:20]):
                self.assert_problem(self.ask("POST", MODELS, body), 400, place)
        self.assert_problem(self.ask("POST", MODELS, b'{"a": "\xff"}'), 400)

    def test_a_patch_changes_metadata_alone(self):
        self.register(self.ask)
        path = f"{MODELS}/yolo/1"
        self.assert_problem(self.ask("PATCH", path, {"status": "production"}), 422,
                            fields=["status", "metadata"])
        self.assert_problem(self.ask("PATCH", path, {"metadata": None}), 422, fields=["metadata"])

    def test_a_version_is_a_number(self):
        for path in ("yolo/x", "yolo/0", "yolo/-1", "yolo/1.0", "yolo/99999999999999999999"):
            with self.subTest(path):
                self.assert_problem(self.ask("GET", f"{MODELS}/{path}"), 422, fields=["version"])
                self.assert_problem(self.ask("PUT", f"{MODELS}/{path}/activate"), 422,
                                    fields=["version"])
                self.assert_problem(self.ask("PATCH", f"{MODELS}/{path}"), 422,
                                    fields=["version"])

    def test_bodies_are_json_and_have_a_limit(self):
        body = {"model_name": "a", "version": 1, "path": "p"}
        self.assert_problem(self.ask("POST", MODELS, body, Content_Type="text/plain"), 415,
                            "application/json")
        self.assert_problem(self.ask("POST", MODELS, "x" * (1 << 20) + "x"), 413)
        self.ask.close()
        much = {**body, "metadata": {"x": "y" * 300000}}
        self.assert_problem(self.ask("POST", MODELS, much), 422, fields=["metadata"])
        self.assertEqual(self.ask("POST", MODELS, body,
                                  Content_Type="application/json; charset=utf-8").status, 201)

    def test_paths_and_methods(self):
        self.assert_problem(self.ask("GET", "/api/v1/registry"), 404)
        answer = self.ask("DELETE", MODELS)
        self.assert_problem(answer, 405)
        self.assertEqual(answer.headers["Allow"], "GET, POST")


class ManyTest(ApiCase):
    """Many clients at once."""

    def run_writers(self, work):
        failures = []

        def guarded(number):
            try:
                work(number, self.client())
            except Exception as why:  # pylint: disable=broad-except
                failures.append(why)
        threads = [threading.Thread(target=guarded, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        return threads, failures

    def join(self, threads, failures):
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def test_every_201_is_there(self):
        self.join(*self.run_writers(lambda number, ask: [
            self.register(ask, f"model-{number}", v) for v in range(1, 11)]))
        models = self.ask("GET", MODELS).json["models"]
        self.assertEqual(len({(m["model_name"], m["version"]) for m in models}), WRITERS * 10)
        metrics = dict(line.rsplit(" ", 1) for line in
                       self.ask("GET", "/metrics").text.splitlines() if line[0] != "#")
        self.assertEqual(float(metrics["model_registryd_changes_total"]), WRITERS * 10)
        self.assertLessEqual(float(metrics["model_registryd_commits_total"]), WRITERS * 10)

    def test_one_of_all_that_register_the_same_wins(self):
        answers = []
        self.join(*self.run_writers(lambda number, ask: answers.append(ask(
            "POST", MODELS, {"model_name": "a", "version": 1, "path": str(number)}))))
        self.assertEqual(sorted(a.status for a in answers), [201] + [409] * (WRITERS - 1))
        winner = [a.json for a in answers if a.status == 201]
        self.assertEqual(self.ask("GET", MODELS).json["models"], winner)

    def test_one_version_is_in_production_whoever_activates(self):
        for version in range(1, WRITERS + 1):
            self.register(self.ask, version=version)
        self.join(*self.run_writers(lambda number, ask: self.assertEqual(
            ask("PUT", f"{MODELS}/yolo/{number + 1}/activate").status, 200)))
        self.assertEqual(sorted(self.statuses(self.ask).values()),
                         ["production"] + ["staging"] * (WRITERS - 1))

    def write_until_it_ends(self, end):
        """What clients got a 201 for until the service was gone."""
        acknowledged, seen = [], threading.Event()

        def work(number, ask):
            for version in range(1, 100000):
                try:
                    answer = ask("POST", MODELS, {"model_name": f"m{number}", "version": version,
                                                  "path": "p"})
                except OSError:
                    return
                except Exception as why:  # pylint: disable=broad-except
                    if type(why).__module__ == "http.client":
                        return
                    raise
                self.assertEqual(answer.status, 201, answer)
                acknowledged.append((f"m{number}", version))
                if len(acknowledged) > 5 * WRITERS:
                    seen.set()
        threads, failures = self.run_writers(work)
        self.assertTrue(seen.wait(120))
        code = self.stop(end)
        self.join(threads, failures)
        return code, set(acknowledged)

    def entries(self):
        models = self.start()("GET", MODELS).json["models"]
        return {(m["model_name"], m["version"]) for m in models}

    def test_a_kill_loses_nothing_that_was_acknowledged(self):
        _, acknowledged = self.write_until_it_ends(signal.SIGKILL)
        self.assertLessEqual(acknowledged, self.entries())

    def test_a_stop_answers_what_is_under_way(self):
        code, acknowledged = self.write_until_it_ends(signal.SIGTERM)
        self.assertEqual(code, 0)
        self.assertEqual(acknowledged, self.entries())


class FileTest(ApiCase):
    """registry.json, which people edit."""

    def path(self):
        return pathlib.Path(self.settings["store"].split(":", 1)[1])

    def test_it_is_made_where_it_is_missing(self):
        self.assertEqual(json.loads(self.path().read_text()), {"models": []})

    def test_an_edit_by_hand_is_seen(self):
        self.register(self.ask)
        self.path().write_text(self.path().read_text().replace("models/yolo/v1", "elsewhere"))
        self.assertEqual(self.ask("GET", MODELS).json["models"][0]["path"], "elsewhere")

    def test_a_broken_file_is_told_of_and_left_alone(self):
        self.register(self.ask)
        good = self.path().read_text()
        self.path().write_text(broken := good[:-5])
        for answer in (self.ask("GET", MODELS), self.ask("GET", "/ready"),
                       self.ask("POST", MODELS, {"model_name": "b", "version": 1, "path": "p"})):
            self.assert_problem(answer, 503, "registry.json:")
        self.assertEqual(self.ask("GET", "/health").status, 200)
        self.assertEqual(self.path().read_text(), broken)
        self.path().write_text(good)
        self.register(self.ask, "b")
        self.assertEqual(self.ask("GET", "/ready").status, 200)


class TwoInstancesTest(ApiCase):
    """Two services over one database."""

    def test_what_one_takes_the_other_shows(self):
        first, second = self.ask, self.start()
        for version in range(1, 6):
            self.register(first if version % 2 else second, version=version)
        first("PUT", f"{MODELS}/yolo/1/activate")
        second("PUT", f"{MODELS}/yolo/2/activate")
        expected = {1: "staging", 2: "production", 3: "staging", 4: "staging", 5: "staging"}
        for ask in (first, second):
            self.await_true(lambda ask=ask: self.statuses(ask) == expected, "the same list")


def main():
    store = sys.argv.pop(1)
    ApiCase.store = store
    if store != "json":
        globals().pop("FileTest")
    if store != "postgresql":
        globals().pop("TwoInstancesTest")
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
