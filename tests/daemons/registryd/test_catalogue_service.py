#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The catalogue as a part of model-registryd: its routes, who may sync, and a sync by command."""

import hashlib
import json
import unittest

import fake_hub_catalogue
from registry_case import RegistryCase

SYNC = "/sync/huggingface/litert"


class CatalogueServiceTest(RegistryCase):
    def setUp(self):
        super().setUp()
        self.hub = fake_hub_catalogue.CatalogueHub()
        self.addCleanup(self.hub.stop)
        self.hub.add("google/mobilenet_v1", tags=["tflite", "license:apache-2.0"])
        self.hub.add("acme/detector", tags=["litert", "license:mit"])
        self.settings["catalogue"]["endpoint"] = self.hub.url

    def test_a_sync_on_request_fills_the_lists(self):
        ask = self.start()
        self.assertEqual(ask("GET", "/models").json, {"models": [], "next": None})
        self.assertEqual(ask("POST", SYNC).json, {
            "status": "success", "created": 2, "updated": 0, "skipped": 0,
            "message": "Sync completed - Created: 2, Updated: 0, Skipped: 0"})
        (model,) = ask("GET", "/models?license=mit").json["models"]
        self.assertEqual(model["hf_model_id"], "acme/detector")
        self.assertEqual(ask("GET", f"/models/{model['id']}").json, model)
        self.assertEqual(ask("GET", "/sync/status").json["history"][0]["status"], "success")
        self.assertIn('modelfleet_catalogue_syncs_total{status="success"} 1\n',
                      ask("GET", "/metrics").text)

    def test_only_an_admin_syncs(self):
        self.settings["access"] = {"keys": [
            {"name": role, "role": role, "sha256": hashlib.sha256(role.encode()).hexdigest()}
            for role in ("read", "write", "admin")]}
        anonymous = self.start()
        self.assertEqual(anonymous("POST", SYNC).status, 401)
        self.assertEqual(anonymous("GET", "/models").status, 401)
        for role, status in (("read", 403), ("write", 403), ("admin", 200)):
            client = self.client(Authorization=f"Bearer {role}")
            self.assertEqual(client("POST", SYNC).status, status)
            self.assertEqual(client("GET", "/models").status, 200)

    def test_the_log_tells_the_schedule_and_the_sync(self):
        self.settings["catalogue"]["schedule"] = "0 2 * * *"
        ask = self.start()
        ask("POST", SYNC)
        for line in ("Background scheduler started - HF LiteRT sync scheduled for 02:00 UTC daily",
                     "Starting HuggingFace LiteRT Model Sync",
                     "Fetched 2 LiteRT models from HuggingFace",
                     "HuggingFace LiteRT Model Sync Completed Successfully"):
            self.assertIn(line, self.log())

    def test_a_sync_by_command(self):
        code, out, err = self.run_to_end("--sync-now")
        self.assertEqual(code, 0, err)
        self.assertIn("Sync completed - Created: 2, Updated: 0, Skipped: 0", out + err)
        self.hub.troubles = [(404, [])]
        self.assertEqual(self.run_to_end("--sync-now")[0], 1)

    def test_a_schedule_is_checked(self):
        self.settings["catalogue"]["schedule"] = "0 25 * * *"
        code, _, err = self.run_to_end("--check-config")
        self.assertEqual(code, 2)
        self.assertIn('the hour "25" has a value that is not from 0 to 23', err)

    def test_the_document_has_the_routes(self):
        paths = json.loads(self.start()("GET", "/openapi.json").text)["paths"]
        for path, method in ((SYNC, "post"), ("/models", "get"), ("/models/{id}", "get"),
                             ("/sync/status", "get")):
            self.assertIn(method, paths[path])


if __name__ == "__main__":
    unittest.main()
