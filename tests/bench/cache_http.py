# SPDX-License-Identifier: Apache-2.0
"""The API of cache_peer.py as processes, and requests for it at moments that are fixed before."""

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from cache_daemon import PATIENCE, BenchError

HERE = Path(__file__).resolve().parent
PEER = HERE.parents[1] / "build/bench/cache-peer"
PACKAGES = ("fastapi==0.115.6", "uvicorn[standard]==0.34.0")
CONNECTIONS = 8
LATE_MAX = 10  # seconds after which there is no measuring


def install():
    """The peer's packages from PyPI, once."""
    if (PEER / "bin/uvicorn").exists():
        return
    PEER.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
    subprocess.run([PEER / "bin/pip", "-q", "install", *PACKAGES], check=True)


def time_calls(environment):
    """What a model in hand costs in Python, without HTTP: text of JSON."""
    return subprocess.run([PEER / "bin/python", HERE / "cache_peer.py"], check=True, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, **environment}).stdout


class Service:
    """The API, in some worker processes on one port, by uvicorn with uvloop and httptools."""

    def __init__(self, work, workers, environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = work / "peer.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [PEER / "bin/uvicorn", "--app-dir", HERE, "--factory", "cache_peer:make_app",
                 "--port", str(self.port), "--workers", str(workers), "--log-level", "info",
                 "--no-access-log", "--loop", "uvloop", "--http", "httptools"],
                stdout=log, stderr=log, env={**os.environ, **environment})
        deadline = time.monotonic() + PATIENCE
        # Every worker holds its models before it says so.
        while self.log.read_text().count("startup complete") < workers:
            if "ERROR" in self.log.read_text() or time.monotonic() > deadline:
                self.stop()
                raise BenchError(f"the peer does not start: {self.log.read_text()[-1000:]}")
            time.sleep(0.05)

    def pids(self):
        """Its workers; multiprocessing's own process is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class HttpReaders:
    """Some connections, each with requests by a Poisson process."""

    def __init__(self, port, model):
        self.model = model
        self.rate = 0.0  # of each connection, a second
        self.stopping = False
        self.error = None
        self.failed = 0
        self.samples = [[] for _ in range(CONNECTIONS)]  # (moment meant, latency)
        self.next = [0.0] * CONNECTIONS
        self.versions = [None] * CONNECTIONS
        self.began = 0.0
        self.port = port
        self.threads = [threading.Thread(target=self.guard, args=(i,), daemon=True)
                        for i in range(CONNECTIONS)]

    def calibrate(self):
        """Seconds of a request, one after the other: the median."""
        with contextlib.closing(self.connect()) as connection:
            times = []
            for number in range(300):
                began = time.monotonic()
                self.read(connection, number / 300)
                times.append(time.monotonic() - began)
        return sorted(times)[len(times) // 2]

    def start(self, rate):
        self.rate = rate / CONNECTIONS
        for thread in self.threads:
            thread.start()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def read(self, connection, place):
        """The version that was read; None: it was not whole."""
        connection.request("GET", f"/read?name={self.model}&place={place:.6f}")
        answer = connection.getresponse()
        text = answer.read()
        return int(text) if answer.status == 200 else None

    def guard(self, number):
        try:
            self.run(number)
        except (OSError, BenchError, http.client.HTTPException) as error:
            self.error = f"a request has failed: {error!r}"

    def run(self, number):
        chance = random.Random(20240120 + number)
        with contextlib.closing(self.connect()) as connection:
            meant = time.monotonic()
            while not self.stopping:
                meant += chance.expovariate(self.rate)
                self.next[number] = meant
                pause = meant - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                elif pause < -LATE_MAX:
                    raise BenchError("the API does not keep up")
                version = self.read(connection, chance.random())
                if version is None:
                    self.failed += 1
                self.versions[number] = version
                self.samples[number].append((meant, time.monotonic() - meant))

    def begin(self):
        self.began = time.monotonic()

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.error or time.monotonic() > deadline:
                raise BenchError(self.error or "the API does not serve the new version")
            time.sleep(0.01)

    def end(self, version=None):
        """Ends a phase once all have read a version: latencies in ns, seconds, failed reads."""
        if version:
            self.wait(lambda: all(seen == version for seen in self.versions))
        ended = time.monotonic()
        self.wait(lambda: all(moment > ended for moment in self.next))
        latencies = [int(latency * 1e9) for samples in self.samples
                     for meant, latency in list(samples) if self.began <= meant < ended]
        return {"latencies": latencies, "seconds": ended - self.began, "failed": self.failed}

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            if thread.ident:
                thread.join(PATIENCE)
