"""Outlines of a hand-made corpus as tokens and targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from concepts.errors import InputError
from planner.config import LENGTH_BINS, MAX_ITEMS, length_bin
from planner.model import CHILD, GOAL, PAD, PART, PROMPT, START
from training.corpus.embed import EmbeddedCorpus
from training.corpus.shares import KindShares
from training.planner.data import OutlineData


def sections_of(data: OutlineData) -> list[tuple[int, int, tuple[int, ...]]]:
    """(prompt, number of ancestors, leads of the children) of every outline."""
    return [(o.prompts[0][0], len(o.ancestors), tuple(c.lead for c in o.children)) for o in data.outlines]


def test_outlines_are_documents_manuals_and_pages_below_their_manual(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    assert [outline.kind for outline in data.outlines] == ["recipe", "lead", *["howto"] * 5]
    assert sections_of(data) == [
        (0, 0, (1, 4, 6)),  # a document's sections
        (12, 0, (12,)),  # one section counts, too
        (15, 0, (16, 18)),
        (21, 0, (21,)),
        (24, 0, (24,)),
        (15, 0, (15, 21, 24)),  # the manual's pages, under its first title
        (15, 1, (16, 18)),  # a page's sections below their manual
    ]


def test_a_gist_is_the_mean_of_its_sentences_and_a_length_their_number(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    last = data.outlines[0].children[2]
    torch.testing.assert_close(data.gists[last.gist], corpus.vectors[7:12].mean(dim=0))
    assert last.length == 5
    (page,) = data.outlines[6].ancestors
    torch.testing.assert_close(data.gists[page.gist], corpus.vectors[[17, 19, 20]].mean(dim=0))
    assert (page.lead, page.length) == (15, 2)


def test_tokens_and_targets_of_a_document(corpus: EmbeddedCorpus) -> None:
    data, vectors, dim = OutlineData(corpus), corpus.vectors, corpus.vectors.shape[1]
    batch = data.batch([0, 6], with_goal=[True, False], with_count=[True, False])
    assert batch.tokens.kind_BS.tolist() == [
        [PROMPT, GOAL, START, CHILD, CHILD, CHILD],
        [PROMPT, PART, START, CHILD, CHILD, PAD],
    ]
    first, second = data.outlines[0], data.outlines[6]
    gists = data.gists
    lead = torch.stack((vectors[0], gists[first.children[2].gist], torch.zeros(dim), *vectors[[1, 4, 6]]))
    torch.testing.assert_close(batch.tokens.lead_BSD[0], lead)
    gist = torch.stack([gists[c.gist] for c in first.children])
    torch.testing.assert_close(batch.tokens.gist_BSD[0, 3:], gist)
    assert not batch.tokens.gist_BSD[0, :3].any()
    torch.testing.assert_close(batch.tokens.gist_BSD[1, 1], gists[second.ancestors[0].gist])
    # lengths are bins plus one; START tells the number of children where it is told
    bins = [1 + length_bin(n) for n in (2, 1, 5)]
    assert batch.tokens.length_BS.tolist() == [
        [0, 0, 3, *bins],
        [0, 1 + length_bin(2), 0, bins[1], bins[0], 0],
    ]


def test_every_child_is_predicted_from_the_token_before_it_and_the_end_from_the_last(
    corpus: EmbeddedCorpus,
) -> None:
    data = OutlineData(corpus)
    batch = data.batch([0, 6], with_goal=[True, False], with_count=[True, False])
    no, yes = False, True
    assert batch.is_from_BS.tolist() == [[no, no, yes, yes, yes, yes], [no, no, yes, yes, yes, no]]
    assert batch.is_end_BS.tolist() == [[no] * 5 + [yes], [no] * 4 + [yes, no]]
    assert batch.lead_row_BS.tolist() == [[-1, -1, 1, 4, 6, -1], [-1, -1, 16, 18, -1, -1]]
    has_next = batch.is_from_BS & ~batch.is_end_BS
    following = torch.cat((batch.tokens.lead_BSD, batch.tokens.gist_BSD), dim=2)[:, 1:]
    torch.testing.assert_close(batch.target_BS2D[:, :-1][has_next[:, :-1]], following[has_next[:, :-1]])
    assert not batch.target_BS2D[~has_next].any()
    assert batch.target_length_BS[has_next].tolist() == [length_bin(n) for n in (2, 1, 5, 1, 2)]


def test_a_row_does_not_depend_on_its_batch_but_for_the_padding(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    alone = data.batch([2], with_goal=[False], with_count=[True])
    among = data.batch([0, 2], with_goal=[True, False], with_count=[True, True])
    size = alone.tokens.kind_BS.shape[1]
    for name in ("kind_BS", "lead_BSD", "gist_BSD", "length_BS"):
        assert torch.equal(getattr(among.tokens, name)[1, :size], getattr(alone.tokens, name)[0])
    assert (among.tokens.kind_BS[1, size:] == PAD).all() and not among.is_from_BS[1, size:].any()


def test_a_manual_of_many_pages_is_cut_into_outlines_of_a_learnable_size(corpus: EmbeddedCorpus) -> None:
    page = corpus.documents[3]
    many = replace(corpus, documents=tuple(replace(page, prompts=((n,),)) for n in range(MAX_ITEMS + 3)))
    sizes = [len(o.children) for o in OutlineData(many).outlines]
    assert sizes == [1] * (MAX_ITEMS + 3) + [MAX_ITEMS, 3]


def test_outlines_are_drawn_by_the_shares_of_their_kinds_and_alike_within_one(corpus: EmbeddedCorpus) -> None:
    data, shares = OutlineData(corpus), KindShares(guide=0.5, howto=0.2, recipe=0.1, lead=0.1)
    drawn = data.draw(20_000, shares, np.random.default_rng(3))
    assert drawn == data.draw(20_000, shares, np.random.default_rng(3))
    found = np.bincount(drawn, minlength=7) / len(drawn)
    expected = np.array([0.25, 0.25, *[0.1] * 5])  # no guides: the others share what is left
    assert (abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / len(drawn))).all()


def test_a_sample_holds_no_outline_twice_and_none_of_share_zero(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    assert sorted(data.sample(100, KindShares(), seed=0)) == list(range(7))
    assert sorted(data.sample(100, KindShares(howto=0.0), seed=0)) == [0, 1]
    assert len(set(data.sample(4, KindShares(), seed=1))) == 4


def test_a_corpus_without_sections_says_so(corpus: EmbeddedCorpus) -> None:
    with pytest.raises(InputError, match="no document with a section"):
        OutlineData(replace(corpus, documents=()))


def test_the_nearest_length_is_chosen() -> None:
    assert [LENGTH_BINS[length_bin(n)] for n in (0, 1, 8, 11, 26, 99)] == [1, 1, 8, 10, 24, 40]


def test_a_prompt_comes_in_the_wording_that_is_asked_for(corpus: EmbeddedCorpus) -> None:
    document = replace(corpus.documents[0], prompts=((0,), (30,), (31, 32)))
    data = OutlineData(replace(corpus, documents=(document, *corpus.documents[1:])))
    for wording, row in ((0, 0), (1, 30), (5, 31)):
        batch = data.batch([0], with_goal=[False], with_count=[False], wordings=[wording])
        torch.testing.assert_close(batch.tokens.lead_BSD[0, 0], corpus.vectors[row])
    # a prompt of two sentences is two tokens, and the items stand behind both
    assert (batch.tokens.kind_BS[0, :3] == torch.tensor([PROMPT, PROMPT, START])).all()
    torch.testing.assert_close(batch.tokens.lead_BSD[0, 1], corpus.vectors[32])
    assert int(batch.is_from_BS[0].nonzero()[0]) == 2
