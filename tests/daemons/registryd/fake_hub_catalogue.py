# SPDX-License-Identifier: Apache-2.0
"""The Hugging Face Hub's list of models, as far as a catalogue asks for it.

    hub = CatalogueHub(token="secret")
    hub.add("google/mobilenet", tags=["tflite", "license:apache-2.0"])
    ... hub.url ...
    hub.stop()

Lists are filtered by tag, and go on at a cursor in the header Link. `troubles` is what the next
requests get instead of their answer: a status with headers, "cut", a text, or a function.
"""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

FIELDS = {"sha", "lastModified", "createdAt", "tags", "pipeline_tag", "library_name", "private",
          "gated", "disabled", "downloads", "likes", "cardData", "siblings"}


def commit(text):
    return hashlib.sha1(text.encode()).hexdigest()


class Raw(bytes):
    """An entry of a list as it is, JSON or not."""


class Generated:
    """Models that are made when they are asked for."""

    def __init__(self, count, revision=0):
        self.count, self.revision = count, revision

    def __len__(self):
        return self.count

    def __getitem__(self, wanted):
        return [self.make(i) for i in range(self.count)[wanted]]

    def make(self, i):
        tasks = ("image-classification", "object-detection", "text-generation", "audio-to-audio")
        licenses = ("apache-2.0", "mit", "gemma", "cc-by-nc-4.0", "unheard-of")
        return {"id": f"owner{i % 1000}/model-{i}", "sha": commit(f"{i} {self.revision}"),
                "lastModified": "2026-01-02T03:04:05.000Z",
                "createdAt": "2025-01-02T03:04:05.000Z",
                "tags": ["tflite", f"license:{licenses[i % 5]}", f"base{i % 50}", "region:us",
                         f"arxiv:{i % 4000}"],
                "pipeline_tag": tasks[i % 4], "library_name": "tflite", "private": False,
                "gated": False, "disabled": False, "downloads": i * 7 % 1000003, "likes": i % 89,
                "cardData": {"license": licenses[i % 5], "language": ["en"] * 20}}


class CatalogueHub:
    def __init__(self, token=None):
        self.token = token
        self.models = []
        self.generated = Generated(0)
        self.troubles = []
        self.requests = []   # (path, query, headers)
        self.page_max = 1000
        self.held = threading.Event()  # cleared: answers wait
        self.held.set()
        self.waiting = threading.Event()
        self.link = lambda url: f"<{url}>; rel=\"next\""
        handler = type("Bound", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def add(self, name, tags=("tflite",), **fields):
        self.models.append({"id": name, "sha": commit(name), "private": False, "gated": False,
                            "lastModified": "2026-01-02T03:04:05.000Z", "disabled": False,
                            "createdAt": "2025-01-02T03:04:05.000Z", "tags": list(tags),
                            "downloads": 5, "likes": 1, "pipeline_tag": "image-classification",
                            "library_name": "tflite", "cardData": {}, **fields})
        return self.models[-1]

    def add_raw(self, text, tag="tflite"):
        raw = Raw(text)
        raw.tag = tag
        self.models.append(raw)

    def remove(self, name):
        self.models = [m for m in self.models if isinstance(m, Raw) or m.get("id") != name]

    def of_tag(self, tag):
        def has(model):
            if isinstance(model, Raw):
                return model.tag == tag
            return isinstance(model.get("tags"), list) and tag in model["tags"]

        if len(self.generated):
            return self.generated if tag == "tflite" else []
        return [m for m in self.models if has(m)]

    def asked(self):
        return [query.get("filter", ["?"])[0] for _, query, _ in self.requests]

    def stop(self):
        self.held.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def send(self, code, content=b"", headers=()):
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        # Who has enough goes away.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.hub.requests.append((url.path, query, dict(self.headers)))
        self.hub.waiting.set()
        self.hub.held.wait(60)
        if self.hub.troubles:
            trouble = self.hub.troubles.pop(0)
            if trouble is not None:
                self.be_trouble(trouble)
                return
        if url.path != "/api/models":
            self.send(404, b'{"error": "Not Found"}')
        elif self.hub.token and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self.send(401, b'{"error": "Invalid credentials"}')
        elif not set(query.get("expand", [])) <= FIELDS:
            self.send(400, b'{"error": "Unknown expand"}')
        else:
            self.list(query)

    def be_trouble(self, trouble):
        if trouble == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"[{")
            self.wfile.flush()
            self.close_connection = True
        elif callable(trouble):
            trouble(self)
        elif isinstance(trouble, bytes):
            self.send(200, trouble)
        else:
            code, headers = trouble
            self.send(code, b'{"error": "not now"}', headers)

    def list(self, query):
        models = self.hub.of_tag(query["filter"][0])
        start = int(query.get("cursor", ["0"])[0])
        limit = min(int(query.get("limit", ["1000"])[0]), self.hub.page_max)
        entries = [m if isinstance(m, Raw) else json.dumps(m).encode()
                   for m in models[start:start + limit]]
        more = []
        if start + limit < len(models):
            query["cursor"] = [str(start + limit)]
            more = [("Link", self.hub.link(
                f"{self.hub.url}/api/models?{urlencode(query, doseq=True)}"))]
        self.send(200, b"[" + b",".join(entries) + b"]", more)
