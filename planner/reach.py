"""Detecting prompts far from a planner's training prompts, by the cosine to the nearest of a few centroids.

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
"""File beside a planner's weights; older planners have none."""
NUM_CENTROIDS = 256
QUANTILE = 0.01
"""Share of held-out training prompts that count as far."""
_HELD_OUT = 10
"""Every tenth prompt is held out to set the limit."""


@dataclass(frozen=True)
class Reach:
    """The range of a planner's training prompts, as a few centroids and a limit."""

    centroids: Tensor
    """(C, D), of length 1."""
    limit: float
    """Cosine to the nearest centroid below which a prompt is far."""

    def nearness(self, prompt: Tensor) -> float:
        """Return the cosine of a prompt (P, D), the mean of its sentences, to the nearest centroid."""
        return float(_nearest(prompt.float().mean(dim=0, keepdim=True), self.centroids)[0])

    def is_far(self, prompt: Tensor) -> bool:
        """Return whether a prompt (P, D) lies farther off than nearly all training prompts."""
        return self.nearness(prompt) < self.limit


def measure_reach(
    prompts: Tensor, *, num_centroids: int = NUM_CENTROIDS, num_rounds: int = 20, seed: int = 0
) -> Reach:
    """Return the reach of a planner trained with `prompts` (N, D).

    Spherical k-means (Dhillon and Modha 2001) on nine tenths of them gives the centroids; the limit is the 1 % quantile
    of the last tenth's cosines to the nearest centroid.
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
    # Rounded as stored, so that the limit fits the centroids that are loaded.
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
