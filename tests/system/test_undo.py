#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a play with a transaction changed is taken back when a later task fails, module by module:
the host's picture after it is the one from before. What no transaction takes back is named."""

import tarfile

from harness import program
from harness.undo import UndoCase

# The host has no cron: this is what `crontab` does, and where cron has its tables.
CRONTAB = """#!/bin/sh
table=/var/spool/cron/crontabs/root
case $1 in
-l) cat "$table" ;;
*) cat "$1" > "$table.new" && mv "$table.new" "$table" ;;
esac
"""

# What cases change. Files have modes, owners and times that a careless undo would lose.
BEFORE = r"""
rm -rf /srv/* /home/*/.ssh /etc/systemd/system/idle.service
mkdir -p /srv/kept/sub/deep /srv/parts /srv/target /var/spool/cron/crontabs /etc/cron.d
chmod 755 /usr/bin/crontab
printf 'one\ntwo\nthree\n' > /srv/text
chown careful:admin /srv/text
chmod 640 /srv/text
ln -s text /srv/link
for name in a sub/b sub/deep/c; do echo "$name" > "/srv/kept/$name"; done
chmod 555 /srv/kept/sub/deep
chmod 2750 /srv/kept/sub
echo first > /srv/parts/1
echo second > /srv/parts/2
mkdir /srv/target/config
echo there > /srv/target/config/a
printf '# a comment\n#Ansible: old\n1 2 3 4 5 old\n' > /var/spool/cron/crontabs/root
chmod 600 /var/spool/cron/crontabs/root
echo '* * * * * root true' > /etc/cron.d/kept
printf 'net.ipv4.ip_forward = 0\n' > /etc/sysctl.d/90-kept.conf
printf '# fstab\nproc /proc proc defaults 0 0\n' > /etc/fstab
echo 'deb http://example.org/old bookworm main' > /etc/apt/sources.list.d/old.list
mkdir -m 700 /home/admin/.ssh
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJz1uYF7mZ0Y3JcF2PpjB1o4yH7hRZ9q5nX9S1F2J0aa old' \
    > /home/admin/.ssh/authorized_keys
chown -R admin: /home/admin/.ssh
chmod 600 /home/admin/.ssh/authorized_keys
touch -d 2020-02-02 /srv/text /srv/kept/a /etc/fstab /etc/cron.d/kept
for unit in good idle; do
    printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
        > /etc/systemd/system/$unit.service
done
systemctl daemon-reload
systemctl disable -q --now idle
systemctl enable -q --now good
"""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGt4nG3iVt0mXo3bq1bC0c5Xy4k4b0cV4m8z0f3a1b2c new"

# Name: tasks that each change something, all of it taken back.
UNDONE = {
    "copy": [{"copy": {"content": "new\n", "dest": "/srv/new"}},
             {"copy": {"content": "new\n", "dest": "/srv/text", "mode": "0600",
                       "owner": "root", "backup": True}},
             {"copy": {"src": "tree/", "dest": "/srv/kept", "mode": "0700"}},
             {"copy": {"src": "/srv/text", "dest": "/srv/made/by/copy/", "remote_src": True}}],
    "template": [{"template": {"src": "greeting.j2", "dest": "/srv/link"}}],
    "file": [{"file": {"path": "/srv/made/below", "state": "directory", "mode": "0700"}},
             {"file": {"path": "/srv/kept", "state": "absent"}},
             {"file": {"path": "/srv/link", "src": "elsewhere", "state": "link",
                       "force": True}},
             {"file": {"path": "/srv/hard", "src": "/srv/text", "state": "hard"}},
             {"file": {"path": "/srv/text", "state": "touch", "mode": "0777"}}],
    "file_recurse": [{"file": {"path": "/srv/kept", "recurse": True, "owner": "careful",
                               "mode": "u=rwX,go=", "state": "directory"}}],
    "tempfile": [{"tempfile": {"path": "/srv", "state": "directory"}},
                 {"tempfile": {"path": "/srv"}}],
    "lineinfile": [{"lineinfile": {"path": "/srv/text", "line": "four", "backup": True}},
                   {"lineinfile": {"path": "/srv/text", "regexp": "^o", "line": "ONE"}},
                   {"lineinfile": {"path": "/srv/lines/new", "line": "one", "create": True}},
                   {"lineinfile": {"path": "/srv/text", "regexp": "^t", "state": "absent"}}],
    "blockinfile": [{"blockinfile": {"path": "/srv/text", "block": "a\nb"}},
                    {"blockinfile": {"path": "/srv/text", "block": "c", "mode": "0604"}},
                    {"blockinfile": {"path": "/srv/new", "block": "d", "create": True}}],
    "replace": [{"replace": {"path": "/srv/text", "regexp": "t(.)", "replace": r"\1T"}}],
    "assemble": [{"assemble": {"src": "/srv/parts", "dest": "/srv/assembled"}},
                 {"assemble": {"src": "/srv/parts", "dest": "/srv/text", "mode": "0600"}}],
    "unarchive": [{"unarchive": {"src": "site.tar.gz", "dest": "/srv/target"}}],
    "synchronize": [{"synchronize": {"src": "tree/", "dest": "/srv/kept", "delete": True}}],
    "cron": [{"cron": {"name": "new", "job": "true", "hour": "1"}},
             {"cron": {"name": "old", "state": "absent"}},
             {"cron": {"name": "kept", "cron_file": "kept", "user": "root", "job": "false"}},
             {"cron": {"name": "made", "cron_file": "made", "user": "root", "job": "false"}}],
    "sysctl": [{"ansible.posix.sysctl": {"name": "net.ipv4.ip_forward", "value": "1",
                                         "reload": False,
                                         "sysctl_file": "/etc/sysctl.d/90-kept.conf"}},
               {"ansible.posix.sysctl": {"name": "vm.swappiness", "value": "7", "reload": False,
                                         "sysctl_file": "/etc/sysctl.d/91-new.conf"}}],
    "mount_entry": [{"ansible.posix.mount": {"path": "/mnt/data", "src": "/dev/none",
                                             "fstype": "ext4", "state": "present"}},
                    {"ansible.posix.mount": {"path": "/proc", "state": "absent_from_fstab"}}],
    "apt_repository": [{"apt_repository": {"repo": "deb http://example.org/new bookworm main",
                                           "update_cache": False}},
                       {"apt_repository": {"repo": "deb http://example.org/old bookworm main",
                                           "state": "absent", "update_cache": False}}],
    "authorized_key": [{"ansible.posix.authorized_key": {"user": "admin", "key": KEY}},
                       {"ansible.posix.authorized_key": {"user": "careful", "key": KEY}},
                       {"ansible.posix.authorized_key": {"user": "admin", "key": KEY,
                                                         "exclusive": True,
                                                         "key_options": "no-pty"}}],
    "known_hosts": [{"known_hosts": {"name": "example.org", "key": f"example.org {KEY}"}},
                    {"known_hosts": {"name": "example.org", "path": "/etc/ssh/ssh_known_hosts",
                                     "key": f"example.org {KEY}"}}],
    "service": [{"service": {"name": "good", "state": "stopped", "enabled": False}},
                {"service": {"name": "idle", "state": "started", "enabled": True}}],
    "masked": [{"systemd": {"name": "later", "masked": True}}],
    "several_at_once": [{"copy": {"content": "new\n", "dest": "/srv/text"}},
                        {"file": {"path": "/srv/text", "state": "absent"}},
                        {"file": {"path": "/srv/text", "state": "directory"}},
                        {"copy": {"content": "new\n", "dest": "/srv/text/inside"}},
                        {"file": {"path": "/srv/text", "state": "absent"}},
                        {"lineinfile": {"path": "/srv/text", "line": "x", "create": True}}],
}

# Name: a task, what the report says of it, and a pattern of what stays changed.
NAMED = {
    "command": ({"command": "touch /srv/by-command"}, "ran touch", "/srv/by-"),
    "shell": ({"shell": "echo x > /srv/by-shell"}, "ran a line of the shell", "/srv/by-"),
    "raw": ({"raw": "echo x > /srv/by-raw"}, "ran a line of the shell", "/srv/by-"),
    "group": ({"group": {"name": "crew"}}, "crew", r"/etc/(.*group|gshadow)"),
    "user": ({"user": {"name": "mate"}}, "mate",
             r"/etc/(group|gshadow|passwd|shadow|sub.id|.*-$)|/home/mate|/var/(mail|spool)"),
    "mount": ({"ansible.posix.mount": {"path": "/mnt/small", "src": "small", "fstype": "tmpfs",
                                       "state": "mounted"}}, "ran mount for /mnt/small", None),
}


class UndoTest(UndoCase):
    fleet_name = "undo"
    units = ("good", "idle")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.run("tee", "/usr/bin/crontab", stdin=CRONTAB.encode())
        tree = cls.directory / "tree"
        (tree / "sub").mkdir(parents=True)
        (tree / "a").write_text("another a\n")
        (tree / "sub/new").write_text("new\n")
        (cls.directory / "greeting.j2").write_text("hello {{ inventory_hostname }}\n")
        with tarfile.open(cls.directory / "site.tar.gz", "w:gz") as archive:
            archive.add(tree, "config")
            archive.add(tree / "a", "more/a")

    def setUp(self):
        self.host.shell(BEFORE)

    def undone(self, tasks):
        before = self.picture()
        run = self.failing(tasks)
        self.assertEqual(self.differences(before), {})
        self.assertNotIn("not taken back", run.stdout)
        # The picture sees what these tasks change.
        self.play(*tasks)
        self.assertNotEqual(self.differences(before), {})

    def named(self, task, says, stays):
        before = self.picture()
        run = self.failing([task])
        self.assertIn(says, "\n".join(self.not_taken_back(run)), run)
        self.assertEqual(self.differences(before, stays), {})


def add_test(name, act, *arguments):
    setattr(UndoTest, f"test_{name}", lambda self: getattr(self, act)(*arguments))


for case, case_tasks in UNDONE.items():
    add_test(f"{case}_is_taken_back", "undone", case_tasks)
for case, case_arguments in NAMED.items():
    add_test(f"{case}_is_named", "named", *case_arguments)


if __name__ == "__main__":
    program.main()
