"""Concepts to text by a space's own decoder: batched, each text scored by its round trip.

It runs where the codec was loaded, on the device that accelerate gives the process. With several devices each process
decodes batches of its own (`flows.crew`): rows of one batch are never split, for a matrix product may round otherwise
in a batch of another size. Which device decoded a batch, in the process of which rank, is in the unit's attempts
(`flows.document.job.Attempt`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class TextCodec(Protocol):
    """What decoding needs of a codec."""

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
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

    A mean-pooled concept is the shorter the more words it averages, so the norm tells the length well enough to
    keep a batch's sentences alike.
    """
    order = torch.argsort(vectors.norm(dim=1), descending=True, stable=True)
    said = codec.decode(vectors[order], lang, beam_size=beam_size)
    texts = [said[row] for row in torch.argsort(order).tolist()]
    return score(codec, texts, vectors, lang)


def score(codec: TextCodec, texts: Sequence[str], meant_ND: Tensor, lang: str) -> list[Rendering]:
    """Return texts in `lang` with the cosines of their concepts to `meant_ND` (raw); 0 for an empty text."""
    again = torch.zeros(meant_ND.shape)
    rows = sorted((row for row, text in enumerate(texts) if text), key=lambda row: len(texts[row]))
    if rows:
        again[rows] = codec.encode([texts[row] for row in rows], lang)
    scores = F.cosine_similarity(again, meant_ND.float(), dim=1)
    return [Rendering(text, round(float(cosine), 6)) for text, cosine in zip(texts, scores, strict=True)]
