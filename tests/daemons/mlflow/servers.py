# SPDX-License-Identifier: Apache-2.0
"""MLflow's server and an S3 server as processes on loopback, and MLflow's own client as a publisher."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

PATIENCE = 240  # seconds that only a hang reaches: the first start makes the database
HERE = pathlib.Path(__file__).resolve().parent
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet",
         "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
STARTS = 5  # a port that was free may be another's a moment later


def environment(more):
    """Ours, without settings of somebody's own MLflow and S3."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "AWS_"))}
    return {**kept, **QUIET, **more}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


# Ends a server with all of its workers when it ends, and when we do, however that is: then the pipe
# to the shell's input is closed.
GUARD = '("$@"; kill -KILL 0) & cat >/dev/null; kill -KILL 0'


class Server:
    """A process with a port, in a session of its own: its workers end with it."""

    def __init__(self, directory, health):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.health = health
        self.port = None
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        """(words, variables of the environment) with self.port."""
        raise NotImplementedError

    def log(self):
        return (self.directory / "log").read_text(errors="replace")[-4000:]

    def start(self):
        """Starts it on its port, at first on any that is free, and waits until it answers."""
        ports = [self.port] if self.port else [free_port() for _ in range(STARTS)]
        for self.port in ports:
            words, more = self.command()
            with open(self.directory / "log", "ab") as log:
                self.process = subprocess.Popen(
                    ["/bin/sh", "-c", GUARD, "sh", *words], cwd=self.directory,
                    env=environment(more), stdin=subprocess.PIPE, stdout=log, stderr=log,
                    start_new_session=True)
            if self._answers():
                return self
        raise RuntimeError(f"{words[0]} does not start:\n{self.log()}")

    def _answers(self):
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url + self.health, timeout=10):
                    return True
            except urllib.error.HTTPError:
                return True
            except OSError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"{self.url} does not answer:\n{self.log()}") from None
                time.sleep(0.1)
        return False

    def kill(self):
        """Ends it at once, as a power cut would."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdin.close()
            self.process = None


class Gateway(Server):
    """versitygw: a bucket is a directory, an object a file in it."""

    KEY, SECRET = "publisher", "secret-of-the-tests"

    def __init__(self, program, directory):
        super().__init__(directory, "/")
        self.program = program

    def command(self):
        for name in ("objects/models", "sidecar"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        return ([self.program, "--port", f"127.0.0.1:{self.port}", "posix",
                 "--sidecar", self.directory / "sidecar", self.directory / "objects"],
                {"ROOT_ACCESS_KEY": self.KEY, "ROOT_SECRET_KEY": self.SECRET})

    def variables(self):
        """What a client of it has in its environment."""
        return {"MLFLOW_S3_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": self.KEY,
                "AWS_SECRET_ACCESS_KEY": self.SECRET, "AWS_DEFAULT_REGION": "us-east-1"}


class Mlflow(Server):
    """`mlflow server`. With a store, artifacts lie there and clients go to it; else they go through
    the server."""

    ADMIN = ("admin", "of-the-tests-12")

    def __init__(self, programs, directory, store=None, basic_auth=False):
        super().__init__(directory, "/health")
        self.programs = programs
        self.store = store
        self.basic_auth = basic_auth

    def command(self):
        words = [self.programs / "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
                 "--workers", "1", "--backend-store-uri", f"sqlite:///{self.directory}/mlflow.db"]
        more = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
                "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_CACHE_TTL": "0",
                # A key of Fernet's: without one the server makes another at each start.
                "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "0" * 43 + "="}
        if self.store:
            words += ["--no-serve-artifacts", "--default-artifact-root", "s3://models/artifacts"]
            more.update(self.store.variables())
        else:
            words += ["--serve-artifacts", "--artifacts-destination", str(self.directory / "files")]
        if self.basic_auth:
            words += ["--app-name", "basic-auth"]
            more.update(self._users())
        return words, more

    def _users(self):
        settings = self.directory / "auth.ini"
        settings.write_text(f"[mlflow]\ndefault_permission = READ\n"
                            f"database_uri = sqlite:///{self.directory}/auth.db\n"
                            f"admin_username = {self.ADMIN[0]}\nadmin_password = {self.ADMIN[1]}\n"
                            "authorization_function = "
                            "mlflow.server.auth:authenticate_request_basic_auth\n"
                            "grant_default_workspace_access = false\n")
        return {"MLFLOW_AUTH_CONFIG_PATH": str(settings),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-the-tests"}

    def variables(self):
        """What its clients have in their environment."""
        more = {"MLFLOW_TRACKING_URI": self.url}
        if self.store:
            more.update(self.store.variables())
        if self.basic_auth:
            more["MLFLOW_TRACKING_USERNAME"], more["MLFLOW_TRACKING_PASSWORD"] = self.ADMIN
        return more

    def publisher(self):
        return Publisher(self)


class Publisher:
    """MLflow's own client, in its own Python: publisher.py, kept because it starts for seconds."""

    def __init__(self, server):
        self.errors = open(server.directory / "publisher.log", "wb")
        self.process = subprocess.Popen(
            [server.programs / "python", HERE / "publisher.py"], cwd=server.directory,
            env=environment(server.variables()), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True)

    def call(self, what, **arguments):
        self.process.stdin.write(json.dumps({"call": what, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the publisher has ended"}
        if "error" in answer:
            raise RuntimeError(f"{what}: {answer['error']}")
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()
