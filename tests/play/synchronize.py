#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does with the module synchronize what rsync does with the same options, on this machine: what is
said of each file must be the same, and so must be what is there afterwards, times included.

    synchronize.py RUN_PLAYBOOK

Needs root and rsync: 77 without.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import yaml

# Arguments of the module, and the options of rsync that Ansible's module makes of them.
CASES = [
    ({}, ["-a"]),
    ({"delete": True}, ["-a", "--delete-after"]),
    ({"delete": True, "rsync_opts": ["--exclude=*.log"]},
     ["-a", "--delete-after", "--exclude=*.log"]),
    ({"rsync_opts": ["--exclude=/sub/deep", "--exclude=script.sh"]},
     ["-a", "--exclude=/sub/deep", "--exclude=script.sh"]),
    ({"rsync_opts": ["--include=b.txt", "--exclude=*.txt"]},
     ["-a", "--include=b.txt", "--exclude=*.txt"]),
    ({"checksum": True}, ["-a", "--checksum"]),
    ({"existing_only": True}, ["-a", "--existing"]),
    ({"perms": False}, ["-a", "--no-perms"]),
    ({"owner": False, "group": False}, ["-a", "--no-owner", "--no-group"]),
    ({"copy_links": True}, ["-a", "--copy-links"]),
    ({"rsync_opts": ["--ignore-existing"]}, ["-a", "--ignore-existing"]),
    ({"rsync_opts": ["--update"]}, ["-a", "--update"]),
    ({"rsync_opts": ["--omit-dir-times"]}, ["-a", "--omit-dir-times"]),
]
PLACES = ["fresh", "older"]


def write(path, text, mode, time):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    os.utime(path, (time, time))


def make_source(top):
    write(f"{top}/a.txt", "a\n", 0o640, 1600000001)
    write(f"{top}/script.sh", "#!/bin/sh\n", 0o755, 1600000002)
    write(f"{top}/kept.log", "log\n", 0o644, 1600000003)
    write(f"{top}/sub/b.txt", "b\n", 0o600, 1600000004)
    write(f"{top}/sub/deep/c.txt", "c\n", 0o644, 1600000005)
    os.makedirs(f"{top}/empty")
    os.symlink("a.txt", f"{top}/link")
    os.utime(f"{top}/link", (1600000006, 1600000006), follow_symlinks=False)
    os.chown(f"{top}/sub/b.txt", 1, 2)
    date_directories(top, 1600000007)


def make_older(top):
    """A place where some of it is, differently, and more besides."""
    write(f"{top}/a.txt", "other\n", 0o640, 1500000001)
    write(f"{top}/script.sh", "#!/bin/sh\n", 0o700, 1600000002)
    write(f"{top}/extra.txt", "extra\n", 0o644, 1500000003)
    write(f"{top}/extra.log", "extra\n", 0o644, 1500000003)
    write(f"{top}/sub/b.txt", "B\n", 0o600, 1600000004)
    write(f"{top}/more/deep/f", "f\n", 0o644, 1500000004)
    date_directories(top, 1500000005)


def date_directories(top, time):
    for path, _, _ in os.walk(top, topdown=False):
        os.utime(path, (time, time))


def picture(top, dated):
    """All that is there; times of directories only if these are dated."""
    seen = {}
    for path, directories, files in os.walk(top):
        for name in [".", *directories, *files]:
            full = os.path.join(path, name)
            st = os.lstat(full)
            entry = [oct(st.st_mode), st.st_uid, st.st_gid, int(st.st_mtime)]
            if not dated and os.path.isdir(full) and not os.path.islink(full):
                entry.pop()
            if os.path.islink(full):
                entry.append(os.readlink(full))
            elif os.path.isfile(full):
                with open(full, encoding="utf-8") as f:
                    entry.append(f.read())
            seen[os.path.normpath(os.path.relpath(full, top))] = entry
    return seen


def make_places(top, who):
    """A directory for each case and place; what rsync and we are to fill."""
    for i in range(len(CASES)):
        make_older(f"{top}/{who}/{i}/older")


def run_rsync(top):
    said = {}
    for i, (_, options) in enumerate(CASES):
        for place in PLACES:
            done = subprocess.run(
                ["rsync", "--delay-updates", *options, "--out-format=%i %n%L", f"{top}/source/",
                 f"{top}/theirs/{i}/{place}"], capture_output=True, text=True, check=True)
            said[f"{i} {place}"] = done.stdout.replace("/theirs/", "/ours/")
    return said


def run_ours(program, top):
    tasks = []
    for i, (arguments, _) in enumerate(CASES):
        for place in PLACES:
            tasks.append({"synchronize": {"src": f"{top}/source/", "dest": f"{top}/ours/{i}/{place}",
                                          **arguments}, "register": f"r_{i}_{place}"})
    results = {f"{i} {p}": f"{{{{ r_{i}_{p}.msg }}}}" for i in range(len(CASES)) for p in PLACES}
    tasks.append({"copy": {"dest": f"{top}/said.json", "content": "{{ results | to_json }}"}})
    play = [{"hosts": "all", "gather_facts": False, "tasks": tasks, "vars": {"results": results}}]
    with open(f"{top}/play.yml", "w", encoding="utf-8") as f:
        yaml.safe_dump(play, f, sort_keys=False)
    done = subprocess.run([program, "-i", "localhost,", "-e", "ansible_connection=local",
                           f"{top}/play.yml"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    with open(f"{top}/said.json", encoding="utf-8") as f:
        return json.load(f)


def compare(program, top):
    make_source(f"{top}/source")
    for who in ("ours", "theirs"):
        make_places(top, who)
    theirs = run_rsync(top)
    ours = run_ours(program, top)
    failures = 0
    for key, said in theirs.items():
        i, place = key.split()
        dated = "--omit-dir-times" not in CASES[int(i)][1]
        trees = [picture(f"{top}/{who}/{i}/{place}", dated) for who in ("ours", "theirs")]
        if ours[key] == said and trees[0] == trees[1]:
            continue
        failures += 1
        print(f"{CASES[int(i)][0]}, {place}:\n{ours[key]}rsync:\n{said}")
        for name in sorted(set(trees[0]) | set(trees[1])):
            if trees[0].get(name) != trees[1].get(name):
                print(f"  {name}: {trees[0].get(name)}; rsync {trees[1].get(name)}")
    print(f"{len(theirs)} transfers: {failures} differences")
    return 1 if failures else 0


def main():
    if os.geteuid() != 0 or not shutil.which("rsync"):
        print("not root, or no rsync")
        return 77
    top = tempfile.mkdtemp(prefix="synchronize.")
    os.umask(0o022)
    try:
        return compare(os.path.abspath(sys.argv[1]), top)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
