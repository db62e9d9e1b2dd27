from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from planner.rollout import Planner


def with_codes(planner: Planner, codes: Tensor, counts: Tensor, titles: Tensor | None = None) -> Planner:
    """Give the fixture's model a codebook; the model itself is as it was for other tests."""
    changed = Planner(planner.card, planner.model, planner.options)
    changed._codes, changed._code_counts = codes, counts
    changed._code_titles = torch.zeros_like(codes) if titles is None else titles
    return changed


def leads_of(planner: Planner, prompt: Tensor, **options: int) -> Tensor:
    items = planner.plan(prompt, **options)  # type: ignore[arg-type]
    return planner.model.lead_norm.normalize(torch.stack([item.lead for item in items]))


@pytest.fixture
def codes(planner: Planner) -> Tensor:
    dim = planner.model.config.concept_dim
    return torch.randn(40, dim, generator=torch.Generator().manual_seed(5)).clamp(-3, 3)


def test_every_lead_is_a_code_and_none_comes_twice(planner: Planner, prompt: Tensor, codes: Tensor) -> None:
    leads = leads_of(with_codes(planner, codes, torch.ones(40)), prompt, num_sections=6)
    chosen = torch.cdist(leads, codes).argmin(dim=1)
    torch.testing.assert_close(leads, codes[chosen], atol=1e-4, rtol=1e-4)
    assert len(set(chosen.tolist())) == 6


def test_frequent_codes_are_preferred(planner: Planner, prompt: Tensor, codes: Tensor) -> None:
    counts = torch.ones(40)
    counts[17] = 1e12
    leads = leads_of(with_codes(planner, codes, counts), prompt, num_sections=2)
    torch.testing.assert_close(leads[0], codes[17], atol=1e-4, rtol=1e-4)


def test_a_code_like_the_prompt_is_preferred(planner: Planner, prompt: Tensor, codes: Tensor) -> None:
    wanted = planner.model.lead_norm.normalize(prompt).mean(dim=0)
    codes = codes - (codes @ F.normalize(wanted, dim=0))[:, None] * F.normalize(wanted, dim=0)
    codes[3] = wanted
    found = with_codes(planner, codes, torch.ones(40))
    found.options = replace(planner.options, prompt_weight=1e4, num_choices=1)
    torch.testing.assert_close(leads_of(found, prompt, num_sections=2)[0], codes[3], atol=1e-4, rtol=1e-4)
    found.options = replace(planner.options, prompt_weight=-1e4, num_choices=1)
    assert not torch.allclose(leads_of(found, prompt, num_sections=2)[0], codes[3], atol=1e-4)


def test_a_code_of_documents_like_the_prompt_is_preferred(
    planner: Planner, prompt: Tensor, codes: Tensor
) -> None:
    titles = torch.zeros_like(codes)
    titles[8] = F.normalize(planner.model.lead_norm.normalize(prompt).mean(dim=0), dim=0)
    found = with_codes(planner, codes, torch.ones(40), titles)
    for weight, wanted in ((1e4, True), (-1e4, False)):
        found.options = replace(planner.options, title_weight=weight, num_choices=1)
        first = leads_of(found, prompt, num_sections=2)[0]
        assert torch.allclose(first, codes[8], atol=1e-4) is wanted


def test_a_used_up_codebook_repeats_instead_of_failing(
    planner: Planner, prompt: Tensor, codes: Tensor
) -> None:
    leads = leads_of(with_codes(planner, codes[:2], torch.ones(2)), prompt, num_sections=5)
    assert len(leads) == 5


def test_no_item_is_planned_shorter_than_allowed(planner: Planner, prompt: Tensor) -> None:
    items = planner.plan(prompt, num_sections=8)
    assert min(item.num_sentences for item in items) >= planner.options.min_length
