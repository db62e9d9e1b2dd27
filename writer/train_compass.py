"""Training a writer's compass on the sentences of the corpus, each at its place.

Legend: B places, K things known, D concept dim. Concepts are normalized here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.corpus.embed import EmbeddedCorpus, load_embedded
from concepts.errors import InputError
from concepts.normalizer import RobustNormalizer
from concepts.quantize import quantize
from concepts.release import release_with, tensors_of, trained_weights
from concepts.training import LoopConfig, Progress, mean_losses, to_device, train, write_recipe
from writer.compass import COMPASS_FILE, Compass, CompassConfig
from writer.generate import Writer

_NUM_DEV_BATCHES = 4


@dataclass(frozen=True, kw_only=True)
class CompassTrainingConfig:
    """The recipe of a compass."""

    model: CompassConfig = field(default_factory=CompassConfig)
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=2_000,
            num_cooldown_steps=1_000,
            matrix_lr=1e-3,
            uses_muon=False,
            adam_lr=1e-3,
            weight_decay=0.05,
            ema_decay=0.99,
            evaluate_every=250,
        )
    )
    """Steps and rates."""
    batch_size: int = 1_024
    """Places a batch; the others' sentences are what a sentence is told from."""
    known_noise: float = 0.4
    """Largest relative noise on what is known, since a writer's own sentences are not the corpus'."""
    sentence_noise: float = 0.3
    """Largest relative noise on the sentences."""
    drop_known: float = 0.15
    """Share of each kind of what is known that is left out."""
    prompt_only: float = 0.15
    """Share of the places of which the prompt alone is known."""


@dataclass(frozen=True)
class PlaceBatch:
    """Places and their sentences, normalized."""

    known_BKD: Tensor
    place_B: Tensor
    sentence_BD: Tensor
    row_B: Tensor
    """Row of the sentence's text: equal texts are no wrong answers."""


class PlaceData:
    """Every sentence of a split, with what is known of its place; raises InputError where there is none."""

    def __init__(self, corpus: EmbeddedCorpus, normalizer: RobustNormalizer) -> None:
        self._prompts = [document.prompts for document in corpus.documents]
        rows = []
        for number, document in enumerate(corpus.documents):
            for section in document.sections:
                before = previous = -1
                for place, row in enumerate(section.sentences):
                    rows.append((number, section.heading, previous, before, place, row))
                    before, previous = previous, row
        if not rows:
            raise InputError("a split of the corpus has no how-to document; import more documents")
        self._rows: NDArray[np.int64] = np.array(rows, dtype=np.int64)
        self._vectors = normalizer.normalize(corpus.vectors).half()  # half of the room

    def draw(self, size: int, rng: np.random.Generator, *, any_wording: bool) -> PlaceBatch:
        """Return random places, no two the same; the prompt is the title, or any wording of it."""
        rows = self._rows[rng.choice(len(self._rows), min(size, len(self._rows)), replace=False)]
        worded = [
            prompts[rng.integers(len(prompts)) if any_wording else 0]
            for prompts in (self._prompts[number] for number in rows[:, 0])
        ]
        known = np.column_stack((worded, rows[:, 1:4]))
        return PlaceBatch(
            self._look_up(known),
            torch.from_numpy(rows[:, 4]),
            self._look_up(rows[:, 5]),
            torch.from_numpy(rows[:, 5]),
        )

    def _look_up(self, rows: NDArray[np.int64]) -> Tensor:
        index = torch.from_numpy(rows)
        return self._vectors[index.clamp_min(0)].float() * (index >= 0).unsqueeze(-1)


class CompassLoss(nn.Module):
    """A compass under its loss."""

    def __init__(self, config: CompassTrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.compass = Compass(config.model)

    def forward(self, batch: PlaceBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return InfoNCE (nats) and the share of the sentences that their place chooses first."""
        known, sentence = batch.known_BKD, batch.sentence_BD
        if self.training:
            config = self.config
            shape = known.shape[:2]
            is_kept = torch.rand(shape, generator=generator) >= config.drop_known
            alone = torch.rand(len(known), generator=generator) < config.prompt_only
            is_kept[:, 1:] &= ~alone[:, None]
            is_kept[:, 0] |= alone
            known = _noised(known, config.known_noise, generator) * is_kept.unsqueeze(-1).to(known.device)
            sentence = _noised(sentence, config.sentence_noise, generator)
        places = self.compass.places(known, batch.place_B)
        fit = self.compass.fit(places, self.compass.sentences(sentence))
        own = torch.arange(len(fit), device=fit.device)
        is_same = (batch.row_B[:, None] == batch.row_B[None]) & (own[:, None] != own[None])
        fit = fit.masked_fill(is_same, float("-inf"))
        loss = F.cross_entropy(fit, own)
        accuracy = (fit.argmax(dim=1) == own).float().mean()
        return loss, {"accuracy": accuracy.detach()}


def _noised(x: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Return concepts (..., D) with noise of a random size each; those of zeros stay zeros."""
    scale = largest * torch.rand(*x.shape[:-1], 1, generator=generator)
    noise = scale * torch.randn(x.shape, generator=generator)
    return x + noise.to(x.device) * (x != 0).any(dim=-1, keepdim=True)


class CompassTask:
    """The compass as the shared loop sees it."""

    unit = "sentences"

    def __init__(self, config: CompassTrainingConfig, data: PlaceData, dev: PlaceData) -> None:
        self.config, self._data, self._dev = config, data, dev
        torch.manual_seed(config.loop.seed)
        self._module = CompassLoss(config)

    @property
    def module(self) -> CompassLoss:
        """The compass under its loss."""
        return self._module

    def batch(self, step: int, rank: int, world_size: int) -> PlaceBatch:
        """Return the places of one process at `step`."""
        rng = np.random.default_rng((self.config.loop.seed, step * world_size + rank))
        return self._data.draw(self.config.batch_size, rng, any_wording=True)

    def count(self, batch: object) -> int:
        """Return the number of places."""
        assert isinstance(batch, PlaceBatch)
        return len(batch.row_B)

    def evaluate(self) -> dict[str, float]:
        """Return the loss and the accuracy among a batch of fixed dev places."""
        device = self._module.compass.log_scale.device
        batches = (
            self._dev.draw(self.config.batch_size, np.random.default_rng(number), any_wording=False)
            for number in range(_NUM_DEV_BATCHES)
        )
        return mean_losses(self._module(to_device(batch, device), torch.Generator()) for batch in batches)


def train_compass(
    corpus_dir: Path,
    writer: Writer,
    run_dir: Path,
    config: CompassTrainingConfig,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, float]:
    """Train (or go on training) a compass for `writer`; the corpus must be embedded in its space.

    Returns the figures of the best evaluation, whose weights are released: on a small corpus that is not the last. None
    where the run was stopped before it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    write_recipe(run_dir, asdict(config) | {"writer": writer.card.model_id})
    norm = writer.model.sentence_norm
    data, dev = (
        PlaceData(load_embedded(corpus_dir, writer.card.space, split), norm) for split in ("train", "dev")
    )
    return train(CompassTask(config, data, dev), run_dir, config.loop, on_progress=on_progress)


def release_compass(
    run_dir: Path, folder: Path, card: ModelCard, *, name: str, seed: int, figures: Mapping[str, float]
) -> ModelCard:
    """Write the writer of `card` with the compass of a training run to `folder`; its other files stay as they are.

    Raises ModelError when the run has no weights yet.
    """
    weights = tensors_of(trained_weights(run_dir, "compass"), "compass")
    return release_with(
        card,
        folder,
        {COMPASS_FILE: quantize(weights)},
        name=name,
        command="longhand train compass",
        options=f"--seed {seed}",
        figures={f"compass_{key}": value for key, value in figures.items()},
    )
