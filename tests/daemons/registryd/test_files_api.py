#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions' files through the service: uploaded, sealed, given out."""

import base64
import hashlib
import os
import signal
import unittest

from registry_case import MODELS
from site_case import FIRST, SECOND, SiteCase

FILES = f"{MODELS}/face/3/files"


def digest(content):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def tag(content):
    return f'"{hashlib.sha256(content).hexdigest()}"'


class UploadTest(SiteCase):
    def test_a_file_and_what_is_there_of_it(self):
        client = self.start()
        answer = self.upload(client, 3, "sub/m.onnx", b"weights", Repr_Digest=digest(b"weights"))
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json, {"path": "sub/m.onnx", "size": 7,
                                       "sha256": hashlib.sha256(b"weights").hexdigest()})
        self.assertEqual(answer.headers["Repr-Digest"], digest(b"weights"))
        for method, text in (("GET", "weights"), ("HEAD", "")):
            answer = client(method, f"{FILES}/sub/m.onnx")
            self.assertEqual((answer.status, answer.text), (200, text))
            self.assertEqual(answer.headers["ETag"], tag(b"weights"))
            self.assertEqual(answer.headers["Content-Length"], "7")

    def test_parts(self):
        client = self.start()
        content = os.urandom(3000)

        def part(first, last, **headers):
            return self.upload(client, 3, "m", content[first:last + 1],
                               Content_Range=f"bytes {first}-{last}/3000",
                               Repr_Digest=digest(content), **headers)
        answer = part(0, 999)
        self.assertEqual((answer.status, answer.headers["Upload-Offset"]), (202, "1000"))
        answer = part(2000, 2999)
        self.assert_problem(answer, 409, "1000 bytes are there")
        self.assertEqual(answer.headers["Upload-Offset"], "1000")
        answer = client("HEAD", f"{FILES}/m")
        self.assertEqual((answer.status, answer.headers["Upload-Offset"]), (404, "1000"))
        self.assertEqual(part(1000, 2999).status, 201)
        self.assertEqual(client("HEAD", f"{FILES}/m").headers["ETag"], tag(content))

    def test_a_part_is_there_after_the_service_was_killed(self):
        client = self.start()
        self.upload(client, 3, "m", b"one", Content_Range="bytes 0-2/6")
        self.stop(signal.SIGKILL)
        client = self.start()
        self.assertEqual(client("HEAD", f"{FILES}/m").headers["Upload-Offset"], "3")
        self.assertEqual(self.upload(client, 3, "m", b"two", Content_Range="bytes 3-5/6").status,
                         201)
        self.assertEqual(client("GET", f"{FILES}/m").text, "onetwo")

    def test_content_that_is_not_what_was_meant(self):
        client = self.start()
        answer = self.upload(client, 3, "m", b"weights", Repr_Digest=digest(b"others"))
        self.assert_problem(answer, 422, "SHA-256 is", "send it anew")
        self.assertEqual(client("GET", f"{FILES}/m").status, 404)

    def test_headers_that_are_wrong(self):
        client = self.start()
        for said in ("bytes 0-2", "bytes 0-2/*", "bytes 2-1/5", "bytes 0-5/5", "lines 0-2/3",
                     "bytes -1-2/3", "bytes 0-2/99999999999999999999"):
            answer = self.upload(client, 3, "m", b"one", Content_Range=said)
            self.assert_problem(answer, 400, "Content-Range")
        for said in ("sha-256=:AAAA:", "sha-256=:*:"):
            self.assert_problem(self.upload(client, 3, "m", b"one", Repr_Digest=said), 400,
                                "Repr-Digest")
        self.assertEqual(self.upload(client, 3, "m", b"one", Repr_Digest="md5=:AAAA:").status, 201)

    def test_a_body_that_is_not_as_long_as_its_range(self):
        client = self.start()
        answer = self.upload(client, 3, "m", b"four", Content_Range="bytes 0-2/3")
        self.assert_problem(answer, 413, "more than 3 bytes")

    def test_names_that_leave_the_version(self):
        client = self.start()
        for path in ("../m", "..%2F..%2Fm", "a/../../m", "%2e%2e/m", "a//b", "/etc/passwd",
                     "manifest.yaml", "a%00b", "a%0ab"):
            answer = self.upload(client, 3, path, b"x")
            self.assertIn(answer.status, (400, 404, 422), path)
        for name in ("..", "%2e%2e", ".hidden", "coral_packages"):
            answer = self.upload(client, 3, "m", b"x", name=name)
            self.assertIn(answer.status, (404, 422), name)
        self.assertEqual(self.upload(client, 0, "m", b"x").status, 422)
        self.assertEqual(list(self.site.rglob("m")), [])

    def test_limits(self):
        self.settings["site"].update(max_bytes=10, max_files=2)
        client = self.start()
        self.assert_problem(self.upload(client, 3, "a", b"eleven byte"), 413, "10")
        client = self.client()
        self.assertEqual(self.upload(client, 3, "a", b"x").status, 201)
        self.assertEqual(self.upload(client, 3, "b", b"x").status, 201)
        self.assert_problem(self.upload(client, 3, "c", b"x"), 413, "3 files, at most 2")

    def test_who_may(self):
        sha = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("reader", "writer")}
        self.settings["access"] = {"keys": [
            {"name": "r", "sha256": sha["reader"], "role": "read"},
            {"name": "w", "sha256": sha["writer"], "role": "write"}]}
        self.start()
        reader, writer = (self.client(X_API_Key=key) for key in ("reader", "writer"))
        self.assertEqual(self.upload(self.client(), 3, "m", b"x").status, 401)
        self.assertEqual(self.upload(self.client(X_API_Key="reader"), 3, "m", b"x").status, 403)
        self.assertEqual(self.upload(writer, 3, "m", b"x").status, 201)
        self.assertEqual(reader("GET", f"{FILES}/m").text, "x")
        self.assertEqual(reader("POST", f"{FILES}/commit", {}).status, 403)
        self.seal(writer, 3, SECOND)
        self.assertIn("by: w\n", self.manifest(SECOND))


class SealTest(SiteCase):
    def test_a_version_of_the_store(self):
        client = self.start()
        self.upload(client, 3, "m.onnx", b"two")
        self.upload(client, 3, "sub/labels.txt", b"cat")
        sealed = self.seal(client, 3, SECOND)
        self.assertEqual(sealed, {"model_name": "face", "version": 3, "date": SECOND,
                                  "outcome": "made", "files": 2, "bytes": 6})
        entry = self.register(client, "face", 3, date=SECOND).json
        self.assertEqual(entry["date"], SECOND)
        listed = client("GET", FILES).json
        self.assertEqual([(f["path"], f["size"]) for f in listed["files"]],
                         [("m.onnx", 3), ("sub/labels.txt", 3)])
        self.run_program("modelfleet", "verify-store", "-i", str(self.inventory), "--model",
                         "face", "--version", SECOND)

    def test_ranges_of_what_is_sealed(self):
        client = self.start()
        self.add_version(client, 3, SECOND, b"0123456789")
        answer = client("GET", f"{FILES}/m.onnx", Range="bytes=2-5")
        self.assertEqual((answer.status, answer.text, answer.headers["Content-Range"]),
                         (206, "2345", "bytes 2-5/10"))
        known = tag(b"0123456789")
        self.assertEqual(client("GET", f"{FILES}/m.onnx", If_None_Match=known).status, 304)
        answer = client("GET", f"{FILES}/m.onnx", Range="bytes=8-", If_Range=known)
        self.assertEqual((answer.status, answer.text), (206, "89"))
        answer = client("GET", f"{FILES}/m.onnx", Range="bytes=8-", If_Range='"other"')
        self.assertEqual((answer.status, answer.text), (200, "0123456789"))
        self.assertEqual(client("GET", f"{FILES}/m.onnx", Range="bytes=10-").status, 416)
        for path in ("other", "manifest.yaml", "../" + FIRST + "/m.onnx"):
            self.assertEqual(client("GET", f"{FILES}/{path}").status, 404, path)

    def test_an_entry_that_is_there_learns_its_date(self):
        client = self.start()
        self.register(client, "face", 3)
        self.upload(client, 3, "m.onnx", b"two")
        self.seal(client, 3, SECOND)
        self.assertEqual(client("GET", f"{MODELS}/face/3").json["date"], SECOND)

    def test_what_is_sealed_stays(self):
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.assert_problem(self.upload(client, 3, "m.onnx", b"other"), 409, "sealed")
        client = self.client()
        answer = client("POST", f"{FILES}/commit", {"date": "2026-03-03"})
        self.assert_problem(answer, 409, "sealed already, as 2026-02-02")
        self.assertEqual((self.models / "face" / SECOND / "m.onnx").read_bytes(), b"two")

    def test_a_day_that_has_another_version(self):
        client = self.start()
        self.upload(client, 3, "m.onnx", b"two")
        self.assert_problem(client("POST", f"{FILES}/commit", {"date": FIRST}), 409, "m.onnx")
        self.seal(client, 3, SECOND)

    def test_nothing_half(self):
        client = self.start()
        self.assert_problem(client("POST", f"{FILES}/commit", {}), 404, "no files of face 3")
        self.upload(client, 3, "m", b"one", Content_Range="bytes 0-2/6")
        self.assert_problem(client("POST", f"{FILES}/commit", {}), 503, "not whole")
        self.assertEqual(client("DELETE", FILES).status, 204)
        self.assertEqual(client("DELETE", FILES).status, 204)
        self.assertEqual(client("HEAD", f"{FILES}/m").status, 404)

    def test_bodies_that_are_wrong(self):
        client = self.start()
        self.upload(client, 3, "m", b"x")
        for body, status in (("{", 400), ({"date": "2.2.2026"}, 422), ({"note": 3}, 422)):
            self.assertEqual(client("POST", f"{FILES}/commit", body).status, status, body)
        answer = client("POST", MODELS, {"model_name": "face", "version": 3, "path": "p",
                                         "date": "2020-01-01"})
        self.assert_problem(answer, 422, fields=["date"])

    def test_an_entry_with_a_path_alone_has_no_files(self):
        client = self.start()
        self.register(client, "face", 3)
        self.assert_problem(client("GET", FILES), 404, "has no files here")

    def test_a_store_without_a_site(self):
        self.settings["site"] = {"store": str(self.site / "store")}
        client = self.start()
        self.add_version(client, 3, SECOND)
        self.assertEqual(client("PUT", f"{MODELS}/face/3/activate").status, 200)
        self.assertEqual(self.commits(), ["first"])
        self.assertEqual(client("GET", f"{FILES}/m.onnx").text, "two")

    def test_without_a_store_there_are_no_files(self):
        del self.settings["site"]
        client = self.start()
        self.assertEqual(client("GET", FILES).status, 404)
        answer = client("POST", MODELS, {"model_name": "face", "version": 3, "path": "p",
                                         "date": FIRST})
        self.assert_problem(answer, 422, fields=["date"])
        self.assertNotIn("putFile", client("GET", "/openapi.json").text)

    def test_the_document_tells_of_them(self):
        document = self.start()("GET", "/openapi.json").json
        path = document["paths"][f"{MODELS}/{{model_name}}/{{version}}/files/{{path}}"]
        self.assertEqual(sorted(path), ["get", "put"])
        self.assertIn("File", document["components"]["schemas"])


class ClientTest(SiteCase):
    def make_files(self):
        self.content = os.urandom(20_000_000)
        (self.site / "out/sub").mkdir(parents=True)
        (self.site / "out/model.onnx").write_bytes(self.content)
        (self.site / "out/sub/labels.txt").write_text("cat\n")
        (self.site / "out/empty").touch()
        (self.site / "out/link.txt").symlink_to("sub/labels.txt")

    def test_from_files_to_production_and_back(self):
        client = self.start()
        self.make_files()
        out = self.registry("register", "face", "3", "face/model.onnx", "--files", "out", "--date",
                            SECOND, "--note", "winter", "--metadata",
                            '{"metrics": {"accuracy": 0.78, "latency_ms": 30}}').stdout
        self.assertIn("face 3: 4 files, 20.0 MB, 20.0 MB sent; version 2026-02-02", out)
        self.assertIn("note: winter", self.manifest(SECOND))
        done = self.registry("activate", "face", "3", "--require", "accuracy>=0.8", "--require",
                             "latency_ms < 30", "--require", "f1>0", code=1)
        for part in ("accuracy is 0.78, required >= 0.8", "latency_ms is 30, required < 30",
                     "f1 is not there", "nothing was changed"):
            self.assertIn(part, done.stderr)
        self.assertEqual(self.production(client), 1)
        self.registry("activate", "face", "3", "--require", "accuracy>=0.78", "--require",
                      "latency_ms==30", "--require", "latency_ms!=29", "--require",
                      "latency_ms<=30")
        self.assertEqual(self.registry("production", "face").stdout, "face/model.onnx\n")
        out = self.registry("pull", "face", "--to", "got").stdout
        self.assertIn("4 files in got, 20.0 MB received", out)
        self.assertEqual((self.site / "got/model.onnx").read_bytes(), self.content)
        self.assertEqual((self.site / "got/link.txt").read_text(), "cat\n")
        (self.site / "got/sub/labels.txt").write_text("dog\n")
        self.assertIn("4 B received", self.registry("pull", "face", "3", "--to", "got").stdout)
        self.assertEqual((self.site / "got/sub/labels.txt").read_text(), "cat\n")

    def test_what_came_before_a_cut_is_not_sent_again(self):
        client = self.start()
        self.make_files()
        half = 12_000_000
        self.upload(client, 3, "model.onnx", self.content[:half],
                    Content_Range=f"bytes 0-{half - 1}/{len(self.content)}")
        self.upload(client, 3, "sub/labels.txt", b"cat\n")
        out = self.registry("register", "face", "3", "p", "--files", "out", "--date",
                            SECOND).stdout
        self.assertIn("20.0 MB, 8.0 MB sent", out)
        self.assertEqual((self.models / "face" / SECOND / "model.onnx").read_bytes(), self.content)

    def test_a_part_of_something_else_is_sent_anew(self):
        client = self.start()
        self.make_files()
        self.upload(client, 3, "model.onnx", b"x" * 1000,
                    Content_Range=f"bytes 0-999/{len(self.content)}")
        self.registry("register", "face", "3", "p", "--files", "out", "--date", SECOND)
        self.assertEqual((self.models / "face" / SECOND / "model.onnx").read_bytes(), self.content)

    def test_what_is_registered_is_not_sent(self):
        client = self.start()
        self.register(client, "face", 3)
        done = self.registry("register", "face", "3", "p", "--files", str(self.file), code=1)
        self.assertIn("is registered already", done.stderr)
        self.assertEqual(client("GET", f"{FILES}/model_registry.yaml").status, 404)

    def test_a_version_of_the_store_by_its_date(self):
        client = self.start()
        self.registry("register", "face", "3", "p", "--date", FIRST)
        self.assertEqual(client("GET", f"{MODELS}/face/3").json["date"], FIRST)
        done = self.registry("register", "face", "4", "p", "--date", "2020-01-01", code=1)
        self.assertIn("422", done.stderr)

    def test_keys(self):
        sha = hashlib.sha256(b"open sesame".replace(b" ", b"-")).hexdigest()
        self.settings["access"] = {"keys": [{"name": "ci", "sha256": sha, "role": "write"}]}
        self.start()
        self.write(self.site / "key", "open-sesame\n")
        self.assertIn("401", self.registry("list", code=1).stderr)
        self.registry("list", "--key-file", "key")
        self.registry("list", environment={"MODELFLEET_REGISTRY_KEY": "open-sesame"})
        self.registry("list", environment={"MODELFLEET_REGISTRY_KEY_FILE": "key"})
        done = self.registry("list", code=1, environment={"MODELFLEET_REGISTRY_KEY": "wrong-one"})
        self.assertNotIn("wrong-one", done.stderr)

    def test_no_production_model(self):
        self.settings["site"] = {"store": str(self.site / "store")}
        self.start()
        done = self.registry("production", "face", code=1)
        self.assertEqual(done.stderr, "No production model found in registry!\n")


if __name__ == "__main__":
    unittest.main()
