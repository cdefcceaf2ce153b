#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command where the kernel runs programs of another machine through qemu.

    foreign.py MACHINE HELPER COMMAND...

COMMAND finds HELPER in $MODELFLEET_TEST_NODE, and what `uname -m` is for it in
$MODELFLEET_TEST_MACHINE. Where the kernel cannot run it already, COMMAND
runs in a user namespace with a binfmt_misc of its own (Linux 6.7), so that nothing on this
machine changes. Exit code 77: why it cannot be run here is printed.
"""

import ctypes
import os
import shutil
import subprocess
import sys

SKIPPED = 77

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

# What an ELF program of the machine begins with: class (32 or 64 bits), machine number; then the
# names that qemu and the kernel have for the machine.
MACHINES = {
    "aarch64": (2, 0xB7, "aarch64", "aarch64"),
    "armhf": (1, 0x28, "arm", "armv7l"),
    "x86_64": (2, 0x3E, "x86_64", "x86_64"),
}

BINFMT_MISC = "/proc/sys/fs/binfmt_misc"

libc = ctypes.CDLL(None, use_errno=True)


class CannotRun(Exception):
    """This machine cannot run programs of the other; the text says why."""


def _escape(data):
    return b"".join(b"\\x%02x" % byte for byte in data)


def registration(machine, interpreter):
    """The line for binfmt_misc: executables and shared objects of the machine, by their head."""
    bits, number = MACHINES[machine][:2]
    head = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x02\x00" + bytes([number, 0])
    # Any ABI byte but not any padding; types 2 and 3.
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff" + b"\xff\xff"
    return b":%s:M::%s:%s:%s:F" % (machine.encode(), _escape(head), _escape(mask),
                                   interpreter.encode())


def _check(result, what):
    if result < 0:
        raise CannotRun(f"{what}: {os.strerror(ctypes.get_errno())}")


def _write_maps(pid, uid_map, gid_map):
    if os.geteuid() != 0:
        with open(f"/proc/{pid}/setgroups", "w", encoding="ascii") as file:
            file.write("deny")
    for kind, line in (("uid", uid_map), ("gid", gid_map)):
        with open(f"/proc/{pid}/{kind}_map", "w", encoding="ascii") as file:
            file.write(line)


def _enter_namespace(flags, uid_map, gid_map):
    """A user namespace; one who is still outside of it, a child, has to write its maps."""
    pid = os.getpid()
    entered, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(entered[1])
            os.read(entered[0], 1)
            _write_maps(pid, uid_map, gid_map)
            os.write(mapped[1], b"1")
        finally:
            os._exit(0)
    _check(libc.unshare(CLONE_NEWUSER | flags), "a user namespace")
    os.close(entered[1])
    os.close(mapped[1])
    done = os.read(mapped[0], 1)
    os.waitpid(child, 0)
    if not done:
        raise CannotRun("a user namespace: its users cannot be mapped")


def register(machine):
    """Makes a namespace that runs the machine's programs, and enters it."""
    interpreter = shutil.which(f"qemu-{MACHINES[machine][2]}-static")
    if not interpreter:
        raise CannotRun("no qemu-user-static (scripts/bootstrap --package installs it)")
    uid, gid = os.geteuid(), os.getegid()
    everybody = "0 0 4294967295"
    # Only the namespace's root may register. Who is not root becomes that, and then himself again.
    _enter_namespace(CLONE_NEWNS, everybody if uid == 0 else f"0 {uid} 1",
                     everybody if uid == 0 else f"0 {gid} 1")
    _check(libc.mount(b"binfmt_misc", BINFMT_MISC.encode(), b"binfmt_misc", 0, None),
           "binfmt_misc in a user namespace (Linux 6.7 has it)")
    with open(f"{BINFMT_MISC}/register", "wb", buffering=0) as file:
        file.write(registration(machine, interpreter))
    if uid != 0:
        _enter_namespace(0, f"{uid} 0 1", f"{gid} 0 1")


def runs(helper):
    """Whether the kernel runs a program as it is."""
    try:
        return subprocess.run([helper, "--version"], stdout=subprocess.DEVNULL,
                              check=False).returncode == 0
    except OSError:
        return False


def main():
    machine, helper, *command = sys.argv[1:]
    if not os.path.exists(helper):
        print(f"SKIPPED: {helper} was not built: configure with "
              f"-DMODELFLEET_FOREIGN_HELPERS={machine}")
        return SKIPPED
    try:
        if not runs(helper):
            register(machine)
            if not runs(helper):
                print(f"{helper} does not run through qemu")
                return 1
    except CannotRun as reason:
        print(f"SKIPPED: programs for {machine} cannot be run here: {reason}")
        return SKIPPED
    os.environ["MODELFLEET_TEST_NODE"] = helper
    os.environ["MODELFLEET_TEST_MACHINE"] = MACHINES[machine][3]
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
