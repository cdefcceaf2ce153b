#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Updates are made by threads that give way; what somebody waits for is not."""

import os
import unittest

from cached_case import CachedCase

POLICY = 41 - 3  # in /proc/PID/stat, counted from behind the name


class GivesWayTest(CachedCase):
    def policies(self):
        """Of the processes that validated, in their order."""
        lines = (self.site / "policies").read_text().splitlines()
        return [int(line.rpartition(")")[2].split()[POLICY]) for line in lines]

    def test_what_validates_an_update_inherits_the_thread_s_kind(self):
        self.configure(models=[{"mlflow_name": "fraud",
                                "validate_command": "cat /proc/self/stat >> policies"}])
        self.publish(b"one")
        self.start()
        self.wait_version(1)
        load = os.getloadavg()[0]
        self.publish(b"two")
        self.wait_version(2)
        loads = sorted([load, os.getloadavg()[0]])
        ours = os.sched_getscheduler(0)
        first, update = self.policies()
        self.assertEqual(first, ours)
        self.assertIn(update, (ours, os.SCHED_IDLE))
        # The daemon looked at some moment between.
        if loads[1] < 0.9 * os.cpu_count():
            self.assertEqual(update, os.SCHED_IDLE)
        elif loads[0] > 1.1 * os.cpu_count():
            self.assertEqual(update, ours)
        self.end()


if __name__ == "__main__":
    unittest.main()
