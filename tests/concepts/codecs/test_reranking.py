"""Reranking: what fits, encoded again, is said; likelihood counts, too; rows keep their own."""

from __future__ import annotations

import torch
from torch import Tensor

from concepts.codecs.reranking import Beam, rerank

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
