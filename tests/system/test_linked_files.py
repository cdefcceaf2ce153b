#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Datasinks: files of a model under linked names, moved with the version, on booted hosts."""

import subprocess
from pathlib import Path

from harness import program
from harness.booted import BootedCase
from harness.activation import brief
from harness.deploy import OK, Operator, Run
from harness.deploy import program as built
from harness.store import Site, yaml

PROJECT = Path(__file__).resolve().parents[2]
PLAYBOOK = PROJECT / "playbooks/deploy-models.yaml"
TEMPLATE = "tasks/datapump_facelist.yaml.j2"
MODEL, OTHER = "face_recognition", "mobilenet_ssd"
FIRST, SECOND = "2025-11-20", "2026-02-02"
DATA = "/srv/sentinelcam"
LINKS = f"{DATA}/{MODEL}"
CONFIG = f"{DATA}/datapump/facelist.yaml"
FILES = ("facelist.csv", "facedata.hdf5")

DATAPUMP = f"""\
[Service]
ExecStart=/bin/sh -ec 'grep -q . {CONFIG}; exec sleep infinity'
"""


def files_of(version):
    """A version's files: two that datasinks read, and weights that they do not."""
    return {"facelist.csv": f"name,id\n{version},1\n".encode(),
            "facedata.hdf5": f"{version} ".encode() * 3000,
            "model.tflite": b"weights"}


class LinkedFilesTest(BootedCase):
    """n01 is the primary datasink, run on by this machine's programs; n02 is another one."""

    host_count = 2
    fleet_name = "linked"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for host in cls.fleet.hosts:
            host.run("tee", "/etc/systemd/system/datapump.service", stdin=DATAPUMP.encode())
            host.shell("systemctl daemon-reload")

    def setUp(self):
        self.directory = self.fleet.directory / self._testMethodName
        self.site = Site(self.directory / "site")
        self.operator = Operator(self.directory / "operator", self.site.inventory)
        for host in self.fleet.hosts:
            host.shell(f"systemctl stop datapump; rm -rf {DATA} /var/lib/modelfleet; "
                       f"install -d -o admin {DATA}")
        for version in (FIRST, SECOND):
            self.site.add_version(MODEL, version, files_of(version))
        self.site.add_version(OTHER, "2026-01-12", {"model.tflite": b"eyes"})
        self.site.set_current(MODEL, FIRST)
        self.write_site()

    def write_site(self, keeper=None):
        """n02 is a datasink. The primary one is this machine, or what `keeper` says."""
        self.site.write_inventory({}, {}, f"{DATA}/model_registry", [], keeper,
                                  sentinelcam_data_path=DATA)
        attic = self.fleet.host_variables(self.fleet["n02"], "admin")
        self.site._write("attic.yaml", {"datasinks": {"hosts": {"n02": attic}}})
        templates = self.site.directory / "templates"
        (templates / "tasks").mkdir(parents=True, exist_ok=True)
        (templates / TEMPLATE).write_text((PROJECT / "templates" / TEMPLATE).read_text())
        group = self.site.inventory / "group_vars/datasinks"
        group.mkdir(parents=True, exist_ok=True)
        (group / "models.yaml").write_text(yaml({
            "model_set": [{"model": MODEL, "linked_files": list(FILES)}, OTHER],
            "model_configs": [{"src": TEMPLATE, "dest": "{{ sentinelcam_data_path }}/datapump/"
                               "facelist.yaml", "models": [MODEL], "services": ["datapump"]}],
            "model_services": [{"name": "datapump", "health": {"stable": 1, "deadline": 15}}]}))

    def deploy(self, *arguments, code=OK):
        """Deploys to n02 alone: what the primary does would be done to this machine."""
        run = self.operator.deploy("--limit", "n02", *arguments)
        self.assertEqual(run.code, code, brief(run))
        return run

    def shell(self, script):
        return self.fleet["n02"].shell(script)

    def assert_links(self, version, *versions):
        """The current names lead to a version; the files of `versions` and no others are there."""
        expected = sorted(f"{stem}_{name}{end}" for stem, end in (("facelist", ".csv"),
                                                                  ("facedata", ".hdf5"))
                          for name in (*versions, "current"))
        self.assertEqual(sorted(self.shell(f"ls -A {LINKS}").split()), expected)
        for stem, end in (("facelist", ".csv"), ("facedata", ".hdf5")):
            current = f"{LINKS}/{stem}_current{end}"
            self.assertEqual(self.shell(f"readlink {current}").strip(), f"{stem}_{version}{end}")
            self.assertEqual(self.shell(f"cat {current}").encode(),
                             files_of(version)[stem + end])

    def invocation(self):
        return self.shell("systemctl show -p InvocationID --value datapump").strip()

    def test_the_files_alone_under_names_with_their_version(self):
        self.deploy()
        self.assert_links(FIRST, FIRST)
        self.shell(f"test ! -e {DATA}/model_registry/{MODEL}/{FIRST}/model.tflite")
        self.assertIn(f"file: {LINKS}/facelist_{FIRST}.csv", self.shell(f"cat {CONFIG}"))
        self.assertEqual(self.shell(f"stat -c %U {LINKS}/facelist_{FIRST}.csv {LINKS}").split(),
                         ["admin", "admin"])

    def test_nothing_to_do_restarts_nothing(self):
        self.deploy()
        before = self.invocation()
        self.assertEqual(self.deploy().host("n02")["state"], "unchanged")
        self.assertEqual(self.invocation(), before)

    def test_a_version_change_moves_the_links_and_restarts(self):
        self.deploy()
        before = self.invocation()
        self.site.set_current(MODEL, SECOND)
        self.deploy()
        self.assert_links(SECOND, FIRST, SECOND)
        self.assertEqual(self.shell(f"cat {LINKS}/facelist_{FIRST}.csv").encode(),
                         files_of(FIRST)["facelist.csv"])
        self.assertNotEqual(self.invocation(), before)
        self.assertEqual(self.shell("systemctl is-active datapump").strip(), "active")

    def test_going_back_costs_no_bytes(self):
        self.deploy()
        self.site.set_current(MODEL, SECOND)
        self.deploy()
        before = self.invocation()
        self.site.set_current(MODEL, FIRST)
        run = self.deploy()
        self.assertEqual(run.totals["bytes_sent"], 0)
        self.assert_links(FIRST, FIRST, SECOND)
        self.assertNotEqual(self.invocation(), before)

    def test_tags_do_that_model_alone(self):
        run = self.deploy(f"--tags={MODEL}")
        self.assertEqual(run.outcomes("n02"), {MODEL: "sent"})
        self.assert_links(FIRST, FIRST)
        self.shell(f"test ! -e {DATA}/model_registry/{OTHER}")
        run = self.deploy(f"--tags={OTHER}")
        self.assertEqual(run.outcomes("n02"), {OTHER: "sent"})

    def test_a_service_that_does_not_live_takes_the_links_back(self):
        self.deploy()
        self.site.set_current(MODEL, SECOND)
        (self.site.directory / "templates" / TEMPLATE).write_text("")
        run = self.deploy(code=3)
        self.assertEqual(run.host("n02")["state"], "rolled_back")
        self.assert_links(FIRST, FIRST)
        self.assertIn(FIRST, self.shell(f"cat {CONFIG}"))

    def test_run_playbook_does_the_same(self):
        command = [built("run-playbook"), "-i", self.site.inventory, "--json", "--limit", "n02",
                   f"--tags={MODEL}", PLAYBOOK]
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", timeout=120,
                              env=self.operator.environment, check=False)
        run = Run(done.returncode, done.stdout, done.stderr)
        self.assertEqual(run.code, OK, run)
        self.assert_links(FIRST, FIRST)
        self.shell(f"test ! -e {DATA}/model_registry/{OTHER}; systemctl is-active datapump")

    def test_the_primary_reads_its_store(self):
        """The store lies on n01, which gets its config, and no links."""
        self.fleet["n01"].shell(f"install -d -o admin {DATA}/model_registry")
        keeper = self.fleet.host_variables(self.fleet["n01"], "admin")
        subprocess.run(["cp", "-r", f"{self.site.store}/.",
                        f"{self.fleet['n01'].root}{DATA}/model_registry"], check=True)
        self.write_site(keeper)
        self.site._write("host_vars/datasink.yaml", {
            "sentinelcam_model_registry": f"{DATA}/model_registry"})
        run = self.operator.deploy()
        self.assertEqual(run.code, OK, brief(run))
        host = self.fleet["n01"]
        self.assertIn(f"file: {DATA}/model_registry/{MODEL}/{FIRST}/facelist.csv",
                      host.shell(f"cat {CONFIG}"))
        host.shell(f"test ! -e {LINKS}; systemctl is-active datapump")
        self.assert_links(FIRST, FIRST)


if __name__ == "__main__":
    program.main()
