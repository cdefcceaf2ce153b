#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-registryd as a service: its command line, its own routes, and how many may come."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

from registry_case import DAEMON, MODELS, PATIENCE, RegistryCase

# So many that the test is short everywhere; REGISTRYD_CONNECTIONS=10000 for a measurement.
CONNECTIONS = int(os.environ.get("REGISTRYD_CONNECTIONS", "2000"))


class CommandTest(RegistryCase):
    def test_help_and_version(self):
        for word in ("--help", "-h"):
            done = subprocess.run([DAEMON, word], capture_output=True, text=True, check=True)
            self.assertTrue(done.stdout.startswith("usage: model-registryd [OPTIONS]"))
            for option in ("config", "store", "listen", "check-config", "sync-now", "json-log"):
                self.assertIn(f"--{option}", done.stdout)
        done = subprocess.run([DAEMON, "--version"], capture_output=True, text=True, check=True)
        self.assertRegex(done.stdout, r"^model-registryd \d+\.\d+\.\d+\n$")

    def test_a_wrong_command_line(self):
        for words in (["--no-such"], ["word"], ["--config"]):
            done = subprocess.run([DAEMON, *words], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("Try 'model-registryd --help'.", done.stderr)

    def test_a_configuration_is_checked(self):
        self.assertEqual(self.run_to_end("--check-config")[0], 0)
        self.settings.update(prot=1, listen="x", limits={"queue": 0},
                             catalogue={"schedule": "61 * * * *"})
        code, _, errors = self.run_to_end("--check-config")
        self.assertEqual(code, 2)
        for text in ('"prot" is no setting', 'listen: "x" is no address and port',
                     "limits.queue: found the number 0, expected a whole number from 1 to 100000",
                     "catalogue.schedule"):
            self.assertIn(text, errors)

    def test_a_file_that_was_named_has_to_be_there(self):
        done = subprocess.run([DAEMON, "--config", f"{self.site}/none.yaml"], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("none.yaml", done.stderr)

    def test_options_go_before_settings(self):
        self.settings["listen"] = "192.0.2.1:1"
        store = self.site / "other" / "registry.json"
        self.start("--listen", "127.0.0.1:0", "--store", f"json:{store}")
        self.assertEqual(json.loads(store.read_text()), {"models": []})

    def test_a_store_that_cannot_be_opened(self):
        for store in ("xml:there", "json:/proc/none/registry.json"):
            code, _, errors = self.run_to_end("--store", store)
            self.assertEqual(code, 1)
            self.assertIn("error: ", errors)

    def test_a_port_that_is_taken(self):
        self.start()
        code, _, errors = self.run_to_end("--listen", f"127.0.0.1:{self.port}",
                                          "--store", f"json:{self.site}/second.json")
        self.assertEqual(code, 1)
        self.assertIn("another program does", errors)

    def test_json_log(self):
        self.start("--json-log")
        self.assertEqual(self.stop(), 0)
        lines = [json.loads(line) for line in self.log().splitlines()]
        self.assertEqual(lines[-1]["message"], "stopping")
        self.assertEqual({line["level"] for line in lines}, {"info"})

    def test_the_supervisor_is_told(self):
        path = f"{self.site}/notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(path)
            supervisor.settimeout(PATIENCE)
            self.start(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
            self.assertEqual(supervisor.recv(100), b"READY=1")
            self.assertEqual(supervisor.recv(100), b"WATCHDOG=1")
            self.daemon.send_signal(signal.SIGTERM)
            while (said := supervisor.recv(100)) == b"WATCHDOG=1":
                pass
            self.assertEqual(said, b"STOPPING=1")
        self.assertEqual(self.daemon.wait(PATIENCE), 0)


class DocumentTest(RegistryCase):
    """The OpenAPI document is what the service does."""

    def setUp(self):
        super().setUp()
        self.ask = self.start()
        self.document = self.ask("GET", "/openapi.json").json
        self.operations = [(path, method, what) for path, item in self.document["paths"].items()
                           for method, what in item.items()]

    def resolve(self, schema):
        if "$ref" not in schema:
            return schema
        node = self.document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return node

    def example(self, schema):
        """Anything that a parameter of a path may be."""
        schema = self.resolve(schema)
        return "7" if schema["type"] == "integer" else "x"

    def test_every_operation_is_answered_as_documented(self):
        for path, method, what in self.operations:
            parameters = {p["name"]: p for p in what["parameters"] if p["in"] == "path"}
            self.assertEqual(set(re.findall(r"{(\w+)}", path)), set(parameters), path)
            for name, parameter in parameters.items():
                path = path.replace(f"{{{name}}}", self.example(parameter["schema"]))
            if path.startswith("/sync/h") or "text/event-stream" in json.dumps(what):
                continue  # which asks the Hub, or does not end
            with self.subTest(f"{method} {path}"):
                body = {} if "requestBody" in what else None
                answer = self.ask(method.upper(), path, body)
                self.assertIn(str(answer.status), what["responses"], answer)
                content = what["responses"][str(answer.status)].get("content", {})
                if answer.text:
                    said = answer.headers["Content-Type"].partition(";")[0]
                    self.assertIn(said, content)

    def test_what_is_not_documented_is_not_there(self):
        for path, _, _ in self.operations:
            documented = {method.upper() for method in self.document["paths"][path]}
            for name in re.findall(r"{(\w+)}", path):
                path = path.replace(f"{{{name}}}", "7")
            answer = self.ask("TRACE", path)
            if answer.status == 405:
                # One path may be another's pattern, too: /models/x/production is /models/{}/{}.
                self.assertLessEqual(documented, set(answer.headers["Allow"].split(", ")), path)

    def test_identifiers_and_references(self):
        identifiers = [what["operationId"] for _, _, what in self.operations]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(self.document)):
            self.assertIn(name, self.document["components"]["schemas"])

    def test_an_entry_has_the_documented_fields(self):
        made = self.register(self.ask, metadata={"metrics": {}}).json
        schema = self.document["components"]["schemas"]["Entry"]
        self.assertLessEqual(set(schema["required"]), set(made))
        self.assertLessEqual(set(made), set(schema["properties"]))
        self.assertIn(made["status"], schema["properties"]["status"]["enum"])


class SchemathesisTest(RegistryCase):
    """Requests that the document makes up. Opt-in: SCHEMATHESIS names the program of PyPI's
    schemathesis 4 (a virtual environment's bin/st)."""

    # What a cursor or a date names has to exist, which no schema tells; and ".../production" is
    # ".../{version}", too, for other methods.
    EXCEPT = "positive_data_acceptance,unsupported_method,allow_header_conformance"

    def test_requests_of_the_document_s_making(self):
        program = os.environ.get("SCHEMATHESIS")
        if not program:
            self.skipTest("SCHEMATHESIS is not set")
        self.start()
        url = f"http://127.0.0.1:{self.port}"
        done = subprocess.run(
            [program, "run", f"{url}/openapi.json", "--url", url, "-n", "50", "--phases",
             "coverage,fuzzing", "--exclude-checks", self.EXCEPT,
             "--exclude-path-regex", "events|sync/hugg"],
            capture_output=True, text=True, timeout=500, check=False, cwd=self.site)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.client()("GET", "/ready").status, 200)
        self.assertEqual(self.stop(), 0)


class MetricsTest(RegistryCase):
    def setUp(self):
        super().setUp()
        self.ask = self.start()

    def metrics(self):
        text = self.ask("GET", "/metrics").text
        return text, dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")

    def test_requests_and_changes_are_counted(self):
        self.register(self.ask)
        self.ask("POST", MODELS, {"model_name": "yolo", "version": 1, "path": "p"})
        self.ask("GET", "/nowhere")
        _, metrics = self.metrics()
        labels = 'method="POST",route="/api/v1/registry/models"'
        for name, value in ((f'requests_total{{{labels},code="201"}}', 1),
                            (f'requests_total{{{labels},code="409"}}', 1),
                            ('requests_total{method="",route="",code="404"}', 1),
                            ("entries", 1), ("changes_total", 1), ("changes_refused_total", 1),
                            ("store_up", 1), ("request_seconds_count", 3)):
            self.assertEqual(float(metrics[f"model_registryd_{name}"]), value, name)

    def test_buckets_add_up(self):
        for _ in range(20):
            self.ask("GET", MODELS)
        _, metrics = self.metrics()
        buckets = [float(v) for k, v in metrics.items() if "_bucket" in k]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], 20)

    def test_promtool_likes_them(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed (Debian: prometheus)")
        self.register(self.ask)
        done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics()[0], text=True,
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


class ManyConnectionsTest(RegistryCase):
    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CONNECTIONS + 500:
            self.skipTest(f"the limit of open files is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 500), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def memory(self):
        status = pathlib.Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def test_idle_connections_leave_room_for_a_new_one(self):
        self.settings["limits"] = {"connections": CONNECTIONS + 100, "idle_seconds": 3600}
        self.start()
        idle = []
        self.addCleanup(lambda: [s.close() for s in idle])
        for _ in range(CONNECTIONS):
            s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            idle.append(s)
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for s in idle:
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200 "))
        began = time.monotonic()
        self.assertEqual(self.client()("GET", MODELS).status, 200)
        took = time.monotonic() - began
        print(f"{CONNECTIONS} idle connections: a new one's answer after {took * 1000:.1f} ms, "
              f"{self.memory() / 1e6:.0f} MB", flush=True)
        self.assertEqual(self.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
