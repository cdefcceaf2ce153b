#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions' files in an S3 store: uploaded, sealed, given out by URLs of the store's."""

import hashlib
import os
import unittest
import urllib.parse

from registry_case import MODELS
from s3_case import DATE, S3Case, etag, repr_digest
from s3_relay import S3Relay, says


class UploadTest(S3Case):
    def test_a_file_and_what_is_there_of_it(self):
        client = self.start()
        answer = self.upload(client, "sub/m+%C3%A4%20b.onnx", b"weights", Repr_Digest=repr_digest(b"weights"))
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json, {"path": "sub/m+ä b.onnx", "size": 7,
                                       "sha256": hashlib.sha256(b"weights").hexdigest()})
        self.assertEqual(answer.headers["Repr-Digest"], repr_digest(b"weights"))
        self.assertEqual(self.keys(), ["face/3/sub/m+ä b.onnx"])
        answer = client("HEAD", f"{self.files()}/sub/m+%C3%A4%20b.onnx")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["ETag"], etag(b"weights"))
        self.assertEqual(answer.headers["Content-Length"], "7")
        self.assertEqual(self.fetch(self.location(client, "sub/m+%C3%A4%20b.onnx")), (200, b"weights"))
        self.assertEqual(list(self.spool.iterdir()), [])

    def test_content_that_is_not_what_was_meant(self):
        client = self.start()
        answer = self.upload(client, "m", b"weights", Repr_Digest=repr_digest(b"others"))
        self.assert_problem(answer, 422, "SHA-256 is", "send it anew")
        self.assertEqual(client("GET", f"{self.files()}/m").status, 404)
        self.assertEqual(self.keys(), [])

    def test_the_same_again_and_something_else(self):
        client = self.start()
        self.add(client, "m", b"one")
        self.add(client, "m", b"one")
        self.assert_problem(self.upload(client, "m", b"two"), 409, "other content was uploaded", "drop")
        self.assertEqual(client("DELETE", self.files()).status, 204)
        self.add(client, "m", b"two")
        self.assertEqual(self.fetch(self.location(client, "m")), (200, b"two"))

    def test_a_part_is_refused_with_a_remedy(self):
        client = self.start()
        answer = self.upload(client, "m", b"one", Content_Range="bytes 0-2/6")
        self.assert_problem(answer, 501, "without Content-Range")

    def test_a_file_of_some_size(self):
        client = self.start()
        content = os.urandom(30_000_000)
        self.add(client, "m", content)
        status, got = self.fetch(self.location(client, "m"))
        self.assertEqual((status, hashlib.sha256(got).digest()), (200, hashlib.sha256(content).digest()))

    def test_limits(self):
        self.settings["site"].update(max_bytes=10, max_files=2)
        client = self.start()
        self.assert_problem(self.upload(client, "a", b"eleven byte"), 413, "10")
        client = self.client()
        for name in "abc":
            self.add(client, name, b"x")
        self.assert_problem(self.commit(client), 413, "more than 2 files")

    def test_names_that_leave_the_version(self):
        client = self.start()
        for path in ("../m", "..%2F..%2Fm", "a/../../m", "manifest.yaml", "a%00b", "a%0ab"):
            self.assertIn(self.upload(client, path, b"x").status, (400, 404, 422), path)
        self.assertEqual(self.keys(), [])


class SealTest(S3Case):
    def test_a_version_of_the_store(self):
        client = self.start()
        self.add(client, "m.onnx", b"two")
        self.add(client, "sub/labels.txt", b"cat")
        self.assertEqual(client("GET", self.files()).status, 404)
        self.assertEqual(self.seal(client, note="winter"), {
            "model_name": "face", "version": 3, "date": DATE, "outcome": "made", "files": 2, "bytes": 6})
        self.assertEqual(self.keys(), ["face/3/m.onnx", "face/3/manifest.yaml", "face/3/sub/labels.txt"])
        manifest = (self.objects / "face/3/manifest.yaml").read_text()
        for line in ("model: face\n", f"version: '{DATE}'\n", "note: winter\n", "path: sub/labels.txt"):
            self.assertIn(line, manifest)
        entry = self.register(client, "face", 3, date=DATE).json
        self.assertEqual(entry["date"], DATE)
        self.assertEqual(client("GET", self.files()).json["files"], [
            {"path": "m.onnx", "size": 3, "sha256": hashlib.sha256(b"two").hexdigest()},
            {"path": "sub/labels.txt", "size": 3, "sha256": hashlib.sha256(b"cat").hexdigest()}])
        self.assertEqual(client("PUT", f"{MODELS}/face/3/activate").status, 200)

    def test_commits_again(self):
        client = self.start()
        self.add(client, "m", b"two")
        self.assertEqual(self.seal(client)["outcome"], "made")
        before = (self.objects / "face/3/manifest.yaml").read_bytes()
        self.assertEqual(self.seal(client)["outcome"], "there")
        self.assert_problem(self.commit(client, date="2026-03-03"), 409, f"sealed already, as {DATE}")
        self.assertEqual((self.objects / "face/3/manifest.yaml").read_bytes(), before)
        self.register(client, "face", 3, date=DATE)
        self.assert_problem(self.commit(client), 409, "sealed already")

    def test_what_is_sealed_stays(self):
        client = self.start()
        self.add(client, "m", b"two")
        self.seal(client)
        for path, content in (("m", b"other"), ("new", b"x")):
            self.assert_problem(self.upload(client, path, content), 409, "is sealed")
        self.assertEqual(client("DELETE", self.files()).status, 204)
        self.assertEqual(self.keys(), ["face/3/m", "face/3/manifest.yaml"])
        self.assertEqual((self.objects / "face/3/m").read_bytes(), b"two")

    def test_nothing_to_seal(self):
        client = self.start()
        self.assert_problem(self.commit(client), 404, "no files of face 3")
        self.add(client, "m", b"x")
        self.assertEqual(client("DELETE", self.files()).status, 204)
        self.assertEqual(client("DELETE", self.files()).status, 204)
        self.assertEqual(self.keys(), [])
        self.assert_problem(self.commit(client), 404, "no files of face 3")

    def test_what_somebody_else_put_there(self):
        client = self.start()
        self.add(client, "m", b"x")
        (self.objects / "face/3/stray").write_bytes(b"y")
        self.assert_problem(self.commit(client), 422, "was not uploaded by this service")

    def test_a_date_of_which_there_are_no_files(self):
        client = self.start()
        body = {"model_name": "face", "version": 3, "path": "p", "date": DATE}
        self.assert_problem(client("POST", MODELS, body), 422, fields=["date"])
        self.add(client, "m", b"x")
        self.seal(client)
        self.assert_problem(client("POST", MODELS, {**body, "date": "2026-03-03"}), 422, fields=["date"])
        self.assertEqual(client("POST", MODELS, body).status, 201)

    def test_an_entry_that_is_there_learns_its_date(self):
        client = self.start()
        self.register(client, "face", 3)
        self.add(client, "m", b"x")
        self.seal(client)
        self.assertEqual(client("GET", f"{MODELS}/face/3").json["date"], DATE)


class GiveTest(S3Case):
    def test_a_redirect_says_what_it_leads_to(self):
        client = self.start()
        self.add_version(client)
        answer = client("GET", f"{self.files()}/m.onnx")
        self.assertEqual(answer.status, 307)
        self.assertEqual(answer.headers["Repr-Digest"], repr_digest(b"0123456789"))
        self.assertEqual(answer.headers["ETag"], etag(b"0123456789"))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["Location"]).query)
        self.assertEqual(query["X-Amz-Expires"], ["300"])
        self.assertNotIn(self.gateway.SECRET, answer.headers["Location"])
        self.assertEqual(client("GET", f"{self.files()}/m.onnx", If_None_Match=etag(b"0123456789")).status, 304)
        answer = client("HEAD", f"{self.files()}/m.onnx")
        self.assertEqual((answer.status, answer.headers["Content-Length"]), (200, "10"))
        for path in ("other", "manifest.yaml", "../2/m.onnx"):
            self.assertEqual(client("GET", f"{self.files()}/{path}").status, 404, path)

    def test_the_url_gives_a_range_and_nothing_else(self):
        client = self.start()
        self.add_version(client)
        url = self.location(client, "m.onnx")
        self.assertEqual(self.fetch(url, Range="bytes=2-5"), (206, b"2345"))
        self.assertEqual(self.fetch(url.replace("m.onnx", "manifest.yaml"))[0], 403)
        self.assertEqual(self.fetch(url, method="DELETE")[0], 403)
        self.assertEqual(self.fetch(url.replace("X-Amz-Expires=300", "X-Amz-Expires=9999"))[0], 403)

    def test_through_the_service(self):
        self.settings["site"]["s3_redirect"] = False
        client = self.start()
        self.add_version(client)
        answer = client("GET", f"{self.files()}/m.onnx")
        self.assertEqual((answer.status, answer.text, answer.headers["ETag"]),
                         (200, "0123456789", etag(b"0123456789")))
        answer = client("GET", f"{self.files()}/m.onnx", Range="bytes=2-5")
        self.assertEqual((answer.status, answer.text, answer.headers["Content-Range"]),
                         (206, "2345", "bytes 2-5/10"))
        self.assertEqual(list(self.spool.iterdir()), [])


class CacheTest(S3Case):
    """What a sealed version has is asked of the store once."""

    def setUp(self):
        super().setUp()
        self.relay = S3Relay(self.gateway.port)
        self.addCleanup(self.relay.stop)
        self.settings["site"]["s3_endpoint"] = f"http://127.0.0.1:{self.relay.port}"

    def asked(self):
        return self.relay.count("GET", "/manifest.yaml?")

    def test_lists_and_files_ask_no_more(self):
        self.add_version(self.start())
        self.stop()
        client = self.start()
        before = self.asked()
        for _ in range(3):
            self.assertEqual(client("GET", self.files()).json["files"][0]["path"], "m.onnx")
            self.assertEqual(client("HEAD", f"{self.files()}/m.onnx").status, 200)
            self.assertEqual(self.fetch(self.location(client, "m.onnx")), (200, b"0123456789"))
        self.assertEqual(self.asked() - before, 1)

    def test_an_answer_that_failed_is_not_kept(self):
        self.add_version(self.start())
        self.stop()
        client = self.start()
        self.relay.spoil("GET manifest.yaml", says(403, "AccessDenied"))
        self.assertGreaterEqual(client("GET", self.files()).status, 400)
        self.assertEqual(client("GET", self.files()).status, 200)

    def test_a_new_entry_asks_the_store(self):
        client = self.start()
        self.add_version(client)
        self.assertEqual(client("GET", self.files()).status, 200)
        (self.objects / "face/3/manifest.yaml").unlink()
        self.assertEqual(client("DELETE", f"{MODELS}/face/3").status, 204)
        body = {"model_name": "face", "version": 3, "path": "p", "date": DATE}
        self.assert_problem(client("POST", MODELS, body), 422, fields=["date"])


if __name__ == "__main__":
    unittest.main()
