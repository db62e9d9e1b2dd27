"""Correcting a text by its own concept: on a decoder that answers too little, and on the shipped one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from concepts.codec import Codec
from concepts.context import CONTEXT
from concepts.correction import CORRECTIONS, correct

SCALE = 30.0


class ShyDecoder:
    """Says a number of two digits, drawn towards 50: what it is given must be further out than what is meant.

    A number n is encoded as (30, n), so that a wrong digit is a near miss.
    """

    def __init__(self, pull: float = 0.3) -> None:
        self.pull = pull
        self.calls: list[list[int]] = []

    def say(self, vectors: Tensor) -> list[str]:
        return [f"{round(float(v + self.pull * (50 - v)))}" for v in vectors[:, 1]]

    def encode(self, texts: list[str]) -> Tensor:
        return torch.tensor([[SCALE, float(text)] for text in texts])

    def decode(self, vectors: Tensor, rows: list[int]) -> list[str]:
        self.calls.append(rows)
        return self.say(vectors)

    def correct(self, vectors: Tensor, rounds: int, texts: list[str] | None = None) -> list[str]:
        first = self.say(vectors) if texts is None else texts
        return correct(vectors, first, rounds=rounds, encode=self.encode, decode=self.decode)


def test_what_is_missing_is_asked_for_until_the_text_is_the_one_that_was_encoded() -> None:
    decoder = ShyDecoder()
    meant = decoder.encode(["10", "50", "93", "35"])
    assert decoder.say(meant) == ["22", "50", "80", "40"]
    assert decoder.correct(meant, rounds=CORRECTIONS) == ["10", "50", "93", "35"]
    assert all(1 not in rows for rows in decoder.calls)  # it was right at once
    assert decoder.calls[0] == [0, 2, 3] and len(decoder.calls[-1]) < 3  # who is found is asked no more


def test_no_more_rounds_are_made_than_asked_for() -> None:
    decoder = ShyDecoder()
    meant = decoder.encode(["10", "93"])
    assert decoder.correct(meant, rounds=0) == ["22", "80"]
    assert not decoder.calls
    two = decoder.correct(meant, rounds=2)
    assert len(decoder.calls) == 2
    assert 10 < int(two[0]) < 22 and 80 < int(two[1]) < 93


def test_a_text_is_only_left_for_a_nearer_one() -> None:
    class Stubborn(ShyDecoder):
        answers = iter(["70", "", "44", "99", "", *map(str, range(80, 99))])

        def decode(self, vectors: Tensor, rows: list[int]) -> list[str]:
            self.calls.append(rows)
            return [next(self.answers)]

    decoder = Stubborn()
    meant = decoder.encode(["40"])
    assert decoder.correct(meant, rounds=50, texts=["47"]) == ["44"]
    assert len(decoder.calls) == 3 + 8  # eight rounds after the one that was nearer


def test_a_far_text_gets_one_round_only() -> None:
    class Deaf(ShyDecoder):
        def say(self, vectors: Tensor) -> list[str]:
            return [text if int(text) > 0 else "9" for text in super().say(vectors)]

    decoder = Deaf()
    assert decoder.correct(decoder.encode(["80", "-60"]), rounds=9) == ["80", "9"]
    first, *later = decoder.calls
    assert first == [0, 1] and later and all(rows == [0] for rows in later)


def test_silence_is_no_answer() -> None:
    class Mute(ShyDecoder):
        def say(self, vectors: Tensor) -> list[str]:
            return ["" for _ in vectors]

    assert Mute().correct(Mute().encode(["60"]), rounds=3) == [""]
    assert ShyDecoder().correct(Mute().encode(["60"]), rounds=3, texts=[""]) != [""]


def test_nothing_to_correct() -> None:
    assert ShyDecoder().correct(torch.empty(0, 2), rounds=3, texts=[]) == []


SENTENCES = [
    "Set behavior on command exit",
    "Your Emails Are Not Being Sent, Without Error Messages",
    "Details About Actions Available While Entering Data Into Tables",
    "Accept All",
    "Fold the dough over the filling and press the edges together with a fork.",
]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_the_shipped_decoder_says_what_it_did_not_at_once(shipped: Codec, beam_size: int) -> None:
    vectors = shipped.encode(SENTENCES)

    def num_wrong(corrections: int) -> int:
        texts = shipped.decode(vectors, beam_size=beam_size, corrections=corrections)
        return sum(a != b for a, b in zip(texts, SENTENCES, strict=True))

    assert num_wrong(0) >= 2
    assert num_wrong(CORRECTIONS) <= 1


def test_a_corrected_row_keeps_its_context(shipped: Codec) -> None:
    vectors = shipped.encode(SENTENCES)
    context = torch.zeros(len(vectors), len(CONTEXT), shipped.dim)
    context[:, 0] = vectors.roll(1, dims=0)

    def far(corrections: int) -> Tensor:
        texts = shipped.decode(vectors, context=context, corrections=corrections)
        return (shipped.encode(texts) - vectors).norm(dim=1)

    assert (far(CORRECTIONS) <= far(0)).all()
    assert far(CORRECTIONS).mean() < far(0).mean()
