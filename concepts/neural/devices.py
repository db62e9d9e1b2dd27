"""The device and number format of models, as accelerate manages them for this process.

accelerate's `PartialState` gives the device; training adds its `Accelerator` (training/loop.py). For inference, models
are moved to the device without `Accelerator.prepare`, which wraps only `forward`: planner, writer and voice call parts
of a model one by one.
"""

from __future__ import annotations

import os

import torch

from concepts.errors import UsageError
from concepts.neural.processes import process_state

DTYPE_VARIABLE = "LONGHAND_DTYPE"
"""Environment variable that names the number format of the space's models and of a voice's base."""
_DTYPES = {
    "float32": torch.float32, "fp32": torch.float32, "no": torch.float32,
    "float16": torch.float16, "fp16": torch.float16,
    "bfloat16": torch.bfloat16, "bf16": torch.bfloat16,
}  # fmt: skip


def device_of_process() -> torch.device:
    """Return the device that accelerate assigns to this process, for all of its models."""
    device: torch.device = process_state().device
    return device


def choose_dtype(device: torch.device, *, is_large: bool, own: torch.dtype = torch.float16) -> torch.dtype:
    """Return the number format for a model on `device`.

    `$LONGHAND_DTYPE` comes first, then accelerate's `--mixed_precision` (for a large model), then `own` for a large
    model on a GPU (float16, as SONAR's authors run it), else float32. Raises UsageError for an unknown name.
    """
    asked = os.environ.get(DTYPE_VARIABLE)
    if asked:
        if asked.lower() not in _DTYPES or asked.lower() == "no":
            raise UsageError(f"{DTYPE_VARIABLE} is {asked!r}: known are float32, float16 and bfloat16")
        return _DTYPES[asked.lower()]
    if not is_large:
        return torch.float32
    mixed = os.environ.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if _DTYPES.get(mixed, torch.float32) != torch.float32:
        return _DTYPES[mixed]
    return own if device.type == "cuda" else torch.float32
