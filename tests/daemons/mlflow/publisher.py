# SPDX-License-Identifier: Apache-2.0
"""Publishes models with MLflow's own client, as its Python runs it: a line of JSON for each call.

In: {"call": NAME, ...its arguments}. Out: {"result": ...} or {"error": text}.
"""

import json
import os
import sys

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


class Calls:
    """What can be called; the names are those of calls."""

    def __init__(self):
        self.client = MlflowClient()
        self.experiment = None

    def _model(self, name):
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _run(self):
        if self.experiment is None:
            self.experiment = self.client.create_experiment(f"tests-{os.getpid()}")
        return self.client.create_run(self.experiment).info

    def publish(self, name, directory, alias="champion", tags=None, logged_model=False):
        """A version of a model from a directory's files: of a run, or of a logged model (MLflow 3)."""
        self._model(name)
        run = self._run()
        more = {}
        if logged_model:
            model = self.client.create_logged_model(
                self.experiment, name=name, source_run_id=run.run_id)
            self.client.log_model_artifacts(model.model_id, directory)
            self.client.finalize_logged_model(model.model_id, "READY")
            source, more = f"models:/{model.model_id}", {"model_id": model.model_id}
        else:
            self.client.log_artifacts(run.run_id, directory, "model")
            source = f"{run.artifact_uri}/model"
        made = self.client.create_model_version(name, source, run.run_id, tags=tags, **more)
        if alias:
            self.set_alias(name, alias, made.version)
        return {"version": int(made.version), "run_id": made.run_id}

    def train(self, name, slope):
        """A version as most people make them: an estimator that MLflow's flavour of it logs. It
        predicts slope * x."""
        import mlflow.sklearn
        from sklearn.linear_model import LinearRegression

        points = [[0.0], [1.0], [2.0]]
        estimator = LinearRegression().fit(points, [slope * x for x, in points])
        with mlflow.start_run():
            made = mlflow.sklearn.log_model(estimator, "model", registered_model_name=name,
                                            pip_requirements=["scikit-learn"])
        versions = self.client.search_model_versions(f"name='{name}'")
        return {"version": max(int(known.version) for known in versions), "run_id": made.run_id}

    def set_alias(self, name, alias, version):
        self.client.set_registered_model_alias(name, alias, str(version))

    def delete_alias(self, name, alias):
        self.client.delete_registered_model_alias(name, alias)

    def set_stage(self, name, version, stage):
        self.client.transition_model_version_stage(name, str(version), stage)

    def set_tag(self, name, version, key, value):
        self.client.set_model_version_tag(name, str(version), key, value)

    def delete_model(self, name):
        self.client.delete_registered_model(name)

    def create_webhook(self, name, url, secret):
        events = ["model_version_alias.created", "model_version.created"]
        return self.client.create_webhook(name, url, events, secret=secret).webhook_id

    def test_webhook(self, webhook_id):
        """The status that a delivery is answered with."""
        return self.client.test_webhook(webhook_id).response_status

    def delete_webhook(self, webhook_id):
        self.client.delete_webhook(webhook_id)


def main():
    # Whatever MLflow prints goes to the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    calls = Calls()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"result": getattr(calls, asked.pop("call"))(**asked)}
        except Exception as error:  # noqa: BLE001 - the caller is told
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
