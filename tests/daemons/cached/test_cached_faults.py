#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What model-cached does when its registry, a version, its disk or its memory is not as it should be."""

import http.client
import json
import pathlib
import threading
import unittest

from cached_case import CachedCase, fake_mlflow


class FallbackTest(CachedCase):
    def test_a_registry_that_goes_away_changes_nothing(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.registry.away = True
        self.wait(lambda: self.update()["failures"] >= 2)
        self.assertEqual(self.current(), "1")
        self.assertEqual(self.get("/health"), {"model_loaded": True})
        self.assertEqual(self.ask("/ready")[0], 200)
        self.assertGreaterEqual(self.metric("model_update_errors_total", name="fraud"), 2)
        self.publish(b"two")
        self.registry.away = False
        self.wait_version(2)
        self.wait(lambda: self.update()["failures"] == 0)
        self.end()

    def test_a_restart_without_the_registry_serves_what_it_had(self):
        self.publish(b"one")
        self.publish(b"two")
        self.start()
        self.wait_version(2)
        self.kill()  # no time to write anything down
        self.registry.away = True
        self.start()
        self.wait_version(2)
        self.assertIn("[INFO] Loading model version 2 from the disk\n", self.log())
        self.assertEqual(self.get("/models")["models"][0]["run_id"], "run-fraud-2")
        self.end()

    def test_a_restart_downloads_nothing_that_is_there(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.end()
        self.registry.asked.clear()
        self.start()
        self.wait_version(1)
        self.wait(lambda: self.update()["checks"])
        self.assertNotIn("/model-versions/get-artifact", self.registry.asked)
        self.end()

    def test_what_has_rotted_on_the_disk_is_fetched_again(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.end()
        (blob,) = (self.site / "state" / "blobs").iterdir()
        blob.chmod(0o600)
        blob.write_bytes(b"0ne")
        self.start()
        self.wait_version(1)
        self.assertIn("is not what it was", self.log())
        self.assertIn("[INFO] Loading model version 1 from MLflow\n", self.log())
        self.assertEqual(blob.read_bytes(), b"one")
        self.end()

    def test_an_index_that_cannot_be_read_is_as_none(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.end()
        index = self.site / "state" / "index.json"
        for text in ("", "{", '{"versions": [{"name": "fraud"}]}', '{"versions": 3}'):
            index.write_text(text)
            self.start()
            self.wait_version(1)
            self.assertIn("index.json is not used", self.log())
            self.end()
        self.assertEqual(json.loads(index.read_text())["versions"][0]["version"], "1")

    def test_a_second_daemon_is_refused(self):
        self.start()
        done = self.command()
        self.assertEqual(done.returncode, 1)
        self.assertIn("another model-cached works in state", done.stderr)
        self.end()


class BadVersionTest(CachedCase):
    def setUp(self):
        super().setUp()
        self.publish(b"one")

    def test_a_cut_download_is_tried_again(self):
        self.registry.faults = [fake_mlflow.status(500), fake_mlflow.status(404),
                                fake_mlflow.status(403)]
        self.start()
        self.wait_version(1)
        self.assertGreaterEqual(self.update()["errors"], 1)
        self.assertIn("tried again in 0.05 s", self.log())
        self.end()

    def test_pauses_grow_and_end_with_a_success(self):
        self.registry.away = True
        self.start()
        self.wait(lambda: self.update()["failures"] >= 4)
        pauses = [line.rsplit(" ", 2)[1] for line in self.log().splitlines()
                  if "tried again in" in line]
        self.assertEqual(pauses[:4], ["0.05", "0.1", "0.2", "0.2"])
        self.end()

    def test_a_digest_that_differs_is_refused(self):
        self.start()
        self.wait_version(1)
        self.publish(b"two", tags={"sha256": "0" * 64})
        self.wait(lambda: self.update()["failures"])
        self.assertEqual(self.current(), "1")
        self.end()

    def test_one_whose_digest_differs_again_and_again_is_given_up(self):
        self.start()
        self.wait_version(1)
        self.publish(b"two", tags={"sha256": "0" * 64})
        self.wait(lambda: self.update()["refused_version"] == "2")
        fetched = self.registry.asked.count("/model-versions/get-artifact")
        checks = self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual(self.registry.asked.count("/model-versions/get-artifact"), fetched)
        self.assertEqual(self.current(), "1")
        self.end()

    def test_another_run_under_the_same_number_is_another_version(self):
        self.start()
        self.wait_version(1)
        for run, content in (("second", b"other"), ("third", b"other")):
            self.registry.runs["fraud", 1] = run
            self.registry.versions["fraud", 1] = {"model.pkl": content}
            self.wait(lambda run=run: self.get("/models")["models"][0]["run_id"] == run)
        (row,) = self.get("/models")["models"]
        self.assertEqual((row["version"], row["size"], row["current"]), ("1", 5, True))
        loads, checks = self.metric("model_load_seconds_count"), self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual(self.metric("model_load_seconds_count"), loads)
        self.end()

    def test_a_file_that_is_no_model_is_not_served(self):
        self.start()
        self.wait_version(1)
        self.registry.publish("fraud", {"best.onnx": b"<html>"}, alias="Production")
        self.wait(lambda: self.update()["refused_version"] == "2")
        self.assertEqual((self.current(), self.update()["state"]), ("1", "refused"))
        fetched = self.registry.asked.count("/model-versions/get-artifact")
        checks = self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual(self.registry.asked.count("/model-versions/get-artifact"), fetched)
        self.publish(b"three")
        self.wait_version(3)
        self.end()

    def test_a_command_decides(self):
        self.configure(models=[{
            "mlflow_name": "fraud",
            "validate_command": 'echo "$MODEL_NAME $MODEL_VERSION" >> asked; '
                                'grep -q good "$1" || { echo no prediction; exit 3; }'}])
        self.start()
        self.wait(lambda: self.update()["refused_version"] == "1")
        self.assertEqual(self.ask("/health")[0], 503)
        self.assertIn("validate_command ended with 3: no prediction", self.log())
        self.publish(b"good")
        self.wait_version(2)
        self.assertEqual((self.site / "asked").read_text().split("\n")[:3], ["fraud 1"] * 3)
        self.end()

    def test_a_reload_tries_a_refused_version_again(self):
        self.configure(models=[{"mlflow_name": "fraud", "validate_command": "[ -e allowed ]"}])
        self.start()
        self.wait(lambda: self.update()["refused_version"] == "1")
        (self.site / "allowed").touch()
        self.assertEqual(self.get("/models/reload", "POST")["model_version"], "1")
        self.end()

    def test_a_command_that_hangs_is_ended(self):
        self.configure(models=[{"mlflow_name": "fraud", "validate_command": "sleep 1000",
                                "validate_timeout_seconds": 1}])
        self.start()
        self.wait(lambda: self.update()["failures"])
        self.assertIn("validate_command", self.update()["last_error"])
        self.end()

    def test_two_models_in_a_version_are_a_choice(self):
        self.registry.publish("fraud", {"best.pkl": b"b", "last.pkl": b"l"}, alias="Production")
        self.start()
        self.wait(lambda: self.update()["failures"])
        self.assertIn('say with "artifact" which one', self.update()["last_error"])
        self.end()
        self.configure(models=[{"mlflow_name": "fraud", "artifact": "best.pkl"}])
        self.start()
        self.wait_version(2)
        self.end()


class HeldUpTest(CachedCase):
    def test_a_model_that_hangs_holds_up_no_other(self):
        go = threading.Event()
        self.addCleanup(go.set)

        def hang(handler, content):
            go.wait()
            handler.ranged(content)

        self.configure(models=[{"mlflow_name": "fraud"}])
        self.publish(b"one")
        self.registry.faults = [hang]
        self.start()
        self.wait(lambda: not self.registry.faults)
        self.publish(b"mail", name="spam")
        self.configure(models=[{"mlflow_name": "fraud"}, {"mlflow_name": "spam"}])
        self.daemon.send_signal(1)
        self.wait_version(1, "spam")
        self.publish(b"mail 2", name="spam")
        self.wait_version(2, "spam")
        self.assertIsNone(self.current("fraud"))
        go.set()
        self.wait_version(1, "fraud")
        self.end()

    def test_it_ends_in_the_midst_of_a_download(self):
        go = threading.Event()
        self.addCleanup(go.set)
        self.publish(b"one")
        self.registry.faults = [lambda handler, content: go.wait()]
        self.start()
        self.wait(lambda: not self.registry.faults)
        waiting = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        self.addCleanup(waiting.close)
        waiting.request("POST", "/models/reload")
        # What is asked later is answered: so the first request has been read, too.
        self.assertEqual(self.update()["state"], "checking")
        self.end()
        self.assertEqual(waiting.getresponse().status, 503)


class RoomTest(CachedCase):
    def names(self):
        return {name for name, _ in self.versions()}

    def test_more_models_than_places(self):
        names = ["a", "b", "c"]
        for name in names:
            self.publish(name.encode(), name=name)
        self.environment["MODEL_CACHE_SIZE"] = "2"
        self.configure(models=[{"mlflow_name": "a", "pinned": True},
                               {"mlflow_name": "b"}, {"mlflow_name": "c"}], loaders=1)
        self.start()
        self.wait(lambda: self.ask("/ready")[0] == 200)
        self.assertEqual(self.names(), {"a", "b"})
        self.assertEqual(self.get("/models/reload?name=c", "POST")["model_version"], "1")
        self.assertEqual(self.names(), {"a", "c"})
        self.assertGreaterEqual(self.metric("model_cache_evictions_total"), 1)
        checks = self.update("b")["checks"]
        self.wait(lambda: self.update("b")["checks"] >= checks + 2)
        self.assertEqual(self.names(), {"a", "c"})  # what was evicted waits to be asked for
        self.end()

    def test_a_model_that_is_too_large_leaves_the_others(self):
        self.publish(b"one")
        self.publish(b"x" * 1000, name="large")
        self.configure(cache_bytes=500,
                       models=[{"mlflow_name": "fraud"}, {"mlflow_name": "large"}])
        self.start()
        self.wait_version(1)
        self.wait(lambda: self.update("large")["failures"])
        self.assertEqual(self.current(), "1")
        self.end()

    def test_allowed_models_come_when_they_are_asked_for(self):
        self.configure(models=[], allow=["team-*"])
        self.publish(b"one", name="team-a")
        self.publish(b"two", name="other")
        self.start()
        self.assertEqual(self.get("/models/current"), [])
        self.assertEqual(self.ask("/models/reload?name=other", "POST")[0], 404)
        self.assertEqual(self.get("/models/reload?name=team-a", "POST"),
                         {"status": "reloaded", "model_version": "1"})
        self.publish(b"newer", name="team-a")
        self.wait_version(2, "team-a")
        self.assertEqual(self.ask("/models/reload?name=team-b", "POST")[0], 502)
        self.end()

    def test_the_disk_has_a_bound(self):
        self.configure(disk_bytes=2500)
        blobs = self.site / "state" / "blobs"
        self.publish(b"1" * 1000)
        self.start()
        for version in (2, 3, 4):
            self.wait_version(version - 1)
            self.publish(str(version).encode() * 1000)
        self.wait_version(4)
        self.wait(lambda: len(list(blobs.iterdir())) == 2)
        self.wait(lambda: self.metric("model_disk_versions") == 2)
        self.assertLessEqual(self.metric("model_disk_bytes"), 2500)
        self.end()

    def test_equal_content_lies_on_the_disk_once(self):
        self.publish(b"same")
        self.start()
        self.wait_version(1)
        self.publish(b"same")
        self.wait_version(2)
        self.assertEqual(len(list((self.site / "state" / "blobs").iterdir())), 1)
        self.assertEqual(self.metric("model_disk_bytes"), 4)
        self.assertEqual(list((self.site / "state" / "staging").iterdir()), [])
        self.end()


class ConfigTest(CachedCase):
    WRONG = (
        ({"cache_sise": 5}, 'did you mean "cache_size"'),
        ({"cache_size": 0}, "from 1 to 1000"),
        ({"models": [{"source": "mlflow"}]}, "mlflow_name is missing"),
        ({"models": [{"mlflow_name": "a"}, {"mlflow_name": "a"}]}, "is that of line 1, too"),
        ({"models": [{"mlflow_name": "a", "source": "ftp"}]}, "expected mlflow, huggingface"),
        ({"models": [{"mlflow_name": "a", "source": "directory"}]}, "the directory of versions"),
        ({"models": [{"mlflow_name": "a", "source": "registry"}]}, "the address of model-regi"),
        ({"models": [{"mlflow_name": "a", "source": "registry", "uri": "http://x",
                      "alias": "b"}]}, "the registry has none"),
        ({"models": [{"mlflow_name": "a", "source": "registry", "uri": "http://x",
                      "stage": "Staging"}]}, "no other than Production"),
        ({"models": [{"mlflow_name": "a", "stage": "S", "alias": "b"}]}, "exclude each other"),
        ({"models": [{"mlflow_name": "a", "source": "huggingface", "stage": "S"}]},
         "only MLflow and the registry"),
        ({"models": [{"mlflow_name": "a", "artifact": "../x"}]}, "leaves the version"),
        ({"models": [{"mlflow_name": "a" * 128}]}, "longer than 127 bytes"),
        ({"models": [{"mlflow_name": "a", "alias": "b" * 64}]}, "alias: longer than 63"),
        ({"cache_size": 1, "models": [{"mlflow_name": "a", "pinned": True},
                                      {"mlflow_name": "b", "pinned": True}]},
         "2 models are pinned, and cache_size has places for 1"),
        ({"mlflow_uri": "localhost:5000"}, 'mlflow_uri: found "localhost:5000"'),
        ({"listen": "localhost:http"}, "expected an address and a port"),
        ({"listen": "nowhere:8000"}, '"nowhere" is no IPv4 or IPv6 address'),
        ({"retry_intervals": []}, "at least one number"),
        ({"retry_intervals": [5, "soon"]}, 'found "soon"'),
        ({"update_jitter": 2}, "from 0 to 1"),
        ({"socket": ""}, "socket is empty"),
        ({"state_dir": ""}, "state_dir is empty"),
    )

    def test_what_is_wrong_is_told(self):
        right = dict(self.settings)
        for settings, expected in self.WRONG:
            self.configure(**settings)
            done = self.command("--check-config")
            self.assertEqual(done.returncode, 2, settings)
            self.assertIn(expected, done.stderr)
            self.assertIn("config.yaml:1:", done.stderr)
            self.settings = dict(right)

    def test_one_that_is_right(self):
        done = self.command("--check-config")
        self.assertEqual((done.returncode, done.stdout),
                         (0, "config.yaml: 1 model, checked every second\n"))

    def test_the_environment_wins(self):
        self.configure(mlflow_uri="http://127.0.0.1:9", cache_size=3)
        self.environment = {"MLFLOW_TRACKING_URI": self.registry.url, "MODEL_CACHE_SIZE": "1",
                            "MODEL_UPDATE_INTERVAL": "7"}
        self.assertIn("every 7 seconds", self.command("--check-config").stdout)
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.end()
        for name, value in (("MODEL_CACHE_SIZE", "many"), ("MODEL_UPDATE_INTERVAL", "0")):
            self.environment = {name: value}
            done = self.command("--check-config")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f'{name}: found "{value}"', done.stderr)

    def test_logs_as_json(self):
        self.publish(b"one")
        self.start("--json-log")
        self.wait_version(1)
        self.end()
        lines = [json.loads(line) for line in self.log().splitlines()]
        self.assertIn("Loading model version 1 from MLflow", [line["message"] for line in lines])
        self.assertEqual({line["level"] for line in lines}, {"info"})

    def test_the_example_is_right(self):
        example = pathlib.Path(__file__).parents[3] / "docs" / "examples" / "model_cache.yaml"
        (self.site / "config.yaml").write_text(example.read_text())
        done = self.command("--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
