# SPDX-License-Identifier: Apache-2.0
"""One address in front of several servers."""

import contextlib
import itertools
import socket
import socketserver
import threading


def pump(source, target, seen=None):
    """Passes on what comes, and its end, however it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if seen is not None:
                seen.append(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Balancer(socketserver.ThreadingTCPServer):
    """One address: each connection goes to the next instance that takes it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, ports):
        super().__init__(("127.0.0.1", 0), Relay)
        self.seen = []  # what clients have sent, in pieces
        self.turns = itertools.cycle(range(len(ports)))
        self.ports = ports
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def connect(self):
        for _ in self.ports:
            try:
                return socket.create_connection(("127.0.0.1", self.ports[next(self.turns)]))
            except ConnectionRefusedError:
                pass
        raise ConnectionRefusedError("no instance is there")


class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            instance = self.server.connect()
        except ConnectionRefusedError:
            return
        with instance:
            back = threading.Thread(target=pump, args=(instance, self.request), daemon=True)
            back.start()
            pump(self.request, instance, self.server.seen)
            back.join()
