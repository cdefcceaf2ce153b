#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions that do not live: every host goes back by itself, and the report says why."""

import time

from harness import program
from harness.activation import FIRST, SECOND, ActivationCase, install_service
from harness.deploy import OK, ROLLED_BACK


class WayBackTest(ActivationCase):
    """Versions that do not live."""

    def fail_with(self, behaviour, *arguments, health=None):
        self.deploy()
        self.write_site(health=health)
        self.add_version(SECOND, behaviour)
        run = self.deploy(*arguments, code=ROLLED_BACK)
        for host in self.fleet.hosts:
            self.assert_version(host.name, FIRST)
            self.assertEqual(run.host(host.name)["state"], "rolled_back")
        return run

    def test_a_unit_that_fails_at_once(self):
        run = self.fail_with("fails")
        self.assertIn("wrong shape", run.stdout)
        self.assertEqual(self.runs("n01"), ["fine", "fails", "fine"])

    def test_a_unit_that_fails_after_five_seconds(self):
        self.fail_with("dies", health={"stable": 8, "deadline": 30})
        self.assertEqual(self.runs("n01")[:3], ["fine", "dies", "fine"])

    def test_a_unit_that_restarts_itself_is_not_stable(self):
        for host in self.fleet.hosts:
            install_service(host, restart="always")
        self.addCleanup(lambda: [install_service(host) for host in self.fleet.hosts])
        self.fail_with("dies", health={"stable": 8, "deadline": 30})

    def test_a_unit_that_hangs_in_start(self):
        started = time.monotonic()
        self.fail_with("hangs", "-e", "model_restart_seconds=12")
        self.assertLess(time.monotonic() - started, 90)

    def test_a_unit_that_hangs_in_stop(self):
        """The version that runs ignores SIGTERM; the next one cannot be started in time."""
        self.site.models.clear()
        self.add_version(FIRST, "deaf")
        self.deploy()
        self.add_version(SECOND, "fine")
        run = self.operator.deploy("-e", "model_restart_seconds=12")
        self.assertIn(run.code, (OK, ROLLED_BACK), run)
        self.assert_version("n01", SECOND if run.code == OK else FIRST)

    def test_an_http_check_that_does_not_see_what_it_wants(self):
        self.fail_with("odd", health={"stable": 1, "deadline": 8, "body": "^fine",
                                      "url": "http://127.0.0.1:5566/"})

    def test_the_report_says_both(self):
        self.deploy()
        self.add_version(SECOND, "fails")
        run = self.operator.deploy_text()
        self.assertEqual(run.code, ROLLED_BACK, run)
        self.assertIn("went back", run.stdout)
        self.assertIn("wrong shape", run.stdout)


if __name__ == "__main__":
    program.main()
