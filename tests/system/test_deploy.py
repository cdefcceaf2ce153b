#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy-models over real ssh: what arrives, what is chosen, what is said."""

import json
import time

from harness import program
from harness.case import FIRST, MODEL, OTHER, SECOND, LoopbackCase
from harness.deploy import CANNOT_RUN, HOST_FAILED, OK, UNREACHABLE
from harness.store import retrained, weights


class DeployTest(LoopbackCase):
    def test_cold_brings_every_host_its_set(self):
        run = self.deploy()
        self.assert_deployed("node1", MODEL)
        self.assert_deployed("node1", OTHER)
        self.assert_deployed("node2", MODEL)
        self.assertFalse((self.registry("node2") / OTHER).exists())
        self.assertEqual(run.outcomes("node1"), {MODEL: "sent", OTHER: "sent"})
        self.assertEqual(run.outcomes("node2"), {MODEL: "sent"})
        self.assertEqual(run.host("node1")["state"], "changed")
        self.assert_clean("node1")

    def test_nothing_to_do_sends_nothing(self):
        self.deploy()
        run = self.deploy()
        self.assertEqual(run.outcomes("node1"), {MODEL: "current", OTHER: "current"})
        self.assertEqual(run.host("node2")["state"], "unchanged")
        self.assertEqual(run.totals["bytes_sent"], 0)
        self.assertFalse(run.host("node1")["helper_installed"])
        self.assertLess(run.host("node1")["channel_out"], 20_000)

    def test_files_that_are_there_are_not_written_again(self):
        self.deploy()
        before = self.path("node1") / "model.tflite"
        inode, ctime = before.stat().st_ino, before.stat().st_ctime_ns
        self.deploy()
        after = before.stat()
        self.assertEqual((after.st_ino, after.st_ctime_ns), (inode, ctime))

    def test_a_bump_sends_one_delta_to_all(self):
        self.deploy()
        old = (self.site.version_path(MODEL, FIRST) / "model.tflite").read_bytes()
        self.site.add_version(MODEL, SECOND, {"model.tflite": retrained(old, 1),
                                              "labels.txt": b"person\ncat\n"})
        run = self.deploy()
        for node in ("node1", "node2"):
            self.assert_deployed(node, MODEL, SECOND)
            self.assert_deployed(node, MODEL, FIRST)
            sent = run.model(node, MODEL)
            self.assertEqual((sent["files_delta"], sent["files_reused"]), (1, 1))
            self.assertLess(sent["bytes_sent"], len(old) / 10)
        self.assertEqual(run.totals["deltas_made"], 1)

    def test_a_basis_that_the_store_lost_still_gives_a_delta(self):
        self.deploy()
        old = self.site.version_path(MODEL, FIRST) / "model.tflite"
        data = old.read_bytes()
        self.site.add_version(MODEL, SECOND, {"model.tflite": retrained(data, 1)})
        self.site.models[MODEL]["previous_version"] = None
        self.site.write_registry()
        for path in sorted(old.parent.iterdir()):
            path.unlink()
        old.parent.rmdir()
        run = self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)
        self.assertLess(run.model("node1", MODEL)["bytes_sent"], len(data) / 10)

    def test_content_that_is_there_under_another_name_is_reused(self):
        self.deploy()
        same = (self.site.version_path(MODEL, FIRST) / "model.tflite").read_bytes()
        self.site.add_version(MODEL, SECOND, {"renamed/weights.bin": same})
        run = self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)
        self.assertEqual(run.model("node1", MODEL)["files_reused"], 1)
        self.assertEqual(run.model("node1", MODEL)["bytes_sent"], 0)

    def test_going_back_needs_no_bytes(self):
        self.deploy()
        self.site.add_version(MODEL, SECOND, {"model.tflite": weights(200_000, 9)})
        self.deploy()
        self.site.set_current(MODEL, FIRST)
        run = self.deploy()
        self.assertEqual(run.outcomes("node1")[MODEL], "current")
        self.assertEqual(run.totals["bytes_sent"], 0)

    def test_compressible_files_are_compressed_once(self):
        self.site.add_version(MODEL, SECOND, {"labels.txt": b"a line of labels\n" * 60_000})
        run = self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)
        self.assertLess(run.model("node1", MODEL)["bytes_sent"], 100_000)
        self.assertEqual(run.model("node1", MODEL)["bytes_sent"],
                         run.model("node2", MODEL)["bytes_sent"])


class SelectionTest(LoopbackCase):
    def test_limit_touches_only_these_hosts(self):
        run = self.deploy("--limit", "node2")
        self.assertTrue(self.path("node2").is_dir())
        self.assertFalse(self.registry("node1").exists())
        self.assertEqual(run.events[0]["hosts"], ["node2"])

    def test_models_and_tags_select_models(self):
        self.deploy("--models", OTHER)
        self.assertTrue(self.path("node1", OTHER).is_dir())
        self.assertFalse(self.path("node1", MODEL).exists())
        self.deploy("--tags", MODEL)
        self.assertTrue(self.path("node1", MODEL).is_dir())

    def test_an_override_pins_one_host(self):
        self.site.add_version(MODEL, SECOND, {"model.tflite": weights(200_000, 9)})
        self.site.write_host("node2", {"model_version_overrides": {MODEL: FIRST}})
        self.deploy()
        self.assert_deployed("node1", MODEL, SECOND)
        self.assert_deployed("node2", MODEL, FIRST)
        self.assertFalse(self.path("node2", MODEL, SECOND).exists())

    def test_extra_vars_win(self):
        elsewhere = self.nodes["node2"].home / "elsewhere"
        self.deploy("--limit", "node2", "-e", f"data_path={elsewhere}")
        self.assertTrue((elsewhere / "model_registry" / MODEL / FIRST).is_dir())

    def test_check_says_what_it_would_do_and_does_nothing(self):
        run = self.deploy("--check")
        self.assertEqual(run.model("node1", MODEL)["outcome"], "sent")
        self.assertGreater(run.model("node1", MODEL)["bytes_sent"], 700_000)
        for node in ("node1", "node2"):
            self.assertFalse(self.path(node).exists())

    def test_check_of_a_bump_counts_the_delta(self):
        self.deploy()
        old = (self.site.version_path(MODEL, FIRST) / "model.tflite").read_bytes()
        self.site.add_version(MODEL, SECOND, {"model.tflite": retrained(old, 1)})
        run = self.deploy("--check")
        self.assertFalse(self.path("node1", MODEL, SECOND).exists())
        self.assertEqual(run.outcomes("node1")[MODEL], "sent")

    def test_initial_only_and_exclude(self):
        self.site.add_version(
            MODEL, SECOND,
            {"model.tflite": b"m" * 1000, "state.json": b"{}", "notes/draft.md": b"not for nodes"},
            initial_only=["state.json"], exclude=["notes/**", "notes"])
        self.deploy()
        state = self.path("node1", MODEL, SECOND) / "state.json"
        self.assertFalse((state.parent / "notes/draft.md").exists())
        state.write_text('{"learned": true}')
        run = self.deploy()
        self.assertEqual(run.outcomes("node1")[MODEL], "current")
        self.assertEqual(state.read_text(), '{"learned": true}')


class RemoteStoreTest(LoopbackCase):
    """The primary datasink is another host; node3's sshd stands for it."""

    node_count = 3

    def setUp(self):
        super().setUp()
        node1, node2, node3 = (self.variables(node) for node in self.nodes.nodes)
        self.site.write_inventory({"node1": node1}, {"node2": node2},
                                  "{{ data_path }}/model_registry", [MODEL], datasink=node3)

    def test_every_host_gets_its_set(self):
        self.deploy()
        self.assert_deployed("node1", MODEL)
        self.assert_deployed("node1", OTHER)
        self.assert_deployed("node2", MODEL)
        self.assertEqual(self.deploy().totals["bytes_sent"], 0)

    def test_a_bump_is_a_delta(self):
        self.deploy()
        old = (self.site.version_path(MODEL, FIRST) / "model.tflite").read_bytes()
        self.site.add_version(MODEL, SECOND, {"model.tflite": retrained(old, 1)})
        run = self.deploy()
        self.assert_deployed("node2", MODEL, SECOND)
        self.assertLess(run.model("node2", MODEL)["bytes_sent"], len(old) / 10)

    def test_a_datasink_that_is_down_is_named(self):
        self.nodes["node3"].stop()
        run = self.operator.deploy()
        self.assertIn(run.code, (CANNOT_RUN, UNREACHABLE), run)
        self.assertIn("datasink", run.stderr)
        self.assertFalse(self.registry("node1").exists())


class MistakeTest(LoopbackCase):
    """What is wrong in the site is said before any host is touched."""

    def assert_refused(self, run, *words):
        for word in words:
            self.assertIn(word, run.stderr)
        for node in self.nodes.nodes:
            self.assertEqual(list(node.home.iterdir()), [])

    def test_a_version_that_the_store_lacks(self):
        self.site.set_current(MODEL, "2026-04-01")
        run = self.deploy(code=CANNOT_RUN)
        self.assert_refused(run, "model_registry.yaml:", "2026-04-01", MODEL)

    def test_all_mistakes_are_reported_in_one_run(self):
        self.site.set_current(MODEL, "2026-13-01")
        self.site.write_host("node2", {"model_version_overrides": {"no_such_model": FIRST}})
        run = self.deploy(code=CANNOT_RUN)
        self.assert_refused(run, "2026-13-01", "no_such_model", "node2")

    def test_an_unknown_model_in_a_filter(self):
        self.assert_refused(self.deploy("--models", "mobilenet_sdd", code=CANNOT_RUN),
                            "mobilenet_sdd", MODEL)

    def test_a_pattern_that_matches_no_host(self):
        self.assert_refused(self.deploy("--limit", "nowhere", code=CANNOT_RUN), "nowhere")

    def test_a_model_directory_that_leads_out_of_the_store(self):
        outside = self.directory / "outside"
        self.site.version_path(MODEL, FIRST).rename(outside)
        self.site.version_path(MODEL, FIRST).symlink_to(outside)
        self.assert_refused(self.deploy(code=CANNOT_RUN), MODEL)


class LimitsTest(LoopbackCase):
    def test_bwlimit_holds_for_all_hosts_together(self):
        started = time.monotonic()
        run = self.deploy("--models", MODEL, "--bwlimit", "500k")
        seconds = time.monotonic() - started
        self.assertGreater(seconds, run.totals["bytes_sent"] / 500_000 * 0.7)
        self.assertLess(seconds, run.totals["bytes_sent"] / 500_000 + 30)

    def test_one_fork_does_one_host_after_the_other(self):
        run = self.deploy("--forks", "1")
        order = [event["host"] for event in run.events
                 if event["event"] == "phase" and event["phase"] in ("connect", "sync")]
        self.assertEqual(order, sorted(order, key=order.index))
        self.assertEqual(len(set(order)), 2)


class ReportTest(LoopbackCase):
    node_count = 3

    def test_one_dead_host_stops_nobody(self):
        self.nodes["node2"].stop()
        run = self.deploy(code=UNREACHABLE)
        self.assertEqual(run.host("node2")["state"], "unreachable")
        self.assertIn("127.0.0.1", run.host("node2")["error"]["text"])
        self.assert_deployed("node1")
        self.assert_deployed("node3")

    def test_the_gravest_exit_code_wins(self):
        self.nodes["node2"].stop()
        blocked = self.registry("node3")
        blocked.parent.mkdir(parents=True)
        blocked.write_text("a file where the directory should be")
        run = self.deploy(code=HOST_FAILED)
        self.assertEqual(run.host("node3")["state"], "failed")
        self.assertEqual(run.totals["unreachable"], 1)
        self.assertEqual(run.totals["failed"], 1)
        self.assertEqual(run.totals["exit_code"], HOST_FAILED)

    def test_failed_hosts_can_be_repeated(self):
        self.nodes["node2"].stop()
        self.deploy(code=UNREACHABLE)
        self.nodes.start(self.nodes["node2"])
        run = self.deploy("--limit-failed")
        self.assertEqual(run.events[0]["hosts"], ["node2"])
        self.assert_deployed("node2")

    def test_events_are_one_a_line_and_end_with_the_totals(self):
        run = self.deploy()
        for line in run.stdout.splitlines():
            self.assertIn("event", json.loads(line))
        self.assertEqual(run.events[0]["event"], "run_start")
        self.assertEqual(run.events[-1]["event"], "run_end")
        self.assertEqual(run.totals["changed"], 3)

    def test_text_output_names_each_host_and_recaps(self):
        run = self.operator.deploy_text()
        self.assertEqual(run.code, OK, run)
        for name in ("node1", "node2", "node3"):
            self.assertIn(name, run.stdout)
        self.assertNotIn("\x1b", run.stdout)


if __name__ == "__main__":
    program.main()
