"""Reranking beams by the cosine of their own concept to the concept that was decoded.

A decoder that has learnt a language from few pairs wavers between texts of different meaning and prefers short ones.
The encoder knows which text lies nearest to the concept. This is noisy-channel reranking (Ng et al. 2019, arXiv
1907.06616) with a distance instead of a model that translates back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

WIDER = 2
"""Beams searched for each beam asked for: a narrow search often drops the better text."""
COSINE_WEIGHT = 10.0
"""Weight of the cosine, in nats over the length's power."""
LENGTH_POWER = 0.5
"""A text's log probability is divided by its number of tokens to this power. 1 would be fairseq2's mean over tokens,
which favours long texts as much as the sum favours short ones."""


@dataclass(frozen=True)
class Beam:
    """A text that a search has found."""

    text: str
    log_prob: float
    """Nats, the sum over its tokens."""
    num_tokens: int


def rerank(
    vectors_ND: Tensor,
    found: Sequence[Sequence[Beam]],
    encode: Callable[[list[str]], Tensor],
    *,
    length_power: float = LENGTH_POWER,
    cosine_weight: float = COSINE_WEIGHT,
) -> list[str]:
    """Return the best beam's text for each raw concept; the empty text only if there is no other.

    `encode` returns the raw concepts (K, D) of K non-empty texts.
    """
    said = sorted({beam.text for beams in found for beam in beams if beam.text}, key=len)  # little padding
    rows = {text: row for row, text in enumerate(said)}
    heard = F.normalize(encode(said).float(), dim=1) if said else torch.empty(0, vectors_ND.shape[1])
    best = []
    for meant, beams in zip(F.normalize(vectors_ND.float(), dim=1), found, strict=True):
        scores = {
            beam.text: beam.log_prob / beam.num_tokens**length_power
            + cosine_weight * float(heard[rows[beam.text]] @ meant)
            for beam in beams
            if beam.text
        }
        best.append(max(scores, key=scores.__getitem__, default=""))
    return best
