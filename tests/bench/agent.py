#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent beside curl: a large model from MLflow's own server on loopback.

In one run: `curl -o` of the model's URL and a whole cycle of the agent, in turns; the agent's anonymous
memory at its peak and idle; a reader that opens the model all the time while it is replaced; and the
requests of cycles that find nothing new. MLflow's server is the slow part of a download, so that the
same pairs are measured in front of a server that sends from memory, too. Prints a table of aims and
writes all samples as JSON.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
import urllib.parse
import urllib.request
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/system"))
sys.path.insert(0, str(REPOSITORY / "tests/daemons"))
sys.path.insert(0, str(REPOSITORY / "tests/daemons/mlflow"))

from harness import HarnessError  # noqa: E402
import environments  # noqa: E402
import fake_mlflow  # noqa: E402
import measure  # noqa: E402
import servers  # noqa: E402
from recorder import Recorder  # noqa: E402

PATIENCE = 300    # seconds that only a hang reaches
SWAPS = 30        # of the model that is read all the time
CYCLES = 5        # that find nothing new
MODELS = 3        # that are asked for in each of them
SMALL = 3_000_000  # bytes of the model that is read
LOCAL = "model.pt"
NO_LINKS = types.SimpleNamespace(hosts=[])
TOKEN = "of-the-benchmark"


class Bench:
    """The server with its models, and a directory for each run of the agent."""

    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.server = servers.Mlflow(environments.mlflow("3"), work / "server").start()
        self.publisher = self.server.publisher()

    def close(self):
        self.publisher.close()
        self.server.kill()

    def publish(self, name, size, seed):
        """A version with one PyTorch file of about so many bytes, which no compressor shrinks."""
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        with zipfile.ZipFile(directory / "best.pt", "w") as archive, \
                archive.open("archive/data/0", "w", force_zip64=True) as out:
            for number in range(size // 1_000_000):
                out.write(hashlib.shake_128(f"{seed} {number}".encode()).digest(1_000_000))
        self.publisher.call("publish", name=name, directory=str(directory))
        return directory / "best.pt"

    def site(self, uri, names):
        """A directory with a configuration; models get LOCAL, or their own names."""
        site = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        models = [{"mlflow_name": name, "local_filename": LOCAL if len(names) == 1 else f"{name}.pt"}
                  for name in names]
        settings = {"mlflow_uri": uri, "models": models, "status_token": TOKEN,
                    "status_port": servers.free_port(), "on_update": {"restart_pilot": False}}
        (site / "config.yaml").write_text(json.dumps({"model_sync": settings}))
        return Site(self.options.agent, site, settings["status_port"])


class Site:
    """One device's directory, and the agent in it."""

    def __init__(self, agent, path, port):
        self.path = path
        self.port = port
        self.command = [agent, "--config", "config.yaml"]
        self.process = None

    def start(self):
        with (self.path / "log").open("w") as log:
            self.process = subprocess.Popen(self.command, cwd=self.path, stderr=log)
        self.cycles(1)

    def end(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, method="GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read().decode()

    def metric(self, name):
        try:
            for line in self.ask("/metrics").splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        except OSError:
            pass
        return 0

    def cycles(self, count):
        """Waits until so many cycles are done."""
        self.wait(lambda: self.metric("model_sync_cycles_total") >= count)

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise HarnessError(f"the agent: {(self.path / 'log').read_text()}")
            time.sleep(0.02)


def anonymous(pid):
    """kB of anonymous memory; 0 when the process has gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


# ---- what is measured ----

def download_commands(bench, uri):
    """What fetches the large model from a server, by name: words, and a site to run them in."""
    query = urllib.parse.urlencode({"name": "large", "version": 1, "path": "best.pt"})
    curl = ["curl", "-sS", "--fail", "-o", LOCAL, f"{uri}/model-versions/get-artifact?{query}"]
    return {"curl": curl,
            "curl, sync": ["sh", "-c", '"$@" && sync ' + LOCAL, "sh", *curl],
            "agent": [bench.options.agent, "--config", "config.yaml", "--once"]}


def measure_downloads(bench, uri, names, runs):
    """Samples of those who are named, in turns."""
    commands = download_commands(bench, uri)
    samples = {name: [] for name in names}
    for number in range(runs + 1):
        for name in names:
            site = bench.site(uri, ["large"])
            sample = measure.run(NO_LINKS, ["env", "-C", site.path, *commands[name]], os.environ,
                                 bench.work / "log")
            shutil.rmtree(site.path)
            # The first turn finds a server that never sent the file.
            if number:
                samples[name].append(sample)
                print(f"  {name:<12}{sample.wall:8.2f} s{sample.cpu:8.2f} s CPU", flush=True)
    return samples


def measure_from_memory(bench, large, runs):
    """Samples in front of a server that costs next to nothing."""
    registry = fake_mlflow.Registry()
    registry.publish("large", {"best.pt": large.read_bytes()})
    registry.start()
    try:
        return measure_downloads(bench, registry.url, ("curl", "curl, sync", "agent"), runs)
    finally:
        registry.stop()


def measure_memory(bench):
    """(peak, idle) of RssAnon in MB, of an agent that fetches the large model, then waits."""
    site = bench.site(bench.server.url, ["large"])
    peak = 0
    with (site.path / "log").open("w") as log:
        site.process = subprocess.Popen(site.command, cwd=site.path, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        # Nothing is asked of it meanwhile: looking costs it nothing.
        while not (site.path / "models" / LOCAL).exists() and time.monotonic() < deadline:
            peak = max(peak, anonymous(site.process.pid))
            time.sleep(0.005)
        site.cycles(1)
        peak = max(peak, anonymous(site.process.pid))
        for number in range(2, 4):
            site.ask("/sync", "POST")
            site.cycles(number)
        return peak / 1000, anonymous(site.process.pid) / 1000
    finally:
        site.end()


def measure_swaps(bench):
    """What a reader saw that opened the model all the time: whole, missing and broken ones."""
    digests = set()
    for number in range(2):
        digests.add(hashlib.sha256(bench.publish("read", SMALL, number).read_bytes()).hexdigest())
    site = bench.site(bench.server.url, ["read"])
    seen = {"whole": 0, "missing": 0, "broken": 0}
    ended = threading.Event()

    def read():
        while not ended.is_set():
            try:
                content = (site.path / "models" / LOCAL).read_bytes()
                right = hashlib.sha256(content).hexdigest() in digests
                seen["whole" if right else "broken"] += 1
            except OSError:
                seen["missing"] += 1

    site.start()
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(SWAPS):
            bench.publisher.call("set_alias", name="read", alias="champion", version=1 + number % 2)
            site.ask("/sync", "POST")
            site.wait(lambda: site.metric("model_sync_updates_total") >= number + 2)
    finally:
        ended.set()
        reader.join()
        site.end()
    return seen


def measure_requests(bench):
    """(requests that are not one for an alias, missing or too many ones, connections) of cycles
    without news."""
    names = [f"model-{number}" for number in range(MODELS)]
    for name in names:
        bench.publish(name, 1_000_000, name)
    recorder = Recorder(bench.server.port, bodies=False)
    site = bench.site(recorder.url, names)
    site.start()
    try:
        recorder.take()
        for number in range(2, 2 + CYCLES):
            site.ask("/sync", "POST")
            site.cycles(number)
        exchanges, connections = recorder.take()
    finally:
        site.end()
        recorder.stop()
    asked = [urllib.parse.urlsplit(one["target"]).path for one in exchanges]
    aliases = asked.count("/api/2.0/mlflow/registered-models/alias")
    return {"cycles": CYCLES, "models": MODELS, "aliases": aliases,
            "others": len(asked) - aliases, "new connections": connections}


# ---- what is told ----

def aims(samples, peak, idle, seen, requests, size):
    """(what, measured, at most)."""
    wall = {name: statistics.median(sample.wall for sample in taken)
            for name, taken in samples.items()}
    return [(f"{size // 1_000_000} MB: time / curl -o", wall["agent"] / wall["curl"], 1.15),
            ("RssAnon at the peak, MB", peak, 8),
            ("RssAnon idle, MB", idle, 4),
            (f"model missing, in {sum(seen.values())} looks", seen["missing"], 0),
            ("model half or mixed", seen["broken"], 0),
            ("requests / cycle and model", requests["aliases"] / CYCLES / MODELS, 1),
            ("other requests", requests["others"], 0),
            ("connections, beside the first", requests["new connections"], 0)]


def plain(samples):
    return {name: [dataclasses.asdict(one) for one in taken] for name, taken in samples.items()}


def print_table(title, samples):
    print(f"\n{title:<14}{'wall s':>10}{'CPU s':>10}{'largest MB':>12}")
    for name, taken in samples.items():
        sample = measure.median(taken)
        print(f"{name:<14}{sample.wall:10.2f}{sample.cpu:10.2f}{sample.largest:12.1f}")


def print_aims(rows):
    print(f"\n{'aim':<36}{'measured':>10}{'at most':>10}")
    for what, measured, limit in rows:
        verdict = "reached" if measured <= limit else "MISSED"
        print(f"{what:<36}{measured:10.3f}{limit:10.2f}  {verdict}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--agent", type=pathlib.Path,
                        default=REPOSITORY / "build/release/bin/model-sync-agent")
    parser.add_argument("--runs", type=int, default=7, help="pairs that a median is taken of")
    parser.add_argument("--megabytes", type=int, default=300, help="of the model")
    options = parser.parse_args()
    options.agent = options.agent.resolve()
    return options


def bench_all(options, work):
    bench = Bench(options, work)
    try:
        size = options.megabytes * 1_000_000
        large = bench.publish("large", size, "large")
        samples = measure_downloads(bench, bench.server.url, ("curl", "agent"), options.runs)
        quick = measure_from_memory(bench, large, options.runs)
        peak, idle = measure_memory(bench)
        seen = measure_swaps(bench)
        requests = measure_requests(bench)
    finally:
        bench.close()
    rows = aims(samples, peak, idle, seen, requests, size)
    print_table("from MLflow", samples)
    print_table("from memory", quick)
    print_aims(rows)
    out = REPOSITORY / "build/bench/agent.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({
        "MLflow": plain(samples), "memory": plain(quick), "peak": peak, "idle": idle, "reader": seen, "requests": requests}, indent=2) + "\n")
    print(f"\nsamples: {out}")
    return 2 if any(measured > limit for _, measured, limit in rows) else 0


def main():
    options = parse()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-agent.") as work:
            return bench_all(options, pathlib.Path(work))
    except (HarnessError, environments.Unavailable) as error:
        print(f"agent.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
