#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever is killed, cut, full or hanging: no half version under a final name, other hosts
unharmed, and the next run goes on from there."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import program
from harness.case import MODEL, OTHER, SECOND, LoopbackCase
from harness.deploy import CANNOT_RUN, HOST_FAILED, INTERRUPTED, UNREACHABLE, finish
from harness.relay import Relay
from harness.store import weights

BIG = 12_000_000


def wait_until(condition, seconds=120):
    """Waits for a condition; a test that waited in vain fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("what the test waits for does not happen")
        time.sleep(0.01)


class FaultCase(LoopbackCase):
    """The second version is big enough to be interrupted while it is on its way."""

    def setUp(self):
        super().setUp()
        self.site.add_version(MODEL, SECOND, {
            f"part{number}.bin": weights(BIG // 4, number) for number in range(4)})

    def staged(self, node):
        """Bytes that wait below a node's registry outside of any final version."""
        total = 0
        for parent, _, files in os.walk(self.registry(node)):
            if ".staging" in parent:
                total += sum(os.stat(os.path.join(parent, name)).st_size for name in files)
        return total

    def assert_resumed(self, **options):
        """A second run completes, and sends clearly less than everything."""
        staged = self.staged("node1")
        self.assertGreater(staged, 0, "nothing was staged: the fault came too early")
        self.assertFalse(self.path("node1", MODEL, SECOND).exists())
        run = self.deploy(**options)
        self.assert_deployed("node1", MODEL, SECOND)
        self.assertLess(run.model("node1", MODEL)["bytes_sent"], BIG - staged // 2)
        self.assert_clean("node1")
        self.assertEqual(self.staged("node1"), 0)


class CutTest(FaultCase):
    def test_a_cut_link_is_resumed(self):
        node = self.nodes["node1"]
        with Relay((node.address, node.port), cut_after=BIG // 2) as relay:
            self.nodes.known_hosts.write_text(
                self.nodes.known_hosts.read_text().replace(f":{node.port} ", f":{relay.port} "))
            self.variables = lambda one: {
                **LoopbackCase.variables(self, one),
                **({"ansible_port": relay.port} if one is node else {})}
            self.write_inventory()
            run = self.deploy(code=UNREACHABLE)
            self.assertEqual(run.host("node1")["state"], "unreachable")
            self.assertGreaterEqual(relay.cuts, 1)
            self.assert_deployed("node2", MODEL, SECOND)
            relay.cut_after = None
            self.assert_resumed()

    def test_a_cut_during_the_key_exchange(self):
        node = self.nodes["node1"]
        with Relay((node.address, node.port), cut_after=100) as relay:
            self.nodes.known_hosts.write_text(
                self.nodes.known_hosts.read_text().replace(f":{node.port} ", f":{relay.port} "))
            self.variables = lambda one: {
                **LoopbackCase.variables(self, one),
                **({"ansible_port": relay.port} if one is node else {})}
            self.write_inventory()
            run = self.deploy(code=UNREACHABLE)
            self.assertEqual(run.host("node1")["state"], "unreachable")
            self.assert_deployed("node2", MODEL, SECOND)


class KillTest(FaultCase):
    def start_slow(self, *arguments, rate="2M"):
        process = self.operator.start("--bwlimit", rate, *arguments)
        self.addCleanup(self.end, process)
        wait_until(lambda: self.staged("node1") > 1_000_000)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def test_a_killed_engine_is_resumed(self):
        process = self.start_slow()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until(lambda: not self.nodes["node1"].processes("node-"))
        self.assert_resumed()

    def test_a_killed_helper_is_a_failure_of_its_host_alone(self):
        process = self.start_slow()
        wait_until(lambda: self.nodes["node1"].processes("node-"))
        for pid in self.nodes["node1"].processes("node-"):
            os.kill(pid, signal.SIGKILL)
        run = finish(process)
        self.assertIn(run.code, (HOST_FAILED, UNREACHABLE), run)
        self.assert_deployed("node2", MODEL, SECOND)
        self.assert_resumed()

    def test_an_interrupt_ends_soon_and_is_resumed(self):
        process = self.start_slow(rate="400k")  # the rest would take a minute
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        run = finish(process)
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual(run.code, INTERRUPTED, run)
        wait_until(lambda: not self.nodes["node1"].processes("node-"))
        self.assert_resumed()

    def test_a_second_deploy_is_told_who_holds_the_lock(self):
        self.start_slow(rate="400k")
        second = self.deploy("--limit", "node2", code=CANNOT_RUN)
        self.assertIn(str(os.uname().nodename), second.stderr)
        self.assertRegex(second.stderr, r"\b\d+\b")

    def test_the_lock_of_a_killed_deploy_is_no_obstacle(self):
        process = self.start_slow()
        process.kill()
        process.communicate()
        self.deploy()

    def test_a_stopped_sshd_session_is_given_up(self):
        process = self.start_slow("--timeout", "10")
        for pid in self.nodes["node1"].sessions():
            os.kill(pid, signal.SIGSTOP)
        try:
            run = finish(process)
        finally:
            for pid in self.nodes["node1"].sessions():
                os.kill(pid, signal.SIGKILL)
        self.assertNotEqual(run.code, 0, run)
        self.assert_deployed("node2", MODEL, SECOND)


class UnreachableTest(LoopbackCase):
    def use_port(self, port):
        """Sends node1's connections elsewhere, under its own host key."""
        node = self.nodes["node1"]
        known = self.nodes.known_hosts.read_text()
        self.nodes.known_hosts.write_text(known.replace(f":{node.port} ", f":{port} "))
        self.variables = lambda one: {**LoopbackCase.variables(self, one),
                                      **({"ansible_port": port} if one is node else {})}
        self.write_inventory()

    def test_a_wrong_host_key(self):
        known = self.nodes.known_hosts.read_text().splitlines()
        first, second = known[0].split(), known[1].split()
        self.nodes.known_hosts.write_text(
            f"{first[0]} {first[1]} {second[2]}\n{' '.join(second)}\n")
        run = self.deploy(code=UNREACHABLE)
        text = run.host("node1")["error"]["text"]
        self.assertIn("ssh-ed25519 key is not the one", text)
        self.assertIn("known_hosts", text)
        self.assertEqual(list(self.nodes["node1"].home.iterdir()), [])
        self.assert_deployed("node2")

    def test_an_unknown_host_key(self):
        known = self.nodes.known_hosts.read_text().splitlines()
        self.nodes.known_hosts.write_text(known[1] + "\n")
        self.deploy(code=UNREACHABLE)
        self.assertEqual(list(self.nodes["node1"].home.iterdir()), [])
        self.deploy("--host-key-checking", "accept-new")
        self.assert_deployed("node1")

    def test_a_host_that_hangs_after_connecting(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.use_port(silent.getsockname()[1])
            started = time.monotonic()
            run = self.deploy("--timeout", "10", code=UNREACHABLE)
            self.assertLess(time.monotonic() - started, 60)
        self.assertEqual(run.host("node1")["state"], "unreachable")
        self.assert_deployed("node2")

    def test_a_host_that_hangs_after_its_greeting(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def greet():
                connections = []
                while True:
                    try:
                        connections.append(listener.accept()[0])
                        connections[-1].sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                    except OSError:
                        return
            threading.Thread(target=greet, daemon=True).start()
            self.use_port(listener.getsockname()[1])
            started = time.monotonic()
            self.deploy("--timeout", "10", code=UNREACHABLE)
            self.assertLess(time.monotonic() - started, 60)
            listener.shutdown(socket.SHUT_RDWR)
        self.assert_deployed("node2")

    def test_something_that_is_not_ssh(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def answer():
                while True:
                    try:
                        with listener.accept()[0] as connection:
                            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    except OSError:
                        return
            threading.Thread(target=answer, daemon=True).start()
            self.use_port(listener.getsockname()[1])
            self.deploy(code=UNREACHABLE)
            listener.shutdown(socket.SHUT_RDWR)
        self.assert_deployed("node2")

    def test_a_shell_that_is_noisy(self):
        session = self.nodes["node1"].directory / "session"
        session.write_text(session.read_text().replace(
            'cd "$HOME"', 'echo "Welcome to node1!"; echo "warning: noisy" >&2\ncd "$HOME"'))
        self.deploy()
        self.assert_deployed("node1")

    def test_a_shell_that_ends_at_once(self):
        session = self.nodes["node1"].directory / "session"
        session.write_text("#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n")
        run = self.deploy(code=UNREACHABLE)
        self.assertIn("not available", run.host("node1")["error"]["text"])
        self.assert_deployed("node2")


@unittest.skipUnless(os.geteuid() == 0, "a file system of its own needs root to mount it")
class DiskTest(FaultCase):
    def mount(self, node, size):
        path = self.registry(node)
        path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", path], check=True)

    def test_a_disk_that_is_too_small_is_known_before_anything_is_sent(self):
        self.mount("node1", "6m")
        run = self.deploy(code=HOST_FAILED)
        end = run.host("node1")
        self.assertIn("space", end["error"]["text"])
        self.assertEqual(end["bytes_sent"], 0)
        self.assertEqual(self.staged("node1"), 0)
        self.assert_deployed("node2", MODEL, SECOND)

    def test_a_disk_that_fills_up_on_the_way(self):
        self.mount("node1", "20m")
        process = self.operator.start("--bwlimit", "2M")
        try:
            wait_until(lambda: self.staged("node1") > 1_000_000)
            ballast = self.registry("node1") / "ballast"
            with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(65536))
        finally:
            run = finish(process)
        self.assertEqual(run.code, HOST_FAILED, run)
        self.assertIn("space", str(run))
        self.assertFalse(self.path("node1", MODEL, SECOND).exists())
        self.assert_deployed("node2", MODEL, SECOND)
        ballast.unlink()
        self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)
        self.assert_deployed("node1", OTHER)


if __name__ == "__main__":
    program.main()
