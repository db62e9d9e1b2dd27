"""Checks of a model's output before it is stored: the right number, the right shape, no NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from concepts.errors import ModelError, NonFiniteError, SpaceMismatchError

if TYPE_CHECKING:
    from storage.records import Vector


def check_vectors(vectors: Vector | None, shape: tuple[int | None, ...], what: str) -> Vector:
    """Return float32 vectors of `shape` (None: any length), or raise ModelError.

    `what` begins the message, for instance "the lead of item 2 from planner outline-mini".
    """
    import numpy as np

    if vectors is None:
        raise ModelError(f"{what} is missing: the model and this version of Longhand do not fit")
    fits = len(vectors.shape) == len(shape) and all(
        wanted is None or got == wanted for got, wanted in zip(vectors.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise SpaceMismatchError(
            f"{what} has shape {tuple(vectors.shape)}, expected ({wanted}): use its space"
        )
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if not np.isfinite(array).all():
        raise NonFiniteError(f"{what} holds NaN or an infinity: check the weights with `longhand doctor`")
    return array


def check_paths(got: Sequence[str], wanted: Sequence[str], what: str) -> None:
    """Raise ModelError if a model answered for other items than the requested ones."""
    if list(got) != list(wanted):
        raise ModelError(
            f"{what} answered for the items {', '.join(got) or 'none'}, asked were {', '.join(wanted)}: "
            "the model and this version of Longhand do not fit"
        )
