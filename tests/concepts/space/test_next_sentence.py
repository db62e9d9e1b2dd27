"""Foreseeing the next sentence: a closed form, what can be foreseen is, and chance where nothing can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from training.space.next_sentence import (
    evaluate_next_sentence,
    fit_ridge,
    predict_ridge,
    read_positions,
    share_found,
)

DIM = 24
CORPUS = Path("corpus")


def documents(split: str, num: int = 60) -> list[SimpleNamespace]:
    """Documents whose sentences count on, each from a number of its own."""
    return [
        SimpleNamespace(
            title=f"title {number}",
            sections=[
                SimpleNamespace(
                    heading=heading, sentences=tuple(f"{word} {10 * number + i}" for i in range(4))
                )
                for heading, word in (("", "count"), ("Rest", "rest"))
            ],
        )
        for number in range(split == "test", 2 * num, 2)
    ]


class Counter:
    """A space in which the vector of a number is that of the number before, turned, or one of its own."""

    space_id, dim = "counter@1", DIM

    def __init__(self, *, has_order: bool) -> None:
        self.has_order = has_order
        self.asked: list[str] = []

    def encode(self, sentences: Sequence[str], lang: str = "eng_Latn") -> Tensor:
        assert lang == "eng_Latn"
        self.asked += sentences
        return torch.stack([self._vector(text) for text in sentences])

    def _vector(self, text: str) -> Tensor:
        number = int(text.split()[-1]) if text[-1].isdigit() else 0
        if self.has_order:
            speeds = torch.arange(1, DIM // 2 + 1) ** 0.5 / 9
            return torch.cat(((speeds * number).sin(), (speeds * number).cos()))
        return torch.from_numpy(np.random.default_rng(number).standard_normal(DIM)).float()


@pytest.fixture(autouse=True)
def toy_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every corpus holds these documents."""

    def load(corpus_dir: Path, *, lang: str, split: str, kinds: object) -> list[SimpleNamespace]:
        assert (corpus_dir, lang) == (CORPUS, "eng_Latn")
        return documents(split)

    monkeypatch.setattr("training.space.next_sentence.load_documents", load)


def test_what_a_linear_map_says_is_found_and_what_is_drawn_anew_is_not() -> None:
    counts: list[tuple[int, int]] = []
    ordered = Counter(has_order=True)
    found = evaluate_next_sentence(CORPUS, ordered, on_progress=lambda *done: counts.append(done))  # type: ignore[arg-type]
    assert found["next_of_64"] > 70 and found["next_variance"] > 0.4 and found["next_positions"] == 360
    assert len(set(ordered.asked)) == len(ordered.asked) == counts[-1][0] == counts[-1][1]
    chance = evaluate_next_sentence(CORPUS, Counter(has_order=False))  # type: ignore[arg-type]
    assert chance["next_of_64"] < 8 and chance["next_variance"] < 0.05
    assert chance == evaluate_next_sentence(CORPUS, Counter(has_order=False))  # type: ignore[arg-type]


def test_positions_are_of_one_section_and_a_few_of_each_document() -> None:
    positions = read_positions(CORPUS, "train", 10_000)
    assert positions == read_positions(CORPUS, "train", 10_000)
    assert len(positions) == 360 and len(read_positions(CORPUS, "train", 7)) == 7
    for position in positions:
        (word, number), (other, following) = position.previous.split(), position.following.split()
        assert word == other and int(following) == int(number) + 1
        # A section without a heading is known by the title.
        assert position.heading == ("Rest" if word == "rest" else position.title)


def test_too_few_documents_are_said() -> None:
    notes: list[str] = []
    figures = evaluate_next_sentence(CORPUS, Counter(has_order=True), num_test=9, on_note=notes.append)  # type: ignore[arg-type]
    assert figures == {} and "too few English documents to look for the next sentence among 64" in notes[0]


def test_the_regression_finds_the_map_that_made_the_data() -> None:
    generator = torch.Generator().manual_seed(0)
    known, weights = torch.randn(5_000, 6, generator=generator), torch.randn(6, 3, generator=generator)
    following = known @ weights + torch.tensor([1.0, -2.0, 3.0])
    predicted = predict_ridge(fit_ridge(known, following), known)
    # The penalty is a tenth of the features' variance, which shrinks what is not constant by 1 / 1.1.
    torch.testing.assert_close(
        predicted, known @ weights / 1.1 + torch.tensor([1.0, -2.0, 3.0]), atol=0.2, rtol=0.05
    )


def test_the_true_one_is_found_among_as_many_as_asked_for() -> None:
    points = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    assert share_found(points, points) == 1
    assert share_found(-points, points) == 0
    assert share_found(torch.ones(100, 8), torch.ones(100, 8)) == 0  # a tie is no find
    unrelated = torch.randn(100, 8, generator=torch.Generator().manual_seed(1))
    assert 0.3 < share_found(unrelated, points, num_choices=2) < 0.7
