#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The deploy benchmark: 24 booted hosts, half with nine models (160 MB), half with one.

In one run, so on one machine under one load: parallel `ssh HOST true`, a careful rsync push,
Ansible, and deploy-models; each cold, with nothing to do, and with one model bumped to a version
that shares most bytes with the former. Prints medians and the ratios that the project aims at,
and writes all samples as JSON.
"""

import argparse
import dataclasses
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from harness import HarnessError  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.store import Site, retrained, weights  # noqa: E402
from contenders import Ansible, Modelfleet, Rsync, Ssh  # noqa: E402
from measure import HelperWatch, median, run  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
HOSTS = 24
PHASES = ("cold", "nothing", "bump")

# 160 MB in nine models; hosts with a single model get the one that is bumped.
MODELS = {
    "depth_anything": 60, "openface_torch": 30, "pose_landmarks": 20, "mobilenet_ssd": 16,
    "face_recognition": 12, "face_detection": 10, "scene_text": 7, "haarcascades": 4, "wakeword": 1,
}
BUMPED = "mobilenet_ssd"
FIRST = "2026-01-01"


def files_of(model, data):
    labels = "".join(f"{model} {number}\n" for number in range(1000))
    return {"model.tflite": data, "labels.txt": labels.encode(), "info/metadata.json": b"{}\n"}


def make_site(directory):
    site = Site(directory)
    for number, (model, size) in enumerate(MODELS.items()):
        site.add_version(model, FIRST, files_of(model, weights(size * 1_000_000, number)))
    return site


def publish(site, number):
    """A retrained version of the bumped model becomes the current one."""
    version = f"2026-02-{number + 1:02d}"
    if not site.version_path(BUMPED, version).exists():
        current = site.models[BUMPED]["current_version"]
        old = (site.version_path(BUMPED, current) / "model.tflite").read_bytes()
        site.add_version(BUMPED, version, files_of(BUMPED, retrained(old, number)))
    site.set_current(BUMPED, version)


def measure_phases(contender, log, runs):
    """All samples of one contender, by phase."""
    samples = {phase: [] for phase in PHASES}

    def sample(phase):
        command = contender.command(phase, BUMPED)
        samples[phase].append(run(contender.fleet, command, contender.environment, log))
        print(f"  {contender.name:<11}{phase:<9}{samples[phase][-1].wall:8.2f} s", flush=True)

    contender.site.set_current(BUMPED, FIRST)
    for _ in range(runs):
        contender.reset()
        sample("cold")
    for _ in range(runs):
        sample("nothing")
    for number in range(runs):
        publish(contender.site, number)
        sample("bump")
    return samples


def measure_floor(ssh, log, runs):
    return {"nothing": [run(ssh.fleet, ssh.command("nothing", None), ssh.environment, log)
                        for _ in range(runs)]}


def measure_helper(contender, log):
    """The peak memory of the largest node helper, in MB, over a cold run and a bump."""
    contender.site.set_current(BUMPED, FIRST)
    contender.reset()
    with HelperWatch() as watch:
        run(contender.fleet, contender.command("cold", None), contender.environment, log)
        publish(contender.site, 0)
        run(contender.fleet, contender.command("bump", None), contender.environment, log)
    return watch.peak / 1000


COLUMNS = ("wall s", "CPU s", "largest MB", "memory MB", "to MB", "from MB")


def print_table(medians):
    print(f"\n{'':<12}{'':<9}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name, phases in medians.items():
        for phase, sample in phases.items():
            figures = "".join(f"{value:12.2f}" for value in dataclasses.astuple(sample))
            print(f"{name:<12}{phase:<9}{figures}")


def aims(medians, helper):
    """(what, measured, at most) for each aim whose two sides were measured."""
    ours = medians.get("modelfleet")
    if not ours:
        return []
    rows = [("engine memory, MB", ours["cold"].largest, 64 + 0.5 * HOSTS),
            ("helper memory, MB", helper, 8)]
    if "ssh" in medians:
        floor = medians["ssh"]["nothing"].wall
        rows.append(("nothing to do / ssh true", ours["nothing"].wall / floor, 0.5))
    if "ansible" in medians:
        ansible = medians["ansible"]["nothing"].wall
        rows.append(("nothing to do / Ansible", ours["nothing"].wall / ansible, 1 / 60))
    if "rsync" in medians:
        rsync = medians["rsync"]
        rows += [("bump / rsync", ours["bump"].wall / rsync["bump"].wall, 0.4),
                 ("bump bytes / rsync", ours["bump"].to_hosts / rsync["bump"].to_hosts, 1.0),
                 ("cold / rsync", ours["cold"].wall / rsync["cold"].wall, 0.7)]
    return rows


def print_aims(rows):
    if rows:
        print(f"\n{'aim':<28}{'measured':>10}{'at most':>10}")
    for what, measured, limit in rows:
        verdict = "reached" if measured <= limit else "MISSED"
        print(f"{what:<28}{measured:10.3f}{limit:10.3f}  {verdict}")


def make_contenders(options, fleet, site, work):
    makers = {
        "ssh": lambda: Ssh(fleet, site, work / "ssh", BUMPED),
        "rsync": lambda: Rsync(fleet, site, work / "rsync", BUMPED),
        "ansible": lambda: Ansible(fleet, site, work / "ansible", BUMPED),
        "modelfleet": lambda: Modelfleet(fleet, site, work / "modelfleet", BUMPED, options.program,
                                         options=shlex.split(options.options)),
    }
    return [makers[name]() for name in options.only]


def benchmark(options, work):
    """Boots, measures all contenders; returns samples by contender and the helper's memory."""
    site = make_site(work / "site")
    samples, helper = {}, None
    log = options.output.with_suffix(".log")
    with Fleet.up(HOSTS, "bench") as fleet:
        for contender in make_contenders(options, fleet, site, work):
            runs = min(options.runs, contender.runs)
            if contender.name == "ssh":
                samples["ssh"] = measure_floor(contender, log, options.runs)
                continue
            samples[contender.name] = measure_phases(contender, log, runs)
            if contender.name == "modelfleet":
                helper = measure_helper(contender, log)
    return samples, helper


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="ssh,rsync,ansible,modelfleet",
                        type=lambda text: text.split(","), help="contenders, by comma")
    parser.add_argument("--runs", type=int, default=3, help="samples a phase (default 3)")
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/deploy-models")
    parser.add_argument("--options", default="", metavar="WORDS",
                        help="more for deploy-models, e.g. '--transport ssh'")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build/bench/deploy.json")
    return parser.parse_args()


def main():
    options = parse()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.output.parent) as work:
            samples, helper = benchmark(options, Path(work))
    except HarnessError as error:
        print(f"deploy.py: {error}", file=sys.stderr)
        return 1
    medians = {name: {phase: median(found) for phase, found in phases.items()}
               for name, phases in samples.items()}
    rows = aims(medians, helper)
    print_table(medians)
    print_aims(rows)
    options.output.write_text(json.dumps({
        "machine": {"cpus": os.cpu_count(), "kernel": os.uname().release},
        "hosts": HOSTS, "models_mb": MODELS,
        "samples": {name: {phase: [dataclasses.asdict(sample) for sample in found]
                           for phase, found in phases.items()}
                    for name, phases in samples.items()},
        "helper_mb": helper, "aims": rows}, indent=1) + "\n")
    return 0 if all(measured <= limit for _, measured, limit in rows) else 2


if __name__ == "__main__":
    sys.exit(main())
