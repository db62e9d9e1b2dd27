"""How good an outline model is on held-out outlines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.corpus.embed import load_embedded
from concepts.corpus.split import Split
from concepts.diffusion import add_noise
from concepts.space.token_loss import TokenLoss
from planner.config import PlannerTrainingConfig
from planner.data import OutlineData
from planner.loss import augment
from planner.rollout import Planner


@torch.inference_mode()
def evaluate_planner(
    corpus_dir: Path,
    planner: Planner,
    space: ModelCard,
    *,
    split: Split = "test",
    max_outlines: int = 400,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Return figures on the outlines of `split`, each item given its true predecessors.

    `loss`: x0 MSE in normalized space over all diffusion times; `loss_mean`: the same of always
    predicting the mean; `tokens`: nats a token of the true heading through the frozen decoder at time
    0.9; `contrastive_accuracy`: the true next lead among 63 random ones; `stop_accuracy`;
    `length_error`: mean distance of the likeliest length to the true one, in bins.
    """
    corpus = load_embedded(corpus_dir, planner.card.space, split)
    data = OutlineData(corpus)
    token_loss = TokenLoss(space, corpus.texts)
    model, dim = planner.model, planner.model.config.concept_dim
    config = PlannerTrainingConfig(model=model.config)
    sums: dict[str, float] = {}
    weights: dict[str, int] = {}

    def add(name: str, value: float, weight: int) -> None:
        sums[name] = sums.get(name, 0.0) + value * weight
        weights[name] = weights.get(name, 0) + weight

    indices = list(range(min(max_outlines, len(data.outlines))))
    generator = torch.Generator().manual_seed(0)
    for start in range(0, len(indices), 32):
        chunk = indices[start : start + 32]
        batch = data.batch(chunk, with_goal=[False] * len(chunk), with_count=[False] * len(chunk))
        state = model(augment(batch.tokens, model, config, None))
        is_end = batch.is_end_BS[batch.is_from_BS]
        said_end = model.stop_head(state[batch.is_from_BS])[:, 0] > 0
        add("stop_accuracy", float((said_end == is_end).float().mean()), len(is_end))
        has_next = batch.is_from_BS & ~batch.is_end_BS
        state_NM, target = state[has_next], model.normalize_items(batch.target_BS2D[has_next])
        num = len(target)
        bins = model.next_length(state_NM, target).argmax(dim=-1)
        add("length_error", float((bins - batch.target_length_BS[has_next]).abs().float().mean()), num)
        t = (torch.arange(num) + 0.5) / num
        t = t[torch.randperm(num, generator=generator)]
        noise = torch.randn(target.shape, generator=generator)
        predicted = model.diffusion_head(add_noise(target, noise, t), t, state_NM)
        add("loss", float(F.mse_loss(predicted, target)), num)
        add("loss_mean", float(F.mse_loss(torch.zeros_like(target), target)), num)
        late = torch.full((num,), 0.9)
        blurred = model.diffusion_head(add_noise(target, noise, late), late, state_NM)
        raw = model.lead_norm.denormalize(blurred[:, :dim])
        add("tokens", float(token_loss(raw, batch.lead_row_BS[has_next].tolist())), num)
        guess = F.normalize(model.contrast_head(state_NM), dim=-1)
        leads = F.normalize(target[:, :dim], dim=-1)
        for i in range(num):
            others = torch.randint(num, (63,), generator=generator)
            others = others[(leads[others] @ leads[i]) < 0.999]
            right = (
                guess[i] @ leads[i] > (leads[others] @ guess[i]).max() if len(others) else torch.tensor(True)
            )
            add("contrastive_accuracy", float(right), 1)
        on_progress(min(start + 32, len(indices)), len(indices))
    return {name: sums[name] / weights[name] for name in sums} | {"num_outlines": float(len(indices))}
