#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random trees, random options and all ways between two ends: what synchronize says of each file
and leaves behind is what rsync says and leaves.

    synchronize_random.py RUN_PLAYBOOK [SEED [COUNT]]

Needs root and rsync: 77 without.
"""
import difflib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tempfile

import yaml

# Arguments and the options that Ansible's module makes of them; each is taken or not.
CHOICES = [
    ({"delete": True}, ["--delete-after"]),
    ({"checksum": True}, ["--checksum"]),
    ({"existing_only": True}, ["--existing"]),
    ({"copy_links": True}, ["--copy-links"]),
    ({"perms": False}, ["--no-perms"]),
    ({"times": False}, ["--no-times"]),
    ({"owner": False, "group": False}, ["--no-owner", "--no-group"]),
    ({"links": False}, ["--no-links"]),
    ("--exclude=*.b", ["--exclude=*.b"]),
    ("--exclude=/d0/", ["--exclude=/d0/"]),
    ("--include=*.a", ["--include=*.a"]),
    ("--ignore-existing", ["--ignore-existing"]),
    ("--update", ["--update"]),
    ("--omit-dir-times", ["--omit-dir-times"]),
    ("--size-only", []),
    ("--ignore-times", []),
    ("--max-size=30k", []),
    ("--min-size=1", []),
    ("--chmod=D0750,Fu=rwX,Fgo-w", []),
    ("--chmod=a+X,go=rX", []),
    ("--chown=daemon:sys", []),
    ("--chown=:7", []),
    ("--numeric-ids", []),
    ("--prune-empty-dirs", []),
    ("--filter=- /d1/***", []),
    ("--filter=+ f0.*", []),
    ("-rt", []),
]
# How the ends are reached: keywords of the task, and what a transferred file's line begins with.
WAYS = {
    "local": ({}, {}, ">"),
    "itself": ({"delegate_to": "a"}, {}, ">"),
    "push": ({"delegate_to": "b"}, {}, "<"),
    "pull": ({"delegate_to": "b"}, {"mode": "pull"}, ">"),
}
INVENTORY = "a ansible_connection=local\nb ansible_connection=local\n"


def large(r):
    """What a delta may be made of: mostly the same, at other places."""
    text = "".join(f"line {i}\n" for i in range(40000))
    at = r.randrange(len(text))
    return text[:at] + "changed" * r.randrange(3) + text[at:]


def make_tree(r, top, depth=0):
    os.makedirs(top, exist_ok=True)
    for i in range(r.randrange(4)):
        make_node(r, f"{top}/f{i}.{r.choice('ab')}")
    for i in range(r.randrange(3) if depth < 2 else 0):
        make_tree(r, f"{top}/d{i}", depth + 1)
    # Something is now and then a file here and a directory there.
    if r.random() < 0.2:
        make_node(r, f"{top}/d2")
    elif r.random() < 0.2:
        make_tree(r, f"{top}/d2", 3)


def make_node(r, path):
    kind = r.random()
    if kind < 0.12:
        os.symlink(r.choice(["f0.a", "f1.b", "nowhere", "/etc"]), path)
    elif kind < 0.17:
        os.mkfifo(path)
    elif kind < 0.2:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, r.choice([3, 5])))
    else:
        with open(path, "w", encoding="utf-8") as f:
            f.write(r.choice(["one\n", "two\n", "longer\n", "x" * 40000, "", large(r)]))
    if not os.path.islink(path):
        os.chmod(path, r.choice([0o644, 0o600, 0o755, 0o4711]))
    os.chown(path, r.choice([0, 1]), r.choice([0, 2]), follow_symlinks=False)
    if not os.path.islink(path) or r.random() < 2:
        when = r.choice([1500000000, 1600000000, 1600000000.5])
        os.utime(path, (when, when), follow_symlinks=False)


def date_directories(r, top):
    for path, _, _ in os.walk(top, topdown=False):
        when = r.choice([1500000000, 1600000000])
        os.chmod(path, r.choice([0o755, 0o700]))
        os.utime(path, (when, when))


def picture(top, dated):
    seen = {}
    for path, directories, files in os.walk(top):
        for name in [".", *directories, *files]:
            full = os.path.join(path, name)
            st = os.lstat(full)
            entry = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev]
            if dated or stat.S_ISREG(st.st_mode):
                # What was changed by the test itself has no time that could be compared.
                entry.append(min(int(st.st_mtime), 1700000000))
            if stat.S_ISLNK(st.st_mode):
                entry.append(os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, encoding="utf-8") as f:
                    entry.append(f.read())
            seen[os.path.normpath(os.path.relpath(full, top))] = entry
    return seen


def make_case(r, top):
    """Source, and the place as both find it; the arguments and rsync's options."""
    make_tree(r, f"{top}/source")
    date_directories(r, f"{top}/source")
    if r.random() < 0.8:
        make_tree(r, f"{top}/theirs")
        date_directories(r, f"{top}/theirs")
        subprocess.run(["cp", "-a", f"{top}/theirs", f"{top}/ours"], check=True)
    arguments, options, words = {}, ["-a"], []
    for said, option in r.sample(CHOICES, r.randrange(4)):
        if isinstance(said, dict):
            arguments.update(said)
            options.extend(option)
        else:
            words.append(said)
    return {"arguments": {**arguments, **({"rsync_opts": words} if words else {})},
            "options": options + words, "way": r.choice(sorted(WAYS)),
            "slash": r.choice(["/", ""])}


def run_rsync(case, top):
    done = subprocess.run(
        ["rsync", "--delay-updates", "-F", *case["options"], "--out-format=%i %n%L",
         f"{top}/source{case['slash']}", f"{top}/theirs"],
        capture_output=True, text=True, check=False)
    case["failed"] = done.returncode != 0
    begin = WAYS[case["way"]][2]
    lines = done.stdout.replace(f"{top}/theirs", f"{top}/ours").split("\n")
    case["said"] = "\n".join(begin + x[1:] if x.startswith(">") else x for x in lines)


def run_ours(program, cases, top):
    tasks = []
    for i, case in enumerate(cases):
        keywords, arguments, _ = WAYS[case["way"]]
        tasks.append({"synchronize": {"src": f"{top}/{i}/source{case['slash']}",
                                      "dest": f"{top}/{i}/ours", **case["arguments"], **arguments},
                      "register": f"r_{i}", "ignore_errors": True, **keywords})
    results = {i: f"{{{{ r_{i} }}}}" for i in range(len(cases))}
    tasks.append({"copy": {"dest": f"{top}/said.json", "content": "{{ results | to_json }}"}})
    play = [{"hosts": "a", "gather_facts": False, "tasks": tasks, "vars": {"results": results}}]
    for name, text in [("play.yml", yaml.safe_dump(play, sort_keys=False)), ("hosts", INVENTORY)]:
        with open(f"{top}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
    done = subprocess.run([program, "-i", f"{top}/hosts", f"{top}/play.yml"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    with open(f"{top}/said.json", encoding="utf-8") as f:
        return json.load(f)


def parts(said):
    """rsync's processes tell what is removed and what is skipped beside the rest."""
    beside = ("*deleting", "skipping ")
    lines = said.split("\n")
    return [[x for x in lines if not x.startswith(beside)],
            *([x for x in lines if x.startswith(word)] for word in beside)]


def compare(program, seed, count, top):
    r = random.Random(seed)
    cases = []
    for i in range(count):
        os.makedirs(f"{top}/{i}")
        cases.append(make_case(r, f"{top}/{i}"))
        run_rsync(cases[-1], f"{top}/{i}")
    ours = run_ours(program, cases, top)
    failures = compared = 0
    for i, case in enumerate(cases):
        result = ours[str(i)]
        # What rsync goes on after, and complains of at the end, has no result to compare.
        if case["failed"]:
            continue
        compared += 1
        dated = not {"--omit-dir-times", "--no-times"} & set(case["options"])
        trees = [picture(f"{top}/{i}/{who}", dated) for who in ("ours", "theirs")]
        if parts(result["msg"]) == parts(case["said"]) and trees[0] == trees[1]:
            continue
        failures += 1
        print(f"case {i}: {case['way']}, {case['arguments']}, {case['slash']}")
        said = [text.split("\n") for text in (result["msg"], case["said"])]
        print("\n".join(difflib.unified_diff(*said, "ours", "rsync", lineterm="", n=1)))
        for name in sorted(set(trees[0]) | set(trees[1])):
            if trees[0].get(name) != trees[1].get(name):
                print(f"  {name}: {trees[0].get(name)}; rsync {trees[1].get(name)}"[:200])
    print(f"seed {seed}: {compared} of {count} transfers compared, {failures} differences")
    return 1 if failures or compared < count // 2 else 0


def main():
    if os.geteuid() != 0 or not shutil.which("rsync"):
        print("not root, or no rsync")
        return 77
    numbers = [int(n) for n in sys.argv[2:4]]
    top = tempfile.mkdtemp(prefix="synchronize.")
    os.umask(0o022)
    try:
        return compare(os.path.abspath(sys.argv[1]), *(numbers + [1, 40][len(numbers):]), top)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
