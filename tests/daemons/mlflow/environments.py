#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The servers that the agent is tested with: made once, below build/cache, at pinned versions.

    environments.py [3] [2] [s3]        makes these; without arguments all of them

MLflow of both generations comes from PyPI into virtual environments. The S3 server is versitygw, from
the Go module proxy: one static program that keeps objects as files, checks signatures as S3 does, and
builds in a minute where `go` is there. (SeaweedFS is no module that the proxy has; Swift's S3 would be
four daemons, three rings and packages on the machine itself.)
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parents[2] / "build/cache/mlflow"
MLFLOW = {"3": "3.17.2", "2": "2.9.2"}
# What an environment needs beside MLflow itself: constraints-GENERATION.txt pins all of it.
PACKAGES = {"3": ["mlflow[auth]", "boto3"], "2": ["mlflow", "boto3", "setuptools"]}
GATEWAY = "1.8.0"
LIMIT = 1800  # seconds that an installation may take


class Unavailable(Exception):
    """This machine cannot make it; the text says why."""


@contextlib.contextmanager
def _alone():
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command, **more):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT, check=False, **more)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unavailable(f"{' '.join(map(str, command[:4]))}: {said[-1] if said else 'failed'}")


def _made(path, make):
    """A directory that `make` fills, once; half of one is removed."""
    with _alone():
        done = path / ".done"
        if not done.exists():
            shutil.rmtree(path, ignore_errors=True)
            print(f"making {path}, which takes minutes, once", file=sys.stderr, flush=True)
            make(path)
            done.touch()
    return path


def mlflow(generation):
    """The programs' directory of MLflow "2" or "3"."""
    def make(path):
        _run([sys.executable, "-m", "venv", path])
        _run([path / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
              "--constraint", HERE / f"constraints-{generation}.txt", *PACKAGES[generation]])

    name = "mlflow-{}-py{}.{}".format(MLFLOW[generation], *sys.version_info[:2])
    return _made(CACHE / name, make) / "bin"


def gateway():
    """The S3 server's program."""
    def make(path):
        module = f"github.com/versity/versitygw/cmd/versitygw@v{GATEWAY}"
        path.mkdir()
        _run(["go", "install", module], cwd="/", env={**os.environ, "GOBIN": str(path)})

    if not shutil.which("go"):
        raise Unavailable("versitygw is built with Go, which is not installed")
    return _made(CACHE / f"versitygw-{GATEWAY}", make) / "versitygw"


def main():
    wanted = sys.argv[1:] or [*MLFLOW, "s3"]
    for name in wanted:
        try:
            print(gateway() if name == "s3" else mlflow(name))
        except KeyError:
            sys.exit(f"{name}: 2, 3 and s3 are there")
        except Unavailable as error:
            sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
