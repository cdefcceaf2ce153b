#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rollback benchmark: from the command to healthy services, on 24 booted hosts.

In one run, interleaved: parallel `ssh HOST sudo systemctl restart X`, and `rollback-model MODEL
--previous --yes`, which moves the version, commits, renders the configs, restarts X, sees it
active and confirms. The nodes hold both versions; the stability time is 0; the site is a git
repository. Prints medians, the bytes sent, and the ratio that the project aims at.
"""

import subprocess
import sys

import activate
from activate import MODELS, REPOSITORY, RESTART

ROLLBACK = "rollback"


class Benchmark(activate.Benchmark):
    NAMES = (RESTART, ROLLBACK)
    AIMS = ((ROLLBACK, RESTART, 1.5),)

    def warm_up(self):
        super().warm_up()
        (self.work / ".gitconfig").write_text(
            "[user]\n\tname = Anna\n\temail = anna@example.org\n[init]\n\tdefaultBranch = main\n")
        (self.site.directory / ".gitignore").write_text("model_registry/\n")
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "the site"]):
            subprocess.run(["git", "-C", self.site.directory, *words], env=self.environment,
                           check=True)

    def round(self):
        self.measure(RESTART, self.parallel("sudo systemctl restart sentinel"))
        self.measure(ROLLBACK, [self.options.program.parent / "rollback-model", MODELS[0],
                                "--previous", "--yes", "-i", self.site.inventory,
                                "--forks", "50"])


if __name__ == "__main__":
    sys.exit(activate.main(Benchmark, __doc__, REPOSITORY / "build/bench/rollback.json"))
