"""Word alignment between English sentences and their translations, as targets for a decoder's attention.

The mean of the English words' states is the concept, which an extension's decoder reads already: it may keep attending
to all words uniformly. So some of its heads are trained on alignments (guided alignment, Chen et al. 2016, arXiv
1607.01628; Garg et al. 2019, arXiv 1909.02074). The alignments come from IBM model 1 (Brown et al. 1993, Computational
Linguistics 19:2) over pieces, with fast_align's preference for the diagonal (Dyer et al. 2013, NAACL).

Legend: B sentences, T target tokens, S tokens of English.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from concepts.space.config import EOS_ID, PAD_ID

_ROUNDS = 4
"""Rounds of expectation maximisation."""
_DIAGONAL = 4.0
"""Penalty, in nats, of a distance of a whole sentence from the diagonal."""
_NOWHERE = 0.1
"""Prior probability of an unaligned token."""
_MAX_PIECES = 30
"""Longest sentences that are counted: longer ones tell little about alignment."""
_TINY = 1e-8


class Alignment:
    """Translation probabilities of new pieces given an English piece."""

    def __init__(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], num_new: int, num_english: int
    ) -> None:
        """Estimate from `pairs` (ids of a sentence, ids of its English), with vocabularies of these sizes."""
        self._table = torch.zeros(num_english, num_new, dtype=torch.float16)
        self._table[EOS_ID, EOS_ID] = 1.0
        # Padding stands for no word.
        short = [
            (np.array(new), np.array([PAD_ID, *english]))
            for new, english in pairs
            if 0 < len(new) <= _MAX_PIECES and 0 < len(english) <= _MAX_PIECES
        ]
        if not short:
            return
        links = np.concatenate([(new[:, None] + english * num_new).ravel() for new, english in short])
        widths = np.concatenate([np.full(len(new), len(english)) for new, english in short])
        token = np.repeat(np.arange(len(widths)), widths)
        distinct, place = np.unique(links, return_inverse=True)
        english, new = np.divmod(distinct, num_new)
        given = np.ones(len(distinct))
        for _ in range(_ROUNDS):
            share = given[place]
            share /= np.bincount(token, share)[token]
            counted = np.bincount(place, share)
            given = counted / np.bincount(english, counted)[english]
        self._table[torch.from_numpy(english), torch.from_numpy(new)] = torch.from_numpy(given).half()

    def shown(self, target_BT: Tensor, draft_BS: Tensor) -> Tensor:
        """Return each target token's attention target (B, T, 1 + S): the concept, or words of the draft."""
        target, draft, device = target_BT.cpu(), draft_BS.cpu(), target_BT.device
        is_word = draft != PAD_ID
        places = torch.arange(draft.shape[1]) / is_word.sum(dim=1, keepdim=True).clamp_min(1)  # (B, S)
        ways = torch.arange(target.shape[1]) / target.shape[1]  # (T,)
        near = torch.exp(-_DIAGONAL * (places[:, None, :] - ways[None, :, None]).abs()) * is_word[:, None, :]
        near = near / near.sum(dim=2, keepdim=True).clamp_min(_TINY)
        words = (1 - _NOWHERE) * near * self._table[draft[:, None, :], target[:, :, None]].float()
        nowhere = (_NOWHERE * self._table[PAD_ID][target].float()).clamp_min(_TINY)
        weight = torch.cat((nowhere.unsqueeze(2), words), dim=2)
        return (weight / weight.sum(dim=2, keepdim=True)).to(device)
