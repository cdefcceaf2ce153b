# SPDX-License-Identifier: Apache-2.0
"""What model-sync-agent asks of MLflow, answered as MLflow 3 does, with faults on request."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that was killed is no error of the server."""


class Registry:
    """Models with versions, each a run with files; an alias for each model."""

    def __init__(self):
        self.versions = {}  # (name, version): {path: content}
        self.tags = {}      # (name, version): {key: value}
        self.aliases = {}   # (name, alias): version
        self.runs = {}      # (name, version): another run than that of its name
        self.faults = []    # of the next downloads: functions (handler, content)
        self.asked = []     # paths of all requests
        self.away = False   # connections are cut without an answer
        self.server = None

    def publish(self, name, files, alias="champion", tags=None):
        version = sum(1 for known, _ in self.versions if known == name) + 1
        self.versions[name, version] = files
        self.tags[name, version] = tags or {}
        self.aliases[name, alias] = version
        return version

    def start(self, address="127.0.0.1"):
        registry = self

        class Bound(Handler):
            pass

        Bound.registry = registry
        self.server = Server((address, 0), Bound)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        address, port = self.server.server_address
        return f"http://{address}:{port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def cut_at(size):
    """Half of an answer: the connection ends after so many bytes."""
    def fault(handler, content):
        handler.begin(200, "application/octet-stream", len(content))
        handler.wfile.write(content[:size])
        handler.close_connection = True
    return fault


def html(handler, _content):
    handler.send(200, "text/html", b"<!doctype html><title>proxy</title>")


def status(code):
    def fault(handler, _content):
        handler.send(code, "text/plain", b"not now\n")
    return fault


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and its body are two writes
    registry = None

    def log_message(self, *_):
        pass

    def begin(self, code, kind, length, headers=()):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def send(self, code, kind, content, headers=()):
        self.begin(code, kind, len(content), headers)
        self.wfile.write(content)

    def answer(self, value, code=200):
        self.send(code, "application/json", json.dumps(value).encode())

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0]
                 for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if self.registry.away:
            self.close_connection = True
            return
        self.registry.asked.append(url.path)
        calls = {
            "/api/2.0/mlflow/registered-models/alias": self.alias,
            "/api/2.0/mlflow/registered-models/get-latest-versions": self.latest,
            "/api/2.0/mlflow/model-versions/get": self.version,
            "/api/2.0/mlflow/model-versions/get-download-uri": self.download_uri,
            "/api/2.0/mlflow-artifacts/artifacts": self.artifacts,
            "/model-versions/get-artifact": self.artifact,
        }
        if url.path in calls:
            calls[url.path](query)
        else:
            self.answer({"error_code": "ENDPOINT_NOT_FOUND"}, 404)

    def described(self, name, version):
        tags = self.registry.tags[name, version]
        run = self.registry.runs.get((name, version), f"run-{name}-{version}")
        return {"name": name, "version": str(version), "run_id": run,
                "source": f"models:/m-{version}", "status": "READY",
                "tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def alias(self, query):
        version = self.registry.aliases.get((query["name"], query["alias"]))
        if version is None:
            self.answer({"error_code": "INVALID_PARAMETER_VALUE",
                         "message": f"Registered model alias {query['alias']} not found."}, 400)
        else:
            self.answer({"model_version": self.described(query["name"], version)})

    def latest(self, query):
        version = self.registry.aliases.get((query["name"], query["stages"]))
        self.answer({"model_versions": [self.described(query["name"], version)]}
                    if version else {})

    def version(self, query):
        name, version = query["name"], query["version"]
        if version.isdecimal() and (name, int(version)) in self.registry.versions:
            self.answer({"model_version": self.described(name, int(version))})
        else:
            self.answer({"error_code": "RESOURCE_DOES_NOT_EXIST",
                         "message": f"Model Version (name={name}, version={version}) not found"},
                        404)

    def download_uri(self, query):
        self.answer({"artifact_uri": f"mlflow-artifacts:/{query['name']}/{query['version']}"})

    def artifacts(self, query):
        name, version, *rest = query["path"].split("/")
        below = "/".join(rest) + "/" if rest else ""
        files, directories = [], set()
        for path, content in self.registry.versions[name, int(version)].items():
            if not path.startswith(below):
                continue
            first, *more = path[len(below):].split("/")
            if more:
                directories.add(first)
            else:
                files.append({"path": first, "is_dir": False, "file_size": len(content)})
        files += [{"path": found, "is_dir": True} for found in sorted(directories)]
        self.answer({"files": files})

    def artifact(self, query):
        content = self.registry.versions[query["name"], int(query["version"])].get(query["path"])
        if content is None:
            self.send(500, "text/html", b"<html>Internal Server Error")
        elif self.registry.faults:
            self.registry.faults.pop(0)(self, content)
        else:
            self.ranged(content)

    def ranged(self, content):
        """An ETag that is another one each time, as for stores in S3."""
        tag = ("ETag", f'"{len(self.registry.asked)}"')
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if not wanted:
            self.send(200, "application/octet-stream", content, [tag])
        elif start >= len(content):
            self.send(416, "text/plain", b"", [("Content-Range", f"bytes */{len(content)}")])
        else:
            told = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send(206, "application/octet-stream", content[start:],
                      [tag, ("Content-Range", told)])
