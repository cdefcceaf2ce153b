# SPDX-License-Identifier: Apache-2.0
"""A play with a transaction that fails at its end, and the host's picture before and after it."""

import inspect
import json
import re

from .deploy import ROLLED_BACK
from .playbook import PlaybookCase


def picture(roots):
    """All that lies below directories: {path: what matters of it}."""
    import hashlib
    import os
    import stat
    seen = {}
    for root in roots:
        for top, directories, files in os.walk(root):
            directories[:] = [d for d in directories if d not in (".cache", ".ansible")]
            for name in directories + files:
                path = os.path.join(top, name)
                st = os.lstat(path)
                entry = [oct(st.st_mode), st.st_uid, st.st_gid]
                if stat.S_ISLNK(st.st_mode):
                    entry.append(os.readlink(path))
                elif stat.S_ISREG(st.st_mode):
                    with open(path, "rb") as file:
                        entry += [st.st_mtime_ns, hashlib.sha256(file.read()).hexdigest()]
                seen[path] = entry
    return seen


PICTURE = ("import json, sys\n" + inspect.getsource(picture)
           + "print(json.dumps(picture(sys.argv[1:])))\n")


class UndoCase(PlaybookCase):
    """One booted host. The picture has all below `roots` and the states of `units`."""

    roots = ("/boot", "/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var/lib/dpkg",
             "/var/spool")
    units = ()

    def picture(self):
        text = self.host.run("python3", "-", *self.roots, stdin=PICTURE.encode()).stdout
        seen = json.loads(text)
        for unit in self.units:
            seen[unit] = self.host.shell(
                f"systemctl show -p ActiveState,UnitFileState {unit}").split()
        return seen

    def failing(self, tasks):
        """Runs tasks, of which each changes something, and one that fails behind them."""
        run = self.run_play(*tasks, {"fail": {"msg": "after all"}}, transaction=True)
        self.assertEqual(run.code, ROLLED_BACK, run)
        outcomes = [event["outcome"] for event in run.events if event["event"] == "task"]
        self.assertEqual(outcomes, ["changed"] * len(tasks) + ["failed"], run)
        return run

    def differences(self, before, but=None):
        """What is not as it was, but for paths that begin like a pattern."""
        after = self.picture()
        return {path: (before.get(path), after.get(path)) for path in before.keys() | after.keys()
                if before.get(path) != after.get(path) and not (but and re.match(but, path))}

    def not_taken_back(self, run):
        """What the report names as not taken back."""
        return [event["text"] for event in run.events
                if event["event"] == "warning" and "not taken back" in event["text"]]
