#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files in S3 and who uses them: the command line, devices, several instances, a store that is away."""

import hashlib
import json
import os
import pathlib
import subprocess
import threading
import unittest

from balancer import Balancer
from registry_case import MODELS, PATIENCE, Client
from s3_case import DATE, S3Case, servers
from test_import import Hub

AGENT = pathlib.Path(os.environ["MODELFLEET_BIN"]) / "model-sync-agent"
KEY = "open-sesame-of-the-tests"


class RelayedCase(S3Case):
    """What goes to the store passes an address that remembers it."""

    def setUp(self):
        super().setUp()
        self.relay = Balancer([self.gateway.port])
        self.addCleanup(self.relay.server_close)
        self.addCleanup(self.relay.shutdown)
        self.settings["site"]["s3_endpoint"] = f"http://127.0.0.1:{self.relay.port}"
        self.settings["access"] = {"keys": [{"name": "ci", "role": "write",
                                             "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]}

    def assert_no_secret_was_sent(self):
        sent = b"".join(self.relay.seen)
        self.assertIn(b"GET /models/" + self.prefix.encode(), sent)
        for secret in (KEY, self.gateway.SECRET, "Authorization"):
            self.assertNotIn(secret.lower().encode(), sent.lower())
            self.assertNotIn(secret.lower(), self.log().lower())


class ClientTest(RelayedCase):
    """modelfleet registry."""

    def registry(self, *words, **more):
        return super().registry(*words, environment={"MODELFLEET_REGISTRY_KEY": KEY}, **more)

    def test_from_files_to_production_and_back(self):
        self.start()
        content = os.urandom(20_000_000)
        (self.site / "out/sub").mkdir(parents=True)
        (self.site / "out/model.onnx").write_bytes(content)
        (self.site / "out/sub/labels.txt").write_text("cat\n")
        (self.site / "out/empty").touch()
        out = self.registry("register", "face", "3", "p", "--files", "out", "--date", DATE).stdout
        self.assertIn("face 3: 3 files, 20.0 MB, 20.0 MB sent", out)
        self.registry("activate", "face", "3")
        out = self.registry("pull", "face", "--to", "got").stdout
        self.assertIn("3 files in got, 20.0 MB received", out)
        self.assertEqual((self.site / "got/model.onnx").read_bytes(), content)
        self.assertEqual((self.site / "got/empty").read_bytes(), b"")
        self.assert_no_secret_was_sent()
        # What is there whole is not sent again.
        self.registry("register", "face", "4", "p", "--files", "out", "--date", "2026-02-03")
        self.assertEqual(self.stop(), 0)

    def test_a_pull_that_was_cut_goes_on(self):
        self.start()
        client = self.client(X_API_Key=KEY)
        content = os.urandom(3_000_000)
        self.add_version(client, content)
        (self.site / "got").mkdir()
        self.registry("pull", "face", "3", "--to", "got")
        whole = self.site / "got/m.onnx"
        url = f"http://127.0.0.1:{self.port}{self.files()}/m.onnx"
        digest = hashlib.sha256(content).hexdigest()
        (self.site / "got/m.onnx.part").write_bytes(content[:1_000_000])
        (self.site / "got/m.onnx.part.info").write_text(f"{url}\n{digest} {len(content)}\n")
        whole.unlink()
        out = self.registry("pull", "face", "3", "--to", "got").stdout
        self.assertIn("2.0 MB received", out)
        self.assertEqual(whole.read_bytes(), content)

    def test_content_that_was_changed_in_the_store_is_not_taken(self):
        self.start()
        self.add_version(self.client(X_API_Key=KEY), b"weights")
        (self.objects / "face/3/m.onnx").write_bytes(b"WEIGHTS")
        self.registry("pull", "face", "3", "--to", "got", code=1)
        self.assertFalse((self.site / "got/m.onnx").exists())


@unittest.skipUnless(AGENT.exists(), "model-sync-agent is not built")
class AgentTest(RelayedCase):
    def test_what_is_in_production_comes(self):
        self.start()
        client = self.client(X_API_Key=KEY)
        content = os.urandom(1_000_000)
        self.add_version(client, content)
        self.assertEqual(client("PUT", f"{MODELS}/face/3/activate").status, 200)
        device = self.site / "device"
        config = self.site / "agent.yaml"
        config.write_text(json.dumps({"model_sync": {
            "models_dir": str(device), "manifest_path": f"{device}/manifest.json", "status_port": 0,
            "models": [{"name": "face", "local_filename": "m.bin", "source": "registry",
                        "artifact": "m.onnx", "uri": f"http://127.0.0.1:{self.port}"}],
            "on_update": {"restart_pilot": False, "flag_file": f"{device}/.update-pending"}}}))
        done = subprocess.run([AGENT, "--config", config, "--once"], text=True, check=False,
                              capture_output=True, timeout=PATIENCE, cwd=self.site,
                              env={**os.environ, "MODELFLEET_REGISTRY_KEY": KEY})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((device / "m.bin").read_bytes(), content)
        self.assert_no_secret_was_sent()


class ImportTest(S3Case):
    """A model of the Hub becomes a version whose files lie in S3."""

    def setUp(self):
        super().setUp()
        self.hub = Hub()
        self.addCleanup(self.hub.stop)
        self.settings["catalogue"]["endpoint"] = self.hub.url
        self.hub.commit(model_dot_tflite=b"weights" * 1000, README_dot_md=b"# a card")
        self.client_of_all = self.start()
        self.assertEqual(self.client_of_all("POST", "/sync/huggingface/litert").status, 200)
        self.number = self.client_of_all("GET", "/models").json["models"][0]["id"]

    def bring(self):
        return self.client_of_all("POST", f"/models/{self.number}/versions", {"name": "face", "date": DATE})

    def test_a_version(self):
        answer = self.bring()
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual((answer.json["path"], answer.json["date"]),
                         (f"s3://models/{self.prefix}/face/1", DATE))
        self.assertEqual(self.keys(), ["face/1/README.md", "face/1/manifest.yaml", "face/1/model.tflite"])
        self.assertEqual(self.fetch(self.location(self.client_of_all, "model.tflite", 1)),
                         (200, b"weights" * 1000))
        self.assertEqual(list(self.spool.iterdir()), [])

    def test_what_came_before_a_failure_is_not_brought_again(self):
        self.hub.lies["README.md"] = "00" * 32
        self.assertEqual(self.bring().status, 502)
        self.hub.lies.clear()
        self.assertEqual(self.keys(), [".origins/face@1", "face/1/model.tflite"])
        self.hub.fetched.clear()
        self.assertEqual(self.bring().status, 201)
        self.assertNotIn("model.tflite", self.hub.fetched)
        self.assertEqual(self.keys(), ["face/1/README.md", "face/1/manifest.yaml", "face/1/model.tflite"])

    def test_what_was_uploaded_is_not_mixed_with_it(self):
        self.add(self.client_of_all, "m", b"x", 1)
        self.assert_problem(self.bring(), 409, "other files were uploaded")
        self.assertEqual(self.client_of_all("DELETE", self.files(1)).status, 204)
        self.assertEqual(self.bring().status, 201)


class AwayTest(S3Case):
    """A store that is not there for a while."""

    def setUp(self):
        super().setUp()
        self.own = servers.Gateway(self.gateway.program, self.site / "s3").start()
        self.addCleanup(self.own.kill)
        self.environment.update(self.own.variables())

    def test_everything_is_told_to_come_again(self):
        client = self.start()
        self.add_version(client)
        self.add(client, "m", b"x", 4)
        self.own.kill()
        # What the version consists of is in memory, until the service starts anew.
        self.assertEqual(client("GET", self.files()).status, 200)
        self.location(client, "m.onnx")
        self.stop()
        client = self.start()
        asked = {"upload": self.upload(client, "m", b"y", 5), "list": client("GET", self.files()),
                 "get": client("GET", f"{self.files()}/m.onnx"), "commit": self.commit(client, 4),
                 "drop": client("DELETE", self.files(4)),
                 "register": client("POST", MODELS, {"model_name": "face", "version": 4, "path": "p"})}
        self.assertEqual(asked.pop("register").status, 201)  # which needs no files
        for what, answer in asked.items():
            self.assert_problem(answer, 503)
            self.assertEqual(answer.headers["Retry-After"], "2", what)
        self.own.start()
        self.assertEqual(self.fetch(self.location(client, "m.onnx")), (200, b"0123456789"))
        self.seal(client, 4)

    def test_the_service_starts_without_it_and_says_so(self):
        self.own.kill()
        client = self.start()
        self.assertIn("site.store: ", self.log())
        self.assertNotIn(self.own.SECRET, self.log())
        self.own.start()
        self.add(client, "m", b"x")
        self.assertEqual(self.stop(), 0)

    def test_a_bucket_that_is_not_there(self):
        self.settings["site"]["store"] = "s3://others/fleet"
        client = self.start()
        self.assertIn("NoSuchBucket", self.log())
        self.assert_problem(self.upload(client, "m", b"x"), 503)

    def test_a_secret_that_is_wrong(self):
        client = self.start(environment={"AWS_SECRET_ACCESS_KEY": "wrong-one"})
        self.assertIn("SignatureDoesNotMatch", self.log())
        self.assertNotIn("wrong-one", self.log())
        self.assert_problem(self.upload(client, "m", b"x"), 503)

    def test_without_credentials_it_does_not_start(self):
        self.write_settings()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        done = subprocess.run(self.command("--listen", "127.0.0.1:0"), cwd=self.site, text=True,
                              capture_output=True, timeout=PATIENCE, check=False, env=environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("AWS_ACCESS_KEY_ID", done.stderr)


class TwoInstancesTest(S3Case):
    """Two instances, one PostgreSQL, one bucket."""

    store = "postgresql"

    def setUp(self):
        super().setUp()
        self.one, first = self.start(), self.port
        self.other = self.start()
        self.ports = [first, self.port]

    def test_a_version_by_both(self):
        self.add(self.one, "a", b"first")
        self.add(self.other, "b", b"second")
        self.assertEqual(self.seal(self.one)["files"], 2)
        self.register(self.one, "face", 3, date=DATE)
        self.await_true(lambda: self.other("GET", self.files()).status == 200, "the entry")
        self.assertEqual(self.fetch(self.location(self.other, "a")), (200, b"first"))
        self.assertEqual(self.fetch(self.location(self.one, "b")), (200, b"second"))
        self.assert_problem(self.upload(self.other, "c", b"third"), 409, "sealed")

    def at_once(self, *work):
        """Runs functions at once, each with a client of its own; their results."""
        results = [None] * len(work)

        def run(number):
            client = Client(self.ports[number % 2])
            try:
                results[number] = work[number](client)
            finally:
                client.close()
        threads = [threading.Thread(target=run, args=(n,)) for n in range(len(work))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def test_two_that_upload_the_same_path(self):
        for version in range(1, 6):
            contents = [b"one", b"two", b"three", b"four"]
            answers = self.at_once(*[lambda c, x=x, v=version: self.upload(c, "m", x, v) for x in contents])
            taken = [x for x, a in zip(contents, answers) if a.status == 201]
            self.assertEqual(len(taken), 1, answers)
            self.assertEqual({a.status for a in answers}, {201, 409})
            self.assertEqual(self.fetch(self.location(self.one, "m", version)), (200, taken[0]))

    def test_two_that_commit(self):
        for version in range(1, 6):
            self.add(self.one, "m", b"x", version)
            answers = self.at_once(*[lambda c, v=version: self.commit(c, v)] * 4)
            self.assertEqual([a.status for a in answers], [200] * 4, answers)
            self.assertEqual(sorted(a.json["outcome"] for a in answers), ["made"] + ["there"] * 3)

    def test_a_commit_and_a_drop(self):
        """Whatever the order: a version that was committed has its files."""
        for version in range(1, 9):
            for path in "abc":
                self.add(self.one, path, b"x" * 100, version)
            committed, dropped = self.at_once(
                lambda c, v=version: self.commit(c, v),
                lambda c, v=version: c("DELETE", self.files(v)))
            self.assertEqual(dropped.status, 204, dropped)
            self.assertIn(committed.status, (200, 404, 503), committed)
            if committed.status != 200:
                self.assertEqual(self.commit(self.other, version).status, 404)
                continue
            self.register(self.one, "face", version, date=DATE)
            count = committed.json["files"]
            listed = self.one("GET", self.files(version)).json["files"]
            self.assertEqual(len(listed), count)
            for file in listed:
                self.assertEqual(self.fetch(self.location(self.one, file["path"], version))[0], 200)

    def test_uploads_and_a_commit(self):
        """A file whose upload was answered before a commit is in it; later ones are refused, or in it."""
        for version in range(1, 6):
            self.add(self.one, "a", b"a", version)
            committed, *uploaded = self.at_once(
                lambda c, v=version: self.commit(c, v),
                *[lambda c, v=version, p=p: self.upload(c, p, p.encode(), v) for p in "bcd"])
            self.assertEqual(committed.status, 200, committed)
            self.register(self.one, "face", version, date=DATE)
            named = {f["path"] for f in self.one("GET", self.files(version)).json["files"]}
            self.assertIn("a", named)
            for path in named:
                self.assertEqual(self.fetch(self.location(self.one, path, version))[0], 200)
            for answer in uploaded:
                self.assertIn(answer.status, (201, 409), answer)


if __name__ == "__main__":
    unittest.main()
