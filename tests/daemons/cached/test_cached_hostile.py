#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of the socket that mean harm: who else is there is served as before."""

import array
import mmap
import os
import pathlib
import resource
import socket
import struct
import unittest

from cached_case import PATIENCE, CachedCase

MAGIC, PROTOCOL, SIZE = 0x4D434431, 1, 704
HELLO, GET, WELCOME, MODEL = 1, 2, 64, 65
NOBODY = 65534


def message(kind, number=0, name="", selector=""):
    """One packet as src/modelcache/protocol.h lays it out."""
    head = struct.pack("=IHHIIIIQq", MAGIC, PROTOCOL, kind, number, 0, 0, 0, 0, 0)
    return (head + name.encode().ljust(128, b"\0") + selector.encode().ljust(64, b"\0")).ljust(
        SIZE, b"\0")


class Client:
    """A connection that says what it likes."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.socket.settimeout(PATIENCE)

    def say(self, packet, descriptors=()):
        more = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self.socket.sendmsg([packet], more if descriptors else [])

    def hear(self):
        """(type, id, code) of a message; None at the end of the connection."""
        try:
            said, more, _, _ = self.socket.recvmsg(SIZE, socket.CMSG_SPACE(4))
        except ConnectionResetError:
            return None
        for _, _, data in more:
            os.close(struct.unpack("=i", data)[0])
        if not said:
            return None
        _, _, kind, number, _, _, code = struct.unpack("=IHHIIII", said[:24])
        return kind, number, code

    def greet(self):
        self.say(message(HELLO))
        return self.hear()

    def close(self):
        self.socket.close()


class HostileCase(CachedCase):
    def setUp(self):
        super().setUp()
        self.publish(b"one")

    def dial(self):
        client = Client(str(self.site / "socket"))
        self.addCleanup(client.close)
        return client

    def well_behaved(self):
        client = self.dial()
        self.assertEqual(client.greet(), (WELCOME, 0, 0))
        return client

    def assert_served(self, client, number):
        client.say(message(GET, number, "fraud"))
        self.assertEqual(client.hear(), (MODEL, number, 0))

    def descriptors(self):
        return len(list(pathlib.Path(f"/proc/{self.daemon.pid}/fd").iterdir()))


class FloodTest(HostileCase):
    def test_descriptors_are_closed(self):
        self.start()
        self.wait_version(1)
        good = self.well_behaved()
        before = self.descriptors()
        with open(os.devnull, "rb") as file:
            for _ in range(50):
                bad = self.dial()
                bad.say(message(HELLO), [file.fileno()] * 253)
                self.assertIsNone(bad.hear())
                bad.close()
        self.wait(lambda: self.descriptors() <= before)
        self.assert_served(good, 7)
        self.end()

    def test_texts_without_an_end(self):
        self.start()
        self.wait_version(1)
        for packet in (b"1" * 65536, message(GET)[:24] + b"v" * (SIZE - 24), b"\0",
                       message(HELLO) * 2, message(HELLO)[:-1]):
            bad = self.well_behaved()
            bad.say(packet)
            self.assertIsNone(bad.hear())
        self.assert_served(self.well_behaved(), 1)
        self.end()

    def test_connections_that_come_and_go(self):
        self.start()
        self.wait_version(1)
        good = self.well_behaved()
        before = self.descriptors()
        for number in range(1000):
            bad = self.dial()
            if number % 2:
                bad.say(message(HELLO))
            bad.close()
        self.wait(lambda: self.descriptors() <= before)
        self.assert_served(good, 1)
        self.end()

    def test_nobody_reads(self):
        """Who takes nothing is ended, and in the meantime others wait for nothing."""
        self.start()
        self.wait_version(1)
        good = self.well_behaved()
        lazy = [self.well_behaved() for _ in range(8)]
        for client in lazy:
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                while True:
                    client.say(message(GET, 1, "fraud"))
            self.assert_served(good, 1)
        self.end()


class PageTest(HostileCase):
    """A client may write anything into the page that it shares with the daemon."""

    def liar(self, byte):
        """One that has the model, and a page full of this byte."""
        client = self.dial()
        client.say(message(HELLO))
        _, more, _, _ = client.socket.recvmsg(SIZE, socket.CMSG_SPACE(4))
        (descriptor,) = struct.unpack("=i", more[0][2])
        page = mmap.mmap(descriptor, mmap.PAGESIZE)
        self.addCleanup(page.close)
        os.close(descriptor)
        self.assert_served(client, 1)
        page[:] = bytes([byte]) * mmap.PAGESIZE
        return client

    def test_lies_are_about_the_liar_alone(self):
        self.configure(cache_size=2)
        self.start()
        self.wait_version(1)
        good = self.library_client()
        self.assertEqual(good.acquire("fraud"), "1 one")
        liars = [self.liar(byte) for byte in (0xFF, 0x80, 0x01)]
        for version, content in ((2, "two"), (3, "three")):
            self.publish(content.encode())
            self.wait_version(version)
            self.wait(lambda v=version, c=content: good.acquire("fraud") == f"{v} {c}")
        self.assertEqual(good.leave(), 0)
        for liar in liars:
            liar.close()
        self.wait(lambda: self.metric("model_cache_leaving_bytes") == 0)
        self.assertEqual(len(self.versions()), 2)
        self.end()


class FewDescriptorsTest(HostileCase):
    """A daemon that has few descriptors, without the privilege to have more."""

    def start(self, *options, limit=64):
        if os.geteuid() != 0:
            self.skipTest("root alone becomes another user")
        os.chown(self.site, NOBODY, NOBODY)
        super().start(*options, user=NOBODY, group=NOBODY, extra_groups=[],
                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                            (limit, limit)))

    def test_more_connections_than_descriptors(self):
        self.start()
        self.wait_version(1)
        good = self.well_behaved()
        many = [self.dial() for _ in range(100)]
        ended = 0
        for client in many:
            try:
                ended += client.greet() is None
            except (BrokenPipeError, ConnectionResetError):
                ended += 1
        self.assertGreater(ended, 30)
        self.assert_served(good, 1)
        for client in many:
            client.close()
        self.wait(lambda: self.descriptors() < 40)
        self.assert_served(self.well_behaved(), 1)
        self.end()

    def test_descriptors_that_are_never_taken(self):
        """Whoever does not take them is sent no more; others have another version meanwhile."""
        self.start()
        self.wait_version(1)
        good = self.library_client()
        self.assertEqual(good.acquire("fraud"), "1 one")
        lazy = [self.well_behaved() for _ in range(3)]
        for client in lazy:
            for number in range(40):
                client.say(message(GET, number, "fraud"))
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: good.acquire("fraud") == "2 two")
        self.assertNotIn("sent away", self.log())
        # What it was sent lay there all the time.
        self.assertEqual(lazy[0].hear()[0], MODEL)
        self.end()

    def keeper(self):
        """A process of the daemon's user that has sent itself descriptors; its end is closed to
        end it."""
        told, tell = os.pipe()
        end, keep = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(keep)
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            ours, _theirs = socket.socketpair()
            ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                   array.array("i", [told] * 200))])
            os.write(tell, b"x")
            os.read(end, 1)
            os._exit(0)
        self.addCleanup(os.waitpid, child, 0)
        os.close(end)
        os.close(tell)
        self.assertEqual(os.read(told, 1), b"x")
        os.close(told)
        return keep

    def test_descriptors_of_another_process(self):
        """The kernel counts them by user. Clients go on with what they have, and then come again."""
        self.start()
        self.wait_version(1)
        good = self.library_client()
        self.assertEqual(good.acquire("fraud"), "1 one")
        end = self.keeper()
        self.publish(b"two")
        self.wait_version(2)
        self.wait(lambda: "do not take them" in self.log())
        self.assertEqual(good.acquire("fraud"), "1 one")
        os.close(end)
        self.wait(lambda: good.acquire("fraud") == "2 two")
        self.assertEqual(self.metric("model_clients_broken_total"), 0)
        self.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
