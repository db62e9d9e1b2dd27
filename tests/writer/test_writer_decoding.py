"""Concepts to text: order kept, round trips scored, shares of several processes put together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from writer.decoding import Rendering, render


class FakeCodec:
    """A vector says its first component; a text is encoded along the first axis."""

    def __init__(self) -> None:
        self.decoded: list[list[float]] = []

    def decode(self, vectors: Tensor, lang: str, *, beam_size: int) -> list[str]:
        assert (lang, beam_size) == ("deu_Latn", 3)
        self.decoded.append(vectors.norm(dim=1).tolist())
        return ["" if vector[0] < 0 else f"text {vector[0]:.0f}" for vector in vectors]

    def encode(self, sentences: list[str], lang: str) -> Tensor:
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
    assert render(FakeCodec(), VECTORS[order], "deu_Latn", beam_size=3) == [EXPECTED[i] for i in order]


def test_likely_short_sentences_are_decoded_first() -> None:
    codec = FakeCodec()
    render(codec, VECTORS, "deu_Latn", beam_size=3)
    (norms,) = codec.decoded
    assert norms == sorted(norms, reverse=True)


def test_nothing_gives_nothing() -> None:
    assert render(FakeCodec(), torch.empty(0, 2), "deu_Latn", beam_size=3) == []


class FakeState:
    """One of two processes: it is given the rows of its share."""

    num_processes = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank

    @contextmanager
    def split_between_processes(self, rows: list[int]) -> Iterator[list[int]]:
        yield rows[self.rank :: 2]


def test_several_processes_decode_their_share_and_all_get_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[list[tuple[int, Rendering]]] = []
    monkeypatch.setattr("accelerate.utils.gather_object", lambda pairs: shares.append(pairs) or pairs)
    for rank in range(2):
        with pytest.raises(KeyError):  # half of the rows are the other's
            render(FakeCodec(), VECTORS, "deu_Latn", beam_size=3, state=FakeState(rank))  # type: ignore[arg-type]
    both = shares[0] + shares[1]
    assert sorted(row for row, _ in both) == list(range(5)) and min(map(len, shares)) == 2
    monkeypatch.setattr("accelerate.utils.gather_object", lambda pairs: both)
    for rank in range(2):
        state = FakeState(rank)
        assert render(FakeCodec(), VECTORS, "deu_Latn", beam_size=3, state=state) == EXPECTED  # type: ignore[arg-type]


def test_more_processes_than_rows_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accelerate.utils.gather_object", lambda pairs: [*pairs, (0, EXPECTED[0])])
    state = FakeState(1)
    assert render(FakeCodec(), VECTORS[:1], "deu_Latn", beam_size=3, state=state) == EXPECTED[:1]  # type: ignore[arg-type]


def test_one_process_needs_no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    state = FakeState(0)
    state.num_processes = 1
    monkeypatch.setattr("accelerate.utils.gather_object", lambda pairs: pytest.fail("gathered"))
    assert render(FakeCodec(), VECTORS, "deu_Latn", beam_size=3, state=state) == EXPECTED  # type: ignore[arg-type]
