#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model of the catalogue becomes a version of the registry, and of the fleet."""

import hashlib
import json
import signal
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from registry_case import MODELS, PATIENCE
from site_case import FIRST, SECOND, SiteCase

REPOSITORY = "google/mobilenet"


class Hub:
    """One repository in a list, with revisions: {commit: {path: content}}."""

    def __init__(self):
        self.revisions = {}
        self.head = None
        self.lies = {}      # path: the SHA-256 that is listed for it
        self.cut = set()    # paths whose content ends in the middle, once
        self.hold = threading.Event()  # cleared: files wait
        self.hold.set()
        self.asked = threading.Event()
        self.fetched = []
        handler = type("Bound", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that went away
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def commit(self, **files):
        files = {name.replace("_dot_", "."): content for name, content in files.items()}
        self.head = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.revisions[self.head] = files
        return self.head

    def stop(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def send(self, code, content, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def give(self, value):
        self.send(200, json.dumps(value).encode())

    def do_GET(self):
        url = urlsplit(self.path)
        words = url.path.strip("/").split("/")
        if url.path == "/api/models":
            wanted = parse_qs(url.query).get("filter") == ["tflite"]
            self.give([{"id": REPOSITORY, "sha": self.hub.head, "private": False, "gated": False,
                        "lastModified": "2026-01-02T03:04:05.000Z", "disabled": False,
                        "createdAt": "2025-01-02T03:04:05.000Z", "downloads": 5, "likes": 1,
                        "tags": ["tflite", "license:apache-2.0"], "cardData": {},
                        "pipeline_tag": "image-classification"}] if wanted else [])
        elif words[:2] == ["api", "models"] and words[4] == "revision":
            known = words[5] if words[5] in self.hub.revisions else None
            known = self.hub.head if words[5] == "main" else known
            self.give({"sha": known}) if known else self.send(404, b"{}")
        elif words[:2] == ["api", "models"]:
            self.give([self.describe(path, content)
                       for path, content in self.hub.revisions[words[5]].items()])
        else:
            self.content(words[3], "/".join(words[4:]))

    def describe(self, path, content):
        sha = self.hub.lies.get(path, hashlib.sha256(content).hexdigest())
        return {"type": "file", "path": path, "size": len(content), "lfs": {"oid": sha}}

    def content(self, commit, path):
        self.hub.asked.set()
        self.hub.hold.wait(PATIENCE)
        content = self.hub.revisions[commit][path]
        self.hub.fetched.append(path)
        first = self.headers.get("Range", "bytes=0-")[6:-1]
        first = int(first)
        rest = content[first:]
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if path in self.hub.cut:
            self.hub.cut.remove(path)
            self.wfile.write(rest[:len(rest) // 2])
            self.close_connection = True
        else:
            self.wfile.write(rest)


class ImportTest(SiteCase):
    def setUp(self):
        super().setUp()
        self.hub = Hub()
        self.addCleanup(self.hub.stop)
        self.settings["catalogue"]["endpoint"] = self.hub.url
        self.hub.commit(model_dot_tflite=b"weights" * 1000, README_dot_md=b"# a card")

    def sync(self, client):
        answer = client("POST", "/sync/huggingface/litert")
        self.assertEqual((answer.status, answer.json["created"]), (200, 1), answer)
        return client("GET", "/models").json["models"][0]["id"]

    def bring(self, client, number, **body):
        return client("POST", f"/models/{number}/versions", {"date": SECOND, **body})

    def test_from_the_catalogue_to_the_fleet(self):
        commit = self.hub.head
        client = self.start()
        number = self.sync(client)
        answer = self.bring(client, number, name="face", note="from the Hub")
        self.assertEqual(answer.status, 201, answer)
        entry = answer.json
        self.assertEqual((entry["model_name"], entry["version"], entry["status"], entry["date"]),
                         ("face", 2, "staging", SECOND))
        self.assertEqual(entry["path"], str(self.models / "face" / SECOND))
        self.assertEqual(entry["metadata"]["source"],
                         {"hf_model_id": REPOSITORY, "revision": commit, "license": "apache-2.0"})
        self.assertEqual((self.models / "face" / SECOND / "model.tflite").read_bytes(),
                         b"weights" * 1000)
        self.assertIn("note: from the Hub", self.manifest(SECOND))
        self.assertEqual(client("PUT", f"{MODELS}/face/2/activate").status, 200)
        self.run_program("deploy-models", "-i", str(self.inventory))
        self.assertTrue((self.site / "h0/face" / SECOND / "README.md").exists())

    def test_the_revision_that_the_catalogue_has_seen(self):
        first = self.hub.head
        client = self.start()
        number = self.sync(client)
        second = self.hub.commit(model_dot_tflite=b"newer")
        entry = self.bring(client, number).json
        self.assertEqual(entry["model_name"], "google--mobilenet")
        self.assertEqual(entry["metadata"]["source"]["revision"], first)
        entry = self.bring(client, number, revision=second, date="2026-02-04").json
        self.assertEqual((entry["version"], entry["metadata"]["source"]["revision"]), (2, second))
        self.assertEqual(self.bring(client, number, revision="0" * 40).status, 502)

    def test_content_that_is_not_what_the_hub_lists(self):
        self.hub.lies["model.tflite"] = "00" * 32
        client = self.start()
        number = self.sync(client)
        self.assertEqual(self.bring(client, number).status, 502)
        self.assertEqual(client("GET", f"{MODELS}?model_name=google--mobilenet").json["models"], [])
        self.assertFalse((self.models / "google--mobilenet").exists())
        self.hub.lies.clear()
        self.assertEqual(self.bring(client, number).status, 201)

    def test_a_cut_goes_on(self):
        self.hub.cut.add("model.tflite")
        client = self.start()
        self.assertEqual(self.bring(client, self.sync(client)).status, 201)
        self.assertEqual(self.hub.fetched.count("model.tflite"), 2)
        self.assertEqual((self.models / "google--mobilenet" / SECOND / "model.tflite").read_bytes(),
                         b"weights" * 1000)

    def test_what_was_brought_is_not_brought_again(self):
        client = self.start()
        number = self.sync(client)
        self.assertEqual(self.bring(client, number, name="face", date=FIRST).status, 409)
        self.hub.fetched.clear()
        self.assertEqual(self.bring(client, number, name="face").status, 201)
        self.assertEqual(self.hub.fetched, [])

    def test_files_of_somebody_else_are_left_alone(self):
        client = self.start()
        number = self.sync(client)
        self.upload(client, 2, "mine", b"x")
        self.assert_problem(self.bring(client, number, name="face"), 409, "other files")
        self.assertEqual(client("DELETE", f"{MODELS}/face/2/files").status, 204)
        self.assertEqual(self.bring(client, number, name="face").status, 201)

    def test_wrong_requests(self):
        client = self.start()
        number = self.sync(client)
        self.assert_problem(self.bring(client, number, name="../face"), 422, fields=["name"])
        self.assert_problem(self.bring(client, number, date="today"), 422, fields=["date"])
        self.assert_problem(self.bring(client, number, revision=3), 422, fields=["revision"])
        self.assertEqual(self.bring(client, number + 1).status, 404)
        self.assertEqual(self.bring(client, "x").status, 404)
        path = f"/models/{number}/versions"
        self.assertEqual(client("POST", path, "{").status, 400)
        self.assertEqual(self.hub.fetched, [])

    def test_a_hub_that_is_away(self):
        client = self.start()
        number = self.sync(client)
        self.hub.stop()
        self.assertEqual(self.bring(client, number).status, 502)

    def test_a_stop_ends_an_import(self):
        client = self.start()
        number = self.sync(client)
        self.hub.hold.clear()
        thread = threading.Thread(target=self.bring, args=(self.client(), number), daemon=True)
        thread.start()
        self.assertTrue(self.hub.asked.wait(PATIENCE))
        self.assertEqual(self.stop(signal.SIGTERM), 0)
        thread.join(PATIENCE)


if __name__ == "__main__":
    unittest.main()
