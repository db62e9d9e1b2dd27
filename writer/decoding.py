"""Concepts to text: batched, each text scored by its round trip.

With several devices each process decodes batches of its own (`flows.crew`): rows of one batch are never split,
for a matrix product may round otherwise in a batch of another size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class TextCodec(Protocol):
    """What decoding needs of a codec."""

    def encode(self, sentences: list[str], lang: str) -> Tensor:
        """Return raw concepts (N, D)."""

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        """Return the text of each raw concept."""


@dataclass(frozen=True)
class Rendering:
    """One concept said in one language."""

    text: str
    score: float
    """Cosine of the text, encoded again, with its concept: how much of the concept the words keep."""


def render(codec: TextCodec, vectors: Tensor, lang: str, *, beam_size: int = 1) -> list[Rendering]:
    """Return the renderings of raw concepts (N, D) in `lang`, row by row.

    Rows are decoded from short to long: a mean-pooled concept is the shorter the more words it averages,
    so the norm tells the length well enough to keep a batch's sentences alike.
    """
    order = torch.argsort(vectors.norm(dim=1), descending=True, stable=True).tolist()
    done = dict(zip(order, _render(codec, vectors[order], lang, beam_size), strict=True))
    return [done[row] for row in range(len(vectors))]


def _render(codec: TextCodec, vectors: Tensor, lang: str, beam_size: int) -> list[Rendering]:
    texts = codec.decode(vectors, lang, beam_size=beam_size)
    said = [i for i, text in enumerate(texts) if text]
    scores = torch.zeros(len(texts))
    if said:
        again = codec.encode([texts[i] for i in said], lang)
        scores[said] = F.cosine_similarity(again, vectors[said].float(), dim=1)
    return [Rendering(text, round(float(score), 6)) for text, score in zip(texts, scores, strict=True)]
