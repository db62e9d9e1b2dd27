"""How far a prompt lies from what a planner has learnt: the cosine to the nearest of a few typical prompts.

Legend: N prompts, C centroids, D concept dim. Concepts are raw vectors of the space; only their directions count.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import ModelError
from concepts.models.card import ModelCard
from concepts.models.tensors import save_tensors

REACH_FILE = "reach.safetensors"
"""Lies beside a planner's weights; planners released earlier have none."""
NUM_CENTROIDS = 256
QUANTILE = 0.01
"""Share of prompts like those of the training that count as far."""
_HELD_OUT = 10
"""Every tenth prompt sets the limit and no centroid."""


@dataclass(frozen=True)
class Reach:
    """What a planner knows, in a few directions."""

    centroids: Tensor
    """(C, D), of length 1."""
    limit: float
    """Cosine to the nearest centroid below which a prompt is far."""

    def nearness(self, prompt: Tensor) -> float:
        """Return the cosine of a prompt (P, D), the mean of its sentences, to the nearest centroid."""
        return float(_nearest(prompt.float().mean(dim=0, keepdim=True), self.centroids)[0])

    def is_far(self, prompt: Tensor) -> bool:
        """Return whether a prompt (P, D) lies farther off than nearly all that the planner was trained with."""
        return self.nearness(prompt) < self.limit


def measure_reach(
    prompts: Tensor, *, num_centroids: int = NUM_CENTROIDS, num_rounds: int = 20, seed: int = 0
) -> Reach:
    """Return the reach of a planner trained with `prompts` (N, D).

    Centroids by spherical k-means (Dhillon and Modha 2001) of nine tenths of them; the limit is the 1 % quantile of
    the last tenth's cosines to the nearest centroid.
    """
    unit = F.normalize(prompts.float(), dim=1)
    is_held = torch.arange(len(unit)) % _HELD_OUT == _HELD_OUT - 1
    own, held = unit[~is_held], unit[is_held] if bool(is_held.any()) else unit
    generator = torch.Generator().manual_seed(seed)
    centroids = own[torch.randperm(len(own), generator=generator)[:num_centroids]].clone()
    for _ in range(num_rounds):
        nearest = (own @ centroids.T).argmax(dim=1)
        sums = torch.zeros_like(centroids).index_add_(0, nearest, own)
        is_used = sums.norm(dim=1) > 0
        centroids[is_used] = F.normalize(sums[is_used], dim=1)
    # As it is stored, so that what is read again has the same limit.
    centroids = centroids.half().float()
    return Reach(centroids, float(_nearest(held, centroids).quantile(QUANTILE)))


def save_reach(folder: Path, reach: Reach) -> None:
    """Write a reach to `folder`."""
    tensors = {"centroids": reach.centroids.half(), "limit": torch.tensor([reach.limit])}
    save_tensors(folder / REACH_FILE, tensors)


def load_reach(card: ModelCard) -> Reach | None:
    """Return the reach of a released planner; None where it has none. Raises ModelError for a damaged file."""
    if REACH_FILE not in card.files:
        return None
    path = card.path(REACH_FILE)
    try:
        tensors = load_file(path)
        return Reach(tensors["centroids"].float(), float(tensors["limit"][0]))
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{card.name}: {path} cannot be read ({error}): install it again") from error


def _nearest(vectors: Tensor, centroids: Tensor) -> Tensor:
    return (F.normalize(vectors, dim=1) @ centroids.T).amax(dim=1)
