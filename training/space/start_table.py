"""The initial embedding table of an extension: new pieces start near the English pieces they correspond to.

The space's layers were trained with its own table. A new piece that English has too starts as its copy; any other as
the mean of the English pieces in the translations of its sentences, weighted by how much more often than chance they
occur there (WECHSEL does so with a dictionary, Minixhofer et al. 2022, arXiv 2112.06598).

Legend: P new pieces with control tokens, E English ones, M model width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_NUM_NEAR = 4
"""Number of English pieces averaged for a new one."""
_OWN_SHARE = 0.5
"""Share of random variance in a new row, which makes words of one meaning distinguishable."""


def start_table(
    english_EM: Tensor,
    shared: Sequence[tuple[int, int]],
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    num_pieces: int,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return the table (P, M), P = `num_pieces`.

    `shared` are (new, English) ids of the same token, `pairs` the ids of sentences and their English.
    """
    counts = np.zeros((num_pieces, len(english_EM)), dtype=np.float32)
    for news, english in pairs:
        counts[np.ix_(np.unique(news), np.unique(english))] += 1
    size = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True)
    score = torch.from_numpy(counts / np.sqrt(np.maximum(size, 1.0)))
    best, near = score.topk(min(_NUM_NEAR, len(english_EM)), dim=1)
    weight: Tensor = best.square()
    weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-12)
    std = english_EM[4:].std()
    mean_PM = (weight.unsqueeze(-1) * english_EM[near]).sum(dim=1)
    mean_PM = mean_PM * (std / mean_PM.std(dim=1, keepdim=True).clamp(min=1e-6))
    noise = torch.randn(mean_PM.shape, generator=generator) * std
    table: Tensor = (1 - _OWN_SHARE) ** 0.5 * mean_PM + _OWN_SHARE**0.5 * noise
    unseen = counts.sum(axis=1) == 0
    table[torch.from_numpy(unseen)] = noise[torch.from_numpy(unseen)]
    for new, english_id in shared:
        table[new] = english_EM[english_id]
    return table
