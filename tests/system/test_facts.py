#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every fact of a booted host, as Ansible's setup tells it and as ours does, at the same time.

What may differ is listed below, each with its reason; nothing else may, in either direction. The
host gets disks' links, interfaces of several kinds and local facts before, and the same is asked
without any address.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from harness import program
from harness.deploy import program as built
from harness.playbook import PlaybookCase

# Of Python, which a node need not have.
PYTHON = {"ansible_python", "ansible_python_version", "ansible_selinux_python_present",
          "discovered_interpreter_python"}
# Moments in time, and how full the node is then.
MOMENTS = {"ansible_date_time", "ansible_loadavg", "ansible_memfree_mb", "ansible_memory_mb",
           "ansible_swapfree_mb", "ansible_uptime_seconds"}
FULLNESS = {"block_available", "block_used", "size_available", "inode_available", "inode_used"}
# Who asks: Ansible comes by another session, with a terminal.
SESSION = {"ansible_env"}
# Ansible newer than 2.14 has the point release of Debian here, and so have we.
VERSION = {"ansible_distribution_version"}
SKIPPED = PYTHON | MOMENTS | SESSION | VERSION

NETWORK = """
ip link add spare0 type veth peer name spare1
ip addr add 192.0.2.1/24 brd + dev spare0
ip addr add 192.0.2.2/24 dev spare0
ip addr add 203.0.113.9/28 dev spare0
ip addr add 2001:db8::1/64 dev spare0 nodad || echo "IPv6 is switched off"
ip link set spare0 up
ip link set spare1 up
ip link add bridge0 type bridge
ip link add port0 type veth peer name port1
ip link set port0 master bridge0 up
ip link set bridge0 up
ip addr add 198.51.100.1/30 dev bridge0 label bridge0:1
ip addr add 192.0.2.3/24 dev spare0 label spare0:2
"""


def stable(value):
    """A fact without what changes from moment to moment, and lists in one order."""
    if isinstance(value, dict):
        return {k: stable(v) for k, v in value.items() if k not in FULLNESS}
    if isinstance(value, list):
        return sorted((stable(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


class FactsTest(PlaybookCase):
    fleet_name = "facts"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The one that is there shows the devices of the machine around the host.
        cls.host.shell("mount -t sysfs sysfs /sys")

    def ansible(self, module, arguments=""):
        """The facts that one of Ansible's modules tells of the host."""
        inventory = self.directory / "hosts.json"
        inventory.write_text(self.fleet.inventory())
        with tempfile.TemporaryDirectory(prefix="facts.") as tree:
            environment = dict(os.environ, ANSIBLE_CONFIG="/nowhere.cfg",
                               ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3")
            done = subprocess.run(
                ["ansible", "-i", inventory, "all", "-m", module, "-a", arguments, "-t", tree],
                env=environment, capture_output=True, text=True, timeout=300, check=False)
            answer = Path(tree, "n01")
            self.assertTrue(answer.exists(), done.stdout + done.stderr)
            return json.loads(answer.read_text())["ansible_facts"]

    def ours(self, module, arguments=None):
        outcome, result = self.task({module: arguments or {}})
        self.assertEqual(outcome, "ok", result)
        return result["ansible_facts"]

    def compare(self, ours, theirs, skipped=frozenset()):
        for key in sorted(set(ours) | set(theirs)):
            if key in skipped:
                continue
            with self.subTest(fact=key):
                self.assertIn(key, ours)
                self.assertIn(key, theirs)
                self.assertEqual(stable(ours[key]), stable(theirs[key]))

    def test_every_fact(self):
        theirs = self.ansible("setup")
        ours = self.ours("setup")
        self.compare(ours, theirs, SKIPPED)
        self.assertTrue(ours["ansible_distribution_version"].startswith(
            theirs["ansible_distribution_version"]))
        self.assertEqual(set(ours["ansible_date_time"]), set(theirs["ansible_date_time"]))
        self.assertEqual({k: set(v) for k, v in ours["ansible_memory_mb"].items()},
                         {k: set(v) for k, v in theirs["ansible_memory_mb"].items()})

    def test_interfaces_of_many_kinds(self):
        self.host.shell(NETWORK)
        theirs = self.ansible("setup", "gather_subset=!all,!min,network")
        ours = self.ours("setup", {"gather_subset": ["!all", "!min", "network"]})
        self.compare(ours, theirs, SKIPPED)
        self.assertIn("192.0.2.2", ours["ansible_all_ipv4_addresses"])
        self.assertEqual(len(ours["ansible_spare0"]["ipv4_secondaries"]), 3)
        self.assertEqual(ours["ansible_bridge0"]["type"], "bridge")
        self.assertNotIn("8.8.8.8", json.dumps(ours))

    def test_an_ordinary_user_sees_less(self):
        outcome, result = self.task({"setup": {}}, user="admin")
        self.assertEqual(outcome, "ok", result)
        facts = result["ansible_facts"]
        self.assertEqual(facts["ansible_user_id"], "admin")
        self.assertEqual(facts["ansible_lvm"], "N/A")
        self.assertNotEqual(facts["ansible_effective_user_id"], 0)

    def test_services(self):
        self.compare(self.ours("service_facts")["services"],
                     self.ansible("service_facts")["services"])

    def test_getent(self):
        for database in ("passwd", "group", "services", "protocols"):
            key = f"getent_{database}"
            theirs = self.ansible("getent", f"database={database}")[key]
            self.assertEqual(self.ours("getent", {"database": database})[key], theirs)

    def test_mounts_are_those_of_setup(self):
        self.host.shell("mkdir -p /mnt/small && mount -t tmpfs -o size=1m small /mnt/small")
        points = self.ours("mount_facts")["mount_points"]
        self.assertEqual(points["/mnt/small"]["fstype"], "tmpfs")
        self.assertEqual(points["/mnt/small"]["size_total"], 1 << 20)
        self.assertEqual(points["/mnt/small"]["ansible_context"]["source"], "/etc/mtab"
                         if (self.host.root / "etc/mtab").is_symlink() else "/proc/mounts")
        for mount in self.ours("setup", {"filter": "ansible_mounts"})["ansible_mounts"]:
            self.assertEqual(points[mount["mount"]]["size_total"], mount["size_total"])

    def test_mounts_by_pattern_and_source(self):
        self.write("/srv/fstab", "# none\n/dev/disk/by-label/data /data ext4 defaults 0 2\n"
                                 "server:/export /srv/nfs nfs ro 0 0\n")
        facts = self.ours("mount_facts", {"sources": ["/srv/fstab"], "fstypes": ["ext*"]})
        self.assertEqual(list(facts["mount_points"]), ["/data"])
        self.assertEqual(facts["mount_points"]["/data"]["passno"], 2)
        self.assertEqual(facts["aggregate_mounts"], [])
        facts = self.ours("mount_facts", {"sources": ["/srv/fstab"], "devices": ["*:/*"],
                                          "include_aggregate_mounts": True})
        self.assertEqual([m["mount"] for m in facts["aggregate_mounts"]], ["/srv/nfs"])

    def test_facts_are_variables_before_and_after_other_modules(self):
        results = self.play(
            {"service_facts": {}},
            {"debug": {"msg": "{{ ansible_facts.services | length > 5 }} {{ ansible_facts.hostname"
                              " }} {{ ansible_hostname }} {{ services is defined }}"}},
            {"setup": {"filter": "ansible_os_family"}},
            {"debug": {"msg": "{{ ansible_facts.os_family }} {{ ansible_facts.services is defined"
                              " }} {{ ansible_facts.kernel is defined }}"}},
            gather_facts=True)
        said = [result["msg"] for _, result in results if "msg" in result]
        self.assertEqual(said, ["True n01 n01 True", "Debian True True"])

    def test_other_hosts_read_facts(self):
        inventory = json.loads(self.fleet.inventory())
        inventory["all"]["hosts"]["twin"] = inventory["all"]["hosts"]["n01"]
        hosts, playbook = self.directory / "twins.json", self.directory / "twins.yaml"
        hosts.write_text(json.dumps(inventory))
        said = "{{ hostvars['%s'].ansible_hostname }} {{ hostvars['%s'].ansible_facts.kernel }}"
        playbook.write_text(json.dumps([
            {"hosts": "twin", "tasks": []},
            {"hosts": "n01", "gather_facts": False,
             "tasks": [{"debug": {"msg": said % ("twin", "twin")}}]}]))
        run = self._run([built("run-playbook"), "--json", "-i", hosts, playbook])
        self.assertEqual(run.code, 0, run)
        messages = [e["result"]["msg"] for e in run.events
                    if e["event"] == "task" and "msg" in e["result"]]
        self.assertEqual(messages, [f"n01 {os.uname().release}"])

    def test_a_template_that_asks_for_python_is_told(self):
        results = self.play(
            {"debug": {"msg": "{{ ansible_python_version }}"}}, gather_facts=True, code=2)
        outcome, result = results[-1]
        self.assertEqual(outcome, "failed")
        self.assertIn("ansible_python_version", result["msg"])


if __name__ == "__main__":
    program.main()
