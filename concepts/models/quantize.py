"""Weights as 8-bit integers with one scale per row: half the size of float16 in a release.

Symmetric: a row is `scale * q`, q from -127 to 127 and scale its largest value over 127, so rounding moves
no weight by more than half a scale (Jacob et al. 2018, arXiv 1712.05877, without zero points). Tensors that are not
matrices stay float16. Weights are dequantised on loading; nothing is computed in eight bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from concepts.errors import ModelError

SCALE = ".int8_scale"
"""Suffix of the rows' scales (float32) behind the name of their matrix."""
_LARGEST = 127


def quantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `tensors` with every matrix (R, C) as int8 beside its scales (R,), all else in float16."""
    made: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if value.ndim == 2 and value.is_floating_point():
            matrix = value.float()
            scale = (matrix.abs().amax(dim=1) / _LARGEST).clamp(min=1e-12)
            made[name] = (matrix / scale[:, None]).round().clamp(-_LARGEST, _LARGEST).to(torch.int8)
            made[name + SCALE] = scale
        else:
            made[name] = value.half() if value.is_floating_point() else value
    return made


def dequantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 matrices of quantised `tensors`; all others as they are.

    Tensors that were never quantised come back unchanged. Raises ModelError if a scale is missing or does
    not fit its matrix.
    """
    made: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(SCALE):
            continue
        if value.dtype != torch.int8:
            made[name] = value
            continue
        scale = tensors.get(name + SCALE)
        if scale is None or scale.shape != value.shape[:1]:
            raise ModelError(f"the weights {name} have no scale for each of their {len(value)} rows")
        made[name] = value.float() * scale[:, None]
    return made


def is_quantized(tensors: Mapping[str, object]) -> bool:
    """Return whether any of a checkpoint's tensors is quantised."""
    return any(name.endswith(SCALE) for name in tensors)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a released file, quantised or not, in float32.

    Raises OSError or SafetensorError for a file that cannot be read, ModelError for scales that do not fit.
    """
    return {name: value.float() for name, value in dequantize(load_file(path)).items()}
