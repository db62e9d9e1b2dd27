"""What a planner draws for a corpus: the headings of the kinds asked for, each from the true items before it."""

from __future__ import annotations

from dataclasses import replace

import torch

from planner import Planner
from training.corpus.embed import EmbeddedCorpus
from training.planner.draws import draw_headings


def test_only_headings_of_the_kinds_asked_for_are_drawn(planner: Planner, corpus: EmbeddedCorpus) -> None:
    recipe = draw_headings(corpus, planner, kinds=("recipe",))
    assert recipe.any(dim=1).nonzero()[:, 0].tolist() == [1, 4, 6]
    torch.testing.assert_close(recipe[[1, 4, 6]].norm(dim=1), torch.ones(3))
    assert draw_headings(corpus, planner, kinds=("lead",)).any(dim=1).nonzero()[:, 0].tolist() == [12]


def test_a_heading_is_drawn_from_the_true_ones_before_it(planner: Planner, corpus: EmbeddedCorpus) -> None:
    vectors = corpus.vectors.clone()
    vectors[4] += 1.0
    plain = draw_headings(corpus, planner, kinds=("recipe",))
    found = draw_headings(replace(corpus, vectors=vectors), planner, kinds=("recipe",))
    torch.testing.assert_close(found[[1, 4]], plain[[1, 4]])
    assert not torch.allclose(found[6], plain[6])
