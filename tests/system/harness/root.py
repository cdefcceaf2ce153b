# SPDX-License-Identifier: Apache-2.0
"""The Debian root that all booted hosts share as the lower layer of their overlays.

debootstrap makes it once, in about a minute; it is kept in the cache under a digest of what
it is made from, so that a change of the list below makes a new one.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from . import CannotBoot

SUITE = "bookworm"
MIRROR = os.environ.get("MODELFLEET_DEBIAN_MIRROR", "http://deb.debian.org/debian")

# libpam-systemd is left out on purpose: a user manager for each login would be measured with
# every connect, 24 times on one machine.
PACKAGES = (
    "acl", "dbus", "e2fsprogs", "iproute2", "openssh-server", "procps", "python3", "rsync",
    "sudo", "systemd", "systemd-sysv",
)

# Units that cost time at boot and serve nobody in a test host.
MASKED = (
    "apt-daily-upgrade.timer", "apt-daily.timer", "console-getty.service",
    "container-getty@.service", "dpkg-db-backup.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "fstrim.timer", "getty@.service",
)

SSHD_CONFIG = """\
MaxStartups 200
PermitRootLogin prohibit-password
UseDNS no
"""

# `admin` is root by sudo without a password, `careful` only with one.
CAREFUL_PASSWORD = "correct horse"
USERS = f"""\
set -e
useradd --create-home --shell /bin/bash admin
useradd --create-home --shell /bin/bash careful
echo 'careful:{CAREFUL_PASSWORD}' | chpasswd
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/fleet
echo 'careful ALL=(ALL:ALL) ALL' >> /etc/sudoers.d/fleet
chmod 440 /etc/sudoers.d/fleet
"""


def cache_dir():
    """Where the root and the fleets' states are kept."""
    default = Path(__file__).resolve().parents[3] / "build" / "cache"
    return Path(os.environ.get("MODELFLEET_CACHE", default)).absolute()


def base_root():
    """The path of the root; made on first use, which takes about a minute."""
    recipe = repr((SUITE, PACKAGES, MASKED, SSHD_CONFIG, USERS))
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"{SUITE}-{digest}"
    with _locked(cache / "root.lock"):
        if not root.is_dir():
            _build(cache, root)
    return root


# Installs packages in an overlay of a root, in mounts that end with the process. What apt keeps for
# itself is left out of the layer, but for the archives, which the cache shares.
INSTALL = """\
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cd "$2/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs var/lib/apt/lists
mount --bind "$3" var/cache/apt/archives
mount --bind /etc/resolv.conf etc/resolv.conf
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
shift 3
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
chroot . apt-get -q -o Acquire::Retries=3 update
chroot . apt-get -q -y -o Acquire::Retries=3 install --no-install-recommends "$@"
rm -f usr/sbin/policy-rc.d var/cache/apt/*.bin
"""


def root_with(packages):
    """The root with more packages: layers as `lowerdir` of a mount takes them. The upper one is
    made on first use, from Debian's mirror."""
    base, packages = base_root(), sorted(set(packages))
    if not packages:
        return base
    digest = hashlib.sha256(repr(packages).encode()).hexdigest()[:12]
    layer = cache_dir() / f"{base.name}-{digest}"
    with _locked(cache_dir() / "root.lock"):
        if not layer.is_dir():
            _install(cache_dir(), base, layer, packages)
    return f"{layer / 'upper'}:{base}"


def _install(cache, base, layer, packages):
    partial = cache / "layer.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (partial / name).mkdir(parents=True)
    with archives_lock():
        done = subprocess.run(["unshare", "--mount", "/bin/sh", "-euc", INSTALL, "install", base,
                               partial, archives(), *packages], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    if done.returncode != 0:
        raise CannotBoot(f"{', '.join(packages)} cannot be installed: {done.stdout[-2000:]}")
    partial.rename(layer)


def archives():
    """The directory of the packages that were fetched; whoever has apt work with it holds archives_lock()."""
    directory = cache_dir() / "archives"
    (directory / "partial").mkdir(parents=True, exist_ok=True)
    return directory


def archives_lock():
    """apt itself does not wait for another apt, it fails: tests at the same time take turns with this."""
    return _locked(cache_dir() / "archives.lock")


@contextlib.contextmanager
def _locked(path):
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(cache, root):
    partial = cache / "root.partial"
    shutil.rmtree(partial, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES),
               SUITE, str(partial), MIRROR]
    log = cache / "debootstrap.log"
    with open(log, "wb") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise CannotBoot(f"debootstrap of {SUITE} from {MIRROR} failed: see {log}")
    _configure(partial)
    partial.rename(root)


def _configure(root):
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/ssh/sshd_config.d/fleet.conf").write_text(SSHD_CONFIG)
    # Empty, not missing: a missing one would make every boot a first boot.
    (root / "etc/machine-id").write_text("")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/resolv.conf").write_text("")
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    subprocess.run(["chroot", str(root), "/bin/sh", "-c", USERS], check=True,
                   stdin=subprocess.DEVNULL)
