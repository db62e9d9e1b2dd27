"""Concepts to text: order kept, round trips scored."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from writer.decoding import Rendering, render, score


class FakeCodec:
    """A vector says its first component; a text is encoded along the first axis."""

    def __init__(self) -> None:
        self.decoded: list[list[float]] = []

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        assert (lang, beam_size) == ("deu_Latn", 3)
        self.decoded.append(vectors.norm(dim=1).tolist())
        return ["" if vector[0] < 0 else f"text {vector[0]:.0f}" for vector in vectors]

    def encode(self, sentences: Sequence[str], lang: str) -> Tensor:
        assert lang == "deu_Latn" and all(sentences)
        return torch.tensor([[2 * float(text.split()[1]), 0.0] for text in sentences])


VECTORS = torch.tensor([[3.0, 0.0], [4.0, 4.0], [1.0, 0.0], [-5.0, 1.0], [2.0, 2.0]])
EXPECTED = [
    Rendering("text 3", 1.0),
    Rendering("text 4", 0.707107),
    Rendering("text 1", 1.0),
    Rendering("", 0.0),
    Rendering("text 2", 0.707107),
]


def test_texts_and_scores_stay_with_their_rows() -> None:
    assert render(FakeCodec(), VECTORS, "deu_Latn", beam_size=3) == EXPECTED
    order = [4, 2, 0, 3, 1]
    expected = [EXPECTED[i] for i in order]
    assert render(FakeCodec(), VECTORS[order], "deu_Latn", beam_size=3) == expected


def test_likely_short_sentences_are_decoded_first() -> None:
    codec = FakeCodec()
    render(codec, VECTORS, "deu_Latn", beam_size=3)
    (norms,) = codec.decoded
    assert norms == sorted(norms, reverse=True)


def test_texts_of_others_are_scored_by_the_concepts_they_are_to_say() -> None:
    texts = ["text 7", "", "text 12"]
    assert score(FakeCodec(), texts, VECTORS[[0, 1, 4]], "deu_Latn") == [
        Rendering("text 7", 1.0),
        Rendering("", 0.0),
        Rendering("text 12", 0.707107),
    ]


def test_nothing_gives_nothing() -> None:
    assert render(FakeCodec(), torch.empty(0, 2), "deu_Latn", beam_size=3) == []
