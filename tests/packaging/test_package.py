#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: lintian, and a life on a fresh Debian: installed by apt, used as the
tutorial does with the demo's nodes, purged without a trace."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/system"))

from harness import CannotBoot, program  # noqa: E402
import fresh_root  # noqa: E402

PACKAGES = Path(os.environ.get("MODELFLEET_PACKAGES", SOURCE / "build/packages"))
COMMANDS = ("cleanup-models", "deploy-models", "fleet-status", "modelfleet", "publish-model",
            "rollback-model", "run-playbook")


def package(name):
    """The one .deb of that name."""
    found = list(PACKAGES.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise unittest.SkipTest(f"no {name} in {PACKAGES}: run scripts/package first")
    return found[0]


def field(deb, name):
    return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True,
                          check=True).stdout.strip()


class PolicyTest(unittest.TestCase):
    def test_lintian_finds_nothing(self):
        if not shutil.which("lintian"):
            self.skipTest("no lintian (scripts/bootstrap --package)")
        done = subprocess.run(
            ["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
             package("modelfleet"), package("modelfleet-node-helpers")],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dependencies_are_those_of_the_program(self):
        depends = field(package("modelfleet"), "Depends")
        for library in ("libc6", "libcurl4", "libgit2-", "libssh2-1", "libssl3", "libyaml-0-2"):
            self.assertIn(library, depends)
        recommends = field(package("modelfleet"), "Recommends")
        self.assertIn("git", recommends)
        self.assertIn("openssh-client", recommends)

    def test_helpers_are_of_the_engines_version(self):
        version = field(package("modelfleet"), "Version")
        self.assertEqual(field(package("modelfleet-node-helpers"), "Depends"),
                         f"modelfleet (= {version})")

    def test_every_file_has_the_date_of_the_source(self):
        done = subprocess.run(["dpkg-deb", "--contents", package("modelfleet")],
                              capture_output=True, text=True, check=True)
        lines = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(len({tuple(line[3:5]) for line in lines}), 1)
        self.assertEqual({line[1] for line in lines}, {"root/root"})


class InstalledTest(unittest.TestCase):
    """In the order of their names: installed, used, purged."""

    @classmethod
    def setUpClass(cls):
        debs = [package("modelfleet"), package("modelfleet-node-helpers")]
        try:
            fresh_root.own_mounts()
            cls.directory = Path(tempfile.mkdtemp(prefix="modelfleet-package."))
            cls.addClassCleanup(cls.remove)
            cls.root = fresh_root.FreshRoot(cls.directory)
        except CannotBoot as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.install(debs)
        cls.demo = cls.directory / "demo"
        cls.demo.mkdir()
        cls.demo_fleet("up", "--nodes", "2")
        cls.root.share(cls.demo)
        cls.inventory = cls.demo / "site/inventory"

    @classmethod
    def install(cls, debs):
        for deb in debs:
            shutil.copy(deb, cls.root.path / "tmp")
        update = cls.root.run("apt-get", "-q", "-o", "Acquire::Retries=3", "update")
        if update.returncode != 0:
            raise unittest.SkipTest(f"no package mirror: {update.stdout[-500:]}")
        done = cls.root.run("apt-get", "-q", "-y", "-o", "Acquire::Retries=3", "install",
                            "--install-recommends", *(f"/tmp/{deb.name}" for deb in debs))
        if done.returncode != 0:
            raise AssertionError(done.stdout)
        cls.installed = cls.root.paths()

    @classmethod
    def remove(cls):
        if (cls.directory / "demo").exists():
            cls.demo_fleet("down")
        subprocess.run(["umount", "--lazy", "--recursive", cls.directory / "root"], check=False,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["umount", "--lazy", cls.directory / "layers"], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(cls.directory)

    @classmethod
    def demo_fleet(cls, command, *arguments):
        done = subprocess.run([SOURCE / "scripts/demo-fleet", command, cls.directory / "demo",
                               *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout

    def expect(self, code, *command, environment=None):
        done = self.root.run(*command, environment=environment)
        self.assertEqual(done.returncode, code, f"{' '.join(map(str, command))}\n{done.stdout}")
        return done.stdout

    def deploy(self, code, *options):
        return self.expect(code, "deploy-models", "-i", self.inventory, *options)

    def test_1_every_command_and_its_manual_page(self):
        version = field(package("modelfleet"), "Version").split("-")[0]
        for command in COMMANDS:
            self.assertIn(version, self.expect(0, command, "--version"))
            self.assertIn("SYNOPSIS", self.expect(0, "man", command).upper())
        self.expect(0, "man", "5", "model_registry.yaml")

    def test_1_completion_loads_in_bash(self):
        for command in COMMANDS:
            script = ("source /usr/share/bash-completion/bash_completion; "
                      f"_completion_loader {command}; complete -p {command}")
            self.assertIn(f" {command}", self.expect(0, "bash", "-c", script))

    def test_1_the_example_site_passes_the_check(self):
        """Its store is somewhere else, which is all that is wrong with it."""
        example = "/usr/share/doc/modelfleet/examples/inventory"
        self.expect(0, "modelfleet", "inventory", "-i", example, "--graph")
        done = self.root.run("modelfleet", "check", "-i", example)
        self.assertIn("store", done.stdout)
        self.assertNotIn("syntax", done.stdout)

    def test_1_helpers_lie_where_the_engine_looks(self):
        for machine in (os.uname().machine, "aarch64", "armhf"):
            path = self.root.path / f"usr/libexec/modelfleet/{machine}/modelfleet-node"
            self.assertEqual(path.stat().st_mode & 0o7777, 0o755)
            self.assertLess(path.stat().st_size, 2 << 20)

    def test_2_the_tutorial(self):
        graph = self.expect(0, "modelfleet", "inventory", "-i", self.inventory, "--graph")
        self.assertIn("node1", graph)
        why = self.expect(0, "modelfleet", "vars", "-i", self.inventory, "node1",
                          "sentinelcam_model_registry", "--why")
        self.assertIn("node1/home/data/model_registry", why)
        self.assertIn("2 changed", self.deploy(0))
        self.assertIn("2 unchanged", self.deploy(0))
        self.demo_fleet("bump")
        self.deploy(0, "--check")
        self.assertIn("2 changed", self.deploy(0))
        self.demo_fleet("verify")
        self.assertIn("mobilenet_ssd", self.expect(0, "fleet-status", "-i", self.inventory))

    def test_3_a_mistake_touches_no_host(self):
        registry = self.inventory / "group_vars/all/model_registry.yaml"
        good = registry.read_text()
        registry.write_text(good.replace("2026-03-01", "2026-02-30", 1))
        self.assertIn("model_registry.yaml:", self.deploy(1))
        registry.write_text(good)
        self.assertIn("2 unchanged", self.deploy(0))

    def test_4_a_version_that_does_not_live_goes_back(self):
        self.demo_fleet("spoil")
        self.assertIn("2 went back", self.deploy(3))
        self.demo_fleet("unspoil")
        self.deploy(0)

    def test_5_the_nodes_run_the_helper_of_the_package(self):
        ours = self.root.path / f"usr/libexec/modelfleet/{os.uname().machine}/modelfleet-node"
        copies = list(self.demo.glob("fleet/nodes/*/home/.cache/modelfleet/node-*"))
        self.assertEqual(len(copies), 2)
        for copy in copies:
            self.assertEqual(copy.read_bytes(), ours.read_bytes())

    def test_6_a_reinstallation_keeps_what_there_is(self):
        deb = f"/tmp/{package('modelfleet').name}"
        self.expect(0, "apt-get", "-q", "-y", "--reinstall", "install", deb)
        self.assertEqual(self.installed, self.root.paths())

    def test_7_purging_leaves_nothing(self):
        listed = self.expect(0, "dpkg", "-L", "modelfleet", "modelfleet-node-helpers")
        ours = {path for path in listed.splitlines()
                if self.root.run("dpkg", "-S", path).stdout.count(":") == 1
                and "modelfleet" in self.root.run("dpkg", "-S", path).stdout.split(":")[0]
                and "," not in self.root.run("dpkg", "-S", path).stdout.split(":")[0]}
        self.expect(0, "apt-get", "-q", "-y", "purge", "modelfleet", "modelfleet-node-helpers")
        left = self.root.paths()
        self.assertEqual(left - self.installed, set())
        self.assertEqual(left & ours, set())
        self.assertEqual({path for path in left if "modelfleet" in path}, set())
        self.assertEqual(self.installed - left - set(listed.splitlines()), set())


if __name__ == "__main__":
    program.main()
