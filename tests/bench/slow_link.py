#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links of 20 Mbit/s with 20 ms of delay in each direction: is a push as fast as its link?

Four booted hosts with one model of 60 MB. tc limits the cables, a relay delays. Compared with
bytes on the fullest wire / bandwidth: 1.0 is a link that never idles.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from harness import HarnessError  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.store import Site, weights  # noqa: E402
from contenders import Modelfleet, Rsync  # noqa: E402
from measure import run  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
HOSTS = 4
RATE = 20_000_000
DELAY = 0.020
MODEL, VERSION, SIZE = "depth_anything", "2026-01-01", 60_000_000
AIM = 1.1


@contextlib.contextmanager
def relays(fleet, directory):
    """A relay before each host, in a process of its own; yields {host: port}."""
    targets = [f"{host.address}:22" for host in fleet.hosts]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.relay", "--delay", str(DELAY), *targets],
        cwd=REPOSITORY / "tests/system", stdout=subprocess.PIPE, text=True)
    try:
        ports = {}
        for host in fleet.hosts:
            ports[host.name] = int(process.stdout.readline().rpartition(":")[2])
        write_client_files(fleet, ports, directory)
        yield ports
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def write_client_files(fleet, ports, directory):
    """known_hosts and ssh_config that lead through the relays."""
    name_of = {host.address: host.name for host in fleet.hosts}
    lines = []
    for line in fleet.known_hosts.read_text().splitlines():
        address, _, key = line.partition(" ")
        lines.append(f"[127.0.0.1]:{ports[name_of[address]]} {key}\n")
    known_hosts = directory / "known_hosts"
    known_hosts.write_text("".join(lines))
    config = fleet.ssh_config.read_text().replace(str(fleet.known_hosts), str(known_hosts))
    for host in fleet.hosts:
        config = config.replace(f"HostName {host.address}\n",
                                f"HostName 127.0.0.1\n\tPort {ports[host.name]}\n")
    (directory / "ssh_config").write_text(config)


class RelayedRsync(Rsync):
    def __init__(self, fleet, site, work, model, config):
        super().__init__(fleet, site, work, model)
        self.config = config

    def _rsync(self, index, host, phase, model):
        command = super()._rsync(index, host, phase, model)
        return [word.replace(str(self.fleet.ssh_config), str(self.config))
                if isinstance(word, str) else word for word in command]


def relayed_variables(fleet, ports, directory):
    """The inventory's variables of a host behind its relay."""
    def variables(host):
        found = fleet.host_variables(host)
        found["ansible_host"] = "127.0.0.1"
        found["ansible_port"] = ports[host.name]
        found["ansible_ssh_common_args"] = found["ansible_ssh_common_args"].replace(
            str(fleet.known_hosts), str(directory / "known_hosts"))
        return found
    return variables


def measure(contender, log):
    """Wall time of a cold push and what the fullest wire needs for its bytes, in seconds."""
    contender.reset()
    before = [host.link.counters()["to_host"] for host in contender.fleet.hosts]
    command = contender.command("cold", None)
    sample = run(contender.fleet, command, contender.environment, log)
    sent = max(host.link.counters()["to_host"] - start
               for host, start in zip(contender.fleet.hosts, before))
    return {"wall": sample.wall, "wire_mb": sent / 1e6, "ideal": sent * 8 / RATE,
            "ratio": sample.wall / (sent * 8 / RATE)}


def benchmark(options, work, log):
    site = Site(work / "site")
    site.add_version(MODEL, VERSION, {"model.tflite": weights(SIZE, 1)})
    with Fleet.up(HOSTS, "slow") as fleet, relays(fleet, work) as ports:
        for host in fleet.hosts:
            host.link.set_rate(f"{RATE}bit")
        contenders = {
            "rsync": RelayedRsync(fleet, site, work / "rsync", MODEL, work / "ssh_config"),
            "modelfleet": Modelfleet(fleet, site, work / "modelfleet", MODEL, options.program,
                                     relayed_variables(fleet, ports, work))}
        return {name: measure(contenders[name], log) for name in options.only}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="rsync,modelfleet",
                        type=lambda text: text.split(","), help="contenders, by comma")
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/deploy-models")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build/bench/slow_link.json")
    options = parser.parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.output.parent) as work:
            results = benchmark(options, Path(work), options.output.with_suffix(".log"))
    except HarnessError as error:
        print(f"slow_link.py: {error}", file=sys.stderr)
        return 1
    print(f"{'':<12}{'wall s':>10}{'wire MB':>10}{'ideal s':>10}{'ratio':>8}")
    for name, result in results.items():
        print(f"{name:<12}{result['wall']:10.2f}{result['wire_mb']:10.2f}"
              f"{result['ideal']:10.2f}{result['ratio']:8.3f}")
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    ours = results.get("modelfleet")
    return 2 if ours and ours["ratio"] > AIM else 0


if __name__ == "__main__":
    sys.exit(main())
