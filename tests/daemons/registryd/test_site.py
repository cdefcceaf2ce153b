#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The registry's API and model_registry.yaml are one truth, whoever changes which of them."""

import hashlib
import json
import os
import signal
import subprocess
import threading
import unittest

from registry_case import MODELS, PATIENCE
from site_case import FIRST, PROGRAMS, SECOND, SiteCase

AGENT = PROGRAMS / "model-sync-agent"


class FromTheApiTest(SiteCase):
    def activate(self, client, version, **headers):
        return client("PUT", f"{MODELS}/face/{version}/activate", **headers)

    def test_what_is_current_is_in_production_from_the_start(self):
        client = self.start()
        entry = client("GET", f"{MODELS}/face/production").json
        self.assertEqual((entry["version"], entry["date"], entry["path"]),
                         (1, FIRST, str(self.models / "face" / FIRST)))
        self.assertEqual(self.commits(), ["first"])

    def test_an_activation_is_a_commit(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        answer = self.activate(client, 3)
        self.assertEqual((answer.status, answer.json["status"]), (200, "production"))
        self.assertEqual(self.statuses(client, "face"), {1: "staging", 3: "production"})
        self.assertEqual(self.current(), SECOND)
        self.assertEqual(self.commits(), ["Activate face to 2026-02-02", "first"])
        self.assertIn("face: # ours", self.file.read_text())
        self.assertIn("activated by local", self.git("log", "-1", "--format=%B"))

    def test_who_activated_is_in_the_commit(self):
        key = hashlib.sha256(b"secret").hexdigest()
        self.settings["access"] = {"keys": [{"name": "ci-robot", "sha256": key, "role": "write"}]}
        self.start()
        client = self.client(X_API_Key="secret")
        self.add_version(client, 3, SECOND)
        self.assertEqual(self.activate(client, 3).status, 200)
        self.assertIn("activated by ci-robot", self.git("log", "-1", "--format=%B"))

    def test_changes_are_in_the_audit_log_when_they_are_answered(self):
        log = self.site / "audit.log"
        self.settings["audit"] = {"file": str(log)}
        client = self.start()
        self.add_version(client, 3, SECOND)
        for method, path in (("PUT", "3/activate"), ("PUT", "1/archive"), ("PUT", "9/activate"),
                             ("DELETE", "4/files")):
            status = client(method, f"{MODELS}/face/{path}").status
            line = json.loads(log.read_text().splitlines()[-1])
            self.assertEqual((line["what"], line["status"]),
                             (f"{method} {MODELS}/face/{path}", status))
        lines = [json.loads(line)["what"] for line in log.read_text().splitlines()]
        self.assertIn(f"POST {MODELS}/face/3/files/commit", lines)
        self.assertEqual(len(lines), len(set(lines)))

    def test_an_entry_with_a_path_alone_changes_the_registry_alone(self):
        client = self.start()
        self.register(client, "face", 5)
        self.assertEqual(self.activate(client, 5).status, 200)
        self.assertEqual(self.production(client), 5)
        self.assertEqual((self.commits(), self.current()), (["first"], FIRST))

    def test_no_commit_no_change(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.write(self.inventory / ".git/hooks/pre-commit", "#!/bin/sh\necho not today\nexit 1\n")
        (self.inventory / ".git/hooks/pre-commit").chmod(0o755)
        answer = self.activate(client, 3)
        self.assert_problem(answer, 503, "nothing was changed", "not today")
        self.assertEqual((self.production(client), self.current(), self.commits()),
                         (1, FIRST, ["first"]))
        self.assertEqual(self.git("status", "--porcelain"), "")
        (self.inventory / ".git/hooks/pre-commit").unlink()
        self.assertEqual(self.activate(client, 3).status, 200)

    def test_conditions_and_versions_that_are_not_there(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.assertEqual(self.activate(client, 3, If_Match='"other"').status, 412)
        self.assertEqual(self.activate(client, 9).status, 404)
        self.assertEqual(self.activate(client, "x").status, 422)
        self.assertEqual((self.production(client), self.commits()), (1, ["first"]))
        known = client("GET", f"{MODELS}/face/3").headers["ETag"]
        self.assertEqual(self.activate(client, 3, If_Match=known).status, 200)

    def test_what_is_current_is_not_archived(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.assert_problem(client("PUT", f"{MODELS}/face/1/archive"), 409, "activate another")
        self.activate(client, 3)
        self.assertEqual(client("PUT", f"{MODELS}/face/1/archive").json["status"], "archived")
        self.assertEqual(client("DELETE", f"{MODELS}/face/3").status, 409)

    def test_activations_at_once_leave_one_truth(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        statuses = []

        def run(version):
            mine = self.client()
            for _ in range(5):
                statuses.append(self.activate(mine, version).status)
        threads = [threading.Thread(target=run, args=(v,)) for v in (1, 3, 1, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(set(statuses), {200})
        date = {1: FIRST, 3: SECOND}[self.production(client)]
        self.assertEqual(self.current(), date)
        self.assertEqual(self.git("status", "--porcelain"), "")

    def test_killed_between_the_commit_and_the_registry(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        hook = self.inventory / ".git/hooks/post-commit"
        self.write(hook, f"#!/bin/sh\nkill -9 {self.daemon.pid}\n")
        hook.chmod(0o755)
        with self.assertRaises(OSError):
            self.activate(client, 3)
        self.assertEqual(self.daemon.wait(PATIENCE), -signal.SIGKILL)
        hook.unlink()
        self.assertEqual(self.current(), SECOND)
        self.assertEqual({e["version"]: e["status"] for e in self.entries()},
                         {1: "production", 3: "staging"})
        client = self.start()
        self.assertEqual(self.production(client), 3)
        self.assertEqual(self.commits(), ["Activate face to 2026-02-02", "first"])


class FromTheFileTest(SiteCase):
    def test_an_edit_by_hand(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.file.write_text(self.file.read_text().replace(FIRST, SECOND))
        self.await_production(client, 3)
        self.assertEqual(self.statuses(client, "face"), {1: "staging", 3: "production"})

    def test_a_broken_file_is_told_and_changes_nothing(self):
        client = self.start()
        good = self.file.read_text()
        self.file.write_text("sentinelcam_models: [\n")
        self.await_log("does not follow model_registry.yaml")
        self.assertEqual(self.production(client), 1)
        self.file.write_text(good)
        self.await_log("follows model_registry.yaml again")

    def test_rollback_model_and_publish_model(self):
        client = self.start()
        self.write(self.site / "new/m.onnx", "two")
        self.run_program("publish-model", "face", "new", "-i", str(self.inventory), "--version",
                         SECOND, "--activate", "--note", "winter")
        self.await_production(client, 2)
        entry = client("GET", f"{MODELS}/face/production").json
        self.assertEqual((entry["date"], entry["metadata"]["description"]), (SECOND, "winter"))
        self.run_program("rollback-model", "face", "--previous", "-i", str(self.inventory),
                         "--no-deploy", "--yes")
        self.await_production(client, 1)
        self.assertEqual(self.current(), FIRST)
        # And forward by the API, which rollback-model then knows as the former one.
        self.assertEqual(client("PUT", f"{MODELS}/face/2/activate").status, 200)
        self.run_program("rollback-model", "face", "--previous", "-i", str(self.inventory),
                         "--no-deploy", "--yes")
        self.await_production(client, 1)

    def test_the_version_that_a_roll_back_goes_to(self):
        client = self.start()
        previous = f"{MODELS}/face/previous"
        self.assert_problem(client("GET", previous), 404, "to go back to")
        self.add_version(client, 5, SECOND)
        self.add_version(client, 7, "2026-02-03")
        for version in (7, 5):
            self.assertEqual(client("PUT", f"{MODELS}/face/{version}/activate").status, 200)
        # What the file has, though its number is higher; from an entry of no date the next lower.
        self.assertEqual(client("GET", previous).json["version"], 7)
        self.register(client, "face", 9)
        self.assertEqual(client("PUT", f"{MODELS}/face/9/activate").status, 200)
        self.assertEqual(client("GET", previous).json["version"], 7)
        self.assertEqual(client("PUT", f"{MODELS}/face/7/archive").status, 200)
        self.assertEqual(client("GET", previous).json["version"], 5)

    def test_what_changed_while_it_was_down(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.assertEqual(self.stop(), 0)
        self.file.write_text(self.file.read_text().replace(FIRST, SECOND))
        self.assertEqual(self.production(self.start()), 3)


class DeployTest(SiteCase):
    def test_what_was_registered_is_deployed(self):
        client = self.start()
        self.add_version(client, 3, SECOND, b"weights of the winter")
        self.assertEqual(client("PUT", f"{MODELS}/face/3/activate").status, 200)
        self.run_program("deploy-models", "-i", str(self.inventory))
        deployed = self.site / "h0/face" / SECOND
        self.assertEqual((deployed / "m.onnx").read_text(), "weights of the winter")
        self.assertEqual((deployed / "manifest.yaml").read_text(), self.manifest(SECOND))


@unittest.skipUnless(AGENT.exists(), "model-sync-agent is not built")
class AgentTest(SiteCase):
    """model-sync-agent with `source: registry`."""

    def configure(self, **model):
        self.config = self.site / "agent.yaml"
        self.local = self.site / "device/m.bin"
        self.write(self.config, f"""\
model_sync:
  models_dir: {self.site}/device
  manifest_path: {self.site}/device/manifest.json
  status_port: 0
  models:
  - {{name: face, local_filename: m.bin, source: registry, artifact: m.onnx,
     uri: "http://127.0.0.1:{self.port}"}}
  on_update: {{restart_pilot: false, flag_file: {self.site}/device/.update-pending}}
""")

    def sync(self, code=0, **environment):
        done = subprocess.run([AGENT, "--config", self.config, "--once"], text=True, check=False,
                              capture_output=True, timeout=PATIENCE, cwd=self.site,
                              env={**os.environ, **self.environment, **environment})
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_what_is_in_production_comes(self):
        client = self.start()
        content = os.urandom(1_000_000)
        self.add_version(client, 3, SECOND, content)
        client("PUT", f"{MODELS}/face/3/activate")
        self.configure()
        self.sync()
        self.assertEqual(self.local.read_bytes(), content)
        # The same again costs one question; another version comes.
        self.assertIn("1 of 1 models are up to date", self.sync())
        self.add_version(client, 4, "2026-02-04", content[::-1])
        client("PUT", f"{MODELS}/face/4/activate")
        self.sync()
        self.assertEqual(self.local.read_bytes(), content[::-1])

    def test_a_file_that_was_changed_in_the_store_is_not_taken(self):
        client = self.start()
        self.add_version(client, 3, SECOND, b"weights")
        client("PUT", f"{MODELS}/face/3/activate")
        stored = self.models / "face" / SECOND / "m.onnx"
        stored.chmod(0o644)
        stored.write_bytes(b"WEIGHTS")
        self.configure()
        self.sync(code=1)
        self.assertFalse(self.local.exists())

    def test_without_files_and_without_production(self):
        client = self.start()
        self.register(client, "face", 5)
        client("PUT", f"{MODELS}/face/5/activate")
        self.configure()
        self.assertIn("has a path, models/face/v5, and no files", self.sync(code=1))
        self.assertFalse(self.local.exists())

    def test_its_key(self):
        key = hashlib.sha256(b"device-key").hexdigest()
        self.settings["access"] = {"keys": [{"name": "d", "sha256": key, "role": "read"}]}
        self.start()
        self.configure()
        self.assertIn("401", self.sync(code=1))


if __name__ == "__main__":
    unittest.main()
