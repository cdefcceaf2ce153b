#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent as a process, against a registry that answers as MLflow does."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
import zipfile

import fake_hub
import fake_mlflow

AGENT = os.environ["MODEL_SYNC_AGENT"]
PATIENCE = 120  # seconds that only a hang reaches


def pt(word, size=0):
    """A PyTorch file that says a word."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        for name, content in (("data.pkl", word), ("data/0", bytes(size))):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)
    return text.getvalue()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class AgentCase(unittest.TestCase):
    DIRECTORY = None  # where a device's files lie; None: as others' temporary files do

    def setUp(self):
        self.registry = fake_mlflow.Registry()
        self.registry.start()
        self.addCleanup(self.registry.stop)
        self.site = pathlib.Path(tempfile.mkdtemp(prefix="sync-agent.", dir=self.DIRECTORY))
        self.addCleanup(shutil.rmtree, self.site)
        self.models = self.site / "models"
        self.port = free_port()
        self.daemon = None
        self.settings = {
            "poll_interval_seconds": 3600, "mlflow_uri": self.registry.url,
            "models": [{"mlflow_name": "plates", "local_filename": "plates.pt"}],
            "on_update": {"restart_pilot": True, "restart_command": "echo x >> restarts"},
            "reporting": {"device_id": "jetson-site-001"},
            "status_port": self.port, "status_token": "secret", "keep_former": 2}
        self.configure()

    def configure(self, **settings):
        self.settings.update(settings)
        # JSON is YAML. Whole or not at all: the agent may be reading.
        (self.site / "new").write_text(json.dumps({"model_sync": self.settings}))
        (self.site / "new").rename(self.site / "config.yaml")

    def command(self, *options):
        return [AGENT, "--config", "config.yaml", *options]

    def once(self, *options, code=0):
        """What it says in one cycle that ends with a code; None: with any."""
        done = subprocess.run(self.command("--once", *options), cwd=self.site, text=True,
                              capture_output=True, timeout=PATIENCE, check=False)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def start(self):
        with (self.site / "log").open("w") as log:
            self.daemon = subprocess.Popen(self.command(), cwd=self.site, stderr=log)
        self.addCleanup(self.end)
        self.wait(lambda: self.status().get("last_sync"))

    def end(self):
        if self.daemon:
            self.daemon.send_signal(signal.SIGTERM)
            code = self.daemon.wait(PATIENCE)
            self.daemon = None
            self.assertEqual(code, 0, (self.site / "log").read_text())

    def wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                self.fail((self.site / "log").read_text())
            time.sleep(0.05)

    def ask(self, path, method="GET", token=None, body=None, headers=None):
        """(status, text) of a request to the status endpoint; (0, '') when nobody listens."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=body, headers=headers or {})
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def status(self):
        return json.loads(self.ask("/status")[1] or "{}")

    def sync(self):
        self.assertEqual(self.ask("/sync", "POST", "secret")[0], 202)

    def manifest(self):
        return json.loads((self.models / "manifest.json").read_text())

    def version(self, name="plates.pt"):
        return self.manifest()["models"][name]["version"]

    def restarts(self):
        path = self.site / "restarts"
        return len(path.read_text().split()) if path.exists() else 0

    def assert_file(self, content, name="plates.pt"):
        self.assertEqual((self.models / name).read_bytes(), content)


class CycleTest(AgentCase):
    def test_a_version_is_fetched_and_written_down(self):
        self.registry.publish("plates", {"MLmodel": b"x", "weights/best.pt": pt("one")})
        self.once()
        self.assert_file(pt("one"))
        self.assertEqual(self.manifest()["device_id"], "jetson-site-001")
        record = self.manifest()["models"]["plates.pt"]
        self.assertEqual({**record, "downloaded_at": None},
                         {"mlflow_name": "plates", "version": 1, "alias": "champion",
                          "downloaded_at": None, "run_id": "run-plates-1"})
        self.assertEqual(self.restarts(), 1)
        self.assertTrue((self.models / ".update-pending").exists())
        self.assertFalse((self.models / "staging").exists())

    def test_nothing_new_is_one_request(self):
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.once()
        self.registry.asked.clear()
        self.assertIn("1 of 1 models are up to date", self.once())
        self.assertEqual(self.registry.asked, ["/api/2.0/mlflow/registered-models/alias"])
        self.assertEqual(self.restarts(), 1)

    def test_an_alias_moves_forth_and_back(self):
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.once()
        self.assertEqual(self.version(), 2)
        self.registry.aliases["plates", "champion"] = 1
        self.once()
        self.assertEqual(self.version(), 1)
        self.assert_file(pt("one"))

    def test_two_models_are_one_update(self):
        self.configure(models=[{"mlflow_name": "plates", "local_filename": "plates.pt"},
                               {"mlflow_name": "cars", "local_filename": "cars/cars.pt"}])
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.registry.publish("cars", {"best.pt": pt("car")})
        self.once()
        self.assert_file(pt("car"), "cars/cars.pt")
        self.assertEqual(self.restarts(), 1)

    def test_a_model_that_fails_does_not_stop_others(self):
        self.configure(models=[{"mlflow_name": "gone", "local_filename": "gone.pt"},
                               {"mlflow_name": "plates", "local_filename": "plates.pt"}])
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.assertIn("gone.pt: gone:", self.once(code=1))
        self.assert_file(pt("one"))

    def test_a_stage_instead_of_an_alias(self):
        self.configure(models=[{"mlflow_name": "plates", "local_filename": "plates.pt",
                                "stage": "Production"}])
        self.registry.publish("plates", {"best.pt": pt("one")}, alias="Production")
        self.once()
        self.assertEqual(self.manifest()["models"]["plates.pt"]["alias"], "Production")

    def test_which_file_is_meant(self):
        files = {"weights/best.pt": pt("best"), "weights/last.pt": pt("last")}
        self.registry.publish("plates", files)
        said = self.once(code=1)
        self.assertIn("2 files that may be meant, weights/best.pt, weights/last.pt", said)
        for artifact in ("weights/last.pt", "weights/l*.pt", "**/last.pt"):
            shutil.rmtree(self.models)
            self.configure(models=[{"mlflow_name": "plates", "local_filename": "plates.pt",
                                    "artifact": artifact}])
            self.once()
            self.assert_file(pt("last"))

    def test_a_digest_in_a_tag_is_compared(self):
        self.registry.publish("plates", {"best.pt": pt("one")}, tags={"sha256": "0" * 64})
        self.assertIn("has the sha256", self.once(code=1))
        self.assertFalse((self.models / "plates.pt").exists())
        self.registry.tags["plates", 1] = {"sha256": hashlib.sha256(pt("one")).hexdigest()}
        self.once()
        self.assert_file(pt("one"))

    def test_without_a_manifest_only_a_digest_is_believed(self):
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.once()
        for text in (None, "{\"models\": ", "[]"):
            (self.models / "manifest.json").unlink()
            if text is not None:
                (self.models / "manifest.json").write_text(text)
            self.registry.asked.clear()
            self.once()
            self.assertIn("/model-versions/get-artifact", self.registry.asked)
        self.registry.tags["plates", 1] = {"sha256": hashlib.sha256(pt("one")).hexdigest()}
        (self.models / "manifest.json").unlink()
        self.registry.asked.clear()
        self.once()
        self.assertNotIn("/model-versions/get-artifact", self.registry.asked)
        self.assertEqual(self.version(), 1)


class HubTest(AgentCase):
    def setUp(self):
        super().setUp()
        self.hub = fake_hub.Hub("hf_secret")
        self.addCleanup(self.hub.stop)
        self.environment = {**os.environ, "HF_TOKEN": "hf_secret"}
        self.configure(models=[{"name": "org/plates", "local_filename": "plates.pt",
                                "source": "huggingface", "uri": self.hub.url()}])

    def once(self, *options, code=0):
        done = subprocess.run(self.command("--once", *options), cwd=self.site, text=True,
                              capture_output=True, timeout=PATIENCE, check=False,
                              env=self.environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_a_revision_is_a_commit(self):
        files = {"README.md": b"x", "config.json": b"{}", "weights/plates.pt": pt("one")}
        commit = self.hub.commit("org/plates", files)
        self.once()
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), commit)
        self.assertEqual(self.hub.commit("org/plates", {**files, "more": b"y"}, "dev"),
                         self.hub.revisions["org/plates", "dev"])
        self.once()
        self.assertEqual(self.restarts(), 1)
        self.settings["models"][0]["revision"] = "dev"
        self.configure()
        self.once()
        self.assertEqual(self.version(), self.hub.revisions["org/plates", "dev"])

    def test_the_token_goes_to_the_hub_alone(self):
        self.hub.commit("org/plates", {"plates.pt": pt("one")})
        self.once()
        self.assertEqual([headers.get("Authorization") for headers in self.hub.seen_elsewhere],
                         [None])
        self.environment["HF_TOKEN"] = "hf_other"
        self.assertIn("401", self.once(code=1))

    def test_another_content_than_the_repository_says(self):
        commit = self.hub.commit("org/plates", {"plates.pt": pt("one")})
        self.hub.files[commit] = fake_hub.Changed(self.hub.files[commit])
        self.assertIn("has the sha256", self.once(code=1))
        self.assertFalse((self.models / "plates.pt").exists())


class DirectoryTest(AgentCase):
    def setUp(self):
        super().setUp()
        self.store = self.site / "store/plates"
        for version in ("2026-01-01", "2026-02-01"):
            (self.store / version).mkdir(parents=True)
            (self.store / version / "best.pt").write_bytes(pt(version))
        self.settings["models"][0].update(source="directory", uri="store")
        self.configure()

    def test_the_newest_version(self):
        (self.store / "2026-13-01").mkdir()
        self.once()
        self.assertEqual(self.version(), "2026-02-01")
        self.assert_file(pt("2026-02-01"))

    def test_an_alias_is_a_link(self):
        self.settings["models"][0]["alias"] = "champion"
        self.configure()
        self.assertIn("no link to a version", self.once(code=1))
        (self.store / "champion").symlink_to("2026-01-01")
        self.once()
        self.assert_file(pt("2026-01-01"))


class FailureTest(AgentCase):
    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.once()
        self.registry.publish("plates", {"best.pt": pt("two", 100_000)})

    def assert_former(self):
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.restarts(), 1)

    def test_a_cut_download_goes_on(self):
        self.registry.faults = [fake_mlflow.cut_at(50_000)]
        self.once()
        self.assert_file(pt("two", 100_000))

    def test_a_page_in_place_of_a_model(self):
        self.registry.faults = [fake_mlflow.html]
        self.assertIn("plates.pt", self.once(code=1))
        self.assert_former()
        self.once()
        self.assertEqual(self.version(), 2)

    def test_a_broken_file_is_not_taken(self):
        self.registry.publish("plates", {"best.pt": pt("three")[:-30]})
        self.assertIn("no whole PyTorch model", self.once(code=1))
        self.assert_former()
        self.assertFalse((self.models / "staging").exists())

    def test_a_server_that_is_away(self):
        self.configure(mlflow_uri=f"http://127.0.0.1:{free_port()}")
        self.assertIn("warning: plates.pt", self.once(code=1))
        self.assert_former()

    def test_no_room(self):
        self.registry.versions["plates", 2] = {"best.pt": pt("two", 100_000)}
        self.configure(max_model_bytes=1000)
        self.assertIn("at most 1000 are accepted", self.once(code=1))
        self.assert_former()

    def test_an_unhealthy_version_goes_back_and_is_not_tried_again(self):
        self.configure(on_update={
            "restart_command": "echo x >> restarts",
            "health": {"command": "! grep -q two models/plates.pt", "timeout_seconds": 0.5,
                       "stable_seconds": 0.2}})
        self.assertIn("not healthy", self.once(code=1))
        self.assert_file(pt("one"))
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.restarts(), 3)
        self.once()
        self.assertEqual(self.restarts(), 3)
        self.registry.publish("plates", {"best.pt": pt("three")})
        self.once()
        self.assertEqual(self.version(), 3)

    def test_a_former_version_by_hand_is_held_until_the_alias_moves(self):
        self.once()
        subprocess.run(self.command("--rollback", "plates.pt"), cwd=self.site, check=True,
                       capture_output=True)
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.restarts(), 3)
        self.once()
        self.assertEqual(self.version(), 1)
        self.registry.publish("plates", {"best.pt": pt("three")})
        self.once()
        self.assertEqual(self.version(), 3)

    def test_the_process_is_told_to_end_where_the_command_does_not_do_it(self):
        script = self.site / "a_pilot_of_this_test.py"
        script.write_text("import time\ntime.sleep(600)\n")
        pilot = subprocess.Popen([sys.executable, "-u", str(script)])
        try:
            self.configure(on_update={"restart_command": "exit 1",
                                      "process_pattern": script.name})
            self.assertIn("was told to end, and has", self.once())
            self.assertEqual(pilot.wait(PATIENCE), -signal.SIGTERM)
        finally:
            pilot.kill()
            pilot.wait()

    def test_of_several_processes_none_is_ended(self):
        script = self.site / "pilots_of_this_test.py"
        script.write_text("import time\ntime.sleep(600)\n")
        pilots = [subprocess.Popen([sys.executable, str(script)]) for _ in range(2)]
        try:
            self.configure(on_update={"restart_command": "exit 1",
                                      "process_pattern": script.name})
            self.assertIn("2 processes are", self.once())
            self.assertEqual([pilot.poll() for pilot in pilots], [None, None])
        finally:
            for pilot in pilots:
                pilot.kill()
                pilot.wait()


class KillTest(AgentCase):
    """Killed at any moment: a file is whole and old or new, and the next start makes it right."""

    ROUNDS = 40

    def test_killed_at_any_moment(self):
        luck = random.Random(7)
        contents = {}
        for turn in range(self.ROUNDS):
            content = pt(f"turn {turn}", 200_000)
            contents[self.registry.publish("plates", {"best.pt": content})] = content
            agent = subprocess.Popen(self.command("--once"), cwd=self.site,
                                     stderr=subprocess.DEVNULL)
            time.sleep(luck.random() * 0.3)
            agent.kill()
            agent.wait()
            if (self.models / "plates.pt").exists():
                self.assertIn((self.models / "plates.pt").read_bytes(), contents.values())
        self.once()
        self.assert_file(contents[self.ROUNDS])
        self.assertEqual(self.version(), self.ROUNDS)
        self.assertEqual(json.loads((self.models / ".sync-state.json").read_text())["pending"], [])

    def test_the_name_is_never_missing(self):
        self.assert_always_whole(10, code=0)

    def test_nor_on_the_way_back(self):
        self.registry.publish("plates", {"best.pt": pt("first", 5000)})
        self.once()
        self.configure(on_update={"restart_command": "true", "health": {
            "command": "false", "timeout_seconds": 0, "stable_seconds": 0}})
        self.assert_always_whole(5, code=1)
        self.assertEqual(self.version(), 1)

    def assert_always_whole(self, turns, code):
        """A reader finds a whole file while new versions come and end with a code."""
        if not (self.models / "plates.pt").exists():
            self.registry.publish("plates", {"best.pt": pt("0", 5000)})
            self.once()
        ended, wrong = threading.Event(), []

        def read():
            while not ended.is_set():
                try:
                    zipfile.ZipFile(self.models / "plates.pt").testzip()
                except Exception as error:  # noqa: BLE001
                    wrong.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        for turn in range(turns):
            self.registry.publish("plates", {"best.pt": pt(str(turn), 5000)})
            self.once(code=code)
        ended.set()
        reader.join()
        self.assertEqual(wrong, [])


class DaemonTest(AgentCase):
    def setUp(self):
        super().setUp()
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.start()

    def test_status_has_the_fields_that_are_promised(self):
        status = self.status()
        self.assertEqual(list(status)[:7], ["device_id", "mlflow_uri", "mlflow_connected", "alias",
                                            "last_sync", "models", "timestamp"])
        self.assertEqual(status["device_id"], "jetson-site-001")
        self.assertIs(status["mlflow_connected"], True)
        self.assertEqual(status["models"], self.manifest()["models"])
        self.assertEqual(self.ask("/health"), (200, "{\"status\": \"ok\"}\n"))
        self.assertIn("model_sync_updates_total 1\n", self.ask("/metrics")[1])

    def test_a_cycle_on_request_needs_the_token(self):
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.assertEqual(self.ask("/sync", "POST")[0], 401)
        self.assertEqual(self.ask("/sync", "POST", "wrong")[0], 401)
        self.sync()
        self.wait(lambda: self.version() == 2)

    def deliver(self, body, secret, age=0, delivery="d-1"):
        """A delivery of a webhook as MLflow signs it; the answer's status."""
        timestamp = str(int(time.time()) - age)
        text = f"{delivery}.{timestamp}.{body}".encode()
        mac = hmac.new(secret.encode(), text, hashlib.sha256).digest()
        return self.ask("/webhook", "POST", body=body.encode(), headers={
            "Content-Type": "application/json", "X-MLflow-Delivery-Id": delivery,
            "X-MLflow-Timestamp": timestamp,
            "X-MLflow-Signature": "v1," + base64.b64encode(mac).decode()})[0]

    def test_a_webhook_wakes_and_its_signature_is_checked(self):
        self.assertEqual(self.deliver("{}", "hook"), 403)
        self.configure(webhook_secret="hook")
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: self.deliver("{}", "hook") == 202)
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.assertEqual(self.deliver("{}", "other"), 401)
        self.assertEqual(self.deliver("{}", "hook", age=3600), 401)
        self.assertEqual(self.deliver("{}", "hook", age=-3600), 401)
        self.assertEqual(self.deliver("x" * 70_000, "hook"), 413)
        self.assertEqual(self.deliver("{\"entity\": \"model_version_alias\"}", "hook"), 202)
        self.wait(lambda: self.version() == 2)

    def test_a_configuration_is_read_again_and_a_broken_one_refused(self):
        self.configure(polll_interval_seconds=5)
        self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: self.status()["config_error"])
        self.assertIn("did you mean \"poll_interval_seconds\"", self.status()["config_error"])
        del self.settings["polll_interval_seconds"]
        self.registry.publish("cars", {"best.pt": pt("car")})
        self.configure(models=[*self.settings["models"],
                               {"mlflow_name": "cars", "local_filename": "cars.pt"}])
        self.daemon.send_signal(signal.SIGHUP)
        self.wait((self.models / "cars.pt").exists)
        self.assertIsNone(self.status()["config_error"])

    def test_a_second_agent_waits_for_the_first(self):
        self.registry.publish("plates", {"best.pt": pt("two")})
        self.once()
        self.sync()
        self.wait(lambda: self.status()["models"]["plates.pt"]["version"] == 2)
        self.assertEqual(self.restarts(), 2)


class Portal(http.server.BaseHTTPRequestHandler):
    received, code = [], 200

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.code == 200:
            self.received.append((self.headers["X-API-Key"], json.loads(body)))
        self.send_response(self.code)
        self.send_header("Content-Length", "0")
        self.end_headers()


class ReportTest(AgentCase):
    def setUp(self):
        super().setUp()
        Portal.received, Portal.code = [], 200
        self.portal = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal)
        threading.Thread(target=self.portal.serve_forever, daemon=True).start()
        self.addCleanup(self.portal.server_close)
        self.addCleanup(self.portal.shutdown)
        self.registry.publish("plates", {"best.pt": pt("one")})
        self.configure(reporting={
            "enabled": True, "endpoint": f"http://127.0.0.1:{self.portal.server_port}/devices",
            "device_id": "jetson-site-001", "api_key": "key-1"})

    def spooled(self):
        return sorted((self.models / ".sync-spool").iterdir())

    def test_the_status_is_posted(self):
        self.once()
        (key, status), = Portal.received
        self.assertEqual(key, "key-1")
        self.assertEqual(status["device_id"], "jetson-site-001")
        self.assertEqual(status["models"]["plates.pt"]["version"], 1)
        self.assertEqual(self.spooled(), [])

    def test_what_cannot_be_sent_waits_in_its_order(self):
        Portal.code = 503
        for _ in range(3):
            self.assertIn("the portal says 503", self.once())
        self.assertEqual(len(self.spooled()), 3)
        Portal.code = 200
        self.once()
        times = [status["timestamp"] for _, status in Portal.received]
        self.assertEqual((len(times), times), (4, sorted(times)))
        self.assertEqual(self.spooled(), [])

    def test_a_report_that_the_portal_will_never_take_is_dropped(self):
        for code in (400, 413, 422):
            Portal.code = code
            self.assertIn(f"which is dropped: {code}", self.once())
            self.assertEqual(self.spooled(), [])

    def test_the_spool_has_limits(self):
        spool = self.models / ".sync-spool"
        spool.mkdir(parents=True)
        for number in range(1, 130):
            (spool / f"{number:012}.json").write_text("{}")
        (spool / "not-a-report").write_text("x")
        Portal.code = 503
        self.once()
        names = [path.name for path in self.spooled()]
        self.assertEqual(len(names), 101)
        self.assertEqual(names[-2:], ["000000000130.json", "not-a-report"])
        (spool / "000000000131.json").write_text("{\"x\": \"" + "y" * 1_040_000 + "\"}")
        self.once()
        self.assertLessEqual(sum(path.stat().st_size for path in self.spooled()), 1 << 20)


class SupervisorTest(AgentCase):
    def setUp(self):
        super().setUp()
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.heard.close)
        self.heard.bind(str(self.site / "notify"))
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(self.site / "notify")}
        self.registry.publish("plates", {"best.pt": pt("one", 12_000_000)})

    def told(self):
        """What has come and was not read yet."""
        told = []
        self.heard.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                told.append(self.heard.recv(100))
        return told

    def test_a_long_download_tells_that_it_lives(self):
        self.configure(bandwidth_bytes_per_second=1_500_000)
        subprocess.run(self.command("--once"), cwd=self.site, check=True, timeout=PATIENCE,
                       capture_output=True, env=self.environment)
        told = self.told()
        self.assertEqual(told[0], b"READY=1")
        self.assertGreaterEqual(told.count(b"WATCHDOG=1"), 4, told)

    def test_a_long_restart_tells_that_it_lives(self):
        """The command ends when three signs of life have come while it ran; it speaks for nobody."""
        self.configure(on_update={
            "restart_command": "touch began; while [ ! -e go ]; do sleep 0.1; done; "
                               "echo ${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none} > inherited"})
        with (self.site / "log").open("w") as log:
            agent = subprocess.Popen(self.command("--once"), cwd=self.site, stderr=log,
                                     env={**self.environment, "WATCHDOG_USEC": "1000000"})
        self.addCleanup(agent.kill)
        self.wait((self.site / "began").exists)
        self.told()
        self.heard.settimeout(PATIENCE)
        for _ in range(3):
            self.assertEqual(self.heard.recv(100), b"WATCHDOG=1")
        (self.site / "go").touch()
        self.assertEqual(agent.wait(PATIENCE), 0)
        self.assertEqual((self.site / "inherited").read_text().split(), ["none", "none"])


class ConfigTest(AgentCase):
    WRONG = (
        ({"models": None}, "models is missing"),
        ({"models": [{"mlflow_name": "a"}]}, "local_filename is missing"),
        ({"models": [{"mlflow_name": "a", "local_filename": "../a.pt"}]}, "leaves models_dir"),
        ({"models": [{"mlflow_name": "a", "local_filename": "staging/a.pt"}]},
         "the agent keeps its own files"),
        ({"models": [{"mlflow_name": "a", "local_filename": "a.pt"},
                     {"mlflow_name": "b", "local_filename": "a.pt"}]}, "cannot be there beside the"),
        ({"models": [{"local_filename": "a.pt"}]}, "mlflow_name is missing"),
        ({"models": [{"mlflow_name": "a", "local_filename": "a.pt", "source": "ftp"}]},
         "expected mlflow, huggingface, directory or registry"),
        ({"models": [{"mlflow_name": "a", "local_filename": "a.pt", "stage": "S", "alias": "a"}]},
         "exclude each other"),
        ({"poll_interval_seconds": 0}, "expected a whole number from 1"),
        ({"poll_interval_seconds": "often"}, "found \"often\""),
        ({"status_port": 65536}, "from 0 to 65535"),
        ({"on_update": {"restart": True}}, "on_update.\"restart\" is no setting"),
        ({"reporting": {"enabled": True}}, "reporting.endpoint is missing"),
        ({"reporting": {"endpoint": "portal"}}, "reporting.endpoint: found \"portal\""),
        ({"status_token": ""}, "status_token is empty"),
        ({"manifest_path": "models/staging/m.json"}, "manifest_path: \"models/staging/m.json\""),
        ({"on_update": {"flag_file": "models/.former/x"}}, "on_update.flag_file: \"models/.f"),
        ({"webhook_secret": ""}, "webhook_secret is empty"),
        ({"mlflow_uri": "localhost:5000"}, "mlflow_uri: found \"localhost:5000\""),
        ({"models": [{"mlflow_name": "a", "local_filename": ".sync-state.json"}]},
         "the agent keeps its own files"),
        ({"models": [{"mlflow_name": "a", "local_filename": "a"},
                     {"mlflow_name": "b", "local_filename": "a/b.pt"}]},
         "cannot be there beside the"),
    )

    def test_what_is_wrong_is_told(self):
        for settings, expected in self.WRONG:
            before = dict(self.settings)
            self.configure(**settings)
            done = subprocess.run(self.command("--check-config"), cwd=self.site, text=True,
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, 2, settings)
            self.assertIn(expected, done.stderr)
            self.assertIn("config.yaml:1:", done.stderr)
            self.settings = before
        self.configure()

    def test_one_that_is_right(self):
        done = subprocess.run(self.command("--check-config"), cwd=self.site, text=True,
                              capture_output=True, check=True)
        self.assertIn("1 model", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
