#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rollback-model on real hosts: another version is current, committed, deployed and in use."""

import os
import pty
import select
import signal
import subprocess
import time

from harness import program
from harness.activation import DATA, FIRST, MODEL, SECOND, ActivationCase, brief, events
from harness.deploy import CANNOT_RUN, OK, ROLLED_BACK, UNREACHABLE, finish
from harness.deploy import program as built
from harness.store import weights

MODEL_SIZE = 2_000_000
# What a rollback to a version that the nodes hold may send: handshakes, the plays' questions,
# a config. The model is ten times as large.
TALK_MAX = MODEL_SIZE // 10


class RollbackCase(ActivationCase):
    """Hosts that have two versions and run the second; the site lies in a git repository."""

    host_count = 2

    def setUp(self):
        super().setUp()
        (self.operator.home / ".gitconfig").write_text(
            "[user]\n\tname = Anna\n\temail = anna@example.org\n"
            "[init]\n\tdefaultBranch = main\n")
        self.git("init", "-q")
        (self.site.directory / ".gitignore").write_text("model_registry/\n")
        self.deploy()
        self.add_version(SECOND, "fine")
        self.deploy()
        self.commit("the site")

    def add_version(self, version, behaviour):
        self.site.add_version(MODEL, version, {
            "model.tflite": weights(MODEL_SIZE, version), "behaviour": behaviour.encode()})

    def behave(self, version, behaviour):
        """The service takes to a version otherwise from now on, wherever the version is."""
        (self.site.version_path(MODEL, version) / "behaviour").write_text(behaviour)
        for host in self.fleet.hosts:
            host.shell(f"echo -n {behaviour} > {self.on_host(version)}/behaviour")

    @staticmethod
    def on_host(version):
        return f"{DATA}/model_registry/{MODEL}/{version}"

    def git(self, *arguments, check=True):
        done = subprocess.run(["git", "-C", self.site.directory, *map(str, arguments)],
                              env=self.operator.environment, capture_output=True, text=True,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"git {arguments}: {done.stderr}")
        return done.stdout

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def commits(self):
        """The subjects of all commits, newest first."""
        return self.git("log", "--format=%s").splitlines()

    def command(self, *arguments):
        return [str(word) for word in
                (built("rollback-model"), "-i", self.site.inventory, *arguments)]

    def start(self, *arguments, **options):
        return subprocess.Popen(self.command(*arguments), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.operator.environment,
                                stdin=subprocess.DEVNULL, **options)

    def rollback(self, *arguments, code=OK):
        """Runs rollback-model as a script would, without a terminal, and expects an exit code."""
        run = finish(self.start(*arguments))
        self.assertNotIn("Sanitizer", run.stderr, run)
        self.assertEqual(run.code, code, brief(run))
        return run

    def registry_file(self):
        return self.site.inventory / "group_vars/all/model_registry.yaml"

    def registry(self):
        """(current, previous) as the registry's file says it."""
        found = dict(line.strip().split(": ", 1)
                     for line in self.registry_file().read_text().splitlines()
                     if "_version: " in line)
        return (found["current_version"].strip('"'), found["previous_version"].strip('"'))

    def assert_all(self, version):
        for host in self.fleet.hosts:
            self.assert_version(host.name, version)

    def assert_untouched(self):
        self.assertEqual(self.registry(), (SECOND, FIRST))
        self.assertEqual(self.commits(), ["the site"])
        self.assertEqual(self.git("status", "--porcelain"), "")
        for host in self.fleet.hosts:
            self.assertEqual(self.runs(host.name), ["fine", "fine"])

    def until(self, condition, what, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)


class MoveTest(RollbackCase):
    def test_back_to_the_previous_version(self):
        before = self.registry_file().read_text()
        run = self.rollback(MODEL, "--previous", "--yes", "--note", "it sees ghosts")
        self.assert_all(FIRST)
        self.assertEqual(self.commits(), [f"Roll back {MODEL} to {FIRST}", "the site"])
        self.assertIn("it sees ghosts", self.git("log", "-1", "--format=%b"))
        self.assertEqual(self.git("status", "--porcelain"), "")
        swapped = before.replace(SECOND, "X").replace(FIRST, SECOND).replace("X", FIRST)
        self.assertEqual(self.registry_file().read_text(), swapped)
        self.assertIn(f"{SECOND} -> {FIRST} (the previous version)", run.stdout)
        self.assertIn("2 hosts: 2 changed", run.stdout)
        self.rollback(MODEL, "--previous", "--yes")
        self.assert_all(SECOND)
        self.assertEqual(self.registry(), (SECOND, FIRST))

    def test_to_a_version_and_what_is_listed(self):
        third = "2026-04-01"
        self.add_version(third, "fine")
        self.deploy()
        self.commit("a third version")
        self.rollback(MODEL, FIRST, "--yes")
        self.assert_all(FIRST)
        self.assertEqual(self.registry(), (FIRST, third))
        listed, = events(self.rollback(MODEL, "--json"), "model_versions")
        self.assertEqual([(one["version"], one["current"], one["previous"], one["runs"])
                          for one in listed["versions"]],
                         [(third, False, True, []), (SECOND, False, False, []),
                          (FIRST, True, False, ["n01", "n02"])])
        text = self.rollback().stdout
        self.assertRegex(text, rf"{FIRST} +2.0 MB +2  CURRENT\n")
        self.assertIn("n01, n02", self.rollback(MODEL).stdout)

    def test_no_model_byte_is_sent_to_nodes_that_hold_the_version(self):
        before = [host.link.counters()["to_host"] for host in self.fleet.hosts]
        run = self.rollback(MODEL, "--previous", "--yes", "--json")
        after = [host.link.counters()["to_host"] for host in self.fleet.hosts]
        self.assert_all(FIRST)
        self.assertEqual(run.totals["bytes_sent"], 0)
        for sent in (new - old for new, old in zip(after, before)):
            self.assertGreater(sent, 1000)
            self.assertLess(sent, TALK_MAX)

    def test_a_node_that_has_lost_the_version_gets_it_again(self):
        host = self.fleet["n01"]
        host.shell(f"rm -rf {self.on_host(FIRST)}")
        before = host.link.counters()["to_host"]
        run = self.rollback(MODEL, "--previous", "--yes", "--json")
        self.assertGreater(host.link.counters()["to_host"] - before, TALK_MAX)
        self.assertEqual(run.model("n01", MODEL)["outcome"], "sent")
        self.assertEqual(run.model("n02", MODEL)["outcome"], "current")
        self.assert_all(FIRST)
        wanted = self.site.version_path(MODEL, FIRST) / "model.tflite"
        there = host.run("cat", f"{self.on_host(FIRST)}/model.tflite").stdout
        self.assertEqual(there, wanted.read_bytes())

    def test_check_shows_and_changes_nothing(self):
        self.fleet["n01"].shell(f"rm -rf {self.on_host(FIRST)}")
        run = self.rollback(MODEL, "--previous", "--check", "--diff", "--json")
        self.assertGreater(run.model("n01", MODEL)["bytes_sent"], TALK_MAX)
        self.assertEqual(run.model("n02", MODEL)["bytes_sent"], 0)
        self.assertEqual(run.host("n02")["state"], "changed")
        rendered = self.rollback(MODEL, "--previous", "--check", "--diff").stdout
        self.assertIn(f'+version: "{FIRST}"', rendered)
        move, = events(run, "move")
        self.assertEqual((move["what"], move["current"], move["to"]), ("roll_back", SECOND, FIRST))
        self.assertEqual(list(move["services"].items()), [("sentinel", 2)])
        self.assert_untouched()

    def test_commit_only(self):
        run = self.rollback(MODEL, "--previous", "--yes", "--no-deploy")
        self.assertIn("deploy-models", run.stdout)
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assert_all(SECOND)
        self.deploy()
        self.assert_all(FIRST)

    def test_what_else_is_dirty_stays_out_of_the_commit(self):
        (self.site.directory / "notes.txt").write_text("mine\n")
        self.git("add", "notes.txt")
        self.rollback(MODEL, "--previous", "--yes", "--no-deploy")
        self.assertEqual(self.git("show", "--format=", "--name-only").split(),
                         ["inventory/group_vars/all/model_registry.yaml"])
        self.assertEqual(self.git("status", "--porcelain"), "A  notes.txt\n")

    def test_push(self):
        remote = self.directory / "remote.git"
        self.git("init", "-q", "--bare", remote)
        self.git("remote", "add", "origin", remote)
        self.git("push", "-q", "-u", "origin", "main")
        self.rollback(MODEL, "--previous", "--yes", "--push")
        self.assertEqual(self.git("rev-parse", "HEAD"), self.git("rev-parse", "origin/main"))
        other = self.directory / "other"
        self.git("clone", "-q", remote, other)
        self.git("-C", other, "commit", "-q", "--allow-empty", "-m", "ahead")
        self.git("-C", other, "push", "-q")
        run = self.rollback(MODEL, "--previous", "--yes", "--push")
        self.assertIn("not pushed", run.stderr)
        self.assertIn("commits of main that are not here", run.stderr)
        self.assert_all(SECOND)


class PinTest(RollbackCase):
    def test_pin_and_unpin(self):
        self.rollback(MODEL, "--previous", "--hosts", "n01", "--yes")
        self.assert_version("n01", FIRST)
        self.assert_version("n02", SECOND)
        self.assertEqual(self.registry(), (SECOND, FIRST))
        self.assertEqual(self.runs("n02"), ["fine", "fine"])
        self.assertEqual(self.commits()[0], f"Pin {MODEL} to {FIRST} on n01")
        self.assertIn("pinned by n01", self.rollback(MODEL).stdout)
        again = self.rollback(MODEL, FIRST, "--hosts", "n01", "--yes", code=CANNOT_RUN)
        self.assertIn("already", again.stderr)
        self.rollback(MODEL, "--hosts", "n01", "--unpin", "--yes")
        self.assert_all(SECOND)
        self.assertEqual(self.runs("n02"), ["fine", "fine"])
        self.assertEqual(self.commits()[0], f"Unpin {MODEL} on n01")

    def test_a_pinned_host_stays_when_the_fleet_moves(self):
        self.rollback(MODEL, SECOND, "--hosts", "n02", "--yes", "--no-deploy")
        run = self.rollback(MODEL, "--previous", "--yes")
        self.assertIn(f"1 host stays at {SECOND}, pinned: n02", run.stdout)
        self.assert_version("n01", FIRST)
        self.assert_version("n02", SECOND)
        self.assertEqual(self.runs("n02"), ["fine", "fine"])

    def test_what_a_pin_would_look_like(self):
        run = self.rollback(MODEL, "--previous", "--hosts", "n01", "--check", "--json")
        self.assertEqual(run.host("n01")["state"], "changed")
        move, = events(run, "move")
        self.assertEqual([(host["host"], host["to"]) for host in move["hosts"] if host["moves"]],
                         [("n01", FIRST)])
        self.assert_untouched()


class FailureTest(RollbackCase):
    def setUp(self):
        super().setUp()
        self.behave(FIRST, "fails")

    def test_an_unhealthy_former_version(self):
        """The hosts go back by themselves; the registry says what was asked for, and how to go on
        or back is told."""
        run = self.rollback(MODEL, "--previous", "--yes", code=ROLLED_BACK)
        self.assert_all(SECOND)
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assertIn(f"{SECOND} on n01, n02", run.stdout)
        lines = [line.strip() for line in run.stdout.splitlines()]
        on = lines[lines.index(next(one for one in lines if one.endswith("To go on:"))) + 1]
        back = lines[lines.index("To go back:") + 1]
        self.assertEqual(on, f"deploy-models -i {self.site.inventory} --models {MODEL} "
                             "--limit-failed")
        self.assertEqual(back, f"rollback-model -i {self.site.inventory} {MODEL} {SECOND}")
        self.assertEqual(self.rollback(*back.split()[3:], "--yes").code, OK)
        self.assertEqual(self.registry(), (SECOND, FIRST))

    def test_it_is_undone(self):
        run = self.rollback(MODEL, "--previous", "--yes", "--undo-on-failure", code=ROLLED_BACK)
        self.assert_all(SECOND)
        self.assertEqual(self.registry(), (SECOND, FIRST))
        self.assertEqual(self.commits(), [f'Take back "Roll back {MODEL} to {FIRST}"',
                                          f"Roll back {MODEL} to {FIRST}", "the site"])
        self.assertIn("n01", self.git("log", "-1", "--format=%b"))
        self.assertIn("undone by commit", run.stdout)
        self.assertEqual(self.git("status", "--porcelain"), "")
        self.assertEqual(self.git("diff", "HEAD~2"), "")

    def test_a_host_that_took_to_it_goes_back_with_the_others(self):
        self.fleet["n02"].shell(f"echo -n fine > {self.on_host(FIRST)}/behaviour")
        run = self.rollback(MODEL, "--previous", "--yes", "--undo-on-failure", "--json",
                            code=ROLLED_BACK)
        self.assert_all(SECOND)
        self.assertEqual(self.runs("n02"), ["fine"] * 4)
        undo, = events(run, "move_undo")
        self.assertEqual(undo["commit"], self.git("rev-parse", "HEAD").strip())

    def test_a_host_that_is_away_is_no_reason_to_undo(self):
        self.behave(FIRST, "fine")
        self.fleet["n02"].link.cut()
        run = self.rollback(MODEL, "--previous", "--yes", "--undo-on-failure", "--json",
                            code=UNREACHABLE)
        self.assert_version("n01", FIRST)
        state, = events(run, "move_state")
        self.assertEqual(state["hosts"], {"n01": FIRST, "n02": SECOND})
        self.fleet["n02"].link.heal()
        self.deploy("--limit-failed")
        self.assert_all(FIRST)

    def test_an_undone_pin(self):
        self.rollback(MODEL, FIRST, "--hosts", "n01", "--yes", "--undo-on-failure",
                      code=ROLLED_BACK)
        self.assert_all(SECOND)
        self.assertFalse((self.site.inventory / "host_vars/n01.yaml").exists())
        self.assertEqual(self.runs("n02"), ["fine", "fine"])


class TerminalTest(RollbackCase):
    def test_without_a_terminal_it_refuses(self):
        run = self.rollback(MODEL, "--previous", code=CANNOT_RUN)
        self.assertIn("no terminal", run.stderr)
        self.assertIn("--yes", run.stderr)
        self.assert_untouched()

    def answer(self, text):
        """Runs rollback-model on a terminal and types an answer; (exit code, what it said)."""
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command(MODEL, "--previous")
            os.execve(command[0], command, {**self.operator.environment, "TERM": "dumb"})
        said = b""
        answered = False
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    said += os.read(terminal, 65536)
                except OSError:
                    break
            if b"Go on? [y/N] " in said and not answered:
                answered = True
                self.assert_untouched()
                os.write(terminal, text)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")

    def test_yes(self):
        code, said = self.answer(b"y\n")
        self.assertEqual(code, OK, said)
        self.assertLess(said.index("2 hosts go from"), said.index("Go on?"))
        self.assert_all(FIRST)

    def test_no(self):
        for text in (b"\n", b"n\n", b"\x04"):
            code, said = self.answer(text)
            self.assertEqual(code, CANNOT_RUN, said)
            self.assertIn("nothing was changed", said)
            self.assert_untouched()

    def test_an_interrupt(self):
        code, said = self.answer(b"\x03")
        self.assertEqual(code, 130, said)
        self.assert_untouched()


class LockTest(RollbackCase):
    def hook(self, name, script):
        path = self.site.directory / ".git/hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def test_two_at_once(self):
        """The second says who holds the lock, and changes nothing."""
        go = self.directory / "go"
        self.hook("pre-commit", f"while [ ! -e {go} ]; do sleep 0.1; done\n")
        first = self.start(MODEL, "--previous", "--yes")
        self.until(lambda: self.registry() == (FIRST, SECOND), "the first does not begin")
        before = self.registry_file().read_text()
        second = self.rollback(MODEL, SECOND, "--yes", code=CANNOT_RUN)
        self.assertEqual(self.registry_file().read_text(), before)
        go.touch()
        self.assertEqual(finish(first).code, OK)
        self.assert_all(FIRST)
        self.assertEqual(len(self.commits()), 2)
        self.assertIn("another run is under way", second.stderr)
        self.assertIn(f"{MODEL} --previous --yes", second.stderr)

    def test_a_deploy_holds_the_lock(self):
        self.write_site(health={"stable": 1, "deadline": 300, "command": "test -e /run/go"})
        for host in self.fleet.hosts:
            self.addCleanup(host.shell, "rm -f /run/go")
        self.add_version("2026-04-01", "fine")
        self.commit("a third version")
        process = self.operator.start()
        self.until(lambda: len(self.runs("n01")) == 3, "nothing was restarted")
        run = self.rollback(MODEL, FIRST, "--yes", code=CANNOT_RUN)
        self.assertIn("another run is under way", run.stderr)
        self.assertIn("deploy-models", run.stderr)
        self.assertEqual(self.registry(), ("2026-04-01", SECOND))
        for host in self.fleet.hosts:
            host.shell("touch /run/go")
        self.assertEqual(finish(process).code, OK)

    def test_the_registry_changes_while_a_person_thinks(self):
        """--previous was looked at, and means another version when the person says yes."""
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command(MODEL, "--previous")
            os.execve(command[0], command, {**self.operator.environment, "TERM": "dumb"})
        said = b""
        while b"Go on?" not in said:
            said += os.read(terminal, 65536)
        self.rollback(MODEL, "--previous", "--yes", "--no-deploy")
        os.write(terminal, b"y\n")
        try:
            while chunk := os.read(terminal, 65536):
                said += chunk
        except OSError:
            pass
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertEqual(code, CANNOT_RUN, said)
        self.assertIn(b"nothing was changed", said)
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assertEqual(len(self.commits()), 2)


class KillTest(RollbackCase):
    """The command is killed at each stage: what it left is whole, and the next command works."""

    # git runs hooks below the command: kill both, so that git does not go on alone.
    KILL = ("git=$PPID\nengine=$(sed -n 's/^PPid:[[:space:]]*//p' /proc/$git/status)\n"
            "kill -9 $engine $git\nsleep 60\n")

    def hook(self, name):
        path = self.site.directory / ".git/hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + self.KILL)
        path.chmod(0o755)
        self.addCleanup(subprocess.run, ["pkill", "-f", str(path)], check=False)
        return path

    def killed(self, *arguments):
        process = self.start(MODEL, "--previous", "--yes", *arguments)
        process.wait(120)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        process.stdout.close()
        process.stderr.close()

    def test_after_the_file_was_written(self):
        path = self.hook("pre-commit")
        self.killed()
        path.unlink()
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assertEqual(self.commits(), ["the site"])
        self.assert_all(SECOND)
        lock = self.site.directory / ".git/index.lock"
        if lock.exists():
            run = self.rollback(MODEL, SECOND, "--yes", code=CANNOT_RUN)
            self.assertIn("index.lock", run.stderr)
            lock.unlink()
        run = self.rollback(MODEL, SECOND, "--yes", code=CANNOT_RUN)
        self.assertIn("git restore", run.stderr)
        self.git("restore", "--staged", "--worktree", self.registry_file())
        self.rollback(MODEL, "--previous", "--yes")
        self.assert_all(FIRST)
        self.assertEqual(len(self.commits()), 2)

    def test_a_deploy_after_the_file_was_written(self):
        self.hook("pre-commit")
        self.killed()
        self.deploy()
        self.assert_all(FIRST)

    def test_after_the_commit(self):
        path = self.hook("post-commit")
        self.killed()
        path.unlink()
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.assertEqual(self.commits()[0], f"Roll back {MODEL} to {FIRST}")
        self.assert_all(SECOND)
        self.deploy()
        self.assert_all(FIRST)
        self.rollback(MODEL, "--previous", "--yes")
        self.assert_all(SECOND)

    def test_in_the_deploy(self):
        self.write_site(health={"stable": 60, "deadline": 90})
        self.commit("a long look")
        process = self.start(MODEL, "--previous", "--yes", "--confirm-timeout", "10")
        self.until(lambda: all(len(self.runs(host.name)) == 3 for host in self.fleet.hosts),
                   "nothing was restarted")
        process.kill()
        process.communicate()
        self.assertEqual(self.registry(), (FIRST, SECOND))
        self.write_site()
        self.commit("a short look")
        self.rollback(MODEL, "--previous", "--yes")
        self.assert_all(SECOND)
        self.assertEqual(self.registry(), (SECOND, FIRST))


if __name__ == "__main__":
    program.main()
