#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server with the manners that clients meet. Prints its port, serves until its input ends.

usage: server.py [--tls CERT KEY | --unix PATH]
"""
import gzip
import io
import json
import os
import socketserver
import ssl
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FILE_SIZE = 300_000
FILE = bytes((i * 7 + i // 251) % 256 for i in range(FILE_SIZE))
seen = {}  # how often each path was asked for


def number(query, name, otherwise):
    return int(query.get(name, [otherwise])[0])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def address_string(self):
        return "peer"

    def answer(self, status, body=b"", headers=(), declared=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        length = len(body) if declared is None else declared
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self):
        self.wfile.flush()
        self.close_connection = True

    def handle_any(self):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        name = "do_" + url.path.strip("/").replace("/", "_").replace("-", "_").replace(".", "_")
        seen[self.path] = seen.get(self.path, 0) + 1
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = getattr(self, name, None)
        if method is None:
            self.answer(404, b"no such thing\n")
        else:
            method()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    def do_ok(self):
        self.answer(200, b"hello\n", [("X-Test", "a"), ("X-Test", "b"), ("x-empty", "")])

    def do_echo(self):
        said = {
            "method": self.command,
            "body": self.body.decode("latin-1"),
            "headers": {k.lower(): v for k, v in self.headers.items()},
        }
        self.answer(200, json.dumps(said, sort_keys=True).encode(),
                    [("Content-Type", "application/json")])

    def do_status(self):
        self.answer(number(self.query, "code", 200), b"as you wish\n")

    def do_redirect(self):
        body = b"x" * number(self.query, "size", 0)
        self.answer(number(self.query, "code", 302), body,
                    [("Location", self.query["to"][0])])

    # A store of S3's kind, as far as its errors go; /models is the bucket.

    def do_models(self):
        """Two pages of a list; of some keys they are not as they are to be."""
        page = self.query.get("continuation-token", ["1"])[0]
        more = "2&amp;" if page == "1" else ""
        key = self.query["prefix"][0].replace("/", "%2F") + page[0]
        if "elsewhere" in key:
            key = "other"
        objects = "" if "circle" in key and page == "1" else f"<Contents><Key>{key}</Key><Size>1</Size></Contents>"
        self.answer(200, (f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{objects}"
                          f"<NextContinuationToken>{more}</NextContinuationToken></ListBucketResult>").encode())

    def do_models_fleet_busy(self):
        """Is busy twice for each address: signatures differ, but paths do not."""
        path = urlsplit(self.path).path
        seen[path] = seen.get(path, 0) + 1
        self.answer(503 if seen[path] < 3 else 200, b"<Error><Code>SlowDown</Code></Error>")

    def do_models_fleet_always_busy(self):
        self.answer(503, b"<Error><Code>SlowDown</Code></Error>")

    def do_models_fleet_old(self):
        """Of a store that knows no conditions."""
        missing = self.command == "HEAD"
        self.answer(404 if missing else 501 if "if-none-match" in self.headers else 200)

    def do_models_fleet_crossed(self):
        self.answer(404 if self.command == "HEAD" else 412, b"<Error><Code>PreconditionFailed</Code></Error>")

    def do_models_fleet_met(self):
        """Of a store where two requests met: the second attempt is taken."""
        path = urlsplit(self.path).path
        seen[path] = seen.get(path, 0) + (self.command == "PUT")
        missing = self.command == "HEAD"
        self.answer(404 if missing else 409 if seen[path] < 2 else 200,
                    b"<Error><Code>ConditionalRequestConflict</Code></Error>")

    def do_models_fleet_met_for_ever(self):
        self.answer(404 if self.command == "HEAD" else 409, b"<Error><Code>OperationAborted</Code></Error>")

    def do_models_fleet_denied(self):
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    def do_models_fleet_there(self):
        self.answer(204 if self.command == "DELETE" else 200, b"" if self.command == "DELETE" else b"text")

    def do_models_fleet_moved(self):
        self.answer(307, b"", [("Location", "/ok")])

    def do_loop(self):
        self.answer(302, b"", [("Location", "/loop")])

    def do_slow(self):
        time.sleep(20)

    def do_stall(self):
        self.answer(200, b"ten bytes.", declared=100)
        self.wfile.flush()
        time.sleep(20)

    def do_cut(self):
        self.answer(200, b"x" * 1000, declared=100_000)
        self.cut()

    def do_silent(self):
        self.close_connection = True

    def do_headers(self):
        self.send_response(200)
        for i in range(90):
            self.send_header("X-Filler", "x" * number(self.query, "size", 5000))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_big(self):
        size = number(self.query, "size", 1000)
        self.send_response(200)
        if "declared" in self.query:
            self.send_header("Content-Length", str(size))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        try:
            for _ in range(0, size, 1000):
                self.wfile.write(b"x" * 1000)
        except OSError:
            self.close_connection = True

    def do_gzip(self):
        body = gzip.compress(b"a" * 1_000_000)
        self.answer(200, body, [("Content-Encoding", "gzip")])

    def do_auth(self):
        if self.headers.get("Authorization") == "Basic dXNlcjpzM2NyZXQ=":
            self.answer(200, b"welcome\n")
        else:
            self.answer(401, b"who?\n", [("WWW-Authenticate", 'Basic realm="test"')])

    def do_json(self):
        self.answer(200, b'{"name": "{{ 7 * 7 }}", "n": [1, 2]}',
                    [("Content-Type", "application/vnd.test+json; charset=utf-8"),
                     ("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2")])

    def do_named(self):
        self.answer(200, b"named\n",
                    [("Content-Disposition", 'attachment; filename="../../evil.txt"')])

    def do_tar(self):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            member = tarfile.TarInfo("packed.txt")
            member.size = len(FILE)
            archive.addfile(member, io.BytesIO(FILE))
        self.answer(200, packed.getvalue())

    def do_sums(self):
        import hashlib
        sums = "%s  other\n%s *file\n" % ("0" * 64, hashlib.sha256(FILE).hexdigest())
        self.answer(200, sums.encode())

    def do_seen(self):
        self.answer(200, str(seen.get(self.query["path"][0], 0)).encode())

    def do_file(self):
        """Ranges; ?cut=N ends the first answer after N bytes, with ?cuts=K the first K answers, and
        with ?stuck=K those behind the first K before any byte; ?etag=changing, ?etag=fickle;
        ?none=1; ?grow=1 has a byte more the second time; ?times=N repeats the content;
        ?unasked=1 gives all as a range."""
        tag = '"v1"'
        content = FILE
        first = seen[self.path] == 1
        if self.query.get("etag") == ["changing"] and not first:
            tag, content = '"v2"', FILE[::-1]
        if self.query.get("etag") == ["fickle"]:
            tag = f'"{seen[self.path]}"'
        content = content * number(self.query, "times", 1)
        if "grow" in self.query and not first:
            content = FILE[::-1] + b"x"
        headers = [] if "none" in self.query else [("ETag", tag), ("Accept-Ranges", "bytes")]
        if "weak" in self.query:
            headers = [("ETag", 'W/"v1"'), ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")]
        start = self.range_start(tag, len(content))
        if start is None:
            return
        if start or "unasked" in self.query:
            headers.append(("Content-Range",
                            "bytes %d-%d/%d" % (start, len(content) - 1, len(content))))
        rest = content[start:]
        cut = number(self.query, "cut", 0) if seen[self.path] <= number(self.query, "cuts", 1) or \
            "always" in self.query else 0
        body = rest[:cut] if cut else rest
        if seen[self.path] > number(self.query, "stuck", seen[self.path]):
            body = b""
        part = start or "unasked" in self.query
        self.answer(206 if part else 200, body, headers, declared=len(rest))
        if cut:
            self.cut()

    def range_start(self, tag, size):
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range", tag)
        fits = condition == tag or ("weak" in self.query and "2024" in condition)
        if not wanted or "none" in self.query or not fits:
            return 0
        start = int(wanted.removeprefix("bytes=").split("-")[0])
        if start >= size:
            self.answer(416, b"", [("Content-Range", "bytes */%d" % size)])
            return None
        return start

    def do_busy(self):
        if seen[self.path] < 3:
            self.answer(503, b"later\n")
        else:
            self.answer(200, b"now\n")


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("local", 0)


def main():
    ThreadingHTTPServer.daemon_threads = True
    if sys.argv[1:2] == ["--unix"]:
        server = UnixServer(sys.argv[2], Handler)
        print(0, flush=True)
    else:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if sys.argv[1:2] == ["--tls"]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[2], sys.argv[3])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)


main()
