"""The outline model: causal, blind to padding; its loss and InfoNCE."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch.nn import functional as F

from concepts.corpus.embed import EmbeddedCorpus
from planner.config import PlannerConfig, PlannerTrainingConfig
from planner.data import OutlineData
from planner.loss import OutlineLoss, augment, info_nce
from planner.model import CHILD, PROMPT, PlanTokens
from planner.rollout import Planner


def tokens_of(corpus: EmbeddedCorpus, planner: Planner) -> PlanTokens:
    data = OutlineData(corpus)
    batch = data.batch([0, 3], with_goal=[True, False], with_count=[True, False])
    return augment(batch.tokens, planner.model, training(planner.model.config), None)


def training(model: PlannerConfig, **more: object) -> PlannerTrainingConfig:
    return PlannerTrainingConfig(model=model, batch_size=8, token_weight=0.0, **more)  # type: ignore[arg-type]


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


def test_info_nce_is_cross_entropy_over_cosines() -> None:
    torch.manual_seed(0)
    said, true = torch.randn(5, 7), torch.randn(5, 7)
    expected = 0.0
    for i in range(5):
        scores = [float(F.cosine_similarity(said[i], true[j], dim=0)) / 0.1 for j in range(5)]
        expected -= scores[i] - math.log(sum(map(math.exp, scores)))
    torch.testing.assert_close(info_nce(said, true), torch.tensor(expected / 5), atol=1e-4, rtol=1e-4)
    assert float(info_nce(true, true)) < float(info_nce(said, true))


def test_the_loss_is_a_pure_function_of_batch_and_generator(corpus: EmbeddedCorpus, planner: Planner) -> None:
    data = OutlineData(corpus)
    batch = data.batch(range(4), with_goal=[False] * 4, with_count=[False] * 4)
    for objective in ("diffusion", "mse"):
        torch.manual_seed(0)
        module = OutlineLoss(training(planner.model.config, objective=objective), None)
        values = [module(batch, torch.Generator().manual_seed(seed))[0].detach() for seed in (1, 1, 2)]
        assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])


def test_the_token_loss_hears_the_raw_leads_and_their_rows(corpus: EmbeddedCorpus, planner: Planner) -> None:
    heard: list[tuple[tuple[int, ...], list[int]]] = []

    def token_loss(raw: torch.Tensor, rows: list[int]) -> torch.Tensor:
        heard.append((tuple(raw.shape), rows))
        return raw.sum() * 0 + 3.0

    data = OutlineData(corpus)
    batch = data.batch([0, 3], with_goal=[False] * 2, with_count=[False] * 2)
    config = replace(training(planner.model.config), token_weight=0.5)
    loss, parts = OutlineLoss(config, token_loss)(batch, torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    assert heard == [((5, 12), [1, 4, 6, 16, 18])]
    rest = parts["mse"] + 0.1 * parts["stop"] + 0.1 * parts["length"] + 0.1 * parts["contrast"]
    torch.testing.assert_close(loss.detach(), rest + 1.5)
