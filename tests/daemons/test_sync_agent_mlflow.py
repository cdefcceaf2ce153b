#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent against MLflow's own servers.

The present generation with artifacts through the server is tested always; with MODELFLEET_MLFLOW=all the
former one, artifacts in S3, users with passwords, and a large file, too (some minutes).
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "mlflow"))

import environments  # noqa: E402
import servers  # noqa: E402
from test_sync_agent import AgentCase, PATIENCE, pt  # noqa: E402

ALL = os.environ.get("MODELFLEET_MLFLOW") == "all"
LARGE = 1_000_000_000
HOOK = "secret-of-the-webhook"


def on_request(case):
    return unittest.skipUnless(ALL, "only with MODELFLEET_MLFLOW=all")(case)


class RealCase(AgentCase):
    """A server for all tests of a class; each test has a model of its own."""

    generation, in_s3, basic_auth = "3", False, False

    @classmethod
    def setUpClass(cls):
        try:
            programs = environments.mlflow(cls.generation)
            gateway = environments.gateway() if cls.in_s3 else None
        except environments.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        place = pathlib.Path(tempfile.mkdtemp(prefix="sync-agent-mlflow."))
        cls.addClassCleanup(shutil.rmtree, place)
        store = None
        if gateway:
            store = servers.Gateway(gateway, place / "s3").start()
            cls.addClassCleanup(store.kill)
        cls.server = servers.Mlflow(programs, place / "server", store, cls.basic_auth)
        cls.addClassCleanup(cls.server.kill)
        cls.server.start()
        cls.publisher = cls.server.publisher()
        cls.addClassCleanup(cls.publisher.close)

    def setUp(self):
        super().setUp()
        self.model = self.id().rsplit(".", 1)[-1].removeprefix("test_")
        self.configure(mlflow_uri=self.server.url)
        self.configure_model()

    def configure_model(self, **settings):
        self.configure(models=[{"mlflow_name": self.model, "local_filename": "plates.pt", **settings}])

    def publish(self, files, **more):
        directory = tempfile.mkdtemp(dir=self.site)
        for path, content in files.items():
            place = pathlib.Path(directory, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return self.publisher.call("publish", name=self.model, directory=directory, **more)

    def alias(self, version):
        self.publisher.call("set_alias", name=self.model, alias="champion", version=version)


class Registry:
    """What holds for every generation and every place where artifacts lie."""

    def test_an_alias_moves_forth_and_back(self):
        first = self.publish({"MLmodel": b"x", "weights/best.pt": pt("one")})
        self.once()
        self.assert_file(pt("one"))
        record = self.manifest()["models"]["plates.pt"]
        self.assertEqual((record["version"], record["run_id"]), (1, first["run_id"]))
        self.publish({"weights/best.pt": pt("two", 300_000)})
        self.once()
        self.assert_file(pt("two", 300_000))
        self.alias(1)
        self.once()
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)
        self.once()
        self.assertEqual(self.restarts(), 3)

    def test_a_stage_instead_of_an_alias(self):
        self.configure_model(stage="Production")
        for word in ("one", "two"):
            self.publish({"best.pt": pt(word)}, alias=None)
        self.assertIn("Production", self.once(code=1))
        for version, word in ((2, "two"), (1, "one")):
            self.publisher.call("set_stage", name=self.model, version=2, stage="Archived")
            self.publisher.call("set_stage", name=self.model, version=version, stage="Production")
            self.once()
            self.assert_file(pt(word))
        self.assertEqual(self.manifest()["models"]["plates.pt"]["alias"], "Production")

    def test_which_file_is_meant(self):
        # (A "%20" in a name is beyond MLflow's server itself, which decodes it for S3.)
        self.publish({"weights/best.pt": pt("best"), "weights/last.pt": pt("last"),
                      "weights/a b+cä.pt": pt("odd"), "deep/er/still/best.pt": pt("deep")})
        said = self.once(code=1)
        self.assertIn("4 files that may be meant", said)
        self.assertFalse((self.models / "plates.pt").exists())
        for artifact, word in (("weights/b*.pt", "best"), ("weights/last.pt", "last"),
                               ("weights/a b+cä.pt", "odd"), ("**/a b*", "odd"),
                               ("deep/**/*.pt", "deep")):
            shutil.rmtree(self.models)
            self.configure_model(artifact=artifact)
            self.once()
            self.assert_file(pt(word))
        for artifact in ("weights/none.pt", "none/*.pt"):
            self.configure_model(artifact=artifact)
            shutil.rmtree(self.models)
            self.assertIn("none", self.once(code=1))

    def test_a_digest_in_a_tag_is_compared(self):
        self.publish({"best.pt": pt("one")}, tags={"sha256": "0" * 64})
        self.assertIn("has the sha256", self.once(code=1))
        self.assertFalse((self.models / "plates.pt").exists())
        self.publisher.call("set_tag", name=self.model, version=1, key="sha256",
                            value=hashlib.sha256(pt("one")).hexdigest())
        self.once()
        (self.models / "manifest.json").unlink()
        self.once()
        self.assertEqual((self.version(), self.restarts()), (1, 1))

    def test_what_is_deleted_keeps_its_file(self):
        self.publish({"best.pt": pt("one")})
        self.once()
        self.publisher.call("delete_alias", name=self.model, alias="champion")
        self.assertIn("champion", self.once(code=1))
        self.publisher.call("delete_model", name=self.model)
        self.assertIn(self.model, self.once(code=1))
        self.assert_file(pt("one"))
        self.assertEqual((self.version(), self.restarts()), (1, 1))

    def test_a_former_version_by_hand(self):
        for word in ("one", "two"):
            self.publish({"best.pt": pt(word)})
            self.once()
        subprocess.run(self.command("--rollback", "plates.pt"), cwd=self.site, check=True,
                       capture_output=True, timeout=PATIENCE)
        self.once()
        self.assert_file(pt("one"))
        self.publish({"best.pt": pt("three")})
        self.once()
        self.assert_file(pt("three"))

    def test_a_server_that_dies_in_a_download(self):
        self.publish({"best.pt": pt("one")})
        self.once()
        # Beyond what the kernel keeps of a connection whose server is gone.
        large = pt("two", 40_000_000)
        self.publish({"best.pt": large})
        self.configure(bandwidth_bytes_per_second=4_000_000)
        with (self.site / "log").open("w") as log:
            agent = subprocess.Popen(self.command("--once"), cwd=self.site, stderr=log)
        try:
            self.wait(lambda: any(part.stat().st_size > 500_000
                                  for part in self.models.glob("staging/**/*.part")))
            self.server.kill()
            self.assertEqual(agent.wait(PATIENCE), 1)
        finally:
            agent.kill()
            agent.wait()
            self.server.kill()
            self.server.start()
        self.assertIn("warning: plates.pt", (self.site / "log").read_text())
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)
        self.configure(bandwidth_bytes_per_second=400_000_000)
        self.once()
        self.assert_file(large)


class Generation3:
    """What MLflow has since its third generation."""

    def test_a_version_of_a_logged_model(self):
        for word in ("one", "two"):
            self.publish({"MLmodel": b"x", "data/best.pt": pt(word)}, logged_model=True)
            self.once()
            self.assert_file(pt(word))


class Mlflow3Test(Registry, Generation3, RealCase):
    def hook(self, secret):
        hook = self.publisher.call("create_webhook", name=self.model, secret=secret,
                                   url=f"http://127.0.0.1:{self.port}/webhook")
        self.addCleanup(self.publisher.call, "delete_webhook", webhook_id=hook)
        return self.publisher.call("test_webhook", webhook_id=hook)

    def test_a_webhook_wakes_the_agent(self):
        self.publish({"best.pt": pt("one")})
        self.configure(webhook_secret=HOOK)
        self.start()
        self.assertEqual(self.hook("another"), 401)
        self.assertEqual(self.hook(HOOK), 202)
        self.publish({"best.pt": pt("two")})
        self.wait(lambda: self.status()["models"]["plates.pt"]["version"] == 2)
        self.assert_file(pt("two"))


@on_request
class Mlflow3S3Test(Registry, Generation3, RealCase):
    in_s3 = True


@on_request
class Mlflow2Test(Registry, RealCase):
    generation = "2"


@on_request
class Mlflow2S3Test(Registry, RealCase):
    generation, in_s3 = "2", True


@on_request
class UsersTest(RealCase):
    basic_auth = True

    def once_as(self, user, password, code=0):
        done = subprocess.run(
            self.command("--once"), cwd=self.site, text=True, capture_output=True,
            timeout=PATIENCE, check=False, env={**os.environ, "MLFLOW_TRACKING_USERNAME": user,
                                                "MLFLOW_TRACKING_PASSWORD": password})
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertNotIn(password, done.stderr)
        return done.stderr

    def test_a_name_and_a_password(self):
        self.publish({"weights/best.pt": pt("one")})
        self.assertIn("401", self.once_as("admin", "a wrong password", code=1))
        self.assertIn("401", self.once(code=1))
        self.once_as(*self.server.ADMIN)
        self.assert_file(pt("one"))


@on_request
class LargeTest(RealCase):
    def test_a_gigabyte(self):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.site))
        digest = hashlib.sha256()
        with (directory / "model.engine").open("wb") as out:
            for number in range(LARGE // 1_000_000):
                piece = hashlib.shake_128(str(number).encode()).digest(1_000_000)
                digest.update(piece)
                out.write(piece)
        self.publisher.call("publish", name=self.model, directory=str(directory),
                            tags={"sha256": digest.hexdigest()})
        self.configure(models=[{"mlflow_name": self.model, "local_filename": "large.engine"}])
        started = time.monotonic()
        done = subprocess.run(self.command("--once"), cwd=self.site, text=True, check=False,
                              capture_output=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.models / "large.engine").stat().st_size, LARGE)
        print(f"1 GB in {time.monotonic() - started:.1f} s", file=sys.stderr)


def main():
    program = unittest.main(verbosity=2, exit=False)
    result = program.result
    if result.wasSuccessful() and len(result.skipped) >= result.testsRun:
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
