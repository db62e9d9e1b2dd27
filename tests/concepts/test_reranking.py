"""Reranking: what fits, encoded again, is said; likelihood counts, too; rows keep their own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.codec import Codec
from concepts.reranking import Beam, rerank

ANGLES = {"east": 0.0, "north east": 0.8, "north": 1.6, "west": 3.1}


class Compass:
    """A text lies in the direction it names."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, texts: list[str]) -> Tensor:
        self.asked.append(texts)
        angles = torch.tensor([ANGLES[text] for text in texts])
        return torch.stack((angles.cos(), angles.sin()), dim=1)


def meant(*texts: str) -> Tensor:
    return 7 * Compass().encode(list(texts))


def test_the_text_that_fits_is_taken_though_another_is_likelier() -> None:
    beams = [[Beam("west", -1.0, 4), Beam("north", -3.0, 4), Beam("east", -4.0, 4)]]
    assert rerank(meant("east"), beams, Compass().encode) == ["east"]
    assert rerank(meant("north"), beams, Compass().encode) == ["north"]


def test_of_texts_that_fit_nearly_as_well_the_likely_one_is_taken() -> None:
    beams = [[Beam("east", -60.0, 4), Beam("north east", -2.0, 4)]]
    assert rerank(meant("east"), beams, Compass().encode) == ["north east"]


def test_a_long_text_is_not_punished_for_every_token() -> None:
    def beams(num_tokens: int) -> list[list[Beam]]:
        return [[Beam("east", -8.0, 4), Beam("north east", -12.0, num_tokens)]]

    between = meant("east") + meant("north east")
    assert rerank(between, beams(4), Compass().encode) == ["east"]
    assert rerank(between, beams(16), Compass().encode) == ["north east"]


def test_every_row_chooses_among_its_own_and_each_text_is_encoded_once() -> None:
    compass = Compass()
    beams = [
        [Beam("north", -1.0, 2), Beam("east", -1.0, 2)],
        [Beam("north", -1.0, 2), Beam("", -0.1, 1)],
        [Beam("", -0.1, 1)],
        [],
    ]
    assert rerank(meant("east", "east", "east", "east"), beams, compass.encode) == ["east", "north", "", ""]
    assert compass.asked == [["east", "north"]]


def test_nothing_said_asks_for_nothing() -> None:
    compass = Compass()
    assert rerank(meant("east"), [[Beam("", 0.0, 1)]], compass.encode) == [""]
    assert rerank(torch.empty(0, 2), [], compass.encode) == []
    assert not compass.asked


SENTENCES = [
    "Choose where the files are to be kept.",
    "The window shows all notes that were written on that day.",
    "Click the button to save the picture in another format.",
    "You need the password of the network to go on.",
]


@pytest.mark.parametrize("lang", ["deu_Latn", "fra_Latn", "spa_Latn"])
def test_a_translation_lies_nearer_than_the_likeliest_beam(shipped: Codec, lang: str) -> None:
    vectors = shipped.encode(SENTENCES)

    def fits(texts: list[str]) -> float:
        return float(F.cosine_similarity(shipped.encode(texts, lang), vectors).mean())

    taken = shipped.decode(vectors, lang, beam_size=4)
    beams = shipped.beams(vectors, lang, 8)
    assert fits(taken) > fits([found[0].text for found in beams])
    for text, found in zip(taken, beams, strict=True):
        assert text in [beam.text for beam in found]
        assert all(beam.log_prob < 0 and beam.num_tokens > 1 for beam in found)


@pytest.mark.parametrize(("lang", "beam_size"), [("eng_Latn", 4), ("deu_Latn", 1)])
def test_neither_english_nor_a_greedy_search_is_chosen_among(
    shipped: Codec, lang: str, beam_size: int
) -> None:
    vectors = shipped.encode(SENTENCES)
    between = (
        vectors + vectors.roll(1, dims=0)
    ) / 2  # a text that says neither is as likely as one that says one
    likeliest = [found[0].text for found in shipped.beams(between, lang, beam_size)]
    wide = shipped.beams(between, lang, 2 * beam_size)
    assert rerank(between, wide, lambda said: shipped.encode(said, lang)) != likeliest
    assert shipped.decode(between, lang, beam_size=beam_size) == likeliest
