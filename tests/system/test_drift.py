#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What changes on a node afterwards is noticed, and put right or left as the rules say."""

import os

from harness import program
from harness.case import FIRST, MODEL, OTHER, LoopbackCase
from harness.deploy import HOST_FAILED


class DriftTest(LoopbackCase):
    def setUp(self):
        super().setUp()
        self.deploy()
        self.file = self.path("node1") / "model.tflite"

    def damage(self, path, seconds=0):
        """Flips one byte in the middle; the time is moved by some seconds from what it was."""
        status = path.stat()
        with open(path, "r+b") as file:
            file.seek(status.st_size // 2)
            byte = file.read(1)[0]
            file.seek(status.st_size // 2)
            file.write(bytes([byte ^ 0xff]))
        moved = status.st_mtime_ns + seconds * 10**9
        os.utime(path, ns=(status.st_atime_ns, moved))

    def test_a_changed_byte_with_size_and_time_kept_is_repaired(self):
        self.damage(self.file)
        run = self.deploy()
        self.assert_deployed("node1")
        self.assertEqual(run.outcomes("node1"), {MODEL: "repaired", OTHER: "current"})
        self.assertEqual(run.host("node2")["state"], "unchanged")
        self.assertEqual(self.deploy().outcomes("node1")[MODEL], "current")

    def test_an_older_file_is_repaired(self):
        self.damage(self.file, seconds=-3600)
        run = self.deploy()
        self.assert_deployed("node1")
        self.assertEqual(run.outcomes("node1")[MODEL], "repaired")

    def test_a_newer_file_stays_and_is_drift(self):
        self.damage(self.file, seconds=3600)
        changed = self.file.read_bytes()
        run = self.deploy(code=HOST_FAILED)
        self.assertEqual(self.file.read_bytes(), changed)
        self.assertEqual(run.outcomes("node1")[MODEL], "drifted")
        self.assertIn("model.tflite", " ".join(run.model("node1", MODEL)["drifted"]))
        self.assertEqual(run.host("node1")["state"], "drifted")
        self.assertEqual(run.host("node2")["state"], "unchanged")

    def test_drift_stays_drift_on_the_next_run(self):
        self.damage(self.file, seconds=3600)
        self.deploy(code=HOST_FAILED)
        self.deploy(code=HOST_FAILED)

    def test_repair_overrides_a_newer_file(self):
        self.damage(self.file, seconds=3600)
        run = self.deploy("--repair")
        self.assert_deployed("node1")
        self.assertEqual(run.outcomes("node1")[MODEL], "repaired")

    def test_without_update_a_newer_file_is_repaired(self):
        self.site.models[MODEL]["update"] = False
        self.site.write_registry()
        self.damage(self.file, seconds=3600)
        self.deploy()
        self.assert_deployed("node1")

    def test_a_deleted_file_comes_back(self):
        self.file.unlink()
        run = self.deploy()
        self.assert_deployed("node1")
        self.assertEqual(run.outcomes("node1")[MODEL], "repaired")

    def test_an_added_file_is_drift_until_repair(self):
        extra = self.file.with_name("extra.bin")
        extra.write_bytes(b"not ours")
        run = self.deploy(code=HOST_FAILED)
        self.assertTrue(extra.exists())
        self.assertIn("extra.bin", " ".join(run.model("node1", MODEL)["drifted"]))
        self.deploy("--repair")
        self.assertFalse(extra.exists())
        self.assert_deployed("node1")

    def test_a_repair_sends_only_what_differs(self):
        self.damage(self.file)
        run = self.deploy()
        self.assertLess(run.model("node1", MODEL)["bytes_sent"], 100_000)

    def test_a_missing_version_directory_comes_back(self):
        for path in self.file.parent.iterdir():
            path.unlink()
        self.file.parent.rmdir()
        self.deploy()
        self.assert_deployed("node1")

    def test_check_shows_drift_and_repairs_nothing(self):
        self.damage(self.file)
        changed = self.file.read_bytes()
        run = self.deploy("--check")
        self.assertEqual(run.outcomes("node1")[MODEL], "repaired")
        self.assertEqual(self.file.read_bytes(), changed)

    def test_a_touched_file_with_the_same_bytes_sends_nothing(self):
        os.utime(self.file, (1_000_000_000, 1_000_000_000))
        data = self.file.read_bytes()
        run = self.deploy()
        self.assertEqual(run.totals["bytes_sent"], 0)
        self.assertEqual(self.file.read_bytes(), data)
        self.assertEqual(self.deploy().outcomes("node1")[MODEL], "current")

    def test_recap_names_what_drifted(self):
        self.damage(self.file, seconds=3600)
        run = self.operator.deploy_text()
        self.assertEqual(run.code, HOST_FAILED, run)
        self.assertIn("model.tflite", run.stdout)
        self.assertIn(FIRST, run.stdout)


class EscapeTest(LoopbackCase):
    """A link on a node must not lead writes out of the models' directory."""

    def setUp(self):
        super().setUp()
        self.outside = self.directory / "outside"
        self.outside.mkdir()
        (self.outside / "precious").write_bytes(b"do not touch")

    def assert_untouched(self):
        self.assertEqual([path.name for path in self.outside.iterdir()], ["precious"])
        self.assertEqual((self.outside / "precious").read_bytes(), b"do not touch")

    def test_a_model_directory_that_is_a_link(self):
        self.registry("node1").mkdir(parents=True)
        (self.registry("node1") / MODEL).symlink_to(self.outside)
        run = self.deploy(code=HOST_FAILED)
        self.assert_untouched()
        self.assertEqual(run.outcomes("node1")[MODEL], "failed")
        self.assert_deployed("node1", OTHER)

    def test_a_version_directory_that_is_a_link(self):
        self.path("node1").parent.mkdir(parents=True)
        self.path("node1").symlink_to(self.outside)
        self.operator.deploy("--repair")
        self.assert_untouched()

    def test_a_directory_inside_that_became_a_link(self):
        inside = self.site.version_path(MODEL, FIRST) / "metadata"
        inside.mkdir()
        (inside / "precious").write_bytes(b"ours")
        self.deploy()
        there = self.path("node1") / "metadata"
        (there / "precious").unlink()
        there.rmdir()
        there.symlink_to(self.outside)
        self.operator.deploy("--repair")
        self.assert_untouched()


if __name__ == "__main__":
    program.main()
