"""Correcting what a decoder says by what the encoder hears in it.

A decoder has one go at a concept, and a small one gets a word wrong. The encoder tells: the text, encoded, lies beside
the concept. A share of what is missing is added to what the decoder is given, and it speaks again; of all that it
said, the nearest counts. That is a fixed-point iteration on the round trip (Van Cittert 1931 sharpened spectra so;
vec2text, Morris et al. 2023, arXiv 2310.06816, does it with a second model trained for it) and needs no training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

CORRECTIONS = 20
"""Rounds for a concept that a text in the language of the decoding was encoded to; most texts are found in four."""
_FIRST_RATE = 0.2
_RATE = 0.4
"""Share of what is missing that is added in the first round, and in the following ones. More overshoots: the decoder
does not answer in proportion."""
_PATIENCE = 8
"""Rounds in a row that bring a text no nearer, after which it is left as it is."""
_REACH = 0.5
"""Distance, relative to the concept's length, from which a text is not corrected further: near misses lie
within, translations and what a writer means (a mean over sentences) beyond."""
_HIT = 1e-2
"""Distance below which a text is the one that was encoded; a wrong word is further away."""


def correct(
    vectors_ND: Tensor,
    texts: Sequence[str],
    *,
    rounds: int,
    encode: Callable[[list[str]], Tensor],
    decode: Callable[[Tensor, list[int]], list[str]],
) -> list[str]:
    """Return for each raw concept the nearest of what was said for it in at most `rounds` rounds more.

    `texts` is what the decoder said of `vectors_ND` itself. `encode` gives the concepts (K, D) of texts, `decode` says
    concepts (K, D) in the place of those rows. An empty text is as far away as a vector of zeros, and never the better.
    """
    best = list(texts)
    given, length = vectors_ND.clone(), vectors_ND.norm(dim=1).clamp_min(1e-6)
    heard = _heard(best, encode, vectors_ND)
    distance = (heard - vectors_ND).norm(dim=1) / length
    idle = torch.zeros(len(best), dtype=torch.long)
    for number in range(rounds):
        wanted = (distance > _HIT) & (idle < _PATIENCE)
        rate = _FIRST_RATE
        if number:
            wanted &= distance < _REACH
            rate = _RATE
        rows = wanted.nonzero().flatten().tolist()
        if not rows:
            break
        given[rows] += rate * (vectors_ND[rows] - heard[rows])
        said = decode(given[rows], rows)
        heard[rows] = _heard(said, encode, vectors_ND[rows])
        idle[rows] += 1
        found = (heard[rows] - vectors_ND[rows]).norm(dim=1) / length[rows]
        for row, text, far in zip(rows, said, found.tolist(), strict=True):
            if text and far < distance[row]:
                best[row], distance[row], idle[row] = text, far, 0
    return best


def _heard(texts: Sequence[str], encode: Callable[[list[str]], Tensor], like: Tensor) -> Tensor:
    heard = torch.zeros_like(like)
    said = [row for row, text in enumerate(texts) if text]
    if said:
        heard[said] = encode([texts[row] for row in said]).to(like.dtype)
    return heard
