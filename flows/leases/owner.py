"""Names of lease holders, by which another process can see whether a holder is alive.

An owner is `host/place:pid:start`. The place identifies the boot and the process namespace, so that
containers with the same host name do not take each other for dead; the start time detects a reused pid.
"""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def _place() -> str:
    """Return a short name of this boot and process namespace; `-` if the system tells neither."""
    try:
        named = (_PROC / "sys/kernel/random/boot_id").read_text() + os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115
    except OSError:
        return "-"
    return hashlib.sha256(named.encode()).hexdigest()[:8]


def _start_of(pid: int) -> str | None:
    """Return when a process started (ticks since boot), `?` if unknown, None if it is dead."""
    try:
        # The second field is the program's name in brackets and may itself hold blanks and brackets.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        pass
    if (_PROC / "self" / "stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "?"


def current_owner() -> str:
    """Return this process's owner name."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """Return the owner name of a process on this machine."""
    return f"{socket.gethostname()}/{_place()}:{pid}:{_start_of(pid)}"


def is_dead(owner: str) -> bool:
    """Return whether an owner is a process on this machine that has ended.

    False for another machine's process and for any other string: only the lease tells then.
    """
    host, _, rest = owner.rpartition("/")
    place, _, process = rest.partition(":")
    pid, _, start = process.partition(":")
    if host != socket.gethostname() or place != _place() or not pid.isdigit():
        return False
    found = _start_of(int(pid))
    return found is None or (found != start and "?" not in (found, start))
