#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-registryd as an installed service of a booted host: its unit, entries that outlive it, the
gate of a service that asks it for the production model; and the package's life."""

import hashlib
import http.client
import json
import re
import shutil
import tempfile
import time
from pathlib import Path

from harness import program
from harness.agent import BUILD, DROP_IN, SOURCE, build_package, needs_of
from harness.booted import BootedCase

PATIENCE = 120  # seconds that only a hang reaches
UNIT, GATED = "model-registryd.service", "inference.service"
CONFIG, STATE = "etc/model-registryd/model_registryd.yaml", "var/lib/model-registryd"
EXAMPLES = "usr/share/doc/model-registryd/examples"
DROP_INS = f"etc/systemd/system/{UNIT}.d"
MODELS = "/api/v1/registry/models"
ENTRIES = f"{STATE}/models/registry.json"
KEY = "a key of the tests"
# What modelfleet needs beyond the service.
CLIENT_NEEDS = ("librsync2", "libssh2-1", "libzstd1")
# Of a build with sanitizers, as for the daemon: no search for leaks.
GATED_UNIT = """\
[Service]
Environment=ASAN_OPTIONS=detect_leaks=0
Environment=MODELFLEET_REGISTRY_URL=http://127.0.0.1:8080
ExecStartPre=/usr/bin/modelfleet registry production yolov8n-coco
ExecStart=/bin/sleep infinity
"""


class RegistrydCase(BootedCase):
    """A host with the package of model-registryd beside it in /root."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="modelfleet-registryd.")
        cls.addClassCleanup(temporary.cleanup)
        cls.deb = build_package(Path(temporary.name), "registryd", "model-registryd")
        cls.packages = (*needs_of(cls.deb), *CLIENT_NEEDS)
        super().setUpClass()
        shutil.copy(cls.deb, cls.host.root / "root/registryd.deb")

    @classmethod
    def install(cls):
        return cls.host.shell("dpkg --install /root/registryd.deb 2>&1")

    @classmethod
    def write(cls, path, text):
        """Writes a file of the host; its owner and mode stay if it is there."""
        file = cls.host.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def setUp(self):
        shown = self.host.shell(
            "journalctl --sync; journalctl --quiet --lines=1 --show-cursor --output=cat")
        self.cursor = shown.rsplit("-- cursor: ", 1)[1].strip()

    def log(self, unit=UNIT):
        """What a unit has said in this test, and systemd of it."""
        return self.host.shell(
            f"journalctl --sync; journalctl --no-pager --output=cat --unit={unit} "
            f"--after-cursor='{self.cursor}'")

    def show(self, unit, name):
        return self.host.shell(f"systemctl show --value --property={name} {unit}").strip()

    def serve_the_network(self):
        """It listens on the host's address, and wants a key there. JSON is YAML."""
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        keys = [{"name": "test", "role": "admin", "sha256": digest}]
        self.write(CONFIG, json.dumps({"listen": f"{self.host.address}:8080",
                                       "access": {"keys": keys}, "catalogue": {"schedule": "off"}}))

    def sanitized(self):
        self.write(f"{DROP_INS}/test.conf", DROP_IN)
        self.host.shell("systemctl daemon-reload")

    def ask(self, method, path=MODELS, body=None, key=KEY):
        """Status and JSON of an answer."""
        connection = http.client.HTTPConnection(self.host.address, 8080, timeout=PATIENCE)
        try:
            connection.request(method, path, body and json.dumps(body),
                               {"X-API-Key": key, "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null")
        finally:
            connection.close()

    def register(self, version, model="yolov8n-coco"):
        return self.ask("POST", body={"model_name": model, "version": version,
                                      "path": f"models/{model}/v{version}/model.onnx"})[0]


class ServiceTest(RegistrydCase):
    """The service is installed, and runs with a key, and without an entry."""

    fleet_name = "registrydservice"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install()
        shutil.copy(BUILD / "bin/modelfleet", cls.host.root / "usr/bin")

    def setUp(self):
        self.host.shell(f"systemctl stop {UNIT} {GATED} 2>/dev/null || true; systemctl reset-failed;"
                        f"rm -rf /{STATE}/* /etc/systemd/system/{GATED}")
        self.serve_the_network()
        self.sanitized()
        super().setUp()
        self.host.shell(f"systemctl start {UNIT}")

    def test_it_is_ready_when_systemd_says_so(self):
        self.assertEqual(self.ask("GET"), (200, {"models": []}))
        self.assertEqual(self.ask("GET", "/ready")[0], 200)
        self.assertEqual(self.ask("GET", key="another")[0], 401)
        self.assertEqual(json.loads((self.host.root / ENTRIES).read_text()), {"models": []})
        self.assertTrue((self.host.root / STATE / "catalogue.db").exists())
        self.assertEqual(self.host.shell(f"stat -c %U /{ENTRIES}").strip(), "model-registryd")

    def test_entries_outlive_a_restart_and_a_loss_of_power(self):
        self.assertEqual(self.register(1), 201)
        self.assertEqual(self.ask("PUT", f"{MODELS}/yolov8n-coco/1/activate")[0], 200)
        kept = self.ask("GET")
        self.host.shell(f"systemctl restart {UNIT}")
        self.assertEqual(self.ask("GET"), kept)
        self.assertEqual(kept[1]["models"][0]["status"], "production")
        self.assertEqual(self.register(2), 201)
        kept = self.ask("GET")
        self.host.shell(f"systemctl enable --quiet {UNIT}")
        self.host.stop()
        self.host.start()
        self.host.wait()
        self.host.shell(f"systemctl start {UNIT}")  # until it is ready
        self.assertEqual(self.ask("GET"), kept)

    def test_it_comes_back_when_it_is_killed(self):
        self.assertEqual(self.register(1), 201)
        self.write(f"{DROP_INS}/soon.conf", "[Service]\nRestartSec=0\n")
        self.addCleanup((self.host.root / DROP_INS / "soon.conf").unlink)
        self.host.shell(f"systemctl daemon-reload; systemctl kill --signal=KILL {UNIT}")
        deadline = time.monotonic() + PATIENCE
        while self.show(UNIT, "NRestarts") == "0" or self.show(UNIT, "ActiveState") != "active":
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.05)
        self.assertEqual(len(self.ask("GET")[1]["models"]), 1)

    def test_it_stops_cleanly_while_a_client_holds_on(self):
        waiting = http.client.HTTPConnection(self.host.address, 8080, timeout=PATIENCE)
        self.addCleanup(waiting.close)
        waiting.connect()
        self.host.shell(f"systemctl stop {UNIT}")
        self.assertEqual(self.show(UNIT, "Result"), "success")
        self.assertIn("stopping", self.log())
        self.assertNotIn("timed out", self.log())

    def test_a_reload_takes_keys_up(self):
        text = (self.host.root / CONFIG).read_text()
        digest = hashlib.sha256(b"another").hexdigest()
        self.write(CONFIG, re.sub(r"[0-9a-f]{64}", digest, text))
        self.host.shell(f"systemctl reload {UNIT}")
        deadline = time.monotonic() + PATIENCE
        while self.ask("GET", key="another")[0] != 200:
            self.assertLess(time.monotonic(), deadline, self.log())
            time.sleep(0.05)
        self.assertEqual(self.ask("GET")[0], 401)

    def test_it_gates_a_service(self):
        """With the configuration that comes along: this host alone, without a key."""
        shutil.copyfile(self.host.root / EXAMPLES / Path(CONFIG).name, self.host.root / CONFIG)
        self.write(f"etc/systemd/system/{GATED}", GATED_UNIT)
        self.host.shell(f"systemctl daemon-reload; systemctl restart {UNIT}")
        client = "ASAN_OPTIONS=detect_leaks=0 modelfleet registry %s --registry http://127.0.0.1:8080"
        self.host.shell(client % "register yolov8n-coco 1 models/yolov8n-coco/v1/model.onnx")
        self.assertNotEqual(self.host.run("systemctl", "start", GATED, check=False).returncode, 0)
        self.assertIn("No production model found in registry!\n", self.log(GATED))
        self.host.shell(client % "activate yolov8n-coco 1")
        self.host.shell(f"systemctl start {GATED}")
        self.assertEqual(self.show(GATED, "ActiveState"), "active")
        self.assertIn("models/yolov8n-coco/v1/model.onnx\n", self.log(GATED))

    def test_what_it_may(self):
        pid = self.show(UNIT, "MainPID")
        status = self.host.shell(f"cat /proc/{pid}/status")
        self.assertRegex(status, r"NoNewPrivs:\s+1\n")
        self.assertRegex(status, r"CapBnd:\s+0+\n")
        self.assertRegex(self.host.shell(f"cat /proc/{pid}/limits"), r"Max open files\s+16384 ")

    def test_the_page_says_how_exposed_it_is(self):
        said = self.host.shell(f"systemd-analyze security --no-pager {UNIT}")
        found = re.search(r"exposure level for \S+: ([\d.]+) ", said).group(1)
        page = (SOURCE / "docs/installing.md").read_text()
        self.assertEqual(re.findall(r"exposure\s+level\s+of\s+([\d.]+)\.", page), [found])


class PackageTest(RegistrydCase):
    """In the order of their names: installed, upgraded, removed, purged."""

    fleet_name = "registrydpackage"

    def has_user(self):
        return self.host.run("id", "model-registryd", check=False).returncode == 0

    def test_1_nothing_is_enabled_or_started(self):
        self.install()
        self.assertEqual(self.show(UNIT, "ActiveState"), "inactive")
        self.assertEqual(self.show(UNIT, "UnitFileState"), "disabled")
        self.assertEqual(self.host.shell(f"stat -c '%U %G %a' /{STATE} /{CONFIG}").split(),
                         ["model-registryd", "model-registryd", "755",
                          "root", "model-registryd", "640"])
        said = self.host.shell(f"systemd-analyze verify --man=no /lib/systemd/system/{UNIT} 2>&1 || true")
        self.assertEqual(said, "")
        self.assertIn("good", self.host.shell(
            f"runuser -u model-registryd -- model-registryd --config /{CONFIG} --check-config 2>&1"))

    def test_2_an_upgrade_keeps_configuration_and_entries(self):
        self.serve_the_network()
        self.sanitized()
        self.host.shell(f"systemctl enable --quiet --now {UNIT}")
        self.assertEqual(self.register(1), 201)
        before, text = self.show(UNIT, "MainPID"), (self.host.root / CONFIG).read_text()
        self.install()
        self.assertNotEqual(self.show(UNIT, "MainPID"), before)
        self.assertEqual((self.host.root / CONFIG).read_text(), text)
        self.assertEqual(len(self.ask("GET")[1]["models"]), 1)

    def test_3_a_removal_stops_it_and_keeps_entries(self):
        self.host.shell("dpkg --remove model-registryd 2>&1")
        self.assertEqual(self.show(UNIT, "LoadState"), "not-found")
        self.assertFalse((self.host.root / "etc/systemd/system/multi-user.target.wants"
                          / UNIT).is_symlink())
        self.assertTrue((self.host.root / CONFIG).exists())
        self.assertTrue((self.host.root / ENTRIES).exists())

    def test_4_purging_keeps_entries_and_their_owner(self):
        self.host.shell("dpkg --purge model-registryd 2>&1")
        self.assertFalse((self.host.root / CONFIG).exists())
        self.assertEqual(len(json.loads((self.host.root / ENTRIES).read_text())["models"]), 1)
        self.assertTrue(self.has_user())

    def test_5_purging_without_data_leaves_nothing(self):
        self.host.shell(f"rm -rf /{STATE}/*")
        self.install()
        self.host.shell("dpkg --purge model-registryd 2>&1")
        self.assertFalse((self.host.root / STATE).exists())
        self.assertFalse(self.has_user())


if __name__ == "__main__":
    program.main()
