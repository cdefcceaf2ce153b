#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-cached as an installed service of a booted host: its unit, who gets models at its socket, and
what it serves after a reload, a kill and a loss of power."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import program
from harness.agent import BUILD, DROP_IN, SOURCE, build_package, fake_mlflow, needs_of
from harness.booted import BootedCase

PATIENCE = 120  # seconds that only a hang reaches
UNIT = "model-cached.service"
CONFIG, STATE = "etc/model-cached/model_cache.yaml", "var/lib/model-cached"
LIBRARY, EXAMPLE = "usr/local/lib/libmodelcache.so.0", "usr/local/lib/modelcache.py"
# Takes the model again and again, from before the daemon dies until after it is back.
HOLDER = """
import sys
sys.path.insert(0, "/usr/local/lib")
from modelcache import Cache
with Cache() as cache:
    for line in sys.stdin:
        with cache.acquire("fraud") as model:
            print(model.version, bytes(model.data).decode(), flush=True)
"""


class ServiceTest(BootedCase):
    """A host with the package installed, MLflow on this machine, and the library for clients."""

    fleet_name = "cachedservice"

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="modelfleet-cached.")
        cls.addClassCleanup(temporary.cleanup)
        cls.deb = build_package(Path(temporary.name), "cached", "model-cached")
        cls.packages = tuple(needs_of(cls.deb))
        super().setUpClass()
        root = cls.host.root
        shutil.copy(cls.deb, root / "root/cached.deb")
        cls.host.shell("dpkg --install /root/cached.deb 2>&1; usermod --append --groups model-cache admin")
        shutil.copy(BUILD / "lib/libmodelcache.so.0", root / LIBRARY)
        shutil.copy(SOURCE / "docs/examples/modelcache.py", root / EXAMPLE)

    def setUp(self):
        self.registry = fake_mlflow.Registry()
        self.registry.start(self.fleet.bridge.address)
        self.addCleanup(self.registry.stop)
        self.host.shell(f"systemctl stop {UNIT}; rm -rf /{STATE}/*; systemctl reset-failed")
        drop_in = self.host.root / f"etc/systemd/system/{UNIT}.d/test.conf"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text(DROP_IN)
        self.configure("fraud")
        self.publish("one")
        self.host.shell(f"systemctl daemon-reload; systemctl start {UNIT}")
        self.wait(lambda: self.shown() == (0, "fraud version 1, 3 bytes"))

    def configure(self, *names):
        """The configuration, whose owner and mode stay; JSON is YAML."""
        (self.host.root / CONFIG).write_text(json.dumps({
            "mlflow_uri": self.registry.url, "update_interval_seconds": 1,
            "group": "model-cache",
            "models": [{"mlflow_name": name} for name in names]}))

    def publish(self, word, name="fraud"):
        self.registry.publish(name, {"model.pkl": word.encode()}, alias="Production")

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.05)

    def log(self):
        return self.host.shell(
            f"journalctl --sync; journalctl --no-pager --output=cat --unit={UNIT} --lines=100")

    def show(self, name):
        return self.host.shell(f"systemctl show --value --property={name} {UNIT}").strip()

    def shown(self, name="fraud", user="root"):
        """Code and text of the example in Python, as a user of the host."""
        done = self.host.run("runuser", "-u", user, "--", "env", f"MODELCACHE_LIBRARY=/{LIBRARY}",
                             "python3", f"/{EXAMPLE}", name, check=False)
        return done.returncode, (done.stdout or done.stderr).decode().rpartition(",")[0]

    def test_a_group_decides_who_gets_models(self):
        said = self.host.shell("stat -c '%U %G %a' /run/model-cached/cache.sock")
        self.assertEqual(said.split(), ["model-cached", "model-cache", "660"])
        self.assertEqual(self.shown(user="admin"), (0, "fraud version 1, 3 bytes"))
        self.assertNotEqual(self.shown(user="careful")[0], 0)

    def test_a_reload_takes_models_up(self):
        self.publish("spam", "spam")
        self.assertNotEqual(self.shown("spam")[0], 0)
        self.configure("fraud", "spam")
        before = self.show("MainPID")
        self.host.shell(f"systemctl reload {UNIT}")
        self.wait(lambda: self.shown("spam") == (0, "spam version 1, 4 bytes"))
        self.assertEqual(self.show("MainPID"), before)

    def test_a_loss_of_power_and_of_the_registry(self):
        self.publish("other")
        self.wait(lambda: self.shown() == (0, "fraud version 2, 5 bytes"))
        self.registry.away = True
        self.host.shell(f"systemctl enable --quiet {UNIT}")
        self.host.stop()
        self.host.start()
        self.host.wait()
        self.host.shell(f"systemctl start {UNIT}")  # until it is ready
        self.assertEqual(self.shown(), (0, "fraud version 2, 5 bytes"))

    def test_clients_outlive_the_daemon(self):
        """It is killed while a client has the model; systemd starts it, and news arrive."""
        init = str(self.host.init())
        client = subprocess.Popen(
            ["nsenter", "--target", init, "--all", "--wd=/", "--", "env", "-i",
             f"MODELCACHE_LIBRARY=/{LIBRARY}", "/usr/bin/python3", "-c", HOLDER], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        hang = threading.Timer(PATIENCE * 3, client.kill)
        hang.start()
        self.addCleanup(hang.cancel)
        self.addCleanup(client.communicate)

        def held():
            client.stdin.write("\n")
            client.stdin.flush()
            return client.stdout.readline()

        self.assertEqual(held(), "1 one\n")
        for restarts in range(1, 4):
            self.host.shell(f"systemctl kill --signal=KILL {UNIT}")
            while self.show("NRestarts") != str(restarts) or self.show("ActiveState") != "active":
                self.assertEqual(held(), "1 one\n")
        self.publish("two")
        self.wait(lambda: held() == "2 two\n")

    def test_what_it_may(self):
        status = self.host.shell(f"cat /proc/{self.show('MainPID')}/status")
        self.assertRegex(status, r"NoNewPrivs:\s+1\n")
        self.assertRegex(status, r"CapBnd:\s+0+\n")
        self.assertEqual(self.show("WatchdogUSec"), "1min")
        self.assertEqual(self.show("OOMPolicy"), "continue")

    def test_the_page_says_how_exposed_it_is(self):
        said = self.host.shell(f"systemd-analyze security --no-pager {UNIT}")
        found = re.search(r"exposure level for \S+: ([\d.]+) ", said).group(1)
        page = (SOURCE / "docs/cache.md").read_text()
        self.assertEqual(re.findall(r"exposure\s+level\s+of\s+([\d.]+)\.", page), [found])


if __name__ == "__main__":
    program.main()
