#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of model-cached's core: hits with 8 threads, answers on the socket, exchanges.

Runs build/release/bench/cache_bench and compares with the aims: a hit through libmodelcache in at
most 2 us at the median, an answer on the socket in at most 50 us, an exchange of a model of 200 MB
within 1 ms. `exchange_seen` is how long it takes from the wish until a client's library gives the
other version, mapped and populated. Ends with 2 when an aim is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# What must not be exceeded: figure, which of its values, nanoseconds.
AIMS = (("hit", "median", 2_000), ("socket", "median", 50_000), ("exchange", "max", 1_000_000))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=REPOSITORY / "build/release")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        output = subprocess.run(
            [options.build / "bench/cache_bench", f"{directory}/cache.sock", str(options.megabytes)],
            check=True, stdout=subprocess.PIPE).stdout
    figures = json.loads(output)
    for name, row in figures.items():
        print(f"{name:14}" + "".join(f"{key} {ns / 1000:10.2f} us   " for key, ns in row.items()))
    missed = [f"{name}: {key} above {aim / 1000:g} us" for name, key, aim in AIMS
              if figures[name][key] > aim]
    for line in missed:
        print("missed:", line)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(2 if missed else 0)


if __name__ == "__main__":
    main()
