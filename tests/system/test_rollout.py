#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Batches, canaries and failure limits, on twelve hosts."""

import time

from harness import program
from harness.activation import CONFIG, FIRST, SECOND, ActivationCase, brief, events
from harness.deploy import ROLLED_BACK


class RolloutTest(ActivationCase):
    """Twelve hosts in batches; some of them cannot live with the new version."""

    host_count = 12

    def setUp(self):
        super().setUp()
        self.deploy("--forks", 12)
        self.add_version(SECOND, "fine")

    def spoil(self, *names):
        """On these hosts the new version does not work."""
        for name in names:
            self.fleet[name].shell(
                "mkdir -p /etc/systemd/system/sentinel.service.d; printf '[Service]\\nExecStartPre="
                f"/bin/sh -c \"! grep -q {SECOND} {CONFIG}\"\\n' > "
                "/etc/systemd/system/sentinel.service.d/spoil.conf; systemctl daemon-reload")
            self.addCleanup(self.fleet[name].shell,
                            "rm -r /etc/systemd/system/sentinel.service.d; "
                            "systemctl daemon-reload")

    def versions(self):
        return [self.config(host.name)["version"].strip('"') for host in self.fleet.hosts]

    def test_a_canary_that_fails_ends_the_rollout(self):
        self.spoil("n01")
        run = self.deploy("--serial", "1,100%", code=ROLLED_BACK)
        self.assertEqual(self.versions(), [FIRST] * 12)
        self.assertEqual(run.host("n02")["state"], "not_run")

    def test_failures_within_the_limit_do_not(self):
        self.spoil("n02")
        self.deploy("--serial", "4", "--max-fail-percentage", "25", code=ROLLED_BACK)
        self.assertEqual(self.versions(), [SECOND, FIRST] + [SECOND] * 10)

    def test_more_failures_end_the_run_with_their_batch(self):
        """Hosts of the batch that have not ended when the limit is met may be taken back."""
        self.spoil("n05", "n06")
        self.deploy("--serial", "4", "--max-fail-percentage", "25", code=ROLLED_BACK)
        versions = self.versions()
        self.assertEqual(versions[:6], [SECOND] * 4 + [FIRST, FIRST])
        self.assertEqual(versions[8:], [FIRST] * 4)
        for host in self.fleet.hosts[6:8]:
            self.assert_version(host.name, versions[self.fleet.hosts.index(host)])

    def test_rollback_on_abort_takes_back_all(self):
        self.spoil("n05", "n06")
        run = self.deploy("--serial", "4", "--max-fail-percentage", "25", "--rollback-on-abort",
                          code=ROLLED_BACK)
        self.assertEqual(self.versions(), [FIRST] * 12)
        self.assertEqual({event["host"] for event in events(run, "undo")},
                         {f"n{number:02d}" for number in range(1, 9)})
        self.assertEqual(run.totals["rolled_back"], 8, brief(run))
        for host in self.fleet.hosts:
            self.assertEqual(self.unit(host.name)["ActiveState"], "active")

    def test_canaries_soak(self):
        started = time.monotonic()
        self.deploy("--serial", "2,100%", "--soak", "6")
        self.assertGreater(time.monotonic() - started, 6)
        self.assertEqual(self.versions(), [SECOND] * 12)


if __name__ == "__main__":
    program.main()
