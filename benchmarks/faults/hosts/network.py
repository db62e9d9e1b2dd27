"""Hosts of network namespaces, each with a cable and processes of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

NET = "10.77.0"
NEEDED = ("ip", "unshare", "setpriv")


class Unavailable(Exception):
    """This machine, or this user, cannot do it."""


def run(*command: str) -> None:
    """Run a system command; raise Unavailable with its message."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


@dataclass
class Host:
    """A network namespace with a cable and its processes."""

    name: str
    number: int
    prefix: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def space(self) -> str:
        """Name of the network namespace."""
        return f"{self.prefix}-{self.name}"

    @property
    def address(self) -> str:
        """IPv4 address."""
        return f"{NET}.{self.number}"

    def make(self, switch: str) -> None:
        """Make the namespace, and a cable to the switch."""
        run("ip", "netns", "add", self.space)
        port = f"port{self.number}"
        run(
            "ip",
            "-n",
            switch,
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.space,
        )
        run("ip", "-n", switch, "link", "set", port, "master", "bridge", "up")
        run("ip", "-n", self.space, "address", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        self.plug(True)

    def plug(self, is_in: bool) -> None:
        """Cut the cable, or plug it in again."""
        run("ip", "-n", self.space, "link", "set", "eth0", "up" if is_in else "down")

    def start(self, what: str, command: list[str], log: Path, variables: dict[str, str]) -> None:
        """Start a process that is the first of its own process namespace: all it starts ends with it."""
        own_space = ["ip", "netns", "exec", self.space, "unshare", "--uts", "--pid", "--fork", "--kill-child"]
        own_space += ["--mount-proc"]
        with open(log, "ab") as file:
            self.running[what] = subprocess.Popen(
                [*own_space, "sh", "-c", f'hostname {self.name}; exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, "DO_NOT_TRACK": "1", **variables},
            )

    def kill(self, *what: str) -> None:
        """SIGKILL all processes (or the named ones) and all their children at the same moment."""
        ended = [self.running.pop(each) for each in what or tuple(self.running)]
        # The first processes of their namespaces: the kernel kills the rest with them.
        firsts = [child for process in ended for child in _children(process.pid)]
        for first in firsts:
            with suppress(psutil.NoSuchProcess):
                first.kill()
        for process in ended:
            process.kill()
            process.wait()
        psutil.wait_procs(firsts, timeout=30)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
