#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ansible-playbook (2.14) says of the playbooks in corpus/, kept in corpus/answers.json.

    corpus.py            asks again and writes the answers
    corpus.py --check    asks again and fails when an answer differs

bad/ holds what both of us refuse, stricter/ what Ansible finds only when it runs (or never),
later/ what it supports and we do not yet. The comments "# expect:" in them are about our
messages. tags.yml is made here: steps with random tags, asked for with random options.
"""
import json
import os
import random
import re
import sys
import tempfile

os.environ.update(ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_NOCOLOR="1",
                  ANSIBLE_INVENTORY_UNPARSED_WARNING="False")
from ansible.cli.playbook import PlaybookCLI  # noqa: E402 (it reads the environment)

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
ANSWERS = os.path.join(HERE, "answers.json")
WORDS = ["a", "b", "c", "always", "never", "tagged", "untagged", "all"]
SEED = 20261121


def ansible(path, *options):
    """Runs ansible-playbook in a child that has its modules already; its exit code and output."""
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            os.chdir(HERE)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            try:
                PlaybookCLI.cli_executor(["ansible-playbook", "-i", "localhost,", *options, path])
            except SystemExit as end:
                sys.stdout.flush()
                os._exit(end.code or 0)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return status, output.read()


def listed(path, *options):
    """The plays, each with its tags and its tasks, as --list-tasks shows them."""
    status, output = ansible(path, "--list-tasks", *options)
    if status != 0:
        sys.exit(f"{path} {options}: {output}")
    plays = []
    for line in output.splitlines():
        play = re.fullmatch(r"  play #\d+ \(.*?\): (.*)\tTAGS: \[(.*)\]", line)
        task = re.fullmatch(r"      (.*)\tTAGS: \[(.*)\]", line)
        if play:
            plays.append({"name": play[1], "tags": sorted(filter(None, play[2].split(","))),
                          "tasks": []})
        elif task:
            tags = sorted(filter(None, task[2].split(", ")))
            plays[-1]["tasks"].append([task[1], tags])
    return plays


def random_tags(dice):
    chosen = dice.sample(WORDS[:5], dice.choice([0, 0, 1, 1, 2]))
    return f"[{', '.join(chosen)}]"


def random_steps(dice, indent, depth, names):
    lines = []
    for _ in range(dice.randint(2, 5)):
        tags = f"{indent}  tags: {random_tags(dice)}" if dice.random() < 0.7 else None
        if depth > 0 and dice.random() < 0.4:
            lines.append(f"{indent}- block:")
            lines += random_steps(dice, indent + "    ", depth - 1, names)
        else:
            names.append(f"task {len(names)}")
            lines += [f"{indent}- name: {names[-1]}", f"{indent}  debug:"]
        if tags:
            lines.append(tags)
    return lines


def random_playbook():
    dice = random.Random(SEED)
    lines, names = [f"# Made by corpus.py with the seed {SEED}."], []
    for play in range(5):
        lines += [f"- name: play {play}", "  hosts: all", "  gather_facts: no"]
        if play % 2:
            lines.append(f"  tags: {random_tags(dice)}")
        lines.append("  tasks:")
        lines += random_steps(dice, "    ", 3, names)
    return "\n".join(lines) + "\n"


def random_queries():
    dice = random.Random(SEED + 1)
    queries = [{"tags": [word], "skip": []} for word in WORDS]
    queries += [{"tags": [], "skip": [word]} for word in WORDS]
    for _ in range(24):
        queries.append({"tags": dice.sample(WORDS, dice.choice([0, 1, 2])),
                        "skip": dice.sample(WORDS, dice.choice([1, 1, 2]))})
    return queries


def ask_query(query):
    options = []
    for option, words in (("--tags", query["tags"]), ("--skip-tags", query["skip"])):
        options += [option, ",".join(words)] if words else []
    plays = listed("good/tags.yml", *options)
    return dict(query, selected=[task[0] for play in plays for task in play["tasks"]])


def ask():
    with open(os.path.join(HERE, "good/tags.yml"), "w", encoding="utf-8") as out:
        out.write(random_playbook())
    answers = {"accepted": {}, "listed": {}, "queries": []}
    for folder in ("bad", "stricter", "later"):
        for name in sorted(os.listdir(os.path.join(HERE, folder))):
            path = f"{folder}/{name}"
            if name.endswith(".yml"):
                answers["accepted"][path] = ansible(path, "--syntax-check")[0] == 0
    for name in sorted(os.listdir(os.path.join(HERE, "good"))):
        if name.endswith(".yml"):
            answers["listed"][f"good/{name}"] = listed(f"good/{name}")
    answers["queries"] = [ask_query(query) for query in random_queries()]
    return json.dumps(answers, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main():
    answers = ask()
    if sys.argv[1:] != ["--check"]:
        with open(ANSWERS, "w", encoding="utf-8") as out:
            out.write(answers)
        return 0
    with open(ANSWERS, encoding="utf-8") as kept:
        if kept.read() == answers:
            return 0
    print("ansible-playbook answers otherwise than corpus/answers.json says", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
