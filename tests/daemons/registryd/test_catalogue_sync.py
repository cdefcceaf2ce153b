#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Syncs of the catalogue, on SQLite and on PostgreSQL, against a hub with troubles."""

import json
import unittest

import fake_hub_catalogue
from catalogue_case import CatalogueCase, Postgres

BUSY = (503, [("Retry-After", "0")])
# As a hub's user writes them into a database client.
TOTAL = "SELECT COUNT(*) FROM ml_models WHERE hf_model_id IS NOT NULL;"
RECENT = ("SELECT name, hf_model_id, created_at FROM ml_models \n"
          "WHERE hf_model_id IS NOT NULL ORDER BY created_at DESC LIMIT 10;")
SYSTEM_USER = "SELECT * FROM users WHERE username = 'hf_sync_system';"
INSERT_USER = ("INSERT INTO users (username, email, is_developer) \n"
               "VALUES ('hf_sync_system', 'system@pocket-ai.local', true);")


class SyncTest(CatalogueCase):
    def test_models_get_their_columns(self):
        self.hub.add("google/mobilenet_v1", tags=["tflite", "license:apache-2.0", "vision"],
                     gated="auto", downloads=77, likes=3)
        log = self.sync(fetched=1, created=1)
        self.assertEqual(
            self.model("google/mobilenet_v1", "name", "origin_repo_url", "tags", "task",
                       "license_type", "license", "owner", "sha", "last_modified", "gated",
                       "downloads", "likes", "vanished_at"),
            ("mobilenet_v1", f"{self.hub.url}/google/mobilenet_v1",
             '["tflite", "license:apache-2.0", "vision"]', "image-classification", "apache-2.0",
             "apache-2.0", "google", fake_hub_catalogue.commit("google/mobilenet_v1"),
             "2026-01-02T03:04:05.000Z", "auto", "77", "3", None))
        self.assertEqual(log, "info: Starting HuggingFace LiteRT Model Sync\n"
                              "info: Starting fetch of LiteRT models from HuggingFace...\n"
                              "info: Fetched 1 LiteRT models from HuggingFace\n"
                              "info: Sync completed - Created: 1, Updated: 0, Skipped: 0\n"
                              "info: HuggingFace LiteRT Model Sync Completed Successfully\n")

    def test_what_people_ask_the_database(self):
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)
        self.assertEqual(self.store.sql(TOTAL), [("1",)])
        self.assertEqual([row[:2] for row in self.store.sql(RECENT)], [("b", "a/b")])
        (user,) = self.store.sql(SYSTEM_USER)
        self.assertEqual(user[1:3], ("hf_sync_system", "system@pocket-ai.local"))
        self.assertIn(user[3], ("1", "t"))
        self.assertEqual(self.model("a/b", "author_id"), user[:1])

    def test_a_user_that_is_there_is_kept(self):
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)
        self.store.sql("DELETE FROM ml_model_tags")
        self.store.sql("DELETE FROM ml_models")
        self.store.sql("DELETE FROM users")
        self.store.sql(INSERT_USER)
        self.sync(fetched=1, created=1)
        self.assertEqual(len(self.store.sql(SYSTEM_USER)), 1)

    def test_three_tags_are_joined_by_name(self):
        self.hub.add("a/all", tags=["tflite", "litert", "litert-lm"])
        self.hub.add("a/lm", tags=["litert-lm"])
        self.hub.add("a/litert", tags=["litert"])
        self.hub.add("a/other", tags=["onnx"])
        self.sync(fetched=3, created=3)
        self.assertEqual(self.names(), ["a/all", "a/litert", "a/lm"])
        self.assertEqual(self.hub.asked(), ["tflite", "litert", "litert-lm"])

    def test_what_did_not_change_is_left_alone(self):
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)
        before = self.model("a/b", "id", "created_at", "updated_at")
        self.hub.models[0]["downloads"] = 1000  # which changes all the time
        self.sync(fetched=1)
        self.assertEqual(self.model("a/b", "id", "created_at", "updated_at"), before)
        self.assertEqual(self.model("a/b", "downloads"), ("1000",))

    def test_what_changed_is_updated(self):
        changes = {"sha": fake_hub_catalogue.commit("new"), "gated": "manual",
                   "lastModified": "2026-05-05T00:00:00.000Z", "pipeline_tag": "object-detection",
                   "tags": ["tflite", "license:mit", "new"]}
        for i in range(len(changes) + 1):
            self.hub.add(f"a/m{i}", tags=["tflite", "old"])
        self.sync(fetched=6, created=6)
        for model, (name, value) in zip(self.hub.models, changes.items()):
            model[name] = value
        self.sync(fetched=6, updated=5)
        self.assertEqual(self.model("a/m0", "sha"), (fake_hub_catalogue.commit("new"),))
        self.assertEqual(self.model("a/m3", "task"), ("object-detection",))
        self.assertEqual(self.model("a/m4", "tags", "license_type"),
                         ('["tflite", "license:mit", "new"]', "mit"))
        self.assertEqual([row[0] for row in self.store.sql(
            "SELECT tag FROM ml_model_tags WHERE model_id = 5 ORDER BY tag")],
            ["license:mit", "new", "tflite"])

    def test_no_version_is_made(self):
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)
        self.assertTrue(all(path == "/api/models" for path, _, _ in self.hub.requests))

    def test_private_and_disabled_ones_are_not_public(self):
        self.hub.add("a/private", private=True)
        self.hub.add("a/disabled", disabled=True)
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)

    def test_a_limit_ends_the_list(self):
        for i in range(7):
            self.hub.add(f"a/m{i}")
        self.limit = 3
        self.sync(fetched=3, created=3)
        self.assertEqual(self.names(), ["a/m0", "a/m1", "a/m2"])


class VanishedTest(CatalogueCase):
    def setUp(self):
        super().setUp()
        for i in range(4):
            self.hub.add(f"a/m{i}")
        self.sync(fetched=4, created=4)

    def test_what_a_list_lacks_is_marked_and_may_come_back(self):
        gone = self.hub.models[1]
        self.hub.remove("a/m1")
        self.sync(fetched=3, vanished=1)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), ["a/m1"])
        self.sync(fetched=3)
        self.hub.models.append(gone)
        self.sync(fetched=4, updated=1)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), [])

    def test_a_list_that_is_cut_marks_nothing_and_keeps_what_came(self):
        self.hub.page_max = 2
        self.hub.remove("a/m3")
        self.hub.models[0]["sha"] = fake_hub_catalogue.commit("new")
        self.hub.troubles = [None, (400, [])]
        counted, log = self.once(code=1)
        self.assertEqual(counted["status"], "failed")
        self.assertIn("the server says 400", log)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), [])
        self.assertEqual(self.model("a/m0", "sha"), (fake_hub_catalogue.commit("new"),))

    def test_a_limit_marks_nothing(self):
        self.limit = 2
        self.sync(fetched=2)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), [])

    def test_an_entry_without_a_name_may_be_any(self):
        self.hub.remove("a/m3")
        self.hub.add_raw(b'{"sha": 1}')
        self.sync(fetched=3, skipped=1)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), [])

    def test_a_hub_without_models_is_none(self):
        self.hub.models = []
        counted, log = self.once(code=1)
        self.assertEqual(counted["status"], "failed")
        self.assertIn("the Hub lists no model: is it the Hub?", log)
        self.assertEqual(self.names("vanished_at IS NOT NULL"), [])


class BrokenModelTest(CatalogueCase):
    def test_entries_that_are_no_models_are_skipped_alone(self):
        self.hub.add("a/first")
        for text in (b"null", b"[]", b'"text"', b"{}", b'{"id": 5}', b'{"id": "a/../b"}',
                     b'{"id": "a/b/c"}', b'{"id": "-a/b"}', b'{"id": "a b"}',
                     b'{"id": "a/%s"}' % (b"x" * 500), b'{"id": "a/\\u0000"}'):
            self.hub.add_raw(text)
        self.hub.add("a/last")
        log = self.sync(fetched=2, created=2, skipped=11)
        self.assertIn("Skipped a/../b: its name is no OWNER/NAME", log)
        self.assertIn("Skipped a model without a name: it has no name", log)

    def test_what_is_wrong_of_a_model_is_as_if_not_there(self):
        self.hub.add_raw(b'{"id": "a/bare"}')
        self.hub.add_raw(json.dumps({
            "id": "a/wrong", "sha": "short", "lastModified": 7, "tags": "tflite",
            "pipeline_tag": ["x"], "gated": {}, "downloads": "many", "likes": -3,
            "cardData": "card"}).encode())
        self.hub.add("a/odd", tags=["tflite", 5, None, ["x"], "x" * 1000, "ok\0", "good"])
        self.sync(fetched=3, created=3)
        for name in ("a/bare", "a/wrong"):
            self.assertEqual(self.model(name, "tags", "sha", "last_modified", "task", "gated",
                                        "downloads", "likes", "license_type"),
                             ("[]", None, None, None, None, "0", "0", "other"))
        self.assertEqual(self.model("a/odd", "tags"), ('["tflite", "good"]',))

    def test_licenses_of_cards(self):
        cards = {"a/text": ("MIT", "mit"), "a/list": ([5, "bsd-3-clause", "mit"], "bsd"),
                 "a/none": (None, "other"), "a/dict": ({"name": "mit"}, "other"),
                 "a/unknown": ("my-own", "other")}
        for name, (license_, _) in cards.items():
            self.hub.add(name, cardData={"license": license_})
        self.hub.add("a/both", tags=["tflite", "license:gemma"], cardData={"license": "mit"})
        self.sync(fetched=6, created=6)
        self.assertEqual({name: self.model(name, "license_type")[0] for name in cards},
                         {name: type_ for name, (_, type_) in cards.items()})
        self.assertEqual(self.model("a/both", "license_type"), ("gemma",))

    def test_bytes_that_are_no_text(self):
        self.hub.add_raw(b'{"id": "a/latin", "tags": ["tflite", "caf\xe9"]}')
        self.hub.add("a/utf8", tags=["tflite", "café"])
        self.sync(fetched=2, created=2)
        self.assertEqual(self.model("a/latin", "tags"), ('["tflite", "caf?"]',))
        self.assertEqual(self.model("a/utf8", "tags"), ('["tflite", "café"]',))

    def test_a_card_that_is_huge_is_skipped_alone(self):
        for i in range(5):
            self.hub.add(f"a/m{i}")
        self.hub.models.insert(2, fake_hub_catalogue.Raw(
            b'{"id": "a/huge", "cardData": {"x": "%s"}}' % (b"x" * (17 << 20))))
        self.hub.models[2].tag = "tflite"
        log = self.sync(fetched=5, created=5, skipped=1)
        self.assertIn("Skipped a model without a name: ", log)

    def test_a_card_that_is_deep_is_skipped_alone(self):
        self.hub.add("a/first")
        self.hub.add_raw(b'{"id": "a/deep", "cardData": %s0%s}' % (b"[" * 1000, b"]" * 1000))
        self.hub.add("a/last")
        self.sync(fetched=2, created=2, skipped=1)

    def test_a_model_that_the_database_refuses_is_skipped_alone(self):
        self.hub.page_max = 2
        for i in range(5):
            self.hub.add(f"a/m{i}", tags=["tflite", "litert"])
        self.sync(fetched=5, created=5)
        self.refuse("a/m1")
        for model in self.hub.models:
            model["sha"] = fake_hub_catalogue.commit("new")
        self.hub.add("a/m9")
        log = self.sync(fetched=6, created=1, updated=4, skipped=1)
        self.assertIn("Skipped a/m1: ", log)
        self.assertEqual(self.model("a/m1", "sha", "vanished_at"),
                         (fake_hub_catalogue.commit("a/m1"), None))
        self.assertEqual(self.model("a/m4", "sha"), (fake_hub_catalogue.commit("new"),))

    def refuse(self, name):
        self.store.sql(f"CREATE TRIGGER refuse BEFORE UPDATE OF sha ON ml_models "
                       f"WHEN new.hf_model_id = '{name}' "
                       f"BEGIN SELECT RAISE(ABORT, 'not this one'); END")


class ServerTest(CatalogueCase):
    def test_a_busy_hub_is_asked_again(self):
        self.hub.add("a/b")
        self.hub.troubles = [BUSY, (429, [("RateLimit", '"api";r=0;t=0')]), (504, []), "cut"]
        self.sync(fetched=1, created=1)
        self.assertEqual(self.hub.asked(), ["tflite"] * 5 + ["litert", "litert-lm"])

    def test_a_hub_that_stays_busy_fails_the_sync(self):
        self.hub.add("a/b")
        self.hub.troubles = [BUSY] * 5
        counted, log = self.once(code=1)
        self.assertEqual(counted["status"], "failed")
        self.assertIn("the server says 503", log)
        self.sync(fetched=1, created=1)

    def test_what_is_no_list_fails_the_sync(self):
        for answer, why in ((b"<html>", "the list of models"), (b"{}", "is no list")):
            self.hub.troubles = [answer]
            self.assertIn(why, self.once(code=1)[1])

    def test_cursors_lead_through_all_pages(self):
        self.hub.page_max = 3
        for i in range(10):
            self.hub.add(f"a/m{i}")
        self.hub.link = lambda url: (f'<{self.hub.url}/first>; rel="first", '
                                     f'<{url.replace(self.hub.url, "")}>; title=x; rel=next')
        self.sync(fetched=10, created=10)

    def test_a_page_that_follows_itself_ends(self):
        self.hub.page_max = 1
        for i in range(3):
            self.hub.add(f"a/m{i}")
        pages = []
        self.hub.link = lambda url: pages.append(url) or f'<{pages[0]}>; rel="next"'
        self.assertIn("followed by itself", self.once(code=1)[1])


class TokenTest(CatalogueCase):
    def setUp(self):
        super().setUp()
        self.elsewhere = fake_hub_catalogue.CatalogueHub()
        self.addCleanup(self.elsewhere.stop)
        self.hub.token = "hf_secret"
        self.environment["HF_TOKEN"] = "hf_secret"
        # Another name is another origin, whatever the address.
        self.other = self.elsewhere.url.replace("127.0.0.1", "localhost")

    def assert_kept(self, log):
        self.assertNotIn("hf_secret", log)
        for _, _, headers in self.elsewhere.requests:
            self.assertNotIn("Authorization", headers)

    def test_the_token_is_sent_to_the_hub(self):
        self.hub.add("a/b")
        self.sync(fetched=1, created=1)
        self.environment["HF_TOKEN"] = "wrong"
        self.assertIn("the server says 401", self.once(code=1)[1])

    def test_the_token_is_read_from_files(self):
        self.hub.add("a/b")
        del self.environment["HF_TOKEN"]
        (self.directory / "hf").mkdir()
        for name, value in (("HF_TOKEN_PATH", "hf/token"), ("HF_HOME", "hf")):
            (self.directory / "hf/token").write_text("hf_secret\n")
            self.environment[name] = str(self.directory / value)
            self.sync(fetched=1, created=1 if name == "HF_TOKEN_PATH" else 0)
            del self.environment[name]

    def test_the_token_does_not_follow_a_redirect(self):
        self.hub.add("a/b")
        self.elsewhere.add("a/c")
        self.hub.troubles = [(302, [("Location", f"{self.other}/api/models?filter=tflite")])]
        log = self.sync(fetched=1, created=1)
        self.assertTrue(self.elsewhere.requests)
        self.assert_kept(log)

    def test_a_list_does_not_go_on_elsewhere(self):
        self.hub.page_max = 1
        self.hub.add("a/b")
        self.hub.add("a/c")
        port = self.hub.server.server_port
        for url in (self.other, f"{self.hub.url}0", f"{self.hub.url}.evil.example",
                    f"//localhost:{port}", f"{self.hub.url}@localhost"):
            self.hub.link = lambda _, there=url: f'<{there}/api/models>; rel="next"'
            _, log = self.once(code=1)
            self.assertIn("the list goes on at another server", log)
            self.assert_kept(log)
        self.assertEqual(self.elsewhere.requests, [])

    def test_offline_asks_nobody(self):
        self.environment["HF_HUB_OFFLINE"] = "1"
        self.assertIn("HF_HUB_OFFLINE is set", self.once(code=1)[1])
        self.assertEqual(self.hub.requests, [])


class PostgresSyncTest(SyncTest):
    kind = Postgres


class PostgresVanishedTest(VanishedTest):
    kind = Postgres


class PostgresBrokenModelTest(BrokenModelTest):
    kind = Postgres

    def refuse(self, name):
        self.store.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                       "$$ BEGIN RAISE EXCEPTION 'not this one'; END $$")
        self.store.sql(f"CREATE TRIGGER refuse BEFORE UPDATE OF sha ON ml_models FOR EACH ROW "
                       f"WHEN (new.hf_model_id = '{name}') EXECUTE FUNCTION refuse()")


if __name__ == "__main__":
    unittest.main()
