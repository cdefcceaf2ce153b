# SPDX-License-Identifier: Apache-2.0
"""A Debian root that nobody has installed anything in, to install packages in.

debootstrap makes it once and it is kept in the cache; what is done in it goes to an overlay that
vanishes with the process. Its network is this machine's.
"""

import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import CannotBoot
from harness.root import MIRROR, SUITE, archives, archives_lock, cache_dir

# What a person at a shell has on a Debian machine beyond the minimum.
COMFORTS = ("bash-completion", "man-db")

CLONE_NEWNS = 0x00020000
EXCLUDED = ("dev", "proc", "sys", "tmp", "root", "var/cache", "var/lib/apt", "var/lib/dpkg",
            "var/log", "usr/share/mime")


def _run(*command, **options):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def _need(done, what):
    if done.returncode != 0:
        raise CannotBoot(f"{what}: {done.stdout.strip()[-2000:]}")


def pristine():
    """The path of the root as debootstrap left it; made on first use, in half a minute."""
    recipe = repr((SUITE, COMFORTS))
    root = cache_dir() / f"fresh-{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if root.is_dir():
        return root
    cache_dir().mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="fresh.", dir=cache_dir()))
    try:
        _need(_run("debootstrap", "--variant=minbase", "--include=" + ",".join(COMFORTS), SUITE,
                   partial, MIRROR), f"debootstrap of {SUITE} from {MIRROR}")
        for archive in (partial / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        partial.chmod(0o755)
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def own_mounts():
    """Gives this process mounts of its own, which end with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        raise CannotBoot("installing packages needs root")
    if libc.unshare(CLONE_NEWNS) < 0:
        raise CannotBoot(f"mounts of our own: {os.strerror(ctypes.get_errno())}")
    _need(_run("mount", "--make-rprivate", "/"), "mounts of our own")


class FreshRoot:
    """An overlay of the root at a path, with /proc, /dev and the network of this machine."""

    def __init__(self, directory):
        base = pristine()
        self.path = directory / "root"
        layers = directory / "layers"
        for path in (self.path, layers):
            path.mkdir()
        self._mount("-t", "tmpfs", "tmpfs", layers)
        for name in ("upper", "work"):
            (layers / name).mkdir()
        self._mount("-t", "overlay", "overlay", "-o",
                    f"lowerdir={base},upperdir={layers}/upper,workdir={layers}/work", self.path)
        self._mount("-t", "proc", "proc", self.path / "proc")
        self._mount("--rbind", "/dev", self.path / "dev")
        self.share(archives(), "/var/cache/apt/archives")
        shutil.copy("/etc/resolv.conf", self.path / "etc/resolv.conf")

    def _mount(self, *arguments):
        _need(_run("mount", *arguments), "mount")

    def share(self, directory, at=None):
        """Makes a directory of this machine appear in the root, at its own path or another."""
        inside = self.path / str(at or directory).lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        self._mount("--bind", directory, inside)

    def run(self, *command, environment=None):
        """Runs a program in the root; its result has output and errors together."""
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                     "DEBIAN_FRONTEND": "noninteractive", **(environment or {})}
        with archives_lock() if command[0] == "apt-get" else contextlib.nullcontext():
            return _run("chroot", self.path, *command, env=variables)

    def paths(self):
        """Every path that an installation could have left something at."""
        command = ["find", ".", "-xdev"]
        for path in EXCLUDED:
            command += ["-path", f"./{path}", "-prune", "-o"]
        done = _run(*command, "-print", cwd=self.path)
        return {line[1:] for line in done.stdout.splitlines() if line != "."}
