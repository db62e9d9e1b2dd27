"""Training the outline model on the corpus' outlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from concepts.models.card import ModelCard
from concepts.neural.precision import autocast
from concepts.neural.processes import on_main
from planner.reach import measure_reach, save_reach
from training.corpus.embed import load_embedded
from training.corpus.store import data_line
from training.loop import Progress, mean_losses, to_device, train, write_recipe
from training.planner.config import PlannerTrainingConfig
from training.planner.data import OutlineBatch, OutlineData
from training.planner.loss import OutlineLoss
from training.release import save_fitted, start_from


class OutlineTask:
    """The outline model as a task for the shared loop."""

    unit = "items"

    def __init__(self, config: PlannerTrainingConfig, data: OutlineData, dev: OutlineData) -> None:
        self.config, self._data, self._dev = config, data, dev
        torch.manual_seed(config.loop.seed)
        self._module = OutlineLoss(config)
        self._module.outline.lead_norm.fit(data.corpus.vectors)
        self._module.outline.gist_norm.fit(data.gists)

    @property
    def module(self) -> OutlineLoss:
        """The outline model with its loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> OutlineBatch:
        """Return the outlines of one part of `step`."""
        number, size = step * num_parts + part, self.config.batch_size
        rng = np.random.default_rng((self.config.loop.seed, number))
        chosen = self._data.draw(size, self.config.shares, rng)
        with_goal = (rng.random(size) < self.config.goal_share).tolist()
        with_count = (rng.random(size) < self.config.count_share).tolist()
        wordings = rng.integers(0, 60, size).tolist()
        return self._data.batch(chosen, with_goal=with_goal, with_count=with_count, wordings=wordings)

    def count(self, batch: object) -> int:
        """Return the number of items to predict."""
        assert isinstance(batch, OutlineBatch)
        return int((batch.is_from_BS & ~batch.is_end_BS).sum())

    def evaluate(self) -> dict[str, float]:
        """Return the loss and its parts on the dev outlines, with fixed noise."""
        indices = self._dev.sample(256, self.config.shares, seed=0)
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
    data, dev = (OutlineData(load_embedded(corpus_dir, space.space_id, split)) for split in ("train", "dev"))
    started = {"space": space.space_id, "init": init and init.lineage, "data": data_line(corpus_dir)}
    on_main(lambda: write_recipe(run_dir, asdict(config) | started))
    task = OutlineTask(config, data, dev)
    if init is not None:
        start_from(task.module.outline, init)
    on_main(lambda: save_fitted(run_dir, "outline", task.module.outline))
    on_main(lambda: save_reach(run_dir, measure_reach(data.prompts())))
    return train(task, run_dir, config.loop, on_progress=on_progress)
