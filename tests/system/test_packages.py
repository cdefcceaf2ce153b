#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages on real hosts: a .deb by dpkg-deb and a wheel by hand, installed once."""

import hashlib
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from harness import program
from harness.packages import build_deb, build_wheel, give_pip, pip_of_this_machine
from harness.playbook import PlaybookCase

FAILED = 2
VENV = "/srv/venv"
MAKE_VENV = "python3 -m venv --without-pip --system-site-packages"


class PackagesTest(PlaybookCase):
    fleet_name = "packages"

    def version(self, package):
        """The version that dpkg has installed, or ''."""
        done = self.host.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package,
                             check=False)
        words = done.stdout.decode().split()
        return words[1] if done.returncode == 0 and words[0] == "installed" else ""

    def outcomes(self, *tasks, **keywords):
        return [outcome for outcome, _ in self.play(*tasks, **keywords)]


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
class DebTest(PackagesTest):
    fleet_name = "debs"

    def setUp(self):
        self.host.shell("dpkg --purge --force-depends lens-driver lens-tools 2>/dev/null || true")

    def deb(self, version, name="lens-driver", more=""):
        """Builds a package; returns its path."""
        return str(build_deb(self.directory, version, name, more))

    def test_installed_and_unchanged_on_the_second_run(self):
        task = {"apt": {"debs": [self.deb("1:14.0-1")]}}
        outcome, result = self.task(task)
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"],
                         [{"name": "lens-driver", "before": None, "after": "1:14.0-1"}])
        self.assertEqual(self.version("lens-driver"), "1:14.0-1")
        outcome, result = self.task(task)
        self.assertEqual((outcome, result["packages"]), ("ok", []))
        self.assertEqual(self.host.shell("ls -d /tmp/modelfleet* 2>/dev/null || true"), "")

    def test_the_second_run_sends_only_the_head(self):
        task = {"apt": {"debs": [self.deb("1.0")]}}
        self.play(task)
        before = self.host.link.counters()["to_host"]
        self.play(task)
        sent = self.host.link.counters()["to_host"] - before
        self.assertLess(sent, os.path.getsize(task["apt"]["debs"][0]) / 2)

    def test_another_version_replaces_it(self):
        self.play({"apt": {"debs": [self.deb("1.0")]}})
        outcome, result = self.task({"apt": {"debs": [self.deb("1.1~rc1")]}})
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"][0]["before"], "1.0")
        older = {"debs": [self.deb("0.9")]}
        self.task({"apt": older}, code=FAILED)
        self.assertEqual(self.version("lens-driver"), "1.1~rc1")
        self.task({"apt": {**older, "allow_downgrade": True}})
        self.assertEqual(self.version("lens-driver"), "0.9")

    def test_debs_that_need_each_other(self):
        tools = self.deb("2", "lens-tools", "Depends: lens-driver (= 3)\n")
        self.play({"apt": {"debs": [tools, self.deb("3")]}})
        self.assertEqual(self.version("lens-tools"), "2")
        self.assertEqual(self.version("lens-driver"), "3")

    def test_check_mode(self):
        task = {"apt": {"debs": [self.deb("1.0")]}}
        outcome, result = self.task(task, options=["--check"])
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"][0]["after"], "1.0")
        self.assertEqual(self.version("lens-driver"), "")
        self.play(task)
        absent = {"apt": {"name": "lens-driver", "state": "absent", "purge": True}}
        outcome, result = self.task(absent, options=["--check"])
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"],
                         [{"name": "lens-driver", "before": "1.0", "after": None}])
        self.assertEqual(self.version("lens-driver"), "1.0")

    def test_a_path_of_the_node(self):
        shutil.copy(self.deb("5"), self.host.root / "srv/driver.deb")
        task = {"apt": {"deb": "/srv/driver.deb"}}
        self.assertEqual(self.outcomes(task, task), ["changed", "ok"])

    def test_names(self):
        self.play({"apt": {"debs": [self.deb("1.0")]}})
        present = [{"apt": {"name": name}} for name in
                   ("lens-driver", "lens-driver=1.0", "lens-driver=1.*", "lens-driver>=0.9",
                    ["bash", "coreutils"])]
        self.assertEqual(self.outcomes(*present), ["ok"] * 5)
        absent = {"apt": {"name": "lens-*", "state": "absent"}}
        self.assertEqual(self.outcomes(absent, absent), ["changed", "ok"])

    def test_latest_of_what_no_list_knows_better(self):
        self.assertEqual(self.outcomes({"apt": {"name": "bash", "state": "latest"}}), ["ok"])

    def repository(self, *debs):
        """Makes a directory of the host the only source of packages."""
        directory = self.host.root / "srv/repository"
        directory.mkdir(exist_ok=True)
        stanzas = []
        for path in map(Path, debs):
            data = path.read_bytes()
            fields = subprocess.run(["dpkg-deb", "--field", path], check=True, text=True,
                                    capture_output=True).stdout
            (directory / path.name).write_bytes(data)
            stanzas.append(f"{fields.strip()}\nFilename: ./{path.name}\nSize: {len(data)}\n"
                           f"SHA256: {hashlib.sha256(data).hexdigest()}\n")
        self.write("/srv/repository/Packages", "\n".join(stanzas))
        self.write("/etc/apt/sources.list", "deb [trusted=yes] copy:/srv/repository ./\n")

    def test_a_repository(self):
        def apt(**arguments):
            return {"apt": {"name": "lens-driver", **arguments}}

        self.repository(self.deb("1.0"))
        outcome, result = self.task(apt(update_cache=True))
        self.assertEqual((outcome, result["cache_updated"]), ("changed", True))
        self.assertEqual(self.version("lens-driver"), "1.0")
        self.repository(self.deb("1.0"), self.deb("1.2"))
        outcome, result = self.task(apt(state="latest", cache_valid_time=3600))
        self.assertEqual((outcome, result["cache_updated"]), ("ok", False))
        update = {"apt": {"update_cache": True}}
        self.assertEqual(self.outcomes(update), ["changed"])
        latest = apt(state="latest")
        self.assertEqual(self.outcomes(latest, options=["--check"]), ["changed"])
        self.assertEqual(self.version("lens-driver"), "1.0")
        self.assertEqual(self.outcomes(apt(), latest, latest), ["ok", "changed", "ok"])
        self.assertEqual(self.version("lens-driver"), "1.2")
        older = {"apt": {"name": "lens-driver=1.0", "allow_downgrade": True}}
        self.assertEqual(self.outcomes(older, older), ["changed", "ok"])
        self.assertEqual(self.outcomes(apt(name="lens-driver>=1.1"), apt(name="lens-d*")),
                         ["changed", "ok"])
        self.assertEqual(self.version("lens-driver"), "1.2")

    def test_only_upgrade_installs_nothing_new(self):
        self.repository(self.deb("1.0"))
        self.play({"apt": {"update_cache": True}})
        for state in ("present", "latest"):
            task = {"apt": {"name": "lens-driver", "only_upgrade": True, "state": state}}
            self.assertEqual(self.outcomes(task), ["ok"])
        self.assertEqual(self.version("lens-driver"), "")

    def test_what_nobody_needs_any_more(self):
        self.repository(self.deb("1.0"),
                        self.deb("2", "lens-tools", "Depends: lens-driver\n"))
        self.play({"apt": {"name": "lens-tools", "update_cache": True}})
        self.assertEqual(self.version("lens-driver"), "1.0")
        outcome, result = self.task(
            {"apt": {"name": "lens-tools", "state": "absent", "autoremove": True}})
        self.assertEqual(outcome, "changed")
        self.assertEqual({one["name"] for one in result["packages"]},
                         {"lens-tools", "lens-driver"})
        self.assertEqual(self.outcomes({"apt": {"autoremove": True}}), ["ok"])
        self.assertEqual(self.outcomes({"apt": {"state": "fixed"}}), ["ok"])

    def test_what_cannot_be(self):
        for arguments, text in (({"name": "no-such-driver"}, "no-such-driver"),
                                ({"name": "lens driver"}, "cannot be the name"),
                                ({"name": "bash<9"}, "by = or >="),
                                ({"deb": "http://127.0.0.1:9/x.deb"}, "127.0.0.1:9"),
                                ({"deb": "/srv/absent.deb"}, "/srv/absent.deb"),
                                ({"debs": ["absent.deb"]}, "absent.deb")):
            _, result = self.task({"apt": arguments}, code=FAILED)
            self.assertIn(text, result["msg"])
        broken = self.directory / "broken.deb"
        broken.write_bytes(b"!<arch>\ndebian-binary   ")
        _, result = self.task({"apt": {"debs": [str(broken)]}}, code=FAILED)
        self.assertIn("no whole Debian package", result["msg"])

    def test_a_lock_is_waited_for_and_named(self):
        lock = ("import fcntl, os, time; f = open('/var/lib/dpkg/lock-frontend', 'w');"
                "fcntl.lockf(f, fcntl.LOCK_EX); open('/run/locked', 'w')\n"
                "while not os.path.exists('/run/go-on'): time.sleep(0.05)")
        holder = f"rm -f /run/locked /run/go-on; python3 -c \"{lock}\" >/dev/null 2>&1 & " \
                 "while ! [ -e /run/locked ]; do sleep 0.05; done"
        self.host.shell(holder)
        task = {"apt": {"debs": [self.deb("1.0")], "lock_timeout": 1}}
        _, result = self.task(task, code=FAILED)
        self.assertRegex(result["msg"], r"lock-frontend is held by python3 \(process \d+\)")
        self.assertEqual(self.version("lens-driver"), "")
        self.host.shell("(sleep 2; touch /run/go-on) >/dev/null 2>&1 &")
        task["apt"]["lock_timeout"] = 120
        self.assertEqual(self.outcomes(task), ["changed"])


@unittest.skipUnless(pip_of_this_machine(), "needs a pip to give to the host")
class WheelTest(PackagesTest):
    fleet_name = "wheels"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        give_pip(cls.host)

    def setUp(self):
        self.host.shell(f"rm -rf {VENV}")

    def wheel(self, version, name="lens", requires=()):
        """Makes a wheel by hand; returns its path."""
        return str(build_wheel(self.directory, version, name, requires))

    def pip(self, **arguments):
        """A task that has its own environment, and no network to look for anything."""
        return {"pip": {"virtualenv": VENV, "virtualenv_command": MAKE_VENV,
                        "extra_args": "--no-index", **arguments}}

    def imported(self, name="lens"):
        """The version that the environment's Python imports."""
        done = self.host.run(f"{VENV}/bin/python", "-c",
                             f"import {name}; print({name}.version)", check=False)
        return done.stdout.decode().strip()

    def test_installed_and_unchanged_on_the_second_run(self):
        task = self.pip(wheels=[self.wheel("2.0.0")])
        outcome, result = self.task(task)
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"],
                         [{"name": "lens", "before": None, "after": "2.0.0"}])
        self.assertEqual(self.imported(), "2.0.0")
        outcome, result = self.task(task)
        self.assertEqual((outcome, result["packages"], result["cmd"]), ("ok", [], []))

    def test_another_version_replaces_it(self):
        self.play(self.pip(wheels=[self.wheel("2.0.0")]))
        outcome, result = self.task(self.pip(wheels=[self.wheel("2.5.0.post1")]))
        self.assertEqual(outcome, "changed")
        self.assertEqual(result["packages"][0]["before"], "2.0.0")
        self.assertEqual(self.imported(), "2.5.0.post1")

    def test_wheels_that_need_each_other(self):
        wheels = [self.wheel("1.0", "tools", ["lens==3.0"]), self.wheel("3.0")]
        self.assertEqual(self.outcomes(self.pip(wheels=wheels), self.pip(wheels=wheels)),
                         ["changed", "ok"])
        self.assertEqual((self.imported("tools"), self.imported()), ("1.0", "3.0"))

    def test_names_that_are_there_need_no_network(self):
        self.play(self.pip(wheels=[self.wheel("2.0.0")]))
        for names in ("lens", "Lens==2.0", ["lens>=1.5,<3", "pip"], "lens ~= 2.0"):
            self.assertEqual(self.outcomes(self.pip(name=names)), ["ok"], names)
        self.assertEqual(self.outcomes(self.pip(name="lens", version="2.0.0")), ["ok"])
        for names in ("lens>2", "no-such-lens"):
            self.task(self.pip(name=names), code=FAILED)

    def test_requirements(self):
        self.play(self.pip(wheels=[self.wheel("2.0.0")]))
        self.write("/srv/requirements.txt", "# what we need\nlens == 2.0.0\n\npip>1\n")
        task = self.pip(requirements="/srv/requirements.txt")
        self.assertEqual(self.outcomes(task), ["ok"])
        self.write("/srv/requirements.txt", "lens == 2.1\n")
        self.task(task, code=FAILED)

    def test_check_mode_makes_nothing(self):
        task = self.pip(wheels=[self.wheel("2.0.0")])
        self.assertEqual(self.outcomes(task, options=["--check"]), ["changed"])
        self.assertFalse((self.host.root / VENV.lstrip("/")).exists())
        self.play(task)
        self.assertEqual(self.outcomes(task, options=["--check"]), ["ok"])
        newer = self.pip(wheels=[self.wheel("2.1.0")])
        self.assertEqual(self.outcomes(newer, options=["--check"]), ["changed"])
        self.assertEqual(self.imported(), "2.0.0")

    def test_absent(self):
        self.play(self.pip(wheels=[self.wheel("2.0.0")]))
        task = self.pip(name="lens", state="absent", extra_args="")
        self.assertEqual(self.outcomes(task, task), ["changed", "ok"])
        self.assertEqual(self.imported(), "")

    def test_what_cannot_be(self):
        misnamed = self.directory / "lens.whl"
        misnamed.write_bytes(b"")
        for arguments, text in (({"wheels": [str(misnamed)]}, "no wheel's name"),
                                ({"name": ["a", "b"], "version": "1"}, "exactly one name"),
                                ({"name": "a==1", "version": "1"}, "once"),
                                ({"name": "a", "requirements": "/r"}, "exclude each other"),
                                ({}, "is needed")):
            _, result = self.task(self.pip(**arguments), code=FAILED)
            self.assertIn(text, result["msg"])


if __name__ == "__main__":
    program.main()
