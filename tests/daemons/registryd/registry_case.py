# SPDX-License-Identifier: Apache-2.0
"""What tests of model-registryd as a process share."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).parents[2] / "sql"))
import postgres_server  # noqa: E402

DAEMON = os.environ["MODEL_REGISTRYD"]
PATIENCE = 120  # seconds that only a hang reaches
MODELS = "/api/v1/registry/models"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"{self.status} {self.text}"


class Client:
    """One connection, kept."""

    def __init__(self, port, context=None, headers=None):
        self.headers = headers or {}
        if context:
            self.connection = http.client.HTTPSConnection("localhost", port, context=context,
                                                          timeout=PATIENCE)
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __call__(self, method, path, body=None, **headers):
        """Asks; a body that is no text is sent as JSON. Headers: If_Match="..."."""
        said = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            said.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, said)
        return Answer(self.connection.getresponse())

    def close(self):
        self.connection.close()


class Postgres:
    """One server for all tests of a program; each test has a database."""

    server = None
    made = 0

    @classmethod
    def uri(cls):
        if cls.server is None:
            try:
                cls.server = postgres_server.PostgresServer().__enter__()
            except postgres_server.Unavailable as why:
                raise unittest.SkipTest(str(why)) from why
            unittest.addModuleCleanup(cls.stop)
        cls.made += 1
        subprocess.run(["psql", "-X", "-q", "-d", cls.server.uri, "-c",
                        f"CREATE DATABASE registry{cls.made}"], check=True)
        return cls.server.uri.replace("/postgres?", f"/registry{cls.made}?")

    @classmethod
    def stop(cls):
        cls.server.remove()
        cls.server = None


class RegistryCase(unittest.TestCase):
    """A service with a directory and a store of its own; `store` is json, sqlite or postgresql."""

    store = "json"

    def setUp(self):
        self.site = pathlib.Path(tempfile.mkdtemp(prefix="registryd."))
        self.addCleanup(shutil.rmtree, self.site)
        self.settings = {"store": self.uri(),
                         "catalogue": {"schedule": "off",
                                       "store": f"sqlite:{self.site}/catalogue.db"}}
        self.daemon = None
        self.clients = []

    def uri(self):
        if self.store == "postgresql":
            return Postgres.uri()
        return f"{self.store}:{self.site}/models/registry.{self.store}"

    # ---- the service ----

    def write_settings(self):
        path = self.site / "config.yaml"
        path.write_text(json.dumps(self.settings))
        return str(path)

    def command(self, *more):
        return [DAEMON, "--config", self.write_settings(), *more]

    def start(self, *more, environment=None):
        """Starts it, and waits until it listens."""
        number = len(list(self.site.glob("log.*")))
        self.log_path = self.site / f"log.{number}"
        listen = [] if "listen" in self.settings else ["--listen", "127.0.0.1:0"]
        with self.log_path.open("w") as log:
            self.daemon = subprocess.Popen(
                self.command(*listen, *more), stderr=log, cwd=self.site,
                env={**os.environ, **(environment or {})})
        self.addCleanup(self.kill, self.daemon)
        self.await_log("listening on ")
        self.port = int(re.search(r"listening on \S+ port (\d+)", self.log()).group(1))
        return self.client()

    def client(self, context=None, **headers):
        client = Client(self.port, context, {k.replace("_", "-"): v for k, v in headers.items()})
        self.addCleanup(client.close)
        return client

    def log(self):
        return self.log_path.read_text()

    def await_true(self, condition, what):
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                self.fail(f"waited for {what} in vain; log:\n{self.log()}")
            time.sleep(0.02)

    def await_log(self, text):
        def there():
            if self.daemon.poll() is not None and text not in self.log():
                self.fail(f"it has ended with {self.daemon.returncode}:\n{self.log()}")
            return text in self.log()
        self.await_true(there, text)

    def stop(self, number=signal.SIGTERM):
        self.daemon.send_signal(number)
        return self.daemon.wait(PATIENCE)

    def kill(self, daemon):
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait(PATIENCE)

    def run_to_end(self, *more):
        """Runs it where it is to end at once: code, output, errors."""
        done = subprocess.run(self.command(*more), capture_output=True, text=True, cwd=self.site,
                              timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

    # ---- what tests say ----

    def register(self, client, name="yolo", version=1, **more):
        body = {"model_name": name, "version": version, "path": f"models/{name}/v{version}", **more}
        answer = client("POST", MODELS, body)
        self.assertEqual(answer.status, 201, answer)
        return answer

    def statuses(self, client, name="yolo"):
        """{version: status} of a model."""
        models = client("GET", f"{MODELS}?model_name={name}").json["models"]
        return {m["version"]: m["status"] for m in models}

    def assert_problem(self, answer, status, *words, fields=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["status"], status)
        for word in words:
            self.assertIn(word, answer.json["detail"])
        if fields is not None:
            self.assertEqual([e["field"] for e in answer.json["errors"]], fields, answer)
