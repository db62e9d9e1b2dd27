"""Contrast: a predicted concept must find its own among others.

Legend: N predictions, C candidates, D concept dim.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.1
"""Temperature of the cosines."""


def info_nce(
    predicted_ND: Tensor,
    own_N: Tensor,
    candidates_CD: Tensor,
    row_C: Tensor,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """Return InfoNCE (van den Oord et al. 2018, arXiv 1807.03748) over cosines, in nats.

    `own_N` is the index of each prediction's own candidate, `row_C` the text of each candidate: another candidate of
    the same text is no negative.
    """
    with torch.autocast(predicted_ND.device.type, enabled=False):  # bfloat16 is too coarse for a logarithm
        predicted, candidates = predicted_ND.float(), candidates_CD.float()
        logits = F.normalize(predicted, dim=-1) @ F.normalize(candidates, dim=-1).T / temperature
        is_same = row_C[own_N].unsqueeze(1) == row_C.unsqueeze(0)
        is_same[torch.arange(len(own_N), device=own_N.device), own_N] = False
        return F.cross_entropy(logits.masked_fill(is_same, float("-inf")), own_N)


def finds_own(
    predicted_ND: Tensor,
    true_ND: Tensor,
    row_N: Tensor,
    pool_CD: Tensor,
    pool_row_C: Tensor,
    *,
    num: int,
    seed: int,
) -> Tensor:
    """Return, for each prediction, whether the true concept is its nearest by cosine among `num` (N, bool).

    The others are drawn from the pool for each prediction, without concepts of the same text.
    """
    generator = torch.Generator().manual_seed(seed)
    predicted, true, pool = (F.normalize(x.float(), dim=-1) for x in (predicted_ND, true_ND, pool_CD))
    others = torch.randint(len(pool), (len(predicted), num - 1), generator=generator)
    scores = (predicted.unsqueeze(1) @ pool[others].transpose(1, 2)).squeeze(1)
    scores = scores.masked_fill(pool_row_C[others] == row_N.unsqueeze(1), float("-inf"))
    return (predicted * true).sum(dim=-1) > scores.amax(dim=1)


def variance_explained(predicted_ND: Tensor, true_ND: Tensor) -> float:
    """Return 1 - squared error over squared distance to the mean: 1 is perfect, 0 no better than the mean."""
    error = (predicted_ND - true_ND).square().sum()
    spread = (true_ND - true_ND.mean(dim=0)).square().sum()
    return float(1 - error / spread.clamp_min(1e-12))


def mean_cosine(vectors_ND: Tensor) -> float:
    """Return the mean cosine of all pairs of different rows; 0 where there is no pair."""
    num = len(vectors_ND)
    if num < 2:
        return 0.0
    directions = F.normalize(vectors_ND.float(), dim=-1)
    between = directions @ directions.T
    return float((between.sum() - between.diagonal().sum()) / (num * (num - 1)))
