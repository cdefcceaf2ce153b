#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Services of a real systemd: what restarts, what hangs, what dies, and what is left alone."""

import json
import shutil
import subprocess
import time
import unittest

from harness import program
from harness.helper import Helper
from harness.playbook import PlaybookCase
from harness.deploy import program as path_of

NODE = "/usr/local/bin/modelfleet-node"
FAILED = 2

UNITS = {
    "good": "ExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target",
    "other": "ExecStart=/bin/sleep infinity",
    "unrelated": "ExecStart=/bin/sleep infinity",
    "at-once": "ExecStart=/bin/sh -c 'echo no lens >&2; exit 3'",
    "ready-then-dead": "Type=notify\nExecStart=/bin/sh -c 'echo no model >&2; exit 4'",
    "five-seconds": "ExecStart=/bin/sh -c 'sleep 5; echo out of memory >&2; exit 1'",
    "restarting": "Restart=always\nRestartSec=0.2\nExecStart=/bin/sh -c 'sleep 1.5; exit 1'",
    "hangs-in-start": "Type=notify\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity",
    "hangs-in-stop": "TimeoutStopSec=infinity\n"
                     "ExecStart=/bin/sh -c 'trap : TERM; while :; do sleep 1; done'",
}


class ServicesTest(PlaybookCase):
    fleet_name = "services"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, body in UNITS.items():
            text = f"[Service]\n{body}\n"
            (cls.host.root / f"etc/systemd/system/{name}.service").write_text(text)
        cls.host.run("tee", NODE, stdin=path_of("modelfleet-node").read_bytes())
        cls.host.run("chmod", "755", NODE)
        cls.host.shell("systemctl daemon-reload")

    def setUp(self):
        names = " ".join(UNITS)
        self.host.shell(f"systemctl stop --no-block {names}; sleep 0.1;"
                        f"systemctl kill -s KILL {names} 2>/dev/null || true;"
                        f"systemctl stop {names}; systemctl reset-failed;"
                        "systemctl start good other unrelated")

    def show(self, unit):
        """A unit's state, as systemd has it."""
        lines = self.host.shell(f"systemctl show {unit}").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def pid(self, unit):
        return int(self.show(unit)["MainPID"])

    def helper(self, user="root"):
        helper = Helper(["ssh", "-F", str(self.fleet.ssh_config), "-l", user, "n01", NODE])
        self.addCleanup(helper.kill)
        return helper

    # Changes.

    def test_restart_leaves_others_alone(self):
        before = {unit: self.pid(unit) for unit in ("good", "other", "unrelated")}
        outcome, result = self.task({"service": {"name": "good", "state": "restarted"}})
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["state"], "started")
        self.assertEqual(result["units"][0]["main_pid"], self.pid("good"))
        self.assertNotEqual(self.pid("good"), before["good"])
        self.assertEqual(self.pid("unrelated"), before["unrelated"])
        self.assertEqual(self.pid("other"), before["other"])

    def test_two_units_are_restarted_by_one_command(self):
        self.write("/usr/local/sbin/systemctl", "#!/bin/sh\n"
                   "echo \"$@\" >> /run/systemctl.log\nexec /bin/systemctl \"$@\"\n", 0o755)
        self.addCleanup(self.host.shell, "rm /usr/local/sbin/systemctl /run/systemctl.log")
        helper = Helper(["ssh", "-F", str(self.fleet.ssh_config), "-l", "root", "n01",
                         f"PATH=/usr/local/sbin:$PATH {NODE}"])
        self.addCleanup(helper.kill)
        before = self.pid("good"), self.pid("other")
        helper.module("service", {"units": ["good", "other"], "state": "restarted"})
        self.assertNotEqual(self.pid("good"), before[0])
        self.assertNotEqual(self.pid("other"), before[1])
        log = self.host.shell("cat /run/systemctl.log").splitlines()
        verbs = [next(word for word in line.split() if word[0] != "-") for line in log]
        self.assertEqual(verbs, ["show", "restart", "show"])

    def test_several_names_in_one_task(self):
        before = self.pid("good"), self.pid("other")
        _, result = self.task({"service": {"name": ["good", "other"], "state": "restarted"}})
        self.assertEqual(result["name"], ["good", "other"])
        after = [unit["main_pid"] for unit in result["units"]]
        self.assertEqual(after, [self.pid("good"), self.pid("other")])
        self.assertFalse(set(after) & set(before))

    def test_what_is_as_it_should_be_is_unchanged(self):
        before = self.pid("good")
        tasks = [{"systemd": {"name": "good", "state": "started"}},
                 {"service": {"name": "at-once", "state": "stopped"}}]
        self.assertEqual([outcome for outcome, _ in self.play(*tasks)], ["ok", "ok"])
        self.assertEqual(self.pid("good"), before)

    def test_check_mode_changes_nothing(self):
        before = self.pid("good")
        tasks = [{"service": {"name": "good", "state": "restarted"}},
                 {"service": {"name": "at-once", "state": "started"}},
                 {"systemd": {"name": "good", "enabled": True}}]
        results = self.play(*tasks, options=["--check"])
        self.assertEqual([outcome for outcome, _ in results], ["changed"] * 3)
        self.assertEqual(self.pid("good"), before)
        self.assertEqual(self.show("at-once")["ActiveState"], "inactive")
        self.assertEqual(self.show("good")["UnitFileState"], "disabled")

    def test_enabled_and_masked(self):
        def states(**wanted):
            return self.task({"systemd": {"name": "good", **wanted}})[0]

        self.assertEqual(states(enabled=True), "changed")
        self.assertEqual(self.show("good")["UnitFileState"], "enabled")
        self.assertEqual(states(enabled=True), "ok")
        self.assertEqual(states(enabled=False), "changed")
        self.assertEqual(self.show("good")["UnitFileState"], "disabled")
        mask = {"systemd": {"name": "not-here.service", "masked": True}}
        self.assertEqual([outcome for outcome, _ in self.play(mask, mask)], ["changed", "ok"])
        self.assertEqual(self.show("not-here")["LoadState"], "masked")
        mask["systemd"]["masked"] = False
        self.assertEqual([outcome for outcome, _ in self.play(mask, mask)], ["changed", "ok"])

    def test_daemon_reload_makes_a_changed_file_count(self):
        self.write("/etc/systemd/system/renewed.service",
                   "[Service]\nExecStart=/bin/sleep infinity\nEnvironment=A=one\n")
        self.task({"systemd": {"name": "renewed", "state": "started", "daemon_reload": True}})
        self.write("/etc/systemd/system/renewed.service",
                   "[Service]\nExecStart=/bin/sleep infinity\nEnvironment=A=two\n")
        self.task({"systemd": {"name": "renewed", "state": "restarted", "daemon_reload": True}})
        self.assertEqual(self.show("renewed")["Environment"], "A=two")
        self.host.shell("systemctl stop renewed")

    @unittest.skipUnless(shutil.which("ansible-playbook"), "needs Ansible to compare with")
    def test_results_are_ansible_s(self):
        tasks = [{module: {"name": unit, **wanted}, "ignore_errors": True}
                 for module, unit, wanted in (
                     ("systemd", "good", {"state": "started"}),
                     ("systemd", "good", {"state": "restarted", "enabled": True}),
                     ("service", "good", {"state": "started", "enabled": True}),
                     ("service", "good", {"state": "stopped"}),
                     ("systemd", "good", {"state": "stopped", "enabled": False}),
                     ("systemd", "good", {"state": "restarted", "enabled": False}),
                     ("systemd", "other", {"enabled": True}),
                     ("systemd", "ready-then-dead", {"state": "started"}),
                     ("systemd", "gone", {"state": "started"}),
                     ("systemd", "gone", {"masked": True}),
                     ("systemd", "gone", {"masked": True}),
                     ("systemd", "gone", {"masked": False}))]
        keys = ("name", "state", "enabled")
        self.host.shell("systemctl disable good")
        theirs = [(bool(result.get("failed")), result.get("changed", False),
                   {key: result[key] for key in keys if key in result})
                  for result in self.ansible(tasks)]
        self.setUp()
        ours = [(outcome == "ignored", result.get("changed", False),
                 {key: result[key] for key in keys if key in result})
                for outcome, result in self.play(*tasks)]
        for task, mine, wanted in zip(tasks, ours, theirs):
            failed, changed, values = wanted
            self.assertEqual(mine[0], failed, task)
            if not failed:
                self.assertEqual(mine[1:], (changed, values), task)

    def ansible(self, tasks):
        """What Ansible says about the same tasks."""
        inventory = self.directory / "hosts.yaml"
        inventory.write_text(self.fleet.inventory())
        playbook = self.directory / "theirs.yaml"
        playbook.write_text(json.dumps(
            [{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        done = subprocess.run(
            ["ansible-playbook", "-i", inventory, playbook], capture_output=True, text=True,
            timeout=240, check=False, env={**self.operator.environment, "LC_ALL": "C.UTF-8",
                                           "ANSIBLE_STDOUT_CALLBACK": "json"})
        plays = json.loads(done.stdout)["plays"]
        return [task["hosts"]["n01"] for task in plays[0]["tasks"]]

    def test_status_has_what_systemd_knows(self):
        results = self.play({"systemd": {"name": "good", "state": "started"}, "register": "r"})
        status = results[0][1]["status"]
        real = self.show("good")
        for key in ("MainPID", "ActiveState", "FragmentPath", "ExecStart", "Restart"):
            self.assertEqual(status[key], real[key])

    def test_a_unit_that_is_not_there(self):
        outcome, result = self.task({"service": {"name": "gone", "state": "started"}}, code=FAILED)
        self.assertEqual(outcome, "failed")
        self.assertEqual(result["msg"], "Could not find the requested service gone: host")

    # Units that do not live.

    def test_fails_at_once(self):
        _, result = self.task({"service": {"name": "ready-then-dead", "state": "restarted"}},
                              code=FAILED)
        self.assertIn("ready-then-dead.service is failed, result exit-code, status 4",
                      result["msg"])
        self.assertIn("no model", result["log"])

    def test_fails_right_behind_its_start(self):
        results = self.play({"service": {"name": "at-once", "state": "restarted"},
                             "ignore_errors": True},
                            {"health_check": {"unit": "at-once", "stable": 3}}, code=FAILED)
        self.assertIn("at-once.service is failed", results[-1][1]["msg"])
        self.assertIn("no lens", results[-1][1]["log"])

    def test_fails_after_five_seconds(self):
        begin = time.monotonic()
        results = self.play({"service": {"name": "five-seconds", "state": "restarted"}},
                            {"health_check": {"units": ["good", "five-seconds"], "stable": 120}},
                            code=FAILED)
        took = time.monotonic() - begin
        self.assertEqual([outcome for outcome, _ in results], ["changed", "failed"])
        self.assertIn("five-seconds.service is failed", results[1][1]["msg"])
        self.assertIn("out of memory", results[1][1]["log"])
        self.assertGreater(took, 4.9)
        self.assertLess(took, 100)

    def test_restarts_by_itself(self):
        results = self.play({"service": {"name": "restarting", "state": "restarted"}},
                            {"health_check": {"unit": "restarting", "stable": 10}}, code=FAILED)
        self.assertRegex(results[1][1]["msg"], "auto-restart|restarted by its manager|anew")

    def test_a_limit_of_starts_does_not_refuse_a_cure(self):
        unit = "[Unit]\nStartLimitIntervalSec=100\nStartLimitBurst=2\n[Service]\n" \
               "ExecStart=/bin/sh -c 'test -e /run/cured && exec sleep infinity'\n"
        self.write("/etc/systemd/system/limited.service", unit)
        self.addCleanup(self.host.shell, "systemctl stop limited; rm -f /run/cured")
        self.host.shell("systemctl daemon-reload; for i in 1 2 3; do systemctl start limited"
                        " || true; while systemctl is-active --quiet limited; do sleep 0.1; done;"
                        " done; touch /run/cured")
        self.assertEqual(self.show("limited")["ActiveState"], "failed")
        self.assertNotEqual(self.host.run("systemctl", "start", "limited", check=False).returncode,
                            0)
        self.play({"service": {"name": "limited", "state": "restarted"}})
        self.assertEqual(self.show("limited")["ActiveState"], "active")

    def test_hangs_in_start(self):
        begin = time.monotonic()
        result = self.helper().module("service", {"units": ["good", "hangs-in-start"],
                                                  "state": "restarted", "timeout": 2})
        self.assertLess(time.monotonic() - begin, 60)
        self.assertTrue(result["failed"])
        self.assertIn("not done in time", result["msg"])
        self.assertIn("hangs-in-start.service is activating", result["msg"])
        self.assertEqual(result["units"][0]["active"], "active")

    def test_a_task_s_timeout_is_the_deadline(self):
        begin = time.monotonic()
        results = self.play({"service": {"name": "hangs-in-start", "state": "restarted"},
                             "timeout": 6}, code=FAILED)
        self.assertLess(time.monotonic() - begin, 60)
        self.assertIn("hangs-in-start.service is activating", results[0][1]["msg"])

    # The way back.

    def restart_and_undo(self, unit, seconds):
        helper = self.helper()
        helper.begin(f"undo-{unit}", 0)
        helper.module("service", {"units": [unit], "state": "restarted", "timeout": seconds})
        undone = helper.undo(f"undo-{unit}")
        self.assertEqual(undone["failed"], [])

    def test_undo_of_a_unit_that_hangs_in_stop(self):
        self.host.shell("systemctl start hangs-in-stop; sleep 0.3")
        before = self.pid("hangs-in-stop")
        self.restart_and_undo("hangs-in-stop", 1)
        self.assertEqual(self.show("hangs-in-stop")["ActiveState"], "active")
        self.assertNotEqual(self.pid("hangs-in-stop"), before)

    def test_undo_of_a_unit_that_did_not_run(self):
        self.restart_and_undo("hangs-in-start", 1)
        self.assertEqual(self.show("hangs-in-start")["ActiveState"], "inactive")
        self.assertNotIn("Job", self.show("hangs-in-start"))

    def test_undo_of_a_mask(self):
        helper = self.helper()
        helper.begin("undo-mask", 0)
        helper.module("service", {"units": ["never-there.service"], "masked": True})
        self.assertEqual(self.show("never-there")["LoadState"], "masked")
        helper.undo("undo-mask")
        self.assertFalse((self.host.root / "etc/systemd/system/never-there.service").is_symlink())

    # Being watched.

    def test_stable_counts_what_was_before(self):
        helper = self.helper()
        time.sleep(15)
        begin = time.monotonic()
        result = helper.module("watch", {"units": ["good", "unrelated"], "seconds": 15})
        self.assertLess(time.monotonic() - begin, 14)
        self.assertNotIn("failed", result)

    def test_a_stop_from_outside_ends_a_watch_at_once(self):
        helper = self.helper()
        begin = time.monotonic()
        request = helper.start_module("watch", {"units": ["good", "unrelated"], "seconds": 120})
        time.sleep(0.5)
        self.host.shell("systemctl stop good")
        result = helper.result(request)
        self.assertTrue(result["failed"])
        self.assertIn("good.service is inactive", result["msg"])
        self.assertLess(time.monotonic() - begin, 100)

    # Health.

    def test_health_of_port_url_and_command(self):
        self.write("/srv/www/state", "model loaded: mobilenet\n")
        self.write("/etc/systemd/system/web.service", "[Service]\nWorkingDirectory=/srv/www\n"
                   "ExecStartPre=/bin/sleep 1\n"
                   "ExecStart=/usr/bin/python3 -m http.server 8099 --bind 127.0.0.1\n")
        self.addCleanup(self.host.shell, "systemctl stop web")
        url = "http://127.0.0.1:8099/state"
        check = {"unit": "web", "stable": 0.5, "deadline": 20}
        results = self.play(
            {"systemd": {"name": "web", "state": "started", "daemon_reload": True}},
            {"health_check": {**check, "port": 8099, "url": url, "body": "loaded: .*net",
                              "command": "grep -q model /srv/www/state"}},
            {"health_check": {"url": url + "x", "status": [200, 404], "retries": 0}},
            {"health_check": {"url": url, "body": "absent", "retries": 1, "interval": 0.1,
                              "msg": "the model is not loaded"}, "ignore_errors": True},
            {"health_check": {"port": 8098, "deadline": 2}, "ignore_errors": True},
            {"health_check": {"command": "echo too hot; exit 9", "retries": 0}}, code=FAILED)
        self.assertEqual([outcome for outcome, _ in results],
                         ["changed", "ok", "ok", "ignored", "ignored", "failed"])
        checks = results[1][1]["checks"]
        self.assertEqual([one["check"] for one in checks], ["port", "url", "command", "units"])
        self.assertTrue(all(one["ok"] for one in checks))
        self.assertRegex(results[3][1]["msg"], "^the model is not loaded: .*absent")
        self.assertEqual(results[3][1]["attempts"], 2)
        self.assertIn("8098", results[4][1]["msg"])
        self.assertIn("ends with 9: too hot", results[5][1]["msg"])

    def test_a_dead_unit_ends_the_wait_for_its_port(self):
        begin = time.monotonic()
        results = self.play({"service": {"name": "five-seconds", "state": "restarted"}},
                            {"health_check": {"unit": "five-seconds", "port": 8097,
                                              "deadline": 120}}, code=FAILED)
        self.assertIn("five-seconds.service is failed", results[1][1]["msg"])
        self.assertLess(time.monotonic() - begin, 100)

    # Other managers.

    def test_a_user_s_own_manager(self):
        # Without libpam-systemd nobody says where the user's manager has its socket.
        self.write("/etc/systemd/system/user@.service.d/runtime.conf",
                   "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n")
        self.write("/home/admin/.config/systemd/user/mine.service",
                   "[Service]\nExecStart=/bin/sleep infinity\n")
        task = {"systemd": {"name": "mine", "state": "started", "scope": "user"}}
        _, result = self.task(task, user="careful", code=FAILED)
        self.assertIn("no systemd runs for user", result["msg"])
        self.host.shell("chown -R admin: /home/admin/.config; systemctl daemon-reload;"
                        "loginctl enable-linger admin; systemctl start user@1000")
        results = self.play(task, task, {"service": {
            "name": "mine", "state": "restarted", "use": "systemd_user"}}, user="admin")
        self.assertEqual([outcome for outcome, _ in results], ["changed", "ok", "changed"])
        pid = results[2][1]["units"][0]["main_pid"]
        self.assertIn("sleep", self.host.shell(f"cat /proc/{pid}/cmdline"))
        self.assertEqual(self.host.shell(f"stat -c %U /proc/{pid}").strip(), "admin")

    def test_commands_of_the_operator(self):
        pid = "/run/by-hand.pid"
        # A stop that returns when it is done, as an init script's does.
        gone = f"while kill -0 $(cat {pid}); do sleep 0.1; done 2>&1"
        commands = {"start": f"sleep 1000 & echo $! > {pid}", "stop": f"kill $(cat {pid}); {gone}",
                    "status": f"kill -0 $(cat {pid})"}
        task = {"service": {"name": "by-hand", "use": "commands", "commands": commands}}

        def states(state):
            return {"service": {**task["service"], "state": state}}

        results = self.play(states("started"), states("started"), states("restarted"),
                            {"health_check": {"unit": "by-hand", "manager": "commands",
                                              "commands": commands, "stable": 1}},
                            states("stopped"), states("stopped"))
        self.assertEqual([outcome for outcome, _ in results],
                         ["changed", "ok", "changed", "ok", "changed", "ok"])

    def test_what_is_not_supported_is_refused(self):
        for task in ({"systemd": {"name": "good", "state": "started", "scope": "global"}},
                     {"service": {"name": "good", "state": "started", "use": "openrc"}},
                     {"service": {"name": "good", "state": "started", "pattern": "x"}}):
            _, result = self.task(task, code=FAILED)
            self.assertIn("not supported", result["msg"])


if __name__ == "__main__":
    program.main()
