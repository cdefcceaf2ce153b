# SPDX-License-Identifier: Apache-2.0
"""The node helper driven directly over frames, as wire/PROTOCOL.md describes them.

For tests of what only the node does: an engine here is nothing but this, so it can be silent,
vanish, or ask late, at exactly the moment that a test is about.
"""

import contextlib
import select
import struct
import subprocess
import threading
import time

from . import HarnessError

MAGIC = b"\x7fMODELFLEET\r\n\x00\n\x01"
HEADER = struct.Struct("<IIBBH")
MORE, LAST = 4, 8
PIECE = 30000

REPLY, ERROR, EVENT, DATA, BYE, HELLO, PING, MODULE = 1, 2, 3, 4, 5, 16, 17, 80
BECOME = 19
BEGIN, CONFIRM, UNDO, LIST = 96, 97, 98, 99


class NodeError(Exception):
    """The helper's answer was ERROR; `code` is its number."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Gone(HarnessError):
    """The helper has ended."""


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<H", len(data)) + data + b"\0"


def item(value):
    """A value as an item tree's bytes; str is a text, bytes is content."""
    if value is None:
        return b"\0"
    if isinstance(value, bool):
        return b"\2" if value else b"\1"
    if isinstance(value, int):
        return struct.pack("<Bq", 3, value)
    if isinstance(value, float):
        return struct.pack("<Bd", 4, value)
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        return struct.pack("<BI", 5 if isinstance(value, str) else 6, len(data)) + data
    if isinstance(value, dict):
        members = (struct.pack("<H", len(key)) + key.encode() + item(member)
                   for key, member in value.items())
        return struct.pack("<BI", 8, len(value)) + b"".join(members)
    return struct.pack("<BI", 7, len(value)) + b"".join(map(item, value))


class ItemReader:
    """Reads an item tree back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0]

    def raw(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def value(self):
        kind = self.take("B")
        if kind <= 2:
            return (None, False, True)[kind]
        if kind <= 4:
            return self.take("q" if kind == 3 else "d")
        count = self.take("I")
        if kind == 5:
            return self.raw(count).decode(errors="surrogateescape")
        if kind == 6:
            return self.raw(count)
        if kind == 7:
            return [self.value() for _ in range(count)]
        return {self.raw(self.take("H")).decode(): self.value() for _ in range(count)}


class Helper:
    """One helper, started by a command line that ends on the node."""

    def __init__(self, command, timeout=120):
        self.timeout = timeout
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.buffer = b""
        self.last_id = 0
        self.sending = threading.Lock()
        self._write(MAGIC)
        if self._read(len(MAGIC)) != MAGIC:
            raise HarnessError("the helper does not greet")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except OSError as error:
            raise Gone(str(error)) from None

    def _read(self, size):
        deadline = time.monotonic() + self.timeout
        while len(self.buffer) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise HarnessError(f"the helper was silent for {self.timeout} s")
            data = self.process.stdout.read1(65536)
            if not data:
                raise Gone("the helper closed its output")
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def send(self, kind, payload=b"", flags=0, ctx=0, request=None):
        """Sends a frame; returns its id."""
        with self.sending:
            if request is None:
                self.last_id += 1
                request = self.last_id
            self._write(HEADER.pack(len(payload), request, kind, flags, ctx) + payload)
        return request

    def frame(self):
        """The next frame: kind, flags, ctx, id, payload."""
        length, request, kind, flags, ctx = HEADER.unpack(self._read(HEADER.size))
        return kind, flags, ctx, request, self._read(length)

    def answer(self, request):
        """The whole answer to a request; NodeError for an ERROR."""
        data = b""
        while True:
            kind, flags, _, which, payload = self.frame()
            if which not in (request, 0) or kind == EVENT:
                continue
            if kind == ERROR:
                code, _, length = struct.unpack_from("<HIH", payload)
                raise NodeError(code, payload[8:8 + length].decode(errors="replace"))
            data += payload
            if not flags & MORE:
                return data

    def call(self, kind, payload=b"", ctx=0):
        return self.answer(self.send(kind, payload, ctx=ctx))

    def start_module(self, name, arguments, ctx=0, timeout=0.0):
        """Sends MODULE with its arguments and does not wait; returns the id."""
        data = item(arguments)
        request = self.send(MODULE, string(name) + struct.pack("<Id", len(data), timeout),
                            ctx=ctx)
        for at in range(0, len(data), PIECE):
            last = LAST if at + PIECE >= len(data) else 0
            self.send(DATA, data[at:at + PIECE], last, ctx, request)
        return request

    def result(self, request):
        """The result of a module that start_module began."""
        return ItemReader(self.answer(request)).value()

    def module(self, name, arguments, ctx=0):
        return self.result(self.start_module(name, arguments, ctx))

    @contextlib.contextmanager
    def heard(self):
        """Within it the helper hears of the engine, however long the rest takes."""
        over = threading.Event()

        def ping():
            with contextlib.suppress(Gone):
                while not over.wait(0.5):
                    self.send(PING)
        thread = threading.Thread(target=ping)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def begin(self, name, timeout, title="a test", ctx=0):
        """TRANSACTION_BEGIN; returns what the node says is missing from its promise."""
        answer = self.call(BEGIN, string(name) + string(title) + struct.pack("<I", timeout), ctx)
        return answer[2:-1].decode()

    def confirm(self, name, ctx=0):
        self.call(CONFIRM, string(name), ctx)

    def undo(self, name, ctx=0):
        return ItemReader(self.call(UNDO, string(name), ctx)).value()

    def transactions(self, ctx=0):
        return ItemReader(self.call(LIST, ctx=ctx)).value()["transactions"]

    def become(self, ctx, *command):
        """Starts a second helper under a ctx."""
        words = b"".join(map(string, command))
        self.call(BECOME, struct.pack("<HI", ctx, 10) + string("") + string("") +
                  struct.pack("<H", len(command)) + words)

    def bye(self):
        """A clean end."""
        self.send(BYE)
        while self.frame()[0] != BYE:
            pass
        return self.process.wait(self.timeout)

    def kill(self):
        """The engine is gone at once."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
