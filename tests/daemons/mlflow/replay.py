# SPDX-License-Identifier: Apache-2.0
"""A server that gives recorded answers, to the recorded requests in their order and no others."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Replay:
    """`wrong` holds requests that nobody recorded, `left` the exchanges that were not asked for."""

    def __init__(self, exchanges):
        replay = self

        class Bound(_Handler):
            pass

        Bound.replay = replay
        self.left = list(exchanges)
        self.wrong = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next(self, asked):
        """The answer to a request, or None."""
        with self._lock:
            if self.left and all(self.left[0][key] == value for key, value in asked.items()):
                return self.left.pop(0)
            self.wrong.append(asked)
        return None

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replay = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        answer = self.replay.next({"method": "GET", "target": self.path,
                                   "range": self.headers.get("Range")})
        if answer is None:
            self.send_error(400, "not recorded")
            return
        body = answer["text"].encode() if "text" in answer else base64.b64decode(answer["base64"])
        self.send_response_only(answer["status"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in answer["headers"]):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
