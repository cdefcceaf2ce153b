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
import tempfile

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


def split(command):
    """The assignments in front of a command, and its arguments."""
    words = shlex.split(command)
    count = 0
    while "=" in words[count] and not words[count].startswith("-"):
        count += 1
    return words[:count], words[count:]


def execute(program, case, assignments, arguments):
    done = subprocess.run(
        program + arguments, cwd=os.path.join(CORPUS, case), timeout=TIMEOUT,
        env=environment(assignments), stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", check=False)
    return done.returncode, done.stdout, done.stderr


def run(program, case, command):
    """Runs one line of a case; its answer as it is frozen."""
    code, output, complaint = execute(program, case, *split(command))
    return answer_of(command, code, output), complaint


def answer_of(command, code, output):
    answer = {"command": command, "failed": code != 0}
    if code == 0:
        try:
            answer["json"] = json.loads(output)
        except ValueError:
            answer["text"] = output.splitlines()
    return answer


def load_oracle():
    """Ansible's command as a function: loading it takes longer than most of its answers."""
    small = environment([])
    os.environ.clear()
    os.environ.update(small)
    os.chdir("/")
    from ansible.cli.inventory import InventoryCLI
    return InventoryCLI.cli_executor


def fork_oracle(oracle, case, arguments):
    """Runs the loaded command in a child, so that each line finds it fresh."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.chdir(os.path.join(CORPUS, case))
                os.dup2(output.fileno(), 1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                oracle([ORACLE] + arguments)
                code = 0
            except SystemExit as end:
                code = end.code or 0
            finally:
                sys.stdout.flush()
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return status, output.read().decode("utf-8")


def ask_oracle(case, oracle=None):
    """Ansible's answers. Its settings are read when it is loaded: lines with any run apart."""
    answers = []
    for command in read_commands(case):
        assignments, arguments = split(command)
        has_file = os.path.exists(os.path.join(CORPUS, case, "ansible.cfg"))
        if oracle is None or assignments or has_file:
            code, output, _ = execute([ORACLE], case, assignments, arguments)
        else:
            code, output = fork_oracle(oracle, case, arguments)
        answers.append(answer_of(command, code, output))
    return answers


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


def compare(program, case, oracle):
    with open(answers_path(case), encoding="utf-8") as frozen:
        wanted = json.load(frozen)
    if [answer["command"] for answer in wanted] != list(read_commands(case)):
        sys.exit("%s: answers.json does not answer the commands; freeze it" % case)
    if oracle and not same(ask_oracle(case, oracle), wanted):
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
    program, oracle = os.path.abspath(arguments[0]), None
    if shutil.which(ORACLE) and not os.environ.get("CORPUS_FROZEN"):
        try:
            oracle = load_oracle()
        except ImportError:  # installed for another Python
            pass
    passed = failed = 0
    for case in cases:
        good, bad = compare(program, case, oracle)
        passed, failed = passed + good, failed + bad
    print("%s: %s" % (ORACLE, "asked again" if oracle else "frozen answers only"))
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
