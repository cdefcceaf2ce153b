#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cleanup-models: what goes from stores and nodes, what keeps it from going, and the timer."""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import program
from harness.booted import BootedCase
from harness.case import FIRST, MODEL, OTHER, LoopbackCase
from harness.deploy import CANNOT_RUN, OK, UNREACHABLE, finish
from harness.deploy import program as built
from harness.store import Site, weights

PROJECT = Path(__file__).resolve().parents[2]
UNITS = PROJECT / "scripts/systemd"
OLD = [f"2025-{month:02}-01" for month in range(1, 13)]
EXPOSURE_MAX = 2.5
F_OFD_SETLK = 37  # Python 3.9 does not name it


class CleanupCase(LoopbackCase):
    """A store with a dozen old versions of MODEL, which nobody uses."""

    def setUp(self):
        super().setUp()
        for version in OLD:
            self.add_old(version)

    def add_old(self, version, root=None):
        path = Path(root or self.site.store) / MODEL / version
        path.mkdir(parents=True)
        (path / "model.tflite").write_bytes(weights(50_000, version))

    def cleanup(self, *arguments, code=OK):
        """Runs `cleanup-models --json`."""
        run = self.operator._run([str(built("cleanup-models")), "-i", str(self.site.inventory),
                                  "--json", *map(str, arguments)], 120)
        self.assertEqual(run.code, code, run)
        return run

    def versions(self, root=None):
        path = Path(root or self.site.store) / MODEL
        return sorted(name.name for name in path.iterdir() if name.name[:1] == "2")

    def lock_store(self, holder):
        """Takes the site's lock as the programs do; returns what gives it back."""
        path = self.site.store / ".fleet/lock"
        path.parent.mkdir(exist_ok=True)
        lock = open(path, "w+", encoding="utf-8")
        self.addCleanup(lock.close)
        lock.write(holder + "\n")
        lock.flush()
        fcntl.fcntl(lock, F_OFD_SETLK,
                    struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return lock.close

    def reports(self):
        return json.loads((self.site.store / ".fleet/reports.json").read_text())["hosts"]

    def reasons(self, run, **keys):
        return {event["version"]: event["reason"] for event in run.events
                if event["event"] == "version" and event["model"] == MODEL
                and all(event.get(key) == value for key, value in keys.items())}

    @staticmethod
    def recap(run):
        return run.events[-1]


class StoreTest(CleanupCase):
    def test_the_rule_over_the_whole_site(self):
        self.site.write_host("node2", {"model_version_overrides": {MODEL: OLD[1]}})
        self.deploy()
        reports = json.loads((self.site.store / ".fleet/reports.json").read_text())
        reports["hosts"]["node1"]["runs"][MODEL].append(OLD[2])
        (self.site.store / ".fleet/reports.json").write_text(json.dumps(reports))
        (self.site.store / MODEL / "current").symlink_to(OLD[3])
        (self.site.store / "coral_packages" / OLD[0]).mkdir(parents=True)
        (self.site.store / "unknown" / OLD[0]).mkdir(parents=True)
        (self.site.store / MODEL / "by-hand").mkdir()
        before = self.versions()

        foretold = self.cleanup("--dry-run", "--keep", 2)
        self.assertEqual(self.versions(), before)
        run = self.cleanup("--keep", 2)

        kept = {FIRST: "current", OLD[1]: "pinned", OLD[2]: "runs", OLD[3]: "linked",
                OLD[10]: "recent", OLD[11]: "recent"}
        self.assertEqual(self.versions(), sorted(kept))
        reasons = self.reasons(run)
        self.assertEqual({version: reasons[version] for version in kept}, kept)
        self.assertEqual(self.reasons(foretold), reasons)
        self.assertEqual(self.recap(run)["removed"], len(OLD) - 5)
        self.assertEqual(self.recap(run)["bytes"], self.recap(foretold)["bytes"])
        self.assertGreaterEqual(self.recap(run)["bytes"], 50_000 * (len(OLD) - 5))
        for name in ("coral_packages", "unknown"):
            self.assertTrue((self.site.store / name / OLD[0]).is_dir())
        self.assertTrue((self.site.store / MODEL / "by-hand").is_dir())
        self.assertFalse((self.site.store / ".fleet/trash").exists())
        self.assertEqual(self.recap(self.cleanup("--keep", 2))["removed"], 0)

    def test_the_registry_says_how_many(self):
        self.write_inventory(sentinelcam_model_retention=3)
        self.cleanup()
        self.assertEqual(self.versions(), [*OLD[9:], FIRST])

    def test_one_model_alone(self):
        for version in OLD:
            (self.site.store / OTHER / version).mkdir()
        self.cleanup("--model", MODEL, "--keep", 0)
        self.assertEqual(self.versions(), [FIRST])
        self.assertEqual(len(list((self.site.store / OTHER).iterdir())), len(OLD) + 1)
        run = self.cleanup("--model", "mobilenet_sd", code=CANNOT_RUN)
        self.assertIn(f"did you mean {MODEL}?", run.stderr)

    def test_leftovers_of_a_crash_are_counted(self):
        trash = self.site.store / ".fleet/trash/model%2F2024-01-01.1"
        trash.mkdir(parents=True)
        (trash / "file").write_bytes(bytes(100) * 10_000)
        run = self.cleanup("--keep", 100)
        self.assertEqual(self.recap(run)["removed"], 0)
        self.assertGreaterEqual(self.recap(run)["bytes"], 1_000_000)
        self.assertFalse(trash.exists())

    def assert_refused(self, *words):
        run = self.cleanup("--keep", 0, code=CANNOT_RUN)
        for word in words:
            self.assertIn(word, run.stderr)
        self.assertEqual(self.versions(), [*OLD, FIRST])

    def test_broken_reports_remove_nothing(self):
        fleet = self.site.store / ".fleet"
        fleet.mkdir()
        (fleet / "reports.json").write_text('{"format": 1, "hosts": {"n')
        self.assert_refused("reports.json", "nothing was removed")
        (fleet / "reports.json").write_text('{"format": 9, "hosts": {}}')
        self.assert_refused("format 9")

    def test_a_deploy_leaves_broken_reports_alone(self):
        fleet = self.site.store / ".fleet"
        fleet.mkdir()
        (fleet / "reports.json").write_text("{")
        run = self.deploy()
        self.assertIn("reports.json", run.stderr)
        self.assertEqual((fleet / "reports.json").read_text(), "{")

    def test_a_site_that_cannot_be_read_whole_removes_nothing(self):
        broken = self.site.inventory / "host_vars/node2.yaml"
        broken.write_text("model_version_overrides: [\n")
        self.assert_refused("node2.yaml")
        broken.write_text("model_version_overrides: {mobilenet_ssd: 2024-02-31}\n")
        self.assert_refused("nothing was removed")
        broken.write_text("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
        self.assert_refused("node2.yaml")
        broken.write_text("model_version_overrides: {mobilenet_ssd: 2020-01-01}\n")
        self.assert_refused("2020-01-01", "nothing was removed")

    def test_whoever_has_the_lock_is_named(self):
        unlock = self.lock_store("anna on admin1 since 2026-01-01T00:00:00Z: deploy-models")
        self.assert_refused("anna on admin1", "deploy-models")
        self.assertEqual(self.recap(self.cleanup("--dry-run", "--keep", 0))["removed"], len(OLD))
        unlock()
        self.cleanup("--keep", 0)
        self.assertEqual(self.versions(), [FIRST])

    def test_two_at_once(self):
        command = [str(built("cleanup-models")), "-i", str(self.site.inventory), "--json",
                   "--keep", "0"]
        started = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True,
                                    env=self.operator.environment) for _ in range(4)]
        runs = [finish(process) for process in started]
        self.assertEqual(self.versions(), [FIRST])
        for run in runs:
            self.assertIn(run.code, (OK, CANNOT_RUN), run)
            self.assertTrue(run.code == OK or "another run" in run.stderr, run)
        self.assertEqual(sum(self.recap(run)["removed"] for run in runs if run.code == OK),
                         len(OLD))

    def test_the_script_takes_a_number(self):
        environment = dict(self.operator.environment,
                           PATH=f"{built('cleanup-models').parent}:{os.environ['PATH']}")
        script = [PROJECT / "scripts/cleanup_model_registry.sh"]
        done = subprocess.run([*script, "four"], env=environment, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 1)
        subprocess.run([*script, "4", "-i", self.site.inventory], env=environment, check=True,
                       capture_output=True)
        self.assertEqual(self.versions(), [*OLD[8:], FIRST])
        subprocess.run([*script, "-i", self.site.inventory, "--keep", "1"], env=environment,
                       check=True, capture_output=True)
        self.assertEqual(self.versions(), [OLD[11], FIRST])


class NodesTest(CleanupCase):
    def setUp(self):
        super().setUp()
        self.deploy()
        self.root = self.registry("node1")
        for version in OLD:
            self.add_old(version, self.root)

    def test_the_same_rule_and_a_new_report(self):
        before = self.versions(self.root)
        foretold = self.cleanup("--nodes", "node1", "--keep", 2, "--dry-run")
        self.assertEqual(self.versions(self.root), before)
        self.assertNotIn("has", self.reports()["node1"])
        run = self.cleanup("--nodes", "node1", "--keep", 2)
        self.assertEqual(self.versions(self.root), [OLD[10], OLD[11], FIRST])
        self.assertEqual(self.reports()["node1"]["has"][MODEL], [OLD[10], OLD[11], FIRST])
        self.assertEqual(self.recap(run)["bytes"], self.recap(foretold)["bytes"])
        self.assertEqual(self.versions(), [*OLD, FIRST])
        self.deploy("--check")

    def test_a_host_without_a_report_is_left_alone(self):
        (self.site.store / ".fleet/reports.json").unlink()
        run = self.cleanup("--nodes", "all", "--keep", 0)
        self.assertEqual(run.host("node1")["state"], "skipped")
        self.assertEqual(len(self.versions(self.root)), len(OLD) + 1)

    def test_a_host_is_away_and_the_other_goes_on(self):
        self.nodes["node2"].stop()
        run = self.cleanup("--nodes", "node1,node2", "--keep", 0, code=UNREACHABLE)
        self.assertEqual(run.host("node2")["state"], "unreachable")
        self.assertEqual(self.versions(self.root), [FIRST])

    def test_models_and_staging_that_are_nobodys(self):
        # node2 is an outpost: it does not get OTHER.
        root = self.registry("node2")
        for version in OLD[:3]:
            (root / OTHER / version).mkdir(parents=True)
        staging = root / ".staging/x%2F2025-01-01/tree"
        staging.mkdir(parents=True)
        (staging / "file").write_text("half")
        run = self.cleanup("--nodes", "node2", "--keep", 0)
        self.assertEqual(run.host("node2")["removed"], 0)
        self.assertTrue((root / OTHER / OLD[0]).is_dir())
        reports = json.loads((self.site.store / ".fleet/reports.json").read_text())
        reports["hosts"]["node2"]["runs"][OTHER] = [OLD[1]]
        (self.site.store / ".fleet/reports.json").write_text(json.dumps(reports))
        run = self.cleanup("--nodes", "node2", "--keep", 0, "--unmanaged")
        self.assertEqual(run.host("node2")["removed"], 2)
        self.assertEqual([path.name for path in (root / OTHER).iterdir()], [OLD[1]])
        # Staging of a moment ago may be gone on with.
        self.assertTrue(staging.exists())


class StoreElsewhereTest(CleanupCase):
    """The store is another host's: it is worked over a link, under the root's lease."""

    def setUp(self):
        super().setUp()
        self.write_inventory(datasink=self.variables(self.nodes["node2"]))

    def test_over_the_link(self):
        self.deploy()
        self.assertEqual(self.reports()["node1"]["runs"][MODEL], [FIRST])
        foretold = self.cleanup("--keep", 1, "--dry-run")
        run = self.cleanup("--keep", 1)
        self.assertEqual(self.versions(), [OLD[11], FIRST])
        self.assertEqual(self.recap(run)["bytes"], self.recap(foretold)["bytes"])
        self.assertEqual(self.reasons(run), self.reasons(foretold))
        self.deploy()

    def test_the_lock_of_the_machine_that_keeps_it(self):
        self.lock_store("the timer on the datasink")
        run = self.cleanup("--keep", 0, code=CANNOT_RUN)
        self.assertIn("the timer on the datasink", run.stderr)
        self.assertEqual(self.versions(), [*OLD, FIRST])

    def test_broken_reports_remove_nothing(self):
        self.deploy()
        (self.site.store / ".fleet/reports.json").write_text("[]")
        run = self.cleanup("--keep", 0, code=CANNOT_RUN)
        self.assertIn("reports.json", run.stderr)
        self.assertEqual(self.versions(), [*OLD, FIRST])


class UnitsTest(unittest.TestCase):
    """The units, without a host to run them."""

    def setUp(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("there is no systemd-analyze")

    def test_they_are_in_order(self):
        with tempfile.TemporaryDirectory() as directory:
            for unit in UNITS.glob("modelfleet-*"):
                text = unit.read_text().replace("/usr/bin/cleanup-models",
                                                str(built("cleanup-models")))
                # The man page need not be installed here.
                text = re.sub("(?m)^Documentation=.*\n", "", text)
                (Path(directory) / unit.name).write_text(text)
            done = subprocess.run(
                ["systemd-analyze", "verify", *Path(directory).iterdir()],
                capture_output=True, text=True, check=False)
        found = [line for line in (done.stdout + done.stderr).splitlines()
                 if "modelfleet-cleanup" in line]
        self.assertEqual(found, [])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_service_is_little_exposed(self):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager",
             f"--threshold={int(EXPOSURE_MAX * 10)}", UNITS / "modelfleet-cleanup.service"],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-300:] + done.stderr)


class TimerTest(BootedCase):
    """The datasink's own timer: the program, the site and the store lie on a booted host."""

    fleet_name = "cleanup"

    def install(self):
        """The built program with the libraries that it needs, and the units."""
        root = self.host.root
        libraries = root / "opt/modelfleet/lib"
        libraries.mkdir(parents=True, exist_ok=True)
        for name in ("modelfleet", "modelfleet-node"):
            shutil.copy2(built(name), root / "usr/bin" / name)
        link = root / "usr/bin/cleanup-models"
        link.unlink(missing_ok=True)
        link.symlink_to("modelfleet")
        needed = subprocess.run(["ldd", built("modelfleet")], capture_output=True, text=True,
                                check=True).stdout
        for path in re.findall(r"=> (/\S+)", needed):
            if not re.search(r"/(libc|libm|libpthread|libdl|librt)\.so", path):
                shutil.copy2(path, libraries)
        for unit in UNITS.iterdir():
            shutil.copy2(unit, root / "etc/systemd/system")

    def make_site(self):
        """A site as its operator has it: the datasink is this host by its name alone."""
        site = Site(self.host.root / "srv/site")
        for version in [*OLD, FIRST]:
            site.add_version(MODEL, version, {"model.tflite": weights(20_000, version)})
        site.models[MODEL]["previous_version"] = None
        site.write_registry()
        (site.inventory / "hosts.yaml").write_text(
            "datasinks: {hosts: {n01: }}\n")
        (site.inventory / "group_vars/all/standards.yaml").write_text(
            "primary_datasink: n01\n"
            "sentinelcam_model_retention: 2\n"
            "sentinelcam_model_registry: /srv/site/model_registry\n"
            f"model_set: [{MODEL}]\n")
        return site

    def configure(self):
        etc = self.host.root / "etc"
        (etc / "modelfleet").mkdir(exist_ok=True)
        # A sanitizer looks for leaks with calls that the service may not make.
        (etc / "modelfleet/cleanup.env").write_text(
            "MODELFLEET_SITE=/srv/site\n"
            "MODELFLEET_CLEANUP_OPTIONS=-i inventory\n"
            "LD_LIBRARY_PATH=/opt/modelfleet/lib\n"
            "ASAN_OPTIONS=detect_leaks=0\n")
        for unit, text in (
                ("service", "[Service]\nReadWritePaths=/srv/site/model_registry\n"),
                ("timer", "[Timer]\nOnCalendar=\nOnActiveSec=1\nRandomizedDelaySec=0\n"
                          "AccuracySec=100ms\nPersistent=no\n")):
            directory = etc / f"systemd/system/modelfleet-cleanup.{unit}.d"
            directory.mkdir(exist_ok=True)
            (directory / "test.conf").write_text(text)

    def test_the_timer_removes_versions(self):
        self.install()
        site = self.make_site()
        self.configure()
        self.host.shell("systemctl daemon-reload; systemctl start modelfleet-cleanup.timer")
        self.host.shell(
            "for i in $(seq 1200); do\n"
            "  state=$(systemctl show -P ExecMainExitTimestampMonotonic modelfleet-cleanup)\n"
            "  [ \"$state\" = 0 ] || break; sleep 0.1\ndone")
        journal = self.host.shell(
            "journalctl --sync; journalctl -q -o cat -u modelfleet-cleanup.service")
        result = self.host.shell("systemctl show -P Result modelfleet-cleanup.service").strip()
        self.assertEqual(result, "success", journal)
        self.assertEqual(sorted(os.listdir(site.store / MODEL)), [OLD[10], OLD[11], FIRST],
                         journal)
        self.assertIn(f"{len(OLD) - 2} removed", journal)
        # The unit as it is shipped waits for its week.
        (self.host.root / "etc/systemd/system/modelfleet-cleanup.timer.d/test.conf").unlink()
        self.host.shell("systemctl daemon-reload; systemctl restart modelfleet-cleanup.timer")
        self.assertIn("modelfleet-cleanup.service", self.host.shell("systemctl list-timers"))

    def test_what_it_may_not_write_it_does_not(self):
        self.install()
        site = self.make_site()
        self.configure()
        (self.host.root / "etc/systemd/system/modelfleet-cleanup.service.d/test.conf").unlink()
        self.host.shell("systemctl daemon-reload")
        done = self.host.run("systemctl", "start", "modelfleet-cleanup.service", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(os.listdir(site.store / MODEL)), len(OLD) + 1)
        self.assertIn("Read-only file system", self.host.shell(
            "journalctl --sync; journalctl -q -o cat -u modelfleet-cleanup.service"))


if __name__ == "__main__":
    program.main()
