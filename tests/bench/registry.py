#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The registry's benchmark: model-registryd beside a service of FastAPI over a JSON file.

Both serve the same 1,000 entries. 16 clients (wrk) ask for the whole list, and register versions;
the rounds are interleaved. Every 201 has to be in the store afterwards, on the disk. Then, with
model-registryd alone: 10,000 idle connections stand, and a new client asks for one entry.

The peer comes from PyPI into build/bench/registry-peer, once; wrk is Debian's.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PEER = REPOSITORY / "build/bench/registry-peer"
PACKAGES = ("fastapi==0.115.6", "uvicorn[standard]==0.34.0")
ENTRIES, CLIENTS, IDLE = 1000, 16, 10_000
LIST, POST = "list of 1,000", "register"
PATH = "/api/v1/registry/models"

# Each thread counts its own versions up; wrk's Lua has no state that is shared.
SCRIPT = """\
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("first", (ROUND * 100 + threads) * 10000000)
end
function request()
  first = first + 1
  local body = '{"model_name": "load", "version": ' .. string.format("%d", first) ..
    ', "path": "models/load/model.onnx", "metadata": {"description": "under load"}}'
  return wrk.format("POST", "/api/v1/registry/models",
    {["Content-Type"] = "application/json"}, body)
end
"""


class BenchError(Exception):
    """What keeps the benchmark from a figure."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def entries():
    return [{"model_name": f"detector-{i // 10:03d}", "version": i % 10 + 1,
             "path": f"models/detector-{i // 10:03d}/v{i % 10 + 1}/model.onnx",
             "status": "production" if i % 10 == 9 else "staging",
             "creation_timestamp": "2026-01-01T12:00:00Z",
             "metadata": {"description": "Retrained with additional data.",
                          "metrics": {"accuracy": 0.82, "latency_ms": 32}}}
            for i in range(ENTRIES)]


class Service:
    """A service that runs on a port of its own."""

    def __init__(self, name, work, command, environment=None):
        self.name = name
        self.port = free_port()
        self.log = work / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(word).replace("PORT", str(self.port)) for word in command], cwd=work,
                stdout=log, stderr=log, env=dict(os.environ, **(environment or {})))
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if self.get("?limit=1")[0] == 200:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{name} does not answer: {self.log.read_text()[-1000:]}")
            time.sleep(0.1)

    def get(self, rest=""):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", PATH + rest)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def names(self):
        return [entry["model_name"] for entry in json.loads(self.get()[1])["models"]]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def load(service, script, seconds):
    """One round of wrk: requests a second, p99 in ms, and how many were answered."""
    command = ["wrk", "-t2", f"-c{CLIENTS}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run([*command, f"http://127.0.0.1:{service.port}{PATH}"], check=True,
                          capture_output=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise BenchError(f"{service.name}: {done.stdout}")
    unit = {"us": 0.001, "ms": 1, "s": 1000}
    number, name = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()
    return (float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1)),
            float(number) * unit[name],
            int(re.search(r"(\d+) requests in", done.stdout).group(1)))


def check_kept(service, before, answered):
    """Nothing that a client was told is missing; those under way at the end may be there too."""
    kept = service.names().count("load") - before
    if not answered <= kept <= answered + CLIENTS:
        raise BenchError(f"{service.name}: {answered} were answered with 201, {kept} are there")


def measure(services, work, runs, seconds):
    found = {(s.name, phase): [] for s in services for phase in (LIST, POST)}
    for number in range(1, runs + 1):
        script = work / "post.lua"
        script.write_text(SCRIPT.replace("ROUND", str(number)))
        for service in services:
            found[service.name, LIST].append(load(service, None, seconds))
        for service in services:
            before = service.names().count("load")
            figures = load(service, script, seconds)
            found[service.name, POST].append(figures)
            check_kept(service, before, figures[2])
    return {key: (statistics.median(f[0] for f in figures),
                  statistics.median(f[1] for f in figures)) for key, figures in found.items()}


def kilobytes(pid, field):
    return int(re.search(rf"^{field}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(),
                         re.M).group(1))


def measure_idle(service):
    """Milliseconds of a new client's GET while idle connections stand, and the memory in MB."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, IDLE + 1000))
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(
                socket.create_connection(("127.0.0.1", service.port), timeout=30))
        worst = 0
        for _ in range(50):
            began = time.monotonic()
            status, _ = service.get("/detector-001/1")
            worst = max(worst, time.monotonic() - began)
            if status != 200:
                raise BenchError(f"with idle connections a client gets {status}")
        return worst * 1000, kilobytes(service.process.pid, "VmRSS") / 1000


def install_peer():
    if (PEER / "bin/uvicorn").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
    subprocess.run([PEER / "bin/pip", "-q", "install", *PACKAGES], check=True)


def start_ours(work, program, store):
    kind = store.split(":")[0]
    config = work / f"{kind}.yaml"
    config.write_text(f"limits: {{connections: {IDLE + 100}, idle_seconds: 3600}}\n"
                      "catalogue: {schedule: 'off'}\n")
    return Service(f"modelfleet {kind}", work, [program, "--config", config, "--store", store,
                                               "--listen", "127.0.0.1:PORT"],
                   {"STATE_DIRECTORY": str(work)})


def fill(service):
    for entry in entries():
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.request("POST", PATH, json.dumps(
            {k: entry[k] for k in ("model_name", "version", "path", "metadata")}),
            {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        if status != 201:
            raise BenchError(f"{service.name}: {status} for an entry")


def table(found, services, idle):
    missed = False
    print(f"\n{'':<20}{LIST:>22}{'p99':>10}{POST:>16}{'p99':>10}")
    for service in services:
        rate, p99 = found[service.name, LIST]
        posts, p99_post = found[service.name, POST]
        print(f"{service.name:<20}{rate:>16.0f}/s {p99:>11.1f} ms{posts:>13.0f}/s"
              f"{p99_post:>7.1f} ms")
    peer = services[0].name
    print(f"\n{'aim':<60}{'measured':>10}{'aim':>8}")
    rows = []
    for service in services[1:]:
        for phase in (LIST, POST):
            ours, theirs = found[service.name, phase], found[peer, phase]
            rows.append((f"{service.name}, {phase}: times as many a second",
                         ours[0] / theirs[0], 20, True))
            rows.append((f"{service.name}, {phase}: p99, of the peer's",
                         ours[1] / theirs[1], 0.1, False))
    rows.append((f"GET beside {IDLE} idle connections, ms", idle[0], 100, False))
    rows.append((f"memory with {IDLE} idle connections, MB", idle[1], 100, False))
    for what, value, aim, least in rows:
        reached = value >= aim if least else value <= aim
        missed |= not reached
        print(f"{what:<60}{value:>10.2f}{aim:>8}  {'reached' if reached else 'MISSED'}")
    return 2 if missed else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--seconds", type=int, default=5, help="of each load (default 5)")
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/model-registryd")
    return parser.parse_args()


def main():
    options = parse()
    PEER.parent.mkdir(parents=True, exist_ok=True)
    install_peer()
    services = []
    with tempfile.TemporaryDirectory(dir=REPOSITORY / "build/bench") as work:
        work = Path(work)
        try:
            (work / "peer.json").write_text(json.dumps({"models": entries()}, indent=2))
            services.append(Service(
                "FastAPI, JSON file", work,
                [PEER / "bin/uvicorn", "--app-dir", Path(__file__).parent, "registry_peer:app",
                 "--port", "PORT", "--log-level", "error"],
                {"REGISTRY_PATH": str(work / "peer.json")}))
            (work / "registry.json").write_text(json.dumps({"models": entries()}, indent=2))
            services.append(start_ours(work, options.program, "json:registry.json"))
            services.append(start_ours(work, options.program, "sqlite:registry.db"))
            fill(services[-1])
            found = measure(services, work, options.runs, options.seconds)
            idle = measure_idle(services[1])
        except BenchError as error:
            print(f"registry.py: {error}", file=sys.stderr)
            return 1
        finally:
            for service in services:
                service.stop()
    return table(found, services, idle)


if __name__ == "__main__":
    sys.exit(main())
