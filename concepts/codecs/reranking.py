"""Choosing among what a beam search found by what the encoder hears in each.

A decoder that has learnt a language from few pairs is unsure between texts that say different things, and likes short
ones. The encoder knows which of them lies where the concept does. That is noisy-channel reranking (Ng et al. 2019,
arXiv 1907.06616) with a distance in the place of the model that translates back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

WIDER = 2
"""Beams that are looked at for each one asked for: the better text is often among those that a narrow search drops."""
COSINE_WEIGHT = 10.0
"""What a cosine of 1 counts, in nats over the length's power."""
LENGTH_POWER = 0.5
"""Power of its number of tokens by which a text's log probability is divided. 1 would be fairseq2's mean over tokens,
which favours long texts as much as the sum does short ones."""


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
    """Return for each raw concept the best of its beams; the empty text only where there is no other.

    `encode` gives the raw concepts (K, D) of K texts that are not empty.
    """
    said = sorted({beam.text for beams in found for beam in beams if beam.text}, key=len)  # little is padded
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
