#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Playbooks run by ansible-playbook and by run-playbook: the same recap, results and files.

    oracle_run.py MODELFLEET [NAME...]     against the answers that are kept
    oracle_run.py --ask [NAME...]          asks ansible-playbook and keeps what it says
    oracle_run.py --check [NAME...]        asks it, and compares with what is kept

Every playbook of run_corpus/ is run on three hosts that are this machine, each in a directory of
its own (DIR). A first line "# options: ..." gives further options to both. Compared are: exit (did
it succeed), what became of each task on each host, with its result but for what is volatile, the
recap, and the files in DIR. Answers lie in run_corpus/answers/, each with a digest of the corpus
that it was given for.
"""
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "run_corpus"
ANSWERS = CORPUS / "answers"
SKIPPED = 77

INVENTORY = """\
h1 from_inventory=one
h2 from_inventory=two
h3
[web]
h1
[all:vars]
ansible_connection=local
ansible_python_interpreter=/usr/bin/python3
"""

# Times, what only one of the two tells, and what is told in other words.
VOLATILE = {
    "start", "end", "delta", "elapsed", "invocation", "false_condition", "action", "exception",
    "ansible_facts", "diff", "md5sum", "src", "warnings", "deprecations", "atime", "mtime",
    "ctime", "inode", "attr_flags", "attributes", "charset", "mimetype", "version", "ansible_delegated_vars", "cmd", "failed_when_suppressed_exception",
}
# Keys whose words are the engine's own where something went wrong.
WORDED = {"msg", "changed_when_result"}


def clean(value, failed=False):
    """A result without what may differ."""
    if isinstance(value, dict):
        failed = failed or bool(value.get("failed")) or "fail_key" in value
        return {
            k: "..." if k in WORDED and failed and is_error(v) else clean(v, failed)
            for k, v in value.items()
            if k not in VOLATILE and not k.startswith("_ansible")
        }
    if isinstance(value, list):
        return [clean(v, failed) for v in value]
    return value


def is_error(text):
    """True for a message of an engine rather than of a playbook."""
    return isinstance(text, str) and re.search(
        r"undefined|error|conditional|does not|no argument|required|unsupported param", text, re.I)


def drop_defaults(result):
    """Both leave out or write what says nothing."""
    result = {k: v for k, v in result.items() if not (k == "failed" and v is False)}
    result.setdefault("changed", False)
    if "results" in result and result.get("skipped") is False:
        del result["skipped"]
    if "results" in result:
        result["results"] = [
            drop_defaults(r) if isinstance(r, dict) else r for r in result["results"]]
    if result.get("msg") == "":
        del result["msg"]
    if result.get("unreachable"):
        result["msg"] = "..."
    return result


def normal(result, directory):
    text = json.dumps(drop_defaults(clean(result)), sort_keys=True)
    for path, name in ((directory, "DIR"), (directory.parent, "HOME"), (CORPUS, "CORPUS")):
        text = text.replace(str(path), name)
    return json.loads(text)


def tree(directory):
    """Every path below a directory, with kind, mode and content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        found[name] = (oct(path.lstat().st_mode),
                       path.read_text() if path.is_file() else None)
    return found


def options_of(playbook):
    first = playbook.read_text().split("\n", 1)[0]
    return first[len("# options:"):].split() if first.startswith("# options:") else []


def arguments(playbook, inventory, directory):
    return ["-i", str(inventory), "-e", f"DIR={directory}", "-e", "extra=extra",
            *options_of(playbook), str(playbook)]


def run(command, directory, **env):
    directory.mkdir()
    environment = {**os.environ, "HOME": str(directory.parent), "LC_ALL": "C.UTF-8", **env}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=CORPUS,
                          timeout=300, check=False)
    return done


def by_ansible(playbook, inventory, directory):
    done = run(["ansible-playbook", *arguments(playbook, inventory, directory)], directory,
               ANSIBLE_STDOUT_CALLBACK="json", ANSIBLE_RETRY_FILES_ENABLED="0",
               ANSIBLE_LOCALHOST_WARNING="0", ANSIBLE_PIPELINING="1", ANSIBLE_NOCOLOR="1")
    start = done.stdout.find("{\n")
    if start < 0:
        raise SystemExit(f"{playbook.name}: ansible-playbook: {done.stdout}{done.stderr}")
    told = json.loads(done.stdout[start:])
    tasks = {}
    for play in told["plays"]:
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                outcome = ("unreachable" if result.get("unreachable") else
                           "failed" if result.get("failed") else
                           "skipped" if result.get("skipped") else
                           "changed" if result.get("changed") else "ok")
                tasks.setdefault(host, []).append(
                    (task["task"]["name"], outcome, normal(result, directory)))
    keys = {"failures": "failed"}
    recap = {host: {keys.get(k, k): v for k, v in n.items()}
             for host, n in told["stats"].items()}
    return done.returncode == 0, tasks, recap


def by_us(program, playbook, inventory, directory):
    done = run([program, "run-playbook", "--json", *arguments(playbook, inventory, directory)],
               directory)
    tasks, recap = {}, {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "task":
            outcome = {"ignored": "failed", "rescued": "failed"}.get(
                event["outcome"], event["outcome"])
            if event["result"].get("unreachable"):
                outcome = "unreachable"
            tasks.setdefault(event["host"], []).append(
                (event["task"], outcome, normal(event["result"], directory)))
        # Ansible's recap leaves out hosts that did nothing.
        if event["event"] == "host_end" and any(event["tasks"].values()):
            recap[event["host"]] = event["tasks"]
    if not tasks:
        print(done.stdout, done.stderr)
    return done.returncode == 0, tasks, recap


def compare(name, ours, theirs):
    """Prints the differences of two things; how many there are."""
    if ours == theirs:
        return 0
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return sum(compare(f"{name}.{k}", ours.get(k), theirs.get(k))
                   for k in sorted(ours.keys() | theirs.keys(), key=str))
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        if len(ours) == len(theirs):
            return sum(compare(f"{name}[{i}]", a, b)
                       for i, (a, b) in enumerate(zip(ours, theirs)))
    print(f"{name}:\n  ansible: {theirs}\n  ours:    {ours}")
    return 1


def picture(ask, playbook):
    """What one of the two makes of a playbook, as it is kept."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        inventory = scratch / "hosts"
        inventory.write_text(INVENTORY)
        success, tasks, recap = ask(playbook, inventory, scratch / "dir")
        return json.loads(json.dumps({"success": success, "tasks": tasks, "recap": recap,
                                      "files": tree(scratch / "dir")}))


def corpus_digest(playbook):
    """Of a playbook and of everything in the corpus that is not a playbook."""
    digest = hashlib.sha256(playbook.read_bytes())
    for path in sorted(CORPUS.rglob("*")):
        inside = path.relative_to(CORPUS).parts
        if path.is_file() and len(inside) > 1 and inside[0] != ANSWERS.name:
            digest.update("/".join(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def kept(playbook):
    answer = json.loads((ANSWERS / f"{playbook.stem}.json").read_text())
    if answer.pop("corpus") != corpus_digest(playbook):
        raise SystemExit(f"{playbook.name}: the corpus has changed since ansible-playbook was "
                         "asked: oracle_run.py --ask")
    return answer


def ask_all(playbooks):
    ANSWERS.mkdir(exist_ok=True)
    for playbook in playbooks:
        answer = {"corpus": corpus_digest(playbook), **picture(by_ansible, playbook)}
        path = ANSWERS / f"{playbook.stem}.json"
        path.write_text(json.dumps(answer, indent=1, sort_keys=True) + "\n")


def main():
    first, names = sys.argv[1], sys.argv[2:]
    playbooks = [p for p in sorted(CORPUS.glob("*.yaml")) if not names or p.stem in names]
    if first in ("--ask", "--check") and not shutil.which("ansible-playbook"):
        print("ansible-playbook is not installed")
        return SKIPPED
    if first == "--ask":
        return ask_all(playbooks)
    ask = by_ansible if first == "--check" else functools.partial(by_us, os.path.abspath(first))
    wrong = 0
    for playbook in playbooks:
        answer = kept(playbook)
        differences = compare(playbook.stem, picture(ask, playbook), answer)
        print(f"{playbook.stem}: {'equal' if not differences else f'{differences} differences'}")
        wrong += differences
    return 1 if wrong or not playbooks else 0


if __name__ == "__main__":
    sys.exit(main())
