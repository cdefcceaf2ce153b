#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes where ansible-core 2.14 (Debian 12's) answers otherwise than the frozen 2.19.

Run it with the Python that has 2.14, after freeze.py; it reads the *.json that freeze.py wrote
and writes older-ansible.txt: one template a line group, with both answers. It documents the
differences; no test depends on it.
"""
import copy
import json
import pathlib
import re

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

HERE = pathlib.Path(__file__).parent


def by_ansible(template, variables):
    templar = Templar(loader=DataLoader(), variables=copy.deepcopy(variables))
    try:
        return "value", json.loads(json.dumps(templar.template(template)))
    except AnsibleUndefinedVariable:
        return "undefined", None
    except AnsibleError as error:
        return "syntax" if "template error" in str(error) else "runtime", None
    except Exception:
        return "runtime", None


def main():
    lines = []
    for path in sorted(HERE.glob("*.json")):
        frozen = json.loads(path.read_text(encoding="utf-8"))
        for case in frozen.get("ansible", []):
            kind, result = by_ansible(case[0], frozen["vars"])
            new = (case[1], case[2] if case[1] == "value" else None)
            if (kind, result) != new and not (kind != "value" and new[0] != "value"):
                result = re.sub("0x[0-9a-f]{6,}", "0x...", json.dumps((kind, result)))
                lines.append(f"{case[0]!r}\n  2.19 {json.dumps(new)}\n"
                             f"  2.14 {result}\n")
    (HERE / "older-ansible.txt").write_text("".join(lines), encoding="utf-8")


main()
