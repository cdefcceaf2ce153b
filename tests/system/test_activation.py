#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy-models to the end, on real hosts: configs, restarts, health, and the way back."""

import os
import signal
import time

from harness import program
from harness.activation import (CONFIG, DATA, FIRST, MODEL, SECOND, ActivationCase, brief, events,
                                install_service, processes)
from harness.deploy import HOST_FAILED, OK, finish

ROLLED_BACK = 3


class ActivateTest(ActivationCase):
    def test_a_deploy_renders_restarts_and_checks(self):
        run = self.deploy()
        for host in self.fleet.hosts:
            self.assert_version(host.name, FIRST)
            self.assertEqual(self.runs(host.name), ["fine"])
            self.assertEqual(run.host(host.name)["state"], "changed")

    def test_nothing_to_do_restarts_nothing(self):
        self.deploy()
        before = self.unit("n01")
        inode = self.fleet["n01"].shell(f"stat -c '%i %Z' {CONFIG}")
        run = self.deploy()
        self.assertEqual(run.host("n01")["state"], "unchanged")
        self.assertEqual(self.unit("n01"), before)
        self.assertEqual(self.fleet["n01"].shell(f"stat -c '%i %Z' {CONFIG}"), inode)

    def test_a_version_change_restarts_once_and_leaves_others_alone(self):
        self.deploy()
        unrelated = self.unit("n01", "unrelated")["MainPID"]
        self.add_version(SECOND, "fine")
        self.deploy()
        self.assert_version("n01", SECOND)
        self.assertEqual(self.runs("n01"), ["fine", "fine"])
        self.assertEqual(self.unit("n01", "unrelated")["MainPID"], unrelated)

    def test_a_pinned_host_gets_its_own_version_in_its_config(self):
        self.add_version(SECOND, "fine")
        self.site.write_host("n02", {"model_version_overrides": {MODEL: FIRST}})
        self.deploy()
        self.assert_version("n01", SECOND)
        self.assert_version("n02", FIRST)

    def test_check_changes_nothing(self):
        run = self.deploy("--check", "--diff")
        self.assertEqual(run.host("n01")["state"], "changed")
        self.fleet["n01"].shell(f"test ! -e {CONFIG}; test ! -e {DATA}/model_registry")
        self.assertEqual(self.runs("n01"), [])

    def test_a_confirmed_deploy_leaves_no_watchdog(self):
        self.deploy()
        host = self.fleet["n01"]
        self.assertEqual(host.shell("systemctl list-timers --all 'modelfleet-*' --no-legend"), "")
        self.assertEqual(host.shell("find /etc/systemd -name 'modelfleet-*'"), "")
        self.assertTrue(all(name.endswith(".confirmed") for name in self.transactions("n01")))

    def test_sudo_that_wants_a_password(self):
        self.user = "careful"
        for host in self.fleet.hosts:
            host.shell(f"chown careful: {DATA}")
        self.write_site(ansible_become_password="correct horse")
        self.deploy()
        self.assert_version("n01", FIRST)
        self.write_site(ansible_become_password="wrong")
        self.add_version(SECOND, "fine")
        run = self.deploy(code=HOST_FAILED)
        self.assertNotIn("wrong", run.stdout + run.stderr)
        self.assert_version("n01", FIRST)

    def test_disk_full_while_rendering(self):
        self.deploy()
        self.add_version(SECOND, "fine")
        host = self.fleet["n01"]
        host.shell(f"cp -a {CONFIG} /root/config; mount -t tmpfs -o size=8k tmpfs {DATA}/tasks; "
                   f"cp -a /root/config {CONFIG}; "
                   f"dd if=/dev/zero of={DATA}/tasks/full bs=4k count=9 2>/dev/null || true")
        try:
            run = self.operator.deploy()
            self.assertNotEqual(run.code, OK, run)
            self.assertIn("space", run.stdout)
            self.assert_version("n01", FIRST)
            self.assertEqual(host.shell(f"ls -A {DATA}/tasks"), "detection.yaml\nfull\n")
            self.assert_version("n02", SECOND)
        finally:
            host.shell(f"umount {DATA}/tasks")


class WayBackTest(ActivationCase):
    """Versions that do not live."""

    def fail_with(self, behaviour, *arguments, health=None):
        self.deploy()
        self.write_site(health=health)
        self.add_version(SECOND, behaviour)
        run = self.deploy(*arguments, code=ROLLED_BACK)
        for host in self.fleet.hosts:
            self.assert_version(host.name, FIRST)
            self.assertEqual(run.host(host.name)["state"], "rolled_back")
        return run

    def test_a_unit_that_fails_at_once(self):
        run = self.fail_with("fails")
        self.assertIn("wrong shape", run.stdout)
        self.assertEqual(self.runs("n01"), ["fine", "fails", "fine"])

    def test_a_unit_that_fails_after_five_seconds(self):
        self.fail_with("dies", health={"stable": 8, "deadline": 30})
        self.assertEqual(self.runs("n01")[:3], ["fine", "dies", "fine"])

    def test_a_unit_that_restarts_itself_is_not_stable(self):
        for host in self.fleet.hosts:
            install_service(host, restart="always")
        self.addCleanup(lambda: [install_service(host) for host in self.fleet.hosts])
        self.fail_with("dies", health={"stable": 8, "deadline": 30})

    def test_a_unit_that_hangs_in_start(self):
        started = time.monotonic()
        self.fail_with("hangs", "-e", "model_restart_seconds=12")
        self.assertLess(time.monotonic() - started, 90)

    def test_a_unit_that_hangs_in_stop(self):
        """The version that runs ignores SIGTERM; the next one cannot be started in time."""
        self.site.models.clear()
        self.add_version(FIRST, "deaf")
        self.deploy()
        self.add_version(SECOND, "fine")
        run = self.operator.deploy("-e", "model_restart_seconds=12")
        self.assertIn(run.code, (OK, ROLLED_BACK), run)
        self.assert_version("n01", SECOND if run.code == OK else FIRST)

    def test_an_http_check_that_does_not_see_what_it_wants(self):
        self.fail_with("odd", health={"stable": 1, "deadline": 8, "body": "^fine",
                                      "url": "http://127.0.0.1:5566/"})

    def test_the_report_says_both(self):
        self.deploy()
        self.add_version(SECOND, "fails")
        run = self.operator.deploy_text()
        self.assertEqual(run.code, ROLLED_BACK, run)
        self.assertIn("went back", run.stdout)
        self.assertIn("wrong shape", run.stdout)


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
        deadline = time.monotonic() + 60
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

    def test_the_engine_is_killed(self):
        process = self.begin()
        process.kill()
        process.communicate()
        for host in ("n01", "n02"):
            self.wait_for(host, FIRST, self.TIMEOUT + 30)
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
        self.wait_for("n01", FIRST, self.TIMEOUT + 30)
        process.send_signal(signal.SIGINT)
        run = finish(process)
        self.assertNotEqual(run.code, OK, run)
        self.assert_version("n01", FIRST)
        self.fleet["n01"].link.heal()
        self.deploy("--confirm-timeout", 60, timeout=300)

    def test_the_node_reboots(self):
        process = self.begin()
        host = self.fleet["n01"]
        host.stop()
        host.start()
        host.wait()
        self.wait_for("n01", FIRST, 30)
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


class RolloutTest(ActivationCase):
    """Twelve hosts in batches; some of them cannot live with the new version."""

    host_count = 12

    def setUp(self):
        super().setUp()
        self.deploy("--forks", 12)
        self.add_version(SECOND, "fine")

    def spoil(self, *names):
        """On these hosts the new version does not work."""
        for name in names:
            self.fleet[name].shell(
                "mkdir -p /etc/systemd/system/sentinel.service.d; printf '[Service]\\nExecStartPre="
                f"/bin/sh -c \"! grep -q {SECOND} {CONFIG}\"\\n' > "
                "/etc/systemd/system/sentinel.service.d/spoil.conf; systemctl daemon-reload")
            self.addCleanup(self.fleet[name].shell,
                            "rm -r /etc/systemd/system/sentinel.service.d; "
                            "systemctl daemon-reload")

    def versions(self):
        return [self.config(host.name)["version"].strip('"') for host in self.fleet.hosts]

    def test_a_canary_that_fails_ends_the_rollout(self):
        self.spoil("n01")
        run = self.deploy("--serial", "1,100%", code=ROLLED_BACK)
        self.assertEqual(self.versions(), [FIRST] * 12)
        self.assertEqual(run.host("n02")["state"], "not_run")

    def test_failures_within_the_limit_do_not(self):
        self.spoil("n02")
        self.deploy("--serial", "4", "--max-fail-percentage", "25", code=ROLLED_BACK)
        self.assertEqual(self.versions(), [SECOND, FIRST] + [SECOND] * 10)

    def test_more_failures_end_the_run_with_their_batch(self):
        self.spoil("n05", "n06")
        self.deploy("--serial", "4", "--max-fail-percentage", "25", code=ROLLED_BACK)
        self.assertEqual(self.versions(),
                         [SECOND] * 4 + [FIRST, FIRST, SECOND, SECOND] + [FIRST] * 4)

    def test_rollback_on_abort_takes_back_all(self):
        self.spoil("n05", "n06")
        run = self.deploy("--serial", "4", "--max-fail-percentage", "25", "--rollback-on-abort",
                          code=ROLLED_BACK)
        self.assertEqual(self.versions(), [FIRST] * 12)
        self.assertEqual({event["host"] for event in events(run, "undo")},
                         {f"n{number:02d}" for number in range(1, 9)})
        self.assertEqual(run.totals["rolled_back"], 8, brief(run))
        for host in self.fleet.hosts:
            self.assertEqual(self.unit(host.name)["ActiveState"], "active")

    def test_canaries_soak(self):
        started = time.monotonic()
        self.deploy("--serial", "2,100%", "--soak", "6")
        self.assertGreater(time.monotonic() - started, 6)
        self.assertEqual(self.versions(), [SECOND] * 12)


if __name__ == "__main__":
    program.main()
