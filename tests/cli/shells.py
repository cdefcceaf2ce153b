# SPDX-License-Identifier: Apache-2.0
"""Interactive shells on a terminal of their own: keys in, what is on the line out."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "completion"
PATIENCE = 60  # seconds for one answer; only a broken test waits for so long
TAB = "\t"
START_OF_LINE = "\x01"
FORGET_LINE = "\x15"


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, argv, env, directory):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(argv[0], argv, env)
        self.text = ""

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def read_until(self, pattern):
        """What comes up to a match of the pattern, which is returned."""
        until = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.text, re.DOTALL)):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        self.text = self.text[match.end():]
        return match

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Shell:
    """A shell with our completion. `complete` gives the words that a line has after keys."""

    name = ""
    argv = ()

    def __init__(self, programs, directory, env=None):
        if not shutil.which(self.name):
            raise unittest.SkipTest(f"{self.name} is not installed; scripts/bootstrap does that")
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "TERM": "dumb",
                       "HOME": str(directory), "PS1": "", "LC_ALL": "C.UTF-8", **(env or {})}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        self.count = 0
        self.terminal = Terminal(self.argv, environment, directory)
        self.run(*self.setup())

    def setup(self):
        """The lines that make it ready."""
        raise NotImplementedError

    def run(self, *lines):
        """Runs lines and returns what they print."""
        self.count += 1
        mark = f"end-{self.count}-"
        for line in lines:
            self.terminal.send(line + "\n")
        self.terminal.send(f"printf '%s%s\\n' {mark[:-1]} -\n")
        return self.terminal.read_until(rf"^(.*?){mark}\r?\n").group(1)

    def complete(self, line, keys=TAB):
        """Types a line and keys behind it; the words that the shell would then run, and the
        line runs no more than printf."""
        self.count += 1
        self.terminal.send(line)
        self.settle()
        self.terminal.send(keys)
        self.settle()
        self.terminal.send(f"{START_OF_LINE}show {self.count} \n")
        shown = self.terminal.read_until(rf"words-{self.count}:(.*?):end-words").group(1)
        return shown.split("\x1f")[:-1]

    def settle(self):
        """Waits until the shell has taken its keys: readline and zle drop what comes too early
        for the mode they are in."""
        time.sleep(0.05)

    def close(self):
        self.terminal.close()


SHOW = r"""show() { printf 'words-%s:' "$1"; shift; printf '%s\037' "$@"; printf ':end-words\n'; }"""


class Bash(Shell):
    name = "bash"
    argv = ("bash", "--norc", "--noprofile", "-i")
    ALL = "\x1b*"  # insert-completions: all of them

    def setup(self):
        return ("unset HISTFILE; bind 'set bell-style none'; bind 'set page-completions off'",
                "bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'",
                SHOW, *(f"source '{path}'" for path in sorted(SCRIPTS.glob("*.bash"))))


class Zsh(Shell):
    name = "zsh"
    argv = ("zsh", "-f", "-i")
    ALL = "\x18a"

    def setup(self):
        return ("unset HISTFILE; setopt no_beep no_prompt_cr; bindkey -e; PROMPT=",
                f"fpath=('{SCRIPTS}' $fpath); autoload -U compinit; compinit -u -D",
                "zstyle ':completion:all-matches::::' completer _all_matches _complete",
                "zstyle ':completion:all-matches:*' insert true",
                "zle -C all-matches complete-word _generic; bindkey '^Xa' all-matches",
                SHOW)


class Fish:
    """fish tells its candidates without a terminal."""

    def __init__(self, programs, directory, env=None):
        if not shutil.which("fish"):
            raise unittest.SkipTest("fish is not installed; scripts/bootstrap does that")
        self.programs, self.directory, self.env = programs, directory, env or {}

    def complete(self, line):
        """Pairs of candidate and help for a line."""
        env = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}",
               "HOME": str(self.directory), "LC_ALL": "C.UTF-8", "LINE": line, **self.env}
        scripts = "".join(f"source '{path}'; " for path in sorted(SCRIPTS.glob("*.fish")))
        command = f"{scripts}complete -C \"$LINE\""
        result = subprocess.run(["fish", "--no-config", "-c", command], env=env, text=True,
                                cwd=self.directory, capture_output=True, timeout=60, check=True)
        if result.stderr:
            raise AssertionError(result.stderr)
        pairs = (row.partition("\t") for row in result.stdout.splitlines())
        return [(word, help_text) for word, _, help_text in pairs]

    def close(self):
        """Nothing stays."""
