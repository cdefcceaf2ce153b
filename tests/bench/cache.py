#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of model-cached, with a model of 200 MB.

  core    a hit through libmodelcache with 8 threads, an answer on the socket, an exchange
  swap    8 readers with a quarter of the processors, at rest and while a version is downloaded,
          validated and exchanged; as threads of a process, and as processes
  load    a version from the disk store, and a copy of the file to /dev/shm with the same hash
  traces  how often the cache hits on drawn requests, and what the optimum would be
  memory  the daemon and 8 processes that hold the same 5 models
  api     the same FastAPI service with models in a dict in each worker, as one writes it first,
          and with models of model-cached (cache_peer.py)

Readers do not wait for each other's requests: latencies count from the moment that was meant.
Ends with 2 when an aim is missed, with 1 when something could not be measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cache_measure as measure
from cache_daemon import BenchError, Registry

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("swap", "load", "memory", "api", "traces", "core")
# Part, figure, what it is in words, and how much is wanted: at most, or with True at least.
AIMS = (
    ("core", ("hit", "median"), "hit through libmodelcache with 8 threads, ns", 2_000, False),
    ("core", ("socket", "median"), "answer on the socket, ns", 50_000, False),
    ("core", ("exchange", "max"), "longest exchange, ns", 1_000_000, False),
    ("swap", ("8 threads", "ratio"), "8 threads: p99 during a swap / at rest", 1.2, False),
    ("swap", ("8 threads", "failed"), "8 threads: failed reads", 0, False),
    ("swap", ("8 threads", "long_exchanges"), "exchanges above 1 ms", 0, False),
    ("swap", ("8 processes", "ratio"), "8 processes: p99 during a swap / at rest", 1.2, False),
    ("swap", ("8 processes", "failed"), "8 processes: failed reads", 0, False),
    ("load", ("ratio",), "load / copy and hash", 1.3, False),
    ("traces", ("97% to four", "hits"), "hit rate with 97% to four models", 0.95, True),
    ("memory", ("ratio",), "memory of all / bytes of the models", 1.05, False),
    ("api", ("model-cached", "failed"), "API over model-cached: failed reads", 0, False),
)


def run(options, work):
    found = {}
    registry = Registry(options.size)
    parts = {
        "core": lambda: measure.core(options, work),
        "swap": lambda: {"8 threads": measure.swap(options, work, registry, 1, 8),
                         "8 processes": measure.swap(options, work, registry, 8, 1)},
        "load": lambda: measure.load(options, work, registry),
        "traces": lambda: measure.traces(options),
        "memory": lambda: measure.held(options, work, registry),
        "api": lambda: measure.apis(options, work, registry),
    }
    try:
        for part in PARTS:
            if part in options.only:
                print(f"{part} ...", file=sys.stderr, flush=True)
                found[part] = parts[part]()
    finally:
        registry.stop()
    return found


# ---- tables

def show_core(found):
    print(f"\n{'':<22}{'median us':>12}{'p99 us':>12}{'max us':>12}")
    for name, row in found.items():
        print(f"{name:<22}" + "".join(f"{row[key] / 1000:>12.2f}"
                                      for key in ("median", "p99", "max")))


def show_phases(title, found):
    print(f"\n{title:<22}{'':<8}{'requests':>10}{'median ms':>12}{'p99 ms':>10}{'max ms':>10}"
          f"{'s':>7}")
    for name, row in found.items():
        for phase in ("rest", "swap"):
            figures = row[phase]
            print(f"{name if phase == 'rest' else '':<22}{phase:<8}{figures['requests']:>10}"
                  f"{figures['median']:>12.3f}{figures['p99']:>10.3f}{figures['max']:>10.3f}"
                  f"{figures['seconds']:>7.2f}")


def show_load(found):
    print("\nseconds of a load")
    for name in ("from MLflow", "from the disk store", "copy and hash"):
        print(f"{name:<22}{found[name]:>10.3f}")


def show_traces(found):
    print(f"\n{'hit rate':<22}{'cache':>10}{'optimum':>10}")
    for name, row in found.items():
        print(f"{name:<22}{row['hits']:>10.1%}{row['optimum']:>10.1%}")


def show_memory(found):
    print("\nmemory, MB")
    for name in ("models", "together", "daemon's own", "a client's own"):
        print(f"{name:<22}{found[name] / 1e6:>10.1f}")


def show_api(found):
    show_phases("FastAPI over", found)
    print(f"\n{'FastAPI over':<22}{'a worker, MB':>14}{'its own, MB':>14}{'a call, us':>12}"
          f"{'p99 us':>10}")
    for name, row in found.items():
        print(f"{name:<22}{row['worker'] / 1e6:>14.1f}{row['anonymous'] / 1e6:>14.1f}"
              f"{row['call']['median'] / 1000:>12.2f}{row['call']['p99'] / 1000:>10.2f}")


SHOW = {"core": show_core, "swap": lambda found: show_phases("libmodelcache", found),
        "load": show_load, "traces": show_traces, "memory": show_memory, "api": show_api}


def judge(found):
    """Prints the aims; 2 if one is missed."""
    missed = False
    print(f"\n{'aim':<52}{'measured':>12}{'aim':>12}")
    for part, figure, words, aim, least in AIMS:
        value = found.get(part)
        if value is None:
            continue
        for key in figure:
            value = value[key]
        reached = value >= aim if least else value <= aim
        missed |= not reached
        print(f"{words:<52}{value:>12.4g}{aim:>12.4g}  {'reached' if reached else 'MISSED'}")
    return 2 if missed else 0


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=REPOSITORY / "build/release")
    parser.add_argument("--megabytes", type=int, default=200, help="of a model (default 200)")
    parser.add_argument("--rounds", type=int, default=8,
                        help="at rest and with a swap, of each (default 8)")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--quick", action="store_true",
                        help="20 MB and two rounds, to try it out: no figures")
    parser.add_argument("--json", type=Path, default=REPOSITORY / "build/bench/cache.json")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if set(options.only) - set(PARTS):
        parser.error("--only takes " + ",".join(PARTS))
    if options.quick:
        options.megabytes, options.rounds = 20, 2
    options.size = options.megabytes * 1_000_000
    return options


def main():
    options = parse()
    (REPOSITORY / "build/bench").mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if load > 0.5 * os.cpu_count():
        print(f"cache.py: the load average is {load:.1f}: this machine does other work, and the "
              "daemon's updates do not give way then", file=sys.stderr)
    try:
        with tempfile.TemporaryDirectory(dir=REPOSITORY / "build/bench") as work:
            found = run(options, Path(work))
    except (BenchError, subprocess.CalledProcessError) as error:
        print(f"cache.py: {error}", file=sys.stderr)
        return 1
    found["load average"] = load
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    for part in PARTS:
        if part in found:
            SHOW[part](found[part])
    return judge(found)


if __name__ == "__main__":
    sys.exit(main())
