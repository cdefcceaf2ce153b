# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of model-cached measures, one function for each of its tables."""

import json
import os
import re
import statistics
import subprocess
import time
from pathlib import Path

import cache_http
from cache_daemon import BenchError, Daemon, Readers

READ = 1 << 20        # bytes of a model that a reader looks at
QUARTER = 0.25        # of the processors, for all readers together
PEER_WORKERS = 4
HOLDERS, MODELS = 8, 5
# A prediction with the new version, as far as a benchmark has one: all of it is read.
VALIDATE = 'sha256sum "$1" > validated'


def p99(latencies):
    ordered = sorted(latencies)
    return ordered[len(ordered) - 1 - len(ordered) // 100]


def summary(phases):
    """All latencies of phases of one kind together, in milliseconds."""
    latencies = [one for phase in phases for one in phase["latencies"]]
    return {"p99": p99(latencies) / 1e6, "median": statistics.median(latencies) / 1e6,
            "max": max(latencies) / 1e6, "requests": len(latencies),
            "seconds": statistics.median(phase["seconds"] for phase in phases)}


def memory(pid):
    """Bytes: the proportional share of a process, with its page tables, and what is its own."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    status = Path(f"/proc/{pid}/status").read_text()

    def find(text, field):
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1)) * 1024

    return {"pss": find(rollup, "Pss") + find(status, "VmPTE"),
            "anonymous": find(status, "RssAnon")}


def core(options, work):
    """Hits, answers and exchanges of the parts, in nanoseconds."""
    done = subprocess.run([options.build / "bench/cache_bench", work / "core.sock",
                           str(options.size // 1_000_000)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def traces(options):
    done = subprocess.run([options.build / "bench/cache_traces"], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def start(options, site, registry, names, **settings):
    return Daemon(options.build / "bin/model-cached", site, mlflow_uri=registry.url,
                  models=[{"name": name, "validate_command": VALIDATE} for name in names],
                  **settings)


def rounds_of(options, readers, registry, name, update):
    """Phases at rest and with a swap, in turns; a rest is as long as the swap before it."""
    rest, swaps, seconds = [], [], 2.0
    for _ in range(options.rounds):
        time.sleep(0.5)
        readers.begin()
        time.sleep(seconds)
        rest.append(readers.end())
        version = registry.prepare(name)
        time.sleep(0.5)
        readers.begin()
        registry.release(name)
        update()
        swaps.append(readers.end(version))
        seconds = swaps[-1]["seconds"]
    return {"rest": summary(rest), "swap": summary(swaps), "failed": swaps[-1]["failed"],
            "ratio": summary(swaps)["p99"] / summary(rest)["p99"]}


# ---- swaps beneath readers of the library

class _Phases:
    """Readers as rounds_of drives them."""

    def __init__(self, readers):
        self.readers = readers

    def begin(self):
        self.readers.tell("begin")

    def end(self, version=0):
        return self.readers.tell(f"end {version}")


def swap(options, work, registry, processes, threads):
    registry.publish("swapped")
    daemon = start(options, work / f"swap{processes}", registry, ["swapped"], cache_size=2)
    readers = None
    try:
        readers = Readers(options.build / "bench/cache_requests", daemon.socket, "swapped",
                          processes, threads, READ)
        cost = readers.tell("calibrate")["median"]
        readers.tell(f"rate {QUARTER * os.cpu_count() * 1e9 / cost}")
        found = rounds_of(options, _Phases(readers), registry, "swapped",
                          lambda: daemon.reload("swapped"))
        count = daemon.metric("model_swap_seconds_count")
        if count != options.rounds:
            raise BenchError(f"{count} swaps were counted, and {options.rounds} made")
        found["read"] = cost / 1e6
        found["exchange"] = daemon.metric("model_swap_seconds_sum") / count * 1e3
        found["long_exchanges"] = count - daemon.metric('model_swap_seconds_bucket{le="0.001"}')
        return found
    finally:
        if readers:
            readers.stop()
        daemon.stop()


# ---- loads

def load(options, work, registry):
    """Seconds of a load, and of a copy of the same file with the same hash, in turns."""
    registry.publish("loaded")
    daemon = start(options, work / "load", registry, ["loaded"])
    try:
        found = {"from MLflow": daemon.metric("model_load_seconds_sum")}
        (blob,) = (work / "load/state/blobs").iterdir()
        copies, loads = [], []
        for _ in range(2 * options.rounds):
            daemon.stop()
            copies.append(float(subprocess.run(
                [options.build / "bench/cache_copy", blob, f"/dev/shm/cache-bench.{os.getpid()}"],
                check=True, stdout=subprocess.PIPE).stdout))
            daemon.start()
            if daemon.metric('model_loads_total{from="disk"}') != 1:
                raise BenchError("the daemon has loaded something else")
            loads.append(daemon.metric("model_load_seconds_sum"))
    finally:
        daemon.stop()
    found.update({"from the disk store": statistics.median(loads),
                  "copy and hash": statistics.median(copies),
                  "ratio": statistics.median(loads) / statistics.median(copies)})
    return found


# ---- memory

def held(options, work, registry):
    """What the daemon and processes that hold all models need together, in bytes."""
    names = [f"held-{number}" for number in range(MODELS)]
    for name in names:
        registry.publish(name)
    daemon = start(options, work / "held", registry, names)
    readers = None
    try:
        readers = Readers(options.build / "bench/cache_requests", daemon.socket, names[0], HOLDERS,
                          1, 8)
        readers.tell("hold " + " ".join(names))
        clients = [memory(pid) for pid in readers.pids()]
        own = memory(daemon.process.pid)
        models = MODELS * (options.size // 8 * 8)
        together = own["pss"] + sum(client["pss"] for client in clients)
        if together < models:
            raise BenchError("the clients do not hold all models")
        return {"models": models, "together": together, "ratio": together / models,
                "daemon's own": own["anonymous"],
                "a client's own": statistics.median(c["anonymous"] for c in clients)}
    finally:
        if readers:
            readers.stop()
        daemon.stop()


# ---- the same API with a dict, and with model-cached

def _api(options, work, registry, environment, rate, update):
    service = cache_http.Service(work, PEER_WORKERS, environment)
    readers = None
    try:
        readers = cache_http.HttpReaders(service.port, "served")
        cost = readers.calibrate()
        rate = rate or QUARTER * os.cpu_count() / cost
        readers.start(rate)
        found = rounds_of(options, readers, registry, "served", update)
        found.update({"request": cost * 1e3, "rate": rate,
                      "worker": statistics.median(memory(pid)["pss"] for pid in service.pids()),
                      "anonymous": statistics.median(memory(pid)["anonymous"]
                                                     for pid in service.pids()),
                      "call": json.loads(cache_http.time_calls(environment))})
        return found
    finally:
        if readers:
            readers.stop()
        service.stop()


def apis(options, work, registry):
    """FastAPI over a dict in each worker, and the same API over model-cached."""
    cache_http.install()
    registry.publish("served")
    settings = {"PEER_MODELS": "served", "PYTHONDONTWRITEBYTECODE": "1"}
    peer = _api(options, work, registry, {**settings, "PEER_MLFLOW": registry.url}, None,
                lambda: None)
    daemon = start(options, work / "served", registry, ["served"], cache_size=2)
    library = options.build / "lib/libmodelcache.so.0"
    try:
        ours = _api(options, work, registry, {
            **settings, "PEER_SOCKET": str(daemon.socket), "MODELCACHE_LIBRARY": str(library)},
            peer["rate"], lambda: daemon.reload("served"))
        ours["daemon"] = memory(daemon.process.pid)["pss"]
    finally:
        daemon.stop()
    return {"dict": peer, "model-cached": ours}
