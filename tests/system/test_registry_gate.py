#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""modelfleet registry production as the gate of a service: ExecStartPre of a unit, on a booted host
that has a registry's file and no registry's service."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from harness import program
from harness.booted import BootedCase

PROGRAM = Path(os.environ["MODELFLEET_BIN"]) / "modelfleet"
UNIT = "inference.service"
# A build with sanitizers searches for leaks by tracing, and brings its own libraries.
TEXT = """\
[Service]
Environment=ASAN_OPTIONS=detect_leaks=0 LD_LIBRARY_PATH=/opt/gate
ExecStartPre=/opt/gate/modelfleet registry production yolo --registry json:/srv/models/registry.json
ExecStart=/bin/sleep infinity
"""
# What belongs to the host's loader.
HOST_LIBRARIES = re.compile(r"ld-linux|linux-vdso|libc\.so|libm\.so|libpthread|libdl")


class GateTest(BootedCase):
    host_count = 1
    fleet_name = "registrygate"

    def setUp(self):
        super().setUp()
        self.host = self.fleet["n01"]
        gate = self.host.root / "opt/gate"
        gate.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROGRAM, gate)
        for line in subprocess.run(["ldd", PROGRAM], check=True, text=True,
                                   capture_output=True).stdout.splitlines():
            found = re.search(r"=> (/\S+)", line)
            if found and not HOST_LIBRARIES.search(found[1]):
                shutil.copy(found[1], gate)
        (self.host.root / "etc/systemd/system" / UNIT).write_text(TEXT)
        (self.host.root / "srv/models").mkdir(exist_ok=True)
        self.host.shell("systemctl daemon-reload")

    def register(self, status):
        entry = {"model_name": "yolo", "version": 1, "path": "models/yolo/v1/model.onnx",
                 "status": status, "creation_timestamp": "2025-06-25T12:00:00Z", "metadata": {}}
        path = self.host.root / "srv/models/registry.json"
        path.write_text(json.dumps({"models": [entry]}))

    def start(self):
        return self.host.shell(f"systemctl start {UNIT} 2>&1 || true; systemctl is-active {UNIT} || true; "
                               f"journalctl --sync; journalctl -u {UNIT} -o cat")

    def test_a_service_waits_for_a_model(self):
        self.register("staging")
        said = self.start()
        self.assertIn("\nfailed\n", said)
        self.assertIn("No production model found in registry!\n", said)
        (self.host.root / "srv/models/registry.json").unlink()
        self.assertIn("registry.json", self.start())
        self.register("production")
        said = self.start()
        self.assertIn("active\n", said)
        self.assertIn("models/yolo/v1/model.onnx", said)


if __name__ == "__main__":
    program.main()
