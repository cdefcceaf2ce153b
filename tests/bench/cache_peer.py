# SPDX-License-Identifier: Apache-2.0
"""An API that reads models, as one writes it first: the peer of model-cached in cache.py.

By uvicorn it is a FastAPI process that holds its models in a dict, least recently used first,
behind a lock; a task in the background asks MLflow for another version, fetches it on a thread
and exchanges it. Every worker process has models of its own. With PEER_SOCKET the same API takes
them from model-cached instead, by the example for ctypes.

    PEER_MLFLOW  MLflow's URL
    PEER_MODELS  names of the models, separated by spaces
    PEER_SOCKET  the socket of model-cached

As a program it prints what taking a model in hand costs without HTTP, in nanoseconds.
"""

import asyncio
import collections
import hashlib
import http.client
import json
import os
import struct
import sys
import threading
import time
import urllib.parse
import zlib
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

CACHE_SIZE = 5  # models
INTERVAL = 0.5  # seconds between two checks
READ = 256 << 10  # bytes of a model that a request looks at
THREADS, CALLS = 8, 5000

Model = collections.namedtuple("Model", "version data sha256")


class Registry:
    """What the cache asks of MLflow, on one connection."""

    def __init__(self, url):
        self.host = urllib.parse.urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.host, timeout=60)

    def open(self, path, /, **query):
        self.connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
        answer = self.connection.getresponse()
        if answer.status != 200:
            raise OSError(f"{path}: {answer.status}")
        return answer

    def latest(self, name):
        found = json.load(self.open("/api/2.0/mlflow/registered-models/get-latest-versions",
                                    name=name, stages="Production"))
        return int(found["model_versions"][0]["version"])

    def download(self, name, version):
        """The model, in memory once, and hashed as it comes."""
        answer = self.open("/model-versions/get-artifact", name=name, version=version,
                           path="model.pkl")
        data, at, digest = bytearray(answer.length), 0, hashlib.sha256()
        view = memoryview(data)
        while at < len(data):
            got = answer.readinto(view[at:at + (1 << 20)])
            if not got:
                raise OSError("the download was cut")
            digest.update(view[at:at + got])
            at += got
        answer.read()
        return Model(version, view.toreadonly(), digest.hexdigest())


class DictCache:
    """Models of this process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.models = collections.OrderedDict()

    def get(self, name):
        with self.lock:
            self.models.move_to_end(name)
            return self.models[name]

    def put(self, name, model):
        with self.lock:
            self.models[name] = model
            self.models.move_to_end(name)
            while len(self.models) > CACHE_SIZE:
                self.models.popitem(last=False)

    @contextmanager
    def hand(self, name):
        yield self.get(name)

    def version(self, name):
        with self.lock:
            return self.models[name].version if name in self.models else None

    def update(self, registry, names):
        for name in names:
            latest = registry.latest(name)
            if latest != self.version(name):
                self.put(name, registry.download(name, latest))


class SharedCache:
    """Models of model-cached."""

    def __init__(self, socket):
        sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs/examples"))
        import modelcache
        self.cache = modelcache.Cache(socket)

    def hand(self, name):
        return self.cache.acquire(name)


def make_cache():
    """The cache, and a registry to update it by, or None; all models are there."""
    if "PEER_SOCKET" in os.environ:
        return SharedCache(os.environ["PEER_SOCKET"]), None
    cache, registry = DictCache(), Registry(os.environ["PEER_MLFLOW"])
    cache.update(registry, names())
    return cache, registry


def names():
    return os.environ["PEER_MODELS"].split()


def make_app():
    """The API, for uvicorn --factory."""
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    cache, registry = make_cache()

    async def keep_up():
        while True:
            await asyncio.sleep(INTERVAL)
            await asyncio.to_thread(cache.update, registry, names())

    @asynccontextmanager
    async def life(_):
        task = asyncio.create_task(keep_up()) if registry else None
        yield
        if task:
            task.cancel()

    app = FastAPI(lifespan=life)

    # Not on a thread: that would only add to what a request costs.
    @app.get("/read")
    async def read(name: str, place: float):
        with cache.hand(name) as model:
            at = int(place * (len(model.data) - READ)) // 8 * 8
            piece = model.data[at:at + READ]
            zlib.crc32(piece)
            whole = struct.pack("<Q", int(model.version)) == piece[:8] == piece[-8:]
            piece.release()
            return PlainTextResponse(str(model.version), 200 if whole else 500)

    return app


# ---- as a program

def time_calls(cache, name, times):
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        with cache.hand(name):
            pass
        times.append(time.perf_counter_ns() - began)


def main():
    cache, _ = make_cache()
    name, times = names()[0], []
    # The first one of model-cached asks the daemon.
    time_calls(cache, name, [])
    threads = [threading.Thread(target=time_calls, args=(cache, name, times))
               for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    print(json.dumps({"median": times[len(times) // 2], "p99": times[-len(times) // 100 - 1],
                      "max": times[-1]}))


if __name__ == "__main__":
    main()
