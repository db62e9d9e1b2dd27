"""Which words of an English sentence go with which of its translation, for a decoder that learns where to look.

The words' mean is the concept, which a decoder of an extension reads already: it may go on looking at all of them alike
and never learn to look at one. So some of its heads are shown where to look (guided alignment, Chen et al. 2016, arXiv
1607.01628; Garg et al. 2019, arXiv 1909.02074). What is shown comes from IBM model 1 (Brown et al. 1993, Computational
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
"""How many nats a whole sentence's distance from the diagonal costs."""
_NOWHERE = 0.1
"""Prior of a token that goes with none."""
_MAX_PIECES = 30
"""Longer sentences say little about which word goes with which."""
_TINY = 1e-8


class Alignment:
    """Probabilities of new pieces by the English piece that they go with."""

    def __init__(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], num_new: int, num_english: int
    ) -> None:
        """Count over `pairs` of ids, a sentence's and its English's, of vocabularies of these sizes."""
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
        """Return where to look for each target token (B, T, 1 + S): at the concept, or at a word of the draft."""
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
