# SPDX-License-Identifier: Apache-2.0
"""A cgroup for each booted host, made in every hierarchy that this machine has.

systemd inside a host manages the cgroup it is started in. Two hosts in one cgroup would remove
each other's, and units then fail at random with 219/CGROUP.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

PARENT = "modelfleet"


def hierarchies():
    """The mount points of all cgroup hierarchies, of version 1 and 2."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            fields, _, kind = line.partition(" - ")
            if kind.split()[0] in ("cgroup", "cgroup2"):
                found.append(Path(fields.split()[4]))
    return found


def create(name):
    """Makes cgroup `name` everywhere; returns the cgroup.procs files that a host must join."""
    files = []
    for hierarchy in hierarchies():
        group = hierarchy / PARENT / name
        group.mkdir(parents=True, exist_ok=True)
        if (group / "cpuset.cpus").exists():
            _inherit_cpuset(hierarchy, group)
        files.append(group / "cgroup.procs")
    return files


def _inherit_cpuset(hierarchy, group):
    """A version 1 cpuset takes no process before it has CPUs and memory nodes."""
    for directory in (group.parent, group):
        for setting in ("cpuset.cpus", "cpuset.mems"):
            value = (hierarchy / setting).read_text().strip()
            if value and not (directory / setting).read_text().strip():
                (directory / setting).write_text(value)


def remove(name):
    """Removes cgroup `name` and all below it, after killing what is still in there."""
    for hierarchy in hierarchies():
        group = hierarchy / PARENT / name
        deadline = time.monotonic() + 60
        while not _remove_tree(group) and time.monotonic() < deadline:
            _kill_processes(group)
            time.sleep(0.02)
        with contextlib.suppress(OSError):
            group.parent.rmdir()


def _kill_processes(group):
    """A crash between a host's start and the note of its process leaves only this trace."""
    for procs in group.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):
            for pid in procs.read_text(encoding="ascii").split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _remove_tree(group):
    for directory, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    return not group.exists()
