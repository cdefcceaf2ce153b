# SPDX-License-Identifier: Apache-2.0
"""What tests of the catalogue share: a hub, a database of either kind, and the program."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import fake_hub_catalogue

sys.path.append(str(pathlib.Path(__file__).parents[2] / "sql"))
import postgres_server  # noqa: E402

HOST = os.environ["CATALOGUE_HOST"]
PATIENCE = 120  # seconds that only a hang reaches


class Sqlite:
    def __init__(self, directory):
        self.path = directory / "catalogue.db"
        self.uri = f"sqlite:{self.path}"

    def sql(self, statement):
        """Rows of texts, None for NULL."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db:
            rows = db.execute(statement).fetchall()
            db.commit()
        return [tuple(None if v is None else str(v) for v in row) for row in rows]


class Postgres:
    server = None  # one for all tests of a program
    made = 0

    def __init__(self, _):
        cls = type(self)
        if cls.server is None:
            try:
                cls.server = postgres_server.PostgresServer().__enter__()
            except postgres_server.Unavailable as why:
                raise unittest.SkipTest(str(why)) from why
            unittest.addModuleCleanup(cls.stop)
        cls.made += 1
        self.uri = cls.server.uri
        self.sql(f"CREATE DATABASE test{cls.made}")
        self.uri = self.uri.replace("/postgres?", f"/test{cls.made}?")

    @classmethod
    def stop(cls):
        cls.server.remove()
        cls.server = None

    def sql(self, statement):
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-P", "null=\\N",
                               "-v", "ON_ERROR_STOP=1", "-d", self.uri, "-c", statement],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)
        return [tuple(None if v == "\\N" else v for v in line.split("\x1f"))
                for line in done.stdout.splitlines()]


class CatalogueCase(unittest.TestCase):
    kind = Sqlite

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="catalogue."))
        self.addCleanup(shutil.rmtree, self.directory)
        self.hub = fake_hub_catalogue.CatalogueHub()
        self.addCleanup(self.hub.stop)
        self.store = self.kind(self.directory)
        self.limit = 0
        self.schedule = "0 2 * * *"
        self.environment = {"HOME": str(self.directory)}

    def command(self, *more):
        return [HOST, self.store.uri, self.schedule, str(self.limit), self.hub.url, *more]

    def surroundings(self):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("HF_")}
        return {**kept, **self.environment}

    def once(self, code=0):
        """One sync: what it counted, and its log."""
        done = subprocess.run(self.command("once"), env=self.surroundings(), text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        names = ("status", "fetched", "created", "updated", "vanished", "skipped")
        return dict(zip(names, [done.stdout.split()[0], *map(int, done.stdout.split()[1:])])), \
            done.stderr

    def sync(self, **expected):
        """One sync that succeeds, and has counted so; what is not named is 0."""
        counted, log = self.once()
        names = ("fetched", "created", "updated", "vanished", "skipped")
        self.assertEqual(counted, {"status": "success", **dict.fromkeys(names, 0), **expected}, log)
        return log

    def model(self, name, *columns):
        return self.store.sql(f"SELECT {', '.join(columns)} FROM ml_models "
                              f"WHERE hf_model_id = '{name}'")[0]

    def names(self, condition="1 = 1"):
        return sorted(row[0] for row in self.store.sql(
            f"SELECT hf_model_id FROM ml_models WHERE {condition}"))


class Host:
    """The catalogue as a server."""

    def __init__(self, case):
        self.case = case
        self.log_path = pathlib.Path(tempfile.mkstemp(dir=case.directory, prefix="log.")[1])
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(case.command(), env=case.surroundings(), stderr=log,
                                            stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.end)
        port = self.process.stdout.readline().strip()
        if not port:
            case.fail(self.log())
        self.url = f"http://127.0.0.1:{port}"

    def log(self):
        return self.log_path.read_text()

    def ask(self, path, method="GET", **query):
        """(status, answer) of a request; the answer as JSON, if it is."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        request = urllib.request.Request(f"{self.url}{path}{words}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        return status, json.loads(text) if text.startswith("{") else text

    def models(self, **query):
        status, answer = self.ask("/models", **query)
        self.case.assertEqual(status, 200, answer)
        return [model["hf_model_id"] for model in answer["models"]]

    def sync(self):
        return self.ask("/sync/huggingface/litert", "POST")

    def status(self):
        return self.ask("/sync/status")[1]

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self.case.fail(self.log())
            time.sleep(0.05)

    def end(self, number=signal.SIGTERM, code=0):
        if self.process is None:
            return
        self.process.send_signal(number)
        ended = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None
        self.case.assertEqual(ended, code, self.log())
