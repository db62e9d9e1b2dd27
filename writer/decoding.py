"""Concepts to text by a space's own decoder: batched, each text scored by its round trip.

The codec runs on the device that accelerate assigns to the process. With several devices each process decodes whole
batches (`flows.crew`): a batch is never split, since matrix products may round differently in another batch size. The
unit's attempts (`flows.document.job.job.Attempt`) record the device and the rank that decoded a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class TextCodec(Protocol):
    """The part of a codec that decoding uses."""

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        """Return raw concepts (N, D)."""

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        """Return the text of each raw concept."""


@dataclass(frozen=True)
class Rendering:
    """One concept said in one language."""

    text: str
    score: float
    """Cosine between the concept and the text's own concept: how much of the meaning the words keep."""


def render(codec: TextCodec, vectors: Tensor, lang: str, *, beam_size: int = 1) -> list[Rendering]:
    """Return the renderings of raw concepts (N, D) in `lang`, row by row.

    The norm of a mean-pooled concept falls with the number of words, so sorting by norm makes batches alike in length.
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
