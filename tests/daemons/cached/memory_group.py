# SPDX-License-Identifier: Apache-2.0
"""Control groups with a limit of memory, of whichever interface this machine has."""

import os
import pathlib
import time
import unittest

# Root of the groups, and what its files are called.
INTERFACES = (
    (pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.oom_control",
     "memory.max_usage_in_bytes"),
    (pathlib.Path("/sys/fs/cgroup"), "memory.max", "memory.events", "memory.peak"))
# A process of a group: its shell joins, and becomes the program.
JOIN = ("/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"')


def _interface():
    if os.geteuid() != 0:
        raise unittest.SkipTest("limiting memory needs root")
    for interface in INTERFACES:
        root = interface[0]
        controllers = root / "cgroup.subtree_control"
        if (root / interface[1]).exists() or (
                controllers.exists() and "memory" in controllers.read_text().split()):
            return interface
    raise unittest.SkipTest("no control groups for memory here")


class MemoryGroup:
    """A group below another, or of its own; it goes at the end of a test."""

    def __init__(self, case, name, limit=None, above=None):
        root, self._limit, self._events, self._peak = _interface()
        self.path = (above.path if above else root) / f"{name}-{os.getpid()}"
        self.path.mkdir()
        case.addCleanup(self._remove)
        if limit:
            (self.path / self._limit).write_text(str(limit))

    def share(self):
        """Groups below it are counted one by one."""
        control = self.path / "cgroup.subtree_control"
        if control.exists():
            control.write_text("+memory")

    def prefix(self):
        """What runs a command in the group."""
        return [*JOIN, str(self.path / "cgroup.procs")]

    def kills(self):
        """How often the kernel has killed in it."""
        for line in (self.path / self._events).read_text().splitlines():
            word, number = line.split()
            if word == "oom_kill":
                return int(number)
        raise AssertionError("the kernel does not say whom it has killed")

    def _remove(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.path.rmdir()
            except OSError:  # the last process is not gone yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
