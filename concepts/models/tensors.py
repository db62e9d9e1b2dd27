"""Loading tensors into a model and saving them to a file."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from concepts.errors import ModelError


@torch.no_grad()
def load_parameters(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into the parameters of the same names; raises ModelError if they do not fit."""
    own = dict(module.named_parameters())
    missing, unknown = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unknown:
        raise ModelError(
            f"the weights do not belong to this model: {len(missing)} missing ({', '.join(missing[:2])}), "
            f"{len(unknown)} unknown ({', '.join(unknown[:2])}); use the config they were trained with"
        )
    for name, parameter in own.items():
        if parameter.shape != tensors[name].shape:
            raise ModelError(
                f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(parameter.shape)}; "
                "use the config it was trained with"
            )
        parameter.copy_(tensors[name])


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write `tensors` to a safetensors file, whole or not at all."""
    partial = path.with_suffix(".partial")
    save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, partial)
    os.replace(partial, path)
