#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What model-cached serves, and what its port says."""

import json
import signal
import unittest

from cached_case import CachedCase, fake_mlflow


class ServeTest(CachedCase):
    def test_the_version_in_production_is_served(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        said = self.get("/models/current")
        self.assertEqual(list(said), ["name", "version", "stage", "loaded_at"])
        self.assertEqual({**said, "loaded_at": None}, {
            "name": "fraud", "version": "1", "stage": "Production", "loaded_at": None})
        self.assertRegex(said["loaded_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(self.get("/health"), {"model_loaded": True})
        self.assertEqual(self.get("/ready"), {"ready": True, "missing": []})
        self.end()

    def test_nothing_at_all_is_503(self):
        self.start()
        self.assertEqual(self.get("/health", status=503), {"model_loaded": False})
        self.assertEqual(self.get("/ready", status=503), {"ready": False, "missing": ["fraud"]})
        code, text, headers = self.ask("/models/current")
        self.assertEqual((code, json.loads(text)["status"]), (503, 503))
        self.assertTrue(headers["Retry-After"])
        self.assertEqual(self.ask("/models/current?name=other")[0], 404)
        self.wait(lambda: self.update()["failures"] > 1)
        self.assertIn("no version is in the stage Production", self.update()["last_error"])
        self.publish(b"one")
        self.wait_version(1)
        self.end()

    def test_a_swap_and_its_log(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: "Swapped to" in self.log())
        self.assertRegex(self.log(), r"\[INFO\] Loading model version 2 from MLflow\n"
                         r"\[INFO\] Model loaded successfully in \d+\.\ds\n"
                         r"\[INFO\] Swapped to model version 2\n")
        self.assertEqual(self.versions(), {("fraud", "1"), ("fraud", "2")})
        self.wait(lambda: [(row["version"], row["current"], row["stage"])
                           for row in self.get("/models")["models"]] ==
                  [("2", True, "Production"), ("1", False, None)])
        self.end()

    def test_what_leaves_is_cleaned_up(self):
        self.configure(cache_size=1)
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: "[INFO] Cleaned up model version 1\n" in self.log())
        self.assertEqual(self.versions(), {("fraud", "2")})
        self.end()

    def test_a_rollback_comes_within_an_interval_and_loads_nothing(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        self.publish(b"two")
        self.wait_version(2)
        del self.registry.aliases["fraud", "Production"]  # archived; none is there
        checks = self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual((self.current(), self.update()["failures"]), ("2", 0))
        loads = self.metric("model_load_seconds_count")
        self.registry.aliases["fraud", "Production"] = 1
        self.wait_version(1)
        self.assertEqual(self.metric("model_load_seconds_count"), loads)
        self.assertEqual(self.get("/models/current")["stage"], "Production")
        self.end()

    def test_several_models_are_a_list(self):
        self.configure(models=[{"mlflow_name": "fraud"}, {"mlflow_name": "spam"}])
        self.publish(b"one")
        self.publish(b"mail", name="spam")
        self.start()
        self.wait(lambda: self.ask("/ready")[0] == 200)
        self.assertEqual([row["name"] for row in self.get("/models/current")],
                         ["fraud", "spam"])
        self.assertEqual(self.get("/models/current?name=spam")["version"], "1")
        self.assertEqual(self.get("/models/reload", "POST"), [
            {"name": "fraud", "status": "reloaded", "model_version": "1"},
            {"name": "spam", "status": "reloaded", "model_version": "1"}])
        self.assertIn("[INFO] Loading model version 1 from MLflow (spam)\n", self.log())
        self.end()

    def test_several_models_without_a_version(self):
        self.configure(models=[{"mlflow_name": "fraud"}, {"mlflow_name": "spam"}])
        self.start()
        code, text, headers = self.ask("/models/current")
        self.assertEqual(code, 503, text)
        self.assertIn("Retry-After", headers)
        self.end()

    def test_a_request_in_vain_makes_no_model(self):
        self.configure(models=[{"mlflow_name": "fraud"}], allow=["team-*"])
        self.publish(b"one")
        self.publish(b"two", name="team-a")
        self.start()
        self.wait_version(1)
        self.assertEqual(self.ask("/models/reload?name=team-b", "POST")[0], 502)
        self.assertEqual(self.get("/models/current")["name"], "fraud")
        self.get("/models/reload?name=team-a", "POST")
        self.assertEqual([row["name"] for row in self.get("/models/current")], ["fraud", "team-a"])
        self.end()

    def test_an_alias(self):
        self.configure(models=[{"mlflow_name": "fraud", "alias": "champion"}])
        self.registry.publish("fraud", {"model.pkl": b"one"})
        self.start()
        self.wait_version(1)
        self.assertEqual(self.get("/models/current")["stage"], "champion")
        self.end()

    def test_a_directory_of_versions(self):
        version = self.site / "store" / "fraud" / "2024-01-20"
        version.mkdir(parents=True)
        (version / "model.onnx.txt").write_bytes(b"labels")
        (version / "model.pkl").write_bytes(b"one")
        self.configure(models=[{"name": "fraud", "source": "directory", "uri": "store"}])
        self.start()
        self.wait_version("2024-01-20")
        newer = self.site / "store" / "fraud" / "new"
        newer.mkdir()
        (newer / "model.pkl").write_bytes(b"two")
        newer.rename(newer.with_name("2024-02-03"))
        self.wait_version("2024-02-03")
        self.end()


class ReloadTest(CachedCase):
    def setUp(self):
        super().setUp()
        self.configure(update_interval_seconds=3600)
        self.publish(b"one")
        self.start()
        self.wait_version(1)

    def test_a_reload_takes_the_new_version(self):
        self.publish(b"two")
        self.assertEqual(self.get("/models/reload", "POST"),
                         {"status": "reloaded", "model_version": "2"})
        self.assertEqual(self.current(), "2")
        self.end()

    def test_nothing_new_is_the_same_reply(self):
        self.assertEqual(self.get("/models/reload?name=fraud", "POST"),
                         {"status": "reloaded", "model_version": "1"})
        self.end()

    def test_a_failed_reload_is_502_and_the_old_version_serves(self):
        self.publish(b"two")
        self.registry.faults = [fake_mlflow.status(403)]
        self.assertIn("403", self.get("/models/reload", "POST", 502)["detail"])
        self.assertEqual(self.current(), "1")
        self.end()

    def test_an_unknown_model_is_404_and_a_wrong_method_405(self):
        self.assertEqual(self.ask("/models/reload?name=other", "POST")[0], 404)
        self.assertEqual(self.ask("/models/reload")[0], 405)
        self.assertEqual(self.ask("/models/other")[0], 404)
        self.end()

    def test_the_configuration_is_read_again(self):
        self.publish(b"mail", name="spam")
        self.configure(models=[{"mlflow_name": "fraud"}, {"mlflow_name": "spam"}])
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_version(1, "spam")
        self.configure(cache_sise=3)
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: "the former stays" in self.log())
        self.assertIn('did you mean "cache_size"', self.log())
        self.assertEqual(self.current("spam"), "1")
        self.end()


    def test_what_needs_a_restart_is_told(self):
        self.configure(loaders=2, listen="127.0.0.1:1", state_dir="other", cache_size=3)
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: "read again" in self.log())
        told = [line.split(":")[0].split("] ")[-1] for line in self.log().splitlines()
                if "is taken up by a restart" in line]
        self.assertEqual(told, ["listen", "state_dir", "loaders"])
        self.end()

    def test_a_model_that_is_taken_out_is_let_go(self):
        self.publish(b"mail", name="spam")
        self.configure(models=[{"mlflow_name": "spam"}])
        self.daemon.send_signal(signal.SIGHUP)
        self.wait_version(1, "spam")
        self.wait(lambda: self.versions() == {("spam", "1")})
        self.assertEqual(self.ask("/models/current?name=fraud")[0], 404)
        self.wait(lambda: len(self.get("/models/updates/status")["models"]) == 1)
        self.assertEqual(self.get("/models/current")["name"], "spam")
        self.end()


class MetricsTest(CachedCase):
    def test_series_of_a_former_version_go(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        series = {"name": "fraud", "version": "1", "stage": "Production"}
        self.assertEqual(self.metric("model_version_info", **series), 1)
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: self.metric("model_version_info", **series) is None)
        self.assertEqual(self.metric("model_version_info", **{**series, "version": "2"}), 1)
        self.assertEqual(self.metric("model_swap_seconds_count"), 1)
        self.assertEqual(self.metric("model_load_seconds_count"), 2)
        self.assertEqual(self.metric("model_loads_total", **{"from": "source"}), 2)
        self.assertEqual(self.metric("model_cache_bytes"), 6)
        self.end()

    def test_names_that_people_look_for_are_there(self):
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        text = self.ask("/metrics")[1]
        for name in ("model_version", "cache_hits", "model_update_errors"):
            self.assertTrue([line for line in text.splitlines()
                             if name in line and not line.startswith("#")], name)
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
