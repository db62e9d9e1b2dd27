"""The initial embeddings of further languages' pieces: the mean of the embeddings of their words' English.

A piece that is a word of a dictionary starts as the mean over its English; else, if English has it too, as its copy;
else as the mean over the words that it is part of. So the frozen layers can read it from the first step (WECHSEL,
Minixhofer et al. 2022, arXiv 2112.06598, aligns word vectors for this; a dictionary says it directly).

Legend: V pieces, E English ones, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def start_table(
    english_ED: Tensor,
    words: Sequence[tuple[Sequence[int], Sequence[int]]],
    shared: Sequence[tuple[int, int]],
    num_tokens: int,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return the table (V, D), V = `num_tokens`.

    `words`: the pieces of a word, and those of its English; `shared`: (new, English) ids of the same piece.
    """
    sums_VD = torch.zeros(2, num_tokens, english_ED.shape[1])
    weights_V = torch.zeros(2, num_tokens)
    for own, english in words:
        if not own or not english:
            continue
        vector_D = english_ED[torch.tensor(english)].mean(dim=0)
        part = 0 if len(own) == 1 else 1
        share = 1.0 / len(own)
        for piece in own:
            sums_VD[part, piece] += share * vector_D
            weights_V[part, piece] += share
    length = english_ED.norm(dim=1).mean()
    table_VD = torch.randn(num_tokens, english_ED.shape[1], generator=generator) * english_ED.std()
    for part in (1, 0):
        known = weights_V[part] > 0
        mean_VD = sums_VD[part][known] / weights_V[part][known].unsqueeze(1)
        table_VD[known] = mean_VD * (length / mean_VD.norm(dim=1, keepdim=True).clamp(min=1e-6))
        if part == 1:
            for new, old in shared:
                table_VD[new] = english_ED[old]
    return table_VD
