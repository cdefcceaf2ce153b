# SPDX-License-Identifier: Apache-2.0
"""What tests of deploys share: loopback nodes, a site, an operator; and comparing trees."""

import os
import stat
import tempfile
import unittest
from pathlib import Path

from .deploy import OK, Operator
from .loopback import Nodes
from .store import Site, weights

MODEL, FIRST, SECOND = "mobilenet_ssd", "2026-01-12", "2026-03-01"
OTHER = "face_detection"


def tree(directory):
    """A directory's content: {path: what matters of it}, paths as bytes."""
    root = os.fsencode(directory)
    found = {}
    for parent, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, root)] = _entry(path)
    return found


def _entry(path):
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISDIR(status.st_mode):
        return ("directory", mode)
    with open(path, "rb") as file:
        return ("file", mode, status.st_mtime_ns // 10**9, file.read())


class LoopbackCase(unittest.TestCase):
    """Each test gets nodes, a site with two models, and an operator of its own.

    node1 is a sentinel and gets both models; the others are outposts and get MODEL alone.
    """

    node_count = 2

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="modelfleet-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.nodes = Nodes.up(self.directory / "fleet", self.node_count)
        self.addCleanup(self.nodes.remove)
        self.site = Site(self.directory / "site")
        self.site.add_version(MODEL, FIRST, {"model.tflite": weights(1_000_000, 1),
                                             "labels.txt": b"person\ncat\n"})
        self.site.add_version(OTHER, FIRST, {"detector.onnx": weights(300_000, 2)})
        self.write_inventory()
        self.operator = Operator(self.directory / "operator", self.site.inventory)

    def variables(self, node):
        """Inventory variables of a node; tests override it to reach nodes otherwise."""
        return {**self.nodes.host_variables(node), "data_path": str(node.home / "data")}

    def write_inventory(self, **group_variables):
        hosts = {node.name: self.variables(node) for node in self.nodes.nodes}
        self.site.write_inventory({"node1": hosts.pop("node1")}, hosts,
                                  "{{ data_path }}/model_registry", [MODEL], **group_variables)

    def registry(self, node):
        """Where models are on a node."""
        return self.nodes[node].home / "data/model_registry"

    def path(self, node, model=MODEL, version=FIRST):
        return self.registry(node) / model / version

    def deploy(self, *arguments, code=OK, **options):
        """Deploys and expects an exit code."""
        run = self.operator.deploy(*arguments, **options)
        self.assertEqual(run.code, code, run)
        return run

    def assert_deployed(self, node, model=MODEL, version=FIRST):
        """The version on the node is the store's, in every byte, mode and time."""
        self.maxDiff = 2000
        there = tree(self.path(node, model, version))
        wanted = tree(self.site.version_path(model, version))
        self.assertEqual(sorted(there), sorted(wanted))
        for path, entry in wanted.items():
            self.assertTrue(there[path] == entry, f"{path}: {str(there[path])[:200]} "
                                                  f"instead of {str(entry)[:200]}")

    def assert_clean(self, node):
        """A node has nothing but versions below its models: no half version under any name."""
        for model in self.registry(node).iterdir():
            if model.name.startswith("."):
                continue
            for version in model.iterdir():
                self.assertRegex(version.name, r"^\d{4}-\d\d-\d\d$")
