#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The engine does not come back between restart and confirm: the hosts go back by themselves."""

import os
import signal
import time

from harness import program
from harness.activation import DATA, FIRST, SECOND, ActivationCase, processes
from harness.deploy import OK, finish


class ConnectionLostTest(ActivationCase):
    """The controller does not come back between restart and confirm."""

    host_count = 2
    TIMEOUT = 10

    def begin(self):
        """A deploy whose hosts have restarted, and which is watching them."""
        self.deploy()
        self.write_site(health={"stable": 60, "deadline": 90})
        self.add_version(SECOND, "fine")
        process = self.operator.start("--confirm-timeout", self.TIMEOUT)
        deadline = time.monotonic() + 120
        while self.runs("n01").count("fine") < 2 or self.runs("n02").count("fine") < 2:
            self.assertLess(time.monotonic(), deadline, "nothing was restarted")
            time.sleep(0.1)
        self.assert_version("n01", SECOND)
        return process

    def wait_for(self, host, version, seconds):
        deadline = time.monotonic() + seconds
        while self.config(host)["version"].strip('"') != version:
            self.assertLess(time.monotonic(), deadline, f"{host} does not go back")
            time.sleep(0.2)
        while self.unit(host)["ActiveState"] != "active":
            self.assertLess(time.monotonic(), deadline, f"{host} is not active")
            time.sleep(0.2)

    def test_a_user_without_root_has_a_watchdog_of_his_own(self):
        """The login user is root and becomes another: his helper cannot read root's file of it."""
        self.user = "root"
        for host in self.fleet.hosts:
            host.shell(f"chown -R admin: {DATA}")
        self.write_site(ansible_become_user="admin")
        playbook = self.site.directory / "p.yaml"
        playbook.write_text(
            "- hosts: n01\n  gather_facts: false\n  become: true\n  become_user: admin\n"
            "  transaction: {confirm_timeout: 6}\n  tasks:\n"
            f"    - copy: {{content: new, dest: {DATA}/file}}\n"
            "    - command: sleep 600\n")
        self.fleet["n01"].shell(f"echo old > {DATA}/file; chown admin: {DATA}/file")
        process = self.operator.start_playbook(playbook)
        self.until(lambda: self.fleet["n01"].shell(f"cat {DATA}/file") == "new")
        process.kill()
        process.communicate()
        self.until(lambda: self.fleet["n01"].shell(f"cat {DATA}/file") == "old\n")

    def until(self, condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_the_engine_is_killed(self):
        process = self.begin()
        process.kill()
        process.communicate()
        for host in ("n01", "n02"):
            self.wait_for(host, FIRST, self.TIMEOUT + 120)
            self.assert_version(host, FIRST)

    def test_a_deploy_right_after_one_that_was_killed(self):
        """What the first one left must not be taken back under the second one's feet."""
        process = self.begin()
        process.kill()
        process.communicate()
        self.write_site()
        self.deploy()
        for host in ("n01", "n02"):
            self.assert_version(host, SECOND)
        time.sleep(self.TIMEOUT + 5)
        for host in ("n01", "n02"):
            self.assert_version(host, SECOND)
            self.assertEqual([name for name in self.transactions(host) if "armed" in name], [])

    def test_the_link_is_cut(self):
        process = self.begin()
        self.fleet["n01"].link.cut()
        self.wait_for("n01", FIRST, self.TIMEOUT + 120)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(1)
        run = finish(process)
        self.assertNotEqual(run.code, OK, run)
        self.assert_version("n01", FIRST)
        self.fleet["n01"].link.heal()
        self.write_site()
        self.deploy("--confirm-timeout", 60, timeout=300)

    def test_the_node_reboots(self):
        process = self.begin()
        host = self.fleet["n01"]
        host.stop()
        host.start()
        host.wait()
        self.wait_for("n01", FIRST, 120)
        self.assert_version("n01", FIRST)
        self.assertEqual(self.runs("n01").count("fine"), 3)
        process.send_signal(signal.SIGINT)
        finish(process)
        self.assertEqual(processes(str(self.site.inventory)), [])

    def test_an_interrupt_takes_back_what_is_under_way(self):
        process = self.begin()
        os.kill(process.pid, signal.SIGINT)
        run = finish(process)
        self.assertEqual(run.code, 130, run)
        for host in ("n01", "n02"):
            self.assert_version(host, FIRST)


if __name__ == "__main__":
    program.main()
