# SPDX-License-Identifier: Apache-2.0
"""What model-sync-agent asks of the Hugging Face Hub; large files lie on another server."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = 2  # entries on one page of a tree


class Hub:
    """Repositories with revisions; `files` is {commit: {path: content}}."""

    def __init__(self, token):
        self.token = token
        self.revisions = {}  # (repository, revision): commit
        self.files = {}
        self.seen_elsewhere = []  # headers that the other server got
        self.servers = []
        for handler in (HubHandler, StorageHandler):
            bound = type("Bound", (handler,), {"hub": self})
            server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)

    def url(self, index=0):
        # Another name is another origin, whatever the address.
        return f"http://{('127.0.0.1', 'localhost')[index]}:{self.servers[index].server_port}"

    def commit(self, repository, files, revision="main"):
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.revisions[repository, revision] = commit
        self.files[commit] = files
        return commit

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


class Changed(dict):
    """Files of a commit whose content, when it is fetched, is another one of the same size."""

    def __getitem__(self, path):
        return super().__getitem__(path)[:-1] + b"!"


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and its body are two writes
    hub = None

    def log_message(self, *_):
        pass

    def send(self, code, content, headers=()):
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def answer(self, value, headers=()):
        self.send(200, json.dumps(value).encode(), headers)


class HubHandler(Quiet):
    def do_GET(self):
        url = urlsplit(self.path)
        words = url.path.strip("/").split("/")
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self.send(401, b'{"error": "Repository not found"}')
        elif words[:2] == ["api", "models"] and words[4] == "revision":
            self.revision("/".join(words[2:4]), words[5])
        elif words[:2] == ["api", "models"] and words[4] == "tree":
            self.tree(words[5], int(parse_qs(url.query).get("cursor", ["0"])[0]))
        else:
            self.send(302, b"", [("Location", f"{self.hub.url(1)}/{'/'.join(words[3:])}")])

    def revision(self, repository, revision):
        commit = self.hub.revisions.get((repository, revision))
        if commit:
            self.answer({"sha": commit})
        else:
            self.send(404, b'{"error": "Invalid rev id"}')

    def tree(self, commit, start):
        entries = [{"type": "directory", "path": "weights", "size": 0}]
        entries += [{"type": "file", "path": path, "size": len(content),
                     "lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}}
                    for path, content in sorted(self.hub.files[commit].items())]
        more = []
        if start + PAGE < len(entries):
            more = [("Link", f"<{self.hub.url()}{urlsplit(self.path).path}?recursive=true"
                             f"&cursor={start + PAGE}>; rel=\"next\"")]
        self.answer(entries[start:start + PAGE], more)


class StorageHandler(Quiet):
    def do_GET(self):
        self.hub.seen_elsewhere.append(dict(self.headers))
        commit, path = self.path.strip("/").split("/", 1)
        self.send(200, self.hub.files[commit][path])
