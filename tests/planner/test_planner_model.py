"""The outline model: causal, blind to padding; its loss."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
import torch

from concepts.errors import ModelError
from concepts.models.configs import CONFIG_FIELDS, Objective
from planner.config import PlannerConfig
from planner.model import CHILD, PROMPT, PlanTokens
from planner.rollout import Planner
from training.corpus.embed import EmbeddedCorpus
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineData
from training.planner.loss import OutlineLoss, augment


def tokens_of(corpus: EmbeddedCorpus, planner: Planner) -> PlanTokens:
    data = OutlineData(corpus)
    batch = data.batch([0, 6], with_goal=[True, False], with_count=[True, False])
    return augment(batch.tokens, planner.model, training(planner.model.config), None)


def training(model: PlannerConfig, **more: object) -> PlannerTrainingConfig:
    return PlannerTrainingConfig(model=model, batch_size=8, **more)  # type: ignore[arg-type]


def test_changing_a_later_child_changes_no_earlier_state(planner: Planner, corpus: EmbeddedCorpus) -> None:
    tokens = tokens_of(corpus, planner)
    before = planner.model(tokens)
    for name in ("lead_BSD", "gist_BSD", "length_BS"):
        changed = getattr(tokens, name).clone()
        changed[0, 4] += 1
        after = planner.model(replace(tokens, **{name: changed}))
        assert torch.equal(after[0, :4], before[0, :4]) and torch.equal(after[1], before[1])
        assert not torch.allclose(after[0, 4:], before[0, 4:], atol=1e-4)


def test_padding_changes_no_state(planner: Planner, corpus: EmbeddedCorpus) -> None:
    tokens = tokens_of(corpus, planner)
    cut = PlanTokens(*(getattr(tokens, f)[1:, :5] for f in ("kind_BS", "lead_BSD", "gist_BSD", "length_BS")))
    torch.testing.assert_close(planner.model(cut)[0], planner.model(tokens)[1, :5], atol=1e-5, rtol=1e-5)


def test_every_kind_of_token_reaches_the_last_state(planner: Planner, corpus: EmbeddedCorpus) -> None:
    tokens = tokens_of(corpus, planner)
    before = planner.model(tokens)[:, -1]
    for position in range(6):
        if position != 2:  # START carries a number, not a concept
            lead = tokens.lead_BSD.clone()
            lead[0, position] += 1
            assert not torch.allclose(
                planner.model(replace(tokens, lead_BSD=lead))[0, -1], before[0], atol=1e-4
            )
    length = tokens.length_BS.clone()
    length[0, 2] = 7
    assert not torch.allclose(planner.model(replace(tokens, length_BS=length))[0, -1], before[0], atol=1e-4)


def test_without_a_generator_tokens_are_normalized_and_nothing_else(
    planner: Planner, corpus: EmbeddedCorpus
) -> None:
    raw = OutlineData(corpus).batch([0], with_goal=[True], with_count=[True]).tokens
    tokens = augment(raw, planner.model, training(planner.model.config), None)
    model = planner.model
    torch.testing.assert_close(tokens.lead_BSD[0, 0], model.lead_norm.normalize(raw.lead_BSD[0, 0]))
    torch.testing.assert_close(tokens.lead_BSD[0, 1], model.gist_norm.normalize(raw.lead_BSD[0, 1]))  # a goal
    torch.testing.assert_close(tokens.gist_BSD[0, 3:], model.gist_norm.normalize(raw.gist_BSD[0, 3:]))
    assert not tokens.lead_BSD[0, 2].any() and not tokens.gist_BSD[0, :3].any()


def test_prompts_are_dropped_and_noised_by_row_at_the_stated_rate(planner: Planner) -> None:
    num, dim = 4_000, planner.model.config.concept_dim
    kind = torch.tensor([[PROMPT, CHILD]]).repeat(num, 1)
    concepts = torch.ones(num, 2, dim)
    tokens = PlanTokens(kind, concepts, concepts, torch.zeros(num, 2, dtype=torch.long))
    config = training(planner.model.config, prompt_dropout=0.1, context_noise=0.15)
    noised = augment(tokens, planner.model, config, torch.Generator().manual_seed(0))
    dropped = (noised.lead_BSD[:, 0] == 0).all(dim=1)
    assert abs(float(dropped.float().mean()) - 0.1) < 4 * math.sqrt(0.1 * 0.9 / num)
    clean = augment(tokens, planner.model, config, None)
    size = (noised.lead_BSD[:, 1] - clean.lead_BSD[:, 1]).square().mean(dim=1).sqrt()
    assert float(size.max()) < 0.15 * 2.2 and abs(float(size.mean()) - 0.075) < 0.01
    assert not (noised.lead_BSD[:, 1] == 0).all(dim=1).any()


def loss_of(
    corpus: EmbeddedCorpus, config: PlannerTrainingConfig, seed: int
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    batch = OutlineData(corpus).batch(range(4), with_goal=[False] * 4, with_count=[False] * 4)
    loss, parts = OutlineLoss(config)(batch, torch.Generator().manual_seed(seed))
    return loss.detach(), parts


@pytest.mark.parametrize("objective", ["diffusion", "mse"])
def test_the_loss_is_a_pure_function_of_batch_and_generator(
    corpus: EmbeddedCorpus, planner: Planner, objective: Objective
) -> None:
    config = training(replace(planner.model.config, objective=objective))
    values = [loss_of(corpus, config, seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])


def test_the_loss_is_the_weighted_sum_of_its_parts(corpus: EmbeddedCorpus, planner: Planner) -> None:
    loss, parts = loss_of(corpus, training(planner.model.config, contrast_weight=0.3), 0)
    expected = parts["mse"] + 0.1 * parts["stop"] + 0.1 * parts["length"] + 0.3 * parts["contrast"]
    torch.testing.assert_close(loss, expected)
    weighted = loss_of(corpus, training(planner.model.config, min_snr_gamma=5.0), 0)[1]
    assert not torch.equal(weighted["mse"], parts["mse"]) and torch.equal(weighted["stop"], parts["stop"])


def test_what_cannot_be_trained_is_refused(planner: Planner) -> None:
    with pytest.raises(ModelError, match="objective must be one of diffusion, mse, got 'gan'"):
        replace(planner.model.config, objective="gan")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="min_snr_gamma must be above 0, got 0"):
        training(planner.model.config, min_snr_gamma=0)


def test_cards_have_the_fields_of_the_config() -> None:
    assert list(CONFIG_FIELDS["planner"]) == [field.name for field in fields(PlannerConfig)]
