#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the tasks of modules/TOPIC.yaml in four runs: --check on a fresh host, then twice in
earnest, then --check again, all with --diff. What is registered must be what ansible-playbook
(2.14) registers, and so must be what lies on the disk afterwards.

    modules.py --ask TOPIC            asks ansible-playbook and keeps its answers (minutes)
    modules.py RUN_PLAYBOOK TOPIC     compares our program with them

Both need root, because owners are among what is compared: 77 without. Here the host is this
machine, in a directory of the test's own; tests/system/test_modules.py does the same with topics
that need a whole host, modules/host/TOPIC.yaml.

A topic is a list of cases, or a mapping that has it as `cases` and, as `filesystem`, the kind of file
system that it is about. A case is a task as a playbook has it, and beside it what the test says of it: `_ours`, keys of
the result that differ with reason, `_check`, true where only the runs in earnest are compared,
`_disk`, paths that are not compared.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "modules")
SERVER = os.path.join(HERE, "..", "http", "server.py")
RUNS = [("check", ["--check", "--diff"]), ("first", ["--diff"]), ("second", ["--diff"]),
        ("check again", ["--check", "--diff"])]

# Keys that differ from run to run, that tell of Ansible's own files, or that we do not have.
VOLATILE = {"start", "end", "delta", "atime", "mtime", "ctime", "inode", "exception", "invocation",
            "after_header", "date", "server", "elapsed", "md5sum", "_ansible_verbose_always",
            "ansible_facts_cacheable", "mimetype", "charset", "version", "attributes",
            "attr_flags", "block_size", "blocks", "device_type", "accept", "accept-encoding",
            "connection", "dev", "ansible_job_id", "results_file", "erased", "child_pid"}
# What a directory has of these depends on the file system and on what is installed in it.
DIRECTORY_VOLATILE = {"nlink", "size"}
# What is compared of a unit's properties, which are hundreds.
UNIT_KEYS = {"Id", "LoadState", "ActiveState", "SubState", "UnitFileState"}
FILES = {
    "templates/plain.j2": "answer {{ 42 }}\n{{ some.list }} {{ some.text }}\n",
    "templates/square.j2": "[% if true %]\n[[ some.text ]] {{ kept }}\n[% endif %]\n",
    "templates/blocks.j2": "a\n   {% if true %}\nb\n   {% endif %}\nc\n",
    "templates/including.j2": "before\n{% include 'plain.j2' %}\nafter\n",
    "templates/about.j2": "{{ ansible_managed }} {{ template_path }} {{ template_host }}\n"
                          "{{ template_uid }} {{ template_fullpath | basename }}\n"
                          "{{ template_mtime }} {{ template_mtime.year }}\n",
    "templates/undefined.j2": "ok\n{{ nowhere }}\n",
    "templates/large.j2": "{% for i in range(3000) %}line {{ i }}\n{% endfor %}",
    "files/file.txt": "a file\n",
    "files/binary.dat": "a\0b\n",
    "files/tree/a.txt": "a\n",
    "files/tree/sub/b.txt": "b\n",
    "files/tree/sub/deep/c.txt": "c\n",
    "files/tree/script.sh": "#!/bin/sh\n",
}

# The hash of a password that was made with its host's image, by a salt of its own.
IMAGE_PASSWORD = re.compile(r"(\bcareful:)\$y\$[^:]*")


def tasks_of(case):
    return {k: v for k, v in case.items() if not k.startswith("_")}


def make_site(top, cases, with_server):
    for name, text in FILES.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.utime(path, (1700000000, 1700000000))
    os.makedirs(os.path.join(top, "files", "tree", "empty"), exist_ok=True)
    os.symlink("a.txt", os.path.join(top, "files", "tree", "link"))
    tasks = []
    for i, case in enumerate(cases):
        tasks.append({**tasks_of(case), "register": f"r_{i:03}", "ignore_errors": True})
    tasks.append({"copy": {"dest": "{{ out }}", "content": "{{ dump | to_json }}"},
                  "check_mode": False, "diff": False, "delegate_to": "localhost",
                  "vars": {"ansible_connection": "local"}})
    play = {
        "hosts": "all", "gather_facts": False, "tasks": tasks,
        "vars": {
            "root": os.geteuid() == 0,
            "some": {"list": ["a", "b"], "text": "xyz"},
            "web": with_server,
            "dump": "{{ dict(query('varnames', '^r_[0-9]+$') | "
                    "zip(query('vars', *query('varnames', '^r_[0-9]+$')))) }}",
        },
    }
    path = os.path.join(top, "play.yml")
    with open(path, "w", encoding="utf-8") as f:
        yaml.safe_dump([play], f, sort_keys=False, width=1000)
    return path


def make_directory(d):
    os.makedirs(d)
    for name, text in (("existing.txt", "existing\n"), ("target.txt", "target\n")):
        with open(os.path.join(d, name), "w", encoding="utf-8") as f:
            f.write(text)
    os.symlink("target.txt", os.path.join(d, "link.txt"))
    os.symlink("target.txt", os.path.join(d, "followed.txt"))


HERE_ITSELF = ("-i", "localhost,", "-e", "ansible_connection=local")


def run(command, playbook, d, out, options, target=HERE_ITSELF):
    """The results of a playbook of make_site's, by the names they are registered under."""
    environment = dict(os.environ, ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_NOCOLOR="1",
                       ANSIBLE_INVENTORY_UNPARSED_WARNING="False", LC_ALL="C.UTF-8", TZ="UTC",
                       ANSIBLE_CONFIG="/nowhere.cfg", ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
                       ANSIBLE_LIBRARY=os.path.join(MODULES, "library"),
                       ANSIBLE_MODULE_UTILS=os.path.join(MODULES, "module_utils"))
    done = subprocess.run(
        [command, *target, "-e", f"d={d}", "-e", f"out={out}", *options, playbook],
        cwd=os.path.dirname(playbook), env=environment, capture_output=True, text=True,
        timeout=600, check=False)
    if not os.path.exists(out):
        sys.exit(f"{command}: no result\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    with open(out, encoding="utf-8") as f:
        results = json.load(f)
    os.unlink(out)
    return results


def normal(value, names):
    """A result without what changes from run to run; `names` are texts and what they become."""
    if isinstance(value, dict):
        if "ActiveState" in value:
            return {k: v for k, v in value.items() if k in UNIT_KEYS}
        drop = VOLATILE | DIRECTORY_VOLATILE if value.get("isdir") else VOLATILE
        return {normal(k, names): normal(v, names) for k, v in value.items() if k not in drop}
    if isinstance(value, list):
        return [normal(v, names) for v in value]
    if isinstance(value, str):
        for text, name in names.items():
            value = value.replace(text, name)
        value = re.sub(r"\.[0-9]+\.[0-9-]+@[0-9:]+~", ".BACKUP~", value)
        return IMAGE_PASSWORD.sub(r"\1SALTED", value)
    return value


def picture(d):
    """What lies in a directory: kind, permissions, owner and content of everything."""
    seen = {}
    for top, directories, files in os.walk(d):
        for name in directories + files:
            path = os.path.join(top, name)
            st = os.lstat(path)
            entry = [oct(st.st_mode), st.st_uid, st.st_gid]
            if os.path.islink(path):
                entry.append(os.readlink(path))
            elif os.path.isfile(path):
                with open(path, encoding="latin-1", newline="") as f:
                    text = f.read()
                entry.append(text if len(text) < 1000 else zlib.crc32(text.encode()))
            seen[os.path.relpath(path, d)] = entry
    return seen


# Of files that are copied, Ansible tells its temporary name; of ours, where they come from.
OURS_ELSEWHERE = {"template": {"src"}, "copy": {"src"}, "get_url": {"src"}}


def compare(case, ours, theirs, checking):
    """What differs between two results, as lines."""
    module = next(iter(case))
    if checking and case.get("_check"):
        return []
    skip = set(case.get("_ours", [])) | OURS_ELSEWHERE.get(module, set())
    if theirs.get("skipped"):
        skip.add("msg")  # Ansible names some modules "ansible.legacy.NAME"
    lines = []
    for key in sorted(set(theirs) - skip):
        if key not in ours:
            lines.append(f"  {key}: missing; Ansible has {theirs[key]!r}")
        elif ours[key] != theirs[key]:
            lines.append(f"  {key}: {ours[key]!r}; Ansible has {theirs[key]!r}")
    # In check mode we know more of what would be.
    allowed = {"path", "dest", "checksum", "size", "state", "owner", "group", "uid", "gid", "mode",
               "msg"} if checking or ours.get("failed") else set()
    for key in sorted(set(ours) - set(theirs) - skip - allowed):
        lines.append(f"  {key}: {ours[key]!r}; Ansible has none")
    return lines


def start_server():
    server = subprocess.Popen(["/usr/bin/python3", SERVER], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    return server, f"http://127.0.0.1:{server.stdout.readline().strip()}"


def do_runs(command, cases):
    """What a program says and leaves behind, run by run."""
    server, web = start_server()
    top = tempfile.mkdtemp(prefix="modules.")
    d = os.path.join(top, "d")
    names = {d: "@", web: "WEB", web.removeprefix("http://"): "WEB", top: "TOP",
             os.uname().nodename: "HOST"}
    answers = {}
    try:
        playbook = make_site(os.path.join(top, "site"), cases, web)
        make_directory(d)
        for label, options in RUNS:
            said = run(command, playbook, d, os.path.join(top, "out"), options)
            answers[label] = {"results": normal(said, names), "disk": normal(picture(d), names)}
    finally:
        server.stdin.close()
        server.wait()
        shutil.rmtree(top)
    return answers


def report(cases, ours, theirs):
    failures = 0
    for label, _ in RUNS:
        for i, case in enumerate(cases):
            results = [who[label]["results"].get(f"r_{i:03}", {}) for who in (ours, theirs)]
            lines = compare(case, *results, "check" in label)
            if lines:
                failures += 1
                print(f"{label}: {json.dumps(case)}", *lines, sep="\n")
        disks = [who[label]["disk"] for who in (ours, theirs)]
        excused = {path for case in cases for path in case.get("_disk", [])}
        for path in sorted((set(disks[0]) | set(disks[1])) - excused):
            if disks[0].get(path) != disks[1].get(path):
                failures += 1
                print(f"{label}: {path}: {disks[0].get(path)}; Ansible {disks[1].get(path)}")
    print(f"{len(cases)} tasks, {len(RUNS)} runs: {failures} differences")
    return 1 if failures else 0


def read_cases(name):
    """The cases of a topic: a list, or a mapping that has them under `cases`."""
    with open(os.path.join(MODULES, f"{name}.yaml"), encoding="utf-8") as f:
        topic = yaml.safe_load(f)
    return topic if isinstance(topic, dict) else {"cases": topic}


def keep(name, cases, answers):
    """Writes answers down, without those that are not compared."""
    for answer in answers.values():
        for i, case in enumerate(cases):
            for key in case.get("_ours", []):
                answer["results"].get(f"r_{i:03}", {}).pop(key, None)
    with open(os.path.join(MODULES, f"{name}.json"), "w", encoding="utf-8") as f:
        json.dump({"cases": cases, "answers": answers}, f, indent=1, sort_keys=True)
        f.write("\n")


def kept_answers(name, cases):
    with open(os.path.join(MODULES, f"{name}.json"), encoding="utf-8") as f:
        kept = json.load(f)
    if [tasks_of(c) for c in kept["cases"]] != [tasks_of(c) for c in cases]:
        sys.exit(f"{name}.yaml has changed: Ansible has to be asked again")
    return normal(kept["answers"], {})


def filesystem():
    """The kind of file system that tests work in, as stat(1) calls it."""
    return subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], check=True,
                          capture_output=True, text=True).stdout.strip()


def main():
    if os.geteuid() != 0:
        print("not root")
        return 77
    program, name = sys.argv[1:]
    topic = read_cases(name)
    cases = topic["cases"]
    if topic.get("filesystem") not in (None, filesystem()):
        print(f"this is about {topic['filesystem']}, and {tempfile.gettempdir()} is {filesystem()}")
        return 77
    if program == "--ask":
        keep(name, cases, do_runs("ansible-playbook", cases))
        return 0
    kept = kept_answers(name, cases)
    return report(cases, do_runs(os.path.abspath(program), cases), kept)


if __name__ == "__main__":
    sys.exit(main())
