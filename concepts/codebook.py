"""Codebooks: real concepts that stand for many, so that what is drawn freely can be brought back to them.

A small diffusion model draws concepts that lie off the manifold of sentences and decode to broken words. LCM's
quantized variant keeps every concept decodable by choosing from codebooks (arXiv 2412.08821, section 2.3.4). Its codes
are centroids of residuals; ours are real concepts, which decode as they are.

Legend: N points, C codes, D concept dim. All normalized.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def build_codebook(
    points_ND: Tensor, size: int, *, num_rounds: int = 8, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return codes (at most `size`, D) and how many points each stands for.

    A code is the most frequent point of a cluster of spherical k-means on the distinct points (among equally
    frequent ones the nearest to the centre); every point, repeated ones included, is counted for its
    nearest code.
    """
    points, repeats = torch.unique(points_ND, dim=0, return_counts=True)
    directions = F.normalize(points, dim=1)
    codes = torch.arange(len(points))
    if len(points) > size:
        generator = torch.Generator().manual_seed(seed)
        centers = directions[torch.randperm(len(points), generator=generator)[:size]]
        for _ in range(num_rounds):
            code = nearest(directions, centers)
            sums = torch.zeros_like(centers).index_add_(0, code, directions)
            is_used = sums.square().sum(dim=1) > 0
            centers = torch.where(is_used[:, None], F.normalize(sums, dim=1), centers)
        code = nearest(directions, centers)
        nearness = (directions * centers[code]).sum(dim=1)
        order = torch.argsort(repeats + nearness, descending=True)  # nearness is below 1: it breaks ties
        first: dict[int, int] = {}
        for i in order.tolist():
            first.setdefault(int(code[i]), i)
        codes = torch.tensor(sorted(first.values()))
    counts = torch.zeros(len(codes)).index_add_(0, nearest(directions, directions[codes]), repeats.float())
    return points[codes], counts


def nearest(points: Tensor, centers: Tensor) -> Tensor:
    """Return, for each of `points` (N, D), the row of `centers` (C, D) with the largest product."""
    chunks = torch.split(points, 2048)
    return torch.cat([(chunk @ centers.T).argmax(dim=1) for chunk in chunks])
