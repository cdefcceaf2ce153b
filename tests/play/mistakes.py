#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mistakes that everybody makes (mistakes.yaml), and what is said of them: by us, with place, cause
and remedy, and by ansible-playbook (2.14), whose exit codes are ours where nothing else is said.

    mistakes.py RUN_PLAYBOOK    compares our program's answers with what is expected
    mistakes.py --ask           asks ansible-playbook and keeps its answers in mistakes.json
    mistakes.py --check         asks it again, and fails when an answer differs
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "mistakes.yaml")
ANSWERS = os.path.join(HERE, "mistakes.json")
# What a case has beside files of its site.
SETTINGS = {"tasks", "options", "inventory", "playbook", "code", "says"}
INVENTORY = "web ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"
PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n"
# "secret: 42", by a password that no case has.
VAULT = """$ANSIBLE_VAULT;1.1;AES256
31303537316539346334623731623766393132643834373330633634373631626536646161396437
6632316531393137316462373336336530656137326565340a323938353335346362646662636463
33336463303838353264353034316131376136626437666165393836343663353730373432663165
3933363364376562640a333538626139376530623132333932643266313964353636343762383633
3365
"""
SECONDS = 300


def files_of(case):
    """{path: text} of a case's site."""
    files = {"hosts": INVENTORY}
    files.update({path: text for path, text in case.items() if path not in SETTINGS})
    if "tasks" in case:
        files["site.yml"] = PLAY + re.sub("^(?=.)", "    ", case["tasks"], flags=re.M)
    return {path: VAULT if text == "VAULT" else text for path, text in files.items()}


def make_site(top, case):
    for path, text in files_of(case).items():
        full = os.path.join(top, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


def answer(program, case):
    """(exit code, what was printed) of a program in a case's site, which it calls TOP."""
    with tempfile.TemporaryDirectory(prefix="mistakes.") as top:
        top = os.path.realpath(top)
        make_site(top, case)
        environment = {"PATH": os.environ["PATH"], "HOME": top, "LC_ALL": "C.UTF-8",
                       "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}
        environment.update({name: value for name, value in os.environ.items()
                            if name.endswith("SAN_OPTIONS")})
        done = subprocess.run(
            [program, "-i", case.get("inventory", "hosts"), *case.get("options", []),
             case.get("playbook", "site.yml")],
            cwd=top, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", timeout=SECONDS,
            check=False)
        return done.returncode, done.stdout.replace(top, "TOP")


def essence(text):
    """The words that matter in what Ansible says: an error, a message, or a warning."""
    for pattern in (r"loading YAML\.\s+(.*)", r"ERROR\]?[!:] (.*)",
                    r'"(?:msg|reason)": "((?:[^"\\]|\\[^n])*)', r"\[WARNING\]: ((?:.+\n)+)"):
        found = re.search(pattern, text)
        if found:
            place = re.search(r"line \d+, column \d+", text)
            words = re.sub(r"\s+", " ", found[1]).strip()[:200]
            return f"{place[0]}: {words}" if place else words
    return ""


def ask(cases):
    answers = {}
    for name, case in cases.items():
        code, text = answer("ansible-playbook", case)
        answers[name] = {"code": code, "says": essence(text)}
    return answers


def complaints(case, kept, program):
    """What is not as it should be in our answer to a case."""
    code, text = answer(program, case)
    wanted = case.get("code", kept["code"])
    missing = [said for said in case.get("says", []) if said not in text]
    if code == wanted and not missing and "Sanitizer" not in text:
        return ""
    return f"exit code {code}, expected {wanted}; not said: {missing}\n{text}"


def compare(cases, kept, program):
    bad = 0
    for name, case in cases.items():
        text = complaints(case, kept[name], program)
        bad += text != ""
        print(f"{name}: {text or 'as expected'}")
    return bad


def main():
    with open(CASES, encoding="utf-8") as file:
        cases = yaml.safe_load(file)
    if sys.argv[1] == "--ask":
        with open(ANSWERS, "w", encoding="utf-8") as file:
            json.dump(ask(cases), file, indent=1, ensure_ascii=False)
            file.write("\n")
        return 0
    with open(ANSWERS, encoding="utf-8") as file:
        kept = json.load(file)
    if sys.argv[1] != "--check":
        return 1 if compare(cases, kept, sys.argv[1]) else 0
    differing = {name: said for name, said in ask(cases).items() if said != kept.get(name)}
    print(json.dumps(differing, indent=1))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
