"""Outlines of a hand-made corpus as tokens and targets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from concepts.corpus.embed import EmbeddedCorpus
from concepts.errors import InputError
from planner.config import LENGTH_BINS, MAX_ITEMS
from planner.data import OutlineData, length_bin
from planner.model import CHILD, GOAL, PAD, PART, PROMPT, START


def sections_of(data: OutlineData) -> list[tuple[int, int, tuple[int, ...]]]:
    """(prompt, number of ancestors, leads of the children) of every outline."""
    return [(o.prompts[0], len(o.ancestors), tuple(c.lead for c in o.children)) for o in data.outlines]


def test_outlines_are_documents_manuals_and_pages_below_their_manual(corpus: EmbeddedCorpus) -> None:
    assert sections_of(OutlineData(corpus)) == [
        (0, 0, (1, 4, 6)),  # a page's sections
        (15, 0, (16, 18)),
        (15, 0, (15, 21, 24)),  # the manual's pages, under its first title
        (15, 1, (16, 18)),  # a page's sections below their manual
    ]


def test_a_gist_is_the_mean_of_its_sentences_and_a_length_their_number(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    last = data.outlines[0].children[2]
    torch.testing.assert_close(data.gists[last.gist], corpus.vectors[7:12].mean(dim=0))
    assert last.length == 5
    (page,) = data.outlines[3].ancestors
    torch.testing.assert_close(data.gists[page.gist], corpus.vectors[[17, 19, 20]].mean(dim=0))
    assert (page.lead, page.length) == (15, 2)


def test_tokens_and_targets_of_a_document(corpus: EmbeddedCorpus) -> None:
    data, vectors, dim = OutlineData(corpus), corpus.vectors, corpus.vectors.shape[1]
    batch = data.batch([0, 3], with_goal=[True, False], with_count=[True, False])
    assert batch.tokens.kind_BS.tolist() == [
        [PROMPT, GOAL, START, CHILD, CHILD, CHILD],
        [PROMPT, PART, START, CHILD, CHILD, PAD],
    ]
    first, second = data.outlines[0], data.outlines[3]
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
    batch = data.batch([0, 3], with_goal=[True, False], with_count=[True, False])
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
    alone = data.batch([1], with_goal=[False], with_count=[True])
    among = data.batch([0, 1], with_goal=[True, False], with_count=[True, True])
    size = alone.tokens.kind_BS.shape[1]
    for name in ("kind_BS", "lead_BSD", "gist_BSD", "length_BS"):
        assert torch.equal(getattr(among.tokens, name)[1, :size], getattr(alone.tokens, name)[0])
    assert (among.tokens.kind_BS[1, size:] == PAD).all() and not among.is_from_BS[1, size:].any()


def test_a_manual_of_many_pages_is_cut_into_outlines_of_a_learnable_size(corpus: EmbeddedCorpus) -> None:
    page = corpus.documents[3]
    many = replace(corpus, documents=tuple(replace(page, prompts=(n,)) for n in range(MAX_ITEMS + 3)))
    sizes = [len(o.children) for o in OutlineData(many).outlines]
    assert sizes == [MAX_ITEMS, 3]


def test_an_epoch_is_a_permutation_of_its_own(corpus: EmbeddedCorpus) -> None:
    data = OutlineData(corpus)
    orders = [tuple(data.epoch_order(epoch, seed)) for epoch in range(6) for seed in range(2)]
    assert all(sorted(order) == list(range(4)) for order in orders)
    assert len(set(orders)) > 3 and orders[0] == tuple(data.epoch_order(0, 0))


def test_a_corpus_without_two_sections_anywhere_says_so(corpus: EmbeddedCorpus) -> None:
    with pytest.raises(InputError, match="no document with two sections"):
        OutlineData(replace(corpus, documents=corpus.documents[1:2]))


def test_the_nearest_length_is_chosen() -> None:
    assert [LENGTH_BINS[length_bin(n)] for n in (0, 1, 8, 11, 26, 99)] == [1, 1, 8, 10, 24, 40]


def test_a_prompt_comes_in_the_wording_that_is_asked_for(corpus: EmbeddedCorpus) -> None:
    document = replace(corpus.documents[0], prompts=(0, 30, 31))
    data = OutlineData(replace(corpus, documents=(document, *corpus.documents[1:])))
    for wording, row in ((0, 0), (1, 30), (5, 31)):
        batch = data.batch([0], with_goal=[False], with_count=[False], wordings=[wording])
        torch.testing.assert_close(batch.tokens.lead_BSD[0, 0], corpus.vectors[row])
