# SPDX-License-Identifier: Apache-2.0
"""A site whose models matter: configs name them, services read them, and may die of them.

The service of every host, `sentinel`, reads its config, goes to the model's directory that the
config names, and behaves as the file `behaviour` there says. So a version of the model that
does not work is a version, not a mock.
"""

import json
import subprocess

from .booted import BootedCase
from .deploy import Operator
from .store import Site, yaml

MODEL = "mobilenet_ssd"
FIRST, SECOND = "2026-01-12", "2026-03-01"
DATA = "/srv/sentinelcam"
CONFIG = f"{DATA}/tasks/detection.yaml"

TEMPLATE = """\
# {{ ansible_managed }}
task: detection
model: {{ model_paths.mobilenet_ssd }}
version: "{{ model_versions.mobilenet_ssd }}"
"""

# Perl is part of every Debian root; the port lets a health check see that the service serves.
SERVICE = f"""\
#!/bin/sh
model=$(sed -n 's/^model: //p' {CONFIG})
behaviour=$(cat "$model/behaviour" 2>/dev/null || echo missing)
echo "$(date +%s.%N) $behaviour" >> /var/log/sentinel.log
case $behaviour in
fails) echo "cannot load the model: wrong shape" >&2; exit 1 ;;
missing) echo "no model at $model" >&2; exit 3 ;;
hangs) exec sleep infinity ;;
dies) systemd-notify --ready; sleep 5; echo "out of memory" >&2; exit 1 ;;
deaf) trap '' TERM; systemd-notify --ready; while :; do sleep 1; done ;;
esac
systemd-notify --ready
export behaviour
exec perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:5566", Listen => 5, ReuseAddr => 1)
        or die "$@";
    while (my $c = $s->accept) {{ print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{{behaviour}}\\n"; close $c }}'
"""

UNIT = """\
[Unit]
Description=Looks at what the model sees
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/local/bin/sentinel
TimeoutStartSec={start}
TimeoutStopSec={stop}
Restart={restart}
RestartSec=0.5

[Install]
WantedBy=multi-user.target
"""

UNRELATED = """\
[Service]
ExecStart=/bin/sleep infinity

[Install]
WantedBy=multi-user.target
"""


def install_service(host, start=300, stop=300, restart="no"):
    """Puts the unit `sentinel` and one that has nothing to do with models onto a host."""
    for path, text in (("usr/local/bin/sentinel", SERVICE),
                       ("etc/systemd/system/sentinel.service",
                        UNIT.format(start=start, stop=stop, restart=restart)),
                       ("etc/systemd/system/unrelated.service", UNRELATED)):
        host.run("tee", f"/{path}", stdin=text.encode())
    host.shell("chmod 755 /usr/local/bin/sentinel; systemctl daemon-reload; "
               "systemctl enable -q sentinel unrelated; systemctl start unrelated")


def clear_host(host):
    """A host without models, configs, transactions and a running service."""
    host.shell(
        "systemctl kill -s KILL sentinel 2>/dev/null || true; systemctl stop sentinel || true; "
        "systemctl reset-failed; for d in /var/lib/modelfleet /home/*/.local/state/modelfleet; do "
        "rm -rf $d; done; "
        f"umount -l {DATA} 2>/dev/null || true; rm -rf {DATA} /var/log/sentinel.log; "
        f"mkdir -p {DATA}; chown admin: {DATA}", timeout=200)


class ActivationCase(BootedCase):
    """Booted hosts, all of them sentinels, logged into as admin, who has sudo."""

    host_count = 3
    user = "admin"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for host in cls.fleet.hosts:
            install_service(host)

    def setUp(self):
        self.directory = self.fleet.directory / self._testMethodName
        self.site = Site(self.directory / "site")
        self.operator = Operator(self.directory / "operator", self.site.inventory)
        for host in self.fleet.hosts:
            if host.init() is None:
                host.start()
            host.link.heal()
            host.wait()
            clear_host(host)
        self.add_version(FIRST, "fine")
        self.write_site()

    def add_version(self, version, behaviour):
        """A version of the model that the service behaves to as said."""
        self.site.add_version(MODEL, version, {
            "model.tflite": f"{version}\n".encode() * 1000, "behaviour": behaviour.encode()})

    def write_site(self, health=None, **variables):
        """Inventory, template and group variables; `variables` are those of all hosts."""
        hosts = {host.name: self.fleet.host_variables(host, self.user)
                 for host in self.fleet.hosts}
        self.site.write_inventory(hosts, {}, f"{DATA}/model_registry", [],
                                  sentinelcam_data_path=DATA, **variables)
        templates = self.site.directory / "templates/tasks"
        templates.mkdir(parents=True, exist_ok=True)
        (templates / "detection.yaml.j2").write_text(TEMPLATE)
        group = self.site.inventory / "group_vars/sentinels"
        group.mkdir(parents=True, exist_ok=True)
        (group / "models.yaml").write_text(yaml({
            "model_set": "all",
            "model_configs": [{"src": "tasks/detection.yaml.j2", "dest": CONFIG,
                               "models": [MODEL], "services": ["sentinel"]}],
            "model_services": [{"name": "sentinel",
                                "health": health or {"stable": 1, "deadline": 15}}]}))

    def deploy(self, *arguments, code=0, **options):
        run = self.operator.deploy(*arguments, **options)
        self.assertEqual(run.code, code, brief(run))
        return run

    def config(self, host):
        """What the service's config says, as {key: value}."""
        text = self.fleet[host].shell(f"cat {CONFIG}")
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def unit(self, host, name="sentinel"):
        """A unit's state as systemd has it."""
        text = self.fleet[host].shell(
            f"systemctl show -p ActiveState,SubState,MainPID,NRestarts,InvocationID {name}")
        return dict(line.split("=", 1) for line in text.splitlines())

    def runs(self, host):
        """How the service behaved at each of its starts, oldest first."""
        text = self.fleet[host].shell("cat /var/log/sentinel.log 2>/dev/null || true")
        return [line.split()[1] for line in text.splitlines()]

    def assert_version(self, host, version):
        """Config and service are those of a version, and nothing of another is mixed in."""
        config = self.config(host)
        self.assertEqual(config["version"].strip('"'), version, host)
        self.assertEqual(config["model"], f"{DATA}/model_registry/{MODEL}/{version}")
        self.assertEqual(self.unit(host)["ActiveState"], "active", host)

    def transactions(self, host):
        """The names of the transactions that a host keeps."""
        text = self.fleet[host].shell("ls /var/lib/modelfleet/transactions 2>/dev/null || true")
        return text.split()


def brief(run):
    """What matters of a run that did not go as expected."""
    kinds = ("host_end", "undo", "warning", "stop", "run_end")
    lines = [line for line in run.stdout.splitlines() if not line.startswith("{")
             or json.loads(line)["event"] in kinds or '"failed":true' in line]
    return "\n".join([f"exit code {run.code}", *(line[:1500] for line in lines), run.stderr])


def processes(pattern):
    """The ids of this machine's processes whose command line has a pattern."""
    done = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def events(run, kind):
    """The events of a kind, of a run or of its text."""
    text = run if isinstance(run, str) else run.stdout
    return [event for event in map(json.loads, text.splitlines()) if event["event"] == kind]
