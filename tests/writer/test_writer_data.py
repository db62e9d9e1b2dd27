"""Blocks of a hand-made corpus: context tokens, slots, targets, weights, and the rates of what is hidden."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from concepts.errors import InputError
from training.corpus.embed import EmbeddedCorpus
from training.corpus.shares import KindShares
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockBatch, BlockData, Choice
from writer.config import MAX_LENGTH, MAX_PREVIOUS, PLAN_REACH, WriterConfig
from writer.model import CURRENT, GOAL, NOTHING, PAD, PLAN, PREVIOUS, PROMPT, TAIL

CONFIG = WriterTrainingConfig(model=WriterConfig(concept_dim=12), num_slots=64, max_rows=16)


class Recorder(BlockData):
    """Keeps the choices of a draw and builds no batch."""

    def batch(self, choices: Sequence[Choice], size: int) -> BlockBatch:
        self.drawn = list(choices)
        self.size = size
        return None  # type: ignore[return-value]


def kinds(batch: BlockBatch, row: int = 0) -> list[int]:
    return [kind for kind in batch.context.kind_BC[row].tolist() if kind != PAD]


def test_the_first_block_of_a_section_sees_plan_item_and_the_tail_before_it(
    corpus: EmbeddedCorpus, end: Tensor
) -> None:
    data, vectors = BlockData(corpus, end), corpus.vectors
    batch = data.batch([Choice(1, 0, shows_goal=True)], 4)
    context = batch.context
    assert kinds(batch) == [NOTHING, PROMPT, GOAL, PLAN, PLAN, CURRENT, TAIL, TAIL]
    gists = torch.stack([vectors[[2, 3]].mean(0), vectors[5:15].mean(0), vectors[[16]].mean(0)])
    zero = torch.zeros(12)
    lead = torch.stack(
        (zero, vectors[0], gists[2], vectors[1], vectors[15], vectors[4], vectors[3], vectors[2])
    )
    torch.testing.assert_close(context.lead_BCD[0], lead)
    torch.testing.assert_close(
        context.gist_BCD[0], torch.stack((zero, zero, zero, gists[0], gists[2], gists[1], zero, zero))
    )
    here = PLAN_REACH
    assert context.place_BC[0].tolist() == [0, 0, 0, here - 1, here + 1, here, 0, 1]  # latest sentence first
    assert context.length_BC[0].tolist() == [0, 0, 0, 2, 1, 10, 0, 0]


def test_a_later_block_sees_the_sentences_before_it_latest_first(corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch = BlockData(corpus, end).batch([Choice(1, 9, shows_plan=False)], 4)
    assert kinds(batch) == [NOTHING, PROMPT, CURRENT] + [PREVIOUS] * MAX_PREVIOUS
    expected = corpus.vectors[[13, 12, 11, 10, 9, 8, 7, 6]]  # sentence 5 is out of reach
    torch.testing.assert_close(batch.context.lead_BCD[0, 3:], expected)
    assert batch.context.place_BC[0, 3:].tolist() == list(range(MAX_PREVIOUS))


def test_what_is_hidden_is_not_shown(corpus: EmbeddedCorpus, end: Tensor) -> None:
    data = BlockData(corpus, end)
    assert kinds(data.batch([Choice(1, 4, shows_nothing=True, shows_goal=True)], 2)) == [NOTHING]
    assert kinds(data.batch([Choice(1, 4, shows_previous=False)], 2)) == [
        NOTHING,
        PROMPT,
        PLAN,
        PLAN,
        CURRENT,
    ]
    assert TAIL not in kinds(data.batch([Choice(1, 0, shows_previous=False)], 2))
    assert TAIL not in kinds(data.batch([Choice(0, 0)], 2))  # nothing lies before the first section
    batch = data.batch([Choice(1, 0, shows_gist=False)], 2)
    current = kinds(batch).index(CURRENT)
    assert not batch.context.gist_BCD[0, current].any() and batch.context.lead_BCD[0, current].any()


def test_slots_targets_ends_and_weights(corpus: EmbeddedCorpus, end: Tensor) -> None:
    batch = BlockData(corpus, end).batch([Choice(0, 0), Choice(1, 8), Choice(2, 1)], 4)
    assert batch.slots.index_BK.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11], [1, 2, 3, 4]]
    assert batch.slots.length_B.tolist() == [2, 10, 1]
    assert batch.row_BK.tolist() == [[2, 3, -1, -1], [13, 14, -1, -1], [-1, -1, -1, -1]]
    is_end = batch.row_BK < 0
    torch.testing.assert_close(batch.target_BKD[is_end], end.expand(int(is_end.sum()), -1))
    torch.testing.assert_close(batch.target_BKD[~is_end], corpus.vectors[batch.row_BK[~is_end]])
    # the first end counts in full, those behind it little
    expected = torch.tensor([[1, 1, 1, 0.1], [1, 1, 1, 0.1], [1, 0.1, 0.1, 0.1]])
    torch.testing.assert_close(batch.weight_BK, expected)


def test_a_row_does_not_depend_on_its_batch_but_for_the_padding(corpus: EmbeddedCorpus, end: Tensor) -> None:
    data = BlockData(corpus, end)
    choices = [Choice(1, 9), Choice(0, 0, shows_nothing=True), Choice(3, 1, shows_goal=True)]
    together = data.batch(choices, 3)
    for row, choice in enumerate(choices):
        alone = data.batch([choice], 3)
        size = alone.context.kind_BC.shape[1]
        for name in ("kind_BC", "lead_BCD", "gist_BCD", "place_BC", "length_BC"):
            both = getattr(together.context, name)[row]
            assert torch.equal(both[:size], getattr(alone.context, name)[0])
            assert not both[size:].any() or name == "kind_BC"
        assert (together.context.kind_BC[row, size:] == PAD).all()
        assert torch.equal(together.target_BKD[row], alone.target_BKD[0])


def test_plan_items_out_of_reach_and_endless_sections_are_bounded(
    corpus: EmbeddedCorpus, end: Tensor
) -> None:
    section = replace(corpus.documents[1].sections[0], sentences=(21,) * (MAX_LENGTH + 5))
    many = replace(corpus, documents=(replace(corpus.documents[1], sections=(section,) * 20),))
    batch = BlockData(many, end).batch([Choice(10, 0), Choice(0, 0)], 2)
    assert kinds(batch).count(PLAN) == 2 * PLAN_REACH and kinds(batch, 1).count(PLAN) == PLAN_REACH
    assert int(batch.context.length_BC.max()) == MAX_LENGTH
    assert int(batch.context.place_BC.max()) == 2 * PLAN_REACH


def test_a_draw_is_a_pure_function_of_number_and_seed(corpus: EmbeddedCorpus, end: Tensor) -> None:
    data, again = BlockData(corpus, end), BlockData(corpus, end)
    batches = [data.draw(number, CONFIG) for number in range(6)]
    for number in reversed(range(6)):
        other = again.draw(number, CONFIG)
        assert torch.equal(other.target_BKD, batches[number].target_BKD)
        assert torch.equal(other.context.lead_BCD, batches[number].context.lead_BCD)
    reseeded = replace(CONFIG, loop=replace(CONFIG.loop, seed=2))
    assert any(
        not torch.equal(data.draw(n, reseeded).slots.index_BK, batches[n].slots.index_BK) for n in range(6)
    )


def test_draws_keep_to_the_budget_and_start_inside_their_section(corpus: EmbeddedCorpus, end: Tensor) -> None:
    data = Recorder(corpus, end)
    sizes = []
    for number in range(200):
        data.draw(number, CONFIG)
        sizes.append(data.size)
        assert len(data.drawn) == min(CONFIG.max_rows, CONFIG.num_slots // data.size)
        for choice in data.drawn:
            assert 0 <= choice.start <= len(data.sections[choice.section].sentences)
    shares = {size: sizes.count(size) / len(sizes) for size in set(sizes)}
    assert shares.keys() == {1, 4, 8} and abs(shares[8] - 0.5) < 4 * math.sqrt(0.25 / 200)


def test_conditions_are_dropped_independently_at_the_stated_rates(
    corpus: EmbeddedCorpus, end: Tensor
) -> None:
    data = Recorder(corpus, end)
    choices: list[Choice] = []
    for number in range(600):
        data.draw(number, CONFIG)
        choices += data.drawn
    num = len(choices)
    hidden = {
        "all": ([c.shows_nothing for c in choices], CONFIG.drop_all),
        "previous": ([not c.shows_previous for c in choices], CONFIG.drop_previous),
        "plan": ([not c.shows_plan for c in choices], CONFIG.drop_plan),
        "gist": ([not c.shows_gist for c in choices], CONFIG.drop_gist),
        "goal": ([c.shows_goal for c in choices], CONFIG.goal_share),
    }
    assert num > 5_000
    for name, (flags, rate) in hidden.items():
        assert abs(sum(flags) / num - rate) < 4 * math.sqrt(rate * (1 - rate) / num), name
    for (one, (flags, rate)), (two, (others, other_rate)) in combinations(hidden.items(), 2):
        both = sum(a and b for a, b in zip(flags, others, strict=True)) / num
        joint = rate * other_rate
        assert abs(both - joint) < 4 * math.sqrt(joint * (1 - joint) / num), (one, two)


def test_kinds_are_drawn_by_their_shares_and_longer_sections_more_often(
    corpus: EmbeddedCorpus, end: Tensor
) -> None:
    data = Recorder(corpus, end)
    config = replace(CONFIG, shares=KindShares(howto=0.6, lead=0.2))
    counts = [0] * 4
    for number in range(400):
        data.draw(number, config)
        for choice in data.drawn:
            counts[choice.section] += 1
    shares = torch.tensor(counts) / sum(counts)
    expected = torch.cat((0.75 * torch.tensor([3, 11, 2]) / 16, torch.tensor([0.25])))
    torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)


def test_rivals_are_other_sentences_of_the_document(corpus: EmbeddedCorpus, end: Tensor) -> None:
    data = Recorder(corpus, end)
    document = {2, 3, *range(5, 15), 16}
    for number in range(50):
        data.draw(number, CONFIG)
        for choice in data.drawn:
            block = set(data.sections[choice.section].sentences[choice.start : choice.start + data.size])
            others = (document if choice.section < 3 else {21, 22, 23}) - block
            assert set(choice.rivals) <= others
            assert len(set(choice.rivals)) == len(choice.rivals) == min(CONFIG.num_rivals, len(others))
    batch = BlockData(corpus, end).batch([Choice(0, 0, rivals=(7, 9)), Choice(2, 0)], 2)
    assert batch.rival_row_BR.tolist() == [[7, 9], [-1, -1]]
    torch.testing.assert_close(batch.rival_BRD[0], corpus.vectors[[7, 9]])


def test_a_corpus_without_sections_says_so(corpus: EmbeddedCorpus, end: Tensor) -> None:
    with pytest.raises(InputError, match="no section to learn from"):
        BlockData(replace(corpus, documents=()), end)
