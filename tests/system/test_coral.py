#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EdgeTPU packages: fetched into the store, installed where the accelerator is a Coral."""

import contextlib
import hashlib
import http.server
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import program
from harness.booted import BootedCase
from harness.deploy import HOST_FAILED, OK, Operator, Run
from harness.deploy import program as built
from harness.packages import build_deb, build_wheel, give_pip, pip_of_this_machine
from harness.store import Site, yaml

PROJECT = Path(__file__).resolve().parents[2]
PLAYBOOK = PROJECT / "playbooks/deploy-coral-packages.yaml"
DOWNLOAD = PROJECT / "scripts/download-coral-packages"
DRIVER, RUNTIME = "libedgetpu1-std", "tflite_runtime"
VENV = "/srv/venv"
DATA = "/srv/sentinelcam"
CORAL = {"sentinel_accelerator_type": "coral"}


class Files(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; the first answer for a name of `server.cut` ends in its middle."""

    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.asked.append((name, self.headers.get("Range")))
        data = self.server.files.get(name)
        if data is None:
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.end_headers()
        cut = name in self.server.cut
        self.server.cut.discard(name)
        if self.command == "GET":
            self.wfile.write(data[start:len(data) // 2 if cut else None])

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web_server(files, cut=()):
    """Serves {name: bytes} on this machine; yields the server, with its `url`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        server.files, server.cut, server.asked = files, set(cut), []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class CoralCase(unittest.TestCase):
    """A site whose store has packages; subclasses say which hosts there are."""

    directory = None

    def make_site(self, directory):
        self.directory = Path(directory)
        self.site = Site(self.directory / "site")
        self.store = self.site.store / "coral_packages"
        self.operator = Operator(self.directory / "operator", self.site.inventory)
        self.packages = {}

    def set_package(self, name, version, *files):
        """Makes a package one of coral_packages; `files` are those that can be fetched."""
        self.packages[name] = {"version": version, "files": list(files)} if files else version
        (self.site.inventory / "group_vars/all/coral.yaml").write_text(
            yaml({"coral_packages": self.packages}))

    def run_program(self, *command, code=OK):
        environment = dict(self.operator.environment, PATH=f"{built('modelfleet').parent}:"
                                                           + self.operator.environment["PATH"])
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", env=environment,
                              timeout=120, check=False)
        run = Run(done.returncode, done.stdout, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        self.assertEqual(run.code, code, run)
        return run

    def install(self, *arguments, code=OK):
        """Runs the playbook; {(host, task): (outcome, result)} of what ran."""
        run = self.run_program(built("run-playbook"), "--json", "-i", self.site.inventory,
                               *arguments, PLAYBOOK, code=code)
        return {(event["host"], event["task"]): (event["outcome"], event["result"])
                for event in run.events if event["event"] == "task"}


class DownloadTest(CoralCase):
    """The store is filled; no host is needed for that."""

    DATA = bytes(range(256)) * 4000

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="modelfleet-")
        self.addCleanup(directory.cleanup)
        self.make_site(directory.name)
        self.site.write_inventory({}, {}, f"{DATA}/model_registry", [])

    def file(self, server, data=None, name="driver.deb"):
        """An entry of `files`, with the digest of some data."""
        return {"name": name, "download_url": f"{server.url}/{name}",
                "sha256": hashlib.sha256(self.DATA if data is None else data).hexdigest()}

    def download(self, *arguments, code=OK):
        return self.run_program(DOWNLOAD, "-i", self.site.inventory, *arguments, code=code)

    def names(self):
        return sorted(path.name for path in self.store.iterdir())

    def test_what_the_store_lacks_is_fetched_once(self):
        with web_server({"driver.deb": self.DATA}) as server:
            self.set_package(DRIVER, "1.0", self.file(server))
            self.download()
            self.assertEqual((self.store / "driver.deb").read_bytes(), self.DATA)
            self.download()
            self.assertEqual(server.asked, [("driver.deb", None)])
        self.assertEqual(self.names(), ["driver.deb"])

    def test_a_wrong_digest_leaves_nothing_under_the_name(self):
        with web_server({"driver.deb": self.DATA}) as server:
            self.set_package(DRIVER, "1.0", self.file(server, b"something else"))
            run = self.download(code=HOST_FAILED)
        self.assertIn("driver.deb", run.stdout)
        self.assertIn("checksum", run.stdout)
        self.assertEqual(self.names(), [])

    def test_a_wrong_digest_leaves_what_was_there(self):
        self.store.mkdir()
        (self.store / "driver.deb").write_bytes(b"of last year")
        with web_server({"driver.deb": self.DATA}) as server:
            self.set_package(DRIVER, "1.0", self.file(server, b"something else"))
            self.download(code=HOST_FAILED)
        self.assertEqual((self.store / "driver.deb").read_bytes(), b"of last year")

    def test_a_download_that_was_cut_goes_on(self):
        with web_server({"driver.deb": self.DATA}, cut=["driver.deb"]) as server:
            self.set_package(DRIVER, "1.0", self.file(server))
            self.download()
            ranges = [asked for _, asked in server.asked]
        self.assertEqual((self.store / "driver.deb").read_bytes(), self.DATA)
        self.assertEqual(ranges, [None, f"bytes={len(self.DATA) // 2}-"])

    def test_a_file_that_the_server_does_not_have(self):
        with web_server({}) as server:
            self.set_package(DRIVER, "1.0", self.file(server))
            run = self.download(code=HOST_FAILED)
        self.assertIn("404", run.stdout)
        self.assertEqual(self.names(), [])

    def test_check_fetches_nothing(self):
        with web_server({"driver.deb": self.DATA}) as server:
            self.set_package(DRIVER, "1.0", self.file(server))
            self.download("--check")
        self.assertFalse(self.store.exists())

    def test_versions_alone_need_no_server(self):
        self.set_package(DRIVER, "1.0")
        self.download()
        self.assertFalse(self.store.exists())


@unittest.skipUnless(shutil.which("dpkg-deb"), "needs dpkg-deb")
@unittest.skipUnless(pip_of_this_machine(), "needs a pip to give to the hosts")
class InstallTest(CoralCase, BootedCase):
    """n01 is a sentinel, n02 an outpost; which accelerator they have, the tests say."""

    host_count = 2
    fleet_name = "coral"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for host in cls.fleet.hosts:
            give_pip(host)

    def setUp(self):
        self.make_site(self.fleet.directory / self._testMethodName)
        self.store.mkdir(parents=True)
        for host in self.fleet.hosts:
            host.shell(f"dpkg --purge {DRIVER} 2>/dev/null || true; rm -rf {VENV} {DATA}; "
                       f"install -d -o admin {DATA}; "
                       f"python3 -m venv --without-pip --system-site-packages {VENV}")

    def write_site(self, sentinel=None, outpost=None, **variables):
        hosts = [self.fleet.host_variables(host, "admin") for host in self.fleet.hosts]
        self.site.write_inventory(
            {"n01": {**hosts[0], **(sentinel or {})}}, {"n02": {**hosts[1], **(outpost or {})}},
            f"{DATA}/model_registry", ["mobilenet_ssd"], sentinelcam_data_path=DATA,
            coral_virtualenv=VENV, **variables)

    def add_packages(self, deb="16.0tf2.17.1-1", wheel="2.17.1"):
        """Both packages in a version, in the store and in coral_packages."""
        build_deb(self.store, deb, DRIVER, architecture="amd64")
        build_wheel(self.store, wheel, RUNTIME, tag="cp311-cp311-linux_x86_64")
        self.set_package(DRIVER, deb)
        self.set_package(RUNTIME, wheel)

    def installed(self, host):
        """(version of the driver, version of the runtime), each '' where it is not there."""
        deb = self.fleet[host].run("dpkg-query", "-W", "-f", "${Version}", DRIVER, check=False)
        wheel = self.fleet[host].run(f"{VENV}/bin/python", "-c",
                                     f"import {RUNTIME}; print({RUNTIME}.version)", check=False)
        return deb.stdout.decode().strip(), wheel.stdout.decode().strip()

    def outcomes(self, host, *arguments, code=OK):
        tasks = self.install(*arguments, code=code)
        return [tasks[host, name][0] if (host, name) in tasks else None
                for name in ("Install Debian packages", "Install Python wheels")]

    def test_installed_and_unchanged_on_the_second_run(self):
        self.write_site(sentinel=CORAL)
        self.add_packages()
        self.assertEqual(self.outcomes("n01"), ["changed", "changed"])
        self.assertEqual(self.installed("n01"), ("16.0tf2.17.1-1", "2.17.1"))
        self.assertEqual(self.outcomes("n01"), ["ok", "ok"])
        self.assertEqual(self.installed("n02"), ("", ""))

    def test_another_version_replaces_it(self):
        self.write_site(sentinel=CORAL)
        self.add_packages()
        self.install()
        self.add_packages("16.0tf2.18.0-1", "2.18.0")
        self.assertEqual(self.outcomes("n01"), ["changed", "changed"])
        self.assertEqual(self.installed("n01"), ("16.0tf2.18.0-1", "2.18.0"))

    def test_an_outpost_with_a_coral(self):
        self.write_site(outpost={"imagenode_accelerator_type": "coral"})
        self.add_packages()
        self.install()
        self.assertEqual(self.installed("n01"), ("", ""))
        self.assertEqual(self.installed("n02"), ("16.0tf2.17.1-1", "2.17.1"))

    def test_hosts_without_a_coral_are_left_alone(self):
        self.write_site(sentinel={"sentinel_accelerator_type": "cpu"})
        self.add_packages()
        self.assertEqual(self.outcomes("n01"), ["skipped", "skipped"])
        self.assertEqual(self.installed("n01"), ("", ""))

    def test_ncs2_is_deprecated(self):
        self.write_site(sentinel={"sentinel_accelerator_type": "ncs2"})
        self.add_packages()
        tasks = self.install()
        self.assertIn("deprecated", tasks["n01", "NCS2 is deprecated"][1]["msg"])
        self.assertEqual(tasks["n02", "NCS2 is deprecated"][0], "skipped")
        self.assertEqual(self.installed("n01"), ("", ""))

    def test_a_package_that_is_not_there(self):
        """Files of other versions, processors, releases and Pythons do not count."""
        self.write_site(sentinel=CORAL)
        self.add_packages()
        for path in self.store.iterdir():
            path.unlink()
        for name in (f"{DRIVER}_16.0tf2.17.1-1_arm64.deb", f"{DRIVER}_16.0tf2.17.1-10_amd64.deb",
                     f"{DRIVER}_16.0tf2.17.1-1.bullseye_amd64.deb",
                     f"{RUNTIME}-2.17.1-cp311-cp311-linux_aarch64.whl",
                     f"{RUNTIME}-2.17.1-cp39-cp39-linux_x86_64.whl",
                     f"{RUNTIME}-2.17.10-cp311-cp311-linux_x86_64.whl"):
            (self.store / name).write_bytes(b"")
        tasks = self.install(code=HOST_FAILED)
        outcome, result = tasks["n01", "There is a file of each package for this host"]
        self.assertEqual(outcome, "failed")
        for text in (str(self.store), DRIVER, RUNTIME, "bookworm", "x86_64", "cp311",
                     "download-coral-packages"):
            self.assertIn(text, result["msg"])

    def test_names_as_builders_write_them(self):
        self.write_site(sentinel=CORAL)
        build_deb(self.store, "1:16.0-1", DRIVER).rename(
            self.store / f"{DRIVER}_16.0-1.bookworm_amd64.deb")
        build_wheel(self.store, "2.17.1", RUNTIME, tag="cp37-abi3-manylinux_2_17_x86_64")
        self.set_package(DRIVER, "1:16.0-1")
        self.set_package(RUNTIME.replace("_", "-"), "2.17.1")
        self.assertEqual(self.outcomes("n01"), ["changed", "changed"])
        self.assertEqual(self.installed("n01"), ("1:16.0-1", "2.17.1"))

    def test_fetched_and_installed_by_one_command(self):
        self.write_site(sentinel=CORAL)
        made = build_deb(self.directory, "3.0", DRIVER)
        data = made.read_bytes()
        with web_server({made.name: data}) as server:
            self.set_package(DRIVER, "3.0", {
                "name": made.name, "download_url": f"{server.url}/{made.name}",
                "sha256": hashlib.sha256(data).hexdigest()})
            self.assertEqual(self.outcomes("n01"), ["changed", "skipped"])
        self.assertEqual(self.installed("n01")[0], "3.0")

    def test_check_installs_nothing(self):
        self.write_site(sentinel=CORAL)
        self.add_packages()
        self.assertEqual(self.outcomes("n01", "--check"), ["changed", "changed"])
        self.assertEqual(self.installed("n01"), ("", ""))

    def test_a_deploy_provisions_a_new_host(self):
        self.write_site(sentinel=CORAL, outpost={"imagenode_accelerator_type": "coral"})
        self.add_packages()
        self.site.add_version("mobilenet_ssd", "2026-01-12", {"model.tflite": b"weights"})
        run = self.operator.deploy()
        self.assertEqual(run.code, OK, run)
        for host in ("n01", "n02"):
            self.assertEqual(self.installed(host), ("16.0tf2.17.1-1", "2.17.1"))
            self.fleet[host].shell(
                f"test -e {DATA}/model_registry/mobilenet_ssd/2026-01-12/model.tflite")
        run = self.operator.deploy()
        self.assertEqual(run.host("n01")["state"], "unchanged", run)

    def test_a_deploy_without_its_packages_brings_no_models(self):
        """In a rollout by batches, packages come before the models of a host's turn."""
        self.write_site(sentinel=CORAL)
        self.add_packages()
        for path in self.store.iterdir():
            path.unlink()
        self.site.add_version("mobilenet_ssd", "2026-01-12", {"model.tflite": b"weights"})
        run = self.operator.deploy("--serial", "100%")
        self.assertEqual(run.host("n01")["state"], "failed", run)
        self.assertEqual(run.host("n02")["state"], "changed")
        self.fleet["n01"].shell(f"test ! -e {DATA}/model_registry/mobilenet_ssd")


if __name__ == "__main__":
    program.main()
