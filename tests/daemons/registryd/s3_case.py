# SPDX-License-Identifier: Apache-2.0
"""A registry whose versions' files lie in a real S3 server, versitygw."""

import base64
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.request

from registry_case import MODELS, PATIENCE, RegistryCase
from site_case import PROGRAMS

sys.path.append(str(pathlib.Path(__file__).parents[1] / "mlflow"))
import environments  # noqa: E402
import servers  # noqa: E402

DATE = "2026-02-02"
PREFIX = "fleet"


def repr_digest(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def etag(content):
    return f'"{hashlib.sha256(content).hexdigest()}"'


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class S3Case(RegistryCase):
    """One S3 server for all tests of a program; each test has a prefix of the bucket."""

    gateway = None
    prefixes = 0

    @classmethod
    def setUpClass(cls):
        if S3Case.gateway:
            return
        try:
            program = environments.gateway()
        except environments.Unavailable as why:
            raise unittest.SkipTest(str(why)) from why
        directory = tempfile.TemporaryDirectory(prefix="registryd-s3.")
        unittest.addModuleCleanup(directory.cleanup)
        S3Case.gateway = servers.Gateway(program, directory.name).start()
        unittest.addModuleCleanup(S3Case.gateway.kill)

    def setUp(self):
        super().setUp()
        S3Case.prefixes += 1
        self.prefix = f"{PREFIX}/{S3Case.prefixes}"
        self.objects = self.gateway.directory / "objects/models" / self.prefix
        self.settings["site"] = {"store": f"s3://models/{self.prefix}"}
        self.environment = {k: v for k, v in self.gateway.variables().items()}
        self.spool = self.site / "spool"
        self.spool.mkdir()

    def start(self, *more, environment=None):
        return super().start(*more, environment={**self.environment, "TMPDIR": str(self.spool),
                                                 **(environment or {})})

    # ---- what tests say ----

    def files(self, version=3, name="face"):
        return f"{MODELS}/{name}/{version}/files"

    def upload(self, client, path, content, version=3, **headers):
        return client("PUT", f"{self.files(version)}/{path}", content,
                      Content_Type="application/octet-stream", **headers)

    def add(self, client, path, content, version=3):
        answer = self.upload(client, path, content, version)
        self.assertEqual(answer.status, 201, answer)
        return answer

    def commit(self, client, version=3, **body):
        return client("POST", f"{self.files(version)}/commit", {"date": DATE, **body})

    def seal(self, client, version=3, **body):
        answer = self.commit(client, version, **body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def add_version(self, client, content=b"0123456789", version=3):
        self.add(client, "m.onnx", content, version)
        self.seal(client, version)
        self.register(client, "face", version, date=DATE)

    def location(self, client, path, version=3):
        """Where a file is to be had; the daemon itself sends nothing of it."""
        answer = client("GET", f"{self.files(version)}/{path}")
        self.assertEqual((answer.status, answer.text), (307, ""), answer)
        return answer.headers["Location"]

    def fetch(self, url, method="GET", **headers):
        """What the store answers: status and body."""
        said = {k.replace("_", "-"): v for k, v in headers.items()}
        try:
            with urllib.request.build_opener(NoRedirect).open(
                    urllib.request.Request(url, headers=said, method=method), timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()

    def keys(self):
        """The objects below the prefix."""
        return sorted(str(p.relative_to(self.objects)) for p in self.objects.rglob("*") if p.is_file())

    def registry(self, *words, code=0, environment=None):
        """Runs modelfleet registry in the directory of the test."""
        done = subprocess.run(
            [PROGRAMS / "modelfleet", "registry", *words, "--registry", f"http://127.0.0.1:{self.port}"],
            text=True, capture_output=True, timeout=PATIENCE, cwd=self.site,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.site), **(environment or {})})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done
