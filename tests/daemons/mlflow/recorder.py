# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of one server that writes down what is asked and answered, and on how many
connections."""

import base64
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 20
# Of an answer, what a client of it goes by. The rest (dates, a server's name) differs every day.
KEPT = ("content-type", "content-length", "content-range", "etag", "www-authenticate")
# What concerns a connection, or is said anew.
HOPS = ("connection", "keep-alive", "transfer-encoding", "date", "server")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was ended is no error of the proxy."""


class Recorder:
    """exchanges: requests and answers, in their order; connections: how many clients opened."""

    def __init__(self, port, bodies=True):
        recorder = self

        class Bound(_Handler):
            pass

        Bound.recorder = recorder
        self.port = port
        self.bodies = bodies
        self.exchanges = []
        self.connections = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Bound)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self):
        """(exchanges, connections) since the last call."""
        with self._lock:
            taken = self.exchanges, self.connections
            self.exchanges, self.connections = [], 0
        return taken

    def opened(self):
        with self._lock:
            self.connections += 1

    def add(self, exchange):
        with self._lock:
            self.exchanges.append(exchange)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def body_text(body):
    """A body as JSON can hold it."""
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder = None

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.recorder.opened()

    def do_GET(self):
        upstream = http.client.HTTPConnection("127.0.0.1", self.recorder.port, timeout=600)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("host", *HOPS)}
        try:
            upstream.request("GET", self.path, headers=headers)
            self._pass(upstream.getresponse())
        finally:
            upstream.close()

    def _pass(self, answer):
        """Passes an answer on. The proxy ends a body without a length by ending the connection."""
        exchange = {"method": "GET", "target": self.path, "range": self.headers.get("Range"),
                    "status": answer.status,
                    "headers": {name: value for name, value in answer.getheaders()
                                if name.lower() in KEPT}}
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOPS:
                self.send_header(name, value)
        if not answer.getheader("Content-Length"):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        body = b""
        while piece := answer.read(PIECE):
            self.wfile.write(piece)
            if self.recorder.bodies:
                body += piece
        if self.recorder.bodies:
            exchange.update(body_text(body))
        self.recorder.add(exchange)
