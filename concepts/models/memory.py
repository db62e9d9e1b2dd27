"""Checking that a model fits into the free memory before it is loaded.

Loading SONAR ends silently on a 16 GB machine (github.com/facebookresearch/SONAR/issues/55): the system
kills a process that needs too much memory, and a killed process prints no error.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch

from concepts.errors import ModelError

WORK_BYTES = 1_000_000_000
"""Memory of a process beside the weights: libraries and the activations of one batch."""
_GB = 1e9


def free_bytes(device: torch.device) -> int:
    """Return the bytes that this process may still take on `device`."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return min([int(psutil.virtual_memory().available), *_container_bytes()])


def _container_bytes() -> list[int]:
    """Return the bytes left below a container's memory limit (cgroup 2, else 1); empty if there is no limit.

    Mapped and cached file pages count as used there, but the kernel frees them on demand.
    """
    for root, limit, used, cache in (
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        folder = Path(root)
        with suppress(OSError, ValueError, KeyError):  # "max" is no number: no limit
            most = int((folder / limit).read_text())
            lines = (folder / "memory.stat").read_text().splitlines()
            given_back = int(dict(line.split() for line in lines)[cache])
            return [most - int((folder / used).read_text()) + given_back]
    return []


def check_memory(name: str, num_parameters: int, dtype: torch.dtype, device: torch.device) -> str:
    """Return a line on the memory that a model will take; raise ModelError if less is free."""
    needed, free = num_parameters * dtype.itemsize + WORK_BYTES, free_bytes(device)
    place = "the GPU" if device.type == "cuda" else "memory"
    line = (
        f"{name} needs about {needed / _GB:.1f} GB of {place} ({num_parameters / 1e6:.0f} million parameters in "
        f"{str(dtype).removeprefix('torch.')}), {free / _GB:.1f} GB are free"
    )
    if needed <= free:
        return line
    half = num_parameters * 2 + WORK_BYTES
    hint = "close other programs"
    if dtype.itemsize > 2:
        hint += f", or set LONGHAND_DTYPE=bfloat16 (about {half / _GB:.1f} GB)"
    raise ModelError(f"{line}: {hint}")
