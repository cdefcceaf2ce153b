#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The harness itself: a test on hosts that do not do what they say proves nothing."""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock
from pathlib import Path

from harness import CannotBoot, cgroup, program
from harness.booted import BootedCase
from harness.fleet import Fleet, fleets_dir
from harness.host import process_key
from harness.loopback import Nodes
from harness.relay import Relay
from harness.root import archives_lock


@contextlib.contextmanager
def echo_server():
    """A server that sends back what it gets; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        while data := connection.recv(65536):
                            connection.sendall(data)
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


class RelayTest(unittest.TestCase):
    def connect(self, relay):
        connection = socket.create_connection(("127.0.0.1", relay.port), timeout=60)
        self.addCleanup(connection.close)
        return connection

    def test_passes_bytes_on_in_both_directions(self):
        data = os.urandom(3_000_000)
        with echo_server() as address, Relay(address) as relay:
            connection = self.connect(relay)
            sender = threading.Thread(target=connection.sendall, args=(data,))
            sender.start()
            received = b""
            while len(received) < len(data):
                received += connection.recv(65536)
            sender.join()
        self.assertEqual(received, data)

    def test_delays_each_direction(self):
        with echo_server() as address, Relay(address, delay=0.5) as relay:
            connection = self.connect(relay)
            started = time.monotonic()
            connection.sendall(b"x")
            connection.recv(1)
            seconds = time.monotonic() - started
        self.assertGreaterEqual(seconds, 1)

    def test_passes_the_end_of_a_stream_on(self):
        with echo_server() as address, Relay(address, delay=0.01) as relay:
            connection = self.connect(relay)
            connection.sendall(b"last")
            connection.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.recv(10), b"last")
            self.assertEqual(connection.recv(10), b"")

    def test_cuts_after_so_many_bytes(self):
        with echo_server() as address, Relay(address, cut_after=100_000) as relay:
            connection = self.connect(relay)
            with self.assertRaises(ConnectionError):
                for _ in range(100):
                    connection.sendall(b"x" * 10_000)
                    time.sleep(0.001)
            self.assertEqual(relay.cuts, 1)


class ArchivesTest(unittest.TestCase):
    def test_only_one_at_a_time_works_with_them(self):
        order = []

        def other():
            with archives_lock():
                order.append("other")

        with archives_lock():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join(0.5)
            order.append("first")
        thread.join()
        self.assertEqual(order, ["first", "other"])


class LoopbackTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.nodes = Nodes.up(Path(directory.name) / "a fleet", 2)
        self.addCleanup(self.nodes.remove)

    def ssh(self, node, command, **options):
        return subprocess.run(["ssh", "-F", self.nodes.ssh_config, node, command],
                              capture_output=True, text=True, check=False, **options)

    def test_each_node_has_a_home_of_its_own(self):
        for node in self.nodes.nodes:
            done = self.ssh(node.name, "pwd; echo ~")
            self.assertEqual(done.stdout, f"{node.home}\n{node.home}\n", done.stderr)

    def test_a_wrong_host_key_is_noticed(self):
        lines = self.nodes.known_hosts.read_text().split("\n")
        first, second = (line.split() for line in lines[:2])
        self.nodes.known_hosts.write_text(f"{first[0]} {first[1]} {second[2]}\n")
        self.assertEqual(self.ssh("node1", "true").returncode, 255)

    def test_sessions_can_be_killed(self):
        session = subprocess.Popen(["ssh", "-F", self.nodes.ssh_config, "node1", "sleep 600"],
                                   stderr=subprocess.DEVNULL)
        node = self.nodes["node1"]
        deadline = time.monotonic() + 60
        while not node.processes("sleep") and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(len(node.processes("sleep")), 1)
        node.kill_sessions()
        self.assertEqual(session.wait(timeout=60), 255)

    def test_stopped_nodes_leave_no_process(self):
        again = Nodes.load(self.nodes.directory)
        pids = [node.sshd[0] for node in again.nodes]
        again.remove()
        for node in self.nodes.nodes:
            node.stop()
        for pid in pids:
            self.assertIsNone(process_key(pid))


class BootedTest(BootedCase):
    host_count = 2
    fleet_name = "harness"

    def ssh(self, host, command, timeout=120):
        return subprocess.run(self.fleet.ssh(self.fleet[host], command), capture_output=True,
                              text=True, check=False, timeout=timeout)

    def test_systemd_is_up_and_no_unit_failed(self):
        for host in self.fleet.hosts:
            self.assertEqual(self.ssh(host.name, "systemctl is-system-running --wait").stdout,
                             "running\n", host.shell("systemctl --failed || true"))

    def test_sudo_asks_one_user_for_a_password_and_not_the_other(self):
        host = self.fleet["n01"]
        self.assertEqual(host.shell("su admin -c 'sudo -n id -u'"), "0\n")
        self.assertIn("a password is required",
                      host.shell("su careful -c 'sudo -n id -u' 2>&1 || true"))
        self.assertEqual(
            host.shell("echo 'correct horse' | su careful -c 'sudo -S -p \"\" id -u'"), "0\n")

    def test_a_cut_cable_is_silent_and_heals(self):
        link = self.fleet["n01"].link
        link.cut()
        with self.assertRaises(subprocess.TimeoutExpired):
            self.ssh("n01", "true", timeout=1)
        self.assertEqual(self.fleet["n01"].shell("echo here"), "here\n")
        link.heal()
        self.assertEqual(self.ssh("n01", "true").returncode, 0)

    def test_a_rate_holds_and_counters_count(self):
        link = self.fleet["n02"].link
        link.set_rate("20mbit")
        self.addCleanup(link.set_rate, None)
        before = link.counters()
        started = time.monotonic()
        subprocess.run(self.fleet.ssh(self.fleet["n02"], "cat > /dev/null"),
                       input=bytes(2_500_000), check=True, timeout=120)
        seconds = time.monotonic() - started
        sent = link.counters()["to_host"] - before["to_host"]
        self.assertGreater(sent, 2_500_000)
        self.assertLess(sent, 2_900_000)
        self.assertGreater(seconds, 0.9)

    def test_a_reboot_from_inside_comes_back(self):
        host = self.fleet["n02"]
        before = host.shell("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
        former = host.init()
        self.ssh("n02", "systemctl reboot --force")
        deadline = time.monotonic() + 60
        while host.init() in (None, former) and time.monotonic() < deadline:
            time.sleep(0.05)
        host.wait()
        self.assertNotEqual(host.shell("stat -c %Y /proc/1"), before.splitlines()[-1])
        self.assertEqual(self.ssh("n02", "true").returncode, 0)

    def test_power_off_and_on_keeps_the_disk(self):
        host = self.fleet["n01"]
        host.shell("echo kept > /srv/file")
        host.stop()
        self.assertIsNone(host.init())
        host.start()
        host.wait()
        self.assertEqual(host.shell("cat /srv/file"), "kept\n")


class CleanUpTest(unittest.TestCase):
    def up(self):
        try:
            return Fleet.up(2, "harness-clean-up")
        except CannotBoot as reason:
            self.skipTest(str(reason))

    def assert_nothing_left(self, fleet, inits):
        for host in fleet.hosts:
            host._process.wait()
        self.assertFalse((fleets_dir() / "harness-clean-up").exists())
        self.assertFalse(Path("/sys/class/net", fleet.bridge.name).exists())
        for host, init in zip(fleet.hosts, inits):
            self.assertFalse(Path(host.link.namespace_path).exists())
            self.assertIsNone(process_key(init))
            for hierarchy in cgroup.hierarchies():
                self.assertFalse((hierarchy / cgroup.PARENT / host.group).exists())
        self.assertNotIn(str(fleet.directory), Path("/proc/self/mountinfo").read_text())

    def test_nothing_is_left_of_a_fleet(self):
        fleet = self.up()
        inits = [host.init() for host in fleet.hosts]
        Fleet.remove_by_name("harness-clean-up")
        self.assert_nothing_left(fleet, inits)

    def test_another_tree_s_fleet_of_the_same_name_stays(self):
        elsewhere = tempfile.TemporaryDirectory(prefix="modelfleet-")
        self.addCleanup(elsewhere.cleanup)
        fleet = self.up()
        self.addCleanup(fleet.remove)
        with unittest.mock.patch("harness.fleet.fleets_dir", return_value=Path(elsewhere.name)):
            other = self.up()
            other.remove()
        for host in fleet.hosts:
            self.assertEqual(host.shell("echo here"), "here\n")

    def test_nothing_is_left_when_nobody_noted_the_processes(self):
        fleet = self.up()
        inits = [host.init() for host in fleet.hosts]
        for host in fleet.hosts:
            host.supervisor = None
        fleet._save()
        Fleet.remove_by_name("harness-clean-up")
        self.assert_nothing_left(fleet, inits)


if __name__ == "__main__":
    program.main()
