#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the lines of `commands` as `modelfleet vars ...` in site/ and compares with `expected`.

    commands.py PROGRAM            compare
    commands.py PROGRAM --write    write `expected` anew; read it before it is committed
"""

import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def answer(program, line):
    """The line, what it printed to both outputs, and its exit code."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    done = subprocess.run(
        [program, "vars"] + shlex.split(line), cwd=os.path.join(HERE, "site"), env=env,
        timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", check=False)
    output = done.stdout.replace(os.path.join(HERE, "site") + "/", "SITE/")
    return "$ vars %s\n%sexit %d\n" % (line, output, done.returncode)


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as lines:
        return lines.read()


def main(program, writing):
    commands = [line for line in read("commands").splitlines() if line]
    got = [answer(os.path.abspath(program), line) for line in commands]
    if writing:
        with open(os.path.join(HERE, "expected"), "w", encoding="utf-8") as out:
            out.write("".join(got))
        return 0
    expected = read("expected")
    bad = [text for text in got if text not in expected]
    for text in bad:
        print("not expected:\n" + text)
    if not bad and "".join(got) != expected:
        bad = ["expected has answers that no command gave"]
        print(bad[0])
    print("%d passed, %d failed" % (len(got) - len(bad), len(bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] == ["--write"]))
