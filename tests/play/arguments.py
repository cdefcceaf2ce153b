#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How Ansible (2.14) reads arguments, kept in arguments.json: texts of NAME=VALUE, and values
of one type given for another; the names of its keywords and modules; and what its documents
say of the arguments of the modules that we have.

    arguments.py            asks again and writes the answers
    arguments.py --check    asks again and fails when an answer differs
"""
import json
import os
import random
import subprocess
import sys

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.splitter import parse_kv, split_args
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.playbook.loop_control import LoopControl
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible.plugins.list import list_plugins

ANSWERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arguments.json")
SEED = 20261121

TEXTS = [
    "ls", "ls -l /tmp", " ls", "ls ", "ls  -l", "ls\n", "ls\n\n", "ls\n-l", "ls\n  -l",
    "ls -l chdir=/tmp", "chdir=/tmp ls", "chdir=/tmp  ls  creates=/a", "ls\nchdir=/tmp",
    "ls chdir='/a b'", 'ls chdir="/a b"', "ls chdir=", "ls chdir = x", "a=b", "a=b chdir=/x",
    "echo \\\n  two", "echo \\\ntwo", "echo \\\n\n two", "echo \\ two", "a\\=b", "a\\=b=c", "=a",
    "a==b", "'a=b'", "'chdir=/tmp'", "echo 'it is' \"so\"", "echo 'a\nb'", "echo \"a\n  b\" c",
    "echo {{ a }} b", "echo {{ a | default('b c') }}", "echo {% if a %} b {% endif %}",
    "echo {# no #}", "echo {{ '}' }}x", "echo a\\nb", "echo chdir=a\\nb", "chdir=\\x41 ls",
    "chdir=\\u00e9 ls", "echo \\x41", "echo \"a\\\"b\"", "chdir=\"a\\\"b\" ls", "ä=b ls",
    "echo ä", "ls\tchdir=/a", "ls creates=a=b", "chdir='a' b='c'", "echo a'b c'd", "x chdir='a'b",
    "chdir=a,b", "chdir=[1, 2]", "echo \"", "echo '", "echo {{ a", "echo {% a", "echo }}",
]
PIECES = ["a", "-b", "c=d", "chdir=/x", "creates='/y z'", "'q r'", '"s t"', "u='v w'", "{{ a }}",
          "{{ b | default('x y') }}", "{% if c %}d{% endif %}", "\\", "e\\=f", "g\\ h", '"i\\"j"',
          "executable=k", "stdin=\"{{ l }}\"", "m\\n", "removes="]
GAPS = [" ", " ", " ", "  ", "\n", " \n", "\n  ", " \\\n", "\t"]

VALUES = [
    None, True, False, 0, 1, 2, -1, 420, 1.0, 0.0, 1.5, 1e300, "", " ", "yes", "No", " TRUE ",
    "t", "F", "y", "n", "on", "OFF", "0", "1", "2", "1.0", "0.0", "maybe", "5", " 5 ", "+5", "-5",
    "5.5", "1e3", "abc", "inf", "nan", "a,b", "a, b ,c", ",", "a,", [], ["a"], ["a", 1, None], [[1]], {},
    {"a": 1}, {"a": {"b": "c"}}, "a=b", "a=b,c=d", "a=b, c=d", "a=b c=d", "a='b c'", "a=b=c",
    "a=\"b,c\", d=e", "a=b\\,c", "a", "a=b, c", "=a", "a=", '{"a": 1}', "{'a': 1}", "{a: 1}", "{",
    "{'a': True, 'b': None}", "[1, 2]", "0644", "u=rw,g=r", "ä", "a\nb", "'a'",
]
# All modules that we have, but those that are ours or newer than 2.14.
DOCUMENTED = [
    "ansible.posix.authorized_key", "ansible.posix.firewalld", "ansible.posix.mount",
    "ansible.posix.synchronize", "ansible.posix.sysctl", "apt", "apt_key", "apt_repository",
    "assemble", "assert", "async_status", "blockinfile", "command", "copy", "cron", "debconf",
    "debug", "dpkg_selections", "expect", "fail", "fetch", "file", "find", "gather_facts",
    "get_url", "getent", "git", "group", "hostname", "include_role", "include_tasks",
    "include_vars", "iptables", "known_hosts", "lineinfile", "meta", "package", "package_facts",
    "pause", "ping", "pip", "raw", "replace", "script", "service", "service_facts", "set_fact",
    "set_stats", "setup", "shell", "slurp", "stat", "systemd", "tempfile", "template",
    "unarchive", "uri", "user", "validate_argument_spec", "wait_for", "wait_for_connection",
]
# Nothing checks that these are there, whatever the documents say.
UNCHECKED = {("git", "dest"), ("package", "name"), ("package", "state")}
TYPES = ["str", "bool", "int", "float", "list", "dict", "raw"]


def random_text(dice):
    text = dice.choice(PIECES)
    for _ in range(dice.randint(0, 6)):
        text += dice.choice(GAPS) + dice.choice(PIECES)
    return text


def trips(text):
    """Ansible's splitter falls over white space before the first word."""
    try:
        split_args(text)
    except IndexError:
        return True
    except AnsibleError:
        pass
    return False


def split(text, free_form):
    try:
        options = parse_kv(text, check_raw=free_form)
    except AnsibleError:
        return None
    return {"text": options.pop("_raw_params", None), "arguments": options}


def convert(kind, value):
    result = ArgumentSpecValidator({"x": {"type": kind}}).validate({"x": value})
    if result.error_messages:
        return None
    given = result.validated_parameters["x"]
    return [int(given) if kind == "int" and isinstance(given, bool) else given]


def keywords():
    """The public keywords, by where they may stand; async_val is Python's name of async."""
    classes = {"play": Play, "block": Block, "task": Task, "handler": Handler,
               "loop_control": LoopControl}
    return [[place, name] for place, kind in classes.items()
            for name, attribute in sorted(kind.fattributes.items())
            if not attribute.private and name != "async_val"]


def modules():
    names = (name.split(".")[-1] for name in list_plugins("module", "ansible.builtin"))
    return [[name] for name in sorted(names) if not name.startswith("_")]


def documented():
    """Each argument of the modules: its module, name, type, required, aliases and choices."""
    run = subprocess.run(["ansible-doc", "-t", "module", "-j", *DOCUMENTED], check=True,
                         capture_output=True, text=True)
    rows = []
    for module, about in sorted(json.loads(run.stdout).items()):
        for name, option in sorted(about["doc"].get("options", {}).items()):
            choices = option.get("choices") if option.get("type") != "bool" else None
            rows.append([module, name, option.get("type", "str"),
                         bool(option.get("required")) and (module, name) not in UNCHECKED,
                         sorted(option.get("aliases") or []),
                         choices or []])
    return rows


def ask():
    dice = random.Random(SEED)
    texts = TEXTS + [random_text(dice) for _ in range(300)]
    answers = {
        "split": [[text, free_form, split(text, free_form)]
                  for text in texts if not trips(text)
                  for free_form in (True, False)],
        "convert": [[kind, value, convert(kind, value)]
                    for kind in TYPES for value in VALUES],
        "keywords": keywords(),
        "modules": modules(),
        "documented": documented(),
    }
    lines = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "]"
             for name, rows in answers.items()]
    return "{" + ",\n".join(lines) + "}\n"


def main():
    answers = ask()
    if sys.argv[1:] != ["--check"]:
        with open(ANSWERS, "w", encoding="utf-8") as out:
            out.write(answers)
        return 0
    with open(ANSWERS, encoding="utf-8") as kept:
        if kept.read() == answers:
            return 0
    print("Ansible answers otherwise than arguments.json says", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
