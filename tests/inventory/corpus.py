#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `modelfleet inventory` with ansible-inventory over a corpus of inventories.

Each directory of corpus/ has a file `commands`: one line of arguments each, NAME=value words in
front set the environment. `answers.json` beside it holds what ansible-inventory 2.14 answered.
Where ansible-inventory is installed it is asked again, so that the frozen answers are known to be
its own; elsewhere the frozen ones count. JSON is compared as data, everything else as text; of
a command that fails only the failure is compared.

    corpus.py PROGRAM [CASE ...]    compare PROGRAM with the answers
    corpus.py --freeze [CASE ...]   write the answers anew
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
ORACLE = "ansible-inventory"
TIMEOUT = 60


def read_commands(case):
    with open(os.path.join(CORPUS, case, "commands"), encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if line and not line.startswith("#"):
                yield line


def environment(assignments):
    """A small environment, the same for both programs."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    env["ANSIBLE_DEPRECATION_WARNINGS"] = "0"
    if "ASAN_OPTIONS" in os.environ:
        env["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
    env.update(word.split("=", 1) for word in assignments)
    return env


def run(program, case, command):
    """Runs one line of a case; its answer as it is frozen."""
    words = shlex.split(command)
    count = 0
    while "=" in words[count] and not words[count].startswith("-"):
        count += 1
    done = subprocess.run(
        program + words[count:], cwd=os.path.join(CORPUS, case), timeout=TIMEOUT,
        env=environment(words[:count]), stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", check=False)
    answer = {"command": command, "failed": done.returncode != 0}
    if done.returncode != 0:
        return answer, done.stderr
    try:
        answer["json"] = json.loads(done.stdout)
    except ValueError:
        answer["text"] = done.stdout.splitlines()
    return answer, done.stderr


def ask_oracle(case):
    with ThreadPoolExecutor(2) as pool:
        return [answer for answer, _ in pool.map(
            lambda command: run([ORACLE], case, command), list(read_commands(case)))]


def answers_path(case):
    return os.path.join(CORPUS, case, "answers.json")


def freeze(cases):
    for case in cases:
        with open(answers_path(case), "w", encoding="utf-8") as out:
            json.dump(ask_oracle(case), out, indent=1, sort_keys=True, ensure_ascii=False)
            out.write("\n")
        print("frozen:", case)


def same(left, right):
    """Equality that tells 1 from 1.0 and from true, as JSON does."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def report(case, wanted, got, complaint):
    print("FAILED: %s: %s" % (case, wanted["command"]))
    for name, answer in (("wanted", wanted), ("got", got)):
        print("  %s: %s" % (name, json.dumps(answer, sort_keys=True, ensure_ascii=False)))
    if complaint:
        print("  stderr:", complaint.strip())


def compare(program, case, live):
    with open(answers_path(case), encoding="utf-8") as frozen:
        wanted = json.load(frozen)
    if [answer["command"] for answer in wanted] != list(read_commands(case)):
        sys.exit("%s: answers.json does not answer the commands; freeze it" % case)
    if live and not same(ask_oracle(case), wanted):
        sys.exit("%s: %s no longer gives the frozen answers" % (case, ORACLE))
    passed = 0
    for answer in wanted:
        got, complaint = run([program, "inventory"], case, answer["command"])
        if same(got, answer):
            passed += 1
        else:
            report(case, answer, got, complaint)
    return passed, len(wanted) - passed


def main(arguments):
    freezing = arguments[:1] == ["--freeze"]
    cases = arguments[1:] or sorted(os.listdir(CORPUS))
    if freezing:
        return freeze(cases)
    live = shutil.which(ORACLE) is not None and not os.environ.get("CORPUS_FROZEN")
    passed = failed = 0
    for case in cases:
        good, bad = compare(os.path.abspath(arguments[0]), case, live)
        passed, failed = passed + good, failed + bad
    print("%s: answers of %s" % (ORACLE, "now and frozen" if live else "long ago, frozen"))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
