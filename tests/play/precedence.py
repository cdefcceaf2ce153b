#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which value of a variable wins: random placements over all levels, judged by both engines.

    precedence.py RUN_PLAYBOOK [SEED...]       ours against the frozen answers (default: all)
    precedence.py --live RUN_PLAYBOOK SEED...  ours against ansible-playbook, asked now
    precedence.py --ask SEED...                freezes ansible-playbook's answers

A seed makes a site: inventory, files beside it and beside the playbook, roles, and one playbook.
Each of VARIABLES names is set in some of PLACES, at random, to the name of the place. Probes at
several points of the play, bare and in a block with variables of its own, show on each host which
place has won, so that one run judges thousands of cases.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ANSWERS = pathlib.Path(__file__).resolve().with_suffix(".json")
VARIABLES = 150
HOSTS = ["h1", "h2"]

# Groups: `parent` has `child` and `other`; h1 is in both of these, h2 in `other`.
GROUPS = ["all", "parent", "child", "other"]
PLACES = [
    *[f"inventory {g}" for g in GROUPS],
    *[f"{where} group_vars {g}" for where in ("inventory", "playbook") for g in GROUPS],
    *[f"inventory host {h}" for h in HOSTS],
    *[f"{where} host_vars {h}" for where in ("inventory", "playbook") for h in HOSTS],
    "fact", "play vars", "vars_prompt", "vars_files", "vars_files 2",
    "defaults of dependency", "vars of dependency", "params of dependency",
    "defaults of role", "vars of role", "params of role",
    "block", "inner block", "task", "include_vars", "include_vars 2", "set_fact", "register",
    "include_tasks", "vars in apply", "include_role", "defaults of included", "vars of included",
    "import_tasks", "extra",
]


def placements(seed):
    """The places of each variable."""
    dice = random.Random(seed)
    return {f"v{i:03}": sorted(dice.sample(PLACES, dice.randint(1, 7)))
            for i in range(VARIABLES)}, [dice.randint(0, 3) for _ in GROUPS]


class Site:
    def __init__(self, directory, seed):
        self.directory = directory
        self.placed, self.priorities = placements(seed)

    def at(self, place):
        """The variables that are set at a place."""
        return {name: place for name, places in self.placed.items() if place in places}

    def write(self, path, data):
        """Files are JSON, which is YAML; a text is written as it is."""
        path = self.directory / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data if isinstance(data, str) else json.dumps(data, indent=1))

    def write_inventory(self):
        lines = []
        for host in HOSTS:
            pairs = " ".join(f"{k}='{v}'" for k, v in self.at(f"inventory host {host}").items())
            lines.append(f"{host} ansible_connection=local {pairs}")
        lines += ["[child]", "h1", "[other]", "h1", "h2", "[parent:children]", "child", "other"]
        for group, priority in zip(GROUPS, self.priorities):
            lines.append(f"[{group}:vars]")
            lines += [f"{k}={v}" for k, v in self.at(f"inventory {group}").items()]
            if group != "all":
                lines.append(f"ansible_group_priority={priority}")
        self.write("inventory/hosts", "\n".join(lines) + "\n")
        for where, folder in (("inventory", "inventory/"), ("playbook", "")):
            for group in GROUPS:
                self.write(f"{folder}group_vars/{group}.yml", self.at(f"{where} group_vars {group}"))
            for host in HOSTS:
                self.write(f"{folder}host_vars/{host}.yml", self.at(f"{where} host_vars {host}"))

    def probes(self, where):
        """Tasks that show who has won: bare, and with variables around them."""
        show = {"msg": [
            f"{{{{ 'register' if {v} | default('-') is mapping else {v} | default('-') }}}}"
            for v in self.placed]}
        return [
            {"name": f"{where} -> bare", "debug": show},
            {"vars": self.at("block"), "block": [
                {"name": f"{where} -> block", "debug": show},
                {"vars": self.at("inner block"), "block": [
                    {"name": f"{where} -> task", "debug": show, "vars": self.at("task")}]}]},
        ]

    def write_roles(self):
        for role, words in (("dependency", "dependency"), ("role", "role"),
                            ("included", "included")):
            self.write(f"roles/{role}/defaults/main.yml", self.at(f"defaults of {words}"))
            self.write(f"roles/{role}/vars/main.yml", self.at(f"vars of {words}"))
            self.write(f"roles/{role}/tasks/main.yml", self.probes(f"in {role}"))
        self.write("roles/role/meta/main.yml", {"dependencies": [
            {"role": "dependency", **self.at("params of dependency")}]})

    def setters(self):
        """Tasks that set variables for the rest of the play."""
        registers = [{"name": f"register {v}", "command": "true", "register": v}
                     for v in self.at("register")]
        facts = self.at("set_fact")
        return [
            {"name": "facts", "tell_facts": None},
            {"name": "include_vars", "include_vars": "include_vars.yml"},
            {"name": "set_fact", "set_fact": facts or {"nothing": 1}},
            {"name": "include_vars 2", "include_vars": "include_vars_2.yml"},
            *registers,
        ]

    def write_playbook(self):
        self.write("library/tell_facts", "#!/bin/sh\ncat <<'END'\n" + json.dumps(
            {"changed": False, "ansible_facts": self.at("fact")}) + "\nEND\n")
        self.write("vars_files.yml", self.at("vars_files"))
        self.write("vars_files_2.yml", self.at("vars_files 2"))
        self.write("include_vars.yml", self.at("include_vars"))
        self.write("include_vars_2.yml", self.at("include_vars 2"))
        self.write("extra.yml", self.at("extra"))
        self.write("included.yml", self.probes("included"))
        self.write("imported.yml", self.probes("imported"))
        self.write("applied.yml", self.probes("applied"))
        self.write("site.yml", [{
            "hosts": "all",
            "gather_facts": False,
            "vars": self.at("play vars"),
            "vars_prompt": [{"name": k, "prompt": k, "default": v, "private": False}
                            for k, v in self.at("vars_prompt").items()],
            "vars_files": ["vars_files.yml", "vars_files_2.yml"],
            "pre_tasks": [*self.probes("start"), *self.setters(), *self.probes("set")],
            "roles": [{"role": "role", **self.at("params of role")}],
            "tasks": [
                *self.probes("tasks"),
                {"include_tasks": "included.yml", "vars": self.at("include_tasks")},
                {"include_tasks": {"file": "applied.yml",
                                   "apply": {"vars": self.at("vars in apply")}}},
                {"include_role": {"name": "included"}, "vars": self.at("include_role")},
                {"import_tasks": "imported.yml", "vars": self.at("import_tasks")},
                *self.probes("end"),
            ],
        }])

    def make(self):
        self.write_inventory()
        self.write_roles()
        self.write_playbook()

    def run(self, command, **env):
        environment = {**os.environ, "HOME": str(self.directory), "LC_ALL": "C.UTF-8", **env}
        return subprocess.run(
            [*command, "-i", "inventory", "-e", "@extra.yml", "site.yml"], cwd=self.directory,
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=900, check=False)


def is_probe(name):
    return " -> " in name


def ask_ansible(site):
    done = site.run(["ansible-playbook"], ANSIBLE_STDOUT_CALLBACK="json",
                    ANSIBLE_DEPRECATION_WARNINGS="0", ANSIBLE_NOCOLOR="1")
    start = done.stdout.find("{\n")
    if done.returncode or start < 0:
        sys.exit(f"ansible-playbook: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    told = json.loads(done.stdout[start:])
    answers = {host: {} for host in HOSTS}
    for play in told["plays"]:
        for task in play["tasks"]:
            name = task["task"]["name"].split(" : ")[-1]
            for host, result in task["hosts"].items():
                if is_probe(name):
                    answers[host][name] = result["msg"]
    return answers


def ask_ours(site, program):
    done = site.run([program, "--json"])
    answers = {host: {} for host in HOSTS}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "task" and is_probe(event["task"]):
            answers[event["host"]][event["task"].split(" : ")[-1]] = event["result"].get("msg")
    if done.returncode:
        print(f"run-playbook: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return answers


def packed(answers):
    """Numbers of places instead of their names: -1 where nothing has won."""
    return {host: {probe: [PLACES.index(p) if p in PLACES else -1 for p in places or []]
                   for probe, places in probes.items()}
            for host, probes in answers.items()}


def compare(seed, ours, theirs):
    wrong = judged = 0
    for host in HOSTS:
        for probe in sorted(set(ours[host]) | set(theirs[host])):
            a, b = ours[host].get(probe), theirs[host].get(probe)
            if a is None or b is None or len(a) != len(b):
                print(f"seed {seed}: {host}, {probe}: seen by one of both only")
                wrong += 1
                continue
            judged += len(a)
            for i, (x, y) in enumerate(zip(a, b)):
                if x == y:
                    continue
                wrong += 1
                names = placements(seed)[0][f"v{i:03}"]
                print(f"seed {seed}: {host}, {probe}: of {names} ours has "
                      f"{PLACES[x] if x >= 0 else None}, ansible {PLACES[y] if y >= 0 else None}")
    print(f"seed {seed}: {judged} cases, {wrong} differ")
    return wrong + (judged == 0)


def judge(seed, program, live, frozen):
    with tempfile.TemporaryDirectory() as scratch:
        site = Site(pathlib.Path(scratch), seed)
        site.make()
        theirs = packed(ask_ansible(site)) if live else frozen[str(seed)]
        return compare(seed, packed(ask_ours(site, program)), theirs)


def freeze(seeds, frozen):
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch:
            site = Site(pathlib.Path(scratch), seed)
            site.make()
            frozen[str(seed)] = packed(ask_ansible(site))
    lines = [f' "{seed}": {json.dumps(frozen[seed], separators=(",", ":"))}'
             for seed in sorted(frozen, key=int)]
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    words = sys.argv[1:]
    mode = words.pop(0) if words and words[0].startswith("--") else ""
    frozen = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    if mode == "--ask":
        freeze([int(w) for w in words], frozen)
        return 0
    if mode not in ("", "--live") or not words:
        sys.exit(__doc__)
    program = os.path.abspath(words.pop(0))
    seeds = [int(w) for w in words] or [int(s) for s in frozen]
    return 1 if sum(judge(s, program, mode == "--live", frozen) for s in seeds) else 0


if __name__ == "__main__":
    sys.exit(main())
