# SPDX-License-Identifier: Apache-2.0
"""model-cached as a process, with a directory of its own."""

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
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import fake_mlflow  # noqa: E402

CACHED = os.environ["MODEL_CACHED"]
PATIENCE = 120  # seconds that only a hang reaches


class LibraryClient:
    """A cache_client, which has acquired what it was told to until it leaves."""

    def __init__(self, path):
        self.process = subprocess.Popen([os.environ["CACHE_CLIENT"], path], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def acquire(self, words):
        """"VERSION CONTENT" or "error ERRNO TEXT"."""
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def leave(self):
        """Its exit code."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


class DaemonCase(unittest.TestCase):
    """Without a source of models: tests say in the configuration where these are."""

    patience = PATIENCE

    def setUp(self):
        self.site = pathlib.Path(tempfile.mkdtemp(prefix="cached."))
        self.addCleanup(shutil.rmtree, self.site)
        self.environment = {}
        self.prefix = []  # of the daemon's command
        self.daemon = self.port = None
        self.addCleanup(self.kill)
        self.settings = {
            "update_interval_seconds": 1, "update_jitter": 0, "retry_intervals": [0.05, 0.1, 0.2],
            "listen": "127.0.0.1:0", "socket": "socket", "group": "", "state_dir": "state"}

    def configure(self, **settings):
        self.settings.update(settings)
        # JSON is YAML. Whole or not at all: the daemon may be reading.
        (self.site / "new").write_text(json.dumps(self.settings))
        (self.site / "new").rename(self.site / "config.yaml")

    # ---- the process

    def environ(self):
        ours = ("MLFLOW_TRACKING_URI", "MODEL_CACHE_SIZE", "MODEL_UPDATE_INTERVAL")
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        return {**inherited, **self.environment}

    def command(self, *options):
        return subprocess.run([CACHED, "--config", "config.yaml", *options], cwd=self.site,
                              text=True, capture_output=True, timeout=PATIENCE, check=False,
                              env=self.environ())

    def start(self, *options, **process):
        """Starts it, with words for subprocess.Popen, and waits until it listens."""
        with (self.site / "log").open("w") as log:
            self.daemon = subprocess.Popen(
                [*self.prefix, CACHED, "--config", "config.yaml", *options], cwd=self.site,
                stderr=log, env=self.environ(), **process)
        self.wait(lambda: re.search(r"port (\d+)", self.log()))
        self.port = int(re.search(r"port (\d+)", self.log()).group(1))

    def library_client(self):
        """A program that has the library, and is ended after the test."""
        client = LibraryClient(self.site / "socket")
        self.addCleanup(client.kill)
        return client

    def kill(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait(PATIENCE)
            self.daemon = None

    def end(self):
        """Ends it as systemd does; what sanitizers have to say is a failure."""
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(PATIENCE)
        self.daemon = None
        self.assertEqual(code, 0, self.log())

    def log(self):
        return (self.site / "log").read_text()

    def wait(self, condition):
        deadline = time.monotonic() + self.patience
        while not (found := condition()):
            if time.monotonic() > deadline or (self.daemon and self.daemon.poll() is not None):
                self.fail(self.log())
            time.sleep(0.02)
        return found

    # ---- its port

    def ask(self, path, method="GET"):
        """(status, text, headers) of a request."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.patience) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def get(self, path, method="GET", status=200):
        code, text, _ = self.ask(path, method)
        self.assertEqual(code, status, text)
        return json.loads(text)

    def current(self, name="fraud"):
        """The version that is current; None: there is none."""
        code, text, _ = self.ask(f"/models/current?name={name}")
        return json.loads(text)["version"] if code == 200 else None

    def update(self, name="fraud"):
        (row,) = [row for row in self.get("/models/updates/status")["models"]
                  if row["name"] == name]
        return row

    def wait_version(self, version, name="fraud"):
        self.wait(lambda: self.current(name) == str(version))

    def versions(self):
        return {(row["name"], row["version"]) for row in self.get("/models")["models"]}

    def metric(self, metric, **labels):
        """The value of a series; None: it is not there."""
        said = ",".join(f'{label}="{value}"' for label, value in labels.items())
        series = f"{metric}{{{said}}} " if said else f"{metric} "
        for line in self.ask("/metrics")[1].splitlines():
            if line.startswith(series):
                return float(line[len(series):])
        return None


class CachedCase(DaemonCase):
    """Against a registry that answers as MLflow does."""

    def setUp(self):
        super().setUp()
        self.registry = fake_mlflow.Registry()
        self.registry.start()
        self.addCleanup(self.registry.stop)
        self.configure(mlflow_uri=self.registry.url, models=[{"mlflow_name": "fraud"}])

    def publish(self, content, name="fraud", **more):
        return self.registry.publish(name, {"MLmodel": b"x", "model.pkl": content},
                                     alias="Production", **more)
