"""How texts are looked for among concepts: a linear map of what their encoder says.

Concepts of a space differ much in few directions, which say little of what a text is about, and that of a translation
misses that of its English more in some directions than in others. The map weighs directions by the inverse of the
covariance of these differences, as Fisher's linear discriminant does (Fisher 1936). What is stored stays, and is
compared by cosine as ever.

Legend: N texts, D concept width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from concepts.errors import ModelError

if TYPE_CHECKING:
    from concepts.card import ModelCard

SEARCH_FILE = "search.safetensors"
"""How texts in a space's own languages are looked for; those of an extension have a file of their own."""
_SHRINKAGE = 0.1
"""What every eigenvalue of the covariance gets besides, as a share of their mean: few pairs say little of the least."""
_MEAN, _WEIGHT = "mean", "weight"


@dataclass(frozen=True)
class SearchMap:
    """A raw concept less `mean_D`, times `weight_DD`."""

    mean_D: Tensor
    weight_DD: Tensor

    def __call__(self, vectors_ND: Tensor) -> Tensor:
        """Return raw concepts (N, D) as what is looked for; their length means nothing."""
        return (vectors_ND - self.mean_D) @ self.weight_DD

    def tensors(self) -> dict[str, Tensor]:
        """Return what `read_search_map` reads."""
        return {_MEAN: self.mean_D.half(), _WEIGHT: self.weight_DD.half()}


def fit_search_map(concepts_ND: Tensor, differences_ND: Tensor) -> SearchMap:
    """Return the map of texts like those with the raw concepts `concepts_ND`.

    `differences_ND` are those that are to count less: of a concept from that of its English, or, in a space's own
    language, where no text is a translation of another, from the mean of all.
    """
    spread = differences_ND - differences_ND.mean(dim=0)
    values, vectors = torch.linalg.eigh(spread.T @ spread / len(spread))
    weights = 1 / (values + _SHRINKAGE * values.mean())
    return SearchMap(concepts_ND.mean(dim=0), (vectors * (weights / weights.mean())) @ vectors.T)


def read_search_map(card: ModelCard, file: str) -> SearchMap | None:
    """Return the map in a `file` of a space, None where it has none; raises ModelError for one that is damaged."""
    if file not in card.files:
        return None
    card.verify([file])
    path = card.path(file)
    dim = int(str(card.config["model_dim"]))
    try:
        tensors = load_file(path)
        found = SearchMap(tensors[_MEAN].float(), tensors[_WEIGHT].float())
    except (OSError, KeyError, SafetensorError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be read ({first}); install Longhand again") from error
    if (found.mean_D.shape, found.weight_DD.shape) != ((dim,), (dim, dim)):
        raise ModelError(
            f"{path} is for other concepts than those of dimension {dim}; make it anew: longhand train search"
        )
    return found
