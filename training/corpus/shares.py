"""The share of each kind of document in the training batches, independent of their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, cast

import numpy as np

from concepts.errors import InputError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from concepts.corpus.records import Kind


@dataclass(frozen=True, kw_only=True)
class KindShares:
    """Share of each planned kind; kinds missing from a corpus are left out, the others renormalized."""

    guide: float = 0.6
    """Everyday documents written for Longhand."""
    howto: float = 0.16
    """Pages of manuals."""
    recipe: float = 0.12
    """Recipes."""
    lead: float = 0.12
    """First sections of encyclopedia articles."""

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not (math.isfinite(share) and share >= 0):
                raise ModelError(f"the share of {field.name} documents must be at least 0, got {share}")

    def weights(self, kinds: Sequence[Kind], sizes: Sequence[float] | None = None) -> NDArray[np.float64]:
        """Return the probability (N,) of each of N items of these kinds, in proportion to size within a kind.

        `sizes` None: equal sizes. Raises InputError if every kind present has share 0.
        """
        weights = np.ones(len(kinds)) if sizes is None else np.asarray(sizes, dtype=np.float64)
        shares = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        names = np.asarray(kinds)
        result = np.zeros(len(kinds))
        for kind in sorted(set(kinds)):
            is_kind = names == kind
            result[is_kind] = shares.get(kind, 0.0) * weights[is_kind] / weights[is_kind].sum()
        if not result.sum():
            present = ", ".join(sorted(set(cast("Sequence[str]", kinds)))) or "no"
            raise InputError(
                f"the corpus has {present} documents only, whose shares are 0; give them a share"
            )
        return cast("NDArray[np.float64]", result / result.sum())
