# SPDX-License-Identifier: Apache-2.0
"""A proxy that stands between an agent and its registry, and spoils answers on request."""

import contextlib
import gzip
import http.client
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PIECE = 1 << 16


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up is what many faults are about."""


class Proxy:
    """Forwards to a server; the next answers to paths that hold a word are spoiled."""

    def __init__(self, upstream):
        self.upstream = urlsplit(upstream).netloc
        self.faults = []  # (word of the path, fault): each is used once
        self.always = []  # (word of the path, fault)
        self.seen = []    # (path, headers) of all requests
        self.ended = threading.Event()
        self.lock = threading.Lock()
        handler = type("Bound", (Handler,), {"proxy": self})
        self.server = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def spoil(self, word, *faults):
        self.faults += [(word, fault) for fault in faults]

    def fault_for(self, path):
        with self.lock:
            for index, (word, fault) in enumerate(self.faults):
                if word in path:
                    del self.faults[index]
                    return fault
        return next((fault for word, fault in self.always if word in path), forward)

    def ranges(self):
        return [headers["Range"] for _, headers in self.seen if "Range" in headers]

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a head and its body are two writes
    proxy = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.proxy.seen.append((self.path, dict(self.headers)))
        fault = self.proxy.fault_for(self.path)
        with contextlib.suppress(ConnectionError):
            fault(self)

    def ask(self, without=()):
        """(status, headers, body) of the server's own answer."""
        connection = http.client.HTTPConnection(self.proxy.upstream)
        headers = {name: value for name, value in self.headers.items()
                   if name not in ("Host", "Connection", *without)}
        connection.request("GET", self.path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        kept = [(name, value) for name, value in response.getheaders()
                if name not in ("Content-Length", "Server", "Date", "Connection")]
        return response.status, kept, body

    def begin(self, status, headers, length):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def send(self, status, headers, body):
        self.begin(status, headers, len(body))
        self.wfile.write(body)

    def hang_up(self):
        self.close_connection = True


def forward(handler):
    handler.send(*handler.ask())


def cut(size):
    """The connection ends after so many bytes of the body."""
    def fault(handler):
        status, headers, body = handler.ask()
        handler.begin(status, headers, len(body))
        handler.wfile.write(body[:size])
        handler.hang_up()
    return fault


def stall(size):
    """Nothing comes after so many bytes, and the connection stays."""
    def fault(handler):
        status, headers, body = handler.ask()
        handler.begin(status, headers, len(body))
        handler.wfile.write(body[:size])
        wait_for_hang_up(handler, None)
    return fault


def trickle(handler):
    """A byte now and then, for as long as the client wants."""
    status, headers, body = handler.ask()
    handler.begin(status, headers, len(body))
    wait_for_hang_up(handler, body)


def wait_for_hang_up(handler, body):
    handler.connection.settimeout(0.1)
    at = 0
    while not handler.proxy.ended.is_set():
        try:
            if not handler.connection.recv(1):
                break
        except TimeoutError:
            if body:
                handler.connection.sendall(body[at:at + 1])
                at += 1
    handler.hang_up()


def length(difference):
    """A Content-Length that is not the body's."""
    def fault(handler):
        status, headers, body = handler.ask()
        handler.begin(status, headers, len(body) + difference)
        handler.wfile.write(body)
        handler.hang_up()
    return fault


def page(status=200, text=b"<!doctype html><title>Log in to this network</title>"):
    def fault(handler):
        handler.send(status, [("Content-Type", "text/html")], text)
    return fault


def half_json(handler):
    status, headers, body = handler.ask()
    handler.send(status, headers, body[:len(body) // 2])


def other_json(value):
    def fault(handler):
        handler.send(200, [("Content-Type", "application/json")], json.dumps(value).encode())
    return fault


def busy(status, *headers):
    def fault(handler):
        handler.send(status, list(headers), b"later\n")
    return fault


def redirect(url):
    def fault(handler):
        handler.send(302, [("Location", url + handler.path)], b"")
    return fault


def without_ranges(handler):
    """The whole, whatever part was asked for."""
    handler.send(*handler.ask(without=("Range", "If-Range")))


def other_range(handler):
    """A part that begins elsewhere."""
    _, headers, body = handler.ask(without=("Range", "If-Range"))
    handler.send(206, [*headers, ("Content-Range", f"bytes 1-{len(body) - 1}/{len(body)}")],
                 body[1:])


def unasked_range(handler):
    """A part, though all was asked for."""
    _, headers, body = handler.ask()
    handler.send(206, [*headers, ("Content-Range", f"bytes 0-{len(body) - 1}/{len(body)}")], body)


def nothing_more(handler):
    """There is nothing in this file, and so no such range."""
    handler.send(416, [("Content-Range", "bytes */0")], b"")


def other_size(handler):
    """The part that was asked for, of something larger."""
    status, headers, body = handler.ask()
    wrong = [(name, value + "0" if name == "Content-Range" else value) for name, value in headers]
    handler.send(status, wrong, body)


def large_headers(handler):
    status, headers, body = handler.ask()
    handler.send(status, [*headers, *((f"X-{n}", "x" * 8000) for n in range(100))], body)


def endless(handler):
    """A body of which no length is told, and that has no end."""
    handler.begin(200, [("Transfer-Encoding", "chunked")], None)
    piece = f"{PIECE:x}\r\n".encode() + bytes(PIECE) + b"\r\n"
    while not handler.proxy.ended.is_set():
        handler.wfile.write(piece)


def bomb(handler):
    """A megabyte that says it is a gigabyte, compressed; nobody has asked for compression."""
    content = gzip.compress(bytes(1 << 24)) * 64  # members one after the other
    handler.send(200, [("Content-Encoding", "gzip")], content)


def reset(handler):
    """The connection is reset before a byte of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.hang_up()


def no_http(handler):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    handler.hang_up()
