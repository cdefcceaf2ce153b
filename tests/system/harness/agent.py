# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent as its package brings it, on a booted host, with a registry on this machine."""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from .booted import BootedCase

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "daemons"))
import fake_mlflow  # noqa: E402

SOURCE = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("MODELFLEET_BIN", SOURCE / "build/sanitize/bin")).parent
PATIENCE = 120  # seconds that only a hang reaches
UNIT, PILOT = "alpr-model-sync.service", "alpr-pilot.service"
CONFIG, STATE = "etc/model-sync/model_sync.yaml", "var/lib/model-sync"
RULES = "usr/share/polkit-1/rules.d/alpr-model-sync.rules"
EXAMPLES = "usr/share/doc/model-sync-agent/examples"

PILOT_SCRIPT = "import signal\nwhile True:\n    signal.pause()\n"
# The pipeline does not come up with a model that says so.
PILOT_CHECK = f"""\
[Service]
ExecStartPre=/bin/sh -c '! grep -q broken /{STATE}/models/plates.pt'
RestartSec=0.1
"""
# Of a build with sanitizers: the search for leaks would trace the process, which the unit forbids.
DROP_IN = "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n"


def model(word, size=0):
    """A PyTorch file that says a word."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        for name, content in (("data.pkl", word), ("data/0", bytes(size))):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return text.getvalue()


def build_package(directory, component="agent", name="model-sync-agent"):
    """A daemon's package with the program of the build that is tested; its path."""
    if not shutil.which("cpack") or not shutil.which("dpkg-shlibdeps"):
        raise unittest.SkipTest("no cpack or no dpkg-dev (scripts/bootstrap --package)")
    if not (BUILD / "bin" / name).exists():
        raise unittest.SkipTest(f"no {name} in {BUILD}/bin")
    done = subprocess.run(["cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake",
                           "-D", f"CPACK_COMPONENTS_ALL={component}", "-B", directory],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return next(directory.glob("*.deb"))


def needs_of(deb):
    """The names of the packages that a package depends on: of alternatives, the first."""
    done = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], capture_output=True, text=True,
                          check=True)
    return [need.split()[0] for need in done.stdout.split(",")]


class AgentCase(BootedCase):
    """A host with polkit and sudo, and the agent's package beside it in /root."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="modelfleet-agent.")
        cls.addClassCleanup(temporary.cleanup)
        cls.deb = build_package(Path(temporary.name))
        cls.packages = ("polkitd", "sudo", *needs_of(cls.deb))
        super().setUpClass()
        shutil.copy(cls.deb, cls.host.root / "root/agent.deb")
        cls.registry = fake_mlflow.Registry()
        cls.registry.start(cls.fleet.bridge.address)
        cls.addClassCleanup(cls.registry.stop)

    @classmethod
    def install(cls):
        return cls.host.shell("dpkg --install /root/agent.deb 2>&1")

    @classmethod
    def write(cls, path, text, mode=0o644):
        """Writes a file of the host; its owner stays if it is there."""
        file = cls.host.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def configure(self, **settings):
        """The configuration; JSON is YAML."""
        self.settings.update(settings)
        path = self.host.root / CONFIG
        owner = path.stat()
        (path.parent / "new").write_text(json.dumps({"model_sync": self.settings}))
        os.chown(path.parent / "new", owner.st_uid, owner.st_gid)
        (path.parent / "new").chmod(0o640)
        (path.parent / "new").rename(path)

    def default_settings(self, **on_update):
        return {"poll_interval_seconds": 3600, "mlflow_uri": self.registry.url,
                "models": [{"mlflow_name": "plates", "local_filename": "plates.pt"}],
                "on_update": on_update, "status_address": self.host.address,
                "status_token": "secret"}

    def publish(self, word, name="plates"):
        return self.registry.publish(name, {"weights/best.pt": model(word)})

    def wait(self, condition, why=""):
        """Waits until something is true, and returns what it is then."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            if time.monotonic() > deadline:
                self.fail(f"{why}\n{self.log()}")
            time.sleep(0.05)
        return found

    def ask(self, path, method="GET"):
        """What the status endpoint answers; '' when nobody does."""
        request = urllib.request.Request(f"http://{self.host.address}:8005{path}", method=method,
                                         headers={"Authorization": "Bearer secret"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.read().decode()
        except (urllib.error.URLError, OSError):
            return ""

    def status(self):
        return json.loads(self.ask("/status") or "{}")

    def version(self, name="plates.pt"):
        """The version that the device says it has; None for none, or while nobody answers."""
        return self.status().get("models", {}).get(name, {}).get("version")

    def await_version(self, version, name="plates.pt"):
        self.wait(lambda: self.version(name) == version, f"version {version} of {name}")

    def await_log(self, text):
        self.wait(lambda: text in self.log(), f"the log does not say: {text}")

    def sync(self):
        self.ask("/sync", "POST")

    def show(self, unit, name):
        return self.host.shell(f"systemctl show --value --property={name} {unit}").strip()

    def start(self):
        self.host.shell(f"systemctl start {UNIT}")

    def log(self, unit=UNIT):
        """What the agent, or another unit, has said in this test, and systemd of it."""
        return self.host.shell(
            f"journalctl --sync; journalctl --no-pager --output=cat --unit={unit} "
            f"--after-cursor='{self.cursor}'")

    def take_cursor(self):
        shown = self.host.shell(
            "journalctl --sync; journalctl --quiet --lines=1 --show-cursor --output=cat")
        self.cursor = shown.rsplit("-- cursor: ", 1)[1].strip()
