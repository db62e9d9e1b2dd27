"""Released weights beside the weights that were trained."""

from __future__ import annotations

from torch import Tensor

from concepts.models.quantize import BLOCK


def is_rounded(released: Tensor, trained: Tensor) -> bool:
    """Return whether no weight of a released matrix is more than a step of its block off the trained one."""
    blocks = trained.detach().unflatten(1, (-1, BLOCK))
    step = blocks.abs().amax(dim=2, keepdim=True) / 16
    moved = (released.unflatten(1, (-1, BLOCK)) - blocks).abs()
    return bool((moved <= 1.002 * step + 1e-6).all()) and float((moved / (step + 1e-6)).mean()) < 0.3
