#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""modelfleet registry without a service: a registry's file, the command line, settings."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(os.environ["MODELFLEET_BIN"]) / "modelfleet"
NO_PRODUCTION = "No production model found in registry!\n"


def entry(name, version, status, **more):
    return {"model_name": name, "version": version, "path": f"models/{name}/v{version}/model.onnx",
            "status": status, "creation_timestamp": "2025-06-25T12:00:00Z", "metadata": {}, **more}


class FileTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        self.file = self.dir / "registry.json"
        self.write([entry("yolo", 1, "production"), entry("yolo", 2, "staging"),
                    entry("face", 7, "archived", date="2026-02-02")])

    def write(self, models):
        self.file.write_text(json.dumps({"models": models}))

    def run_program(self, *words, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MODELFLEET_REGISTRY")}
        return subprocess.run([PROGRAM, "registry", *words], text=True, timeout=60, cwd=self.dir,
                              capture_output=True,
                              env={**clean, "HOME": str(self.dir), **(env or {})})

    def ask(self, *words):
        return self.run_program(*words, "--registry", f"json:{self.file}")

    def test_path_of_the_version_in_production(self):
        done = self.ask("production", "yolo")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "models/yolo/v1/model.onnx\n", ""))

    def test_no_version_in_production(self):
        for name in "face", "unknown":
            done = self.ask("production", name)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", NO_PRODUCTION))

    def test_an_empty_registry(self):
        self.write([])
        self.assertEqual(self.ask("production", "yolo").stderr, NO_PRODUCTION)
        self.assertEqual(self.ask("list").stdout, "nothing is registered\n")

    def test_two_in_production_are_told(self):
        self.write([entry("yolo", 1, "production"), entry("yolo", 2, "production")])
        done = self.ask("production", "yolo")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("versions 1 and 2 are both in production", done.stderr)

    def test_a_broken_file_is_no_empty_one(self):
        for text, says in (('{"models": [', "registry.json:1:"), ("[]", 'a list "models"'),
                           ('{"models": {}}', 'a list "models"')):
            self.file.write_text(text)
            done = self.ask("production", "yolo")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(says, done.stderr)
        self.file.unlink()
        self.assertIn("registry.json", self.ask("production", "yolo").stderr)

    def test_list(self):
        lines = self.ask("list").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["MODEL", "VERSION", "STATUS", "DATE", "PATH"])
        self.assertEqual([line.split()[:4] for line in lines[1:]],
                         [["yolo", "1", "production", "-"], ["yolo", "2", "staging", "-"],
                          ["face", "7", "archived", "2026-02-02"]])
        self.assertEqual(len(self.ask("list", "face").stdout.splitlines()), 2)

    def test_json_is_what_the_registry_says(self):
        self.assertEqual(json.loads(self.ask("list", "--json").stdout),
                         json.loads(self.file.read_text()))
        self.assertEqual(json.loads(self.ask("production", "yolo", "--json").stdout),
                         entry("yolo", 1, "production"))

    def test_a_file_may_only_be_read(self):
        for words in (("register", "yolo", "3", "x"), ("activate", "yolo", "2"),
                      ("pull", "yolo", "--to", "x")):
            done = self.ask(*words)
            self.assertEqual(done.returncode, 1)
            self.assertIn("needs the service", done.stderr)

    def test_which_registry(self):
        done = self.run_program("production", "yolo")
        self.assertEqual(done.returncode, 1)
        self.assertIn("which registry? Expected --registry URL", done.stderr)
        done = self.run_program("production", "yolo",
                                env={"MODELFLEET_REGISTRY_URL": f"json:{self.file}"})
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.dir / "ansible.cfg").write_text(f"[modelfleet]\nregistry_url = json:{self.file}\n")
        self.assertEqual(self.run_program("production", "yolo").returncode, 0)

    def test_mistakes_of_the_command_line(self):
        cases = (
            ((), "expected an action"),
            (("lisst",), "did you mean list?"),
            (("register", "yolo", "3"), "expected register MODEL VERSION PATH"),
            (("register", "yolo", "3", "path", "more"), "expected register"),
            (("activate", "yolo"), "expected activate MODEL VERSION"),
            (("production",), "expected production MODEL"),
            (("production", "a", "b"), "expected production MODEL"),
            (("pull", "yolo"), "expected --to DIR"),
            (("list", "--files", "x"), "go with register"),
            (("list", "--require", "a>1"), "--require goes with activate"),
        )
        for words, says in cases:
            with self.subTest(words=words):
                done = self.ask(*words)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(says, done.stderr)

    def test_no_address_of_a_service(self):
        done = self.run_program("list", "--registry", "registry:8080")
        self.assertEqual(done.returncode, 1)
        self.assertIn("begins with http:// or https://", done.stderr)

    def test_a_service_that_is_not_there_is_no_empty_registry(self):
        done = self.run_program("production", "yolo", "--registry", "http://127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertNotIn(NO_PRODUCTION.strip(), done.stderr)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_a_key_comes_from_a_file_and_is_never_told(self):
        for text, says in (("", "holds no key"), ("two words\n", "holds no key")):
            (self.dir / "key").write_text(text)
            done = self.run_program("list", "--registry", "http://127.0.0.1:1", "--key-file", "key")
            self.assertIn(says, done.stderr)
            self.assertNotIn("words", done.stderr)
        done = self.run_program("list", "--registry", "http://127.0.0.1:1", "--key-file", "absent")
        self.assertIn("absent", done.stderr)


if __name__ == "__main__":
    unittest.main()
