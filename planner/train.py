"""Training the outline model on the corpus' outlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.codebook import build_codebook
from concepts.corpus.embed import load_embedded
from concepts.corpus.store import data_line
from concepts.precision import autocast
from concepts.release import save_fitted, start_from
from concepts.space.token_loss import TokenLoss
from concepts.training import Progress, mean_losses, to_device, train, write_recipe
from planner.codebook import mean_titles
from planner.config import PlannerTrainingConfig
from planner.data import OutlineBatch, OutlineData
from planner.loss import OutlineLoss


class OutlineTask:
    """The outline model as the shared loop sees it."""

    unit = "items"

    def __init__(
        self, config: PlannerTrainingConfig, data: OutlineData, dev: OutlineData, token_loss: TokenLoss | None
    ) -> None:
        self.config, self._data, self._dev = config, data, dev
        torch.manual_seed(config.loop.seed)
        self._module = OutlineLoss(config, token_loss)
        self._module.outline.lead_norm.fit(data.corpus.vectors)
        self._module.outline.gist_norm.fit(data.gists)
        if config.model.codebook_size:
            outline, vectors = self._module.outline, data.corpus.vectors
            leads = outline.lead_norm.normalize(vectors[[i.lead for o in data.outlines for i in o.children]])
            codes, counts = build_codebook(leads, config.model.codebook_size)
            outline.codebook[: len(codes)] = codes
            outline.code_counts[: len(codes)] = counts
            each = [
                F.normalize(outline.lead_norm.normalize(vectors[list(o.titles)]), dim=1).mean(dim=0)
                for o in data.outlines
            ]
            titles = torch.stack([t for t, o in zip(each, data.outlines, strict=True) for _ in o.children])
            outline.title_center.copy_(torch.stack(each).mean(dim=0))
            outline.code_titles[: len(codes)] = mean_titles(codes, leads, titles - outline.title_center)

    @property
    def module(self) -> OutlineLoss:
        """The outline model under its loss."""
        return self._module

    def batch(self, step: int, rank: int, world_size: int) -> OutlineBatch:
        """Return the outlines of one process at `step`."""
        size, num = self.config.batch_size, len(self._data.outlines)
        number = step * world_size + rank
        per_epoch = max(1, num // size)
        epoch, index = divmod(number, per_epoch)
        order = self._data.epoch_order(epoch, self.config.loop.seed)[index * size : (index + 1) * size]
        rng = np.random.default_rng((self.config.loop.seed, number))
        with_goal = (rng.random(len(order)) < self.config.goal_share).tolist()
        with_count = (rng.random(len(order)) < self.config.count_share).tolist()
        wordings = rng.integers(0, 60, len(order)).tolist()
        return self._data.batch(order.tolist(), with_goal=with_goal, with_count=with_count, wordings=wordings)

    def count(self, batch: object) -> int:
        """Return the number of items to predict."""
        assert isinstance(batch, OutlineBatch)
        return int((batch.is_from_BS & ~batch.is_end_BS).sum())

    def evaluate(self) -> dict[str, float]:
        """Return the loss and its parts on the dev outlines, with fixed noise."""
        indices = list(range(min(256, len(self._dev.outlines))))
        device = self._module.outline.norm.weight.device
        chunks = [indices[i : i + 64] for i in range(0, len(indices), 64)]
        batches = (
            self._dev.batch(chunk, with_goal=[False] * len(chunk), with_count=[False] * len(chunk))
            for chunk in chunks
        )
        with autocast(device):
            return mean_losses(
                self._module(to_device(batch, device), torch.Generator().manual_seed(number))
                for number, batch in enumerate(batches)
            )


def train_planner(
    corpus_dir: Path,
    space: ModelCard,
    run_dir: Path,
    config: PlannerTrainingConfig,
    *,
    init: ModelCard | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, float]:
    """Train (or go on training) an outline model in `space`; the corpus must be embedded in it.

    With `init` it starts from that planner's weights.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    train_corpus = load_embedded(corpus_dir, space.space_id, "train")
    data, dev = OutlineData(train_corpus), OutlineData(load_embedded(corpus_dir, space.space_id, "dev"))
    token_loss = TokenLoss(space, train_corpus.texts) if config.token_weight else None
    started = {"space": space.space_id, "init": init and init.lineage, "data": data_line(corpus_dir)}
    write_recipe(run_dir, asdict(config) | started)
    task = OutlineTask(config, data, dev, token_loss)
    if init is not None:
        start_from(task.module.outline, init)
    save_fitted(run_dir, "outline", task.module.outline)
    return train(task, run_dir, config.loop, on_progress=on_progress)
