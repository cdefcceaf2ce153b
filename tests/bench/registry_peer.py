# SPDX-License-Identifier: Apache-2.0
"""A registry service as one writes it first: FastAPI over a JSON file with a lock.

The peer of registry.py, run by uvicorn: REGISTRY_PATH names the file.
"""

import fcntl
import json
import os
from datetime import datetime, timezone
from typing import Optional

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class NewModel(BaseModel):
    model_name: str
    version: int
    path: str
    metadata: dict = {}


class ModelRegistryService:
    """Every call reads the file; writers hold a lock while they read, change and write it."""

    def __init__(self, path):
        self.path = path
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"models": []}, file)

    def read(self):
        with open(self.path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return json.load(file)

    def register_model(self, model):
        with open(self.path, "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            data = json.load(file)
            if any(entry["model_name"] == model.model_name and entry["version"] == model.version
                   for entry in data["models"]):
                return None
            entry = {
                "model_name": model.model_name,
                "version": model.version,
                "path": model.path,
                "status": "staging",
                "creation_timestamp": datetime.now(timezone.utc).isoformat(),
                "metadata": model.metadata,
            }
            data["models"].append(entry)
            file.seek(0)
            json.dump(data, file, indent=2)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            return entry


app = FastAPI()
registry = ModelRegistryService(os.environ["REGISTRY_PATH"])


@app.get("/api/v1/registry/models")
def list_models(model_name: Optional[str] = None):
    models = registry.read()["models"]
    return {"models": [entry for entry in models
                       if model_name is None or entry["model_name"] == model_name]}


@app.post("/api/v1/registry/models", status_code=201)
def register(model: NewModel):
    entry = registry.register_model(model)
    if entry is None:
        raise HTTPException(status_code=409, detail="the version is there already")
    return entry
