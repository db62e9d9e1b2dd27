"""Weights of a release in five and a half bits each, and in eight where their rows do not fit.

A matrix whose rows or columns are multiples of 32 is stored as uint8, the blocks of GGUF's Q5_0 format along them:
32 weights of five bits and their scale in float16, 22 bytes (`gguf.quants`, of the llama.cpp project); on request in
its Q4_0 format, 18 bytes, under a name that says so. Other matrices are stored as int8 with a float32 scale for each
row, its largest value over 127, so rounding moves no weight by more than half a scale (Jacob et al. 2018, arXiv
1712.05877, without zero points). Tensors that are not matrices stay float16. Weights are dequantised on loading;
nothing is computed in few bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from concepts.errors import ModelError

SCALE = ".int8_scale"
"""Suffix of the rows' scales (float32) behind the name of an int8 matrix."""
TRANSPOSED = ".transposed"
"""Suffix of a matrix whose columns, not its rows, are stored in blocks."""
FOUR_BITS = ".q4"
"""Suffix, behind the others, of a matrix in blocks of four bits a weight."""
BLOCK = 32
"""Weights of a block."""
BLOCK_BYTES = {5: 22, 4: 18}
"""By bits a weight."""
_LARGEST = 127


def quantize(tensors: Mapping[str, Tensor], *, bits: int = 5) -> dict[str, Tensor]:
    """Return `tensors` with every matrix (R, C) quantised, all else in float16.

    A matrix becomes uint8 (R, C / 32 * 22); where C is no multiple of 32 but R is, uint8 (C, R / 32 * 22); else int8
    (R, C) beside its scales (R,). `bits`: 5, or 4 with 18 instead of 22 bytes.
    """
    made: dict[str, Tensor] = {}
    end = FOUR_BITS if bits == 4 else ""
    for name, value in tensors.items():
        if value.ndim != 2 or not value.is_floating_point():
            made[name] = value.half() if value.is_floating_point() else value
        elif value.shape[1] % BLOCK == 0:
            made[name + end] = _to_blocks(value.float(), bits)
        elif value.shape[0] % BLOCK == 0:
            made[name + TRANSPOSED + end] = _to_blocks(value.float().T.contiguous(), bits)
        else:
            matrix = value.float()
            scale = (matrix.abs().amax(dim=1) / _LARGEST).clamp(min=1e-12)
            made[name] = (matrix / scale[:, None]).round().clamp(-_LARGEST, _LARGEST).to(torch.int8)
            made[name + SCALE] = scale
    return made


def dequantize(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the float32 matrices of quantised `tensors`; all others as they are.

    Tensors that were never quantised come back unchanged. Raises ModelError if a scale is missing or does
    not fit its matrix, or rows are no whole blocks.
    """
    made: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(SCALE):
            continue
        if value.dtype == torch.uint8:
            plain = name.removesuffix(FOUR_BITS)
            matrix = _from_blocks(name, value, 5 if plain == name else 4)
            made[plain.removesuffix(TRANSPOSED)] = (
                matrix.T.contiguous() if plain.endswith(TRANSPOSED) else matrix
            )
        elif value.dtype == torch.int8:
            scale = tensors.get(name + SCALE)
            if scale is None or scale.shape != value.shape[:1]:
                raise ModelError(f"the weights {name} have no scale for each of their {len(value)} rows")
            made[name] = value.float() * scale[:, None]
        else:
            made[name] = value
    return made


def is_quantized(tensors: Mapping[str, object]) -> bool:
    """Return whether any of a checkpoint's tensors is quantised."""
    return any(
        isinstance(value, Tensor) and value.dtype in (torch.uint8, torch.int8) for value in tensors.values()
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a released file, quantised or not, in float32.

    Raises OSError or SafetensorError for a file that cannot be read, ModelError for tensors that do not fit.
    """
    return {name: value.float() for name, value in dequantize(load_file(path)).items()}


def _to_blocks(matrix: Tensor, bits: int) -> Tensor:
    # Imported here, as below: a command that loads no model needs no gguf.
    from gguf import GGMLQuantizationType, quants

    return torch.from_numpy(quants.quantize(matrix.numpy(force=True), GGMLQuantizationType[f"Q{bits}_0"]))


def _from_blocks(name: str, blocks: Tensor, bits: int) -> Tensor:
    from gguf import GGMLQuantizationType, quants

    if blocks.ndim != 2 or blocks.shape[1] % BLOCK_BYTES[bits]:
        raise ModelError(
            f"the weights {name} have rows of {blocks.shape[-1]} bytes, expected a multiple of {BLOCK_BYTES[bits]}"
        )
    return torch.from_numpy(quants.dequantize(blocks.numpy(), GGMLQuantizationType[f"Q{bits}_0"]))
