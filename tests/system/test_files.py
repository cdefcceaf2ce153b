#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of file that a version may hold arrives as it is."""

import os

from harness import program
from harness.case import FIRST, MODEL, SECOND, LoopbackCase
from harness.deploy import CANNOT_RUN
from harness.store import weights

GIB = 1 << 30


class FilesTest(LoopbackCase):
    def setUp(self):
        super().setUp()
        self.source = self.site.version_path(MODEL, FIRST)

    def test_names_of_any_bytes(self):
        root = os.fsencode(self.source)
        names = (b"with space", b"new\nline", b"tab\tand 'quotes\"", b"-dash", b"--", b"*?[x]",
                 b"back\\slash", b"$(touch x);`id`", b"\xff\xfe not utf-8", "ünïcode".encode(),
                 b"~", b".hidden", b"trailing ", b"x" * 255)
        os.mkdir(os.path.join(root, b"dir \xf0\n"))
        for number, name in enumerate(names):
            for path in (name, os.path.join(b"dir \xf0\n", name)):
                with open(os.path.join(root, path), "wb") as file:
                    file.write(b"%d" % number)
        self.deploy()
        self.assert_deployed("node1")
        self.assertEqual(self.deploy().totals["bytes_sent"], 0)

    def test_deep_paths(self):
        deep = self.source.joinpath(*(f"level{number}" for number in range(60)))
        deep.mkdir(parents=True)
        (deep / "leaf").write_bytes(b"deep")
        self.deploy()
        self.assert_deployed("node1")

    def test_links_inside_the_version(self):
        (self.source / "sub").mkdir()
        (self.source / "current.tflite").symlink_to("model.tflite")
        (self.source / "sub/up").symlink_to("../labels.txt")
        (self.source / "sub/dangling").symlink_to("not there")
        (self.source / "folder").symlink_to("sub")
        self.deploy()
        self.assert_deployed("node1")

    def test_links_out_of_the_version_are_refused_before_any_host_is_touched(self):
        for target in ("/etc/passwd", "../../../escape", "sub/../../x"):
            with self.subTest(target=target):
                link = self.source / "link"
                link.symlink_to(target)
                run = self.deploy(code=CANNOT_RUN)
                self.assertIn("link", run.stderr)
                self.assertFalse(self.registry("node1").exists())
                link.unlink()

    def test_special_files_are_refused(self):
        os.mkfifo(self.source / "pipe")
        run = self.deploy(code=CANNOT_RUN)
        self.assertIn("pipe", run.stderr)

    def test_empty_files_and_directories(self):
        (self.source / "empty file").write_bytes(b"")
        (self.source / "empty directory/below").mkdir(parents=True)
        self.deploy()
        self.assert_deployed("node1")

    def test_modes_and_times(self):
        for number, mode in enumerate((0o400, 0o444, 0o600, 0o640, 0o644, 0o755, 0o700)):
            path = self.source / f"mode{mode:o}"
            path.write_bytes(b"x")
            path.chmod(mode)
            os.utime(path, (1_000_000_000 + number, 1_100_000_000 + number))
        directory = self.source / "private"
        directory.mkdir()
        (directory / "key").write_bytes(b"k")
        directory.chmod(0o700)
        self.deploy()
        self.assert_deployed("node1")

    def test_a_directory_that_its_owner_may_not_write(self):
        directory = self.source / "read-only"
        directory.mkdir()
        (directory / "file").write_bytes(b"r")
        directory.chmod(0o555)
        self.deploy()
        self.assert_deployed("node1")
        for path in (directory, self.path("node1") / "read-only"):
            path.chmod(0o755)

    def test_a_changed_mode_alone_is_put_right(self):
        self.deploy()
        (self.path("node1") / "model.tflite").chmod(0o666)
        run = self.deploy()
        self.assert_deployed("node1")
        self.assertEqual(run.model("node1", MODEL)["bytes_sent"], 0)

    def test_many_small_files(self):
        for number in range(3000):
            path = self.source / f"shard{number % 50}" / f"{number}.bin"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(weights(200, number))
        self.deploy()
        self.assert_deployed("node1")

    def test_a_sparse_file_of_more_than_4_gib(self):
        path = self.source / "huge.bin"
        with open(path, "wb") as file:
            file.write(b"start")
            file.seek(4 * GIB + 12345)
            file.write(b"end")
        run = self.deploy("--limit", "node1", timeout=300)
        there = self.path("node1") / "huge.bin"
        self.assertEqual(there.stat().st_size, 4 * GIB + 12348)
        with open(there, "rb") as file:
            self.assertEqual(file.read(10), b"start" + bytes(5))
            file.seek(4 * GIB + 12340)
            self.assertEqual(file.read(), bytes(5) + b"end")
        self.assertLess(there.stat().st_blocks * 512, GIB)
        self.assertLess(run.model("node1", MODEL)["bytes_sent"], 10_000_000)

    def test_a_file_that_becomes_a_directory_in_the_next_version(self):
        self.deploy()
        self.site.add_version(MODEL, SECOND, {"model.tflite/part1": b"one",
                                              "labels.txt": b"person\ncat\n"})
        self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)


if __name__ == "__main__":
    program.main()
