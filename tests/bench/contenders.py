# SPDX-License-Identifier: Apache-2.0
"""What is compared: each contender brings a set of versions onto the hosts in its own way.

All of them reach the same hosts by the same ssh configuration and key, flush what they write to
disk, and put models below a directory of their own.
"""

import json
import os
import shlex
import shutil
from pathlib import Path

WHOLE = 12  # hosts n01 .. n12 get every model, the others one


class Contender:
    """`work` is a directory for its files; `site` has the store."""

    name = ""
    runs = 3

    def __init__(self, fleet, site, work, one_model):
        self.fleet = fleet
        self.site = site
        self.work = Path(work)
        self.one_model = one_model
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = dict(os.environ, HOME=str(self.work), LC_ALL="C.UTF-8")
        self.environment.pop("SSH_AUTH_SOCK", None)

    @property
    def target(self):
        """Where the models go on a host."""
        return f"/srv/{self.name}"

    def wants(self, index):
        """The models of the host at an index of the fleet."""
        return list(self.site.models) if index < WHOLE else [self.one_model]

    def version(self, model):
        return self.site.models[model]["current_version"]

    def reset(self):
        """Makes the next run a cold one."""
        for host in self.fleet.hosts:
            host.shell(f"rm -rf {self.target} && mkdir {self.target} && sync -f /srv")

    def parallel(self, commands):
        """One shell that runs all commands at once and fails if one of them does."""
        lines = [f"{shlex.join(map(str, command))} & pids=\"$pids $!\"" for command in commands]
        script = "\n".join([*lines, "code=0", "for pid in $pids; do wait $pid || code=1; done",
                            "exit $code"])
        path = self.work / "parallel.sh"
        path.write_text(script + "\n")
        return ["/bin/sh", path]


class Ssh(Contender):
    """The floor: `ssh HOST true` to all hosts at once."""

    name = "ssh"

    def command(self, _phase, _model):
        return self.parallel(self.fleet.ssh(host, "true") for host in self.fleet.hosts)


class Rsync(Contender):
    """What a careful operator writes by hand: one rsync a host, all at once."""

    name = "rsync"

    def command(self, phase, model):
        return self.parallel(self._rsync(index, host, phase, model)
                             for index, host in enumerate(self.fleet.hosts)
                             if phase != "bump" or model in self.wants(index))

    def _rsync(self, index, host, phase, model):
        command = ["rsync", "-a", "--checksum", "--fsync", "--mkpath",
                   "-e", f"ssh -F {self.fleet.ssh_config}"]
        if phase == "bump":
            old = self.site.models[model]["previous_version"]
            new = self.version(model)
            return [*command, "--fuzzy", f"--copy-dest={self.target}/{model}/{old}",
                    f"{self.site.version_path(model, new)}/",
                    f"{host.name}:{self.target}/{model}/{new}/"]
        sources = [f"{self.site.store}/./{name}/{self.version(name)}"
                   for name in self.wants(index)]
        return [*command, "--relative", *sources, f"{host.name}:{self.target}/"]


class Ansible(Contender):
    """ansible.posix.synchronize, with pipelining and a fork for each host."""

    name = "ansible"
    runs = 1

    CONFIG = """\
[defaults]
forks = 50
gathering = explicit
host_key_checking = True
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = True
"""

    def command(self, _phase, _model):
        (self.work / "ansible.cfg").write_text(self.CONFIG)
        self.environment["ANSIBLE_CONFIG"] = str(self.work / "ansible.cfg")
        inventory = json.loads(self.fleet.inventory())
        for index, host in enumerate(self.fleet.hosts):
            inventory["all"]["hosts"][host.name]["wanted"] = [
                {"model": model, "version": self.version(model)} for model in self.wants(index)]
        (self.work / "hosts.json").write_text(json.dumps(inventory))
        (self.work / "play.json").write_text(json.dumps([{
            "hosts": "all", "tasks": [
                {"file": {"path": f"{self.target}/{{{{ item.model }}}}", "state": "directory"},
                 "loop": "{{ wanted }}"},
                {"ansible.posix.synchronize": {
                    "src": f"{self.site.store}/{{{{ item.model }}}}/{{{{ item.version }}}}/",
                    "dest": f"{self.target}/{{{{ item.model }}}}/{{{{ item.version }}}}/",
                    "checksum": True, "use_ssh_args": True, "rsync_opts": ["--fsync"]},
                 "loop": "{{ wanted }}"}]}]))
        return ["/usr/bin/ansible-playbook", "-i", self.work / "hosts.json",
                self.work / "play.json"]


class Modelfleet(Contender):
    """deploy-models, from an empty cache on both sides when cold."""

    name = "modelfleet"

    def __init__(self, fleet, site, work, one_model, program, variables=None, options=()):
        super().__init__(fleet, site, work, one_model)
        self.program = program
        self.options = options
        self.variables = variables or fleet.host_variables

    def reset(self):
        super().reset()
        for host in self.fleet.hosts:
            host.shell("rm -rf /root/.cache/modelfleet")
        shutil.rmtree(self.work / ".cache", ignore_errors=True)
        shutil.rmtree(self.site.store / ".fleet", ignore_errors=True)

    def command(self, _phase, _model):
        hosts = {host.name: self.variables(host) for host in self.fleet.hosts}
        names = list(hosts)
        self.site.write_inventory(
            {name: hosts[name] for name in names[:WHOLE]},
            {name: hosts[name] for name in names[WHOLE:]}, self.target, [self.one_model])
        return [self.program, "-i", self.site.inventory, "--forks", "50", *self.options]
