#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""modelfleet registry without a service: a registry's file, the command line, settings."""

import hashlib
import http.server
import json
import os
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

PROGRAM = Path(os.environ["MODELFLEET_BIN"]) / "modelfleet"
NO_PRODUCTION = "No production model found in registry!\n"


def entry(name, version, status, **more):
    return {"model_name": name, "version": version, "path": f"models/{name}/v{version}/model.onnx",
            "status": status, "creation_timestamp": "2025-06-25T12:00:00Z", "metadata": {}, **more}


class ProgramCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)

    def run_program(self, *words, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MODELFLEET_REGISTRY")}
        return subprocess.run([PROGRAM, "registry", *words], text=True, timeout=60, cwd=self.dir,
                              capture_output=True,
                              env={**clean, "HOME": str(self.dir), **(env or {})})


class FileTest(ProgramCase):
    def setUp(self):
        super().setUp()
        self.file = self.dir / "registry.json"
        self.write([entry("yolo", 1, "production"), entry("yolo", 2, "staging"),
                    entry("face", 7, "archived", date="2026-02-02")])

    def write(self, models):
        self.file.write_text(json.dumps({"models": models}))

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


class LiarCase(ProgramCase):
    """Servers that are no registry, or a bad one: `self.answers` by method and path."""

    def setUp(self):
        super().setUp()
        self.answers, self.asked = {}, []
        case = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                case.asked.append((self.command, self.path, body))
                status, text, headers = case.answers.get((self.command, self.path),
                                                         (404, "{}", {}))
                text = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_HEAD = do_PUT = do_POST = answer

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.base = "/api/v1/registry/models"

    def give(self, method, path, value, status=200, **headers):
        text = value if isinstance(value, (str, bytes)) else json.dumps(value)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[(method, self.base + path)] = (status, text, headers)

    def ask(self, *words, code=1):
        done = self.run_program(*words, "--registry", self.url)
        self.assertEqual(done.returncode, code, done.stderr)
        return done


class LiarTest(LiarCase):
    def test_lists_that_are_none(self):
        for text in ("<html>", "[]", "{}", '{"models": {}}', '{"models": [3]}',
                     '{"models": [{"model_name": "a"}]}',
                     '{"models": [{"model_name": "a", "version": -1, "path": "", "status": ""}]}'):
            self.give("GET", "", text)
            self.assertEqual(self.ask("list").stdout, "", text)
        self.give("GET", "?model_name=yolo", "<html>")
        done = self.ask("production", "yolo")
        self.assertNotIn(NO_PRODUCTION.strip(), done.stderr)

    def test_what_the_server_says_is_told(self):
        self.give("PUT", "/yolo/3/activate", {"detail": "the site's lock is held by anna"}, 503,
                  Retry_After="0")
        self.assertIn("503 Service Unavailable: the site's lock is held by anna",
                      self.ask("activate", "yolo", "3").stderr)

    def test_what_is_not_idempotent_is_sent_once(self):
        self.give("POST", "", {"detail": "later"}, 503, Retry_After="0")
        self.ask("register", "yolo", "3", "path")
        self.assertEqual(len(self.asked), 1)

    def test_conditions_that_are_none(self):
        self.give("GET", "/yolo/3", entry("yolo", 3, "staging"))
        for condition in ("accuracy", "accuracy=0.8", ">=0.8", "accuracy>=", "accuracy>=high",
                          "accuracy>=nan", "accuracy>=0.8x", "a<>1"):
            done = self.ask("activate", "yolo", "3", "--require", condition)
            self.assertIn("--require", done.stderr, condition)
        self.assertEqual([method for method, _, _ in self.asked if method == "PUT"], [])

    def test_metrics_that_are_no_numbers(self):
        self.give("GET", "/yolo/3", entry("yolo", 3, "staging",
                                          metadata={"metrics": {"a": "0.9", "b": None, "c": True}}))
        for name in "abc":
            self.assertIn(f"{name} is no number",
                          self.ask("activate", "yolo", "3", "--require", f"{name}>0").stderr)

    def test_an_activation_is_of_what_was_looked_at(self):
        good = entry("yolo", 3, "staging", metadata={"metrics": {"accuracy": 0.9}})
        self.give("GET", "/yolo/3", good, ETag='"abc"')
        self.give("PUT", "/yolo/3/activate", {"detail": "it is another by now"}, 412)
        self.assertIn("412", self.ask("activate", "yolo", "3", "--require", "accuracy>0.8").stderr)

    def files(self, **file):
        content = b"weights"
        told = {"path": "m", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        self.give("GET", "/yolo/3/files", {"date": "2026-02-02", "files": [{**told, **file}]})
        self.give("GET", "/yolo/3/files/m", content)

    def pull(self, code=1):
        return self.ask("pull", "yolo", "3", "--to", "into/got", code=code)

    def test_paths_that_leave_the_directory(self):
        for path in ("../m", "/tmp/m", "a/../../m", "", "a//b", "..", 3, None):
            self.files(path=path)
            self.assertIn("is none: expected path, size and sha256", self.pull().stderr)
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_files_that_are_not_what_was_said(self):
        for wrong in ({"size": 8}, {"size": -1}, {"size": "7"}, {"sha256": "00" * 32},
                      {"sha256": "zz"}, {"sha256": None}):
            self.files(**wrong)
            self.pull()
            self.assertFalse((self.dir / "into/got/m").exists(), wrong)
        self.files()
        self.pull(code=0)
        self.assertEqual((self.dir / "into/got/m").read_bytes(), b"weights")

    def test_uploads_that_get_nowhere(self):
        (self.dir / "m").write_bytes(b"w" * 9_000_000)
        words = ("register", "yolo", "3", "p", "--files", "m")
        path = "/yolo/3/files/m"
        # It always has the same; it says nothing; it has more than there is; it is full.
        self.give("PUT", path, "", 202, Upload_Offset="0")
        self.assertIn("takes no more of it than 0 bytes", self.ask(*words).stderr)
        self.give("PUT", path, "", 202)
        self.assertIn("does not say what it has", self.ask(*words).stderr)
        self.give("PUT", path, {"detail": "no space left"}, 507)
        self.assertIn("507", self.ask(*words).stderr)
        self.give("PUT", path, {"detail": "other content"}, 422)
        self.asked.clear()
        self.assertIn("422", self.ask(*words).stderr)
        self.assertEqual(len([x for x in self.asked if x[0] == "PUT"]), 2)

    def test_a_seal_without_a_date(self):
        (self.dir / "m").write_bytes(b"w")
        self.give("PUT", "/yolo/3/files/m", "{}", 201)
        self.give("POST", "/yolo/3/files/commit", {"date": "today"})
        self.assertIn("does not say which version of the store",
                      self.ask("register", "yolo", "3", "p", "--files", "m").stderr)

    def test_files_that_cannot_be_sent(self):
        (self.dir / "a").mkdir()
        (self.dir / "a/m").write_bytes(b"1")
        (self.dir / "m").write_bytes(b"2")
        os.mkfifo(self.dir / "pipe")
        (self.dir / "empty").mkdir()
        for files, says in ((("a", "--files", "m"), "have the same name"), (("pipe",), "is no file"),
                            (("empty",), "there is no file"), (("absent",), "absent")):
            done = self.ask("register", "yolo", "3", "p", "--files", *files)
            self.assertIn(says, done.stderr)
        self.assertEqual([x for x in self.asked if x[0] != "GET"], [])

    def test_metadata_that_is_none(self):
        (self.dir / "list.json").write_text("[]")
        for said, says in (("{", "--metadata:1:"), ("[]", "expected an object"),
                           ("@list.json", "list.json: expected an object"), ("@absent", "absent")):
            done = self.ask("register", "yolo", "3", "p", "--metadata", said)
            self.assertIn(says, done.stderr)
        self.assertEqual(self.asked, [])


if __name__ == "__main__":
    unittest.main()
