"""Device and number format of a voice's base model, which is spread over several devices if one is too small.

accelerate spreads it (`device_map`): layers fill the devices of this process, then the CPU's memory, then the disk,
from which each is read when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from concepts.errors import UsageError
from concepts.models.memory import WORK_BYTES, free_bytes
from concepts.neural.devices import choose_dtype
from concepts.neural.processes import process_state

MAP_VARIABLE = "LONGHAND_DEVICE_MAP"
"""Environment variable for the device map of a voice's base model: one of `MAPS`."""
MAPS = ("auto", "balanced", "balanced_low_0", "sequential", "cpu")
"""Values of `device_map` in transformers and accelerate."""
LARGE_PARAMETERS = 1_000_000_000
"""A base with this many parameters or more uses its checkpoint's number format on a GPU."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Placement of a base model."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Device of its inputs and its adapter, and of the whole base if it fits."""
    device_map: str | None = None
    """One of `MAPS`; None: the value of `MAP_VARIABLE`, else "auto" if the model does not fit on `device`."""
    is_trained: bool = False
    """Whether an adapter is trained with it: then the whole base is on the device, in float32."""
    max_memory: Mapping[int | str, int | str] | None = None
    """Memory limit per device ("cpu" or index of a GPU; bytes or "20GiB"); None: all free memory."""

    def options(self, folder: Path, config: Any) -> dict[str, Any]:
        """Return the arguments of `from_pretrained` for the checkpoint in `folder`; UsageError for an unknown map."""
        if self.is_trained:
            return {"dtype": torch.float32}
        num_parameters = count_parameters(folder)
        own = getattr(config, "dtype", None) or torch.float32
        dtype = choose_dtype(self.device, is_large=num_parameters >= LARGE_PARAMETERS, own=own)
        found: dict[str, Any] = {"dtype": dtype}
        device_map = self.device_map or os.environ.get(MAP_VARIABLE) or None
        if device_map is not None and device_map not in MAPS:
            raise UsageError(f"{MAP_VARIABLE} is {device_map!r}: known are {', '.join(MAPS)}")
        if device_map is None and num_parameters * dtype.itemsize + WORK_BYTES > free_bytes(self.device):
            device_map = "auto"
        if device_map is not None:
            found |= {"device_map": device_map, "max_memory": self._max_memory()}
        return found

    def _max_memory(self) -> dict[int | str, int | str] | None:
        """Return the memory limits; if other processes of a launch run beside this one, for its own GPU only.

        None: all that accelerate finds. accelerate ignores a container's memory limit, so it is set here for the CPU.
        """
        if self.max_memory is not None:
            return dict(self.max_memory)
        memory = free_bytes(torch.device("cpu"))
        if self.device.type == "cpu":
            return {"cpu": memory}
        if process_state().num_processes == 1 or self.device.index is None:
            return None
        return {self.device.index: free_bytes(self.device), "cpu": memory}


def count_parameters(folder: Path) -> int:
    """Return the number of parameters of a safetensors checkpoint without reading weights; 0 for another format."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # no mapping
                size = 1
                for length in file.get_slice(name).get_shape():
                    size *= length
                total += size
    return total


def places_of(base: Any, device: torch.device) -> str:
    """Return the devices of a loaded base, such as "cuda:0" or "cuda:0, cuda:1, cpu"."""
    spread = getattr(base, "hf_device_map", None)
    if not spread:
        return str(device)
    names = [f"cuda:{place}" if isinstance(place, int) else str(place) for place in spread.values()]
    return ", ".join(dict.fromkeys(names))
