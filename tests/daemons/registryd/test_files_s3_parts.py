#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that go into an S3 store in parts: whole or not at all, and nothing of them left behind."""

import hashlib
import os
import signal
import threading
import time
import unittest

from registry_case import PATIENCE
from s3_case import DATE, S3Case, etag
from s3_relay import Hold, S3Relay, cuts, loses_the_answer, says

PART = 5 << 20  # the least that S3 has
CONTENT = os.urandom(2 * PART + 1000)
END = "POST uploadId="


class PartsCase(S3Case):
    def setUp(self):
        super().setUp()
        self.relay = S3Relay(self.gateway.port)
        self.addCleanup(self.relay.stop)
        self.before = []
        self.before = self.under_way()
        self.settings["site"].update(s3_part_bytes=PART, s3_endpoint=f"http://127.0.0.1:{self.relay.port}")

    def under_way(self):
        """Where the store keeps what came of uploads that were not ended: a directory each."""
        place = self.gateway.directory / "objects/models/.sgwtmp/multipart"
        return sorted(set(place.glob("*/*")) - set(self.before))

    def assert_there(self, client, content=CONTENT, path="m"):
        status, got = self.fetch(self.location(client, path))
        self.assertEqual((status, hashlib.sha256(got).hexdigest()),
                         (200, hashlib.sha256(content).hexdigest()))
        self.assertEqual(self.under_way(), [])

    def assert_nothing_left(self):
        self.assertEqual((self.keys(), self.under_way()), ([], []))
        self.assertEqual(list(self.spool.iterdir()), [])


class UploadTest(PartsCase):
    def test_a_file_of_several_parts(self):
        client = self.start()
        self.add(client, "m", CONTENT)
        self.assertEqual([self.relay.count("PUT", f"partNumber={n}&") for n in (1, 2, 3, 4)], [1, 1, 1, 0])
        self.assert_there(client)
        answer = client("HEAD", f"{self.files()}/m")
        self.assertEqual((answer.headers["ETag"], answer.headers["Content-Length"]),
                         (etag(CONTENT), str(len(CONTENT))))
        self.seal(client)
        self.register(client, "face", 3, date=DATE)
        self.assert_there(client)

    def test_the_border(self):
        client = self.start()
        self.add(client, "one", CONTENT[:PART])
        self.assertEqual(self.relay.count("uploadId"), 0)
        self.add(client, "two", CONTENT[:PART + 1])
        self.assertEqual(self.relay.count("PUT", "partNumber="), 2)
        self.assert_there(client, CONTENT[:PART + 1], "two")

    def test_the_same_again_and_something_else(self):
        client = self.start()
        self.add(client, "m", CONTENT)
        self.add(client, "m", CONTENT)
        self.assertEqual(self.relay.count("PUT", "partNumber="), 3)
        other = self.upload(client, "m", bytes(len(CONTENT)))
        self.assert_problem(other, 409, "other content was uploaded")
        self.assert_there(client)


class RepeatTest(PartsCase):
    """What is asked again."""

    def test_a_part_that_the_store_is_too_busy_for(self):
        client = self.start()
        self.relay.spoil("PUT partNumber=2", says(503, "SlowDown"), says(500, "InternalError"))
        self.add(client, "m", CONTENT)
        self.assertEqual([self.relay.count("partNumber=1&"), self.relay.count("partNumber=2&")], [1, 3])
        self.assert_there(client)

    def test_a_part_that_was_cut(self):
        client = self.start()
        self.relay.spoil("partNumber=2", cuts, loses_the_answer)
        self.add(client, "m", CONTENT)
        self.assert_there(client)

    def test_the_end_of_which_the_answer_is_lost(self):
        client = self.start()
        self.relay.spoil(END, loses_the_answer)
        self.add(client, "m", CONTENT)
        self.assert_there(client)

    def test_requests_that_meet(self):
        client = self.start()
        self.relay.spoil(END, says(409, "ConditionalRequestConflict"))
        self.add(client, "m", CONTENT)
        self.assertEqual(self.relay.count("POST", "uploads="), 2)
        self.assert_there(client)

    def test_a_store_that_knows_no_condition(self):
        client = self.start()
        self.relay.spoil(END, says(501, "NotImplemented"))
        self.add(client, "m", CONTENT)
        self.assert_there(client)


class FailureTest(PartsCase):
    """What fails leaves nothing, and may be sent again."""

    def assert_fails(self, client, status, *words):
        self.assert_problem(self.upload(client, "m", CONTENT), status, *words)
        self.assert_nothing_left()
        client = self.client()
        self.add(client, "m", CONTENT)
        self.assert_there(client)

    def test_a_part(self):
        client = self.start()
        self.relay.spoil("partNumber=2", *[says(503, "SlowDown")] * 3)
        self.assert_fails(client, 503, "SlowDown")
        self.assertEqual(self.relay.count("DELETE", "uploadId="), 1)

    def test_the_end(self):
        client = self.start()
        self.relay.spoil(END, says(200, "InternalError"))
        self.assert_fails(client, 503, "could not join the parts")

    def test_the_beginning(self):
        client = self.start()
        self.relay.spoil("POST uploads=", says(200, "none"))
        self.assert_fails(client, 503, "does not name the upload")

    def test_an_upload_that_somebody_gave_up(self):
        client = self.start()
        self.relay.spoil("partNumber=3", says(404, "NoSuchUpload"))
        self.assertGreaterEqual(self.upload(client, "m", CONTENT).status, 400)
        self.assert_nothing_left()


class LeftTest(PartsCase):
    """An upload that is under way when its instance ends."""

    def setUp(self):
        super().setUp()
        self.hold = Hold()
        self.addCleanup(self.hold.released.set)
        client = self.start()
        self.relay.spoil("partNumber=2", self.hold)
        self.sender = threading.Thread(target=self.send, args=(client,))
        self.sender.start()
        self.addCleanup(self.sender.join)
        self.assertTrue(self.hold.reached.wait(PATIENCE))
        self.assertEqual(len(self.under_way()), 1)

    def send(self, client):
        try:
            self.upload(client, "m", CONTENT)
        except OSError:
            pass  # its daemon was killed

    def end(self, number):
        self.stop(number)
        self.hold.released.set()
        self.sender.join()

    def age(self, days):
        at = time.time() - days * 86400
        for upload in self.under_way():
            os.utime(upload, (at, at))

    def test_an_end_in_order_gives_it_up(self):
        self.end(signal.SIGTERM)
        self.assert_nothing_left()

    def test_a_crash_leaves_it_and_a_week_later_a_start_gives_it_up(self):
        self.end(signal.SIGKILL)
        self.age(days=6)
        self.start()
        self.assertEqual(len(self.under_way()), 1)
        self.stop()
        self.age(days=8)
        self.start()
        self.assert_nothing_left()
        self.assertIn("1 uploads in parts were given up", self.log())

    def test_a_drop_gives_it_up(self):
        self.end(signal.SIGKILL)
        client = self.start()
        self.assertEqual(client("DELETE", self.files(30)).status, 204)
        self.assertEqual(len(self.under_way()), 1)
        self.assertEqual(client("DELETE", self.files()).status, 204)
        self.assert_nothing_left()

    def test_the_same_file_is_sent_again(self):
        self.end(signal.SIGKILL)
        self.age(days=8)
        client = self.start()
        self.add(client, "m", CONTENT)
        self.assert_there(client)


if __name__ == "__main__":
    unittest.main()
