# SPDX-License-Identifier: Apache-2.0
"""What all groups of hosts have: members by name, and the files of a client that reaches them."""

from . import HarnessError


class Reached:
    """Has `directory`, where its files are, `members()`, which have names, and `remove()`."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def __getitem__(self, name):
        for member in self.members():
            if member.name == name:
                return member
        raise HarnessError(f"no host {name!r} in {self.directory.name}")

    @property
    def key(self):
        """The admin's private key, which opens every member."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self):
        return self.directory / "known_hosts"

    @property
    def ssh_config(self):
        return self.directory / "ssh_config"

    def client_variables(self):
        """What an inventory says of all members."""
        return {
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-o 'UserKnownHostsFile=\"{self.known_hosts}\"' "
                                       "-o GlobalKnownHostsFile=/dev/null",
        }
