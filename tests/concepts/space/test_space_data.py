"""Batches of a space's training: nothing padded, every sentence once an epoch, pure functions of the step."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch

from concepts.errors import InputError
from concepts.space.config import EOS_ID, PAD_ID, PRESETS
from concepts.space.draft import Drafts
from training.space.data import SpaceBatch, SpaceData

TINY = replace(PRESETS["tiny"], num_pieces=300)
CALL = {"seed": 3, "max_tokens": 60, "max_len": 12}


class FakePieces:
    """A text is its ids, written out."""

    def encode(self, sentences: list[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in sentences]


def make_data(num: int = 200, longest: int = 12) -> SpaceData:
    rng = random.Random(0)
    rows = [
        (
            " ".join([str(4 + n), *(str(rng.randint(4, 250)) for _ in range(rng.randint(0, longest - 1)))]),
            lang,
        )
        for lang in ("eng_Latn", "deu_Latn")
        for n in range(num)
    ]
    return SpaceData(rows, FakePieces(), TINY)  # type: ignore[arg-type]


def keys(batch: SpaceBatch) -> list[tuple[int, ...]]:
    return [(batch.lang_id, *row) for row in batch.pieces_BT.tolist()]


def epoch(data: SpaceData, first: int, **call: int) -> tuple[list[tuple[int, ...]], int]:
    """The sentences of an epoch that starts at batch `first`, and the number of the next epoch's start."""
    seen: list[tuple[int, ...]] = []
    step = first
    while len(seen) < data.num_sentences:
        seen += keys(data.batch(step, **call))
        step += 1
    return seen, step


def test_an_epoch_holds_every_sentence_once_and_the_next_in_another_order() -> None:
    data = make_data()
    first, step = epoch(data, 0, **CALL)
    second, _ = epoch(data, step, **CALL)
    assert len(first) == len(set(first)) == data.num_sentences == 400
    assert Counter(first) == Counter(second) and first != second


def test_a_batch_holds_one_language_and_one_length_within_the_budget() -> None:
    data = make_data()
    for step in range(40):
        batch = data.batch(step, **CALL)
        num, length = batch.pieces_BT.shape
        assert num * (length + 2) <= CALL["max_tokens"]
        assert batch.lang_id in (TINY.lang_id("eng_Latn"), TINY.lang_id("deu_Latn"))


def test_a_batch_is_a_pure_function_of_its_arguments() -> None:
    data, again = make_data(), make_data()
    forward = [keys(data.batch(step, **CALL)) for step in range(150)]
    for step in random.Random(1).sample(range(150), 30):
        assert keys(again.batch(step, **CALL)) == forward[step]


def test_another_seed_gives_another_order_from_the_same_object() -> None:
    data, fresh = make_data(), make_data()
    other = {**CALL, "seed": 4}
    data.batch(0, **CALL)
    assert [keys(data.batch(n, **other)) for n in range(9)] == [
        keys(fresh.batch(n, **other)) for n in range(9)
    ]
    assert [keys(data.batch(n, **other)) for n in range(9)] != [keys(data.batch(n, **CALL)) for n in range(9)]


def test_short_sentences_alone_when_asked() -> None:
    data = make_data()
    assert all(data.batch(step, **{**CALL, "max_len": 4}).pieces_BT.shape[1] <= 4 for step in range(30))


def test_no_sentence_short_enough_is_an_error_not_a_crash() -> None:
    data = SpaceData([("5 6 7 8", "eng_Latn")], FakePieces(), TINY)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no sentence of at most 2 pieces"):
        data.batch(0, **{**CALL, "max_len": 2})


def test_a_long_sentence_makes_a_batch_of_its_own() -> None:
    data = make_data()
    assert len(data.batch(0, seed=3, max_tokens=1, max_len=12).pieces_BT) == 1


def test_empty_and_too_long_sentences_are_left_out() -> None:
    longest = TINY.max_seq_len - 4
    rows = [
        ("", "eng_Latn"),
        (" ".join(["9"] * longest), "eng_Latn"),
        (" ".join(["9"] * (longest + 1)), "eng_Latn"),
    ]
    assert SpaceData(rows, FakePieces(), TINY).num_sentences == 1  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no sentence to train on"):
        SpaceData(rows[:1], FakePieces(), TINY)  # type: ignore[arg-type]


def test_source_prefix_and_target_are_framed_as_sonar_does() -> None:
    batch = SpaceBatch(torch.tensor([[10, 11, 12]]), 301)
    assert batch.source.tolist() == [[301, 10, 11, 12, EOS_ID]]
    assert batch.prefix.tolist() == [[EOS_ID, 301, 10, 11, 12]]
    assert batch.target.tolist() == [[10, 11, 12, EOS_ID]]
    # what stands behind prefix position i + 1 is target position i
    assert batch.prefix[:, 2:].tolist() == batch.target[:, :-1].tolist()


def test_the_english_of_each_sentence_stands_beside_it_with_little_padding() -> None:
    rng = random.Random(0)
    # a text of one piece n, whose English is n repeated; every third has none
    numbers = range(4, 244)
    texts = [f"{n}" for n in numbers]
    english = ["" if n % 3 == 0 else " ".join([str(n)] * rng.randint(1, 20)) for n in numbers]
    drafts = Drafts(english, FakePieces(), 300)  # type: ignore[arg-type]
    rows = [(text, "deu_Latn") for text in texts]
    data = SpaceData(rows, FakePieces(), TINY, drafts=drafts)  # type: ignore[arg-type]
    seen: list[int] = []
    sizes = [0, 0]
    for step in range(12):
        batch = data.batch(step, **CALL)
        assert batch.draft_BS is not None and len(batch.draft_BS) == len(batch.pieces_BT) == 20
        for (number,), draft in zip(batch.pieces_BT.tolist(), batch.draft_BS.tolist(), strict=True):
            seen.append(number)
            pieces = FakePieces().encode([english[number - 4]])[0]
            framed = [300, *pieces, EOS_ID] if pieces else []
            assert draft == framed + [PAD_ID] * (len(draft) - len(framed))
        sizes[0] += int((batch.draft_BS != PAD_ID).sum())
        sizes[1] += batch.draft_BS.numel()
    assert sorted(seen) == list(numbers)  # every sentence once an epoch, as without
    assert sizes[0] / sizes[1] > 0.75  # less than half where they stand as they come
    first, second = (keys(data.batch(step, **CALL)) for step in (3, 12 + 3))
    assert first != second
