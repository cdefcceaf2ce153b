# SPDX-License-Identifier: Apache-2.0
"""Test hosts that are real: booted Debian systems, or unprivileged sshds on loopback.

    root      the Debian root that all booted hosts share
    cgroup    a cgroup for each host, in every hierarchy
    network   one bridge a fleet; a namespace, a rate and byte counters a host
    host      one booted host: start, run commands in it, stop
    fleet     several hosts with keys, known_hosts and an inventory; found again by name
    loopback  nodes that need no root: one sshd each, on a port of its own
    relay     a TCP relay that delays bytes or cuts the connection after some
    store     a model store with registry and inventory, as a site has it
    deploy    runs deploy-models and reads what it says
    agent     model-sync-agent as an installed service, and its registry
    packages  a .deb, a wheel and a pip, all of them real
    program   a test file as a ctest program: exit code 77 where it cannot run
"""


class HarnessError(Exception):
    """Something of the harness failed; the text says what and what to do."""


class CannotBoot(HarnessError):
    """This machine cannot boot hosts; a test that needs them is skipped, with this reason."""
