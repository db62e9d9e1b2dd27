"""How a text in a language of an extension is looked for among concepts: a linear map of its own.

The concept of a text and that of its English differ more in some directions than in others. The map weighs directions
by the inverse of that difference's covariance, as Fisher's linear discriminant does (Fisher 1936; a text and its
translation are one class). What is stored stays, and is compared by cosine as ever.

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
    from concepts.space.extension import Extension

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


def fit_search_map(own_ND: Tensor, english_ND: Tensor) -> SearchMap:
    """Return the map of texts whose raw concepts are the rows of `own_ND`, those of their English of `english_ND`."""
    difference = own_ND - english_ND
    difference = difference - difference.mean(dim=0)
    values, vectors = torch.linalg.eigh(difference.T @ difference / len(difference))
    weights = 1 / (values + _SHRINKAGE * values.mean())
    return SearchMap(own_ND.mean(dim=0), (vectors * (weights / weights.mean())) @ vectors.T)


def read_search_map(card: ModelCard, extension: Extension) -> SearchMap | None:
    """Return the map of a space's extension, None where it has none; raises ModelError for a file that is damaged."""
    if extension.search_file not in card.files:
        return None
    card.verify([extension.search_file])
    path = card.path(extension.search_file)
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
