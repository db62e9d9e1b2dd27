"""Training the writer on the corpus' sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from concepts.models.card import ModelCard
from concepts.neural.precision import autocast
from concepts.neural.processes import on_main
from training.corpus.embed import load_embedded
from training.corpus.store import data_line
from training.loop import Progress, mean_losses, to_device, train, write_recipe
from training.release import save_fitted, start_from
from training.writer.config import WriterTrainingConfig
from training.writer.data import BlockBatch, BlockData
from training.writer.loss import WriterLoss

END_SENTENCE = "End of section."
"""The sentence whose concept ends a section (LCM, section 2.3.2, ends documents in the same way)."""


class SpaceCodec(Protocol):
    """The part of a codec that training uses."""

    @property
    def card(self) -> ModelCard:
        """The card of the space."""

    def encode(self, sentences: list[str], lang: str) -> Tensor:
        """Return raw concepts."""


class WriterTask:
    """The writer as a task for the shared loop."""

    unit = "slots"

    def __init__(self, config: WriterTrainingConfig, data: BlockData, dev: BlockData, end: Tensor) -> None:
        self.config, self._data, self._dev = config, data, dev
        torch.manual_seed(config.loop.seed)
        self._module = WriterLoss(config)
        self._module.writer.sentence_norm.fit(data.corpus.vectors)
        self._module.writer.gist_norm.fit(data.gists)
        self._module.writer.end.copy_(end)

    @property
    def module(self) -> WriterLoss:
        """The writer with its loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> BlockBatch:
        """Return the blocks of one part of `step`."""
        return self._data.draw(step * num_parts + part, self.config)

    def count(self, batch: object) -> int:
        """Return the number of slots."""
        assert isinstance(batch, BlockBatch)
        return batch.row_BK.numel()

    def evaluate(self) -> dict[str, float]:
        """Return the loss and its parts on fixed dev blocks with fixed noise."""
        device = self._module.writer.out_norm.weight.device
        with autocast(device):
            return mean_losses(
                self._module(
                    to_device(self._dev.draw(number, self.config), device),
                    torch.Generator().manual_seed(number),
                )
                for number in range(8)
            )


def train_writer(
    corpus_dir: Path,
    codec: SpaceCodec,
    run_dir: Path,
    config: WriterTrainingConfig,
    *,
    init: ModelCard | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, float]:
    """Train (or go on training) a writer in the codec's space; the corpus must be embedded in it.

    With `init` it starts from that writer's weights.
    """
    space = codec.card
    end = codec.encode([END_SENTENCE], "eng_Latn")[0]
    corpora = [load_embedded(corpus_dir, space.space_id, split) for split in ("train", "dev")]
    data, dev = (BlockData(corpus, end) for corpus in corpora)
    started = {"space": space.space_id, "init": init and init.lineage, "data": data_line(corpus_dir)}
    on_main(lambda: write_recipe(run_dir, asdict(config) | started))
    task = WriterTask(config, data, dev, end)
    if init is not None:
        start_from(task.module.writer, init)
    on_main(lambda: save_fitted(run_dir, "writer", task.module.writer))
    return train(task, run_dir, config.loop, on_progress=on_progress)
