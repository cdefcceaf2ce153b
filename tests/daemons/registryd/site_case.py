# SPDX-License-Identifier: Apache-2.0
"""A registry whose versions' files lie in the store of a site, which is a repository."""

import json
import os
import pathlib
import subprocess

from registry_case import MODELS, PATIENCE, RegistryCase

PROGRAMS = pathlib.Path(os.environ["MODELFLEET_BIN"])
FIRST, SECOND = "2026-02-01", "2026-02-02"
REGISTRY = """\
sentinelcam_models:
  face: # ours
    current_version: "2026-02-01"
    previous_version: null
"""
HOSTS = """\
all:
  vars:
    primary_datasink: sink
    sentinelcam_model_registry: "{dir}/{{{{ inventory_hostname }}}}"
  children:
    sentinels:
      hosts: {{h0: {{ansible_connection: local, model_become: false}}}}
    datasinks:
      hosts: {{sink: {{ansible_connection: local}}}}
"""


class SiteCase(RegistryCase):
    """`self.inventory` is the site's, `self.models` its store; face has one version there."""

    def setUp(self):
        super().setUp()
        self.inventory = self.site / "fleet"
        self.models = self.site / "sink"
        self.environment = {
            "HOME": str(self.site), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}
        self.write(self.inventory / "hosts.yaml", HOSTS.format(dir=self.site))
        self.file = self.inventory / "group_vars/all/model_registry.yaml"
        self.write(self.file, REGISTRY)
        self.write(self.models / "face" / FIRST / "m.onnx", "one")
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-qm", "first")
        self.settings["site"] = {"inventory": str(self.inventory)}

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *words):
        return subprocess.run(["git", "-C", self.inventory, *words], check=True, text=True,
                              capture_output=True, timeout=PATIENCE,
                              env={**os.environ, **self.environment}).stdout

    def start(self, *more, environment=None):
        return super().start(*more, environment={**self.environment, **(environment or {})})

    def run_program(self, name, *words, code=0, environment=None):
        """Runs one of modelfleet's programs in the directory of the test."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MODELFLEET_REGISTRY")}
        done = subprocess.run([PROGRAMS / name, *words], text=True, capture_output=True,
                              timeout=PATIENCE, cwd=self.site,
                              env={**clean, **self.environment, **(environment or {})})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def registry(self, *words, code=0, **more):
        return self.run_program("modelfleet", "registry", *words, "--registry",
                                f"http://127.0.0.1:{self.port}", code=code, **more)

    # ---- what tests say ----

    def commits(self):
        return self.git("log", "--format=%s").splitlines()

    def current(self):
        """What the file names as current."""
        line = next(x for x in self.file.read_text().splitlines() if "current_version" in x)
        return line.split('"')[1]

    def production(self, client, name="face"):
        answer = client("GET", f"{MODELS}/{name}/production")
        return answer.json["version"] if answer.status == 200 else None

    def await_production(self, client, version):
        self.await_true(lambda: self.production(client) == version, f"version {version}")

    def upload(self, client, version, path, content, name="face", **headers):
        return client("PUT", f"{MODELS}/{name}/{version}/files/{path}", content,
                      Content_Type="application/octet-stream", **headers)

    def seal(self, client, version, date, name="face"):
        answer = client("POST", f"{MODELS}/{name}/{version}/files/commit", {"date": date})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def add_version(self, client, version, date, content=b"two"):
        """Uploads, seals and registers a version of one file."""
        self.assertEqual(self.upload(client, version, "m.onnx", content).status, 201)
        self.seal(client, version, date)
        self.register(client, "face", version, date=date)

    def manifest(self, date):
        return (self.models / "face" / date / "manifest.yaml").read_text()

    def entries(self):
        return json.loads((self.site / "models/registry.json").read_text())["models"]
