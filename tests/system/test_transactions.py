#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Between a change and its confirmation everything may go: the engine, its link, the node's
power. Then the node is old again, with its services; confirmed before, it stays new."""

import itertools
import os
import shutil
import time
from pathlib import Path

from harness import program
from harness.booted import BootedCase
from harness.helper import Gone, Helper, NodeError

NODE = "/usr/local/bin/modelfleet-node"
CONFIG = "/etc/recorder.conf"
UNIT = "recorder.service"
STATE = "/var/lib/modelfleet/transactions"
FOREVER = 3600
NOT_FOUND = 4
NUMBERS = itertools.count(1)

UNIT_FILE = """[Unit]
Description={description}
[Service]
ExecStart=/bin/sh -c 'cp /etc/recorder.conf /run/recorder.seen; exec sleep infinity'
{more}
[Install]
WantedBy=multi-user.target
"""


class TransactionTest(BootedCase):
    fleet_name = "transactions"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shutil.copy(Path(os.environ["MODELFLEET_BIN"]) / "modelfleet-node",
                    cls.host.root / NODE[1:])

    def setUp(self):
        if self.host.init() is None:
            self.host.start()
            self.host.wait()
        self.host.link.heal()
        self.name = f"t{next(NUMBERS)}"
        self.write_unit()
        self.host.shell(f"echo old > {CONFIG}; systemctl daemon-reload;"
                        f"systemctl reset-failed; systemctl enable --quiet {UNIT};"
                        f"systemctl restart {UNIT}")
        self.wait_for(lambda: self.seen() == "old")

    def write_unit(self, description="first", more=""):
        (self.host.root / "etc/systemd/system" / UNIT).write_text(
            UNIT_FILE.format(description=description, more=more))

    def start(self, user="root", command=NODE):
        helper = Helper(["ssh", "-F", str(self.fleet.ssh_config), "-l", user, "n01", command])
        self.addCleanup(helper.kill)
        return helper

    def read(self, path):
        try:
            return (self.host.root / path[1:]).read_text().strip()
        except FileNotFoundError:
            return None

    def seen(self):
        """The configuration that the service read when it was started."""
        return self.host.run("cat", "/run/recorder.seen", check=False).stdout.decode().strip()

    def state(self, name=None):
        names = self.host.shell(f"ls {STATE} 2>/dev/null || true").split()
        words = [one.rpartition(".")[2] for one in names
                 if one.rpartition(".")[0] == (name or self.name)]
        return words[0] if words else None

    def wait_for(self, condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, "what the test waits for does not happen")
            time.sleep(0.05)

    def change(self, helper, timeout, restart=True, ctx=0):
        """What a run does: a transaction, a new configuration, a restart."""
        with helper.heard():
            self.assertEqual(helper.begin(self.name, timeout, ctx=ctx), "")
            helper.module("copy", {"path": CONFIG, "content": b"new\n"}, ctx)
            if restart:
                helper.module("service", {"manager": "systemd", "units": [UNIT],
                                          "state": "restarted"}, ctx)
                self.wait_for(lambda: self.seen() == "new")

    def assert_old(self):
        self.wait_for(lambda: self.state() == "reverted")
        self.assertEqual(self.read(CONFIG), "old")
        self.wait_for(lambda: self.seen() == "old")  # restarted, it still has to read
        self.host.run("systemctl", "is-active", UNIT)
        self.assert_nothing_left()

    def assert_nothing_left(self):
        """No unit for the next boot, no timer, nothing that failed."""
        self.wait_for(lambda: "modelfleet" not in self.host.shell(
            "ls /etc/systemd/system /etc/systemd/system/*.wants;"
            "systemctl list-units --plain --no-legend; systemctl list-jobs --no-legend"))

    def assert_late_confirm_is_refused(self, reason):
        with self.assertRaisesRegex(NodeError, reason) as refusal:
            self.start().confirm(self.name)
        self.assertEqual(refusal.exception.code, NOT_FOUND)


class EngineTest(TransactionTest):
    def test_confirmed_stays_new(self):
        helper = self.start()
        self.change(helper, 5)
        helper.confirm(self.name)
        self.assertEqual(helper.bye(), 0)
        time.sleep(6)
        self.assertEqual((self.state(), self.read(CONFIG), self.seen()),
                         ("confirmed", "new", "new"))
        self.assert_nothing_left()

    def test_confirmed_can_be_undone_by_another_connection(self):
        helper = self.start()
        self.change(helper, FOREVER)
        helper.confirm(self.name)
        helper.bye()
        report = self.start().undo(self.name)
        self.assertEqual(report["failed"], [])
        self.assertIn(CONFIG, report["undone"])
        self.assert_old()

    def test_an_undo_on_request(self):
        helper = self.start()
        self.change(helper, FOREVER)
        self.assertEqual(helper.undo(self.name)["failed"], [])
        self.assert_old()

    def test_a_killed_engine(self):
        helper = self.start()
        self.change(helper, 5)
        helper.kill()
        self.assert_old()
        self.assert_late_confirm_is_refused("has taken back .* nothing was heard of modelfleet")

    def test_a_cut_link(self):
        """Nobody is told: the helper still waits, and holds the transaction."""
        helper = self.start()
        self.change(helper, 5)
        self.host.link.cut()
        self.assert_old()
        self.host.link.heal()
        with self.assertRaises((NodeError, Gone)):
            helper.confirm(self.name)

    def test_a_stopped_engine_while_a_command_runs(self):
        """What the helper has started ends with it."""
        helper = self.start()
        self.change(helper, 5)
        helper.start_module("command", {
            "shell": True, "line": f"sleep 10; echo late > {CONFIG}; sleep 100"})
        self.host.link.cut()
        self.assert_old()
        time.sleep(7)
        self.assertEqual(self.read(CONFIG), "old")

    def test_as_long_as_it_is_heard_it_may_take_its_time(self):
        helper = self.start()
        self.change(helper, 5)
        for _ in range(16):
            helper.call(17)
            time.sleep(0.5)
        self.assertEqual(self.state(), "armed")
        helper.confirm(self.name)
        self.assertEqual(self.state(), "confirmed")

    def test_it_is_heard_while_a_command_runs(self):
        helper = self.start()
        self.change(helper, 4)
        request = helper.start_module("command", {"argv": ["sleep", "9"]})
        for _ in range(18):
            helper.send(17)
            time.sleep(0.5)
        self.assertEqual(self.state(), "armed")
        helper.answer(request)
        helper.confirm(self.name)

    def test_a_helper_behind_another_hears_too(self):
        """While the first one is busy, the one that root runs must not think that all is over."""
        helper = self.start("admin")
        helper.become(1, "sudo", "-n", NODE)
        self.change(helper, 4, ctx=1)
        request = helper.start_module("command", {"argv": ["sleep", "9"]})
        for _ in range(18):
            helper.send(17)
            time.sleep(0.5)
        self.assertEqual(self.state(), "armed")
        helper.answer(request)
        helper.confirm(self.name, 1)
        self.assertEqual(self.state(), "confirmed")

    def test_an_engine_that_lost_its_link_goes_on(self):
        first = self.start()
        self.change(first, FOREVER)
        self.host.link.cut()
        time.sleep(0.5)
        self.host.link.heal()
        second = self.start()
        self.assertEqual(second.begin(self.name, FOREVER), "")
        second.module("copy", {"path": "/etc/more.conf", "content": b"more\n"})
        self.assertEqual(second.undo(self.name)["failed"], [])
        self.assertIsNone(self.read("/etc/more.conf"))
        self.assert_old()


class BootTest(TransactionTest):
    def boot(self, by_power):
        if by_power:
            self.host.stop()
            self.host.start()
        else:
            before = self.host.init()
            self.host.run("systemctl", "reboot")
            self.wait_for(lambda: self.host.init() not in (None, before))
        self.host.wait()
        self.host.wait_for_systemd()

    def test_a_reboot_before_the_confirmation(self):
        helper = self.start()
        self.change(helper, FOREVER)
        self.boot(by_power=False)
        self.assert_old()
        self.assert_late_confirm_is_refused("the node was booted before it was confirmed")

    def test_a_power_cut_before_the_confirmation(self):
        helper = self.start()
        self.change(helper, FOREVER)
        self.boot(by_power=True)
        self.assert_old()

    def test_a_power_cut_after_the_confirmation(self):
        helper = self.start()
        self.change(helper, FOREVER)
        helper.confirm(self.name)
        self.boot(by_power=True)
        self.assertEqual((self.state(), self.read(CONFIG)), ("confirmed", "new"))
        self.wait_for(lambda: self.seen() == "new")  # started, it still has to read
        self.assert_nothing_left()

    def test_unit_files_are_old_before_their_services_start(self):
        helper = self.start()
        helper.begin(self.name, FOREVER)
        path = f"/etc/systemd/system/{UNIT}"
        new = UNIT_FILE.format(description="second", more="").replace("recorder.conf", "hostname")
        helper.module("copy", {"path": path, "content": new.encode()})
        helper.module("service", {"manager": "systemd", "units": [UNIT], "state": "restarted",
                                  "daemon_reload": True})
        self.wait_for(lambda: self.seen() == "n01")
        self.boot(by_power=True)
        self.assert_old()
        self.assertIn("first", self.host.shell(f"systemctl show -p Description {UNIT}"))

    def test_another_reload_of_the_manager_starts_nothing(self):
        """The unit for the next boot hangs on a target that every start of a service pulls."""
        helper = self.start()
        self.change(helper, FOREVER)
        self.host.shell("systemctl daemon-reload; systemctl restart cron ssh 2>/dev/null || true;"
                        "systemctl start multi-user.target sysinit.target")
        time.sleep(0.5)
        self.assertEqual((self.state(), self.read(CONFIG)), ("armed", "new"))
        helper.confirm(self.name)
        self.assert_nothing_left()


class ServiceTest(TransactionTest):
    def change_to_broken(self, more):
        """A new unit file whose service does not live, and a run that is killed then."""
        helper = self.start()
        text = UNIT_FILE.format(description="broken", more=more)
        with helper.heard():
            helper.begin(self.name, 5)
            helper.module("copy", {"path": f"/etc/systemd/system/{UNIT}",
                                   "content": text.encode()})
            helper.module("copy", {"path": CONFIG, "content": b"new\n"})
            helper.start_module("service", {"manager": "systemd", "units": [UNIT],
                                            "state": "restarted", "daemon_reload": True})
            self.wait_for(lambda: self.host.run("systemctl", "is-active", UNIT,
                                                check=False).stdout != b"active\n")
        helper.kill()

    def assert_back(self):
        """systemd is given its time to see that the broken one does not go on."""
        self.wait_for(lambda: self.state() == "reverted", 300)
        self.assert_old()

    def test_one_that_fails_at_once(self):
        self.change_to_broken("ExecStartPre=/bin/false")
        self.assert_back()

    def test_one_that_hangs_in_its_start(self):
        self.change_to_broken("ExecStartPre=/bin/sleep infinity\nTimeoutStartSec=infinity")
        self.assert_back()

    def test_one_that_hangs_in_its_stop(self):
        self.change_to_broken("ExecStop=/bin/sleep infinity\nTimeoutStopSec=infinity\n"
                              "KillSignal=SIGCONT")
        self.assert_back()

    def test_a_service_that_was_not_there_is_gone(self):
        helper = self.start()
        helper.begin(self.name, FOREVER)
        path = "/etc/systemd/system/fresh.service"
        helper.module("copy", {"path": path, "content": UNIT_FILE.format(
            description="fresh", more="").encode()})
        helper.module("service", {"manager": "systemd", "units": ["fresh.service"],
                                  "state": "started", "enabled": True, "daemon_reload": True})
        self.assertEqual(helper.undo(self.name)["failed"], [])
        self.assertIsNone(self.read(path))
        self.assertNotIn("fresh", self.host.shell(
            "systemctl list-units --plain --no-legend;"
            "ls /etc/systemd/system/multi-user.target.wants"))


class UserTest(TransactionTest):
    """A login user without rights, with a configuration and a timer of its own."""

    path = "/home/careful/app.conf"

    def setUp(self):
        super().setUp()
        self.host.shell(f"rm -rf /home/careful/.local; echo old > {self.path};"
                        f"chown careful: {self.path}")
        self.addCleanup(self.host.shell, "loginctl disable-linger careful")

    def linger(self):
        """The test's root has no PAM module that would make the manager's directory."""
        drop_in = self.host.root / "etc/systemd/system/user@.service.d"
        drop_in.mkdir(exist_ok=True)
        (drop_in / "runtime.conf").write_text(
            "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n"
            "ExecStartPre=+/usr/bin/install -d -o %i -m 700 /run/user/%i\n")
        self.host.shell("systemctl daemon-reload; loginctl enable-linger careful;"
                        "systemctl restart user@$(id -u careful)")
        self.wait_for(lambda: self.host.shell(
            "systemctl is-active user@$(id -u careful) || true").strip() == "active")

    def change_own(self, timeout):
        helper = self.start("careful")
        with helper.heard():
            gap = helper.begin(self.name, timeout)
            helper.module("copy", {"path": self.path, "content": b"new\n"})
            self.assertEqual(self.read(self.path), "new")
        return helper, gap

    def state(self, name=None):
        names = self.host.shell(
            "ls /home/careful/.local/state/modelfleet/transactions 2>/dev/null || true").split()
        words = [one.rpartition(".")[2] for one in names
                 if one.rpartition(".")[0] == (name or self.name)]
        return words[0] if words else None

    def test_without_linger_it_is_told_what_is_missing(self):
        helper, gap = self.change_own(5)
        self.assertIn("after a reboot nothing takes the changes back", gap)
        self.assertIn("enable-linger", gap)
        helper.kill()
        self.wait_for(lambda: self.state() == "reverted")
        self.assertEqual(self.read(self.path), "old")

    def test_with_linger_it_survives_its_session(self):
        self.linger()
        helper, gap = self.change_own(5)
        self.assertEqual(gap, "")
        with helper.heard():
            timers = self.host.shell("runuser -u careful -- env XDG_RUNTIME_DIR=/run/user/"
                                     "$(id -u careful) systemctl --user list-timers --all")
        self.assertIn(f"modelfleet-revert-{self.name}.timer", timers)
        helper.kill()
        self.wait_for(lambda: self.state() == "reverted")
        self.assertEqual(self.read(self.path), "old")

    def test_with_linger_it_survives_a_power_cut(self):
        self.linger()
        self.change_own(FOREVER)
        self.host.stop()
        self.host.start()
        self.host.wait()
        self.wait_for(lambda: self.state() == "reverted")
        self.assertEqual(self.read(self.path), "old")
        self.assertNotIn("modelfleet", self.host.shell(
            "find /home/careful/.config/systemd -name 'modelfleet*'"))


class HandTest(TransactionTest):
    def test_the_copy_on_the_node_lists_undoes_and_confirms(self):
        helper = self.start()
        self.change(helper, FOREVER)
        helper.kill()
        copies = self.host.shell("ls /var/lib/modelfleet/bin").split()
        self.assertEqual(len(copies), 1)
        copy = f"/var/lib/modelfleet/bin/{copies[0]}"
        listed = self.host.shell(f"{copy} --transactions")
        self.assertRegex(listed, rf"{self.name} armed .* 1 paths, 1 services: a test")
        undone = self.host.shell(f"{copy} --undo {self.name}")
        self.assertIn(f"undone {CONFIG}", undone)
        self.assert_old()
        refused = self.host.run(copy, "--confirm", self.name, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"has taken back", refused.stderr)

    def test_what_was_copied_for_another_user_goes(self):
        helper = self.start("careful")
        directory = helper.call(20, b"\x08\x00/var/tmp\x00")[2:-1].decode()
        self.assertIsNotNone((self.host.root / directory[1:]).stat())
        self.assertEqual(helper.bye(), 0)
        self.assertEqual(self.host.shell("ls /var/tmp | grep modelfleet || true"), "")


if __name__ == "__main__":
    del TransactionTest  # it has no tests of its own
    program.main()
