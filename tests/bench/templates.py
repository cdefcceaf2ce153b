#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The template benchmark: templates compiled once and rendered for 1,000 hosts.

In one run, so on one machine under one load: modelfleet, Jinja2 in this Python, and (with
--ansible, a Python that has ansible-core 2.19) Ansible's own Templar. Every contender is a process
of its own that has compiled the templates and read the variables before the clock starts; they
take turns, round by round, and a figure is the best of the rounds, in CPU time. All texts must be
equal, byte by byte. Prints times and ratios, and writes them as JSON; ends with 2 when the aim is
missed.
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parents[1]
TEMPLATES = ("env.j2", "sentinel.service.j2", "task.yaml.j2", "nginx.conf.j2", "hosts.j2",
             "prometheus.yaml.j2")
AIM = 10

CLASSES = ("Person", "Bicycle", "Car", "Delivery Van", "Truck", "Dog", "Cat", "Bird", "Forklift")
MODELS = ("depth_anything", "openface_torch", "pose_landmarks", "mobilenet_ssd",
          "face_recognition", "face_detection", "scene_text", "haarcascades", "wakeword")
RACKS = ("a1", "a2", "b1", "b2", "c1", "")


def address(rng):
    return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def peers(rng, count):
    """What every host knows of the others."""
    return [{"name": f"host{number:03}", "address": address(rng), "port": 9100,
             "role": rng.choice(("sentinel", "outpost", "data_sink", "image_node")),
             "monitored": rng.random() < 0.9,
             "labels": {"rack": rng.choice(RACKS), "zone": f"zone-{number % 4}"}}
            for number in range(count)]


def locations(rng):
    kinds = ({"proxy": "api", "timeout": rng.randrange(10, 90)}, {"proxy": "streams"},
             {"redirect": "https://example.com/"}, {"status": 403}, {})
    return [{"path": f"/part{number}/", **rng.choice(kinds)}
            for number in range(rng.randrange(2, 7))]


def vhosts(rng, count):
    return [{"name": f"site{rng.randrange(100000)}.example.com", "port": 443 if number % 3 else 80,
             "tls": bool(number % 3), "locations": locations(rng),
             "aliases": [f"www{alias}.example.com" for alias in range(rng.randrange(3))],
             **({"root": f"/srv/vhosts/{number}"} if number % 2 else {})}
            for number in range(count)]


def upstreams(rng):
    return [{"name": name,
             "servers": [{"host": address(rng), "port": 8000 + number, "backup": number == 3,
                          **({"weight": rng.randrange(2, 9)} if number % 2 else {})}
                         for number in range(4)]}
            for name in ("api", "streams", "auth")]


def cameras(rng):
    return [{"name": f"Camera {number}", "user": "viewer", "address": address(rng),
             "stream": f"h264/{number}", "width": 1280, "height": 720,
             "fps": rng.choice((5, 10, 12, 25)),
             **({"port": 8554} if number % 2 else {}),
             **({"zones": [{"name": f"zone{zone}",
                            "points": [[rng.randrange(1280), rng.randrange(720)]
                                       for _ in range(4)]}
                           for zone in range(rng.randrange(3))]} if number % 3 else {})}
            for number in range(rng.randrange(1, 7))]


def models(rng):
    return [{"name": name, "enabled": rng.random() < 0.7, "threshold": round(rng.random(), 4),
             "input": [1, 300, 300, 3],
             "classes": rng.sample(CLASSES, rng.randrange(len(CLASSES)))}
            for name in MODELS]


def shared_variables(rng):
    return {
        "models_root": "/var/lib/modelfleet/models", "install_root": "/opt/sentinel",
        "config_root": "/etc/sentinel", "domain": "fleet.example.com", "service_user": "sentinel",
        "units_before": ["mosquitto", "chronyd"], "restart_seconds": 5,
        "start_limit": {"interval": 300, "burst": 5}, "base_port": 8000, "keepalive_seconds": 65,
        "scrape_seconds": 15, "rules": ["node", "disk", "camera", "model", "service"],
        "excluded": ["host007", "host042"], "peers": peers(rng, 100),
        "tls": {"root": "/etc/letsencrypt/live", "protocols": ["TLSv1.2", "TLSv1.3"]},
        "proxy_headers": {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
                          "Referrer-Policy": "no-referrer"},
        "model_versions": {name: f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
                           for name in MODELS},
        "mqtt": {"host": "broker.fleet.example.com", "port": 8883, "prefix": "fleet", "qos": 1,
                 "retain": True},
    }


def host_variables(rng, number):
    return {
        "inventory_hostname": f"sentinel{number:04}", "site": f"site {number % 7}",
        "role": rng.choice(("sentinel", "outpost")), "cpu_count": rng.choice((2, 4, 8)),
        "memory_mb": rng.choice((512, 1024, 2048)), "log_level": rng.choice(("info", "debug")),
        "watchdog_seconds": rng.choice((0, 30)), "extra_groups": ["video", "render"],
        "accelerator": rng.choice(("none", "coral", "ncs2")),
        "environment": {"omp_threads": rng.randrange(1, 9), "tz": "Europe/Berlin",
                        "cache_dir": f"/var/cache/sentinel/{number}", "malloc_arena_max": 2},
        "models": models(rng), "cameras": cameras(rng), "vhosts": vhosts(rng, 8),
        "upstreams": upstreams(rng),
        **({"http_proxy": f"http://{address(rng)}:3128"} if number % 3 == 0 else {}),
        **({"service_group": "edge"} if number % 2 else {}),
    }


def variables(count):
    rng = random.Random(1)
    return {"shared": shared_variables(rng),
            "hosts": [host_variables(rng, number) for number in range(count)]}


class Contender:
    """A process that renders a template for all hosts and answers with the seconds it took."""

    def __init__(self, name, command):
        self.name = name
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def render(self, template, output="-"):
        self.process.stdin.write(f"{template} {output}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"templates.py: {self.name} failed: {' '.join(self.command)}")
        return float(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ended(text):
    """With the newline at the end that Jinja2 takes off, and Ansible and we put back."""
    return text if text.endswith("\n") else text + "\n"


def serve(render):
    """The other side of Contender, for those in Python: answers the lines on standard input."""
    for line in sys.stdin:
        template, output = line.split()
        started = time.process_time()
        texts = render(template)
        seconds = time.process_time() - started
        if output != "-":
            Path(output).write_text("".join(ended(text) + "\0" for text in texts),
                                    encoding="utf-8")
        print(f"{seconds:.9f}", flush=True)


def hosts_of(path):
    """Every host's variables as one plain dict."""
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    return [{**data["shared"], **host} for host in data["hosts"]]


def serve_jinja(path):
    import jinja2
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(BENCH / "templates"), trim_blocks=True,
        undefined=jinja2.StrictUndefined, auto_reload=False,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    compiled = {name: environment.get_template(name) for name in TEMPLATES}
    hosts = hosts_of(path)
    serve(lambda name: [compiled[name].render(host) for host in hosts])


def serve_ansible(path):
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar, trust_as_template
    loader = DataLoader()
    loader.set_basedir(str(BENCH / "templates"))
    sources = {name: trust_as_template((BENCH / "templates" / name).read_text(encoding="utf-8"))
               for name in TEMPLATES}
    hosts = hosts_of(path)

    def render(name):
        texts = []
        for host in hosts:
            templar = Templar(loader=loader, variables=host)
            environment = templar.copy_with_new_env(searchpath=[str(BENCH / "templates")])
            texts.append(str(environment.template(sources[name], escape_backslashes=False)))
        return texts

    serve(render)


def contenders(arguments, path):
    found = [Contender("modelfleet", [arguments.program, BENCH / "templates", path]),
             Contender("Jinja2", [arguments.jinja, __file__, "--serve", "jinja", path])]
    if arguments.ansible:
        found.append(Contender("Ansible",
                               [arguments.ansible, __file__, "--serve", "ansible", path]))
    return found


def first_difference(ours, theirs):
    lines = zip(ours.decode().splitlines() + ["(end)"], theirs.decode().splitlines() + ["(end)"])
    return next((f"- {mine}\n+ {other}" for mine, other in lines if mine != other),
                "the ends differ")


def check_equal(template, parties, directory):
    """All texts of a template are the same; their size in bytes per host."""
    texts = {}
    for party in parties:
        output = Path(directory) / f"{party.name}-{template}"
        party.render(template, output)
        texts[party.name] = output.read_bytes()
    ours = texts["modelfleet"]
    for name, theirs in texts.items():
        if theirs != ours:
            raise SystemExit(f"templates.py: {template}: {name} renders another text:\n"
                             + first_difference(ours, theirs))
    return len(ours) / ours.count(b"\0") - 1


def measure(parties, rounds, directory):
    """Best CPU times by template and contender, and the texts' sizes."""
    sizes = {name: check_equal(name, parties, directory) for name in TEMPLATES}
    best = {name: {} for name in TEMPLATES}
    for _ in range(rounds):
        for name in TEMPLATES:
            for party in parties:
                seconds = party.render(name)
                best[name][party.name] = min(seconds, best[name].get(party.name, seconds))
    return best, sizes


def ratios_of(best, peer):
    return {name: times[peer] / times["modelfleet"] for name, times in best.items()}


def mean(ratios):
    return math.exp(sum(map(math.log, ratios.values())) / len(ratios))


def report(best, sizes, hosts, peers_measured):
    ratios = {peer: ratios_of(best, peer) for peer in peers_measured}
    names = ["modelfleet", *peers_measured]
    print(f"{'µs a host':24}{'bytes':>8}" + "".join(f"{name:>12}" for name in names)
          + "".join(f"{'x ' + peer:>12}" for peer in peers_measured))
    for name, times in best.items():
        print(f"{name:24}{sizes[name]:8.0f}"
              + "".join(f"{times[one] / hosts * 1e6:12.2f}" for one in names)
              + "".join(f"{ratios[peer][name]:12.1f}" for peer in peers_measured))
    means = {peer: mean(ratios[peer]) for peer in peers_measured}
    print(f"{'geometric mean':32}" + 12 * len(names) * " "
          + "".join(f"{means[peer]:12.1f}" for peer in peers_measured))
    return {"seconds": best, "ratios": ratios, "means": means, "hosts": hosts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=REPOSITORY / "build/release/bench/template_bench")
    parser.add_argument("--jinja", default=sys.executable, help="a Python with Jinja2 3.1")
    parser.add_argument("--ansible", help="a Python with ansible-core 2.19")
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        {"jinja": serve_jinja, "ansible": serve_ansible}[arguments.serve[0]](arguments.serve[1])
        return 0
    with tempfile.TemporaryDirectory(prefix="templates-bench-") as directory:
        path = Path(directory) / "variables.json"
        path.write_text(json.dumps(variables(arguments.hosts)), encoding="utf-8")
        parties = contenders(arguments, path)
        best, sizes = measure(parties, arguments.rounds, directory)
        for party in parties:
            party.close()
    result = report(best, sizes, arguments.hosts, [party.name for party in parties[1:]])
    output = REPOSITORY / "build/bench/templates.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if result["means"]["Jinja2"] < AIM:
        print(f"the aim of {AIM} x Jinja2 is missed")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
