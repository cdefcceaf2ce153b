#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks Ansible which hosts each pattern of patterns/cases selects.

A line of cases is PATTERN or PATTERN<tab>LIMIT. answers has the same lines, with a tab and the
hosts behind, or with "error".

    patterns.py --freeze    writes patterns/answers anew
    patterns.py --check     fails if Ansible no longer gives patterns/answers
"""

import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "patterns")


def ask(inventory, line):
    from ansible.errors import AnsibleError
    pattern, _, limit = line.partition("\t")
    try:
        inventory.clear_caches()
        inventory.subset(limit or None)
        hosts = [host.name for host in inventory.get_hosts(pattern)]
    except (AnsibleError, IndexError):
        return "%s\t%s\terror" % (pattern, limit)
    return "%s\t%s\t%s" % (pattern, limit, " ".join(hosts))


def answers():
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    os.chdir(HERE)
    inventory = InventoryManager(DataLoader(), sources=[os.path.join(HERE, "hosts.yaml")])
    with open("cases", encoding="utf-8") as cases:
        return [ask(inventory, line.rstrip("\n")) for line in cases if line.strip()]


def main(action):
    path = os.path.join(HERE, "answers")
    lines = "".join(line + "\n" for line in answers())
    if action == "--freeze":
        with open(path, "w", encoding="utf-8") as out:
            out.write(lines)
        return 0
    with open(path, encoding="utf-8") as frozen:
        good = frozen.read() == lines
    print("%d passed, %d failed" % (good, not good))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
