#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store on another host: versions are published into it, deployed from it, and verified."""

import json
import subprocess
from pathlib import Path

from harness import program
from harness.booted import BootedCase
from harness.deploy import CANNOT_RUN, HOST_FAILED, OK, Operator, Run
from harness.deploy import program as built
from harness.store import Site, retrained, weights

MODEL, FIRST, SECOND = "face_recognition", "2026-01-01", "2026-02-02"
STORE, ROOT = "/srv/store", "/srv/models"
SIZE = 4_000_000


class PublishTest(BootedCase):
    """n01 keeps the store, n02 is a sentinel."""

    host_count = 2
    fleet_name = "publish"

    def setUp(self):
        self.directory = self.make_directory()
        self.site = Site(self.directory / "site")
        self.site.store = Path(STORE)
        self.keeper, self.node = self.fleet["n01"], self.fleet["n02"]
        self.site.models[MODEL] = {"current_version": FIRST, "previous_version": None}
        self.site.write_registry()
        self.site.write_inventory({"n02": self.fleet.host_variables(self.node)}, {}, ROOT, [],
                                  datasink=self.fleet.host_variables(self.keeper))
        self.operator = Operator(self.directory / "operator", self.site.inventory)
        for host in self.fleet.hosts:
            host.link.set_rate(None)
            host.shell(f"rm -rf {STORE} {ROOT} /root/.cache; mkdir -p {STORE}")
        self.source = self.directory / "run-17"
        self.source.mkdir()
        (self.source / "labels.txt").write_bytes(b"person\n")
        (self.source / "latest").symlink_to("model.tflite")
        self.write_model(weights(SIZE, 1))

    def write_model(self, data):
        (self.source / "model.tflite").write_bytes(data)

    def run_program(self, *words, code=OK):
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False,
                              env=self.operator.environment)
        run = Run(done.returncode, done.stdout, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        self.assertEqual(run.code, code, run)
        return run

    def publish(self, version, *arguments, code=OK):
        run = self.run_program(built("publish-model"), "-i", self.site.inventory, MODEL,
                               self.source, "--version", version, "--json", *arguments,
                               code=code)
        return json.loads(run.stdout) if code == OK else run.stderr

    def verify(self, *arguments, code=OK):
        run = self.run_program(built("modelfleet"), "verify-store", "-i", self.site.inventory,
                               "--json", *arguments, code=code)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def in_store(self, name, version=FIRST):
        return f"{STORE}/{MODEL}/{version}/{name}"

    def content(self, host, path):
        return host.run("cat", path).stdout

    def flip(self, path):
        """One byte of a file is another; size and time are as before."""
        self.keeper.shell(f"touch -r {path} /tmp/ref; "
                          f"printf X | dd of={path} bs=1 seek=1000 conv=notrunc status=none; "
                          f"touch -r /tmp/ref {path}")

    def test_what_is_published_there_is_deployed_from_there(self):
        told = self.publish(FIRST)
        self.assertEqual((told["outcome"], told["files"]), ("made", 2))
        for name in ("model.tflite", "labels.txt"):
            self.assertTrue(self.content(self.keeper, self.in_store(name))
                            == (self.source / name).read_bytes(), name)
        run = self.operator.deploy("--no-activate")
        self.assertEqual(run.code, OK, run)
        for name in ("model.tflite", "labels.txt", "manifest.yaml"):
            self.assertTrue(self.content(self.node, f"{ROOT}/{MODEL}/{FIRST}/{name}")
                            == self.content(self.keeper, self.in_store(name)), name)
        self.assertEqual(self.node.shell(f"readlink {ROOT}/{MODEL}/{FIRST}/latest").strip(),
                         "model.tflite")

    def test_the_same_again_is_there_and_other_content_refused(self):
        self.publish(FIRST)
        self.assertEqual(self.publish(FIRST)["outcome"], "there")
        self.write_model(weights(SIZE, 2))
        said = self.publish(FIRST, code=CANNOT_RUN)
        self.assertIn("model.tflite has other content", said)
        self.assertEqual(self.verify()[-1]["sound"], 1)

    def test_a_later_version_crosses_as_a_delta(self):
        self.publish(FIRST)
        self.write_model(retrained(weights(SIZE, 1), 7))
        told = self.publish(SECOND)
        self.assertEqual(told["outcome"], "made")
        self.assertLess(told["bytes_sent"], SIZE // 4)
        self.assertTrue(self.content(self.keeper, self.in_store("model.tflite", SECOND))
                        == (self.source / "model.tflite").read_bytes())

    def test_a_check_touches_nothing(self):
        self.assertEqual(self.publish(FIRST, "--check")["outcome"], "would_make")
        self.assertEqual(self.keeper.shell(f"ls -A {STORE}").strip(), "")

    def test_a_store_that_is_not_there_is_not_made(self):
        self.keeper.shell(f"rmdir {STORE}")
        said = self.publish(FIRST, code=CANNOT_RUN)
        self.assertIn("mount its disk on datasink, or make the directory", said)
        self.keeper.shell(f"test ! -e {STORE}")

    def test_another_holds_the_store(self):
        self.publish(FIRST)
        self.write_model(weights(20_000_000, 3))
        self.keeper.link.set_rate("10mbit")
        slow = subprocess.Popen(
            [str(built("publish-model")), "-i", str(self.site.inventory), MODEL,
             str(self.source), "--version", SECOND],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(self.operator.environment, TZ="UTC"))
        self.addCleanup(slow.stdout.close)
        for line in slow.stdout:
            if line.startswith("sending"):
                break
        said = self.publish("2026-03-03", code=CANNOT_RUN)
        self.assertIn("publish-model", said)
        self.assertIn(f"pid {slow.pid}", said)
        slow.kill()
        slow.wait()
        self.keeper.link.set_rate(None)
        self.keeper.shell(f"test ! -e {STORE}/{MODEL}/{SECOND}")
        # What was cut is no version, and no hindrance.
        self.assertEqual([e["version"] for e in self.verify()[:-1]], [FIRST])
        self.assertEqual(self.publish(SECOND)["outcome"], "made")
        self.assertEqual(self.keeper.shell(f"ls -A {STORE}/.staging").strip(), "")
        self.assertEqual(self.verify()[-1]["sound"], 2)

    def test_a_flipped_byte_is_found_and_no_model_crosses(self):
        self.publish(FIRST)
        self.write_model(weights(SIZE, 2))
        self.publish(SECOND)
        self.verify()
        self.flip(self.in_store("model.tflite"))
        before = self.keeper.link.counters()
        events = self.verify(code=HOST_FAILED)
        after = self.keeper.link.counters()
        self.assertEqual([(e["version"], e["state"], [f["path"] for f in e["findings"]])
                          for e in events[:-1]],
                         [(FIRST, "rotted", ["model.tflite"]), (SECOND, "sound", [])])
        self.assertLess(sum(after.values()) - sum(before.values()), SIZE // 10)

    def test_what_is_missing_or_extra_is_found(self):
        self.publish(FIRST)
        self.keeper.shell(f"rm {self.in_store('labels.txt')}; touch {self.in_store('more')}")
        found = self.verify(code=HOST_FAILED)[0]["findings"]
        self.assertEqual({(f["kind"], f["path"]) for f in found},
                         {("missing", "labels.txt"), ("extra", "more")})

    def test_a_version_made_by_hand_cannot_be_verified(self):
        self.keeper.shell(f"mkdir -p {STORE}/old/{FIRST}; echo x > {STORE}/old/{FIRST}/model; "
                          f"head -c 5000 /dev/urandom > {STORE}/old/{FIRST}/more")
        self.assertEqual(self.verify()[0]["state"], "unverifiable")

    def test_verifying_keeps_to_its_rate(self):
        self.publish(FIRST)
        start = self.keeper.shell("cut -d ' ' -f 1 /proc/uptime")
        self.verify("--bwlimit", "2M")
        end = self.keeper.shell("cut -d ' ' -f 1 /proc/uptime")
        self.assertGreater(float(end) - float(start), SIZE / 2_000_000 * 0.9)


if __name__ == "__main__":
    program.main()
