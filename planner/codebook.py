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


def build_codebook(
    leads_ND: Tensor, size: int, *, num_rounds: int = 8, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return codes (at most `size`, D) and how many leads each stands for.

    A code is the most frequent lead of a cluster of spherical k-means on the distinct leads (among equally
    frequent ones the nearest to the centre); every lead, repeated ones included, is counted for its
    nearest code.
    """
    leads, repeats = torch.unique(leads_ND, dim=0, return_counts=True)
    directions = F.normalize(leads, dim=1)
    codes = torch.arange(len(leads))
    if len(leads) > size:
        generator = torch.Generator().manual_seed(seed)
        centers = directions[torch.randperm(len(leads), generator=generator)[:size]]
        for _ in range(num_rounds):
            code = _nearest(directions, centers)
            sums = torch.zeros_like(centers).index_add_(0, code, directions)
            is_used = sums.square().sum(dim=1) > 0
            centers = torch.where(is_used[:, None], F.normalize(sums, dim=1), centers)
        code = _nearest(directions, centers)
        nearness = (directions * centers[code]).sum(dim=1)
        order = torch.argsort(repeats + nearness, descending=True)  # nearness is below 1: it breaks ties
        first: dict[int, int] = {}
        for i in order.tolist():
            first.setdefault(int(code[i]), i)
        codes = torch.tensor(sorted(first.values()))
    counts = torch.zeros(len(codes)).index_add_(0, _nearest(directions, directions[codes]), repeats.float())
    return leads[codes], counts


def mean_titles(codes: Tensor, leads_ND: Tensor, titles_ND: Tensor, *, shrink: float = 3.0) -> Tensor:
    """Return, for each code, the mean (C, D) of the titles of the documents that hold its leads.

    `titles_ND` goes with `leads_ND` and is seen from the mean of all titles; a code's mean is drawn towards that
    as by `shrink` more documents. So a heading of documents of one subject gets a long vector, one of
    all subjects ("Overview") a short one. What a heading says does not tell which documents have it
    ("Ingredients", "Identity"); this does.
    """
    code = _nearest(F.normalize(leads_ND, dim=1), F.normalize(codes, dim=1))
    sums = torch.zeros_like(codes).index_add_(0, code, titles_ND)
    counts = torch.zeros(len(codes)).index_add_(0, code, torch.ones(len(code)))
    return sums / (counts[:, None] + shrink)


def _nearest(points: Tensor, centers: Tensor) -> Tensor:
    chunks = torch.split(points, 2048)
    return torch.cat([(chunk @ centers.T).argmax(dim=1) for chunk in chunks])
