#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the host's own programs did (apt, pip, git, iptables, ...) no transaction takes back. The
report names it, it stays as those programs left it, and what the play changed beside it, before
it or in it is as it was."""

import json
import unittest

from harness import program
from harness.packages import build_wheel, give_pip, pip_of_this_machine
from harness.undo import UndoCase

# The sources of packages and of a repository, outside of the picture.
MAKE_SOURCES = r"""
mkdir -p /var/sources/debs /var/sources/lens
cd /var/sources/debs
for version in 1.0 2.0; do
    mkdir -p tree/DEBIAN tree/opt/lens/sub tree/etc/lens
    printf 'Package: lens\nVersion: %s\nArchitecture: all\nMaintainer: N <n@example.org>\n' \
        $version > tree/DEBIAN/control
    echo 'Description: a lens' >> tree/DEBIAN/control
    echo /etc/lens/conf > tree/DEBIAN/conffiles
    echo "packaged $version" | tee tree/etc/lens/conf tree/opt/lens/sub/a > tree/opt/lens/b
    dpkg-deb --build --root-owner-group tree lens_$version.deb > /dev/null
    rm -r tree
done
for f in *.deb; do
    dpkg-deb --field $f
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $f $(stat -c %s $f) \
        $(sha256sum $f | cut -d ' ' -f 1)
done > Packages
echo 'deb [trusted=yes] copy:/var/sources/debs ./' > /etc/apt/sources.list
apt-get update -q > /dev/null
cd ../lens
git init -q -b main
git config user.name N
git config user.email n@example.org
echo one > a
git add a
git commit -q -m one
git tag first
echo two > a
git commit -q -a -m two
"""

# The hosts may not change the kernel's rules: this one keeps them in a file.
IPTABLES = """#!/bin/sh
shift 2
verb=$1
shift
case $verb in
-C) grep -qxF -e "$*" /etc/rules ;;
-A) echo "$*" >> /etc/rules ;;
esac
"""

# What every case begins with.
BEFORE = r"""
cd /
rm -rf /srv/* /opt/venv /opt/clone
printf 'one\ntwo\n' > /srv/text
touch -d 2020-02-02 /srv/text
git clone -q /var/sources/lens /srv/old
git -C /srv/old reset -q --hard first
hostnamectl hostname old-name
chmod 755 /usr/sbin/iptables
: > /etc/rules
echo 'lens lens/port string 1' | debconf-set-selections
"""

# And what the cases with a package begin with, which takes apt a while.
PACKAGE = r"""
dpkg --purge lens 2> /dev/null
rm -rf /etc/lens /opt/lens
apt-get install -qy lens=1.0 > /dev/null
echo 'of the site' > /etc/lens/conf
touch -d 2020-02-02 /etc/lens/conf
"""

# A file that is changed before the module's turn and behind it.
AROUND = ({"copy": {"content": "new\n", "dest": "/srv/text", "mode": "0600"}},
          {"lineinfile": {"path": "/srv/text", "line": "three"}})

CONFIG = {"copy": {"content": "of the play\n", "dest": "/etc/lens/conf", "mode": "0600"}}
INSIDE = {"copy": {"content": "of the play\n", "dest": "/opt/lens/sub/a"}}
DPKG = "/var/lib/dpkg/"
LENS = "/opt/lens|/etc/lens(/conf.dpkg-|$)"


VENV = "/opt/venv"


def pip(**arguments):
    """A task of pip in its own environment, without a network."""
    return {"pip": {"virtualenv": VENV, "extra_args": "--no-index", "virtualenv_command":
                    "python3 -m venv --without-pip --system-site-packages", **arguments}}


# Name: tasks, what the report says of them, a pattern of what stays changed in the picture, and
# a line of the shell that fails if it did not stay.
CASES = {
    "apt_upgrade": ([CONFIG, {"apt": {"name": "lens", "state": "latest"}}],
                    "packages are not taken back: apt-get install lens", f"{DPKG}|{LENS}",
                    "grep -q 2.0 /opt/lens/b"),
    "apt_absent": ([CONFIG, {"apt": {"name": "lens", "state": "absent"}}],
                   "packages are not taken back: apt-get remove lens", f"{DPKG}|{LENS}",
                   "! test -e /opt/lens/b"),
    "apt_purge": ([CONFIG, INSIDE, {"apt": {"name": "lens", "state": "absent", "purge": True}}],
                  "packages are not taken back: apt-get remove lens", f"{DPKG}|{LENS}",
                  "! test -e /opt/lens/b"),
    "apt_deb": ([{"apt": {"deb": "/var/sources/debs/lens_2.0.deb"}}],
                "packages are not taken back", f"{DPKG}|{LENS}", "grep -q 2.0 /opt/lens/b"),
    "dpkg_selections": ([{"dpkg_selections": {"name": "grep", "selection": "hold"}}],
                        "selected hold for grep", DPKG,
                        "dpkg --get-selections grep | grep -q hold"),
    "debconf": ([{"debconf": {"name": "lens", "question": "lens/port", "vtype": "string",
                              "value": "2"}}],
                "answered", "$", "debconf-show lens | grep -q 'port: 2'"),
    "git_clone": ([{"git": {"repo": "/var/sources/lens", "dest": "/srv/clone"}},
                   {"copy": {"content": "of the play\n", "dest": "/srv/clone/more"}}],
                  "git worked in /srv/clone", "/srv/clone(/(?!more)|$)",
                  "grep -q two /srv/clone/a"),
    "git_update": ([{"git": {"repo": "/var/sources/lens", "dest": "/srv/old", "version": "main"}},
                    {"copy": {"content": "of the play\n", "dest": "/srv/old/a"}}],
                   "git worked in /srv/old", "/srv/old(/|$)", "grep -q two /srv/old/a"),
    "git_archive": ([{"git": {"repo": "/var/sources/lens", "dest": "/srv/clone",
                              "archive": "/srv/lens.tar.gz"}}],
                    "git worked in /srv/clone", "/srv/clone(/|$)", "test -d /srv/clone/.git"),
    "hostname": ([{"hostname": {"name": "new-name"}}],
                 "ran hostnamectl for new-name", "/etc/(hostname|machine-info)$",
                 "test $(hostname) = new-name"),
    "iptables": ([{"iptables": {"chain": "INPUT", "protocol": "tcp", "destination_port": 8123,
                                "jump": "ACCEPT"}}],
                 "changed rules of iptables", "/etc/rules$", "grep -q 8123 /etc/rules"),
    "pip": ([pip(wheels=["WHEEL"]),
             {"copy": {"content": "of the play\n", "dest": f"{VENV}/site.ini"}}],
            "packages are not taken back", f"{VENV}(/(?!site.ini)|$)|.*/__pycache__(/|$)",
            f"{VENV}/bin/python -c 'import lens'"),
    "into_a_directory_of_the_play": ([{"file": {"path": "/opt/clone/lens", "state": "directory"}},
                                      {"git": {"repo": "/var/sources/lens",
                                               "dest": "/opt/clone/lens"}}],
                                     "/opt/clone/lens stays: it holds what", "/opt/clone",
                                     "grep -q two /opt/clone/lens/a"),
}


@unittest.skipUnless(pip_of_this_machine(), "needs a pip to give to the host")
class UndoProgramsTest(UndoCase):
    fleet_name = "undo-programs"
    packages = ("git",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.run("tee", "/usr/sbin/iptables", stdin=IPTABLES.encode())
        cls.host.shell(MAKE_SOURCES)
        cls.wheel = build_wheel(cls.directory, "1.0", "lens")
        give_pip(cls.host)

    def named(self, tasks, says, stays, proof):
        self.host.shell(BEFORE + (PACKAGE if LENS in stays else ""))
        before = self.picture()
        tasks = json.loads(json.dumps(tasks).replace("WHEEL", str(self.wheel)))
        run = self.failing([AROUND[0], *tasks, AROUND[1]])
        self.assertIn(says, "\n".join(self.not_taken_back(run)), run)
        self.assertEqual(self.differences(before, stays), {})
        self.host.shell(proof)


def add_test(name, arguments):
    setattr(UndoProgramsTest, f"test_{name}", lambda self: self.named(*arguments))


for case, case_arguments in CASES.items():
    add_test(case, case_arguments)


if __name__ == "__main__":
    program.main()
