#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-cached with the sources that are not MLflow: a directory, model-registryd, the Hub."""

import hashlib
import pathlib
import sys
import unittest

from cached_case import DaemonCase

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "registryd")]
import fake_hub  # noqa: E402
from site_case import SECOND, SiteCase  # noqa: E402
from registry_case import MODELS  # noqa: E402

TOKEN = "hf_secret_of_the_tests"
KEY = "key-of-the-tests"


def digest(content):
    return hashlib.sha256(content).hexdigest()


class DirectoryTest(DaemonCase):
    def setUp(self):
        super().setUp()
        self.store = self.site / "model_registry"
        self.configure_model()

    def configure_model(self, **more):
        self.configure(models=[{"name": "fraud", "source": "directory", "uri": "model_registry",
                                **more}])

    def publish(self, date, content):
        """A version as a deploy puts it there: whole, by a rename."""
        staged = self.store / "fraud" / ".staging"
        (staged / "weights").mkdir(parents=True)
        (staged / "manifest.yaml").write_text("by: ada\n")
        (staged / "weights" / "best.bin").write_bytes(content)
        staged.rename(staged.with_name(date))

    def assert_serves(self, version, content):
        self.wait_version(version)
        self.assertEqual(self.get("/models")["models"][0]["sha256"], digest(content))

    def test_the_newest_version_serves(self):
        self.publish("2026-01-05", b"one")
        (self.store / "fraud" / "2026-01-05.bak").mkdir()
        (self.store / "fraud" / "newest").mkdir()
        self.start()
        self.assert_serves("2026-01-05", b"one")
        self.publish("2026-02-01", b"two")
        self.assert_serves("2026-02-01", b"two")
        (self.store / "fraud" / "2026-02-01").rename(self.store / "withdrawn")
        self.assert_serves("2026-01-05", b"one")
        self.end()

    def test_a_link_says_which_one(self):
        self.configure_model(alias="champion")
        for date, content in (("2026-01-05", b"one"), ("2026-02-01", b"two")):
            self.publish(date, content)
        link = self.store / "fraud" / "champion"
        link.symlink_to("2026-01-05")
        self.start()
        self.assert_serves("2026-01-05", b"one")
        link.with_name("other").symlink_to("2026-02-01")
        link.with_name("other").rename(link)
        self.assert_serves("2026-02-01", b"two")
        self.assertEqual(self.get("/models/current")["stage"], "champion")
        self.end()

    def test_a_directory_that_goes_away_and_comes_back(self):
        self.publish("2026-01-05", b"one")
        self.start()
        self.assert_serves("2026-01-05", b"one")
        self.store.rename(self.site / "unmounted")
        checks = self.update()["checks"]
        self.wait(lambda: self.update()["checks"] >= checks + 2)
        self.assertEqual(self.current(), "2026-01-05")
        self.kill()
        self.start()
        self.assert_serves("2026-01-05", b"one")
        (self.site / "unmounted").rename(self.store)
        self.publish("2026-02-01", b"two")
        self.assert_serves("2026-02-01", b"two")
        self.end()


class RegistryTest(SiteCase):
    """model-registryd with the files of a site, and the cache beside it."""

    def setUp(self):
        super().setUp()
        self.cached = DaemonCase()
        self.addCleanup(self.cached.doCleanups)
        self.cached.setUp()

    def add_version(self, client, version, date, content=b"two"):
        """One that has the weights and what tells of them."""
        for path, written in (("m.bin", content), ("labels.txt", b"cat\n")):
            self.assertEqual(self.upload(client, version, path, written).status, 201)
        self.seal(client, version, date)
        self.register(client, "face", version, date=date)

    def serve(self):
        self.cached.configure(models=[{"name": "face", "source": "registry",
                                       "uri": f"http://127.0.0.1:{self.port}"}])
        self.cached.start()

    def activate(self, client, version):
        answer = client("PUT", f"{MODELS}/face/{version}/activate")
        self.assertEqual(answer.status, 200, answer)

    def test_what_is_in_production_serves(self):
        client = self.start()
        self.add_version(client, 3, SECOND, b"two")
        self.add_version(client, 4, "2026-02-03", b"three")
        self.activate(client, 3)
        self.serve()
        self.cached.wait_version(3, "face")
        (row,) = self.cached.get("/models")["models"]
        self.assertEqual((row["sha256"], row["stage"]), (digest(b"two"), "Production"))
        for version in (4, 3):
            self.activate(client, version)
            self.cached.wait_version(version, "face")
        self.assertIn("[INFO] Loading model version 4 from the registry\n", self.cached.log())
        self.cached.end()
        self.assertEqual(self.stop(), 0)

    def test_the_registry_is_away(self):
        client = self.start()
        self.add_version(client, 3, SECOND, b"two")
        self.activate(client, 3)
        self.serve()
        self.cached.wait_version(3, "face")
        self.settings["listen"] = f"127.0.0.1:{self.port}"
        self.stop()
        self.cached.wait(lambda: self.cached.update("face")["failures"])
        self.cached.kill()
        self.cached.start()
        self.cached.wait_version(3, "face")
        client = self.start()
        self.add_version(client, 4, "2026-02-03", b"three")
        self.activate(client, 4)
        self.cached.wait_version(4, "face")
        self.cached.end()

    def test_a_version_without_files(self):
        client = self.start()
        self.register(client, "other", 1)
        self.assertEqual(client("PUT", f"{MODELS}/other/1/activate").status, 200)
        self.cached.configure(models=[{"name": "other", "source": "registry",
                                       "uri": f"http://127.0.0.1:{self.port}"}])
        self.cached.start()
        self.cached.wait(lambda: self.cached.update("other")["failures"])
        self.assertIn("no files in the registry", self.cached.update("other")["last_error"])
        self.cached.end()

    def test_a_key(self):
        self.settings["access"] = {"keys": [{"name": "w", "sha256": digest(KEY.encode()),
                                             "role": "write"}]}
        self.start()
        writer = self.client(X_API_Key=KEY)
        self.add_version(writer, 3, SECOND, b"two")
        self.activate(writer, 3)
        self.serve()
        self.cached.wait(lambda: self.cached.update("face")["failures"])
        self.assertIn("401", self.cached.update("face")["last_error"])
        self.cached.end()
        self.cached.environment["MODELFLEET_REGISTRY_KEY"] = KEY
        self.cached.start()
        self.cached.wait_version(3, "face")
        self.assertNotIn(KEY, self.cached.log())
        self.cached.end()


class HubTest(DaemonCase):
    def setUp(self):
        super().setUp()
        self.hub = fake_hub.Hub(TOKEN)
        self.addCleanup(self.hub.stop)
        self.environment["HF_TOKEN"] = TOKEN
        self.configure(models=[{"name": "org/plates", "source": "huggingface", "alias": "main",
                                "uri": self.hub.url()}])

    def commit(self, content, revision="main"):
        return self.hub.commit("org/plates", {
            "README.md": b"# plates", "config.json": b"{}", "weights/plates.bin": content}, revision)

    def assert_serves(self, commit, content):
        self.wait_version(commit, "org/plates")
        self.assertEqual(self.get("/models")["models"][0]["sha256"], digest(content))

    def test_a_branch_moves(self):
        first = self.commit(b"one")
        self.start()
        self.assert_serves(first, b"one")
        second = self.commit(b"two")
        self.assert_serves(second, b"two")
        self.hub.revisions["org/plates", "main"] = first
        self.assert_serves(first, b"one")
        self.assertIn(f"[INFO] Loading model version {second} from the Hub\n", self.log())
        self.assertEqual(self.get("/models/current")["stage"], "main")
        self.end()

    def test_the_token_goes_to_the_hub_alone(self):
        commit = self.commit(b"one")
        self.environment["HF_TOKEN"] = "hf_another"
        self.start()
        self.wait(lambda: self.update("org/plates")["failures"])
        self.assertIn("401", self.update("org/plates")["last_error"])
        self.assertNotIn("hf_another", self.log())
        self.end()
        self.environment["HF_TOKEN"] = TOKEN
        self.start()
        self.assert_serves(commit, b"one")
        self.assertEqual([said.get("Authorization") for said in self.hub.seen_elsewhere], [None])
        self.assertNotIn(TOKEN, self.log())
        self.end()

    def test_content_that_is_not_what_the_hub_says(self):
        first = self.commit(b"one")
        self.start()
        self.assert_serves(first, b"one")
        second = self.commit(b"two", "next")
        listed = self.hub.files[second]
        self.hub.files[second] = fake_hub.Changed(listed)
        self.hub.revisions["org/plates", "main"] = second
        self.wait(lambda: self.update("org/plates")["failures"])
        self.assertIn("sha256", self.update("org/plates")["last_error"])
        self.assertEqual(self.current("org/plates"), first)
        self.hub.files[second] = listed
        self.assert_serves(second, b"two")
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
