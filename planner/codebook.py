"""The codebook of leads: real headings that stand for all headings of the training outlines.

A diffusion head trained on a few thousand outlines draws leads that lie off the manifold and decode to
broken headings. Choosing from a codebook keeps every lead decodable, as LCM's quantized variant does
(arXiv 2412.08821, section 2.3.4); gist and length stay free.

Legend: N headings, K codes, D concept dim. All normalized.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def build_codebook(leads_ND: Tensor, size: int, *, num_rounds: int = 8, seed: int = 0) -> Tensor:
    """Return (min(K, N), D): the real lead nearest to each centre of spherical k-means on `leads_ND`."""
    leads: Tensor = torch.unique(leads_ND, dim=0)  # type: ignore[no-untyped-call]
    if len(leads) <= size:
        return leads
    directions = F.normalize(leads, dim=1)
    generator = torch.Generator().manual_seed(seed)
    centers = directions[torch.randperm(len(leads), generator=generator)[:size]]
    for _ in range(num_rounds):
        code = _nearest(directions, centers)
        sums = torch.zeros_like(centers).index_add_(0, code, directions)
        is_used = sums.square().sum(dim=1) > 0
        centers = torch.where(is_used[:, None], F.normalize(sums, dim=1), centers)
    codes: Tensor = torch.unique(_nearest(centers, directions))  # type: ignore[no-untyped-call]
    return leads[codes]


def _nearest(points: Tensor, centers: Tensor) -> Tensor:
    chunks = torch.split(points, 2048)  # type: ignore[no-untyped-call]
    return torch.cat([(chunk @ centers.T).argmax(dim=1) for chunk in chunks])
