#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion: what the program offers, and what bash, zsh and fish make of it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from harness import program  # noqa: E402
from shells import Bash, Fish, Zsh  # noqa: E402

PROGRAMS = Path(os.environ["MODELFLEET_BIN"])
ODD_HOSTS = ("sp ace", "do$(touch pwned)llar", "ba`touch pwned`ck", "qu\"ote", "it's", "semi;colon",
             "back\\slash", "ümlaut", "star*", "$HOME", "a&b")

HOSTS = """\
all:
  children:
    outposts:
      hosts:
        node1:
        node2:
    sentinels:
      hosts:
        tower:
          sentinelcam_note: nothing
    odd:
      hosts:
"""

REGISTRY = """\
sentinelcam_models:
  mobilenet_ssd:
    current_version: "2026-03-01"
    previous_version: "2026-01-12"
  mobilenet_lite:
    current_version: 2025-05-05
    previous_version: null
  face_detection:
    current_version: "2025-11-03"
    previous_version: null
  "odd; $(touch pwned) model":
    current_version: "2025-01-01"
    previous_version: null
sentinelcam_data_path: STORE
sentinelcam_model_registry: "{{ sentinelcam_data_path }}/model_registry"
"""

PROGRAM = """\
#!/bin/sh
touch "RAN"
echo '{"from_program": {"hosts": ["made-up"]}, "_meta": {"hostvars": {}}}'
"""


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Site:
    """An inventory, a registry and a store in a directory of their own."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="modelfleet-completion-"))
        self.write("inventory/hosts.yaml",
                   HOSTS + "".join(f"        {quoted(name)}:\n" for name in ODD_HOSTS))
        self.write("inventory/group_vars/all/registry.yaml",
                   REGISTRY.replace("STORE", str(self.path)))
        for version in ("2026-03-01", "2026-01-12", "2025-06-30", "not-a-date", "2026-13-01"):
            (self.path / "model_registry/mobilenet_ssd" / version).mkdir(parents=True)
        self.write("site.yaml", "[]\n")
        self.write("other.yml", "[]\n")
        self.write("notes.txt", "")
        self.write("ansible.cfg", "[defaults]\ninventory = inventory\n")

    def write(self, name, text, mode=0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def write_models(self):
        """What a device's agent keeps, as far as completion looks at it."""
        self.write("models/plates.pt", "")
        self.write("models/planes.json", "{}")

    def files(self):
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*"))


class CompletionCase(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(shutil.rmtree, self.site.path)

    def ask(self, *arguments, env=None, code=0):
        """The rows that the program prints for a request."""
        result = subprocess.run([PROGRAMS / "modelfleet", "__complete", *arguments], text=True,
                                cwd=self.site.path, env={**os.environ, **(env or {})},
                                capture_output=True, timeout=60)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr, "")
        return [row.split("\t") for row in result.stdout.splitlines()]

    def offered(self, *words, **options):
        rows = self.ask("--words", *words, **options)
        self.assertTrue(all(row[0] == "w" for row in rows), rows)
        return [row[1] for row in rows]

    def in_bash(self, line, breaks=" \t\n\"'@><=;|&(:"):
        return [row[1] for row in self.ask("--bash", line, breaks)]


class OfferTest(CompletionCase):
    """The program, without a shell."""

    def test_commands(self):
        self.assertEqual(self.offered("modelfleet", "depl"), ["deploy"])
        self.assertIn("verify-store", self.offered("modelfleet", ""))
        self.assertNotIn("__complete", self.offered("modelfleet", "_"))
        self.assertEqual(self.offered("modelfleet", "--v"), ["--version"])
        self.assertEqual(self.offered("modelfleet", "no-such", ""), [])

    def test_a_link_a_path_and_a_command_are_the_same(self):
        for front in (["deploy-models"], ["./bin/deploy-models"], ["modelfleet", "deploy"],
                      ["/opt/x/modelfleet", "deploy-models"]):
            self.assertEqual(self.offered(*front, "--rep"), ["--repair"], front)

    def test_options_have_their_help(self):
        rows = self.ask("--words", "deploy-models", "--check")
        self.assertEqual(rows, [["w", "--check", "change nothing; say what would be done"]])

    def test_an_option_that_was_given_is_not_offered_again(self):
        self.assertNotIn("--check", self.offered("deploy-models", "-C", "--"))
        self.assertNotIn("--serial", self.offered("deploy-models", "--serial=1", "--"))
        self.assertIn("--extra-vars", self.offered("deploy-models", "-e", "a=1", "--"))

    def test_values_that_are_words(self):
        self.assertEqual(self.offered("deploy-models", "--transport", ""),
                         ["auto", "libssh2", "ssh", "local"])
        self.assertEqual(self.offered("deploy-models", "--host-key-checking", "a"), ["accept-new"])
        self.assertEqual(self.offered("deploy-models", "--color=n"), ["--color=never"])
        self.assertIn("runuser", self.offered("deploy-models", "--become-method", ""))

    def test_those_words_are_what_the_command_takes(self):
        for option in ("--transport", "--host-key-checking"):
            words = self.offered("deploy-models", option, "")
            result = subprocess.run([PROGRAMS / "deploy-models", "-i", "x,", option, "nonsense"],
                                    text=True, capture_output=True, cwd=self.site.path)
            self.assertIn(f"expected one of {', '.join(words)}", result.stderr)

    def test_values_of_which_nothing_is_known(self):
        for option in ("--forks", "--user", "--soak", "--vault-id"):
            self.assertEqual(self.offered("deploy-models", option, ""), [], option)

    def test_hosts_and_groups_of_the_inventory_on_the_line(self):
        self.assertEqual(self.offered("deploy-models", "-i", "a1,a2,b1,", "-l", "a"),
                         ["all", "a1", "a2"])
        self.assertEqual(self.offered("deploy-models", "-ia1,b1,", "--limit=b"), ["--limit=b1"])
        self.assertEqual(self.offered("deploy-models", "-Ci", "a1,", "-l", "a1"), ["a1"])

    def test_hosts_and_groups_of_the_settings(self):
        self.assertEqual(self.offered("deploy-models", "-l", "node"), ["node1", "node2"])
        self.assertEqual(self.offered("deploy-models", "-l", "out"), ["outposts"])
        self.assertEqual(self.offered("modelfleet", "vars", "tow"), ["tower"])
        self.assertEqual(self.offered("modelfleet", "inventory", "--graph", "sent"), ["sentinels"])
        self.assertEqual(self.offered("modelfleet", "inventory", "--host", "out"), [])

    def test_an_inventory_in_a_variable_or_below_home(self):
        where = {"site": str(self.site.path), "HOME": str(self.site.path), "ANSIBLE_CONFIG": "/"}
        for path in ("$site/inventory", "${site}/inventory", "~/inventory"):
            self.assertEqual(self.offered("deploy-models", "-i", path, "-l", "tow", env=where),
                             ["tower"], path)

    def test_the_last_term_of_a_pattern(self):
        self.assertEqual(self.offered("deploy-models", "-l", "outposts:!node"),
                         ["outposts:!node1", "outposts:!node2"])
        self.assertEqual(self.offered("deploy-models", "-l", "tower,node1"), ["tower,node1"])
        self.assertEqual(self.ask("--words", "deploy-models", "-l", "@f"), [["f", ""]])

    def test_models(self):
        self.assertEqual(self.offered("deploy-models", "-m", "mobi"),
                         ["mobilenet_ssd", "mobilenet_lite"])
        self.assertEqual(self.offered("deploy-models", "-m", "mobilenet_ssd,mobi"),
                         ["mobilenet_ssd,mobilenet_lite"])
        self.assertEqual(self.offered("deploy-models", "--tags=fa"), ["--tags=face_detection"])
        rows = self.ask("--words", "fleet-status", "-m", "mobilenet_l")
        self.assertEqual(rows, [["w", "mobilenet_lite", "current: 2025-05-05"]])

    def test_versions_of_a_model(self):
        there = ["2026-03-01", "2026-01-12", "2025-06-30"]
        rows = self.ask("--words", "rollback-model", "mobilenet_ssd", "")
        self.assertEqual(rows, [["w", there[0], "current"], ["w", there[1], "previous"],
                                ["w", there[2], ""]])
        self.assertEqual(self.offered("modelfleet", "rollback", "-y", "mobilenet_ssd", "2025"),
                         ["2025-06-30"])
        self.assertEqual(self.offered("rollback-model", "mobilenet_lite", ""), ["2025-05-05"])
        for model in ("no-such", "../mobilenet_ssd", "odd; $(touch pwned) model/.."):
            self.assertEqual(self.offered("rollback-model", model, ""), [], model)
        self.assertEqual(self.offered("rollback-model", "face"), ["face_detection"])

    def test_a_store_on_another_host_is_not_looked_up(self):
        self.site.write("inventory/group_vars/all/store.yaml", "primary_datasink: tower\n")
        self.assertEqual(self.offered("rollback-model", "mobilenet_ssd", ""),
                         ["2026-03-01", "2026-01-12"])

    def test_variables(self):
        self.assertEqual(self.offered("modelfleet", "vars", "tower", "sentinelcam_n"),
                         ["sentinelcam_note"])
        self.assertEqual(self.offered("modelfleet", "vars", "node1", "sentinelcam_n"), [])

    def test_files_are_the_shells_affair(self):
        self.assertEqual(self.ask("--words", "run-playbook", "s"), [["f", ".yaml .yml"]])
        self.assertEqual(self.ask("--words", "run-playbook", "a.yaml", "s"), [["f", ".yaml .yml"]])
        self.assertEqual(self.ask("--words", "deploy-models", "-i", ""), [["f", ""]])
        self.assertEqual(self.ask("--words", "modelfleet", "vars", "--playbook-dir", ""), [["d"]])
        self.assertEqual(self.ask("--words", "deploy-models", "-e", "@v"),
                         [["f", ".yaml .yml .json"]])

    def test_behind_two_dashes_there_are_no_options(self):
        self.assertEqual(self.ask("--words", "run-playbook", "--", "-"), [["f", ".yaml .yml"]])
        self.assertEqual(self.offered("deploy-models", "--", "--"), [])

    def test_modules_and_connections(self):
        self.assertEqual(self.offered("modelfleet", "adhoc", "-m", "templ"), ["template"])
        self.assertEqual(self.offered("run-playbook", "-c", ""), ["ssh", "local"])

    def test_second_names_are_not_offered(self):
        self.assertEqual(self.offered("run-playbook", "--become-pa"), ["--become-password-file"])

    def test_groups_of_help(self):
        self.assertEqual(self.offered("deploy-models", "--help=c"), ["--help=connection"])
        for word in self.offered("deploy-models", "--help="):
            subprocess.run([PROGRAMS / "deploy-models", word], check=True, capture_output=True)

    def test_names_that_no_line_can_show_are_left_out(self):
        self.site.write("inventory/hosts.yaml",
                        'all:\n  hosts:\n    "new\\nline":\n    "tab\\there":\n'
                        '    "\\x1bred":\n    fine:\n')
        self.assertEqual(self.offered("modelfleet", "vars", ""), ["fine"])


class HarmlessTest(CompletionCase):
    """What a press of Tab must not do."""

    def test_an_inventory_that_is_a_program_is_not_run(self):
        ran = self.site.path / "ran"
        script = self.site.write("inventory/made.py", PROGRAM.replace("RAN", str(ran)), 0o755)
        self.assertEqual(self.offered("deploy-models", "-l", "tow"), ["tower"])
        self.assertEqual(self.offered("deploy-models", "-i", str(script), "-l", "made"), [])
        self.assertFalse(ran.exists())

    def test_nothing_is_written(self):
        before = self.site.files()
        for words in (["-l", ""], ["-m", ""]):
            self.assertTrue(self.offered("deploy-models", *words))
        self.assertEqual(self.site.files(), before)

    def test_lookups_and_vaults_run_nothing(self):
        ran = self.site.path / "ran"
        vault = self.site.write("vault-pass", f"#!/bin/sh\ntouch {ran}\necho secret\n", 0o755)
        self.site.write("ansible.cfg", "[defaults]\ninventory = inventory\n"
                        f"vault_password_file = {vault}\nask_vault_pass = true\n")
        self.site.write("inventory/group_vars/all/store.yaml",
                        f"sentinelcam_data_path: \"{{{{ lookup('pipe', 'touch {ran}') }}}}\"\n")
        self.assertEqual(self.offered("deploy-models", "-l", "tow"), ["tower"])
        self.assertEqual(self.offered("deploy-models", "-m", "fa"), ["face_detection"])
        self.assertFalse(ran.exists())

    def test_what_cannot_be_read_offers_nothing_and_says_nothing(self):
        for text in ("all: [", "\0", "all: {hosts: 5}"):
            self.site.write("inventory/hosts.yaml", text)
            self.assertNotIn("tower", self.offered("deploy-models", "-l", ""))
        self.assertEqual(self.offered("deploy-models", "-i", "/no/such", "-l", "t"), [])
        self.assertEqual(self.offered("deploy-models", "-e", "@/no/such", "-m", "f"), [])
        self.site.write("ansible.cfg", "[defaults\n")
        self.assertEqual(self.offered("deploy-models", "-l", ""), [])

    def test_requests_that_are_none(self):
        for request in ([], ["--words"], ["--bash", "x"], ["x", "y"]):
            self.ask(*request, code=1)
        self.assertEqual(self.ask("--bash", "x" * 100_000, " ", code=1), [])
        self.assertEqual(self.ask("--words", "modelfleet", "__complete", ""), [])

    def test_limits(self):
        self.site.write("inventory/hosts.yaml",
                        "all:\n  hosts:\n" + "".join(f"    h{i}:\n" for i in range(5000)))
        self.assertEqual(len(self.offered("modelfleet", "vars", "h")), 2000)


class LineTest(CompletionCase):
    """Lines of bash: split, and candidates made to fit."""

    def test_only_bash_s_own_piece_is_replaced(self):
        self.assertEqual(self.in_bash("deploy-models --limit=node1"), ["node1"])
        self.assertEqual(self.in_bash("deploy-models -l outposts:!node1"), ["\\!node1"])
        self.assertEqual(self.in_bash("deploy-models -l outposts:!node1", " "),
                         ["outposts:\\!node1"])

    def test_quotes_stay_open(self):
        self.assertEqual(self.in_bash("deploy-models -l 'sp"), ["sp ace"])
        self.assertEqual(self.in_bash('deploy-models -l "sp'), ["sp ace"])
        self.assertEqual(self.in_bash('deploy-models --limit="sp a'), ["sp ace"])
        self.assertEqual(self.in_bash("deploy-models -l sp\\ a"), ["sp\\ ace"])
        self.assertEqual(self.in_bash("deploy-models -l 'it"), ["it'\\''s"])
        self.assertEqual(self.in_bash('deploy-models -l "do'), ["do\\$(touch pwned)llar"])
        self.assertEqual(self.in_bash("deploy-models -l do"), ["do\\$\\(touch\\ pwned\\)llar"])

    def test_words_in_front_are_read_as_bash_does(self):
        for line in ("deploy-models -i 'a1,' -l a1", 'deploy-models -i "a1," -l a1',
                     "deploy-models -i a1\\, -l a1", "deploy-models  -i\ta1, -l a1",
                     "deploy-models -i 'a'1\",\" -l a1"):
            self.assertEqual(self.in_bash(line), ["a1"], line)

    def test_a_line_that_ends_in_a_backslash(self):
        self.assertEqual(self.in_bash("deploy-models -l node1\\"), ["node1"])


class ShellCase(CompletionCase):
    SHELL = None

    def setUp(self):
        super().setUp()
        self.shell = self.SHELL(PROGRAMS, self.site.path)
        self.addCleanup(self.shell.close)
        self.addCleanup(lambda: self.assertFalse((self.site.path / "pwned").exists()))

    def all_of(self, line):
        return self.shell.complete(line, self.SHELL.ALL)


class TerminalTests:
    """What bash and zsh have in common: keys on a terminal."""

    def test_one_candidate(self):
        for line, words in (
                ("modelfleet depl", ["modelfleet", "deploy"]),
                ("deploy-models --rep", ["deploy-models", "--repair"]),
                ("deploy-models -l tow", ["deploy-models", "-l", "tower"]),
                ("deploy-models --limit=tow", ["deploy-models", "--limit=tower"]),
                ("deploy-models -l tower,node1,out",
                 ["deploy-models", "-l", "tower,node1,outposts"]),
                ("deploy-models --transport=lib", ["deploy-models", "--transport=libssh2"]),
                ("deploy-models -i x1,y2, -l x", ["deploy-models", "-i", "x1,y2,", "-l", "x1"]),
                ("modelfleet deploy -m fa", ["modelfleet", "deploy", "-m", "face_detection"])):
            with self.subTest(line=line):
                self.assertEqual(self.shell.complete(line), words)

    def test_odd_names_arrive_as_they_are(self):
        for typed, host in (("sp", "sp ace"), ("'sp", "sp ace"), ('"sp', "sp ace"),
                            ("sp\\ a", "sp ace"), ("do", "do$(touch pwned)llar"),
                            ('"do', "do$(touch pwned)llar"), ("ba\\`", "ba`touch pwned`ck"),
                            ("it", "it's"), ("qu", 'qu"ote'), ("semi", "semi;colon"),
                            ("back", "back\\slash"), ("star", "star*"), ("a\\&", "a&b")):
            with self.subTest(typed=typed):
                self.assertEqual(self.shell.complete(f"modelfleet vars {typed}"),
                                 ["modelfleet", "vars", host])

    def test_several_candidates(self):
        self.assertEqual(self.all_of("deploy-models -l node"),
                         ["deploy-models", "-l", "node1", "node2"])
        self.assertEqual(self.all_of("deploy-models -m mob"),
                         ["deploy-models", "-m", "mobilenet_ssd", "mobilenet_lite"])

    def test_versions(self):
        self.assertEqual(self.shell.complete("rollback-model mobilenet_s\t2026-01"),
                         ["rollback-model", "mobilenet_ssd", "2026-01-12"])
        self.assertEqual(self.all_of("rollback-model mobilenet_ssd 2026"),
                         ["rollback-model", "mobilenet_ssd", "2026-03-01", "2026-01-12"])

    def test_files(self):
        self.assertEqual(self.shell.complete("run-playbook si"), ["run-playbook", "site.yaml"])
        self.assertEqual(self.shell.complete("run-playbook oth"), ["run-playbook", "other.yml"])
        self.assertEqual(self.shell.complete("deploy-models -i inventory/ho"),
                         ["deploy-models", "-i", "inventory/hosts.yaml"])
        self.assertEqual(self.shell.complete("deploy-models --playbook=si"),
                         ["deploy-models", "--playbook=site.yaml"])

    def test_the_agent(self):
        program = "model-sync-agent"
        self.site.write_models()
        for typed, words in (("--on", ["--once"]), ("--js", ["--json-log"]),
                             ("--config=si", ["--config=site.yaml"]),
                             ("--config si", ["--config", "site.yaml"]),
                             ("--rollback=pl", ["--rollback=plates.pt"]),
                             ("--rollback pl", ["--rollback", "plates.pt"])):
            with self.subTest(typed=typed):
                self.assertEqual(self.shell.complete(f"{program} {typed}"), [program, *words])

    def test_a_variable_of_the_shell_alone(self):
        self.shell.run(f"where={self.site.path} ANSIBLE_CONFIG=/")
        self.assertEqual(self.shell.complete("deploy-models -i $where/inventory -l tow")[-1],
                         "tower")

    def test_text_that_would_run_is_not_run(self):
        for line in ("deploy-models -l '$(touch pwned)' -m fa",
                     "deploy-models -i '`touch pwned`' -l x"):
            self.shell.complete(line)


class BashTest(TerminalTests, ShellCase):
    SHELL = Bash

    def test_a_program_that_is_not_on_the_path(self):
        self.shell.run("PATH=/usr/bin:/bin")
        line = f"{PROGRAMS}/deploy-models -l tow"
        self.assertEqual(self.shell.complete(line)[-1], "tower")

    def test_another_set_of_word_breaks(self):
        self.shell.run("COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]}")
        self.assertEqual(self.shell.complete("deploy-models --limit=node2:tow"),
                         ["deploy-models", "--limit=node2:tower"])


class ZshTest(TerminalTests, ShellCase):
    SHELL = Zsh


class FishTest(ShellCase):
    SHELL = Fish

    def words(self, line):
        return [word for word, _ in self.shell.complete(line)]

    def test_candidates_have_their_help(self):
        self.assertEqual(self.shell.complete("deploy-models -l tow"),
                         [("tower", "host of sentinels")])
        self.assertEqual(self.shell.complete("deploy-models -m mobilenet_s"),
                         [("mobilenet_ssd", "current: 2026-03-01")])
        self.assertEqual(self.shell.complete("rollback-model mobilenet_ssd 2026"),
                         [("2026-03-01", "current"), ("2026-01-12", "previous")])

    def test_the_same_as_elsewhere(self):
        for line, word in (("modelfleet depl", "deploy"), ("deploy-models --rep", "--repair"),
                           ("deploy-models --limit=tow", "--limit=tower"),
                           ("deploy-models -l tower,out", "tower,outposts"),
                           ("deploy-models -i 'x1,y2,' -l x", "x1"),
                           ("run-playbook si", "site.yaml"),
                           ("deploy-models --playbook=si", "--playbook=site.yaml")):
            with self.subTest(line=line):
                self.assertEqual(self.words(line), [word])

    def test_the_agent(self):
        self.site.write_models()
        for typed, word in (("--on", "--once"), ("--config=si", "--config=site.yaml"),
                            ("--config si", "site.yaml"), ("--rollback pl", "plates.pt"),
                            ("--rollback=pl", "--rollback=plates.pt")):
            with self.subTest(typed=typed):
                self.assertEqual(self.words(f"model-sync-agent {typed}"), [word])

    def test_odd_names(self):
        for typed, host in (("sp", "sp ace"), ("'sp", "sp ace"), ('"sp', "sp ace"),
                            ("sp\\ a", "sp ace"), ("do", "do$(touch pwned)llar")):
            with self.subTest(typed=typed):
                self.assertEqual(self.words(f"modelfleet vars {typed}"), [host])


if __name__ == "__main__":
    program.main()
