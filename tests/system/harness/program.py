# SPDX-License-Identifier: Apache-2.0
"""A test file as a program for ctest: 0 passed, 1 failed, 77 nothing could be run."""

import sys
import unittest

SKIPPED = 77


def main():
    """Runs the calling file's tests and ends with their exit code."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    for test, reason in result.skipped:
        print(f"SKIPPED {test}: {reason}")
    if not result.wasSuccessful():
        sys.exit(1)
    nothing_ran = result.testsRun == 0 or result.testsRun == len(result.skipped)
    sys.exit(SKIPPED if nothing_ran else 0)
