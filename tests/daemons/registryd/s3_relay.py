# SPDX-License-Identifier: Apache-2.0
"""A relay between model-registryd and its S3 store: it counts what is asked, and spoils answers."""

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = b"<Error><Code>%s</Code></Error>"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that was killed hangs up."""


class S3Relay:
    """Requests whose line holds all words are answered by a fault instead, which is used once."""

    def __init__(self, port):
        self.store = port
        self.asked = []   # "METHOD PATH?QUERY"
        self.faults = []  # (words, fault)
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"relay": self}))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def spoil(self, words, *faults):
        self.faults += [(words.split(), fault) for fault in faults]

    def fault_for(self, line):
        with self.lock:
            self.asked.append(line)
            for index, (words, fault) in enumerate(self.faults):
                if all(word in line for word in words):
                    del self.faults[index]
                    return fault
        return forward

    def count(self, *words):
        """How many requests had all these words in their line."""
        with self.lock:
            return sum(all(word in line for word in words) for line in self.asked)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    relay = None

    def log_message(self, *_):
        pass

    def do_any(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with contextlib.suppress(ConnectionError):
            self.relay.fault_for(f"{self.command} {self.path}")(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any

    def ask(self):
        """(status, headers, body) of the store's answer; the name of the host is signed, and stays."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.relay.store)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name != "Connection":
                    connection.putheader(name, value)
            connection.endheaders(self.body)
            answer = connection.getresponse()
            body = answer.read()
        return answer.status, [(name, value) for name, value in answer.getheaders()
                               if name not in ("Transfer-Encoding", "Connection", "Date", "Server")], body

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in (name.lower() for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def forward(handler):
    handler.send(*handler.ask())


def says(status, code):
    """The store is not asked."""
    def fault(handler):
        handler.send(status, [], ERROR % code.encode())
    return fault


def loses_the_answer(handler):
    """The store does it, and nobody hears of it."""
    handler.ask()
    handler.close_connection = True


def cuts(handler):
    """The connection ends before the store has heard."""
    handler.close_connection = True


class Hold:
    """Nothing happens until the test says so; then the connection ends, and the store has not heard."""

    def __init__(self):
        self.reached = threading.Event()
        self.released = threading.Event()

    def __call__(self, handler):
        self.reached.set()
        self.released.wait()
        cuts(handler)
