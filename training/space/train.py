"""Training sonar-mini: autoencoding with noise on the concept and dropped words, short sentences first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.corpus.records import PROSE_KINDS
from concepts.models.card import ModelCard
from concepts.models.tensors import load_parameters
from concepts.neural.precision import autocast
from concepts.space.config import PRESETS, UNK_ID, SpaceConfig
from concepts.space.network import SpaceAutoencoder
from concepts.space.tokenizer import Pieces, train_sentencepiece
from training.corpus.store import data_line, iter_space_sentences
from training.loop import Progress, to_device, train, write_recipe
from training.loop_config import LoopConfig
from training.space.data import SpaceBatch, SpaceData
from training.space.release import space_tensors
from training.space.teacher import TEACHER_DIM, teacher_vectors


@dataclass(frozen=True, kw_only=True)
class SpaceTrainingConfig:
    """The recipe of a space."""

    model: SpaceConfig = field(default_factory=lambda: PRESETS["mini"])
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=3_200, num_cooldown_steps=1_200, matrix_lr=4e-3, ema_decay=0.995, evaluate_every=400
        )
    )
    """Steps and rates."""
    langs: tuple[str, ...] = ("eng_Latn",)
    """Languages to train on."""
    max_tokens: int = 4_096
    """Tokens a batch."""
    max_len: int = 62
    """Longest sentence, in pieces."""
    num_short_steps: int = 600
    """Number of first steps with sentences up to `short_len` pieces only, on which copying is learnt first."""
    short_len: int = 14
    """Longest sentence of the first steps, in pieces."""
    max_noise: float = 0.3
    """Largest size of the noise on a concept, relative to the concept's root mean square."""
    max_confusion: float = 0.7
    """Largest size of confusion noise: differences of other concepts in the batch."""
    confused_share: float = 0.0
    """Share of the sentences with confusion noise; docs/models.md has its cost."""
    teacher_weight: float = 0.0
    """Weight of the teacher's terms; 0 trains without one. The teacher knows English only."""
    relation_weight: float = 25.0
    """Weight, within these terms, of the batch sentences' similarities to each other."""
    word_dropout: float = 0.1
    """Probability that a piece of a denoised sentence is replaced by unk."""
    denoised_share: float = 0.2
    """Share of the sentences that are encoded with word dropout."""


class SpaceLoss(nn.Module):
    """Autoencoder with its training loss."""

    def __init__(self, config: SpaceTrainingConfig) -> None:
        super().__init__()
        self.autoencoder = SpaceAutoencoder(config.model)
        self.teacher_head = nn.Linear(config.model.model_dim, TEACHER_DIM) if config.teacher_weight else None
        self.config = config

    def forward(self, batch: SpaceBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return token cross-entropy (nats a token) of sentences decoded from noised concepts.

        Noise on the concept makes a decoder robust to a diffusion model's errors (LCM, arXiv
        2412.08821, section 2.4.3 on fragile embeddings; SONAR's denoising, arXiv 2308.11466). White
        noise alone does not: in some hundred dimensions it is nearly orthogonal to all meaningful
        directions. A diffusion model errs towards other likely sentences, so a share of the concepts is
        also moved along the difference of two others in the batch, which has the concepts' covariance.
        """
        config, source = self.config, batch.source
        num_sentences = source.shape[0]
        place = source.device
        denoised = (torch.rand(num_sentences, 1, generator=generator) < config.denoised_share).to(place)
        dropped = (torch.rand(source.shape, generator=generator) < config.word_dropout).to(place)
        dropped[:, 0] = dropped[:, -1] = False
        concepts = self.autoencoder.encoder(torch.where(denoised & dropped, UNK_ID, source)).float()
        scale = (torch.rand(num_sentences, 1, generator=generator) * config.max_noise).to(place)
        noise = torch.randn(concepts.shape, generator=generator).to(place)
        fixed = concepts.detach()
        rms = fixed.square().mean(dim=1, keepdim=True).sqrt()
        confused = torch.rand(num_sentences, 1, generator=generator) < config.confused_share
        size = torch.rand(num_sentences, 1, generator=generator) * config.max_confusion * confused
        first, second = (torch.randperm(num_sentences, generator=generator).to(place) for _ in range(2))
        confusion = (fixed[first] - fixed[second]) * 0.5**0.5  # two draws' difference has twice the variance
        noised = concepts + scale * rms * noise + size.to(place) * confusion
        hidden = self.autoencoder.decoder(noised, batch.prefix)[:, 1:]
        logits = self.autoencoder.decoder.project(hidden)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch.target.flatten())
        parts = {"tokens": loss.detach(), "rms": rms.mean()}
        if self.teacher_head is not None and batch.meaning_BE is not None:
            told = batch.meaning_BE.any(dim=1)
            meaning, known = batch.meaning_BE[told], concepts[told]
            if len(known) > 1:
                angle = 1 - F.cosine_similarity(self.teacher_head(known).float(), meaning, dim=1).mean()
                relation = (_similarities(known) - _similarities(meaning)).square().mean()
                loss = loss + config.teacher_weight * (angle + config.relation_weight * relation)
                parts |= {"angle": angle.detach(), "relation": relation.detach()}
        return loss, parts


def _similarities(x_ND: Tensor) -> Tensor:
    """Return the cosines (N, N) of the centred vectors to each other."""
    centred = F.normalize(x_ND - x_ND.mean(dim=0), dim=1)
    return centred @ centred.T


class SpaceTask:
    """The space as a task for the shared loop."""

    unit = "tok"

    def __init__(self, config: SpaceTrainingConfig, data: SpaceData, dev: SpaceData) -> None:
        self.config = config
        self._data, self._dev = data, dev
        torch.manual_seed(config.loop.seed)
        self._module = SpaceLoss(config)

    @property
    def module(self) -> SpaceLoss:
        """The autoencoder with its loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> SpaceBatch:
        """Return the sentences of one part of `step`."""
        config = self.config
        max_len = config.short_len if step < config.num_short_steps else config.max_len
        number = step * num_parts + part
        return self._data.batch(number, seed=config.loop.seed, max_tokens=config.max_tokens, max_len=max_len)

    def count(self, batch: object) -> int:
        """Return the number of target tokens."""
        assert isinstance(batch, SpaceBatch)
        return batch.target.numel()

    def evaluate(self) -> dict[str, float]:
        """Return loss, token accuracy and exact match under teacher forcing, without noise."""
        total_loss, correct, tokens, exact, sentences = 0.0, 0, 0, 0, 0
        device = self._module.autoencoder.encoder.layer_norm.weight.device
        for step in range(40):
            batch = to_device(self._dev.batch(step, seed=0, max_tokens=4_000, max_len=30), device)
            with autocast(device):
                concepts = self._module.autoencoder.encoder(batch.source)
                hidden = self._module.autoencoder.decoder(concepts, batch.prefix)[:, 1:]
                logits = self._module.autoencoder.decoder.project(hidden).float()
            target = batch.target
            total_loss += F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum").item()
            right = logits.argmax(-1) == target
            correct, tokens = correct + int(right.sum()), tokens + target.numel()
            exact, sentences = exact + int(right.all(dim=1).sum()), sentences + len(target)
        return {"loss": total_loss / tokens, "accuracy": correct / tokens, "exact": exact / sentences}


def train_space(
    corpus_dir: Path,
    run_dir: Path,
    config: SpaceTrainingConfig,
    *,
    init: ModelCard | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    on_taught: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, float]:
    """Train (or continue training) a space on the corpus in `corpus_dir`; state and weights go to `run_dir`.

    With `init` it starts from that space's weights and pieces, and without the stage of short sentences.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    pieces_path = run_dir / "pieces.model"
    if init is not None:
        config = replace(config, num_short_steps=0)
        shutil.copyfile(init.path("pieces.model"), pieces_path)
    if not pieces_path.exists():
        texts = (text for text, _ in iter_space_sentences(corpus_dir, "train", config.langs))
        train_sentencepiece(texts, pieces_path, config.model.num_pieces)
    pieces = Pieces(pieces_path)
    config = replace(config, model=replace(config.model, num_pieces=pieces.num_pieces))
    write_recipe(run_dir, asdict(config) | {"init": init and init.lineage, "data": data_line(corpus_dir)})
    sentences = list(iter_space_sentences(corpus_dir, "train", config.langs))
    meanings = None
    if config.teacher_weight:
        wanted = set(iter_space_sentences(corpus_dir, "train", ("eng_Latn",), kinds=PROSE_KINDS))
        asked = [text if (text, lang) in wanted else "" for text, lang in sentences]
        meanings = teacher_vectors(run_dir / "teacher.npy", asked, on_progress=on_taught)
    data = SpaceData(sentences, pieces, config.model, meanings)
    dev = SpaceData(iter_space_sentences(corpus_dir, "dev", config.langs), pieces, config.model)
    task = SpaceTask(config, data, dev)
    if init is not None:
        load_parameters(task.module.autoencoder, space_tensors(init))
    return train(task, run_dir, config.loop, on_progress=on_progress)
