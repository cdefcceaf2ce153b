#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program and what is written about it agree: --help, man pages, docs/."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from harness import program  # noqa: E402

PROGRAMS = Path(os.environ["MODELFLEET_BIN"])
ROOT = Path(__file__).resolve().parents[2]
MAN = ROOT / "docs" / "man"
COLUMNS, LINES = 80, 24
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*(?![\w-])")
# A line of a shell that runs one of our programs, in a block of a page.
COMMAND = re.compile(r"^(?: {4}|\t)?(?:\$ |# )?(?:sudo (?:-u \S+ )?)?((?:modelfleet|[a-z]+-models?"
                     r"|fleet-status|run-playbook|model-[a-z-]+)(?: .*)?)$")
# Programs that are no commands of modelfleet: what is read as their settings, and the page of these.
DAEMONS = {"model-sync-agent": ("src/daemons/sync_agent/config.c", "model_sync.yaml.5"),
           "model-registryd": ("src/daemons/registryd/config.c", "model_registryd.yaml.5"),
           "model-cached": ("src/daemons/cached/config.c", "model_cache.yaml.5")}


def run(*arguments, **options):
    return subprocess.run([PROGRAMS / "modelfleet", *arguments], text=True, timeout=60,
                          capture_output=True, **options)


def commands():
    """Each command and the name of its page: that of its link, else modelfleet-COMMAND."""
    text = run("--help", check=True).stdout
    listed, links = text.split("programs of their own:")
    names = re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)
    links = [word for word in links.split("\n\n")[0].split() if (PROGRAMS / word).is_symlink()]
    return {name: page_of(name, links) for name in names}


def page_of(name, links):
    for link in links:
        if link == name or link.split("-")[0] == name:
            return link
    return f"modelfleet-{name}"


COMMANDS = commands()


def help_of(name, topic="--help=all"):
    if name in DAEMONS:
        return subprocess.run([PROGRAMS / name, "--help"], text=True, timeout=60, check=True,
                              capture_output=True).stdout
    return run(name, topic, check=True).stdout


def options_of(text):
    return set(OPTION.findall(text))


def options_in_help(name):
    """The options that a command takes: what stands left in the lines of its help."""
    left = (re.split(r"\s{2,}", line.strip())[0] for line in help_of(name).splitlines()
            if re.match(r" +-", line))
    return options_of(" ".join(left)) | {"--help"}


def roff_text(path):
    text = path.read_text()
    return re.sub(r"\\f(?:.|\[[A-Z]*\])", "", text).replace("\\-", "-")


def section(path, name):
    """A section of a man page, without the lines of comments."""
    match = re.search(rf"^\.SH {name}$(.*?)(?=^\.SH |\Z)", roff_text(path), re.M | re.S)
    return match.group(1) if match else ""


def documented_options(path):
    """The options that a page's lists are about: the line behind each .TP."""
    lines = section(path, "OPTIONS").splitlines()
    tags = (lines[i + 1] for i, line in enumerate(lines[:-1]) if line in (".TP", ".TQ"))
    return set(OPTION.findall(" ".join(tags).replace('"', " ").replace(",", " ")))


class HelpTest(unittest.TestCase):
    def test_fits_a_screen(self):
        for name in [*COMMANDS, *DAEMONS]:
            with self.subTest(command=name):
                lines = help_of(name, "--help").splitlines()
                self.assertLessEqual(len(lines), LINES)
                self.assertLessEqual(max(map(len, lines)), COLUMNS)

    def test_all_of_it_is_no_wider(self):
        for name in COMMANDS:
            for line in help_of(name).splitlines():
                with self.subTest(command=name, line=line):
                    self.assertLessEqual(len(line), COLUMNS)

    def test_the_list_of_commands_fits_too(self):
        lines = run("--help", check=True).stdout.splitlines()
        self.assertLessEqual(len(lines), LINES)
        self.assertLessEqual(max(map(len, lines)), COLUMNS)

    def test_every_folded_group_is_told(self):
        for name in COMMANDS:
            first, everything = help_of(name, "--help"), options_in_help(name)
            groups = re.findall(r"^ +--help=([a-z]+)", first, re.MULTILINE)
            told = options_of(first)
            for group in groups:
                told |= options_of(help_of(name, f"--help={group}"))
            self.assertLessEqual(everything, told, name)


class ManTest(unittest.TestCase):
    def pages(self):
        return sorted(MAN.glob("*.[1-8]"))

    def test_every_command_has_a_page(self):
        for name, page in COMMANDS.items():
            self.assertTrue((MAN / f"{page}.1").exists(), f"{name}: no {page}.1")

    def test_pages_have_the_options_of_help_and_no_others(self):
        for name, page in [*COMMANDS.items(), *zip(DAEMONS, DAEMONS)]:
            path = MAN / f"{page}.1"
            if not path.exists():
                continue
            with self.subTest(page=path.name):
                documented, offered = documented_options(path), options_in_help(name)
                self.assertEqual(offered - documented - {"--help"}, set(), "only in --help")
                self.assertEqual(documented - offered, set(), "only in the page")

    def test_modelfleet_s_page_names_all_commands_and_pages(self):
        text = roff_text(MAN / "modelfleet.1")
        for name, page in COMMANDS.items():
            self.assertRegex(text, rf"(?m)^\.B {re.escape(name)}$")
            self.assertIn(f"{page} (1)", text)

    def test_pages_refer_to_pages_that_exist(self):
        for path in self.pages():
            for name, number in re.findall(r"^\.BR ([\w.-]+) \((\d)\)", roff_text(path), re.M):
                with self.subTest(page=path.name, to=name):
                    ours = name.startswith("model") or name in COMMANDS.values()
                    self.assertTrue(not ours or (MAN / f"{name}.{number}").exists())

    def test_the_sections_of_every_command(self):
        wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES",
                  "SEE ALSO"]
        for page in [*COMMANDS.values(), *DAEMONS]:
            path = MAN / f"{page}.1"
            if path.exists():
                with self.subTest(page=page):
                    found = re.findall(r"^\.SH (.*)$", path.read_text(), re.M)
                    self.assertEqual([name for name in found if name in wanted], wanted)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing_to_mend(self):
        for path in self.pages():
            with self.subTest(page=path.name):
                # What it calls style is a matter of -mdoc; our pages are -man.
                result = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], text=True,
                                        capture_output=True)
                self.assertEqual(result.stdout, "")

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "man is not installed")
    def test_man_warns_of_nothing(self):
        for path in self.pages():
            with self.subTest(page=path.name):
                result = subprocess.run(["man", "--warnings", "-Tutf8", "-Z", "-l", path],
                                        text=True, capture_output=True,
                                        env={**os.environ, "LC_ALL": "C.UTF-8"})
                self.assertEqual(result.stderr, "")


class DaemonTest(unittest.TestCase):
    """What is written by hand for a daemon, in more than one place."""

    def test_completion_has_the_options_of_help_and_no_others(self):
        for name in DAEMONS:
            for script in (f"{name}.bash", f"_{name}", f"{name}.fish"):
                text = (ROOT / "scripts/completion" / script).read_text()
                text = re.sub(r"^ *#.*$", "", text, flags=re.M)
                offered = options_of(text) | {f"--{word}" for word in re.findall(r" -l ([a-z-]+)", text)}
                with self.subTest(script=script):
                    self.assertEqual(offered, options_in_help(name))

    def test_the_page_of_its_file_has_every_setting(self):
        for source, page in DAEMONS.values():
            settings = re.findall(r'SETTING\([^"]*"([a-z0-9_]+)"', (ROOT / source).read_text())
            self.assertGreater(len(settings), 5)
            text = roff_text(MAN / page)
            tags = re.findall(r"^\.TP\n\.BR? (.*)$|^\.B ([a-z_]+)$", text, re.M)
            words = {word for tag in tags for word in re.findall(r"[a-z0-9_]+", " ".join(tag))}
            self.assertEqual(set(settings) - words, set(), page)


def pages_of_docs():
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, text=True,
                             capture_output=True)
    if tracked.returncode == 0 and tracked.stdout:
        return [ROOT / name for name in tracked.stdout.split() if (ROOT / name).exists()]
    return [path for top in ("", "docs", "src", "tests") for path in (ROOT / top).rglob("*.md")]


def without_code(text):
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """The anchors that a page's headings have, as those who show Markdown make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ +(.*?) *$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class PagesTest(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in pages_of_docs():
            for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                there = (page.parent / path).resolve() if path else page
                with self.subTest(page=page.name, link=target):
                    self.assertTrue(there.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(there))

    def test_the_index_names_every_page(self):
        index = (ROOT / "docs" / "README.md").read_text()
        for page in sorted((ROOT / "docs").rglob("*.md")):
            name = page.relative_to(ROOT / "docs").as_posix()
            if name != "README.md":
                self.assertIn(f"({name}", index)

    def test_options_of_the_commands_that_are_shown_exist(self):
        links = {page: name for name, page in COMMANDS.items() if "modelfleet-" not in page}
        shown = 0
        for page in pages_of_docs():
            for number, line in enumerate(page.read_text().splitlines(), 1):
                match = COMMAND.match(line)
                words = self.words(match.group(1)) if match else []
                if words[:1] == ["modelfleet"] and len(words) > 1:
                    words = words[1:]
                name = links.get(words[0], words[0]) if words else None
                if name not in [*COMMANDS, *DAEMONS]:
                    continue
                used = {word.partition("=")[0] for word in words if OPTION.match(word)}
                shown += 1
                with self.subTest(page=page.name, line=number):
                    self.assertEqual(used - options_in_help(name), set())
        self.assertGreater(shown, 30)

    @staticmethod
    def words(line):
        """The words of one command: up to what a shell would read as the next one, or a note."""
        line = re.split(r" # |  +#|;| \| | > | && | \\$", line)[0]
        try:
            return shlex.split(line)
        except ValueError:
            return []


if __name__ == "__main__":
    program.main()
