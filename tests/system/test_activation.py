#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy-models to the end, on real hosts: configs, restarts and health."""

from harness import program
from harness.activation import CONFIG, DATA, FIRST, MODEL, SECOND, ActivationCase
from harness.deploy import HOST_FAILED, OK


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
        host.shell("while systemctl list-timers --all 'modelfleet-*' --no-legend | grep .; do "
                   "sleep 0.1; done; ! find /etc/systemd -name 'modelfleet-*' | grep .")
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


if __name__ == "__main__":
    program.main()
