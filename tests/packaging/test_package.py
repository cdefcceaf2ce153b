#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: lintian, and lives on a fresh Debian: installed by apt, used, purged without
a trace; modelfleet as the tutorial does with the demo's nodes, model-sync-agent with a registry,
model-registryd alone; model-cached with its library, whose examples are built and run."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests/system"), str(SOURCE / "tests/daemons")]

from harness import CannotBoot, program  # noqa: E402
import fake_mlflow  # noqa: E402
import fresh_root  # noqa: E402

PACKAGES = Path(os.environ.get("MODELFLEET_PACKAGES", SOURCE / "build/packages"))
PACKAGE_NAMES = ("modelfleet", "modelfleet-node-helpers", "model-sync-agent",
                 "model-registryd", "model-cached", "libmodelcache0", "libmodelcache-dev")
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
             *(package(name) for name in PACKAGE_NAMES)],
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

    def test_the_agent_needs_nothing_of_the_engine(self):
        depends = field(package("model-sync-agent"), "Depends")
        for library in ("libc6", "libcurl4", "libmicrohttpd12", "libssl3", "libyaml-0-2"):
            self.assertIn(library, depends)
        for library in ("modelfleet", "libgit2", "libssh2", "librsync"):
            self.assertNotIn(library, depends)
        self.assertIn("polkitd", field(package("model-sync-agent"), "Recommends"))

    def test_the_registry_needs_nothing_of_the_engine(self):
        depends = field(package("model-registryd"), "Depends")
        for library in ("libc6", "libcurl4", "libmicrohttpd12", "libpq5", "libsqlite3-0", "libssl3"):
            self.assertIn(library, depends)
        for library in ("modelfleet", "libssh2", "librsync"):
            self.assertNotIn(library, depends)

    def test_the_cache_and_its_library_need_nothing_of_each_other(self):
        for name in ("model-cached", "libmodelcache0"):
            self.assertNotIn("model", field(package(name), "Depends"))
        version = field(package("libmodelcache0"), "Version")
        self.assertEqual(field(package("libmodelcache-dev"), "Depends"),
                         f"libmodelcache0 (= {version})")

    def test_every_file_has_the_date_of_the_source(self):
        for name in PACKAGE_NAMES:
            done = subprocess.run(["dpkg-deb", "--contents", package(name)],
                                  capture_output=True, text=True, check=True)
            lines = [line.split() for line in done.stdout.splitlines()]
            with self.subTest(package=name):
                self.assertEqual(len({tuple(line[3:5]) for line in lines}), 1)
                self.assertEqual({line[1] for line in lines}, {"root/root"})


class FreshCase(unittest.TestCase):
    """A fresh Debian that has `packages`, which apt has installed with all they need."""

    packages = ()

    @classmethod
    def setUpClass(cls):
        debs = [package(name) for name in cls.packages]
        try:
            fresh_root.own_mounts()
            cls.directory = Path(tempfile.mkdtemp(prefix="modelfleet-package."))
            cls.addClassCleanup(cls.remove)
            cls.root = fresh_root.FreshRoot(cls.directory)
        except CannotBoot as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.install(debs)

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
        subprocess.run(["umount", "--lazy", "--recursive", cls.directory / "root"], check=False,
                       stderr=subprocess.DEVNULL)
        subprocess.run(["umount", "--lazy", cls.directory / "layers"], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(cls.directory)

    def expect(self, code, *command, environment=None):
        done = self.root.run(*command, environment=environment)
        self.assertEqual(done.returncode, code, f"{' '.join(map(str, command))}\n{done.stdout}")
        return done.stdout

    def assert_reinstalled(self, name):
        self.expect(0, "apt-get", "-q", "-y", "--reinstall", "install", f"/tmp/{package(name).name}")
        self.assertEqual(self.installed, self.root.paths())

    def loads_completion(self, command):
        script = ("source /usr/share/bash-completion/bash_completion; "
                  f"_completion_loader {command}; complete -p {command}")
        self.assertIn(f" {command}", self.expect(0, "bash", "-c", script))


class InstalledTest(FreshCase):
    """In the order of their names: installed, used, purged."""

    packages = ("modelfleet", "modelfleet-node-helpers")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.demo = cls.directory / "demo"
        cls.demo.mkdir()
        cls.demo_fleet("up", "--nodes", "2")
        cls.root.share(cls.demo)
        cls.inventory = cls.demo / "site/inventory"

    @classmethod
    def remove(cls):
        if (cls.directory / "demo").exists():
            cls.demo_fleet("down")
        super().remove()

    @classmethod
    def demo_fleet(cls, command, *arguments):
        done = subprocess.run([SOURCE / "scripts/demo-fleet", command, cls.directory / "demo",
                               *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
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
            self.loads_completion(command)

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
        self.assert_reinstalled("modelfleet")

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


class AgentTest(FreshCase):
    """In the order of their names: installed, used, purged. No systemd runs here: how the service
    fares is tests/system/test_sync_agent_service.py's."""

    packages = ("model-sync-agent",)
    config = "/etc/model-sync/model_sync.yaml"

    def as_user(self, *command):
        return ("runuser", "-u", "model-sync", "--", "sh", "-c",
                'cd /var/lib/model-sync && exec "$@"', "sh", *command)

    def test_1_the_program_and_its_pages(self):
        version = field(package("model-sync-agent"), "Version").split("-")[0]
        self.assertIn(version, self.expect(0, "model-sync-agent", "--version"))
        self.assertIn("SYNOPSIS", self.expect(0, "man", "model-sync-agent").upper())
        self.assertIn("restart_command", self.expect(0, "man", "5", "model_sync.yaml"))
        self.loads_completion("model-sync-agent")

    def test_1_its_user_and_files(self):
        self.expect(0, "systemd-analyze", "verify", "--man=no",
                    "/usr/lib/systemd/system/alpr-model-sync.service")
        self.assertIn("nologin", self.expect(0, "getent", "passwd", "model-sync"))
        owners = self.expect(0, "stat", "-c", "%U:%G:%a", "/var/lib/model-sync", self.config)
        self.assertEqual(owners.split(), ["model-sync:model-sync:755", "root:model-sync:640"])

    def test_2_a_cycle(self):
        registry = fake_mlflow.Registry()
        registry.start()
        self.addCleanup(registry.stop)
        registry.publish("notes", {"notes.bin": b"what a model is"})
        (self.root.path / self.config[1:]).write_text(
            f"model_sync:\n  mlflow_uri: {registry.url}\n  on_update: {{restart_pilot: false}}\n"
            "  models:\n  - {mlflow_name: notes, local_filename: notes.bin}\n")
        self.expect(0, *self.as_user("model-sync-agent", "--config", self.config, "--once"))
        file = self.root.path / "var/lib/model-sync/models/notes.bin"
        self.assertEqual(file.read_bytes(), b"what a model is")

    def test_3_a_reinstallation_keeps_what_there_is(self):
        text = (self.root.path / self.config[1:]).read_text()
        type(self).installed = self.root.paths()
        self.assert_reinstalled("model-sync-agent")
        self.assertEqual((self.root.path / self.config[1:]).read_text(), text)

    def test_4_purging_leaves_the_models_alone(self):
        self.expect(0, "apt-get", "-q", "-y", "purge", "model-sync-agent")
        left = {path for path in self.root.paths()
                if ("model-sync" in path or "model_sync" in path) and "/models/" not in path}
        self.assertEqual(left, {"/var/lib/model-sync", "/var/lib/model-sync/models"})
        self.assertTrue((self.root.path / "var/lib/model-sync/models/notes.bin").exists())
        self.expect(0, "getent", "passwd", "model-sync")


class RegistrydTest(FreshCase):
    """In the order of their names: installed, purged. How the service fares is
    tests/system/test_registryd_service.py's."""

    packages = ("model-registryd",)

    def test_1_the_program_and_its_pages(self):
        version = field(package("model-registryd"), "Version").split("-")[0]
        self.assertIn(version, self.expect(0, "model-registryd", "--version"))
        self.assertIn("SYNOPSIS", self.expect(0, "man", "model-registryd").upper())
        self.assertIn("roles_claim", self.expect(0, "man", "5", "model_registryd.yaml"))
        self.loads_completion("model-registryd")

    def test_1_its_user_and_files(self):
        self.expect(0, "systemd-analyze", "verify", "--man=no",
                    "/usr/lib/systemd/system/model-registryd.service")
        self.assertIn("nologin", self.expect(0, "getent", "passwd", "model-registryd"))
        self.expect(0, "runuser", "-u", "model-registryd", "--", "model-registryd",
                    "--config", "/etc/model-registryd/model_registryd.yaml", "--check-config")

    def test_2_a_reinstallation_keeps_what_there_is(self):
        type(self).installed = self.root.paths()
        self.assert_reinstalled("model-registryd")

    def test_3_purging_leaves_nothing(self):
        self.expect(0, "apt-get", "-q", "-y", "purge", "model-registryd")
        self.assertEqual({path for path in self.root.paths() if "registryd" in path}, set())
        self.expect(2, "getent", "passwd", "model-registryd")


class CachedTest(FreshCase):
    """In the order of their names: installed, used, purged. How the service fares is
    tests/system/test_cached_service.py's."""

    packages = ("model-cached", "libmodelcache0", "libmodelcache-dev")
    config = "/etc/model-cached/model_cache.yaml"
    examples = "/usr/share/doc/libmodelcache-dev/examples"

    def serve(self):
        """The daemon as its user, with a model, until the test ends."""
        registry = fake_mlflow.Registry()
        registry.start()
        self.addCleanup(registry.stop)
        registry.publish("notes", {"notes.bin": b"what a model is"}, alias="Production")
        (self.root.path / self.config[1:]).write_text(
            f"mlflow_uri: {registry.url}\nlisten: 127.0.0.1:0\nmodels:\n  - mlflow_name: notes\n")
        self.expect(0, "install", "-d", "-o", "model-cached", "/run/model-cached")
        daemon = subprocess.Popen(
            ["chroot", self.root.path, "runuser", "-u", "model-cached", "--", "sh", "-c",
             f"cd /var/lib/model-cached && exec model-cached --config {self.config}"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(daemon.communicate)
        self.addCleanup(daemon.terminate)
        said = []
        for line in daemon.stderr:
            said.append(line)
            if "Serving model version 1" in line:
                return
        self.fail("".join(said))

    def test_1_the_program_and_its_pages(self):
        version = field(package("model-cached"), "Version").split("-")[0]
        self.assertIn(version, self.expect(0, "model-cached", "--version"))
        self.assertIn("SYNOPSIS", self.expect(0, "man", "model-cached").upper())
        self.assertIn("cache_bytes", self.expect(0, "man", "5", "model_cache.yaml"))
        self.assertIn("modelcache_acquire", self.expect(0, "man", "3", "modelcache"))
        self.loads_completion("model-cached")

    def test_1_its_user_and_files(self):
        self.expect(0, "systemd-analyze", "verify", "--man=no",
                    "/usr/lib/systemd/system/model-cached.service")
        self.assertIn("nologin", self.expect(0, "getent", "passwd", "model-cached"))
        self.expect(0, "getent", "group", "model-cache")
        self.expect(0, "runuser", "-u", "model-cached", "--", "model-cached",
                    "--config", self.config, "--check-config")

    def test_2_a_reinstallation_keeps_what_there_is(self):
        type(self).installed = self.root.paths()
        for name in self.packages:
            self.assert_reinstalled(name)

    def test_3_the_examples_show_a_model(self):
        self.expect(0, "apt-get", "-q", "-y", "-o", "Acquire::Retries=3", "install",
                    "gcc", "libc6-dev", "pkg-config", "python3")
        self.expect(0, "sh", "-c", f"cc -Wall -Werror {self.examples}/modelcache.c "
                    "$(pkg-config --cflags --libs modelcache) -o /tmp/show-model")
        self.assertIn("libmodelcache.so.0", self.expect(0, "ldd", "/tmp/show-model"))
        self.serve()
        shown = self.expect(0, "python3", f"{self.examples}/modelcache.py", "notes")
        self.assertRegex(shown, r"^notes version 1, 15 bytes, [0-9a-f]{64}\n$")
        # It goes on until another version comes.
        self.assertEqual(self.expect(124, "timeout", "10", "/tmp/show-model", "notes"), shown)

    def test_4_purging_leaves_the_models_alone(self):
        self.expect(0, "apt-get", "-q", "-y", "purge", *self.packages)
        left = {path for path in self.root.paths()
                if any(name in path for name in ("model-cached", "model_cache", "modelcache"))}
        self.assertEqual({path for path in left if not path.startswith("/var/lib/model-cached")},
                         {"/run/model-cached"})
        self.assertIn("/var/lib/model-cached/model-cache/index.json", left)
        self.expect(0, "getent", "passwd", "model-cached")


if __name__ == "__main__":
    program.main()
