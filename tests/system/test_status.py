#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fleet-status on real hosts: what is wrong with them is seen, and nothing is disturbed."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from harness import metrics, program
from harness.activation import CONFIG, DATA, FIRST, MODEL, SECOND, ActivationCase, brief
from harness.case import LoopbackCase
from harness.deploy import (CANNOT_RUN, HOST_FAILED, INTERRUPTED, OK, ROLLED_BACK, UNREACHABLE,
                            finish)
from harness.deploy import program as built
from harness.store import weights

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

REGISTRY = f"{DATA}/model_registry"


class StatusMixin:
    """What tests of fleet-status share."""

    def command(self, *arguments):
        return [str(word) for word in
                (built("fleet-status"), "-i", self.site.inventory, *arguments)]

    def text(self, *arguments, code=OK):
        run = self.operator._run(self.command(*arguments), 120)
        self.assertEqual(run.code, code, run)
        return run.stdout

    def events(self, *arguments, code=OK):
        run = self.operator._run(self.command("--json", *arguments), 120)
        self.assertEqual(run.code, code, run)
        return run.events

    def status(self, *arguments, code=OK):
        """{host: its event}; the event that ends the round is under None."""
        return {event.get("host") if event["event"] == "host" else None: event
                for event in self.events(*arguments, code=code)}

    def model(self, host, *arguments, code=OK):
        """The one model of a host."""
        models = self.status(*arguments, code=code)[host]["models"]
        self.assertEqual(len(models), 1)
        return models[0]

    def start(self, *arguments, **options):
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL,
                                   env=self.operator.environment, **options)
        self.addCleanup(process.kill)
        return process


class BootedTest(StatusMixin, ActivationCase):
    def test_as_wanted(self):
        self.deploy()
        hosts = self.status()
        for name in ("n01", "n02", "n03"):
            host = hosts[name]
            self.assertEqual(host["state"], "as_wanted")
            model = host["models"][0]
            self.assertEqual((model["state"], model["wanted"], model["there"]),
                             ("ok", FIRST, [FIRST]))
            self.assertEqual((model["runs"], model["runs_by"]), ([FIRST], "config"))
            self.assertEqual(host["services"], [
                {"service": "sentinel", "active": "active", "sub": "running"}])
            self.assertEqual(host["deploy_outcome"], "changed")
            self.assertGreater(host["disk_free"], 0)
            self.assertEqual(host["problems"], [])
        self.assertEqual(hosts[None]["as_wanted"], 3)
        self.assertNotIn("running", hosts[None])
        page = self.text()
        self.assertRegex(page, r"3 hosts as wanted: n01, n02, n03\n"
                               rf"  {MODEL} +{FIRST}  {FIRST}  {FIRST}  config  ok\n"
                               r"  service sentinel  active \(running\)\n")
        self.assertTrue(page.endswith("3 hosts: 3 as wanted, 0 differ, 0 away\n"), page)

    def test_before_the_first_deploy(self):
        host = self.status(code=HOST_FAILED)["n01"]
        self.assertEqual(host["state"], "differs")
        self.assertEqual(host["models"][0]["state"], "absent")
        self.assertEqual(host["models"][0]["there"], [])
        self.assertEqual(host["services"][0]["active"], "inactive")
        self.assertIsNone(host["deployed"])
        self.assertIn("no deploy is known here", self.text(code=HOST_FAILED))
        self.fleet["n01"].shell(f"test ! -e {REGISTRY}")

    def test_a_config_that_is_gone(self):
        self.deploy()
        self.fleet["n02"].shell(f"rm {CONFIG}")
        hosts = self.status(code=HOST_FAILED)
        self.assertEqual(hosts["n02"]["models"][0]["state"], "no config")
        self.assertEqual(hosts["n01"]["state"], "as_wanted")

    def test_a_config_that_only_root_may_read(self):
        self.deploy()
        self.fleet["n01"].shell(f"chown root: {CONFIG}; chmod 600 {CONFIG}")
        host = self.status()["n01"]
        self.assertEqual((host["models"][0]["runs"], host["problems"]), ([FIRST], []))

    def test_a_file_that_a_service_changed(self):
        self.deploy()
        self.fleet["n02"].shell(f"echo more >> {REGISTRY}/{MODEL}/{FIRST}/behaviour; "
                                f"touch -d 'next year' {REGISTRY}/{MODEL}/{FIRST}/behaviour")
        model = self.model("n02", "n02", code=HOST_FAILED)
        self.assertEqual((model["state"], model["drift"]), ("drifted", 1))
        page = self.text(code=HOST_FAILED)
        self.assertRegex(page, r"n02 differs\n.*drifted 1\n +behaviour: changed on the node, and")
        self.assertIn("2 hosts as wanted: n01, n03", page)

    def test_versions_that_nobody_wants(self):
        self.deploy()
        self.fleet["n01"].shell(f"cd {REGISTRY}; mkdir -p {MODEL}/2020-01-01 stray/2021-01-01")
        host = self.status()["n01"]
        self.assertEqual([(v["model"], v["version"], v["verified"]) for v in host["unmanaged"]],
                         [(MODEL, "2020-01-01", False), ("stray", "2021-01-01", False)])
        self.assertIn("2 versions that nobody wants on 1 host", self.text())
        self.assertIn("wanted by nobody stray/2021-01-01, never verified", self.text("--all"))
        self.assertEqual(len(self.status("-m", MODEL)["n01"]["unmanaged"]), 1)

    def test_a_former_version_is_kept_by_right(self):
        self.deploy()
        self.add_version(SECOND, "fine")
        self.deploy()
        model = self.model("n01")
        self.assertEqual((model["there"], model["runs"]), ([SECOND, FIRST], [SECOND]))
        self.assertEqual(self.status()["n01"]["unmanaged"], [])

    def test_a_deploy_that_is_killed_leaves_staging(self):
        self.site.add_version(MODEL, SECOND, {"model.tflite": weights(30_000_000, 3),
                                              "behaviour": b"fine"})
        process = self.operator.start("--bwlimit", "600k", "--limit", "n01")
        staged = f"find {REGISTRY}/.staging -type f -size +100k 2>/dev/null | grep . || true"
        deadline = time.monotonic() + 120
        while not self.fleet["n01"].shell(staged) and time.monotonic() < deadline:
            time.sleep(0.2)
        hosts = self.status("n01", code=HOST_FAILED)
        self.assertIn("deploy-models", hosts[None]["running"]["command"])
        self.assertEqual(hosts[None]["running"]["pid"], process.pid)
        self.assertIn("a run is under way", self.text("n02", code=HOST_FAILED))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hosts = self.status("n01", code=HOST_FAILED)
        self.assertNotIn("running", hosts[None])
        staging = hosts["n01"]["staging"]
        self.assertEqual([(s["model"], s["version"]) for s in staging], [(MODEL, SECOND)])
        self.assertGreater(staging[0]["bytes"], 100_000)
        self.assertLess(abs(time.time() - staging[0]["written"]), 60)
        self.assertRegex(self.text("--limit", "n01", code=HOST_FAILED),
                         r"1 half-finished version on 1 host, [\d.]+ [kM]B, the oldest written")

    def test_a_deploy_under_way_is_not_disturbed(self):
        self.site.add_version(MODEL, SECOND, {"model.tflite": weights(3_000_000, 3),
                                              "behaviour": b"fine"})
        process = self.operator.start("--bwlimit", "2M")
        codes = set()
        while process.poll() is None:
            run = self.operator._run(self.command("--json"), 120)
            codes.add(run.code)
        run = finish(process)
        self.assertEqual(run.code, OK, brief(run))
        self.assertLessEqual(codes, {OK, HOST_FAILED})
        self.assertEqual(self.status()[None]["as_wanted"], 3)

    def test_a_host_that_is_away(self):
        self.deploy()
        self.fleet["n03"].link.cut()
        hosts = self.status(code=UNREACHABLE)
        self.assertEqual(hosts["n03"]["state"], "away")
        self.assertTrue(hosts["n03"]["error"]["text"])
        self.assertEqual(hosts["n01"]["state"], "as_wanted")
        page = self.text(code=UNREACHABLE)
        self.assertIn("n03 away\n", page)
        self.assertIn("2 as wanted, 0 differ, 1 away", page)
        self.fleet["n01"].shell("systemctl stop sentinel")
        self.status(code=HOST_FAILED)

    def test_hosts_that_are_away_alike_are_told_once(self):
        for host in ("n01", "n02"):
            self.fleet[host].link.cut()
        page = self.text("--timeout", "2", "n01", "n02", code=UNREACHABLE)
        self.assertRegex(page, r"2 hosts away: n01, n02\n  .*ADDRESS.*\n  a slow host")

    def test_a_service_that_failed(self):
        self.deploy()
        self.fleet["n02"].shell("systemctl kill -s KILL sentinel; sleep 1")
        host = self.status(code=HOST_FAILED)["n02"]
        self.assertEqual(host["services"][0]["active"], "failed")
        self.assertEqual(host["models"][0]["state"], "ok")
        self.assertIn("service sentinel  failed (failed)", self.text(code=HOST_FAILED))

    def test_a_host_that_went_back_runs_the_former_version(self):
        self.deploy()
        self.add_version(SECOND, "fails")
        self.deploy(code=ROLLED_BACK)
        host = self.status(code=HOST_FAILED)["n01"]
        model = host["models"][0]
        self.assertEqual((model["state"], model["wanted"]), ("runs other", SECOND))
        self.assertEqual((model["runs"], model["runs_by"]), ([FIRST], "config"))
        self.assertEqual(model["there"], [SECOND, FIRST])
        self.assertIn("reverted", [t["state"] for t in host["transactions"]])
        self.assertEqual(host["deploy_outcome"], "rolled_back")
        page = self.text(code=HOST_FAILED)
        self.assertRegex(page, rf"{MODEL} +{SECOND}  {SECOND}  {FIRST}  config  runs other\n")
        self.assertIn("  went back: ", page)
        self.assertRegex(page, r"  its last deploy: .*wrong shape")
        self.assertIn("3 hosts differ", page)
        reports = json.loads((self.site.store / ".fleet/reports.json").read_text())
        self.assertEqual(reports["hosts"]["n01"]["runs"][MODEL], [FIRST])
        # Nobody needs another deploy once the former version is what is wanted.
        self.site.set_current(MODEL, FIRST)
        self.assertEqual(self.status()["n01"]["state"], "as_wanted")

    def test_words_select_hosts(self):
        self.deploy()
        self.assertEqual(set(self.status("n01", "n03")), {"n01", "n03", None})
        self.assertEqual(set(self.status("sentinels", "--limit", "n02")), {"n02", None})
        self.text("nobody", code=CANNOT_RUN)
        self.text("n01", "--limit", "n02", code=CANNOT_RUN)
        self.text("-m", "mobilenet", code=CANNOT_RUN)

    def test_a_store_on_another_host(self):
        keeper = self.fleet["n03"]
        self.deploy()
        archive = subprocess.run(["tar", "-C", self.site.store, "-c", "."], check=True,
                                 capture_output=True).stdout
        keeper.run("mkdir", "-p", str(self.site.store))
        self.addCleanup(keeper.shell, f"rm -rf {self.site.store}")
        keeper.run("tar", "-C", str(self.site.store), "-x", stdin=archive)
        hosts = {name: self.fleet.host_variables(self.fleet[name], self.user)
                 for name in ("n01", "n02")}
        self.site.write_inventory(hosts, {}, REGISTRY, [], sentinelcam_data_path=DATA,
                                  datasink=self.fleet.host_variables(keeper, "root"))
        before = keeper.shell(f"ls -AR --full-time {self.site.store}/.fleet")
        host = self.status("sentinels")["n01"]
        self.assertEqual((host["state"], host["models"][0]["runs"]), ("as_wanted", [FIRST]))
        self.assertEqual(keeper.shell(f"ls -AR --full-time {self.site.store}/.fleet"), before)


class MetricsTest(StatusMixin, ActivationCase):
    host_count = 2

    def collect(self, *arguments, code=OK):
        path = self.directory / "fleet.prom"
        os.umask(0o077)
        self.text("--metrics", path, *arguments, code=code)
        self.assertEqual(path.stat().st_mode & 0o777, 0o644)
        self.assertEqual([name.name for name in self.directory.glob("*fleet.prom*")],
                         ["fleet.prom"])
        text = path.read_text(encoding="utf-8")
        found = metrics.parse(text)
        if text_string_to_metric_families:
            theirs = {family.name: {tuple(sorted(sample.labels.items())): sample.value
                                    for sample in family.samples}
                      for family in text_string_to_metric_families(text)}
            self.assertEqual(theirs, found)
        return found

    def test_a_fleet_as_metrics(self):
        started = time.time()
        self.deploy()
        self.add_version(SECOND, "fails")
        self.deploy("--limit", "n02", code=ROLLED_BACK)
        self.fleet["n01"].shell(f"echo x > {REGISTRY}/{MODEL}/{FIRST}/own.txt")
        found = self.collect(code=HOST_FAILED)
        self.assertEqual(metrics.labels(found, "modelfleet_model_info", host="n02"),
                         {"host": "n02", "model": MODEL, "wanted": SECOND, "actual": FIRST,
                          "by": "config"})
        self.assertEqual(metrics.value(found, "modelfleet_hosts", state="differs"), 2)
        self.assertEqual(metrics.value(found, "modelfleet_host_reachable", host="n01"), 1)
        self.assertEqual(metrics.value(found, "modelfleet_host_as_wanted", host="n01"), 0)
        self.assertEqual(metrics.value(found, "modelfleet_service_up", host="n02",
                                       service="sentinel"), 1)
        stamp = metrics.value(found, "modelfleet_host_last_deploy_timestamp_seconds", host="n02")
        self.assertTrue(started - 1 <= stamp <= time.time())
        self.assertGreater(metrics.value(found, "modelfleet_model_bytes", host="n02"), 1000)
        self.assertGreater(metrics.value(found, "modelfleet_collection_duration_seconds"), 0)
        self.site.set_current(MODEL, FIRST)
        found = self.collect(code=HOST_FAILED)
        self.assertEqual(metrics.value(found, "modelfleet_model_drift_files", host="n01"), 1)
        self.assertEqual(metrics.value(found, "modelfleet_host_as_wanted", host="n02"), 1)

    def test_a_host_that_is_away_in_metrics(self):
        self.fleet["n02"].link.cut()
        found = self.collect(code=HOST_FAILED)
        self.assertEqual(metrics.value(found, "modelfleet_host_reachable", host="n02"), 0)
        self.assertEqual(metrics.labels(found, "modelfleet_model_info", host="n02")["actual"], "")
        away = [key for name, samples in found.items() for key in samples
                if ("host", "n02") in key and "disk" in name]
        self.assertEqual(away, [])

    def test_a_file_that_cannot_be_written(self):
        run = self.operator._run(self.command("--metrics", "/nowhere/fleet.prom"), 120)
        self.assertEqual(run.code, CANNOT_RUN, run)
        self.assertIn("/nowhere/fleet.prom", run.stderr)


class WatchTest(StatusMixin, LoopbackCase):
    def read_until(self, process, descriptor, pattern, timeout=120):
        """What a process prints until a pattern is in it."""
        text, deadline = "", time.monotonic() + timeout
        while not re.search(pattern, text, re.DOTALL):
            left = deadline - time.monotonic()
            if left <= 0 or process.poll() is not None:
                self.fail(f"{pattern!r} did not come:\n{text}")
            if select.select([descriptor], [], [], left)[0]:
                text += os.read(descriptor, 65536).decode("utf-8")
        return text

    def watch(self, *arguments):
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process, process.stdout.fileno()

    def interrupt(self, process, code):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=120), code)

    def test_blocks_on_a_pipe(self):
        self.deploy()
        process, output = self.watch("--watch", "0.3")
        text = self.read_until(process, output, r"(2 hosts: 2 as wanted.*){3}")
        self.assertNotIn("\033", text)
        self.assertRegex(text, r"^\d{4}-\d\d-\d\dT[\d:]+Z, every 0.3 s, asked in [\d.]+ s\n\n")
        self.interrupt(process, OK)

    def test_changes_are_seen_and_the_last_round_counts(self):
        self.deploy()
        process, output = self.watch("--watch=0.3")
        self.read_until(process, output, r"2 as wanted")
        (self.path("node1") / "own.txt").write_text("a note")
        self.read_until(process, output, r"own.txt: not part of the version.*1 differs")
        self.interrupt(process, HOST_FAILED)

    def test_what_is_wanted_is_read_again(self):
        self.deploy()
        process, output = self.watch("--watch", "0.3")
        self.read_until(process, output, r"2 as wanted")
        self.site.add_version(MODEL, SECOND, {"model.tflite": b"new"})
        self.read_until(process, output, rf"{SECOND} +{FIRST} .* absent.*2 differ")
        registry = self.site.inventory / "group_vars/all/model_registry.yaml"
        good = registry.read_text()
        registry.write_text("sentinelcam_models: [")
        self.read_until(process, process.stderr.fileno(), r"model_registry.yaml:\d+")
        registry.write_text(good)
        self.read_until(process, output, r"2 differ")
        self.interrupt(process, HOST_FAILED)

    def test_links_stay_open_and_are_made_anew(self):
        self.deploy()
        process, output = self.watch("--watch", "0.3")
        self.read_until(process, output, r"(2 as wanted.*){2}")
        node = self.nodes["node1"]
        helpers = node.processes("node-")
        self.assertEqual(len(helpers), 1)
        self.read_until(process, output, r"(2 as wanted.*){3}")
        self.assertEqual(node.processes("node-"), helpers)
        node.kill_sessions()
        node.stop()
        self.read_until(process, output, r"1 as wanted, 0 differ, 1 away")
        self.nodes.start(node)
        self.read_until(process, output, r"2 as wanted, 0 differ, 0 away")
        self.interrupt(process, OK)

    def test_json_has_a_status_event_a_round(self):
        self.deploy()
        process, output = self.watch("--watch", "0.3", "--json")
        text = self.read_until(process, output, r'("event":"status".*){2}\n')
        kinds = [json.loads(line)["event"] for line in text.splitlines()[:6]]
        self.assertEqual(kinds, ["host", "host", "status"] * 2)
        self.interrupt(process, OK)

    def test_before_the_first_round_is_over(self):
        process, _ = self.watch("--watch", "5")
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(timeout=120), (INTERRUPTED, HOST_FAILED, -signal.SIGINT))

    def test_a_terminal_is_drawn_in_place(self):
        self.deploy()
        master, slave = pty.openpty()
        environment = dict(self.operator.environment, TERM="xterm")
        process = subprocess.Popen(self.command("--watch", "0.3"), stdin=slave, stdout=slave,
                                   stderr=slave, env=environment, start_new_session=True)
        self.addCleanup(process.kill)
        os.close(slave)
        self.addCleanup(os.close, master)
        text = self.read_until(process, master, r"(2 as wanted, 0 differ.*){3}")
        rounds = re.findall(r"\033\[(\d+)A\r", text)
        self.assertGreaterEqual(len(rounds), 2)
        first = text.split("\033[J")[0]
        self.assertEqual(int(rounds[0]), first.count("\n"))
        self.assertNotIn("\033[32m", text)  # NO_COLOR holds
        self.interrupt(process, OK)

    def test_a_page_that_is_longer_than_the_terminal_is_cut(self):
        self.deploy()
        master, slave = pty.openpty()
        subprocess.run(["stty", "rows", "6", "cols", "40"], stdin=slave, check=True)
        process = subprocess.Popen(self.command("--watch", "0.3"), stdin=slave, stdout=slave,
                                   stderr=slave, env=self.operator.environment,
                                   start_new_session=True)
        self.addCleanup(process.kill)
        os.close(slave)
        self.addCleanup(os.close, master)
        text = self.read_until(process, master, r"\033\[\d+A\r.*\033\[J")
        first = re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text.split("\033[J")[0])
        lines = first.lstrip("\r").splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual(lines[-1], "...")
        self.assertLessEqual(max(map(len, lines)), 40)
        self.interrupt(process, OK)


    def test_a_slow_round_says_how_far_it_is(self):
        slow = {"name": "slow", "manager": "commands", "commands": {"status": "sleep 1.5"}}
        self.write_inventory(model_services=[slow], model_become=False)
        self.deploy("--no-activate")
        master, slave = pty.openpty()
        process = self.start(stdout=subprocess.PIPE, stderr=slave)
        self.addCleanup(process.stdout.close)
        os.close(slave)
        self.addCleanup(os.close, master)
        shown = self.read_until(process, master, r"\r\033\[Kasking: 0 of 2 hosts done")
        page = process.stdout.read().decode()
        self.assertEqual(process.wait(timeout=120), OK)
        shown += os.read(master, 65536).decode()
        self.assertTrue(shown.endswith("\r\033[K"), repr(shown))
        self.assertNotIn("asking", page)


class VerifyTest(StatusMixin, LoopbackCase):
    """Bytes that change without anybody writing: below the file system, as a bad disk does."""

    def setUp(self):
        super().setUp()
        self.image = self.directory / "disk"
        self.disk = self.registry("node1")
        self.disk.mkdir(parents=True)
        self.image.write_bytes(b"")
        os.truncate(self.image, 32 << 20)
        try:
            subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True,
                           capture_output=True)
            self.mount()
        except (OSError, subprocess.CalledProcessError) as reason:
            self.skipTest(f"cannot mount a disk of its own: {reason}")
        self.addCleanup(self.unmount)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.disk], check=True,
                       capture_output=True)

    def unmount(self):
        subprocess.run(["umount", self.disk], check=True, capture_output=True)

    def flip(self, content):
        """Changes a byte of what lies on the disk, whose file system does not know."""
        self.unmount()
        with open(self.image, "r+b") as disk:
            data = disk.read()
            place = data.index(content) + 17
            disk.seek(place)
            disk.write(bytes([data[place] ^ 0x01]))
        self.mount()

    def test_a_flipped_byte_that_no_time_tells_of(self):
        self.deploy()
        file = self.path("node1") / "model.tflite"
        content, before = file.read_bytes(), file.stat()
        self.flip(content[4096:8192])
        after = file.stat()
        self.assertEqual((before.st_size, before.st_mtime_ns, before.st_ctime_ns),
                         (after.st_size, after.st_mtime_ns, after.st_ctime_ns))
        self.assertNotEqual(file.read_bytes(), content)
        self.assertEqual(self.status("node1")["node1"]["state"], "as_wanted")
        host = self.status("--verify", code=HOST_FAILED)["node1"]
        states = {model["model"]: model["state"] for model in host["models"]}
        self.assertEqual(states, {MODEL: "differs", "face_detection": "ok"})
        self.assertIn("every file was read again", self.text("--verify", code=HOST_FAILED))

    def test_a_sound_disk_verifies(self):
        self.deploy()
        self.assertTrue(self.status("--verify")[None]["verified"])


if __name__ == "__main__":
    program.main()
