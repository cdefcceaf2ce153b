#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy-models and fleet-status tell the service what they do, and never depend on it."""

import hashlib
import json
import socket
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fleet_case import FLEET, Watch
from registry_case import MODELS
from site_case import FIRST, SiteCase

HOSTS = """\
all:
  vars:
    primary_datasink: sink
    sentinelcam_model_registry: "{dir}/{{{{ inventory_hostname }}}}"
    ansible_connection: local
    model_become: false
  children:
    sentinels:
      hosts: {{h1: , h2: , h3: }}
    datasinks:
      hosts: {{sink: }}
"""
DEPLOY = ("deploy-models", "-i", "fleet", "--no-activate")
QUICK = 45  # seconds that a run may take which has nobody to tell


class EngineCase(SiteCase):
    def setUp(self):
        super().setUp()
        self.write(self.inventory / "hosts.yaml", HOSTS.format(dir=self.site))
        self.git("commit", "-qam", "three hosts")

    def url(self):
        return {"MODELFLEET_REGISTRY_URL": f"http://127.0.0.1:{self.port}"}

    def deploy(self, *more, environment=None, code=0):
        return self.run_program(*DEPLOY, *more, code=code,
                                environment=self.url() if environment is None else environment)


class ToldTest(EngineCase):
    def setUp(self):
        super().setUp()
        self.ask = self.start()

    def states(self):
        return {m["host"]: (m["version"], m["state"]) for m in self.ask("GET", FLEET).json["models"]}

    def rollouts(self):
        return self.ask("GET", f"{FLEET}/rollouts").json["rollouts"]

    def test_a_deploy_is_a_rollout(self):
        self.deploy("--limit", "h1,h2,h3")
        told, = self.rollouts()
        self.assertEqual((told["name"], told["state"], told["hosts"], told["done"], told["failed"]),
                         ("deploy", "done", 3, 3, 0))
        self.assertEqual(self.states(), {h: (FIRST, "ok") for h in ("h1", "h2", "h3")})
        hosts = self.ask("GET", f"{FLEET}/rollouts/{told['id']}").json["hosts"]
        self.assertEqual([(h["host"], h["state"], h["models"][0]["outcome"]) for h in hosts],
                         [(h, "changed", "sent") for h in ("h1", "h2", "h3")])

    def test_events_come_in_the_order_of_the_run(self):
        watch = Watch(self.port)
        self.addCleanup(watch.close)
        self.deploy("--limit", "h1")
        kinds = []
        while "run_end" not in kinds:
            name, _, data = watch.next()
            if name == "rollout":
                kinds.append(json.loads(data)["event"])
        order = [k for k in kinds if k in ("run_start", "host_start", "model", "host_end", "run_end")]
        self.assertEqual(order, ["run_start", "host_start", "model", "host_end", "run_end"])
        self.assertNotIn("task", kinds)

    def test_a_look_finds_what_has_changed(self):
        self.deploy()
        (self.site / "h2/face" / FIRST / "m.onnx").unlink()
        self.run_program("fleet-status", "-i", "fleet", code=2, environment=self.url())
        self.assertEqual(self.states()["h1"], (FIRST, "ok"))
        self.assertNotEqual(self.states()["h2"][1], "ok")

    def test_a_check_tells_nothing(self):
        self.deploy("--check")
        self.assertEqual(self.rollouts(), [])

    def test_a_commit_makes_hosts_be_behind(self):
        self.deploy("--limit", "h1")
        self.add_version(self.ask, 3, "2026-02-02")
        self.assertEqual(self.ask("PUT", f"{MODELS}/face/3/activate").status, 200)
        self.assertEqual(self.states()["h1"], (FIRST, "behind"))
        self.deploy("--limit", "h1")
        self.assertEqual(self.states()["h1"], ("2026-02-02", "ok"))


class Listener(BaseHTTPRequestHandler):
    """A service that answers as it is told to, and keeps what it gets."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


class BusyTest(EngineCase):
    def listen(self, *answers):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
        self.server.got, self.server.answers = [], list(answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.port = self.server.server_port

    def test_a_batch_comes_again_as_it_was(self):
        self.listen(503, 503)
        done = self.deploy("--limit", "h1")
        self.assertNotIn("the registry", done.stderr)
        first = self.server.got[0]
        self.assertEqual(self.server.got[1:3], [first, first])

    def test_events_are_numbered_without_gaps(self):
        self.listen()
        self.deploy()
        number, kinds = 0, []
        for batch in self.server.got:
            self.assertEqual(batch["first"], number)
            number += len(batch["events"])
            kinds += [e["event"] for e in batch["events"]]
        self.assertEqual((kinds[0], kinds[-1]), ("run_start", "run_end"))
        self.assertEqual(kinds.count("host_end"), 3)
        self.assertEqual(len({b["rollout"] for b in self.server.got}), 1)

    def test_what_is_refused_is_not_tried_again(self):
        self.listen(*[403] * 9)
        done = self.deploy("--limit", "h1")
        self.assertEqual(len(self.server.got), 1)
        self.assertEqual(done.stderr.count("the registry was not told everything"), 1, done.stderr)

    def test_nothing_of_tasks_is_told(self):
        self.listen()
        self.write(self.site / "play.yaml", """\
- hosts: sentinels
  gather_facts: false
  tasks:
    - sync_models:
    - command: echo {{ word }}
""")
        self.run_program("run-playbook", "-i", "fleet", "play.yaml", "-e", "word=swordfish",
                         environment=self.url())
        said = json.dumps(self.server.got)
        self.assertIn("host_end", said)
        self.assertNotIn("swordfish", said)

    def test_a_playbook_without_models_is_no_rollout(self):
        self.listen()
        self.write(self.site / "play.yaml",
                   "- hosts: sentinels\n  gather_facts: false\n  tasks: [{debug: {msg: x}}]\n")
        self.run_program("run-playbook", "-i", "fleet", "play.yaml", environment=self.url())
        self.assertEqual(self.server.got, [])


class NobodyTest(EngineCase):
    """A run ends as it would without a registry, with one warning."""

    def check(self, url, *words, environment=None):
        began = time.monotonic()
        done = self.deploy("--limit", "h1", environment={"MODELFLEET_REGISTRY_URL": url,
                                                         **(environment or {})})
        self.assertLess(time.monotonic() - began, QUICK)
        self.assertEqual(done.stderr.count("the registry "), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertTrue((self.site / "h1/face" / FIRST / "m.onnx").exists())
        return done

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.check(f"http://127.0.0.1:{port}", "the registry was not told everything", str(port))

    def test_it_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            taken = []

            def accept():
                while True:
                    try:
                        taken.append(silent.accept())
                    except OSError:
                        return
            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            self.check(f"http://127.0.0.1:{silent.getsockname()[1]}")
            silent.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection, _ in taken:
                connection.close()
            self.assertTrue(taken)

    def test_no_key(self):
        key = hashlib.sha256(b"secret").hexdigest()
        self.settings["access"] = {"keys": [{"name": "ci", "sha256": key, "role": "write"}]}
        self.start()
        self.check(self.url()["MODELFLEET_REGISTRY_URL"], "API key")
        self.deploy(environment={**self.url(), "MODELFLEET_REGISTRY_KEY": "secret"})
        done = self.client(X_API_Key="secret")("GET", f"{FLEET}/rollouts").json["rollouts"]
        self.assertEqual([r["state"] for r in done], ["done"])

    def test_a_key_that_cannot_be_read(self):
        self.check("http://127.0.0.1:9", "the registry is not told",
                   environment={"MODELFLEET_REGISTRY_KEY_FILE": str(self.site / "none")})

    def test_without_a_registry_there_is_no_word(self):
        done = self.deploy("--limit", "h1", environment={})
        self.assertNotIn("registry was", done.stderr)


if __name__ == "__main__":
    unittest.main()
