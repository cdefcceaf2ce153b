#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page in Chromium, by the keyboard alone (steps.mjs), and as it is served.

PAGE_CACHE is where playwright-core and axe-core are kept, PAGE_SHOTS where screenshots go.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from fake_hub_catalogue import CatalogueHub  # noqa: E402
from fleet_case import FLEET, look, rollout, seen, start_of  # noqa: E402
from registry_case import MODELS, PATIENCE  # noqa: E402
from site_case import FIRST, PROGRAMS, SECOND, SiteCase  # noqa: E402
from test_import import Hub  # noqa: E402

PACKAGES = {"playwright-core": "1.65.1", "axe-core": "4.14.1"}
CACHE = pathlib.Path(os.environ["PAGE_CACHE"])
PAGE_MAX = 100_000  # bytes of all of it
HOSTS = """\
all:
  vars:
    primary_datasink: sink
    sentinelcam_model_registry: "{dir}/{{{{ inventory_hostname }}}}"
    ansible_connection: local
    model_become: false
  children:
    sentinels:
      hosts: {{h1: , h2: , h3: }}
    datasinks:
      hosts: {{sink: }}
"""
# Each host has its models, and then waits until the test lets it go on.
PLAYBOOK = """\
- hosts: sentinels
  gather_facts: false
  tasks:
    - sync_models:
    - wait_for: {{path: "{gates}/{{{{ inventory_hostname }}}}", timeout: 300}}
"""


def missing():
    """Why there is no browser to test with; None: there is one."""
    for program in ("chromium", "node", "npm"):
        if not shutil.which(program):
            return f"{program} is not installed: scripts/bootstrap"
    if all((CACHE / "node_modules" / p / "package.json").exists() and
           json.loads((CACHE / "node_modules" / p / "package.json").read_text())["version"] == v
           for p, v in PACKAGES.items()):
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "install", "--prefix", CACHE, "--no-save", "--no-audit",
                           "--no-fund", "--ignore-scripts", *(f"{p}@{v}" for p, v in PACKAGES.items())],
                          capture_output=True, text=True, timeout=300)
    return None if done.returncode == 0 else f"npm cannot install: {done.stderr[-300:]}"


class ServedTest(SiteCase):
    """What the browser gets."""

    def files(self, client):
        page = client("GET", "/").text
        names = {"icon.svg", "page.css", "app.js"}
        self.assertEqual(names, set(re.findall(r'(?:src|href)="/ui/([^"]+)"', page)))
        todo = ["app.js"]
        while todo:
            found = set(re.findall(r'from "\./([^"]+)"', client("GET", f"/ui/{todo.pop()}").text))
            todo += found - names
            names |= found
        return names

    def test_all_of_it_is_light(self):
        client = self.start()
        size = len(client("GET", "/").text)
        for name in self.files(client):
            answer = client("GET", f"/ui/{name}")
            self.assertEqual(answer.status, 200, name)
            size += len(answer.text.encode())
        self.assertLess(size, PAGE_MAX)

    def test_it_is_not_sent_again(self):
        client = self.start()
        for path in ("/", "/ui", "/ui/app.js"):
            tag = client("GET", path).headers["ETag"]
            self.assertEqual(client("GET", path, If_None_Match=tag).status, 304)
        self.assertEqual(client("GET", "/ui/nothing.js").status, 404)

    def test_it_may_load_nothing_from_elsewhere(self):
        client = self.start()
        policy = client("GET", "/").headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for name in self.files(client) | {""}:
            text = client("GET", f"/ui/{name}" if name else "/").text
            self.assertEqual(re.findall(r"(?:src|href|url\(|import)\W{0,3}https?://", text), [], name)


class BrowserCase(SiteCase):
    @classmethod
    def setUpClass(cls):
        why = missing()
        if why:
            raise unittest.SkipTest(why)

    def walk(self, name, **facts):
        facts["url"] = f"http://127.0.0.1:{self.port}"
        environment = {**os.environ, **self.environment, "PAGE_MODULES": str(CACHE),
                       "CHROMIUM": shutil.which("chromium"), "PAGE_PROFILES": str(self.site),
                       "MODELFLEET_REGISTRY_URL": facts["url"]}
        done = subprocess.run(["node", HERE / "steps.mjs", name, json.dumps(facts)], text=True,
                              capture_output=True, timeout=2 * PATIENCE, env=environment)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}\n{self.log()}")

    def start_with_versions(self):
        client = self.start()
        metrics = {"description": "Trained again.", "metrics": {"accuracy": 0.82, "latency_ms": 32}}
        self.assertEqual(self.upload(client, 3, "m.onnx", b"two").status, 201)
        self.seal(client, 3, SECOND)
        self.register(client, "face", 3, date=SECOND, metadata=metrics)
        self.register(client, "plates", 1, metadata=metrics)
        return client


class ModelTest(BrowserCase):
    def test_a_version_is_activated_and_taken_back_by_keys(self):
        client = self.start_with_versions()
        self.walk("activate")
        self.assertEqual((self.production(client), self.current()), (3, SECOND))
        self.assertEqual(self.commits(), ["Activate face to 2026-02-02", "first"])
        self.walk("rollBack")
        self.assertEqual((self.production(client), self.current()), (1, FIRST))
        self.assertEqual(len(self.commits()), 3)

    def test_a_roll_back_goes_where_production_was(self):
        client = self.start_with_versions()
        self.add_version(client, 2, "2026-02-03", b"three")
        for version in (3, 2, 1):
            self.assertEqual(client("PUT", f"{MODELS}/face/{version}/activate").status, 200)
        self.walk("rollBackTo", version=2)
        self.assertEqual((self.production(client), self.current()), (2, "2026-02-03"))
        self.assertIn(f'previous_version: "{FIRST}"', self.file.read_text())

    def test_a_view_follows_what_others_do(self):
        self.start_with_versions()
        self.walk("follow")

    def test_a_refusal_is_said_where_it_belongs(self):
        client = self.start_with_versions()
        hook = self.inventory / ".git/hooks/pre-commit"
        self.write(hook, "#!/bin/sh\necho not today\nexit 1\n")
        hook.chmod(0o755)
        self.walk("refuse")
        self.assertEqual((self.production(client), self.current()), (1, FIRST))

    def test_a_key_is_asked_for(self):
        self.start_with_versions()
        self.stop()
        digest = hashlib.sha256(b"screen-key").hexdigest()
        self.settings["access"] = {"keys": [{"name": "screen", "sha256": digest, "role": "read"}]}
        self.start()
        self.walk("key")


class FleetTest(BrowserCase):
    def test_a_rollout_of_three_hosts_is_watched(self):
        self.write(self.inventory / "hosts.yaml", HOSTS.format(dir=self.site))
        self.git("commit", "-qam", "three hosts")
        gates = self.site / "gates"
        gates.mkdir()
        self.write(self.site / "slow.yaml", PLAYBOOK.format(gates=gates))
        self.start()
        self.walk("rollout", cwd=str(self.site), gates=str(gates),
                  command=[str(PROGRAMS / "deploy-models"), "-i", "fleet", "--playbook", "slow.yaml"])


class CatalogueTest(BrowserCase):
    def test_a_model_of_the_hub_is_imported(self):
        hub = Hub()
        self.addCleanup(hub.stop)
        hub.commit(model_dot_tflite=b"weights" * 1000)
        self.settings["catalogue"]["endpoint"] = hub.url
        client = self.start()
        self.walk("importModel")
        entry = client("GET", f"{MODELS}/google--mobilenet/1").json
        self.assertEqual(entry["status"], "staging")
        imported = self.models / "google--mobilenet" / entry["date"] / "model.tflite"
        self.assertEqual(imported.read_bytes(), b"weights" * 1000)


class ViewTest(BrowserCase):
    def test_every_view_suits_everybody(self):
        hub = CatalogueHub()
        self.addCleanup(hub.stop)
        for i in range(12):
            hub.add(f"google/a-rather-long-name-of-a-model-{i}", tags=["tflite", "license:mit"])
        self.settings["catalogue"]["endpoint"] = hub.url
        client = self.start_with_versions()
        self.assertEqual(client("POST", "/sync/huggingface/litert").status, 200)
        models = [seen("face"), seen("plates", "drifted", drift=2, drifted=["a differs", "b is new"])]
        client("POST", f"{FLEET}/events", {"events": [
            look("jetson-01", *models), look("jetson-02", state="away", error={"text": "no route"})]})
        client("POST", f"{FLEET}/events", rollout(
            "20260201T100000Z-deploy-7f", start_of("jetson-01", "jetson-02"),
            {"event": "host_end", "host": "jetson-02", "state": "failed",
             "error": {"text": "not enough room: 3.1 GB are missing"}}))
        self.walk("views", views=[
            ["models", "#/models", "Models"], ["model", "#/models/face", "face"],
            ["fleet", "#/fleet", "Fleet"],
            ["rollout", "#/rollouts/20260201T100000Z-deploy-7f", "20260201T100000Z-deploy-7f"],
            ["catalogue", "#/catalogue", "Catalogue"], ["nothing", "#/x", "Not found"]])


if __name__ == "__main__":
    unittest.main()
