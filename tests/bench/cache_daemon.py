# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of model-cached runs: the daemon, its registry and its readers."""

import contextlib
import functools
import http.client
import json
import multiprocessing
import os
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "daemons"))
import fake_mlflow  # noqa: E402

PATIENCE = 120  # seconds that only a hang reaches


class BenchError(Exception):
    """What keeps the benchmark from a figure."""


@functools.lru_cache(maxsize=2)
def content(version, size):
    """A model: its version's number, over and over."""
    return struct.pack("<Q", version) * (size // 8)


def _registry(pipe, size):
    """The registry's process; it serves from memory, at the lowest priority: it is elsewhere."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    registry = fake_mlflow.Registry()
    registry.start()
    pipe.send(registry.url)
    while True:
        try:
            command, name = pipe.recv()
        except EOFError:
            return
        pipe.send(_COMMANDS[command](registry, name, size))


def _prepare(registry, name, size):
    """The next version, which nobody sees; what is older than the present one is forgotten."""
    version = sum(1 for known, _ in registry.versions if known == name) + 1
    for (known, number), files in registry.versions.items():
        if known == name and number < version - 1:
            files.clear()
    return registry.publish(name, {"model.pkl": content(version, size)}, alias="next")


def _release(registry, name, _):
    registry.aliases[name, "Production"] = registry.aliases[name, "next"]


_COMMANDS = {"prepare": _prepare, "release": _release}


class Registry:
    """What answers as MLflow does, in a process of its own, with models of one size."""

    def __init__(self, size):
        context = multiprocessing.get_context("fork")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_registry, args=(other, size), daemon=True)
        self.process.start()
        other.close()
        self.url = self.pipe.recv()

    def tell(self, command, name):
        self.pipe.send((command, name))
        return self.pipe.recv()

    def prepare(self, name):
        """Makes a version that is in no stage; its number."""
        return self.tell("prepare", name)

    def release(self, name):
        """Puts the prepared version into Production."""
        self.tell("release", name)

    def publish(self, name):
        self.prepare(name)
        self.release(name)

    def stop(self):
        self.process.terminate()
        self.process.join()


class Daemon:
    """model-cached on a port and a socket of its own."""

    def __init__(self, program, site, **settings):
        self.site = site
        self.socket = site / "socket"
        self.log = site / "log"
        self.command = [program, "--config", "config.yaml"]
        settings = {"update_interval_seconds": 3600, "listen": "127.0.0.1:0", "socket": "socket",
                    "group": "", "state_dir": "state", **settings}
        self.names = [model["name"] for model in settings["models"]]
        site.mkdir(exist_ok=True)
        (site / "config.yaml").write_text(json.dumps(settings))
        self.process = None
        self.start()

    def start(self):
        ours = ("MLFLOW_TRACKING_URI", "MODEL_CACHE_SIZE", "MODEL_UPDATE_INTERVAL")
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, cwd=self.site, stderr=log,
                                            env=environment)
        self.wait(lambda: re.search(r"port (\d+)", self.log.read_text()), "port")
        self.port = int(re.search(r"port (\d+)", self.log.read_text()).group(1))
        self.wait(lambda: self.ask("/ready")[0] == 200, "readiness")

    def wait(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"model-cached: no {what}: {self.log.read_text()[-1000:]}")
            time.sleep(0.02)

    def ask(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def reload(self, name):
        """Brings what is in Production; its version."""
        status, text = self.ask(f"/models/reload?name={name}", "POST")
        if status != 200:
            raise BenchError(f"reload of {name}: {status} {text}")
        return int(json.loads(text)["model_version"])

    def metric(self, series):
        for line in self.ask("/metrics")[1].splitlines():
            if line.startswith(series + " "):
                return float(line[len(series) + 1:])
        raise BenchError(f"model-cached has no metric {series}")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None


class Readers:
    """cache_requests: requests at moments that are fixed beforehand."""

    def __init__(self, program, socket, model, processes, threads, size):
        self.process = subprocess.Popen(
            [program, socket, model, str(processes), str(threads), str(size)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise BenchError("cache_requests has ended")
        return json.loads(answer)

    def pids(self):
        """Its processes that have readers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
