#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What run-playbook and modelfleet adhoc print is what ansible-playbook and ansible print.

    output.py --ask [NAME...]         asks Ansible (2.14) and keeps its answers, NAME.out
    output.py PROGRAMS [NAME...]      compares our programs in the directory PROGRAMS with them

output/cases.yaml lists the cases: `run` is a command line of Ansible's, done in a copy of output/;
`environment` adds variables. With a `dialogue`, pairs of a text that is waited for and of what is
typed then, the command has a terminal. Answers are standard output, standard error and exit code, byte by
byte but for what MASKS names. `ours` says what our answer has instead, pairs of a regular expression
for a line of Ansible's and of what we have there (null: no line), and `why` gives the reason. Hosts may come in any order within a task. With
`document`, standard output is JSON documents, which are compared by what they say.
"""
import difflib
import json
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import yaml
except ImportError:
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent / "output"
PROGRAMS = {"ansible-playbook": ["run-playbook"], "ansible": ["modelfleet", "adhoc"]}

# Times, directories of the run, and what our two programs say in words of their own.
MASKS = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+"), "TIME"),
    (re.compile(r"\b\d:\d\d:\d\d\.\d+"), "DELTA"),
    (re.compile(r"Paused for \d+\.\d+"), "Paused for 0.0"),
    (re.compile(r'"delta": \d+,'), '"delta": 0,'),
    (re.compile(r"^\+\+\+ after: .*", re.MULTILINE), "+++ after: NEW"),
    # Newer versions of Ansible have it, and so do we.
    (re.compile(r'"false_condition": ("[^"]*"|false), ?(\n +)?'), ""),
    (re.compile(r"^ +false_condition: .*\n", re.MULTILINE), ""),
    (re.compile(r'("msg": ")(?:[^"\\]|\\.)*onnection refused(?:[^"\\]|\\.)*'), r"\1NO CONNECTION"),
]

# Where the result of a host begins: "ok: [host" or "host | ".
RESULT = re.compile(r"(?:[a-z]+|FAILED - RETRYING): \[(\w+)|(\w+) \| ")


def environment(scratch, case):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE", "MODELFLEET", "XDG"))}
    return {**kept, "HOME": str(scratch / "home"), "LC_ALL": "C.UTF-8", "TERM": "dumb",
            "ANSIBLE_NOCOWS": "1", "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_FORKS": "1", "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_FORCE_COLOR": "0",
            **case.get("environment", {})}


def masked(text, directory):
    text = text.replace(str(directory), "DIR")
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text


# Of results in documents: what only Ansible has, what only newer versions of it have, and times.
NOT_COMPARED = re.compile("_ansible_.*|invocation|false_condition|delta|start|end")


def compared(result):
    """A result of a document as far as it has to be the same."""
    kept = {k: v for k, v in result.items() if not NOT_COMPARED.fullmatch(k)}
    if "results" in kept:
        kept["results"] = [compared(item) for item in kept["results"]]
    return kept


def documents(text):
    """JSON documents without ids and times, and without Ansible's entries of `meta`."""
    read, shown = json.JSONDecoder(), []
    while text.strip():
        document, end = read.raw_decode(text)
        text = text[end:].lstrip()
        for play in document["plays"]:
            play["tasks"] = [task for task in play["tasks"] if task["hosts"]]
            for head in [play["play"], *(task["task"] for task in play["tasks"])]:
                head["duration"] = sorted(head["duration"])
                assert isinstance(head.pop("id"), str), head
            for task in play["tasks"]:
                task["hosts"] = {name: compared(result) for name, result in task["hosts"].items()}
        shown.append(json.dumps(document, indent=1, sort_keys=True) + "\n")
    return "".join(shown)


def on_terminal(words, dialogue, directory, env, patience):
    """What a command shows on a terminal at which somebody types, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execvpe(words[0], words, env)
    shown, seen, left = b"", 0, [[part.encode() for part in pair] for pair in dialogue]
    while select.select([terminal], [], [], 120)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # it has ended
            break
        while left and left[0][0] in shown[seen:]:
            seen = shown.index(left[0][0], seen) + len(left[0][0])
            time.sleep(patience)
            os.write(terminal, left.pop(0)[1])
    else:
        os.kill(pid, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    lines = shown.decode().replace("\r\n", "\n").replace("\r\n", "\n").split("\n")
    # What was cleared is not there any more.
    return "\n".join(re.sub(r".*\x1b\[K", "", line) for line in lines).replace("\r", ""), code


def answer(case, programs=None):
    """What a case's command prints, masked; by Ansible if `programs` is None."""
    words = shlex.split(case["run"])
    if programs:
        name, *rest = PROGRAMS[words[0]]
        words = [str(programs / name), *rest, *words[1:]]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch).resolve()
        (scratch / "home").mkdir()
        directory = scratch / "site"
        shutil.copytree(HERE, directory, ignore=shutil.ignore_patterns("*.out"))
        if "dialogue" in case:
            shown, code = on_terminal(
                words, case["dialogue"], directory, environment(scratch, case),
                0 if programs else 1)  # Ansible throws away what is typed too soon
            return masked(shown, directory) + f"---- exit {code}\n"
        done = subprocess.run(words, cwd=directory, env=environment(scratch, case), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    shown = documents(done.stdout) if "document" in case else done.stdout
    return (masked(shown, directory) + "---- standard error\n"
            + masked(done.stderr, directory) + f"---- exit {done.returncode}\n")


def ordered(text):
    """The text with the results of each task in the order of their hosts' names."""
    done, blocks = [], []

    def end_task():
        done.extend(line for _, block in sorted(blocks, key=lambda b: b[0]) for line in block)
        blocks.clear()

    for line in text.splitlines(keepends=True):
        begins = RESULT.match(line)
        if begins:
            blocks.append((begins.group(1) or begins.group(2), [line]))
        elif blocks and line != "\n" and not line.startswith("----"):
            blocks[-1][1].append(line)
        else:
            end_task()
            done.append(line)
    end_task()
    return "".join(done)


def expected(case, text):
    """Ansible's answer with the lines that are ours to choose."""
    lines = text.splitlines(keepends=True)
    for theirs, ours in case.get("ours", []):
        found = [i for i, line in enumerate(lines) if re.fullmatch(theirs, line.rstrip("\n"))]
        if not found:
            raise SystemExit(f"{case['name']}: Ansible has no line {theirs!r}")
        for i in reversed(found):
            line = re.fullmatch(theirs, lines[i].rstrip("\n"))
            lines[i:i + 1] = [line.expand(ours) + "\n"] if ours is not None else []
    return "".join(lines)


def check(case, programs):
    theirs = expected(case, (HERE / f"{case['name']}.out").read_text(encoding="utf-8"))
    theirs, ours = ordered(theirs), ordered(answer(case, programs))
    if ours == theirs:
        return True
    sys.stdout.writelines(difflib.unified_diff(
        theirs.splitlines(keepends=True), ours.splitlines(keepends=True),
        f"{case['name']}: expected", f"{case['name']}: ours"))
    return False


def main():
    first, *names = sys.argv[1:]
    cases = [case for case in yaml.safe_load((HERE / "cases.yaml").read_text())
             if not names or case["name"] in names]
    if not cases:
        raise SystemExit("no such case")
    if first == "--ask":
        for case in cases:
            (HERE / f"{case['name']}.out").write_text(answer(case), encoding="utf-8")
            print(f"{case['name']}: asked")
        return 0
    wrong = [case["name"] for case in cases if not check(case, pathlib.Path(first).resolve())]
    print(f"{len(cases) - len(wrong)} of {len(cases)} as expected; wrong: {' '.join(wrong) or 'none'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
