#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/examples/Containerfile: built by buildah, over a Debian that debootstrap made in the place of
a registry's image, and run as its image says. A container made anew has the entries of the former,
by the volume. buildah isolates by chroot here, so that it works inside containers, too."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/system"))

from harness import CannotBoot, program  # noqa: E402
import fresh_root  # noqa: E402

PACKAGES = Path(os.environ.get("MODELFLEET_PACKAGES", SOURCE / "build/packages"))
BASE, IMAGE, STATE = "localhost/base", "localhost/model-registryd", "/var/lib/model-registryd"
MODELS = "/api/v1/registry/models"
EXAMPLES = SOURCE / "docs/examples"
PATIENCE = 600  # seconds that only a hang reaches


class ContainerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("buildah"):
            raise unittest.SkipTest("no buildah (scripts/bootstrap --package)")
        packages = list(PACKAGES.glob("model-registryd_*.deb"))
        if len(packages) != 1:
            raise unittest.SkipTest(f"no model-registryd in {PACKAGES}: run scripts/package first")
        temporary = tempfile.TemporaryDirectory(prefix="modelfleet-container.")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        try:
            fresh_root.own_mounts()
            base = fresh_root.pristine()
        except CannotBoot as reason:
            raise unittest.SkipTest(str(reason)) from None
        context = cls.directory / "context"
        context.mkdir()
        shutil.copy(packages[0], context)
        scratch = cls.buildah("from", "scratch").strip()
        cls.buildah("copy", "--quiet", scratch, base, "/")
        cls.buildah("commit", "--quiet", "--rm", scratch, BASE)
        cls.buildah("bud", "--isolation=chroot", "--layers=false", "--network=host",
                    f"--build-arg=BASE={BASE}", "--tag", IMAGE,
                    f"--file={EXAMPLES / 'Containerfile'}", context)

    @classmethod
    def command(cls, *arguments):
        return ["buildah", "--storage-driver=vfs", "--root", cls.directory / "storage",
                "--runroot", cls.directory / "run", *arguments]

    @classmethod
    def buildah(cls, *arguments):
        done = subprocess.run(cls.command(*arguments), capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)
        if re.search(r"Failed to fetch|Temporary failure resolving", done.stdout + done.stderr):
            raise unittest.SkipTest(f"no package mirror: {done.stderr[-500:]}")
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout

    def container(self):
        """A new container of the image, with nothing that a former one wrote."""
        name = self.buildah("from", "--pull-never", IMAGE).strip()
        self.addCleanup(self.buildah, "rm", name)
        return name

    def config(self):
        return json.loads(self.buildah("inspect", "--type=image", IMAGE))["OCIv1"]["config"]

    def run_in(self, container, volume):
        """The image's command with a volume, on a free port of this machine; its process and port."""
        config = self.config()
        process = subprocess.Popen(self.command(
            "run", "--isolation=chroot", "--network=host", f"--volume={volume}:{STATE}",
            container, "--", *config["Entrypoint"], *config["Cmd"], "--listen=127.0.0.1:0"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        said = []
        for line in process.stdout:
            if found := re.search(r"listening on 127.0.0.1 port (\d+)", line):
                return process, int(found.group(1))
            said.append(line)
        self.fail("".join(said))

    def user_of(self, container):
        """The number of the image's user, as the container's own table has it."""
        root = Path(self.buildah("mount", container).strip())
        rows = (row.split(":") for row in (root / "etc/passwd").read_text().splitlines())
        return next(int(row[2]) for row in rows if row[0] == self.config()["User"])

    def ask(self, port, method, path=MODELS, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(method, path, body and json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def test_a_container_made_anew_has_the_entries(self):
        volume = self.directory / "volume"
        volume.mkdir()
        first = self.container()
        user = self.user_of(first)
        self.assertNotEqual(user, 0)
        os.chown(volume, user, user)  # as an engine does with an empty volume
        process, port = self.run_in(first, volume)
        entry = {"model_name": "yolov8n-coco", "version": 1, "path": "models/yolov8n-coco/v1/model.onnx"}
        self.assertEqual(self.ask(port, "POST", body=entry)[0], 201)
        self.assertEqual(self.ask(port, "PUT", f"{MODELS}/yolov8n-coco/1/activate")[0], 200)
        kept = self.ask(port, "GET")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)
        self.assertEqual({path.name for path in volume.iterdir()} & {"models", "catalogue.db"},
                         {"models", "catalogue.db"})
        self.assertEqual({path.stat().st_uid for path in volume.iterdir()}, {user})
        _, port = self.run_in(self.container(), volume)
        self.assertEqual(self.ask(port, "GET"), kept)
        self.assertEqual(kept[1]["models"][0]["status"], "production")

    def test_what_the_image_says(self):
        config = self.config()
        self.assertEqual(config["User"], "model-registryd")
        self.assertEqual(list(config["Volumes"]), [STATE])
        self.assertEqual(list(config["ExposedPorts"]), ["8080/tcp"])
        compose = (EXAMPLES / "compose.yaml").read_text()
        self.assertIn(f":{STATE}\n", compose)
        self.assertIn(config["Cmd"][0].removeprefix("--config=") + ":ro", compose)


if __name__ == "__main__":
    program.main()
