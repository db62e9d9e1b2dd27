"""Teaching what sentences are about: concepts of the corpus' texts against a stronger encoder's vectors of them.

Legend: N texts, B texts of a batch, D concept dim, E meaning dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.corpus.embed import EmbeddedCorpus, load_embedded
from concepts.errors import InputError
from concepts.meaning import Meaning, MeaningConfig
from concepts.release import NORMALIZERS_FILE, save_fitted, tensors_of, trained_weights
from concepts.space.teacher import Meanings, teacher_vectors
from concepts.training import (
    LoopConfig,
    Progress,
    mean_losses,
    to_device,
    train,
    write_recipe,
)

_NUM_DEV_BATCHES = 4
_SAME = 0.9999
"""Cosine from which two meanings are one, which is no wrong answer for the other: a batch draws some texts twice."""


@dataclass(frozen=True, kw_only=True)
class MeaningTrainingConfig:
    """The recipe of a meaning."""

    model: MeaningConfig = field(default_factory=MeaningConfig)
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=4_000,
            num_cooldown_steps=2_400,
            matrix_lr=2e-3,
            uses_muon=False,
            adam_lr=2e-3,
            weight_decay=0.02,
            ema_decay=0.99,
            evaluate_every=500,
        )
    )
    """Steps and rates."""
    batch_size: int = 1_024
    """Texts a batch; the others' meanings are what a text's is told from."""
    asked_share: float = 0.35
    """Share of a batch that titles (in all their wordings) and headings have: what prompts look like."""
    noise: float = 0.4
    """Largest relative noise on a concept: what a writer or a planner drew is no sentence's."""
    contrast_weight: float = 0.1
    """Weight of InfoNCE among the texts of a batch beside the distance of directions."""
    contrast_scale: float = 20.0
    """What the cosine is multiplied with there."""


@dataclass(frozen=True)
class MeaningBatch:
    """Raw concepts and the teacher's meanings, unit vectors."""

    concept_BD: Tensor
    meaning_BE: Tensor


class Directions:
    """The teacher's principal components, which are what is learnt: fewer numbers, centred."""

    def __init__(self, vectors: Meanings, dim: int) -> None:
        """Fit on vectors of training texts (N, T)."""
        known = torch.from_numpy(vectors).float()
        self.center = known.mean(dim=0)
        centred = known - self.center
        _, axes = torch.linalg.eigh(centred.T @ centred)
        axes = axes[:, -dim:].flip(1)
        # An axis is one either way; a run that goes on elsewhere needs the same.
        largest = axes.abs().argmax(dim=0)
        self.axes_TE = axes * axes[largest, torch.arange(axes.shape[1])].sign()

    def __call__(self, vectors: Meanings) -> Tensor:
        """Return unit vectors (N, E) of the teacher's (N, T)."""
        return F.normalize((torch.from_numpy(vectors).float() - self.center) @ self.axes_TE, dim=1)


class MeaningData:
    """Texts of a split: concepts, meanings, and which of them are titles and headings."""

    def __init__(self, concepts_ND: Tensor, meanings_NE: Tensor, num_asked: int) -> None:
        """The first `num_asked` rows are titles and headings."""
        self._concepts, self._meanings, self._num_asked = concepts_ND, meanings_NE.half(), num_asked

    def draw(self, size: int, rng: np.random.Generator, asked_share: float) -> MeaningBatch:
        """Return random texts."""
        is_asked = rng.random(size) < asked_share
        low = np.where(is_asked | (self._num_asked == len(self._concepts)), 0, self._num_asked)
        high = np.where(is_asked & (self._num_asked > 0), self._num_asked, len(self._concepts))
        rows = torch.from_numpy(rng.integers(low, high))
        return MeaningBatch(self._concepts[rows].float(), self._meanings[rows].float())


class MeaningLoss(nn.Module):
    """The network under its loss."""

    def __init__(self, config: MeaningTrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.meaning = Meaning(config.model)

    def forward(self, batch: MeaningBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the distance plus InfoNCE; the mean cosine, and the share of the texts that find their own meaning."""
        config, concept = self.config, batch.concept_BD
        if self.training:
            size = config.noise * torch.rand(len(concept), 1, generator=generator)
            noise = (size * torch.randn(concept.shape, generator=generator)).to(concept.device)
            concept = concept + noise * self.meaning.norm.scale
        found = self.meaning(concept)
        cosine = (found * batch.meaning_BE).sum(dim=1).mean()
        likeness = found @ batch.meaning_BE.T * config.contrast_scale
        same = (batch.meaning_BE @ batch.meaning_BE.T > _SAME).fill_diagonal_(False)
        likeness = likeness.masked_fill(same, float("-inf"))
        own = torch.arange(len(found), device=found.device)
        contrast = F.cross_entropy(likeness, own)
        accuracy = (likeness.argmax(dim=1) == own).float().mean()
        return 1 - cosine + config.contrast_weight * contrast, {
            "cosine": cosine.detach(),
            "accuracy": accuracy.detach(),
        }


class MeaningTask:
    """The network as the shared loop sees it."""

    unit = "texts"

    def __init__(self, config: MeaningTrainingConfig, data: MeaningData, dev: MeaningData) -> None:
        self.config, self._data, self._dev = config, data, dev
        torch.manual_seed(config.loop.seed)
        self._module = MeaningLoss(config)

    @property
    def module(self) -> MeaningLoss:
        """The network under its loss."""
        return self._module

    def batch(self, step: int, rank: int, world_size: int) -> MeaningBatch:
        """Return the texts of one process at `step`."""
        rng = np.random.default_rng((self.config.loop.seed, step * world_size + rank))
        return self._data.draw(self.config.batch_size, rng, self.config.asked_share)

    def count(self, batch: object) -> int:
        """Return the number of texts."""
        assert isinstance(batch, MeaningBatch)
        return len(batch.concept_BD)

    def evaluate(self) -> dict[str, float]:
        """Return the loss, the cosine and the accuracy on fixed dev texts."""
        device = self._module.meaning.enter.weight.device
        config = self.config
        batches = (
            self._dev.draw(config.batch_size, np.random.default_rng(number), config.asked_share)
            for number in range(_NUM_DEV_BATCHES)
        )
        return mean_losses(self._module(to_device(batch, device), torch.Generator()) for batch in batches)


def train_meaning(
    corpus_dir: Path,
    space_id: str,
    run_dir: Path,
    config: MeaningTrainingConfig,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_taught: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Train (or go on training) the meaning of a space's concepts; the corpus must be embedded in it.

    `on_taught` gets (done, total) of the texts that the teacher reads, once. Returns the figures of the best
    evaluation, none where the run was stopped before it. Raises ModelError where the teacher is not installed,
    InputError for a corpus without documents to learn from or to measure on.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    write_recipe(run_dir, asdict(config) | {"space": space_id})
    splits = {}
    for split in ("train", "dev"):
        corpus = load_embedded(corpus_dir, space_id, split)
        rows, num_asked = _rows(corpus)
        if not len(rows):
            raise InputError(f"{corpus_dir} has no {split} document to learn from; import more documents")
        taught = teacher_vectors(
            run_dir / f"teacher-{split}.npy", [corpus.texts[row] for row in rows], on_progress=on_taught
        )
        splits[split] = corpus.vectors[torch.from_numpy(rows)], taught, num_asked
    directions = Directions(splits["train"][1], config.model.meaning_dim)
    data, dev = (MeaningData(raw, directions(taught), num) for raw, taught, num in splits.values())
    task = MeaningTask(config, data, dev)
    task.module.meaning.norm.fit(splits["train"][0])
    save_fitted(run_dir, "meaning", task.module.meaning)
    return train(task, run_dir, config.loop, on_progress=on_progress)


def trained_meaning(run_dir: Path, config: MeaningConfig) -> Meaning:
    """Return the network of a run's best evaluation. Raises ModelError when the run has no weights yet."""
    weights = tensors_of(trained_weights(run_dir, "meaning"), "meaning")
    fitted = tensors_of(run_dir / NORMALIZERS_FILE, "meaning")
    meaning = Meaning(config).requires_grad_(False)
    meaning.load_state_dict(weights | fitted)
    return meaning.eval()


def _rows(corpus: EmbeddedCorpus) -> tuple[NDArray[np.int64], int]:
    """Return the rows of a split's texts, titles and headings first, and how many those are."""
    documents = corpus.documents
    asked = {row for d in documents for row in (*d.prompts, *(section.heading for section in d.sections))}
    said = {row for d in documents for section in d.sections for row in section.sentences} - asked
    return np.array([*sorted(asked), *sorted(said)], dtype=np.int64), len(asked)
