#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-cached against MLflow's own servers.

The present generation is tested always, the former one with MODELFLEET_MLFLOW=all. A class has one server,
and each of its tests a model of its own.
"""

import hashlib
import os
import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import unittest

from cached_case import DaemonCase

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "mlflow"))

import environments  # noqa: E402
import servers  # noqa: E402

ALL = os.environ.get("MODELFLEET_MLFLOW") == "all"
PREDICT = pathlib.Path(__file__).resolve().with_name("predict_three.py")


class RealCase(DaemonCase):
    generation = "3"
    patience = servers.PATIENCE

    @classmethod
    def setUpClass(cls):
        try:
            programs = environments.mlflow(cls.generation)
        except environments.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        place = pathlib.Path(tempfile.mkdtemp(prefix="cached-mlflow."))
        cls.addClassCleanup(shutil.rmtree, place)
        cls.server = servers.Mlflow(programs, place / "server")
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        cls.publisher = cls.server.publisher()
        cls.addClassCleanup(cls.publisher.close)

    def setUp(self):
        super().setUp()
        self.model = self.id().rsplit(".", 1)[-1].removeprefix("test_")
        self.configure(mlflow_uri=self.server.url)
        self.configure_model()

    def configure_model(self, **more):
        self.configure(models=[{"mlflow_name": self.model, **more}])

    # ---- what a publisher does

    def publish(self, files, stage=None, **more):
        """A version of these files, in a stage; its number."""
        directory = tempfile.mkdtemp(dir=self.site)
        for path, content in files.items():
            place = pathlib.Path(directory, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        made = self.publisher.call("publish", name=self.model, directory=directory,
                                   **{"alias": None, **more})
        if stage:
            self.stage(made["version"], stage)
        return made

    def pickled(self, content, stage="Production", **more):
        return self.publish({"MLmodel": b"flavors: {}\n", "conda.yaml": b"name: env\n",
                             "requirements.txt": b"", "model.pkl": content}, stage, **more)

    def stage(self, version, stage):
        self.publisher.call("set_stage", name=self.model, version=version, stage=stage)

    # ---- what the daemon has

    def serves(self, version):
        self.wait(lambda: self.current(self.model) == str(version))

    def checked_again(self):
        """Waits until a whole check has gone by."""
        checks = self.update(self.model)["checks"]
        self.wait(lambda: self.update(self.model)["checks"] >= checks + 2)

    def held(self):
        """The row of the version that serves."""
        return self.get("/models")["models"][0]

    def assert_bytes(self, content):
        self.assertEqual(self.held()["sha256"], hashlib.sha256(content).hexdigest())


class Registry:
    """What holds for every generation."""

    def test_versions_go_into_production(self):
        self.configure(cache_size=1)
        first = self.pickled(b"one", None)
        self.start()
        self.wait(lambda: self.update(self.model)["failures"])
        self.assertIn("no version is in the stage Production",
                      self.update(self.model)["last_error"])
        self.assertEqual(self.get("/health", status=503), {"model_loaded": False})
        self.stage(1, "Production")
        self.serves(1)
        self.assertEqual(self.held()["run_id"], first["run_id"])
        self.assert_bytes(b"one")
        self.pickled(b"two", "Staging")
        self.checked_again()
        self.assertEqual(self.current(self.model), "1")
        self.stage(2, "Production")
        self.serves(2)
        self.assert_bytes(b"two")
        self.wait(lambda: "Cleaned up" in self.log())
        said = [re.sub(r"in \d+\.\ds", "in 0.1s", line) for line in self.log().splitlines()
                if line.startswith("[INFO] ") and "odel version" in line or "Model loaded" in line]
        self.assertEqual(said, ["[INFO] Loading model version 1 from MLflow",
                                "[INFO] Model loaded successfully in 0.1s",
                                "[INFO] Serving model version 1",
                                "[INFO] Loading model version 2 from MLflow",
                                "[INFO] Model loaded successfully in 0.1s",
                                "[INFO] Swapped to model version 2",
                                "[INFO] Cleaned up model version 1"])
        self.end()

    def test_a_rollback_loads_nothing(self):
        self.pickled(b"one")
        self.start()
        self.serves(1)
        self.pickled(b"two")
        self.serves(2)
        self.stage(2, "Archived")
        self.stage(1, "Archived")
        self.checked_again()
        self.assertEqual((self.current(self.model), self.update(self.model)["failures"]), ("2", 0))
        loads = self.metric("model_load_seconds_count")
        self.stage(1, "Production")
        self.serves(1)
        self.assertEqual(self.metric("model_load_seconds_count"), loads)
        self.assertEqual(self.get("/models/current")["stage"], "Production")
        self.end()

    def test_a_reload_does_not_wait_for_the_interval(self):
        self.configure(update_interval_seconds=3600)
        self.pickled(b"one")
        self.start()
        self.serves(1)
        self.pickled(b"two")
        self.assertEqual(self.get("/models/reload", "POST"),
                         {"status": "reloaded", "model_version": "2"})
        self.end()

    def test_an_alias(self):
        self.configure_model(alias="champion")
        for word in (b"one", b"two"):
            self.pickled(word, None, alias="champion")
        self.start()
        self.serves(2)
        self.publisher.call("set_alias", name=self.model, alias="champion", version=1)
        self.serves(1)
        self.assert_bytes(b"one")
        self.assertEqual(self.get("/models/current")["stage"], "champion")
        self.end()

    def test_a_model_with_files_of_its_own(self):
        """A Python model has a pickle and what it was given: which one is meant has to be said."""
        self.publish({"MLmodel": b"flavors: {}\n", "python_model.pkl": b"code",
                      "artifacts/weights.pt": b"no archive", "artifacts/labels.bin": b"labels"},
                     "Production")
        self.start()
        self.wait(lambda: self.update(self.model)["failures"])
        self.assertIn('say with "artifact" which one', self.update(self.model)["last_error"])
        self.end()
        self.configure_model(artifact="artifacts/*.bin")
        self.start()
        self.serves(1)
        self.assert_bytes(b"labels")
        self.end()

    def test_an_estimator_that_has_to_predict_first(self):
        """What the sklearn flavour logs, tried by a command before it serves."""
        python = self.server.programs / "python"
        self.configure_model(validate_timeout_seconds=240, validate_command=(
            f'{shlex.quote(str(python))} {shlex.quote(str(PREDICT))} "$1"'))
        self.configure(retry_intervals=[3600], update_interval_seconds=3600)
        self.publisher.call("train", name=self.model, slope=2)
        self.stage(1, "Production")
        self.start()
        self.serves(1)
        self.publisher.call("train", name=self.model, slope=3)
        self.stage(2, "Production")
        self.assertIn("3 gives 9.0", self.get("/models/reload", "POST", 502)["detail"])
        self.assertEqual((self.current(self.model), self.update(self.model)["refused_version"]),
                         ("1", "2"))
        self.end()


class Mlflow3Test(Registry, RealCase):
    def test_a_version_of_a_logged_model(self):
        for version, word in ((1, b"one"), (2, b"two")):
            self.pickled(word, logged_model=True)
            if version == 1:
                self.start()
            self.serves(version)
            self.assert_bytes(word)
        self.end()

    def test_a_server_that_dies(self):
        self.pickled(b"one")
        self.pickled(b"two")
        self.start()
        self.serves(2)
        self.server.kill()
        self.addCleanup(lambda: self.server.process or self.server.start())
        self.wait(lambda: self.update(self.model)["failures"] >= 2)
        self.assertEqual((self.current(self.model), self.ask("/ready")[0]), ("2", 200))
        self.assertGreaterEqual(self.metric("model_update_errors_total", name=self.model), 2)
        self.kill()
        self.start()
        self.serves(2)
        self.assertIn("[INFO] Loading model version 2 from the disk\n", self.log())
        self.assert_bytes(b"two")
        self.server.start()
        self.wait(lambda: self.update(self.model)["failures"] == 0)
        self.stage(2, "Archived")
        self.stage(1, "Production")
        self.serves(1)
        self.end()


@unittest.skipUnless(ALL, "only with MODELFLEET_MLFLOW=all")
class Mlflow2Test(Registry, RealCase):
    generation = "2"


def main():
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and len(result.skipped) >= result.testsRun:
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
