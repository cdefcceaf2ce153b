#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""model-sync-agent against what MLflow's servers of both generations answered when they were asked.

mlflow/record.py records it again. What the agent asks is compared, too: a request more, less or other
than recorded is a failure.
"""

import concurrent.futures
import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent / "mlflow"
sys.path.insert(0, str(HERE))

import scenarios  # noqa: E402
from replay import Replay  # noqa: E402

AGENT = os.environ["MODEL_SYNC_AGENT"]
KNOWN = {scenario.name: scenario for scenario in scenarios.SCENARIOS}


def replayed(recorded):
    """(outcome, log, replay) of a scenario before its recorded answers."""
    replay = Replay(recorded["exchanges"])
    try:
        with tempfile.TemporaryDirectory(prefix="sync-agent-recorded.") as site:
            return (*scenarios.run(AGENT, replay.url, KNOWN[recorded["name"]], site), replay)
    finally:
        replay.stop()


class RecordedTest(unittest.TestCase):
    def replay_all(self, generation, place):
        path, = (HERE / "recorded").glob(f"mlflow-{generation}.*-{place}.json")
        recorded = json.loads(path.read_text())["scenarios"]
        self.assertEqual([one["name"] for one in recorded],
                         [name for name, one in KNOWN.items() if generation in one.generations])
        # What is not there is asked for again and again, with pauses: several at once.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for one, came in zip(recorded, pool.map(replayed, recorded)):
                with self.subTest(one["name"]):
                    outcome, log, replay = came
                    self.assertEqual((replay.wrong, replay.left), ([], []), log)
                    self.assertEqual(outcome, one["outcome"], log)
                    self.assertIn(KNOWN[one["name"]].says or "", log)

    def test_mlflow_3(self):
        self.replay_all("3", "server")

    def test_mlflow_3_with_artifacts_in_s3(self):
        self.replay_all("3", "s3")

    def test_mlflow_2(self):
        self.replay_all("2", "server")

    def test_mlflow_2_with_artifacts_in_s3(self):
        self.replay_all("2", "s3")


if __name__ == "__main__":
    unittest.main(verbosity=2)
