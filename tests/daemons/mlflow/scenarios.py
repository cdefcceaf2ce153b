# SPDX-License-Identifier: Apache-2.0
"""What the agent is asked to do in front of a server whose answers are recorded, and later replayed."""

import dataclasses
import hashlib
import io
import json
import pathlib
import subprocess
import zipfile

PATIENCE = 120  # seconds that only a hang reaches
LOCAL = "plates.pt"


def weights(word):
    """A PyTorch file that says a word."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), word)
    return text.getvalue()


# Models that are published: files, and what else the publisher is told.
MODELS = {
    "single": ({"MLmodel": b"flavors: {}\n", "weights/best.pt": weights("single")}, {}),
    "several": ({"weights/best.pt": weights("best"), "weights/last.pt": weights("last"),
                 "weights/deep/a b+c\u00e4.pt": weights("odd")}, {}),
    "tagged": ({"best.pt": weights("tagged")},
               {"tags": {"sha256": hashlib.sha256(weights("tagged")).hexdigest()}}),
    "mistagged": ({"best.pt": weights("mistagged")}, {"tags": {"sha256": "0" * 64}}),
    "logged": ({"MLmodel": b"flavors: {}\n", "data/best.pt": weights("logged")},
               {"logged_model": True}),
}


@dataclasses.dataclass
class Scenario:
    """One cycle of the agent with one model."""
    name: str
    model: str
    settings: dict = dataclasses.field(default_factory=dict)
    says: str = None  # a part of the log of a cycle that fails
    generations: str = "23"


SCENARIOS = (
    Scenario("an alias", "single"),
    Scenario("a stage", "single", {"stage": "Production"}),
    Scenario("a logged model", "logged", generations="3"),
    Scenario("a path", "several", {"artifact": "weights/last.pt"}),
    Scenario("an odd path", "several", {"artifact": "weights/deep/a b+c\u00e4.pt"}),
    Scenario("a pattern", "several", {"artifact": "**/b*.pt"}),
    Scenario("several files", "several", says="3 files that may be meant"),
    Scenario("no such file", "several", {"artifact": "none/*.pt"}, says="none/*.pt"),
    Scenario("no such path", "several", {"artifact": "none.pt"}, says="get-artifact: the server says"),
    Scenario("a digest", "tagged"),
    Scenario("another digest", "mistagged", says="has the sha256"),
    Scenario("no such alias", "single", {"alias": "none"}, says="alias none not found"),
    Scenario("no such stage", "several", {"stage": "Production"}, says="no version is in the stage"),
    Scenario("no such model", "none", says=" not found"),
)


def run(agent, url, scenario, directory):
    """A cycle against a server: (what came of it, the agent's log)."""
    site = pathlib.Path(directory)
    settings = {"mlflow_uri": url, "on_update": {"restart_pilot": False}, "status_port": 0,
                "models": [{"mlflow_name": scenario.model, "local_filename": LOCAL,
                            **scenario.settings}]}
    (site / "config.yaml").write_text(json.dumps({"model_sync": settings}))
    done = subprocess.run([agent, "--once", "--config", "config.yaml"], cwd=site, text=True,
                          capture_output=True, timeout=PATIENCE, check=False)
    outcome = {"exit": done.returncode}
    if (site / "models" / LOCAL).exists():
        record = json.loads((site / "models/manifest.json").read_text())["models"][LOCAL]
        content = (site / "models" / LOCAL).read_bytes()
        outcome.update(version=record["version"], run_id=record["run_id"],
                       sha256=hashlib.sha256(content).hexdigest())
    return outcome, done.stderr
