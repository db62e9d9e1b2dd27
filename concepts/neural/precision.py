"""The number format for training: bfloat16 if the machine is faster with it, else float32.

CPUs without bfloat16 instructions (AVX2, say) multiply such matrices some forty times slower than float32 ones; CPUs
with these instructions are several times faster.
"""

from __future__ import annotations

import os
import time
from functools import cache

import torch

PRECISION_VARIABLE = "ACCELERATE_MIXED_PRECISION"
"""What `accelerate launch --mixed_precision` says."""
_ROWS, _DIM = 256, 384


def training_device() -> torch.device:
    """Return the type of device for training: CUDA if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def training_dtype(device: torch.device) -> torch.dtype:
    """Return bfloat16 or float32.

    `accelerate launch --mixed_precision` (bf16 or no) comes first, then the faster format of the device: a GPU reports
    whether it supports bfloat16, a CPU is timed once.
    """
    asked = {"bf16": torch.bfloat16, "no": torch.float32}.get(os.environ.get(PRECISION_VARIABLE, ""))
    return asked or _faster_dtype(device.type)


def autocast(device: torch.device) -> torch.autocast:
    """Return a context in which matrices on `device` are multiplied in `training_dtype`."""
    dtype = training_dtype(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)


@cache
def _faster_dtype(device_type: str) -> torch.dtype:
    if device_type == "cuda":
        is_known = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if is_known else torch.float32
    return min((torch.float32, torch.bfloat16), key=_seconds)


def _seconds(dtype: torch.dtype) -> float:
    left, right = torch.ones(_ROWS, _DIM, dtype=dtype), torch.ones(_DIM, _DIM, dtype=dtype)
    times = []
    for _ in range(4):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return min(times)
