#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent as an installed service of a booted host: its unit, the pipeline under another
user, restarted through polkit, through sudo and by a signal, the watchdog, a loss of power; and the
package's life."""

import re
import shutil
import threading
from pathlib import Path

from harness import program
from harness.agent import (CONFIG, DROP_IN, EXAMPLES, PILOT, PILOT_CHECK, PILOT_SCRIPT, RULES,
                           SOURCE, STATE, UNIT, AgentCase, model)

DROP_INS = "etc/systemd/system/alpr-model-sync.service.d"
SUDO_COMMAND = "sudo -n systemctl restart alpr-pilot"
CAP_KILL = 1 << 5


class ServiceTest(AgentCase):
    """The agent is installed and stopped, and knows nothing; the pipeline runs."""

    fleet_name = "agentservice"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.install()
        cls.rules = (cls.host.root / RULES).read_text()
        cls.write("opt/alpr/pilot.py", PILOT_SCRIPT)
        shutil.copy(cls.host.root / EXAMPLES / PILOT, cls.host.root / "etc/systemd/system")
        cls.write(f"etc/systemd/system/{PILOT}.d/check.conf", PILOT_CHECK)

    def setUp(self):
        self.host.shell(f"systemctl stop {UNIT} {PILOT}; systemctl reset-failed;"
                        f"rm -rf /{STATE}/* /{DROP_INS} /etc/sudoers.d/alpr-model-sync")
        self.write(RULES, self.rules)
        self.write(f"{DROP_INS}/test.conf", DROP_IN)
        for kept in (self.registry.versions, self.registry.tags, self.registry.aliases,
                     self.registry.faults):
            kept.clear()
        self.settings = self.default_settings()
        self.configure()
        self.host.shell(f"systemctl daemon-reload; systemctl start {PILOT}")
        self.take_cursor()
        self.pilot = self.pilot_process()

    def pilot_process(self):
        """The id of the pipeline's process; it is another's after a restart."""
        return self.show(PILOT, "MainPID")

    def await_restart(self):
        self.wait(lambda: self.pilot_process() not in (self.pilot, "0"), "a restart of the pilot")
        self.pilot = self.pilot_process()

    def refuse_restarts(self):
        """systemctl says no from now on."""
        (self.host.root / RULES).unlink()

    def use_sudo(self):
        """As the page says."""
        self.host.shell(f"cd /{EXAMPLES}; install -m 0440 alpr-model-sync /etc/sudoers.d/;"
                        f"install -D -m 0644 alpr-model-sync-sudo.conf /{DROP_INS}/sudo.conf;"
                        "visudo --check --quiet; systemctl daemon-reload")

    def process_status(self, unit, name):
        pid = self.show(unit, "MainPID")
        return self.host.shell(f"sed -n 's/^{name}:[[:space:]]*//p' /proc/{pid}/status").strip()

    def file(self):
        return (self.host.root / STATE / "models/plates.pt").read_bytes()


    def test_polkit_lets_it_restart_the_pipeline(self):
        self.publish("one")
        self.start()
        self.await_restart()
        self.await_version(1)
        self.assertEqual(self.file(), model("one"))
        self.await_log('"systemctl restart alpr-pilot" is done')
        self.assertNotEqual(self.process_status(UNIT, "Uid"), self.process_status(PILOT, "Uid"))
        self.assertEqual(self.process_status(UNIT, "NoNewPrivs"), "1")
        self.assertEqual(int(self.process_status(UNIT, "CapBnd"), 16), CAP_KILL)
        self.assertNotIn("notification message", self.log())

    def test_polkit_lets_it_touch_nothing_else(self):
        def allowed(verb, unit):
            return self.host.run("runuser", "-u", "model-sync", "--", "systemctl",
                                 "--no-ask-password", verb, unit, check=False).returncode == 0
        for verb in ("restart", "stop", "start"):
            self.assertTrue(allowed(verb, PILOT), verb)
        self.assertFalse(allowed("restart", "systemd-journald.service"))
        self.assertFalse(allowed("mask", PILOT))
        self.assertFalse(allowed("kill", PILOT))

    def test_sudo_in_its_place(self):
        self.refuse_restarts()
        self.use_sudo()
        self.configure(on_update={"restart_command": SUDO_COMMAND})
        self.publish("one")
        self.start()
        self.await_restart()
        self.await_version(1)
        self.await_log(f'"{SUDO_COMMAND}" is done')
        self.assertEqual(int(self.process_status(UNIT, "CapEff"), 16), CAP_KILL)
        refused = self.host.run("runuser", "-u", "model-sync", "--", "sudo", "-n", "systemctl",
                                "restart", UNIT, check=False)
        self.assertNotEqual(refused.returncode, 0)

    def test_a_signal_where_systemctl_refuses(self):
        self.refuse_restarts()
        self.publish("one")
        self.start()
        self.await_restart()
        self.await_version(1)
        self.await_log("was told to end, and has")
        self.assertRegex(self.log(), r"alpr-pilot\" ended with \d+: .*Interactive authentication "
                                     r"required.*; ending the process instead")
        self.assertRegex(self.log(), r"process \d+ was told to end, and has")

    def test_a_signal_to_the_process_of_a_file(self):
        self.write("opt/alpr/pilot.pid", self.pilot + "\n")
        self.configure(on_update={"restart_command": "no-such-command",
                                  "process_pattern": "no-such-program",
                                  "pid_file": "/opt/alpr/pilot.pid"})
        self.publish("one")
        self.start()
        self.await_restart()
        self.await_log("was told to end, and has")

    def test_a_signal_on_a_kernel_that_knows_no_descriptors_of_processes(self):
        self.refuse_restarts()
        self.write(f"{DROP_INS}/kernel.conf", "[Service]\nSystemCallFilter=~pidfd_open\n"
                                              "SystemCallErrorNumber=ENOSYS\n")
        self.host.shell("systemctl daemon-reload")
        self.publish("one")
        self.start()
        self.await_restart()
        self.await_log("was told to end, and has")

    def test_nobody_is_ended_where_several_could_be_meant(self):
        self.refuse_restarts()
        self.host.shell("systemd-run --quiet --collect --unit=second python3 /opt/alpr/pilot.py")
        self.addCleanup(self.host.shell, "systemctl stop second")
        self.publish("one")
        self.start()
        self.await_version(1)
        self.await_log('2 processes are "pilot.py", so none is ended')
        self.assertEqual(self.pilot_process(), self.pilot)
        self.assertEqual(self.show("second", "ActiveState"), "active")

    def test_the_flag_alone(self):
        flag = self.host.root / STATE / "models/.update-pending"
        steps = (({"restart_pilot": False}, self.start), ({"restart_command": ""}, self.sync))
        for version, (on_update, begin) in enumerate(steps, 1):
            flag.unlink(missing_ok=True)
            self.configure(on_update=on_update)
            self.publish(f"version {version}")
            begin()
            self.await_version(version)
            self.assertTrue(flag.exists())
            self.assertEqual(self.pilot_process(), self.pilot)

    def test_a_pipeline_that_does_not_come_up_gets_its_former_model(self):
        """By then it has failed so often that systemd starts it no more, for a while."""
        self.write(f"etc/systemd/system/{PILOT}.d/limit.conf",
                   "[Unit]\nStartLimitIntervalSec=8\nStartLimitBurst=4\n")
        self.host.shell("systemctl daemon-reload")
        self.configure(on_update={"health": {"unit": PILOT, "timeout_seconds": 2,
                                             "stable_seconds": 1}})
        self.publish("one")
        self.start()
        self.await_version(1)
        self.await_restart()
        self.publish("broken")
        self.sync()
        self.wait(lambda: self.status().get("blocked"), "a version that is blocked")
        self.wait(lambda: self.show(PILOT, "ActiveState") == "active", "the pilot")
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.file(), model("one"))
        self.assertIn("Start request repeated too quickly", self.log(PILOT))

    def test_a_hung_agent_is_started_again(self):
        self.write(f"{DROP_INS}/watchdog.conf", "[Service]\nWatchdogSec=4\nRestartSec=0\n")
        self.host.shell("systemctl daemon-reload")
        self.publish("one")
        self.start()
        self.await_version(1)
        hung = self.show(UNIT, "MainPID")
        self.host.shell(f"kill -STOP {hung}")
        self.wait(lambda: self.show(UNIT, "MainPID") not in (hung, "0"), "another process")
        self.await_version(1)
        self.assertIn("Watchdog timeout", self.log())

    def test_a_reload_takes_up_the_configuration(self):
        self.publish("one")
        self.publish("car", "cars")
        self.start()
        self.await_version(1)
        self.configure(models=[*self.settings["models"],
                               {"mlflow_name": "cars", "local_filename": "cars.pt"}])
        self.host.shell(f"systemctl reload {UNIT}")
        self.await_version(1, "cars.pt")
        self.configure(poll_interval_seconds="often")
        self.host.shell(f"systemctl kill --signal=HUP {UNIT}")
        self.wait(lambda: self.status().get("config_error"), "a refused configuration")
        self.assertEqual(self.version("cars.pt"), 1)

    def test_it_stops_in_the_middle_of_a_download(self):
        asked, ended = threading.Event(), threading.Event()
        self.addCleanup(ended.set)

        def stall(handler, content):
            handler.begin(200, "application/octet-stream", len(content))
            handler.wfile.write(content[:10])
            handler.wfile.flush()
            asked.set()
            ended.wait()
        self.registry.faults.append(stall)
        self.publish("one")
        self.start()
        self.wait(asked.is_set, "a download")
        self.host.shell(f"systemctl stop {UNIT}")
        self.assertEqual(self.show(UNIT, "Result"), "success")
        self.assertNotIn("timed out", self.log())
        self.assertFalse((self.host.root / STATE / "models/plates.pt").exists())
        self.start()
        self.await_version(1)

    def test_a_loss_of_power_before_an_update_is_proven(self):
        """After the boot the pipeline is looked at, and gets its former model back."""
        health = {"unit": PILOT, "timeout_seconds": 3600, "stable_seconds": 0}
        self.configure(on_update={"health": health})
        self.publish("one")
        self.host.shell(f"systemctl enable --quiet {UNIT} {PILOT}")
        self.start()
        self.await_version(1)
        self.publish("broken")
        self.sync()
        self.wait(lambda: self.file() == model("broken"), "a swap")
        self.wait(lambda: self.show(PILOT, "ActiveState") != "active", "a restart")
        self.host.stop()
        self.configure(on_update={"health": {**health, "timeout_seconds": 2}})
        self.host.start()
        self.host.wait()
        self.wait(lambda: self.status().get("blocked"), "a version that is blocked")
        self.assertIn("an update was cut off", self.log())
        self.assertEqual(self.file(), model("one"))
        self.wait(lambda: self.show(PILOT, "ActiveState") == "active", "the pilot")

    def test_a_cycle_by_hand_is_the_services_user(self):
        """What root would write, the service could not read."""
        self.publish("one")
        command = f"cd /{STATE}; %s model-sync-agent --config /{CONFIG} --once 2>&1 || echo failed"
        said = self.host.shell(command % "ASAN_OPTIONS=detect_leaks=0")
        self.assertIn("belongs to model-sync: do this as that user", said)
        self.assertIn("failed", said)
        self.assertEqual(list((self.host.root / STATE).iterdir()), [])
        said = self.host.shell(command % "runuser -u model-sync --")
        self.assertIn("version 1 is in use", said)
        self.assertNotIn("failed", said)

    def exposure(self):
        said = self.host.shell(f"systemd-analyze security --no-pager {UNIT}")
        return re.search(r"exposure level for \S+: ([\d.]+) ", said).group(1)

    def test_the_page_says_how_exposed_it_is(self):
        page = (SOURCE / "docs/agent.md").read_text()
        found = [self.exposure()]
        self.use_sudo()
        found.append(self.exposure())
        self.assertEqual(re.findall(r"exposure\s+level\s+(?:of|is)\s+([\d.]+)\.", page), found)


class PackageTest(AgentCase):
    """In the order of their names: installed, upgraded, removed, purged."""

    fleet_name = "agentpackage"

    def setUp(self):
        self.take_cursor()

    def exists(self, path):
        return (self.host.root / path).exists()

    def has_user(self):
        return self.host.run("id", "model-sync", check=False).returncode == 0

    def test_1_nothing_is_enabled_or_started(self):
        self.install()
        self.assertEqual(self.show(UNIT, "ActiveState"), "inactive")
        self.assertEqual(self.show(UNIT, "UnitFileState"), "disabled")
        self.assertEqual(self.host.shell(f"stat -c '%U %a' /{STATE}").split(),
                         ["model-sync", "755"])
        self.assertEqual(self.host.shell(f"stat -c '%U %G %a' /{CONFIG}").split(),
                         ["root", "model-sync", "640"])
        said = self.host.shell(f"systemd-analyze verify --man=no /lib/systemd/system/{UNIT} 2>&1 || true")
        self.assertEqual(said, "")

    def test_1_the_configuration_that_comes_along_is_right(self):
        said = self.host.shell(f"runuser -u model-sync -- model-sync-agent --config /{CONFIG} "
                               "--check-config 2>&1")
        self.assertIn("2 models, checked every 3600 seconds", said)

    def test_2_an_upgrade_keeps_the_configuration_and_goes_on(self):
        self.publish("one")
        self.settings = self.default_settings(restart_pilot=False)
        self.configure()
        self.write(f"{DROP_INS}/test.conf", DROP_IN)
        self.host.shell(f"systemctl daemon-reload; systemctl enable --quiet --now {UNIT}")
        self.await_version(1)
        before, text = self.show(UNIT, "MainPID"), (self.host.root / CONFIG).read_text()
        self.install()
        self.assertEqual(self.show(UNIT, "ActiveState"), "active")
        self.assertNotEqual(self.show(UNIT, "MainPID"), before)
        self.assertEqual((self.host.root / CONFIG).read_text(), text)
        self.assertEqual(self.host.shell(f"stat -c '%G %a' /{CONFIG}").split(),
                         ["model-sync", "640"])
        self.await_version(1)

    def test_3_a_removal_stops_it_and_keeps_models(self):
        self.host.shell("dpkg --remove model-sync-agent 2>&1")
        self.assertEqual(self.show(UNIT, "LoadState"), "not-found")
        self.assertFalse(Path(self.host.root / "etc/systemd/system/multi-user.target.wants"
                              / UNIT).is_symlink())
        self.assertEqual(self.host.run("pgrep", "-x", "model-sync-agen", check=False).stdout, b"")
        self.assertTrue(self.exists(CONFIG))
        self.assertTrue(self.exists(f"{STATE}/models/plates.pt"))

    def test_4_purging_keeps_models_and_their_owner(self):
        self.host.shell("dpkg --purge model-sync-agent 2>&1")
        self.assertFalse(self.exists(CONFIG))
        self.assertTrue(self.exists(f"{STATE}/models/plates.pt"))
        self.assertTrue(self.has_user())

    def test_5_purging_without_models_leaves_nothing(self):
        self.host.shell(f"rm -rf /{STATE}/models")
        self.install()
        self.host.shell("dpkg --purge model-sync-agent 2>&1")
        self.assertFalse(self.exists(STATE))
        self.assertFalse(self.has_user())


if __name__ == "__main__":
    program.main()
