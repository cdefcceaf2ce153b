#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boots test hosts and does things to them, from the command line. See README.md."""

import argparse
import json
import sys
import time

from harness import HarnessError
from harness.fleet import Fleet, fleets_dir


def up(options):
    started = time.monotonic()
    fleet = Fleet.up(options.count, options.fleet)
    seconds = time.monotonic() - started
    print(f"{len(fleet.hosts)} hosts are up after {seconds:.1f} s in {fleet.directory}")
    print(f"try: ssh -F {fleet.ssh_config} {fleet.hosts[0].name}")


def down(options):
    names = [options.fleet]
    if options.all:
        names = [path.parent.name for path in fleets_dir().glob("*/state.json")]
    for name in names:
        Fleet.remove_by_name(name)


def show(options):
    for host in Fleet.load(options.fleet).hosts:
        init = host.init()
        print(f"{host.name}\t{host.address}\t{'up' if init else 'down'}\t{host.root}")


def execute(options):
    fleet = Fleet.load(options.fleet)
    code = 0
    for host in fleet.hosts if options.host == "all" else [fleet[options.host]]:
        done = host.run(*options.command, check=False)
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
        sys.stderr.buffer.write(done.stderr)
        code = code or done.returncode
    return code


def on_hosts(action):
    """A command that does one thing to one host, or to `all`."""
    def command(options):
        fleet = Fleet.load(options.fleet)
        for host in fleet.hosts if options.host == "all" else [fleet[options.host]]:
            action(host, options)
        fleet._save()
    return command


def start(host, _options):
    host.start()
    host.wait()


def counters(options):
    fleet = Fleet.load(options.fleet)
    print(json.dumps({host.name: host.link.counters() for host in fleet.hosts}, indent=1))


def inventory(options):
    sys.stdout.write(Fleet.load(options.fleet).inventory(options.user))


COMMANDS = {
    "up": (up, "boot COUNT hosts, in place of a fleet of the same name"),
    "down": (down, "stop the hosts and remove all that was made for them"),
    "list": (show, "name, address, state and file system of each host"),
    "exec": (execute, "run a command inside HOST, not by the network"),
    "cut": (on_hosts(lambda host, _: host.link.cut()), "pull the cable of HOST"),
    "heal": (on_hosts(lambda host, _: host.link.heal()), "plug it in again"),
    "rate": (on_hosts(lambda host, options: host.link.set_rate(
        None if options.rate == "none" else options.rate)), "limit HOST's link, e.g. 20mbit"),
    "stop": (on_hosts(lambda host, _: host.stop()), "take the power of HOST away"),
    "start": (on_hosts(start), "boot HOST again from its disk"),
    "counters": (counters, "bytes on each host's wire, as JSON"),
    "inventory": (inventory, "an inventory of the fleet, for -i"),
}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleet", default="default", help="name of the fleet")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (function, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if name == "up":
            command.add_argument("count", type=int)
        if name == "down":
            command.add_argument("--all", action="store_true", help="all fleets")
        if name in ("exec", "cut", "heal", "rate", "stop", "start"):
            command.add_argument("host", metavar="HOST", help="a host's name, or all")
        if name == "exec":
            command.add_argument("command", nargs=argparse.REMAINDER, metavar="WORD")
        if name == "rate":
            command.add_argument("rate", help="as tc writes it: 20mbit; or none")
        if name == "inventory":
            command.add_argument("--user", default="root", help="root, admin or careful")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    try:
        return options.function(options) or 0
    except HarnessError as error:
        print(f"fleet.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
