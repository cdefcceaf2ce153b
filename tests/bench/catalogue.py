#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalogue's benchmark: syncs of 10,000 and of 100,000 models from a hub on this machine,
and lists of the latter.

A sync's memory must not grow with the number of models; lists are asked one after the other over
one connection, with filters by chance, and 99 of 100 must be answered within 10 ms on SQLite.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.parse

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/daemons/registryd"))
sys.path.insert(0, str(REPOSITORY / "tests/sql"))

import fake_hub_catalogue  # noqa: E402
from postgres_server import PostgresServer  # noqa: E402

SMALL, LARGE = 10_000, 100_000
AIM_MS, AIM_GROWTH = 10, 1.1


def sync(program, store, hub):
    """Seconds and peak memory (MB) of one sync, and what it counted."""
    begin = time.monotonic()
    child = subprocess.Popen([program, store, "off", "0", hub.url, "once"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    counted = child.stdout.read().split()
    child.stdout.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status or counted[0] != "success":
        sys.exit(f"the sync failed: {counted}")
    return {"seconds": time.monotonic() - begin, "peak_mb": usage.ru_maxrss / 1000,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "created": int(counted[2]), "updated": int(counted[3])}


def syncs(program, make_store, hub):
    rows = []
    for count in (SMALL, LARGE):
        store = make_store(count)
        for what, revision in (("first", 0), ("nothing new", 0), ("all changed", 1)):
            hub.generated = fake_hub_catalogue.Generated(count, revision)
            rows.append({"models": count, "what": what, **sync(program, store, hub)})
            print("{models:7} {what:12} {seconds:7.1f} s {cpu_seconds:7.1f} s CPU "
                  "{peak_mb:6.1f} MB".format(**rows[-1]), flush=True)
    return rows, store


def some_query(luck):
    """What a list is asked for: nothing, or one to three conditions, rare ones and common."""
    conditions = {
        "text": lambda: luck.choice(["model", "tflite", f"owner{luck.randrange(1000)}", "base7",
                                     f"model {luck.randrange(LARGE)}", "detection", "nothing"]),
        "task": lambda: luck.choice(["image-classification", "text-generation", "nothing"]),
        "license": lambda: luck.choice(["mit", "gemma", "other", "bsd"]),
        "tag": lambda: luck.choice(["tflite", f"base{luck.randrange(50)}",
                                    f"arxiv:{luck.randrange(4000)}", "nothing"]),
        "author": lambda: f"owner{luck.randrange(1000)}"}
    chosen = luck.sample(sorted(conditions), luck.choice([0, 1, 1, 1, 2, 2, 3]))
    query = {name: conditions[name]() for name in chosen}
    if luck.random() < 0.5:
        query["cursor"] = luck.randrange(LARGE)
    return query


def ask_lists(connection, count):
    luck = random.Random(1)
    times = collections.defaultdict(list)
    for i in range(count + 200):
        query = some_query(luck)
        begin = time.perf_counter()
        connection.request("GET", "/models?" + urllib.parse.urlencode(query))
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            sys.exit(f"{query}: {answer}")
        if i >= 200:  # the first ones open connections and files
            times[" ".join(sorted(set(query) - {"cursor"}))].append(
                (time.perf_counter() - begin) * 1000)
    return times


def quantile(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def lists(program, store, count):
    child = subprocess.Popen([program, store, "off", "0", "http://127.0.0.1:1"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(child.stdout.readline()))
        times = ask_lists(connection, count)
        connection.close()
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()
    rows = {"all": [ms for some in times.values() for ms in some], **times}
    for name, some in sorted(rows.items()):
        print(f"lists by {name or 'nothing':30} {len(some):6} p50 {quantile(some, .5):7.2f} ms "
              f"p99 {quantile(some, .99):7.2f} ms  max {max(some):7.2f} ms")
    return {name: {"p50_ms": quantile(some, .5), "p99_ms": quantile(some, .99), "max_ms": max(some),
                   "count": len(some)} for name, some in rows.items()}


def run(program, make_store, count):
    hub = fake_hub_catalogue.CatalogueHub()
    try:
        rows, store = syncs(program, make_store, hub)
    finally:
        hub.stop()
    return {"syncs": rows, "lists": lists(program, store, count)}


def missed(result):
    peaks = {count: max(row["peak_mb"] for row in result["syncs"] if row["models"] == count)
             for count in (SMALL, LARGE)}
    growth, p99 = peaks[LARGE] / peaks[SMALL], result["lists"]["all"]["p99_ms"]
    print(f"memory of {LARGE} models: {growth:.2f} x that of {SMALL} (aim: {AIM_GROWTH}); "
          f"p99 of lists: {p99:.2f} ms (aim: {AIM_MS})")
    return growth > AIM_GROWTH or p99 > AIM_MS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=REPOSITORY / "build/release/tests/catalogue_host")
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--lists", type=int, default=20000, help="how many lists are asked for")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.postgresql:
            with PostgresServer() as server:
                def make(count):
                    subprocess.run(["psql", "-qXd", server.uri, "-c", f"CREATE DATABASE c{count}"],
                                   check=True)
                    return server.uri.replace("/postgres?", f"/c{count}?")
                result = run(arguments.program, make, arguments.lists)
        else:
            result = run(arguments.program, lambda count: f"sqlite:{directory}/{count}.db",
                         arguments.lists)
    out = REPOSITORY / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "catalogue.json").write_text(json.dumps(result, indent=1))
    return 2 if missed(result) else 0


if __name__ == "__main__":
    sys.exit(main())
