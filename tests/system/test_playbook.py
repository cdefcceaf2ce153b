#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run-playbook and fleet-status as an operator uses them; ansible-playbook is the oracle."""

import json
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import program
from harness.booted import BootedCase
from harness.case import FIRST, MODEL, OTHER, SECOND, LoopbackCase
from harness.deploy import HOST_FAILED, OK, UNREACHABLE, Run, finish
from harness.deploy import program as built

REFUSED, INTERRUPTED = 4, 99  # run-playbook ends as ansible-playbook does
PATIENCE = 120  # seconds that only a hang reaches

PLAYBOOK = """\
- name: First
  hosts: all:!datasinks
  gather_facts: false
  vars: {greeting: hello}
  pre_tasks:
    - name: Before
      command: echo before
      notify: early
  tasks:
    - name: Say it
      debug: {msg: "{{ greeting }} {{ inventory_hostname }}"}
    - name: A file
      copy: {dest: "{{ data_path }}.txt", content: "{{ greeting }}\\n", mode: "0644"}
      notify: late
    - name: Loop
      command: "echo {{ item }}"
      loop: [a, b]
      changed_when: item == 'a'
    - name: Ignored
      fail: {msg: never mind}
      when: inventory_hostname == 'node2'
      ignore_errors: true
    - block:
        - name: Breaks
          fail: {msg: broken}
          when: inventory_hostname == 'node2'
      rescue:
        - name: Mends
          debug: {var: greeting}
    - name: Items that fail
      fail: {msg: "{{ item }}"}
      loop: [x, y]
      when: inventory_hostname == 'node2'
  post_tasks:
    - name: After
      debug: {msg: done}
  handlers:
    - name: late
      command: echo late
    - name: early
      command: echo early
- name: Second
  hosts: node1
  gather_facts: false
  tasks:
    - name: Still here
      debug: {msg: here}
- name: Nobody
  hosts: all:!datasinks:!node1:!node2
  gather_facts: false
  tasks:
    - debug: {msg: never}
"""


def sections(output):
    """{heading: its lines, sorted}: hosts may be in any order within a task. Times are left out."""
    text = re.sub(r'"(delta|start|end)": "[^"]*"', r'"\1": ""', output)
    found, heading = [], None
    for line in text.splitlines():
        if re.search(r" \*{3,}$", line):
            heading = line
            found.append((heading, []))
        elif line and heading:
            found[-1][1].append(line)
    return [(heading, sorted(lines)) for heading, lines in found]


class PlaybookCase(LoopbackCase):
    def write(self, text, name="site.yaml"):
        path = self.directory / name
        path.write_text(text)
        return path

    def command(self, *arguments, name="run-playbook"):
        return [str(word) for word in (built(name), "-i", self.site.inventory, *arguments)]

    def play(self, playbook, *arguments, code=OK, name="run-playbook"):
        run = self.operator._run(self.command(playbook, *arguments, name=name), 120)
        self.assertEqual(run.code, code, run)
        return run

    def status(self, *arguments, code=OK):
        run = self.operator._run(self.command("--json", *arguments, name="fleet-status"), 120)
        self.assertEqual(run.code, code, run)
        return {event["host"]: event for event in run.events if event["event"] == "host"}


@unittest.skipUnless(shutil.which("ansible-playbook"), "ansible-playbook is the oracle")
class OracleTest(PlaybookCase):
    def ansible(self, playbook, *arguments):
        environment = dict(self.operator.environment, ANSIBLE_RETRY_FILES_ENABLED="0",
                           ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
                           ANSIBLE_SSH_ARGS=f"-F {self.nodes.directory}/ssh_config")
        done = subprocess.run(["ansible-playbook", "-i", str(self.site.inventory), str(playbook),
                               *arguments], capture_output=True, encoding="utf-8", timeout=240,
                              env=environment, check=False, stdin=subprocess.DEVNULL)
        return Run(done.returncode, done.stdout, done.stderr)

    def compare(self, *arguments):
        playbook = self.write(PLAYBOOK)
        theirs = self.ansible(playbook, *arguments)
        self.assertIn("PLAY RECAP", theirs.stdout, theirs)
        for node in self.nodes.nodes:
            (node.home / "data.txt").unlink(missing_ok=True)
        ours = self.play(playbook, *arguments, code=theirs.code)
        self.maxDiff = None
        self.assertEqual(sections(ours.stdout), sections(theirs.stdout))

    def test_the_lines_are_those_of_ansible_playbook(self):
        self.compare()

    def test_a_check_too(self):
        self.compare("--check")

    def test_tags_and_lists(self):
        tagged = PLAYBOOK.replace("    - name: Say it\n", "    - name: Say it\n      tags: [a, b]\n")
        playbook = self.write(tagged)
        for arguments in (["--list-tasks", "--tags", "a"], ["--list-tags"], ["--syntax-check"],
                          ["--list-tasks", "--skip-tags", "b"]):
            theirs = self.ansible(playbook, *arguments)
            ours = self.play(playbook, *arguments)
            self.assertEqual(ours.stdout.split(), theirs.stdout.split(), arguments)


class CommandTest(PlaybookCase):
    def test_what_is_not_there_is_refused_before_a_host_is_touched(self):
        playbook = self.write("- hosts: all\n  tasks:\n    - copy: {dest: /nowhere/x, content: x}\n"
                              "    - no_such_module:\n    - command: {comand: x}\n")
        run = self.play(playbook, code=REFUSED)
        self.assertIn("site.yaml:4", run.stderr)
        self.assertIn("no_such_module", run.stderr)
        self.assertIn("site.yaml:5", run.stderr)
        self.assertEqual(run.stdout, "")

    def test_a_host_that_is_away(self):
        self.nodes["node2"].stop()
        run = self.play(self.write("- hosts: all:!datasinks\n  gather_facts: false\n  tasks:\n"
                                   "    - command: id\n"), code=UNREACHABLE)
        self.assertRegex(run.stdout, r"fatal: \[node2\]: UNREACHABLE! => \{")
        self.assertRegex(run.stdout, r"node2 +: ok=0 +changed=0 +unreachable=1")
        self.assertRegex(run.stdout, r"node1 +: ok=1 ")

    def test_a_difference_is_shown(self):
        node = self.nodes["node1"]
        (node.home / "data.txt").write_text("one\ntwo\n")
        run = self.play(self.write("- hosts: node1\n  gather_facts: false\n  tasks:\n    - copy:\n"
                                   "        dest: '{{ data_path }}.txt'\n"
                                   "        content: \"one\\n2\\n\"\n"), "--diff")
        self.assertIn("\n one\n-two\n+2\n", run.stdout)
        self.assertEqual((node.home / "data.txt").read_text(), "one\n2\n")

    def test_events_say_what_the_lines_say(self):
        run = self.play(self.write(PLAYBOOK), "--json", code=HOST_FAILED)
        outcomes = {(event["host"], event["task"]): event["outcome"] for event in run.events
                    if event["event"] == "task"}
        self.assertEqual(outcomes["node1", "A file"], "changed")
        self.assertEqual(outcomes["node2", "Ignored"], "ignored")
        self.assertEqual(outcomes["node2", "Breaks"], "rescued")
        self.assertEqual(outcomes["node1", "Breaks"], "skipped")
        self.assertEqual(run.host("node2")["state"], "failed")
        self.assertEqual(run.host("node2")["task"], "Items that fail")
        self.assertEqual(run.host("node1")["tasks"]["failed"], 0)
        self.assertEqual(run.totals["failed"], 1)

    def test_an_interrupt_finishes_the_task(self):
        playbook = self.write("- hosts: node1\n  gather_facts: false\n  tasks:\n"
                              "    - name: slow\n      shell: touch '{{ data_path }}.begun'; sleep 2;\n"
                              "        touch '{{ data_path }}.end'\n"
                              "    - command: touch '{{ data_path }}.never'\n")
        process = subprocess.Popen(self.command("--json", playbook), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.operator.environment)
        home = self.nodes["node1"].home
        until = time.monotonic() + PATIENCE
        while not (home / "data.begun").exists() and process.poll() is None:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        run = finish(process)
        self.assertEqual(run.code, INTERRUPTED, run)
        self.assertTrue((home / "data.end").exists())
        self.assertFalse((home / "data.never").exists())

    def test_two_playbooks_have_a_recap_each(self):
        one = self.write("- hosts: all:!datasinks\n  gather_facts: false\n  tasks:\n    - command: id\n")
        two = self.write("- hosts: node1\n  gather_facts: false\n  tasks:\n    - command: id\n",
                         "two.yaml")
        run = self.play(one, two)
        _, first, second = run.stdout.split("PLAY RECAP")
        self.assertRegex(first, r"node1 +: ok=1 ")
        self.assertRegex(first, r"node2 +: ok=1 ")
        self.assertRegex(second, r"node1 +: ok=2 ")
        self.assertRegex(second, r"node2 +: ok=1 ")

    def test_deploy_without_activation_runs_no_other_task(self):
        run = self.deploy("--no-activate")
        self.assert_deployed("node1", OTHER)
        self.assertEqual({event["task"] for event in run.events if event["event"] == "task"},
                         {"Bring the models"})


class StatusTest(PlaybookCase):
    node_count = 3

    def test_before_a_deploy_all_is_absent(self):
        hosts = self.status(code=HOST_FAILED)
        self.assertEqual(hosts["node1"]["state"], "differs")
        self.assertEqual([(model["model"], model["state"], model["there"])
                          for model in hosts["node2"]["models"]], [(MODEL, "absent", [])])
        self.assertIsNone(hosts["node1"]["deployed"])
        self.assertFalse(self.registry("node1").exists())

    def test_after_a_deploy_all_is_as_wanted(self):
        self.deploy()
        hosts = self.status()
        self.assertEqual({model["model"]: model["there"] for model in hosts["node1"]["models"]},
                         {MODEL: [FIRST], OTHER: [FIRST]})
        self.assertEqual(hosts["node1"]["deploy_outcome"], "changed")

    def test_each_difference_has_its_word(self):
        self.deploy()
        (self.path("node1") / "own.txt").write_text("a note")
        (self.path("node2") / "labels.txt").unlink()
        self.nodes["node3"].stop()
        hosts = self.status(code=HOST_FAILED)
        states = {name: [model["state"] for model in host["models"] if model["model"] == MODEL]
                  for name, host in hosts.items()}
        self.assertEqual(states, {"node1": ["drifted"], "node2": ["differs"], "node3": []})
        self.assertEqual(hosts["node3"]["state"], "away")
        self.status("--limit", "node3", code=UNREACHABLE)

    def test_a_new_version_is_wanted_and_the_old_one_there(self):
        self.deploy()
        self.site.add_version(MODEL, SECOND, {"model.tflite": b"new"})
        self.deploy("--limit", "node2")
        hosts = self.status(code=HOST_FAILED)
        there = {name: host["models"][0] for name, host in hosts.items() if name != "node1"}
        self.assertEqual((there["node2"]["state"], there["node2"]["there"]),
                         ("ok", [SECOND, FIRST]))
        self.assertEqual((there["node3"]["state"], there["node3"]["there"]), ("absent", [FIRST]))

    def test_the_table_names_what_is_wrong(self):
        self.deploy()
        (self.path("node1") / "own.txt").write_text("a note")
        run = self.operator._run(self.command(name="fleet-status"), 60)
        self.assertEqual(run.code, HOST_FAILED, run)
        self.assertRegex(run.stdout, rf"node1 differs\n  {MODEL} +{FIRST} +{FIRST} +{FIRST} +report "
                                     r" drifted 1\n      own.txt: not part of the version")
        self.assertIn("3 hosts: 2 as wanted, 1 differs, 0 away", run.stdout)


SERVICE_PLAYBOOK = """\
- name: A service and its config
  hosts: all
  become: true
  gather_facts: false
  tasks:
    - name: Unit
      copy:
        dest: /etc/systemd/system/clock.service
        content: "[Service]\\nEnvironmentFile=/etc/clock\\nExecStart=/bin/sleep $SECONDS\\n"
      notify: restart clock
    - name: Config
      template: {src: clock.j2, dest: /etc/clock, mode: "0644"}
      notify: restart clock
  handlers:
    - name: restart clock
      systemd: {name: clock, state: restarted, daemon_reload: true}
"""


class BootedTest(BootedCase):
    """With systemd, and sudo without and with a password."""

    host_count = 2
    fleet_name = "playbook"

    def setUp(self):
        self.directory = self.fleet.directory / "site"
        self.directory.mkdir(exist_ok=True)
        (self.directory / "site.yaml").write_text(SERVICE_PLAYBOOK)
        (self.directory / "templates").mkdir(exist_ok=True)

    def play(self, user, seconds, **variables):
        hosts = {host.name: {**self.fleet.host_variables(host, user), **variables}
                 for host in self.fleet.hosts}
        inventory = self.directory / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        (self.directory / "templates/clock.j2").write_text(f"SECONDS={seconds}\n")
        return subprocess.run([str(built("run-playbook")), "-i", str(inventory),
                               str(self.directory / "site.yaml")], capture_output=True, text=True,
                              timeout=120, check=False, stdin=subprocess.DEVNULL)

    def pids(self):
        return [host.shell("systemctl show -P MainPID clock").strip() for host in self.fleet.hosts]

    def test_a_handler_restarts_once_and_only_for_a_change(self):
        done = self.play("admin", 1000)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("RUNNING HANDLER [restart clock]"), 1)
        before = self.pids()
        self.assertNotIn("0", before)
        done = self.play("admin", 1000)
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertNotIn("RUNNING HANDLER", done.stdout)
        self.assertEqual(self.pids(), before)
        done = self.play("careful", 1001, ansible_become_password="correct horse")
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"n01 +: ok=3 +changed=2 ")
        self.assertTrue(all(a != b for a, b in zip(self.pids(), before)))

    def test_a_wrong_password_is_told_and_not_shown(self):
        done = self.play("careful", 5, ansible_become_password="a wrong one")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("password", done.stdout)
        self.assertNotIn("a wrong one", done.stdout + done.stderr)


if __name__ == "__main__":
    program.main()
