"""Which words go with which: counted from pairs alone, and shown for a sentence and its English."""

from __future__ import annotations

import random

import torch

from concepts.space.config import EOS_ID, PAD_ID
from training.space.alignment import Alignment

NUM = 40


def pairs(num: int) -> list[tuple[list[int], list[int]]]:
    """Word n is n + 100 in the other language, which says everything from the back and 7 in between."""
    rng = random.Random(0)
    found = []
    for _ in range(num):
        english = rng.sample(range(10, 10 + NUM), rng.randint(2, 6))
        found.append(([*(n + 100 for n in reversed(english)), 7], english))
    return found


def test_a_word_is_shown_where_its_translation_stands() -> None:
    known = pairs(600)
    alignment = Alignment(known, 200, 60)
    for new, english in pairs(30):
        shown = alignment.shown(torch.tensor([[*new, EOS_ID]]), torch.tensor([[5, *english, EOS_ID]]))[0]
        assert shown.shape == (len(new) + 1, len(english) + 3)
        torch.testing.assert_close(shown.sum(dim=1), torch.ones(len(shown)))
        where = shown.argmax(dim=1).tolist()
        assert where[: len(english)] == list(range(len(english) + 1, 1, -1))  # behind concept and language
        assert where[-1] == len(english) + 2  # the end at the end
        assert where[-2] == 0  # what every sentence has goes with no word


def test_padding_and_a_missing_draft_are_not_looked_at() -> None:
    alignment = Alignment(pairs(600), 200, 60)
    target = torch.tensor([[112, 111, EOS_ID], [112, 111, EOS_ID]])
    draft = torch.tensor([[5, 11, 12, EOS_ID, PAD_ID, PAD_ID], [PAD_ID] * 6])
    shown = alignment.shown(target, draft)
    assert shown[0].argmax(dim=1).tolist() == [3, 2, 4] and not shown[0, :, 5:].any()
    assert (shown[1, :, 0] == 1).all()
    alone = alignment.shown(target[:1], draft[:1, :4])
    torch.testing.assert_close(alone[0], shown[0, :, :5])


def test_of_nothing_nothing_is_learnt() -> None:
    alignment = Alignment([([], [3]), ([4] * 80, [4])], 20, 20)
    shown = alignment.shown(torch.tensor([[4, EOS_ID]]), torch.tensor([[5, 4, EOS_ID]]))
    assert shown[0, 1].argmax() == 3 and torch.isfinite(shown).all()
