# SPDX-License-Identifier: Apache-2.0
"""Booted hosts for a class of tests."""

import tempfile
import unittest
from pathlib import Path

from . import CannotBoot
from .fleet import Fleet


class BootedCase(unittest.TestCase):
    """`host_count` hosts for all tests of a class, which is skipped where none can be booted.

    `fleet_name` is no other class's: tests run at the same time. `host` is the first of `fleet`.
    `packages` are Debian's, which these hosts have besides.
    """

    host_count = 1
    fleet_name = None
    packages = ()

    @classmethod
    def setUpClass(cls):
        try:
            cls.fleet = Fleet.up(cls.host_count, cls.fleet_name or cls.__name__.lower(),
                                 cls.packages)
        except CannotBoot as reason:
            raise unittest.SkipTest(str(reason)) from None
        cls.addClassCleanup(cls.fleet.remove)
        cls.host = cls.fleet["n01"]

    def make_directory(self):
        """A directory of a test's own, on this machine."""
        directory = tempfile.TemporaryDirectory(prefix="modelfleet-")
        self.addCleanup(directory.cleanup)
        return Path(directory.name)
