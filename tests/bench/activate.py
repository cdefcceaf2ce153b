#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The activation benchmark: 24 booted hosts whose versions are all there already.

In one run, interleaved: parallel `ssh HOST true`, parallel `ssh HOST sudo systemctl restart X`,
deploy-models with nothing to do but three rendered configs a host to compare, and deploy-models
after current_version was changed: configs rendered, X restarted, seen to be active, confirmed.
The stability time is 0. Prints medians and the ratios that the project aims at.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from harness import HarnessError  # noqa: E402
from harness.fleet import Fleet  # noqa: E402
from harness.store import Site, yaml  # noqa: E402
from measure import median, run  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
HOSTS = 24
USER = "admin"  # has sudo without a password
DATA = "/srv/sentinelcam"
MODELS = ("mobilenet_ssd", "face_detection", "haarcascades")
VERSIONS = ("2026-01-01", "2026-02-01")
CONFIGS = ("detection", "faces", "cascades")

TEMPLATE = """\
# {{ ansible_managed }}
task: TASK
{% for model, path in model_paths.items() %}
{{ model }}:
  path: {{ path }}
  version: "{{ model_versions[model] }}"
{% endfor %}
log: {{ sentinelcam_data_path }}/log/TASK.log
"""

# Restarts follow each other faster than systemd allows by default.
UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""

RESTART, FLOOR, NOTHING, CHANGE = "ssh restart", "ssh true", "nothing to do", "version change"


def make_site(directory, fleet):
    site = Site(directory)
    for version in VERSIONS:
        for model in MODELS:
            site.add_version(model, version, {"model.tflite": f"{model} {version}\n".encode() * 500})
    site.write_inventory({host.name: fleet.host_variables(host, USER) for host in fleet.hosts}, {},
                         f"{DATA}/model_registry", [], sentinelcam_data_path=DATA)
    templates = site.directory / "templates/tasks"
    templates.mkdir(parents=True)
    for name in CONFIGS:
        (templates / f"{name}.yaml.j2").write_text(TEMPLATE.replace("TASK", name))
    group = site.inventory / "group_vars/sentinels"
    group.mkdir()
    (group / "models.yaml").write_text(yaml({
        "model_set": "all",
        "model_configs": [{"src": f"tasks/{name}.yaml.j2", "dest": f"{DATA}/tasks/{name}.yaml",
                           "models": list(MODELS), "services": ["sentinel"]} for name in CONFIGS],
        "model_services": [{"name": "sentinel", "health": {"stable": 0, "deadline": 30}}]}))
    return site


def prepare_host(host):
    host.run("tee", "/etc/systemd/system/sentinel.service", stdin=UNIT.encode())
    host.shell(f"mkdir -p {DATA}/tasks && chown -R {USER}: {DATA} && systemctl daemon-reload && "
               "systemctl enable -q --now sentinel")


def set_version(site, version):
    for model in MODELS:
        site.set_current(model, version)


class Benchmark:
    """The four commands, each as (what to prepare, what to measure)."""

    NAMES = (FLOOR, NOTHING, RESTART, CHANGE)
    # A name, and its aim against another of them.
    AIMS = ((NOTHING, FLOOR, 0.6), (CHANGE, RESTART, 1.3))

    def __init__(self, options, fleet, work):
        self.options, self.fleet, self.work = options, fleet, work
        self.site = make_site(work / "site", fleet)
        self.environment = dict(os.environ, HOME=str(work), LC_ALL="C.UTF-8")
        self.environment.pop("SSH_AUTH_SOCK", None)
        self.log = options.output.with_suffix(".log")
        self.samples = {name: [] for name in self.NAMES}
        self.version = 0

    def parallel(self, command):
        lines = [f"ssh -F {self.fleet.ssh_config} -l {USER} {host.name} {command} "
                 '& pids="$pids $!"' for host in self.fleet.hosts]
        path = self.work / "parallel.sh"
        path.write_text("\n".join([*lines, "code=0", "for pid in $pids; do wait $pid || code=1; "
                                   "done", "exit $code", ""]))
        return ["/bin/sh", path]

    def deploy(self):
        return [self.options.program, "-i", self.site.inventory, "--forks", "50"]

    def measure(self, name, command):
        self.samples[name].append(run(self.fleet, command, self.environment, self.log))
        print(f"  {name:<16}{self.samples[name][-1].wall:8.3f} s", flush=True)

    def change(self):
        self.version = 1 - self.version
        set_version(self.site, VERSIONS[self.version])

    def warm_up(self):
        """Both versions, the helper and the first configs come onto the hosts."""
        for _ in VERSIONS:
            self.change()
            run(self.fleet, self.deploy(), self.environment, self.log)

    def round(self):
        self.measure(FLOOR, self.parallel("true"))
        self.measure(NOTHING, self.deploy())
        self.measure(RESTART, self.parallel("sudo systemctl restart sentinel"))
        self.change()
        self.measure(CHANGE, self.deploy())


def table(medians, aims):
    print(f"\n{'':<16}{'wall s':>10}{'CPU s':>10}{'to MB':>10}")
    for name, sample in medians.items():
        print(f"{name:<16}{sample.wall:10.3f}{sample.cpu:10.3f}{sample.to_hosts:10.3f}")
    print(f"\n{'aim':<34}{'measured':>10}{'at most':>10}")
    missed = False
    for ours, peer, limit in aims:
        ratio = medians[ours].wall / medians[peer].wall
        missed = missed or ratio > limit
        print(f"{ours + ' / ' + peer:<34}{ratio:10.3f}{limit:10.3f}  "
              f"{'MISSED' if ratio > limit else 'reached'}")
    return 2 if missed else 0


def parse(description, output):
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="samples of each (default 5)")
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build/release/bin/deploy-models")
    parser.add_argument("--output", type=Path, default=output)
    return parser.parse_args()


def main(contest, description, output):
    options = parse(description, output)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=options.output.parent) as work, \
                Fleet.up(HOSTS, "bench") as fleet:
            for host in fleet.hosts:
                prepare_host(host)
            benchmark = contest(options, fleet, Path(work))
            benchmark.warm_up()
            for _ in range(options.runs):
                benchmark.round()
    except HarnessError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 1
    medians = {name: median(found) for name, found in benchmark.samples.items()}
    code = table(medians, benchmark.AIMS)
    options.output.write_text(json.dumps({
        "machine": {"cpus": os.cpu_count(), "kernel": os.uname().release}, "hosts": HOSTS,
        "wall": {name: [sample.wall for sample in found]
                 for name, found in benchmark.samples.items()}}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(Benchmark, __doc__, REPOSITORY / "build/bench/activate.json"))
