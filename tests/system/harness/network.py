# SPDX-License-Identifier: Apache-2.0
"""The network of a fleet: one bridge, and for each host a namespace joined to it by a veth pair.

The addresses are from 198.18.0.0/15, which is set aside for tests of network devices
(RFC 2544), so they never hide a network that this machine uses. Nothing is routed: packets
stay between the bridge and the namespaces.
"""

import fcntl
import subprocess
from pathlib import Path

from . import HarnessError

LOCK = Path("/run/lock/modelfleet-network")
SUBNETS = 200


def run(*command):
    """Runs a command to its end; an error carries what it printed."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        text = (done.stderr or done.stdout).strip()
        raise HarnessError(f"{' '.join(map(str, command))}: {text}")
    return done.stdout


class Bridge:
    """The bridge of one fleet; its number also names the subnet."""

    def __init__(self, number):
        self.number = number
        self.name = f"mfbr{number}"
        self.address = f"198.18.{number}.1"

    @classmethod
    def create(cls):
        """Makes a bridge with the first free number."""
        LOCK.parent.mkdir(parents=True, exist_ok=True)
        with open(LOCK, "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for number in range(SUBNETS):
                bridge = cls(number)
                if not Path("/sys/class/net", bridge.name).exists():
                    bridge._bring_up()
                    return bridge
        raise HarnessError("all subnets are taken: run `fleet.py down` for old fleets")

    def _bring_up(self):
        run("ip", "link", "add", self.name, "type", "bridge")
        Path("/proc/sys/net/ipv6/conf", self.name, "disable_ipv6").write_text("1")
        run("ip", "address", "add", f"{self.address}/24", "dev", self.name)
        run("ip", "link", "set", self.name, "up")

    def remove(self):
        """Removes the bridge; one that is already gone is fine."""
        if Path("/sys/class/net", self.name).exists():
            run("ip", "link", "delete", self.name)


class Link:
    """One host's cable: a veth pair between the bridge and the host's namespace."""

    def __init__(self, bridge, index):
        self.bridge = bridge
        self.address = f"198.18.{bridge.number}.{10 + index}"
        self.device = f"mf{bridge.number}v{index}"
        self.namespace = f"modelfleet-{bridge.number}-{index}"

    @property
    def namespace_path(self):
        """The file that systemd-nspawn takes the namespace from."""
        return f"/run/netns/{self.namespace}"

    def create(self):
        """Makes the namespace with its address, before the host boots."""
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.device, "type", "veth",
            "peer", "name", "host0", "netns", self.namespace)
        for device in ("lo", "host0"):
            self.inside("ip", "link", "set", device, "up")
        self.inside("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
        self.inside("ip", "address", "add", f"{self.address}/24", "dev", "host0")
        Path("/proc/sys/net/ipv6/conf", self.device, "disable_ipv6").write_text("1")
        run("ip", "link", "set", self.device, "master", self.bridge.name, "up")

    def inside(self, *command):
        """Runs a command of this machine in the host's network namespace."""
        return run("ip", "netns", "exec", self.namespace, *command)

    def remove(self):
        """Removes both ends; what is already gone is fine."""
        if Path("/sys/class/net", self.device).exists():
            run("ip", "link", "delete", self.device)
        if Path(self.namespace_path).exists():
            run("ip", "netns", "delete", self.namespace)

    def cut(self):
        """Pulls the cable: packets vanish, no connection is told."""
        run("ip", "link", "set", self.device, "down")

    def heal(self):
        """Plugs the cable in again."""
        run("ip", "link", "set", self.device, "up")

    def set_rate(self, rate):
        """Limits both directions to `rate` (as tc writes it: 20mbit); None lifts the limit."""
        if rate is None:
            subprocess.run(["tc", "qdisc", "delete", "dev", self.device, "root"],
                           capture_output=True, check=False)
            subprocess.run(["ip", "netns", "exec", self.namespace, "tc", "qdisc", "delete",
                            "dev", "host0", "root"], capture_output=True, check=False)
            return
        bucket = ("tbf", "rate", rate, "burst", "32kb", "latency", "100ms")
        run("tc", "qdisc", "replace", "dev", self.device, "root", *bucket)
        self.inside("tc", "qdisc", "replace", "dev", "host0", "root", *bucket)

    def counters(self):
        """Bytes on the wire since the host was made, Ethernet headers included."""
        statistics = Path("/sys/class/net", self.device, "statistics")
        return {"to_host": int((statistics / "tx_bytes").read_text()),
                "from_host": int((statistics / "rx_bytes").read_text())}
