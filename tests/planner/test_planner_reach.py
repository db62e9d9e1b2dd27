"""How far a prompt lies from what a planner has learnt: measured, stored small, and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.errors import ModelError
from concepts.models.card import ModelCard
from planner.reach import REACH_FILE, Reach, load_reach, measure_reach, save_reach

DIM = 384


def topics(num: int, *, seed: int) -> Tensor:
    """Return prompts around eight directions."""
    centers = F.normalize(torch.randn(8, DIM, generator=torch.Generator().manual_seed(0)), dim=1)
    noise = torch.randn(num, DIM, generator=torch.Generator().manual_seed(seed)) / DIM**0.5
    return centers[torch.arange(num) % 8] + 0.5 * noise


def card_in(folder: Path, *files: str) -> ModelCard:
    return ModelCard(
        name="toy",
        kind="planner",
        version=1,
        files=dict.fromkeys(files, "0"),
        config={},
        space="fake@1",
        data="",
        recipe="",
        steps=1,
        figures={},
        licence="",
        folder=folder,
    )


def test_prompts_like_those_of_the_training_are_near_and_others_far() -> None:
    reach = measure_reach(topics(2000, seed=1))
    like = topics(1000, seed=2)
    assert sum(reach.is_far(prompt[None]) for prompt in like) < 40
    strange = torch.randn(50, DIM, generator=torch.Generator().manual_seed(3))
    assert all(reach.is_far(prompt[None]) for prompt in strange)
    assert torch.equal(measure_reach(topics(2000, seed=1)).centroids, reach.centroids)


def test_a_prompt_of_several_sentences_counts_by_their_mean() -> None:
    reach = Reach(torch.eye(2), 0.9)
    assert not reach.is_far(torch.tensor([[2.0, 0.5], [2.0, -0.5]]))
    assert reach.is_far(torch.tensor([[2.0, 2.0]]))


@pytest.mark.parametrize("num", [1, 3, 20])
def test_a_small_corpus_has_a_reach_too(num: int) -> None:
    prompts = topics(num, seed=1)
    assert not any(measure_reach(prompts).nearness(prompt[None]) < 0.3 for prompt in prompts)


def test_it_is_stored_in_less_than_200_kb(tmp_path: Path) -> None:
    reach = measure_reach(topics(2000, seed=1))
    save_reach(tmp_path, reach)
    assert (tmp_path / REACH_FILE).stat().st_size < 200_000
    read = load_reach(card_in(tmp_path, REACH_FILE))
    assert read is not None and torch.equal(read.centroids, reach.centroids)
    assert read.limit == pytest.approx(reach.limit)


def test_a_planner_without_one_has_none_and_a_damaged_one_is_one_line(tmp_path: Path) -> None:
    card = card_in(tmp_path, "model.safetensors")
    assert load_reach(card) is None
    (tmp_path / REACH_FILE).write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"toy: .*reach\.safetensors cannot be read"):
        load_reach(replace(card, files={REACH_FILE: "0"}))
