#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records again what MLflow's servers answer the agent: `record.py AGENT` writes recorded/*.json; with
2 or 3 behind it, those of this generation alone."""

import json
import pathlib
import sys
import tempfile

import environments
import scenarios
import servers
from recorder import Recorder

RECORDED = environments.HERE / "recorded"


def publish(publisher, directory, generation):
    for name, (files, more) in scenarios.MODELS.items():
        if more.get("logged_model") and generation == "2":
            continue
        for path, content in files.items():
            place = directory / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        publisher.call("publish", name=name, directory=str(directory / name), **more)
    publisher.call("set_stage", name="single", version=1, stage="Production")


def record(agent, server, generation):
    """What is written for one server."""
    recorder = Recorder(server.port)
    written = []
    for scenario in scenarios.SCENARIOS:
        if generation not in scenario.generations:
            continue
        with tempfile.TemporaryDirectory() as directory:
            outcome, log = scenarios.run(agent, recorder.url, scenario, directory)
        if (outcome["exit"] != 0) != bool(scenario.says) or (scenario.says or "") not in log:
            sys.exit(f"{scenario.name}: {outcome}\n{log}")
        exchanges, _ = recorder.take()
        written.append({"name": scenario.name, "outcome": outcome, "exchanges": exchanges})
    recorder.stop()
    return written


def record_server(agent, generation, in_s3):
    with tempfile.TemporaryDirectory() as text:
        directory = pathlib.Path(text)
        programs = environments.mlflow(generation)
        store = servers.Gateway(environments.gateway(), directory / "s3").start() if in_s3 else None
        server = servers.Mlflow(programs, directory / "server", store)
        try:
            server.start()
            publisher = server.publisher()
            publish(publisher, directory / "models", generation)
            publisher.close()
            written = record(agent, server, generation)
        finally:
            server.kill()
            if store:
                store.kill()
    version = environments.MLFLOW[generation]
    place = "S3" if in_s3 else "the server"
    RECORDED.mkdir(exist_ok=True)
    path = RECORDED / f"mlflow-{version}-{'s3' if in_s3 else 'server'}.json"
    path.write_text(json.dumps({"server": f"MLflow {version}", "artifacts": place,
                                "scenarios": written}, indent=1) + "\n")
    print(path)


def main():
    if len(sys.argv) < 2 or any(word not in environments.MLFLOW for word in sys.argv[2:]):
        sys.exit("usage: record.py AGENT [2|3]")
    agent = str(pathlib.Path(sys.argv[1]).resolve())
    for generation in sys.argv[2:] or environments.MLFLOW:
        for in_s3 in (False, True):
            record_server(agent, generation, in_s3)


if __name__ == "__main__":
    main()
