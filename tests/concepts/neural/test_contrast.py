"""InfoNCE by hand, and what the evaluations count."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from concepts.neural.contrast import finds_own, info_nce, mean_cosine, variance_explained


def draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_info_nce_is_cross_entropy_over_cosines() -> None:
    said, true = draw(5, 7, seed=0), draw(5, 7, seed=1)
    own, rows = torch.arange(5), torch.arange(5)
    expected = 0.0
    for i in range(5):
        scores = [float(F.cosine_similarity(said[i], true[j], dim=0)) / 0.1 for j in range(5)]
        expected -= scores[i] - math.log(sum(map(math.exp, scores)))
    found = info_nce(said, own, true, rows)
    torch.testing.assert_close(found, torch.tensor(expected / 5), atol=1e-4, rtol=1e-4)
    assert float(info_nce(true, own, true, rows)) < float(found)


def test_a_candidate_of_the_same_text_is_no_negative() -> None:
    said, true = draw(2, 7, seed=0), draw(3, 7, seed=1)
    without = info_nce(said, torch.tensor([0, 1]), true, torch.tensor([4, 5, 6]))
    twice = torch.cat((true, true[:1]))
    again = info_nce(said[:1], torch.tensor([0]), twice, torch.tensor([4, 5, 6, 4]))
    torch.testing.assert_close(again, info_nce(said[:1], torch.tensor([0]), true, torch.tensor([4, 5, 6])))
    assert info_nce(said, torch.tensor([0, 1]), twice, torch.tensor([4, 5, 6, 4])) > without


def test_autocast_does_not_blur_the_contrast() -> None:
    said, true, rows = draw(20, 7, seed=0), draw(20, 7, seed=1), torch.arange(20)
    with torch.autocast("cpu", torch.bfloat16):
        blurred = info_nce(said, rows, true, rows)
    assert torch.equal(blurred, info_nce(said, rows, true, rows))


def test_the_true_concept_is_found_where_it_is_nearest() -> None:
    pool, rows = draw(300, 16, seed=2), torch.arange(300)
    own = torch.tensor([3, 50, 200])
    found = finds_own(2 * pool[own], pool[own], own, pool, rows, num=64, seed=0)
    assert found.all()  # itself among the others does not count against it
    assert not finds_own(-pool[own], pool[own], own, pool, rows, num=64, seed=0).any()


def test_by_chance_one_in_num_is_found() -> None:
    pool, rows = draw(2_000, 16, seed=2), torch.arange(2_000)
    share = float(finds_own(draw(2_000, 16, seed=3), pool, rows, pool, rows, num=10, seed=0).float().mean())
    assert share == pytest.approx(0.1, abs=4 * math.sqrt(0.1 * 0.9 / 2_000))


def test_variance_explained_is_one_for_the_truth_and_zero_for_the_mean() -> None:
    true = draw(50, 8, seed=4)
    assert variance_explained(true, true) == 1
    assert variance_explained(true.mean(dim=0).expand(50, 8), true) == pytest.approx(0, abs=1e-6)
    assert variance_explained((true + true.mean(dim=0)) / 2, true) == pytest.approx(0.75, abs=1e-5)


def test_the_mean_cosine_is_over_pairs() -> None:
    assert mean_cosine(torch.eye(3)) == 0 and mean_cosine(torch.ones(1, 3)) == 0
    rows = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    assert mean_cosine(rows) == pytest.approx(1 / 3)
