"""Teaching a space's decoder to say what a writer means at its place in a document, without moving the space.

A writer's concept is a mean over what could be said at its place, not the concept of one sentence, and
a decoder that has only seen real concepts makes broken words of it. Here the decoder learns on both:
real sentences through the frozen encoder, with noise, and the writer's predictions of real sentences, at
the later times of the diffusion, each with its context (concepts/context.py). SONAR, too, tunes its decoder with
the encoder frozen (arXiv 2308.11466). Encoder and vectors stay as they are, so planners, writers and stored
documents of the space stay valid.

With `trains_writer` the writer learns on, too: its clean sentences in normalized space, and what the decoder
makes of them (SONAR-LLM, arXiv 2508.05305, with a decoder that moves as well).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import CONTEXT_FILE, ModelCard, write_card
from concepts.context import ContextEmbedding, load_context
from concepts.corpus.embed import load_embedded
from concepts.corpus.records import PROSE_KINDS
from concepts.corpus.split import Split
from concepts.corpus.store import iter_space_sentences
from concepts.precision import autocast
from concepts.quantize import quantize
from concepts.release import origin, release_model, save_fitted, tensors_of, trained_weights
from concepts.space.data import SpaceBatch, SpaceData
from concepts.space.network import SpaceEncoder
from concepts.space.release import CARDS_FILE, load_encoder, renamed_cards
from concepts.space.token_loss import TokenLoss, load_decoder
from concepts.space.tokenizer import Pieces
from concepts.training import (
    LoopConfig,
    Progress,
    save_tensors,
    to_device,
    train,
    write_json,
    write_recipe,
)
from writer.config import WriterTrainingConfig
from writer.data import BlockBatch, BlockData, predicted_surroundings
from writer.generate import Writer
from writer.loss import predict
from writer.model import WriterModel

LANGS = ("eng_Latn",)
SPLITS: tuple[Split, ...] = ("train", "dev")
DECODER_FILE = "decoder.safetensors"
WRITER_RECIPE = "writer.json"
"""What the card of a writer that learnt along needs, in the run's folder."""


@dataclass(frozen=True, kw_only=True)
class DecoderTrainingConfig:
    """The recipe of a decoder."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=1_600,
            num_warmup_steps=50,
            num_cooldown_steps=533,
            matrix_lr=5e-4,
            uses_muon=False,
            adam_lr=5e-4,
            ema_decay=0.995,
            evaluate_every=200,
        )
    )
    """Steps and rates."""
    max_tokens: int = 1_536
    """Tokens a batch that come through the encoder."""
    max_len: int = 62
    """Longest sentence, in pieces."""
    max_short_tokens: int = 768
    """Tokens a batch that come through the encoder from titles, headings and other short texts."""
    short_len: int = 8
    """Longest of these, in pieces. Among whole sentences alone a decoder forgets that a text may be one word."""
    max_noise: float = 0.3
    """Largest size of the noise on an encoded concept, relative to its root mean square."""
    blocks: WriterTrainingConfig = field(
        default_factory=lambda: WriterTrainingConfig(block_sizes=(8,), num_slots=320)
    )
    """Which blocks the writer predicts, and what it is shown of their documents."""
    min_time: float = 0.25
    """Times of the writer's predictions are drawn from here to 1 (pure noise)."""
    token_share: float = 0.6
    """Share of the writer's sentences that are decoded."""
    context_noise: float = 0.3
    """Largest relative noise on what stands around a sentence."""
    drop_context: float = 0.12
    """Share of each kind of context that is left out."""
    trains_writer: bool = False
    """Whether the writer learns on as well."""
    mse_weight: float = 3.0
    """Weight of the writer's own error beside the nats a token, where it learns on."""


@dataclass(frozen=True)
class DecoderBatch:
    """What one step learns from."""

    sentences: SpaceBatch
    short: SpaceBatch
    blocks: BlockBatch


class DecoderLoss(nn.Module):
    """A decoder under its loss, with the writer where that learns on; what is frozen is no submodule of it."""

    def __init__(
        self,
        config: DecoderTrainingConfig,
        encoder: SpaceEncoder,
        writer: WriterModel,
        token_loss: TokenLoss,
        embedding: ContextEmbedding,
    ) -> None:
        super().__init__()
        self.config = config
        self.decoder = token_loss.decoder
        self.context = embedding
        self._encoder = (encoder.requires_grad_(False).eval(),)  # in a tuple: no submodule
        self._writer = (writer.requires_grad_(config.trains_writer),)
        if config.trains_writer:
            self.writer = writer
        else:
            writer.eval()
        self._token_loss = token_loss

    def forward(self, batch: DecoderBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the token cross-entropy (nats a token) over both kinds of concepts together.

        Where the writer learns on, its error in normalized space is added.
        """
        encoded, num_encoded = self.encoded(batch.sentences, generator)
        short, num_short = self.encoded(batch.short, generator)
        written, num_written, mse = self.written(batch.blocks, generator)
        total = num_encoded + num_short + num_written
        loss = (encoded * num_encoded + short * num_short + written * num_written) / total
        parts = {"encoded": encoded, "short": short, "written": written, "mse": mse}
        if self.config.trains_writer:
            loss = loss + self.config.mse_weight * mse
        return loss, {name: value.detach() for name, value in parts.items()}

    def encoded(self, batch: SpaceBatch, generator: torch.Generator | None) -> tuple[Tensor, int]:
        """Return the loss of sentences read by the encoder, with noise where a generator is given."""
        encoder = self._encoder[0].to(batch.pieces_BT.device)
        with torch.no_grad():
            concepts = encoder(batch.source).float()
            if generator is not None:
                rms = concepts.square().mean(dim=1, keepdim=True).sqrt()
                scale = torch.rand(len(concepts), 1, generator=generator) * self.config.max_noise
                noise = torch.randn(concepts.shape, generator=generator)
                concepts = concepts + rms * (scale * noise).to(concepts.device)
        logits = self.decoder.project(self.decoder(concepts, batch.prefix)[:, 1:])
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch.target.flatten())
        return loss, batch.target.numel()

    def written(
        self, batch: BlockBatch, generator: torch.Generator, *, with_context: bool = True
    ) -> tuple[Tensor, int, Tensor]:
        """Return the loss of sentences as the writer predicts them from noised ones, their tokens, its error."""
        config = self.config
        model = self._writer[0].to(batch.target_BKD.device)
        with torch.set_grad_enabled(config.trains_writer and torch.is_grad_enabled()):
            noise = config.blocks.context_noise if self.training else None
            predicted, mse = predict(model, batch, generator, min_time=config.min_time, context_noise=noise)
            raw_BKD = model.sentence_norm.denormalize(predicted)
        is_text = batch.row_BK >= 0
        if self.training:
            lucky = torch.rand(is_text.shape, generator=generator) < config.token_share
            is_text = is_text & lucky.to(is_text.device)
        rows = batch.row_BK[is_text].tolist()
        memory = raw_BKD[is_text]
        if with_context:
            memory = self.context(memory, self._around(batch, raw_BKD.detach(), generator)[is_text])
        return self._token_loss(memory, rows), self._token_loss.count(rows), mse

    def _around(self, batch: BlockBatch, raw_BKD: Tensor, generator: torch.Generator) -> Tensor:
        """Return what stands around each slot (B, K, C, D): noised, some of it left out, the next as predicted."""
        around = predicted_surroundings(batch, raw_BKD)
        if not self.training:
            return around
        shape = around.shape
        is_there = (around != 0).any(dim=-1, keepdim=True)
        is_there &= (
            torch.rand(*shape[:3], 1, generator=generator).to(around.device) >= self.config.drop_context
        )
        scale = torch.rand(*shape[:3], 1, generator=generator).to(around.device) * self.config.context_noise
        rms = around.square().mean(dim=-1, keepdim=True).sqrt()
        drawn = torch.randn(shape, generator=generator).to(around.device)
        return (around + scale * rms * drawn) * is_there


class DecoderTask:
    """The decoder as the shared loop sees it."""

    unit = "tok"

    def __init__(
        self,
        config: DecoderTrainingConfig,
        module: DecoderLoss,
        train_data: tuple[SpaceData, BlockData],
        dev_data: tuple[SpaceData, BlockData],
    ) -> None:
        self.config, self._module = config, module
        self._train, self._dev = train_data, dev_data

    @property
    def module(self) -> DecoderLoss:
        """The decoder under its loss."""
        return self._module

    def batch(self, step: int, rank: int, world_size: int) -> DecoderBatch:
        """Return what one process learns from at `step`."""
        config, number = self.config, step * world_size + rank
        sentences = self._train[0].batch(
            number, seed=config.loop.seed, max_tokens=config.max_tokens, max_len=config.max_len
        )
        short = self._train[0].batch(
            number,
            seed=config.loop.seed,
            max_tokens=config.max_short_tokens,
            max_len=max(config.short_len, self._train[0].shortest),
        )
        return DecoderBatch(
            sentences, short, self._train[1].draw(number, config.blocks, with_surroundings=True)
        )

    def count(self, batch: object) -> int:
        """Return the number of tokens that came through the encoder, and of slots."""
        assert isinstance(batch, DecoderBatch)
        encoded = batch.sentences.target.numel() + batch.short.target.numel()
        return encoded + batch.blocks.row_BK.numel()

    def evaluate(self) -> dict[str, float]:
        """Return the loss of real concepts without noise, of short ones, of the writer's, of these without context.

        "loss", which decides what is best, is the sum of the first three, plus the writer's error where it learns.
        """
        module = self._module
        device = next(module.decoder.parameters()).device
        sums: dict[str, float] = {}
        counts: dict[str, float] = {}

        def add(name: str, value: Tensor, count: float) -> None:
            sums[name] = sums.get(name, 0.0) + float(value) * count
            counts[name] = counts.get(name, 0.0) + count

        with autocast(device):
            for number in range(16):
                sentences = self._dev[0].batch(number, seed=0, max_tokens=2_048, max_len=30)
                add("encoded", *module.encoded(to_device(sentences, device), None))
                short_len = max(self.config.short_len, self._dev[0].shortest)
                short = self._dev[0].batch(number, seed=0, max_tokens=512, max_len=short_len)
                add("short", *module.encoded(to_device(short, device), None))
            for number in range(4):
                blocks = self._dev[1].draw(number, self.config.blocks, with_surroundings=True)
                for name, with_context in (("written", True), ("without", False)):
                    nats, count, mse = module.written(
                        to_device(blocks, device),
                        torch.Generator().manual_seed(number),
                        with_context=with_context,
                    )
                    add(name, nats, count)
                add("mse", mse, 1)
        figures = {name: total / counts[name] for name, total in sums.items()}
        loss = figures["encoded"] + figures["short"] + figures["written"]
        if self.config.trains_writer:
            loss += self.config.mse_weight * figures["mse"]
        return {"loss": loss} | figures


def train_decoder(
    corpus_dir: Path,
    space: ModelCard,
    writer: Writer,
    run_dir: Path,
    config: DecoderTrainingConfig,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, float]:
    """Train (or go on training) the decoder of `space` on its sentences and on what `writer` predicts.

    `space` is one that `longhand train space` made, `writer` one of it; the corpus must be embedded in it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    recipe = {"writer": writer.card.lineage, "init": space.lineage}
    write_recipe(run_dir, asdict(config) | recipe)
    if config.trains_writer:
        own = {"model": asdict(writer.model.config), "space": space.space_id, "init": writer.card.lineage}
        write_json(run_dir / WRITER_RECIPE, own)
        save_fitted(run_dir, "writer", writer.model)
    pieces, decoder = Pieces(space.path("pieces.model")), load_decoder(space)
    corpora = [load_embedded(corpus_dir, space.space_id, split) for split in SPLITS]
    data = [
        (
            SpaceData(
                iter_space_sentences(corpus_dir, split, LANGS, kinds=PROSE_KINDS), pieces, decoder.config
            ),
            BlockData(corpus, writer.model.end),
        )
        for split, corpus in zip(SPLITS, corpora, strict=True)
    ]
    token_loss = TokenLoss(space, corpora[0].texts)  # all splits have one list of texts
    token_loss.decoder = decoder
    embedding = ContextEmbedding(decoder.config.model_dim)
    load_context(space, decoder, embedding)
    module = DecoderLoss(config, load_encoder(space), writer.model, token_loss, embedding)
    task = DecoderTask(config, module, data[0], data[1])
    return train(task, run_dir, config.loop, on_progress=on_progress)


def release_decoder(
    run_dir: Path, folder: Path, space: ModelCard, *, name: str, seed: int, figures: dict[str, float]
) -> ModelCard:
    """Write `space` with the decoder of a training run to `folder`; all its other files stay as they are.

    Raises ModelError when the run has no weights yet.
    """
    path = trained_weights(run_dir, "decoder")
    recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
    state = json.loads((run_dir / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for file in space.files:
        if file not in (DECODER_FILE, CONTEXT_FILE):
            shutil.copyfile(space.path(file), folder / file)
    (folder / CARDS_FILE).write_text(renamed_cards(space, name), encoding="utf-8")
    save_tensors(folder / DECODER_FILE, quantize(tensors_of(path, "decoder")))
    embedding = tensors_of(path, "context")["context_embed"]
    save_tensors(folder / CONTEXT_FILE, {"context_embed": embedding.half()})
    return write_card(
        folder,
        name=name,
        kind="space",
        version=1,
        file_names=sorted({*space.files, CONTEXT_FILE}),
        config=space.config,
        space=space.space_id,
        data=space.data,
        recipe=f"{_command(recipe)} --seed {seed}, after {recipe['writer']}{origin(recipe)}",
        steps=int(state["step"]),
        figures=figures,
        licence=space.licence,
    )


def release_writer(
    run_dir: Path,
    folder: Path,
    *,
    name: str,
    seed: int,
    figures: dict[str, float],
    files: Mapping[str, dict[str, Tensor]],
) -> ModelCard:
    """Write the writer that learnt along, and further `files` of tensors, to `folder`."""
    return release_model(
        run_dir,
        folder,
        root="writer",
        name=name,
        kind="writer",
        recipe_line=f"longhand train decoder --with-writer --seed {seed}",
        figures=figures,
        recipe_file=WRITER_RECIPE,
        files=files,
    )


def _command(recipe: dict[str, object]) -> str:
    return f"longhand train decoder{' --with-writer' if recipe['trains_writer'] else ''}"
