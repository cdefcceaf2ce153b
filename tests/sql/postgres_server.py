#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of a test's own: a new cluster in a temporary directory, on a Unix socket.

For Python:

    with PostgresServer() as server:        # raises Unavailable with a reason
        connect(server.uri)

For other languages the program prints the URI (or "skip: REASON") and takes commands, one a line:
"restart" (as its service would be), "crash" (kill -9, and a start), "stop", "start". Each is answered by
"ok" when it is done. At the end of its input everything is gone.
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 120  # seconds for a start, on a machine that is busy


class Unavailable(Exception):
    """There is no server here to be had; the text says why."""


def find_programs():
    """The directory of initdb and postgres: Debian's newest, or that of the PATH."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                      key=lambda path: int(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which("initdb")
    if not found:
        raise Unavailable("PostgreSQL's server is not installed (scripts/bootstrap)")
    return pathlib.Path(found).parent


def find_user():
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Unavailable("PostgreSQL does not run as root, and there is no other user")


class PostgresServer:
    def __init__(self):
        self.programs = find_programs()
        self.user = find_user()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="modelfleet-pg-"))
        os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        self.uri = f"postgresql://{self.user.pw_name}@/postgres?host={self.directory}"
        self.process = None

    def __enter__(self):
        try:
            self.initialise()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def command(self, *words):
        """A program of the server's, as its user, which does not outlive us."""
        drop = []
        if os.geteuid() == 0:
            drop = ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}",
                    "--clear-groups", "--pdeathsig=QUIT"]
        return [*drop, str(self.programs / words[0]), *words[1:]]

    def initialise(self):
        done = subprocess.run(
            self.command("initdb", "--auth=trust", "--no-sync", "--locale=C.UTF-8", "--encoding=UTF8",
                         f"--username={self.user.pw_name}", f"--pgdata={self.directory}/data"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode != 0:
            raise Unavailable(f"initdb: {done.stderr.strip() or done.stdout.strip()}")

    def start(self):
        # What is written survives a crash of the server, which is all that tests can bring about.
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.directory), "fsync": "off",
                    "max_connections": "60", "log_min_messages": "warning"}
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command("postgres", "-D", f"{self.directory}/data", *options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        until = time.monotonic() + DEADLINE
        while subprocess.run([str(self.programs / "pg_isready"), "-q", "-h", str(self.directory)],
                             check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise Unavailable("postgres: " + (self.directory / "log").read_text(errors="replace"))
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def crash(self):
        self.stop(signal.SIGKILL)
        until = time.monotonic() + DEADLINE
        while True:
            try:
                return self.start()
            except Unavailable:  # while processes of the one that was killed are not gone yet
                self.stop(signal.SIGKILL)
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the input is what ends us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with PostgresServer() as server:
            print(server.uri, flush=True)
            commands = {"restart": server.restart, "crash": server.crash, "stop": server.stop,
                        "start": server.start}
            for line in sys.stdin:
                commands[line.strip()]()
                print("ok", flush=True)
    except Unavailable as why:
        print("skip: " + " ".join(str(why).split()), flush=True)


if __name__ == "__main__":
    main()
