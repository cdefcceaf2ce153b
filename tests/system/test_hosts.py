#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What needs whole hosts: root by sudo, cables, disks, homes where nothing may run."""

import subprocess
import time

from harness import program
from harness.booted import BootedCase
from harness.case import FIRST, MODEL, SECOND
from harness.deploy import HOST_FAILED, OK, UNREACHABLE, Operator, finish
from harness.root import CAREFUL_PASSWORD
from harness.store import Site, weights

ROOT = "/srv/models"
RATE = "10mbit"  # 8 MB take more than six seconds: time enough to cut them off


class HostsTest(BootedCase):
    host_count = 3
    fleet_name = "hosts"

    def setUp(self):
        directory = self.make_directory()
        self.site = Site(directory / "site")
        self.site.add_version(MODEL, FIRST, {"model.tflite": weights(8_000_000, 1),
                                             "labels.txt": b"person\n"})
        self.operator = Operator(directory / "operator", self.site.inventory)
        for host in self.fleet.hosts:
            if host.init() is None:
                host.start()
                host.wait()
            host.link.heal()
            host.link.set_rate(None)
            host.shell(f"umount -l {ROOT} 2>/dev/null || true; rm -rf {ROOT}; "
                       "rm -rf /root/.cache /home/*/.cache")

    def write_inventory(self, user="root", **variables):
        hosts = {host.name: self.fleet.host_variables(host, user) for host in self.fleet.hosts}
        self.site.write_inventory(hosts, {}, ROOT, [], **variables)

    def deploy(self, *arguments, code=OK):
        run = self.operator.deploy(*arguments)
        self.assertEqual(run.code, code, run)
        return run

    def assert_deployed(self, host, version=FIRST, owner="root"):
        source = self.site.version_path(MODEL, version)
        for path in source.iterdir():
            there = self.fleet[host].run("cat", f"{ROOT}/{MODEL}/{version}/{path.name}").stdout
            self.assertTrue(there == path.read_bytes(), f"{path.name} on {host} differs")
        self.assertEqual(
            self.fleet[host].shell(f"find {ROOT}/{MODEL} -printf '%u\\n' | sort -u"), owner + "\n")

    def wait_for_bytes(self, host):
        """The transfer to a host is under way, and far from done."""
        start = host.link.counters()["to_host"]
        deadline = time.monotonic() + 120
        while host.link.counters()["to_host"] - start < 2_500_000:
            self.assertLess(time.monotonic(), deadline, "nothing is sent")
            time.sleep(0.02)

    def wait_for_lease(self, host):
        """The host's helper ends when TCP has told it that the engine is gone."""
        deadline = time.monotonic() + 120
        while host.run("pgrep", "-f", "modelfleet/node-", check=False).returncode == 0:
            self.assertLess(time.monotonic(), deadline, "the helper does not end")
            time.sleep(0.1)

    def test_root_logs_in(self):
        self.write_inventory()
        self.deploy()
        for host in self.fleet.hosts:
            self.assert_deployed(host.name)

    def test_become_without_a_password(self):
        self.write_inventory("admin", ansible_become=True)
        self.deploy()
        self.assert_deployed("n01")
        run = self.deploy()
        self.assertEqual(run.totals["unchanged"], 3)

    def test_become_with_a_password(self):
        self.write_inventory("careful", ansible_become=True,
                             ansible_become_password=CAREFUL_PASSWORD)
        run = self.deploy()
        self.assert_deployed("n01")
        self.assertNotIn(CAREFUL_PASSWORD, run.stdout + run.stderr)

    def test_become_with_a_wrong_password(self):
        self.write_inventory("careful", ansible_become=True, ansible_become_password="wrong")
        run = self.operator.deploy()
        self.assertIn(run.code, (HOST_FAILED, UNREACHABLE), run)
        self.assertIn("password", run.host("n01")["error"]["text"])
        self.assertEqual(self.fleet["n01"].run("test", "-e", ROOT, check=False).returncode, 1)

    def test_without_become_where_only_root_may_write(self):
        self.write_inventory("admin")
        run = self.deploy(code=HOST_FAILED)
        self.assertIn("ermission denied", run.host("n01")["error"]["text"])

    def test_a_home_where_nothing_may_run(self):
        self.fleet["n01"].shell("mount -t tmpfs -o noexec,mode=700 tmpfs /root/.cache "
                                "2>/dev/null || { mkdir -p /root/.cache; "
                                "mount -t tmpfs -o noexec,mode=700 tmpfs /root/.cache; }")
        self.addCleanup(self.fleet["n01"].shell, "umount /root/.cache")
        self.write_inventory()
        self.deploy()
        self.assert_deployed("n01")

    def test_a_pulled_cable_is_given_up_and_resumed(self):
        self.write_inventory()
        host = self.fleet["n01"]
        host.link.set_rate(RATE)
        process = self.operator.start("--timeout", "10")
        self.wait_for_bytes(host)
        host.link.cut()
        run = finish(process)
        self.assertEqual(run.code, HOST_FAILED, run)
        self.assertEqual(run.host("n01")["error"]["code"], "timeout")
        self.assertEqual(run.outcomes("n01"), {MODEL: "failed"})
        for other in ("n02", "n03"):
            self.assert_deployed(other)
        self.assertEqual(host.run("test", "-e", f"{ROOT}/{MODEL}/{FIRST}",
                                  check=False).returncode, 1)
        host.link.heal()
        host.link.set_rate(None)
        self.wait_for_lease(host)
        before = host.link.counters()["to_host"]
        self.deploy("--limit-failed")
        self.assert_deployed("n01")
        self.assertLess(host.link.counters()["to_host"] - before, 7_500_000)

    def test_a_short_outage_is_survived(self):
        self.write_inventory()
        host = self.fleet["n01"]
        host.link.set_rate(RATE)
        process = self.operator.start("--timeout", "20")
        self.wait_for_bytes(host)
        host.link.cut()
        time.sleep(1)
        host.link.heal()
        run = finish(process)
        self.assertEqual(run.code, OK, run)
        self.assert_deployed("n01")

    def test_power_lost_in_the_middle(self):
        self.write_inventory()
        host = self.fleet["n02"]
        host.link.set_rate(RATE)
        process = self.operator.start("--timeout", "10")
        self.wait_for_bytes(host)
        host.stop()
        run = finish(process)
        self.assertIn(run.host("n02")["state"], ("failed", "unreachable"))
        self.assertEqual(run.outcomes("n02"), {MODEL: "failed"})
        host.start()
        host.wait()
        self.deploy()
        self.assert_deployed("n02")

    def test_a_full_disk_names_what_it_needs(self):
        self.write_inventory()
        self.fleet["n03"].shell(f"mkdir {ROOT}; mount -t tmpfs -o size=4m tmpfs {ROOT}")
        run = self.deploy(code=HOST_FAILED)
        self.assertRegex(run.host("n03")["error"]["text"], r"space.*\d+(\.\d+)? [kMG]B")
        self.assert_deployed("n01")

    def test_equal_errors_are_grouped(self):
        self.write_inventory()
        for name in ("n01", "n02"):
            self.fleet[name].shell(f"mkdir {ROOT}; mount -t tmpfs -o size=4m tmpfs {ROOT}")
        run = self.operator.deploy_text()
        self.assertEqual(run.code, HOST_FAILED, run)
        self.assertIn("2 hosts", run.stdout + run.stderr)

    def test_a_bump_moves_few_bytes_over_the_wire(self):
        self.write_inventory()
        self.deploy()
        old = (self.site.version_path(MODEL, FIRST) / "model.tflite").read_bytes()
        self.site.add_version(MODEL, SECOND, {
            "model.tflite": old[:4_000_000] + b"inserted" + old[4_000_000:],
            "labels.txt": b"person\n"})
        before = self.fleet["n01"].link.counters()["to_host"]
        self.deploy()
        self.assert_deployed("n01", SECOND)
        self.assertLess(self.fleet["n01"].link.counters()["to_host"] - before, 200_000)

    def test_no_secret_in_any_process_list(self):
        self.write_inventory("careful", ansible_become=True,
                             ansible_become_password=CAREFUL_PASSWORD)
        host = self.fleet["n01"]
        for other in self.fleet.hosts:
            other.link.set_rate("20mbit")
        process = self.operator.start()
        seen = ""
        while process.poll() is None:
            seen += host.run("ps", "axww", "-o", "args").stdout.decode()
            seen += subprocess.run(["ps", "axww", "-o", "args"], capture_output=True,
                                   text=True, check=True).stdout
            time.sleep(0.1)
        self.assertEqual(finish(process).code, OK)
        self.assertIn("node-", seen)
        self.assertNotIn(CAREFUL_PASSWORD, seen)


if __name__ == "__main__":
    program.main()
