"""Evaluating an outline model on held-out outlines, in the concept space alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.corpus.split import Split
from concepts.neural.contrast import finds_own, mean_cosine, variance_explained
from concepts.neural.diffusion import add_noise, predict_mean
from planner.rollout import Planner
from training.corpus.embed import load_embedded
from training.corpus.shares import KindShares
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineData
from training.planner.loss import augment

NUM_HEADINGS = 64
"""Candidate headings, one of them the true next one."""
_NUM_NOISES = 8
"""Noise draws averaged in a prediction at time 1."""
_BATCH = 32


@torch.inference_mode()
def evaluate_planner(
    corpus_dir: Path,
    planner: Planner,
    *,
    split: Split = "test",
    max_outlines: int = 400,
    num_plans: int = 40,
    shares: KindShares | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Return figures on outlines of `split`, drawn by the shares of their kinds.

    Items given their true predecessors: `loss`: x0 MSE in normalized space over all diffusion times (of the single
    prediction for the "mse" baseline), `loss_mean`: the same for a constant prediction of the mean; `next_heading`:
    share of items whose true next heading is nearest by cosine, among `NUM_HEADINGS` of the split, to the mean that the
    head predicts at time 1, and `next_heading_contrast`: to the contrast head's prediction; `lead_variance` and
    `gist_variance`: variance explained by that mean; `stop_accuracy`; `length_error`: mean distance between the
    likeliest and the true length, in bins.
    Outlines drawn for `num_plans` titles, without a given number: `num_planned`, `num_true` and `num_error` (mean
    distance) of their items; for several draws of a title, `draw_cosine`: mean cosine of leads at the same place in two
    draws, and `item_cosine`: of two leads in one draw (`item_cosine_true`: of the true leads).
    """
    shares = shares or KindShares()
    data = OutlineData(load_embedded(corpus_dir, planner.card.space, split))
    chosen = data.sample(max_outlines, shares, seed=0)
    plans = [i for i in chosen if not data.outlines[i].ancestors][:num_plans]
    total = len(chosen) + len(plans)
    figures = _given_the_truth(data, planner, chosen, lambda done: on_progress(done, total))
    figures |= _drawn(data, planner, plans, lambda done: on_progress(len(chosen) + done, total))
    return figures | {"num_outlines": float(len(chosen))}


def _given_the_truth(
    data: OutlineData, planner: Planner, chosen: list[int], on_done: Callable[[int], None]
) -> dict[str, float]:
    model, dim = planner.model, planner.model.config.concept_dim
    config = PlannerTrainingConfig(model=model.config)
    is_mean = model.config.objective == "mse"
    generator = torch.Generator().manual_seed(0)
    states, targets, rows, said_end, bin_errors = [], [], [], [], []
    for start in range(0, len(chosen), _BATCH):
        chunk = chosen[start : start + _BATCH]
        batch = data.batch(chunk, with_goal=[False] * len(chunk), with_count=[False] * len(chunk))
        state = model(augment(batch.tokens, model, config, None))
        is_end = batch.is_end_BS[batch.is_from_BS]
        said_end.append((model.stop_head(state[batch.is_from_BS])[:, 0] > 0) == is_end)
        has_next = batch.is_from_BS & ~batch.is_end_BS
        states.append(state[has_next])
        targets.append(batch.target_BS2D[has_next])
        rows.append(batch.lead_row_BS[has_next])
        bins = model.next_length(states[-1], model.normalize_items(targets[-1])).argmax(dim=-1)
        bin_errors.append((bins - batch.target_length_BS[has_next]).abs().float())
        on_done(start + len(chunk))
    state_NM, raw_N2D, row_N = torch.cat(states), torch.cat(targets), torch.cat(rows)
    target = model.normalize_items(raw_N2D)
    num = len(target)

    def head(x: Tensor, t: Tensor) -> Tensor:
        predicted: Tensor = model.diffusion_head(x, t, state_NM)
        return predicted

    mean = predict_mean(
        lambda x, t: head(x, torch.full((num,), t)),
        (num, 2 * dim),
        num_draws=0 if is_mean else _NUM_NOISES,
        generator=generator,
    )
    predicted = mean
    if not is_mean:
        t = (torch.randperm(num, generator=generator) + 0.5) / num
        noise = torch.randn(target.shape, generator=generator)
        predicted = head(add_noise(target, noise, t), t)
    lead, gist = model.lead_norm.denormalize(mean[:, :dim]), model.gist_norm.denormalize(mean[:, dim:])
    pool_row = torch.tensor(sorted({item.lead for outline in data.outlines for item in outline.children}))

    def found(guess_ND: Tensor, true_ND: Tensor, pool_CD: Tensor) -> float:
        right = finds_own(guess_ND, true_ND, row_N, pool_CD, pool_row, num=NUM_HEADINGS, seed=0)
        return float(right.float().mean())

    pool = data.corpus.vectors[pool_row]
    guess = model.contrast_head(state_NM)
    return {
        "loss": float(F.mse_loss(predicted, target)),
        "loss_mean": float(F.mse_loss(torch.zeros_like(target), target)),
        "next_heading": found(lead, raw_N2D[:, :dim], pool),
        "next_heading_contrast": found(guess, target[:, :dim], model.lead_norm.normalize(pool)),
        "lead_variance": variance_explained(lead, raw_N2D[:, :dim]),
        "gist_variance": variance_explained(gist, raw_N2D[:, dim:]),
        "stop_accuracy": float(torch.cat(said_end).float().mean()),
        "length_error": float(torch.cat(bin_errors).mean()),
    }


def _drawn(
    data: OutlineData, planner: Planner, plans: list[int], on_done: Callable[[int], None]
) -> dict[str, float]:
    vectors = data.corpus.vectors
    planned: list[float] = []
    true: list[float] = []
    between: list[float] = []
    within: list[float] = []
    within_true: list[float] = []
    several = planner.with_options(
        replace(planner.options, num_candidates=max(2, planner.options.num_candidates))
    )
    for number, index in enumerate(plans):
        outline = data.outlines[index]
        draws = several.candidates(vectors[list(outline.prompts[0])], seed=number)
        planned.append(len(draws[0]))
        true.append(len(outline.children))
        leads = [torch.stack([item.lead for item in items]) for items in draws]
        places = range(max(map(len, leads)))
        at = [torch.stack([lead[place] for lead in leads if place < len(lead)]) for place in places]
        between += [mean_cosine(rows) for rows in at if len(rows) > 1]
        within += [mean_cosine(lead) for lead in leads if len(lead) > 1]
        if len(outline.children) > 1:
            within_true.append(mean_cosine(vectors[[child.lead for child in outline.children]]))
        on_done(number + 1)
    named = {
        "num_planned": planned,
        "num_true": true,
        "num_error": [abs(a - b) for a, b in zip(planned, true, strict=True)],
        "draw_cosine": between,
        "item_cosine": within,
        "item_cosine_true": within_true,
    }
    return {name: sum(values) / len(values) for name, values in named.items() if values}
