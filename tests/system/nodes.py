#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts and stops loopback nodes from the command line. See README.md."""

import argparse
import json
import sys

from harness import HarnessError
from harness.loopback import Nodes


def up(options):
    nodes = Nodes.up(options.directory, options.count)
    hosts = {node.name: nodes.host_variables(node) for node in nodes.nodes}
    print(json.dumps({"all": {"hosts": hosts}}, indent=2))


def down(options):
    Nodes.remove_from(options.directory)


def stop(options):
    nodes = Nodes.load(options.directory)
    nodes[options.node].kill_sessions()
    nodes[options.node].stop()
    nodes.save()


def start(options):
    nodes = Nodes.load(options.directory)
    nodes.start(nodes[options.node])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("up", help="start nodes; prints an inventory of them")
    command.add_argument("directory")
    command.add_argument("--count", type=int, default=5)
    command.set_defaults(function=up)
    command = commands.add_parser("down", help="stop the nodes and remove their files")
    command.add_argument("directory")
    command.set_defaults(function=down)
    for name, function, text in (("stop", stop, "stop one node; its files stay"),
                                 ("start", start, "start it again, on the same port")):
        command = commands.add_parser(name, help=text)
        command.add_argument("directory")
        command.add_argument("node")
        command.set_defaults(function=function)
    options = parser.parse_args()
    try:
        options.function(options)
    except HarnessError as error:
        print(f"nodes.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
