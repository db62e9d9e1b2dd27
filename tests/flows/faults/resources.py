"""Disks and memory of which there is soon no more."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DISK_KB = 24 * 1024
MEMORY_KB = 64 * 1024
_CGROUPS = Path("/sys/fs/cgroup")


def may_mount() -> bool:
    """Return whether this process may mount a small disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk", DISK_KB):
                return True
        except Unmountable:
            return False


def may_limit_memory() -> bool:
    """Return whether this process may give others less memory."""
    try:
        with small_memory(MEMORY_KB):
            return True
    except OSError:
        return False


@contextmanager
def small_memory(size_kb: int) -> Iterator[Callable[[], None]]:
    """Make a group of processes with little memory; yield what lets the calling process enter it. Raises OSError.

    What a process has already stays with its old group, so `size_kb` is what it may take from then on.
    """
    is_v2 = (_CGROUPS / "cgroup.controllers").exists()
    parent, limit = (_CGROUPS, "memory.max") if is_v2 else (_CGROUPS / "memory", "memory.limit_in_bytes")
    group = parent / f"longhand-{os.getpid()}"

    def enter() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    group.mkdir()
    try:
        (group / limit).write_text(str(size_kb * 1024))
        yield enter
    finally:
        for _ in range(100):  # until the kernel has buried the dead
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.02)


class Unmountable(Exception):
    """This process may not mount."""


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """Mount a disk in memory that is soon full; raise Unmountable."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k,mode=0755", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unmountable(str(error)) from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path, size_kb: int) -> None:
    """Write a file of that size, or as much of it as the disk takes."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        for _ in range(size_kb):
            file.write(b"\0" * 1024)
