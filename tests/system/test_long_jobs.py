#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What outlives a connection: tasks with `async`, and hosts that boot again."""

import json
import re
import shutil
import subprocess
import time
import unittest

from harness import program
from harness.deploy import program as built
from harness.playbook import PlaybookCase

# It ends when the file is there, and says what nobody else would.
WAITER = "while ! test -e /srv/go-on; do sleep 0.1; done; echo whole"
SESSIONS = "pgrep -f '^sshd: root@'"
ASKED = {"until": "end.finished", "register": "end", "retries": 600, "delay": 0.2}


class JobsTest(PlaybookCase):
    fleet_name = "jobs"

    def setUp(self):
        self.host.shell("rm -rf /srv/go-on /root/.ansible_async /home/admin/.ansible_async")

    def until(self, holds):
        deadline = time.monotonic() + 120
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def jobs(self, home="root"):
        """Names of the jobs of a user."""
        directory = self.host.root / home / ".ansible_async"
        return sorted(path.name for path in directory.glob("j*")) if directory.exists() else []

    def begin(self, *tasks, **keywords):
        """Starts a play and leaves it running."""
        inventory = self.directory / "hosts.json"
        inventory.write_text(self.fleet.inventory())
        playbook = self.directory / "begun.yaml"
        playbook.write_text(json.dumps(
            [{"hosts": "all", "gather_facts": False, "tasks": tasks, **keywords}]))
        return subprocess.Popen([built("run-playbook"), "-i", inventory, playbook],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                env=self.operator.environment)

    def collect(self, job):
        """Asks about a job until it has ended: the last answer."""
        results = self.play({"async_status": {"jid": job}, **ASKED})
        return results[-1]

    def test_a_job_outlives_the_program_that_began_it(self):
        process = self.begin({"shell": WAITER, "async": 600, "poll": 1})
        self.until(lambda: len(self.jobs()) == 1)
        process.kill()
        process.communicate()
        # The connection is gone, and the helper with it; the job is not.
        self.until(lambda: not self.host.shell(f"{SESSIONS} || true"))
        job, = self.jobs()
        outcome, result = self.task({"async_status": {"jid": job}})
        self.assertEqual((outcome, result["finished"]), ("ok", False), result)
        self.host.shell("touch /srv/go-on")
        outcome, result = self.collect(job)
        self.assertEqual((outcome, result["stdout"], result["rc"]), ("changed", "whole", 0))

    def test_a_task_that_waits_opens_its_line_again(self):
        process = self.begin({"shell": WAITER, "async": 600, "poll": 1},
                             {"debug": {"msg": "goes on"}})
        # Once it asks, it has heard that the job was begun.
        begun = next((line for line in process.stdout if "ASYNC POLL on" in line), None)
        self.assertIsNotNone(begun)
        self.host.shell(f"kill $({SESSIONS})")
        time.sleep(1)
        self.host.shell("touch /srv/go-on")
        output, _ = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, output)
        self.assertIn("ASYNC OK on n01: jid=j", output)
        self.assertIn("goes on", output)
        self.assertEqual(self.jobs(), [])

    def test_a_job_is_its_user_s(self):
        outcome, result = self.task({"command": "whoami", "async": 60, "poll": 0},
                                    become=True, become_user="admin")
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["results_file"],
                         f"/home/admin/.ansible_async/{result['ansible_job_id']}")
        results = self.play({"async_status": {"jid": result["ansible_job_id"]}, **ASKED},
                            become=True, become_user="admin")
        self.assertEqual(results[-1][1]["stdout"], "admin")
        said = self.host.shell(f"stat -c '%U %a' {result['results_file']}")
        self.assertEqual(said.strip(), "admin 600")

    def test_a_job_of_a_package_manager(self):
        outcome, result = self.task({"apt": {"name": "no-such-package"}, "async": 60, "poll": 1},
                                    code=2)
        self.assertEqual(outcome, "failed")
        self.assertIn("no-such-package", result["msg"])
        self.assertTrue(result["finished"])

    @unittest.skipUnless(shutil.which("ansible"), "there is no ansible on this machine")
    def test_each_program_asks_about_the_other_s_jobs(self):
        _, result = self.task({"shell": WAITER, "async": 600, "poll": 0})
        ours = result["ansible_job_id"]
        self.assertIn('"finished": 0', self.ansible("async_status", f"jid={ours}"))
        theirs = re.search(r'"ansible_job_id": "([^"]*)"', self.ansible(
            "shell", f"{WAITER}; echo >&2 err; exit 3", "-B", "600", "-P", "0"))[1]
        _, result = self.task({"async_status": {"jid": theirs}})
        self.assertFalse(result["finished"])
        self.host.shell("touch /srv/go-on")
        self.collect(ours)
        said = self.ansible("async_status", f"jid={ours}")
        self.assertIn('"stdout": "whole"', said)
        self.assertIn('"finished": 1', said)
        run = self.run_play({"async_status": {"jid": theirs}, **ASKED})
        result = [event for event in run.events if event["event"] == "task"][-1]["result"]
        self.assertEqual((result["stdout"], result["stderr"], result["rc"]), ("whole", "err", 3))
        for job in (ours, theirs):
            self.task({"async_status": {"jid": job, "mode": "cleanup"}})
        self.assertEqual(self.jobs(), [])

    def ansible(self, module, arguments, *options):
        """What `ansible` says on the host; it fails where the module does."""
        done = subprocess.run(
            ["ansible", "all", "-i", self.directory / "hosts.json", "-m", module, "-a", arguments,
             *options], capture_output=True, text=True, check=False, timeout=300)
        self.assertIn(done.returncode, (0, 2), done.stderr)
        return done.stdout


class RebootTest(PlaybookCase):
    fleet_name = "reboot"
    host_count = 2

    def boots(self):
        return {host.name: host.shell("cat /proc/sys/kernel/random/boot_id")
                for host in self.fleet.hosts}

    def test_the_others_go_on(self):
        before = self.boots()
        run = self.run_play(
            {"reboot": {"reboot_timeout": 180}, "when": "inventory_hostname == 'n01'"},
            {"command": "cat /proc/sys/kernel/random/boot_id"}, user="admin", become=True)
        self.assertEqual(run.code, 0, run)
        ended = [(event["host"], event["module"], event["outcome"]) for event in run.events
                 if event["event"] == "task"]
        self.assertLess(ended.index(("n02", "command", "changed")),
                        ended.index(("n01", "reboot", "changed")), ended)
        after = self.boots()
        self.assertNotEqual(before["n01"], after["n01"])
        self.assertEqual(before["n02"], after["n02"])

    def test_one_that_does_not_come_back_fails(self):
        host = self.fleet["n02"]
        host.shell("systemctl mask ssh.service ssh.socket")
        try:
            run = self.run_play(
                {"reboot": {"reboot_timeout": 12, "connect_timeout": 2}, "ignore_errors": True},
                {"wait_for_connection": {"timeout": 2, "connect_timeout": 1}},
                options=["-l", "n02"])
            reboot, wait = [event for event in run.events if event["event"] == "task"]
            self.assertEqual((run.code, reboot["outcome"], wait["outcome"]),
                             (2, "ignored", "failed"), run)
            self.assertEqual(reboot["result"]["msg"],
                             "Timed out waiting for last boot time check (timeout=12)")
            self.assertTrue(reboot["result"]["rebooted"])
            self.assertIn("timed out waiting for ping module test", wait["result"]["msg"])
            self.assertGreaterEqual(wait["result"]["elapsed"], 2)
        finally:
            host.wait_for_systemd()  # it may still be about to boot
            host.shell("systemctl unmask ssh.service ssh.socket; systemctl start ssh.service")

    def test_a_command_that_refuses(self):
        run = self.run_play(
            {"reboot": {"reboot_command": "sh -c 'echo out; echo err >&2; exit 4'"}},
            options=["-l", "n01"])
        result = [event for event in run.events if event["event"] == "task"][-1]["result"]
        self.assertEqual(result["msg"], "Reboot command failed. Error was: 'out, err'")
        self.assertIs(result["rebooted"], False)


if __name__ == "__main__":
    program.main()
