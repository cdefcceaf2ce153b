# SPDX-License-Identifier: Apache-2.0
"""Measuring one command on this machine: wall time, CPU time, memory, bytes on the links."""

import dataclasses
import os
import statistics
import subprocess
import threading
import time
from pathlib import Path

from harness import HarnessError
from harness.host import children


@dataclasses.dataclass
class Sample:
    """One run. CPU is this machine's side only: nodes are not our children."""
    wall: float        # seconds
    cpu: float         # seconds, user and system, of the command and all its children
    largest: float     # MB: the largest single process
    memory: float      # MB: the sum over all processes (proportional share), at its peak
    to_hosts: float    # MB on the wires
    from_hosts: float  # MB


def median(samples):
    """The median of each figure by itself."""
    return Sample(*(statistics.median(getattr(sample, field.name) for sample in samples)
                    for field in dataclasses.fields(Sample)))


def wire(fleet):
    """Bytes on all wires so far, as (to hosts, from hosts)."""
    counters = [host.link.counters() for host in fleet.hosts]
    return (sum(one["to_host"] for one in counters), sum(one["from_host"] for one in counters))


def run(fleet, command, environment, log, good_codes=(0,)):
    """Runs a command to its end and measures it; HarnessError when its exit code is bad."""
    before = wire(fleet)
    with open(log, "ab") as output:
        started = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output, env=environment)
        with _MemorySampler(process.pid) as sampler:
            _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in good_codes:
        raise HarnessError(f"{command[0]} ended with {process.returncode}: see {log}")
    after = wire(fleet)
    return Sample(wall=wall, cpu=usage.ru_utime + usage.ru_stime,
                  largest=sampler.largest / 1000, memory=sampler.peak / 1000,
                  to_hosts=(after[0] - before[0]) / 1e6,
                  from_hosts=(after[1] - before[1]) / 1e6)


class _MemorySampler:
    """Looks at a process fifty times a second, and at its descendants ten times.

    (The kernel's own maximum, ru_maxrss, starts with what this Python held when it forked.)
    """

    INTERVAL = 0.02

    def __init__(self, pid):
        self.pid = pid
        self.largest = 0
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _watch(self):
        turn = 0
        while not self._done.wait(self.INTERVAL):
            self.largest = max(self.largest, _high_water(self.pid))
            if turn % 5 == 0:
                self._look_at_all(_tree(self.pid))
            turn += 1

    def _look_at_all(self, pids):
        self.largest = max(self.largest, *map(_high_water, pids))
        self.peak = max(self.peak, sum(map(_share, pids)))


def _tree(pid):
    found, pending = [], [pid]
    while pending:
        found.append(pending.pop())
        pending += children(found[-1])
    return found


def _field(path, name):
    """A number of a file in /proc, in kB; 0 when the process has gone."""
    try:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _share(pid):
    return _field(f"/proc/{pid}/smaps_rollup", "Pss:")


def _high_water(pid):
    return _field(f"/proc/{pid}/status", "VmHWM:")


class HelperWatch:
    """Follows the node helpers of all hosts, for a run that is not timed.

    It looks through all of /proc, which would disturb a timed run.
    """

    def __init__(self, program="/modelfleet/node-"):
        self.program = program
        self.peak = 0  # kB, of the largest helper
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(0.02):
            for entry in os.scandir("/proc"):
                if entry.name.isdigit():
                    self._look(entry.path)

    def _look(self, process):
        try:
            if self.program not in os.readlink(f"{process}/exe"):
                return
        except OSError:
            return
        self.peak = max(self.peak, _field(f"{process}/status", "VmHWM:"))
