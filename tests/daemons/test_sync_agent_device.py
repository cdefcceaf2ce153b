#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent on a device: its disk, its records, its clock, its settings and its port."""

import base64
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.request

import faulty_proxy as faulty
from test_sync_agent import AGENT, PATIENCE, AgentCase, pt

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

ARTIFACT = "/model-versions/get-artifact"
NOBODY = 65534


class UpdateCase(AgentCase):
    """Version 1 is in use, and version 2 is published."""

    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.once()
        self.registry.publish("plates", {"best.pt": pt("two", 3_000_000)})

    def assert_former(self):
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.restarts(), 1)
        self.assertFalse((self.models / "staging").exists())


class RecordTest(UpdateCase):
    def test_a_manifest_that_names_another_model(self):
        manifest = self.manifest()
        manifest["models"]["plates.pt"]["mlflow_name"] = "cars"
        self.registry.aliases["plates", "champion"] = 1
        (self.models / "manifest.json").write_text(json.dumps(manifest))
        self.registry.asked.clear()
        self.once()
        self.assertIn(ARTIFACT, self.registry.asked)
        self.assertEqual(self.manifest()["models"]["plates.pt"]["mlflow_name"], "plates")

    def test_a_manifest_that_cannot_be_replaced(self):
        (self.models / "manifest.json").unlink()
        (self.models / "manifest.json").mkdir()
        self.assertIn("cannot replace models/manifest.json", self.once(code=1))
        self.assert_file(pt("one"))
        (self.models / "manifest.json").rmdir()
        self.once()
        self.assertEqual(self.version(), 2)

    def test_a_file_that_is_gone_is_fetched_again(self):
        self.registry.aliases["plates", "champion"] = 1
        (self.models / "plates.pt").unlink()
        self.once()
        self.assert_former_content()

    def assert_former_content(self):
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)

    def test_what_is_remembered_may_be_broken(self):
        for text in ("", "{", "[]", "[" * 100_000, "{\"pending\": [1]}", " " * 5_000_000):
            with self.subTest(text=text[:20]):
                (self.models / ".sync-state.json").write_text(text)
                self.registry.publish("plates", {"best.pt": pt(f"after {text[:20]}")})
                self.once()
                self.assertEqual(self.version(), len(self.registry.versions))

    def test_a_link_in_place_of_a_model_is_not_followed(self):
        (self.site / "elsewhere").write_bytes(pt("one"))
        (self.models / "plates.pt").unlink()
        (self.models / "plates.pt").symlink_to("../elsewhere")
        self.assertIn("is no ordinary file: move it away", self.once(code=1))
        self.assertEqual((self.site / "elsewhere").read_bytes(), pt("one"))


class DiskTest(UpdateCase):
    """A small file system, in a mount namespace of the agent's own."""

    MOUNT = "mount -t tmpfs -o size=2m none"

    def setUp(self):
        if subprocess.run(["unshare", "-m", "sh", "-c", f"{self.MOUNT} /mnt"],
                          capture_output=True, check=False).returncode:
            self.skipTest("no file system can be mounted here")
        super().setUp()

    def once_there(self):
        """What a cycle says, with the models on the small disk before and after."""
        script = (f"{self.MOUNT} models && cp -a former/. models && {{ "
                  f"{shlex.join(self.command('--once'))}; code=$?; "
                  "cp -a models/. after; exit $code; }")
        shutil.copytree(self.models, self.site / "former")
        (self.site / "after").mkdir()
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=self.site, text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        shutil.rmtree(self.models)
        (self.site / "after").rename(self.models)
        return done.stderr

    def test_no_room_is_found_before_the_download(self):
        self.registry.asked.clear()
        self.assertIn("it has 3000", self.once_there())
        self.assertNotIn(ARTIFACT, self.registry.asked)
        self.assert_former()

    def test_no_room_is_found_when_the_answer_begins(self):
        self.settings["models"][0]["artifact"] = "best.pt"
        self.configure()
        self.assertIn("has room for", self.once_there())
        self.assert_former()

    def test_no_room_is_found_while_a_body_comes(self):
        proxy = faulty.Proxy(self.registry.url)
        self.addCleanup(proxy.stop)
        proxy.spoil(ARTIFACT, faulty.endless)
        self.settings["models"][0]["artifact"] = "best.pt"
        self.configure(mlflow_uri=proxy.url)
        self.assertIn("has room for", self.once_there())
        self.assert_former()

    def test_a_directory_on_another_file_system(self):
        version = self.site / "store/plates/2026-01-01"
        script = (f"{self.MOUNT} store && mkdir -p store/plates/2026-01-01 && "
                  f"cp best.pt store/plates/2026-01-01 && {shlex.join(self.command('--once'))}")
        (self.site / "best.pt").write_bytes(pt("three", 100_000))
        (self.site / "store").mkdir()
        self.settings["models"][0].update(source="directory", uri="store")
        self.configure()
        subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=self.site, check=True,
                       capture_output=True, timeout=PATIENCE)
        self.assert_file(pt("three", 100_000))
        self.assertFalse(version.exists())


class PermissionTest(UpdateCase):
    """Run by a user who may not write everywhere."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        super().setUp()
        self.site.chmod(0o755)
        try:
            subprocess.run([AGENT, "--version"], user=NOBODY, check=True, capture_output=True)
        except OSError:
            self.skipTest("nobody else may run the program")

    def give(self, *paths):
        for path in paths:
            os.chown(path, NOBODY, NOBODY)

    def give_all(self):
        self.give(self.site, *self.site.rglob("*"))

    def once_as_nobody(self):
        done = subprocess.run(self.command("--once"), cwd=self.site, text=True, user=NOBODY,
                              capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_models_that_may_not_be_written(self):
        self.assertIn("error: open models/.sync-lock: Permission denied", self.once_as_nobody())
        self.give(self.models / ".sync-lock")
        self.assertIn("Permission denied", self.once_as_nobody())
        self.assert_former()

    def test_a_manifest_that_may_not_be_written(self):
        self.give_all()
        (self.site / "records").mkdir()
        shutil.copy(self.models / "manifest.json", self.site / "records")
        self.configure(manifest_path="records/manifest.json")
        self.assertIn("Permission denied", self.once_as_nobody())
        self.assert_former()
        self.give(self.site / "records")
        subprocess.run(self.command("--once"), cwd=self.site, user=NOBODY, check=True,
                       capture_output=True)
        self.assert_file(pt("two", 3_000_000))

    def test_a_directory_of_one_model_that_may_not_be_written(self):
        self.configure(models=[*self.settings["models"],
                               {"mlflow_name": "cars", "local_filename": "cars/car.pt"}])
        self.registry.publish("cars", {"best.pt": pt("car")})
        self.give_all()
        (self.models / "cars").mkdir()
        before = (self.models / "manifest.json").read_bytes()
        self.assertIn("Permission denied", self.once_as_nobody())
        self.assert_former()
        self.assertEqual((self.models / "manifest.json").read_bytes(), before)
        self.assertEqual(list((self.models / ".former").iterdir()), [])


class TogetherTest(AgentCase):
    def test_agents_at_once_fetch_once(self):
        self.registry.publish("plates", {"best.pt": pt("one", 500_000)})
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for agent in [pool.submit(self.once) for _ in range(4)]:
                agent.result()
        self.assertEqual(self.registry.asked.count(ARTIFACT), 1)
        self.assertEqual(self.restarts(), 1)

    def test_one_unhealthy_version_takes_those_of_its_cycle_back(self):
        names = ("plates", "cars", "signs")
        self.configure(
            models=[{"mlflow_name": name, "local_filename": f"{name}.pt"} for name in names],
            on_update={"restart_command": "echo x >> restarts",
                       "health": {"command": "! grep -q bad models/cars.pt",
                                  "timeout_seconds": 0, "stable_seconds": 0}})
        for name in names:
            self.registry.publish(name, {"best.pt": pt("good")})
        self.once()
        for name in names[:2]:
            self.registry.publish(name, {"best.pt": pt("bad")})
        self.assertIn("not healthy", self.once(code=1))
        self.assertEqual([self.version(f"{name}.pt") for name in names], [1, 1, 1])
        restarts = self.restarts()
        self.once()
        self.assertEqual(self.restarts(), restarts)
        self.registry.aliases["cars", "champion"] = 1
        self.registry.publish("plates", {"best.pt": pt("better")})
        self.once()
        self.assertEqual([self.version(f"{name}.pt") for name in names], [3, 1, 1])
        self.registry.aliases["cars", "champion"] = 2  # it has moved, so it is tried once more
        self.assertIn("not healthy", self.once(code=1))


class RestartTest(UpdateCase):
    def test_a_restart_that_was_interrupted_is_done_again(self):
        self.configure(on_update={
            "restart_command": "echo x >> restarts; test -e quick || sleep 600"})
        with (self.site / "log").open("w") as log:
            agent = subprocess.Popen(self.command("--once"), cwd=self.site, stderr=log)
        self.wait(lambda: self.restarts() == 2)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(PATIENCE), 1)
        (self.site / "quick").touch()
        self.once()
        self.assertEqual(self.restarts(), 3)
        self.assertEqual(self.version(), 2)
        self.once()
        self.assertEqual(self.restarts(), 3)

    def test_a_former_file_that_somebody_removed(self):
        self.configure(on_update={
            "restart_command": "rm -rf models/.former; echo x >> restarts",
            "health": {"command": "false", "timeout_seconds": 0, "stable_seconds": 0}})
        self.assertIn("plates.pt stays", self.once(code=1))
        self.assert_file(pt("two", 3_000_000))
        self.assertEqual(self.version(), 2)

    def test_without_a_restart_the_flag_file_alone(self):
        self.configure(on_update={"restart_pilot": False, "restart_command": ""})
        (self.models / ".update-pending").unlink()
        self.once()
        self.assertTrue((self.models / ".update-pending").exists())
        self.assertEqual(self.restarts(), 1)


class DaemonCase(AgentCase):
    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": pt("one")})

    def reload(self, **settings):
        self.configure(**settings)
        self.daemon.send_signal(signal.SIGHUP)

    def log(self):
        return (self.site / "log").read_text()


class ClockTest(DaemonCase):
    def test_a_clock_that_jumps(self):
        (self.site / "clock").write_text("0")
        self.configure(poll_interval_seconds=1)
        os.environ.update(LD_PRELOAD=os.environ["FAULT_POINT"],
                          FAULT_CLOCK=str(self.site / "clock"),
                          ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        try:
            self.start()
        finally:
            for name in ("LD_PRELOAD", "FAULT_CLOCK", "ASAN_OPTIONS"):
                del os.environ[name]
        for years in (-40, 10):
            (self.site / "clock").write_text(str(years * 365 * 86400))
            asked = len(self.registry.asked)
            self.wait(lambda: len(self.registry.asked) > asked + 1)
            self.assertEqual(self.status()["timestamp"][:4],
                             str(time.gmtime(time.time() + years * 365 * 86400).tm_year))
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.wait(lambda: self.version() == 2)


class ConfigurationTest(DaemonCase):
    def test_models_come_and_go_and_are_renamed(self):
        self.start()
        self.registry.publish("cars", {"best.pt": pt("car")})
        self.reload(models=[{"mlflow_name": "cars", "local_filename": "car.pt"}])
        self.wait(lambda: "car.pt" in self.manifest()["models"])
        self.assert_file(pt("one"))  # what is not named any more is left alone
        self.assertEqual(sorted(self.manifest()["models"]), ["car.pt", "plates.pt"])
        self.reload(models=[{"mlflow_name": "cars", "local_filename": "new/car.pt"}])
        self.wait((self.models / "new/car.pt").exists)

    def test_models_in_another_directory(self):
        self.start()
        self.reload(models_dir="other", manifest_path="other/manifest.json")
        self.wait((self.site / "other/manifest.json").exists)
        self.assertEqual((self.site / "other/plates.pt").read_bytes(), pt("one"))

    def test_another_port_and_one_that_is_in_use(self):
        self.start()
        former = self.port
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
            self.reload(status_port=self.port, poll_interval_seconds=1)
            self.wait(lambda: "the status endpoint" in self.log())
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", former), PATIENCE).close()
        self.wait(lambda: self.status().get("last_sync"))

    def test_what_is_changed_elsewhere_leaves_the_port_alone(self):
        self.start()
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as kept:
            self.registry.aliases["plates", "rival"] = 1
            self.reload(alias="rival")
            self.wait(lambda: self.status()["alias"] == "rival")
            kept.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            self.assertIn(b"200 OK", kept.recv(1000))

    def test_a_broken_one_is_refused_and_mended(self):
        self.start()
        (self.site / "config.yaml").write_text("model_sync: [\n")
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: self.status()["config_error"])
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.sync()
        self.wait(lambda: self.version() == 2)
        (self.site / "config.yaml").unlink()
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: "No such file" in (self.status()["config_error"] or ""))
        self.assertIn("model_sync_config_valid 0\n", self.ask("/metrics")[1])
        self.reload()
        self.wait(lambda: self.status()["config_error"] is None)

    def test_a_directory_that_cannot_be_used_is_told_in_the_status(self):
        self.start()
        (self.site / "file").write_text("x")
        self.reload(models_dir="file/models")
        self.wait(lambda: "make directory file" in (self.status()["last_error"] or ""))
        self.assertIn("error: ", self.log())


class EndpointTest(DaemonCase):
    def test_a_pipeline_that_is_not_restarted_is_told(self):
        self.configure(on_update={"restart_command": "exit 3",
                                  "process_pattern": "no_pilot_has_this_name.py"})
        self.start()
        self.wait(lambda: "the restart: no process is" in (self.status()["last_error"] or ""))
        self.sync()
        self.wait(lambda: self.status()["last_error"] is None)

    def test_there_are_not_too_many_connections(self):
        self.start()
        held = [socket.create_connection(("127.0.0.1", self.port), PATIENCE) for _ in range(32)]
        for connection in held:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = sum(connection.recv(1000).startswith(b"HTTP/1.1 200") for connection in held)
        self.assertEqual(answered, 32)
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as another:
            another.settimeout(1)
            try:
                another.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertEqual(another.recv(1000), b"")
            except (TimeoutError, ConnectionError):
                pass
        for connection in held:
            connection.close()
        self.wait(lambda: self.ask("/health")[0] == 200)

    def test_who_sends_a_byte_now_and_then_does_not_keep_others_out(self):
        self.start()
        held = [socket.create_connection(("127.0.0.1", self.port), PATIENCE) for _ in range(32)]
        ended = threading.Event()

        def trickle():
            while not ended.wait(0.5):
                for connection in held:
                    with contextlib.suppress(OSError):
                        connection.send(b"x")
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            self.wait(lambda: self.health_within(1))
        finally:
            ended.set()
            thread.join()
            for connection in held:
                connection.close()

    def health_within(self, seconds):
        try:
            url = f"http://127.0.0.1:{self.port}/health"
            with urllib.request.urlopen(url, timeout=seconds) as answer:
                return answer.status == 200
        except OSError:
            return False

    def test_requests_are_not_too_large(self):
        self.start()
        self.assertEqual(self.ask("/sync", "POST", "secret", b"x" * 65536)[0], 202)
        self.assertEqual(self.ask("/sync", "POST", "secret", b"x" * 65537)[0], 413)
        self.assertEqual(self.ask("/status?" + "x" * 40_000)[0] // 100, 4)
        self.assertEqual(self.ask("/status", "DELETE")[0], 405)
        self.assertEqual(self.ask("/etc/passwd")[0], 404)

    def test_metrics_are_prometheus_text(self):
        if text_string_to_metric_families is None:
            self.skipTest("prometheus_client is not installed")
        self.start()
        families = {family.name: family for family in
                    text_string_to_metric_families(self.ask("/metrics")[1])}
        self.assertEqual(families["model_sync_updates"].type, "counter")
        self.assertEqual(families["model_sync_connected"].samples[0].value, 1)
        self.assertEqual(families["model_sync_downloaded_bytes"].samples[0].value,
                         len(pt("one")))
        self.assertTrue(all(family.documentation for family in families.values()))

    def test_a_delivery_that_comes_again_wakes_nobody(self):
        self.configure(webhook_secret="hook")
        self.start()
        body = b"{}"
        timestamp = str(int(time.time()))
        mac = hmac.new(b"hook", f"d-1.{timestamp}.".encode() + body, hashlib.sha256).digest()
        headers = {"Content-Type": "application/json", "X-MLflow-Delivery-Id": "d-1",
                   "X-MLflow-Timestamp": timestamp,
                   "X-MLflow-Signature": "v1," + base64.b64encode(mac).decode()}
        asked = len(self.registry.asked)
        self.assertEqual(self.ask("/webhook", "POST", body=body, headers=headers)[0], 202)
        self.wait(lambda: len(self.registry.asked) == asked + 1)
        self.assertEqual(self.ask("/webhook", "POST", body=body, headers=headers),
                         (200, "{\"status\": \"known\"}\n"))
        self.assertEqual(len(self.registry.asked), asked + 1)
        headers["X-MLflow-Delivery-Id"] = "d-2"
        self.assertEqual(self.ask("/webhook", "POST", body=body, headers=headers)[0], 401)

    def test_mlflow_is_not_connected(self):
        proxy = faulty.Proxy(self.registry.url)
        self.addCleanup(proxy.stop)
        self.configure(mlflow_uri=proxy.url)
        self.start()
        self.assertIs(self.status()["mlflow_connected"], True)
        proxy.always = [("/", faulty.reset)]
        self.sync()
        self.wait(lambda: self.status()["mlflow_connected"] is False)
        self.assertEqual(self.status()["models"]["plates.pt"]["version"], 1)


class LogTest(UpdateCase):
    def test_a_server_cannot_write_lines_of_its_own(self):
        self.registry.publish("plates", {"a\nerror: all is lost\x1b[2J.pt": pt("x"),
                                         "b.pt": pt("y")})
        said = self.once(code=1)
        self.assertIn("a\\x0aerror: all is lost\\x1b[2J.pt", said)
        self.assertFalse([line for line in said.splitlines() if "all is lost" in line[:20]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
