"""Training an encoder's further languages: a text's vector is drawn to the vector of its English.

The encoder that knows English is the teacher and, with new embeddings and low-rank updates, also the student. The loss
is the distance to the English vector and InfoNCE over the texts of a batch, which have about the same length.

Legend: B texts, T tokens, N all texts, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from concepts.codecs.extension import (
    PAD_ID,
    PIECES_FILE,
    EncoderExtension,
    ExtensionConfig,
    ids_of,
)
from concepts.neural.contrast import info_nce
from concepts.space.tokenizer import Pieces, train_sentencepiece
from training.languages.start import start_table
from training.languages.texts import Taught
from training.loop import Progress, train, write_recipe
from training.loop_config import LoopConfig

Vectors = NDArray[np.float16]
_ROUND = 60_000
"""Texts drawn at once, to be sorted by length into batches."""
_NUM_HELD_BATCHES = 24


@dataclass(frozen=True, kw_only=True)
class EncoderTrainingConfig:
    """The recipe of an encoder's further languages."""

    model: ExtensionConfig = field(default_factory=ExtensionConfig)
    """Sizes and languages."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=2_000,
            num_warmup_steps=50,
            num_cooldown_steps=700,
            matrix_lr=1e-3,
            uses_muon=False,
            adam_lr=1e-3,
            weight_decay=0.0,
            ema_decay=0.99,
            evaluate_every=250,
        )
    )
    """Steps and rates."""
    max_tokens: int = 6_144
    """Tokens a batch."""
    max_len: int = 64
    """Longest text, in pieces; longer ones are cut."""
    shares: tuple[tuple[str, float], ...] = (
        ("lexicon", 0.45),
        ("document", 0.15),
        ("description", 0.1),
        ("library", 0.3),
    )
    """Share of each source among the texts that are drawn."""
    contrast_weight: float = 0.3
    """Weight of InfoNCE beside the distance."""
    temperature: float = 0.05
    """Divides the cosines of InfoNCE."""


@dataclass(frozen=True)
class EncoderBatch:
    """Texts of one batch."""

    ids_BT: Tensor
    mask_BT: Tensor
    teacher_BD: Tensor
    """Vectors of their English."""
    row_B: Tensor
    """Number of their English: texts of the same English are no negatives of each other."""


class EncoderLoss(nn.Module):
    """The extension with its loss; the encoder is no submodule and stays frozen."""

    def __init__(self, config: EncoderTrainingConfig, base: Any) -> None:
        super().__init__()
        self.extension = EncoderExtension(config.model, base)
        self.config = config
        self._base = [base]  # in a list: no submodule

    def vectors(self, batch: EncoderBatch) -> Tensor:
        """Return the unit vectors of a batch."""
        found: Tensor = self.extension(self._base[0], batch.ids_BT, batch.mask_BT)
        return found

    def forward(self, batch: EncoderBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its parts."""
        vectors_BD = self.vectors(batch).float()
        distance = 1 - (vectors_BD * batch.teacher_BD).sum(dim=1).mean()
        contrast = self._contrast(vectors_BD, batch)
        loss = distance + self.config.contrast_weight * contrast
        return loss, {"distance": distance.detach(), "contrast": contrast.detach()}

    def _contrast(self, vectors_BD: Tensor, batch: EncoderBatch) -> Tensor:
        own_B = torch.arange(len(vectors_BD), device=vectors_BD.device)
        at = self.config.temperature
        there = info_nce(vectors_BD, own_B, batch.teacher_BD, batch.row_B, at)
        back = info_nce(batch.teacher_BD, own_B, vectors_BD, batch.row_B, at)
        return (there + back) / 2


class EncoderData:
    """Texts as tokens, with the vectors of their English, in batches of like length."""

    def __init__(
        self,
        taught: Sequence[Taught],
        ids: Sequence[Sequence[int]],
        rows: NDArray[np.int64],
        vectors: Vectors,
    ) -> None:
        """`rows`: for each text the row of its English in `vectors`."""
        self._ids = [np.array(row, dtype=np.int32) for row in ids]
        self._lengths = np.array([len(row) for row in ids])
        self._rows, self._vectors = rows, vectors
        self._of_source: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        weights = np.array([one.weight for one in taught])
        for source in {one.source for one in taught}:
            places = np.array([n for n, one in enumerate(taught) if one.source == source])
            self._of_source[source] = places, weights[places] / weights[places].sum()
        self._rounds: dict[int, list[NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def batch(
        self, number: int, *, seed: int, max_tokens: int, shares: Sequence[tuple[str, float]]
    ) -> EncoderBatch:
        """Return batch `number`: a pure function of the arguments."""
        turn = 0
        while True:
            batches = self._round(turn, seed, max_tokens, shares)
            if number < len(batches):
                return self._of(batches[number])
            number -= len(batches)
            turn += 1

    def _round(
        self, turn: int, seed: int, max_tokens: int, shares: Sequence[tuple[str, float]]
    ) -> list[NDArray[np.int64]]:
        if turn not in self._rounds:
            generator = np.random.default_rng((seed, turn))
            here = [(name, share) for name, share in shares if name in self._of_source]
            total = sum(share for _, share in here)
            drawn = np.concatenate(
                [
                    generator.choice(places, int(_ROUND * share / total), p=chances)
                    for (places, chances), share in ((self._of_source[name], share) for name, share in here)
                ]
            )
            noise = generator.random(len(drawn))
            drawn = drawn[np.argsort(self._lengths[drawn] + noise)]
            batches: list[NDArray[np.int64]] = []
            first = 0
            while first < len(drawn):
                last = first + 1
                while last < len(drawn) and self._lengths[drawn[last]] * (last + 1 - first) <= max_tokens:
                    last += 1
                batches.append(drawn[first:last])
                first = last
            generator.shuffle(batches)
            self._rounds[turn] = batches
        return self._rounds[turn]

    def _of(self, chosen: NDArray[np.int64]) -> EncoderBatch:
        ids_BT = np.full((len(chosen), int(self._lengths[chosen].max())), PAD_ID, dtype=np.int64)
        for row, number in enumerate(chosen):
            ids_BT[row, : self._lengths[number]] = self._ids[number]
        ids = torch.from_numpy(ids_BT)
        rows = self._rows[chosen]
        return EncoderBatch(
            ids, ids != PAD_ID, torch.from_numpy(self._vectors[rows]).float(), torch.from_numpy(rows)
        )


class EncoderTask:
    """The extension as a task for the shared loop."""

    unit = "tok"

    def __init__(
        self, config: EncoderTrainingConfig, base: Any, data: EncoderData, held: EncoderData
    ) -> None:
        self._config, self._data, self._held = config, data, held
        torch.manual_seed(config.loop.seed)
        self._module = EncoderLoss(config, base)

    @property
    def module(self) -> EncoderLoss:
        """The extension with its loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> EncoderBatch:
        """Return the texts of one part of `step`."""
        config = self._config
        return self._data.batch(
            step * num_parts + part,
            seed=config.loop.seed,
            max_tokens=config.max_tokens,
            shares=config.shares,
        )

    def count(self, batch: object) -> int:
        """Return the number of tokens."""
        assert isinstance(batch, EncoderBatch)
        return batch.ids_BT.numel()

    def evaluate(self) -> dict[str, float]:
        """Return the mean loss on held-out texts, the cosine to their English, and for how many it is the nearest."""
        module, cosines, found, losses = self._module, [], [], []
        for number in range(_NUM_HELD_BATCHES):
            batch = self._held.batch(number, seed=0, max_tokens=2_048, shares=(("library", 1.0),))
            loss, _ = module(batch, torch.Generator())
            losses.append(float(loss))
            scores = module.vectors(batch).float() @ batch.teacher_BD.T
            cosines += scores.diagonal().tolist()
            found += (batch.row_B[scores.argmax(dim=1)] == batch.row_B).tolist()
        return {
            "loss": float(np.mean(losses)),
            "cosine": float(np.mean(cosines)),
            "found": float(np.mean(found)),
        }


def prepare(
    taught: Sequence[Taught],
    held: Sequence[Taught],
    run_dir: Path,
    config: EncoderTrainingConfig,
    base: Any,
    english_ids: Callable[[Sequence[str]], list[list[int]]],
    encode: Callable[[Sequence[str]], Tensor],
    shared_pieces: Callable[[str], int | None],
    ends: tuple[int, int],
) -> EncoderTask:
    """Return the task of a run, with its vocabulary, initial embeddings and teacher vectors in `run_dir`.

    `english_ids`: the English tokens of texts; `encode`: their vectors; `shared_pieces`: the English token of the same
    spelling as a piece; `ends`: the English tokens in front of and behind a text.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    pieces_path = run_dir / PIECES_FILE
    if not pieces_path.exists():
        train_sentencepiece((one.text.casefold() for one in taught), pieces_path, config.model.num_pieces)
    pieces = Pieces(pieces_path)
    sizes = replace(config.model, num_pieces=pieces.num_pieces)
    config = replace(config, model=sizes)
    write_recipe(run_dir, asdict(config))
    cut = replace(sizes, max_seq_len=config.max_len)
    english = list(dict.fromkeys(one.english for one in (*taught, *held)))
    row_of = {text: row for row, text in enumerate(english)}
    vectors = _teacher_vectors(run_dir / "english.npz", english, encode)
    parts = [
        EncoderData(
            part,
            ids_of([one.text for one in part], pieces, cut),
            np.array([row_of[one.english] for one in part]),
            vectors,
        )
        for part in (taught, held)
    ]
    task = EncoderTask(config, base, *parts)
    if not (run_dir / "checkpoint").exists():
        words = [one for one in taught if one.source == "lexicon"]
        own = pieces.encode([one.text.casefold() for one in words])
        others = english_ids([one.english for one in words])
        shared = [
            (number, token)
            for number, piece in enumerate(pieces.texts)
            if (token := shared_pieces(piece)) is not None
        ]
        shared += [(sizes.first_id, ends[0]), (sizes.first_id + 1, ends[1])]
        table = start_table(
            base.embeddings.word_embeddings.weight.detach().float(),
            list(zip(own, others, strict=True)),
            shared,
            sizes.num_tokens,
            generator=torch.Generator().manual_seed(config.loop.seed),
        )
        with torch.no_grad():
            task.module.extension.embed.weight.copy_(table)
    return task


def _teacher_vectors(
    path: Path, english: Sequence[str], encode: Callable[[Sequence[str]], Tensor]
) -> Vectors:
    """Return the vectors (N, D) of English texts; those in `path` are not computed again."""
    known: dict[str, NDArray[np.float16]] = {}
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            known = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
    new = [text for text in english if text not in known]
    for first in range(0, len(new), 8_192):
        some = new[first : first + 8_192]
        known.update(zip(some, encode(some).half().numpy(), strict=True))
    vectors = np.stack([known[text] for text in english])
    if new:
        np.savez(path, texts=np.array(english), vectors=vectors)
    return vectors


def train_encoder(
    task: EncoderTask, run_dir: Path, *, on_progress: Callable[[Progress], None] = lambda _: None
) -> dict[str, float]:
    """Train until the last step; return the figures of the best evaluation."""
    return train(task, run_dir, task._config.loop, on_progress=on_progress)
