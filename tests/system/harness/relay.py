# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that delays what it passes on, or resets the connection after some bytes.

Theory of operation. One thread, non-blocking sockets, one selector. What is read from one side
waits in that direction's queue until its time has come, then goes to the other side. A queue is
bounded, and so are the sockets' buffers: a relay that swallowed everything would hide the
bandwidth of the link behind it. A delay of d seconds on each direction adds 2 d to a round trip.
"""

import argparse
import collections
import selectors
import socket
import struct
import sys
import threading
import time

CHUNK = 65536
BUFFER = 262144


class _Direction:
    """Bytes on their way from `source` to `target`."""

    def __init__(self, source, target):
        self.source = source
        self.target = target
        self.queue = collections.deque()
        self.queued = 0
        self.ended = False
        self.finished = False

    def wants_read(self):
        return not self.ended and self.queued < BUFFER

    def due(self, now):
        """Whether the first chunk may go; the end of the stream waits for its turn too."""
        return bool(self.queue) and self.queue[0][0] <= now

    def read(self, when):
        data = self.source.recv(CHUNK)
        self.ended = not data
        self.queue.append((when, data))
        self.queued += len(data)
        return len(data)

    def write(self):
        when, data = self.queue.popleft()
        if not data:
            self.finished = True
            self.target.shutdown(socket.SHUT_WR)
            return
        sent = self.target.send(data)
        self.queued -= sent
        if sent < len(data):
            self.queue.appendleft((when, data[sent:]))


class _Connection:
    """A client's connection and the one to the host behind it."""

    def __init__(self, client, server):
        self.to_host = _Direction(client, server)
        self.to_client = _Direction(server, client)
        self.passed = 0

    def directions(self):
        return (self.to_host, self.to_client)

    def finished(self):
        return self.to_host.finished and self.to_client.finished

    def close(self, reset=False):
        for sock in (self.to_host.source, self.to_host.target):
            if reset:
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.close()


class Relay:
    """A relay in a thread of its own: `with Relay((address, port), delay=0.02) as relay:`.

    `cut_after` is the number of bytes to the host after which both sides of a connection are
    reset; it counts anew for each connection. `cuts` tells how often that happened.
    """

    def __init__(self, target, delay=0.0, cut_after=None):
        self.target = target
        self.delay = delay
        self.cut_after = cut_after
        self.cuts = 0
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.close()
        self._thread.join()
        self._stopped.close()
        self._listener.close()

    def _serve(self):
        while self._turn():
            pass
        for connection in self._connections:
            connection.close()

    def _turn(self):
        """Waits for what can go on, and does it; False when the relay is to stop."""
        now = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            wakeup = self._register(selector, now)
            timeout = None if wakeup is None else max(0.0, wakeup - now)
            ready = {key.fileobj: events for key, events in selector.select(timeout)}
        if self._stopped in ready:
            return False
        if self._listener in ready:
            self._accept()
        for connection in list(self._connections):
            self._move(connection, ready)
        return True

    def _register(self, selector, now):
        """Asks for the events that each connection waits for; returns the next due time."""
        wakeup = None
        for connection in self._connections:
            events = collections.Counter()
            for direction in connection.directions():
                if direction.wants_read():
                    events[direction.source] |= selectors.EVENT_READ
                if direction.due(now):
                    events[direction.target] |= selectors.EVENT_WRITE
                elif direction.queue:
                    due = direction.queue[0][0]
                    wakeup = due if wakeup is None else min(wakeup, due)
            for sock, mask in events.items():
                selector.register(sock, mask)
        return wakeup

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=60)
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.setblocking(False)
        self._connections.append(_Connection(client, server))

    def _move(self, connection, ready):
        try:
            for direction in connection.directions():
                self._pass_on(connection, direction, ready)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection, reset=True)
            return
        if self.cut_after is not None and connection.passed >= self.cut_after:
            self.cuts += 1
            self._drop(connection, reset=True)
        elif connection.finished():
            self._drop(connection, reset=False)

    def _pass_on(self, connection, direction, ready):
        now = time.monotonic()
        if ready.get(direction.target, 0) & selectors.EVENT_WRITE and direction.due(now):
            direction.write()
        if ready.get(direction.source, 0) & selectors.EVENT_READ and direction.wants_read():
            count = direction.read(now + self.delay)
            if direction is connection.to_host:
                connection.passed += count

    def _drop(self, connection, reset):
        connection.close(reset)
        self._connections.remove(connection)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, each direction")
    parser.add_argument("--cut-after", type=int, help="bytes to the host, then a reset")
    parser.add_argument("target", nargs="+", metavar="ADDRESS:PORT")
    options = parser.parse_args()
    for target in options.target:
        address, _, port = target.rpartition(":")
        relay = Relay((address, int(port)), options.delay, options.cut_after)
        relay.__enter__()
        print(f"{target} 127.0.0.1:{relay.port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
