"""Teaching a space's decoder to say what a writer means, without moving the space.

A writer's concept is a mean over what could be said at its place, not the concept of one sentence, and
a decoder that has only seen real concepts makes broken words of it. Here the decoder learns on both:
real sentences through the frozen encoder, with noise, and the frozen writer's predictions of real
sentences, at the later times of the diffusion. SONAR, too, tunes its decoder with the encoder frozen (arXiv
2308.11466). Encoder and vectors stay as they are, so planners, writers and stored documents of the
space stay valid.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import ModelCard, write_card
from concepts.corpus.embed import load_embedded
from concepts.corpus.records import Kind
from concepts.corpus.split import Split
from concepts.corpus.store import iter_space_sentences
from concepts.diffusion import add_noise
from concepts.release import origin, trained_weights
from concepts.space.data import SpaceBatch, SpaceData
from concepts.space.network import SpaceEncoder
from concepts.space.release import load_encoder
from concepts.space.token_loss import TokenLoss, load_decoder
from concepts.space.tokenizer import Pieces
from concepts.training import LoopConfig, Progress, save_tensors, to_device, train, write_json
from writer.config import WriterTrainingConfig
from writer.data import BlockBatch, BlockData
from writer.generate import Writer
from writer.loss import normalize_context
from writer.model import WriterModel

KINDS: tuple[Kind, ...] = ("howto", "recipe", "lead")
"""Whose sentences are read through the encoder: package descriptions are left out, no document is made of them."""
LANGS = ("eng_Latn",)
SPLITS: tuple[Split, ...] = ("train", "dev")
DECODER_FILE = "decoder.safetensors"


@dataclass(frozen=True, kw_only=True)
class DecoderTrainingConfig:
    """The recipe of a decoder."""

    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=1_800,
            num_warmup_steps=50,
            num_cooldown_steps=600,
            muon_lr=2e-3,
            adam_lr=1e-3,
            ema_decay=0.995,
            evaluate_every=200,
        )
    )
    """Steps and rates."""
    max_tokens: int = 3_072
    """Tokens a batch that come through the encoder."""
    max_len: int = 62
    """Longest sentence, in pieces."""
    max_noise: float = 0.3
    """Largest size of the noise on an encoded concept, relative to its root mean square."""
    blocks: WriterTrainingConfig = field(
        default_factory=lambda: WriterTrainingConfig(block_sizes=(8,), num_slots=160, drop_all=0.0)
    )
    """Which blocks the writer predicts, and what it is shown of their documents."""
    min_time: float = 0.2
    """Times of the writer's predictions are drawn from here to 1 (pure noise)."""


@dataclass(frozen=True)
class DecoderBatch:
    """What one step learns from."""

    sentences: SpaceBatch
    blocks: BlockBatch


class DecoderLoss(nn.Module):
    """A decoder under its loss; the encoder and the writer are frozen and no submodules of it."""

    def __init__(
        self, config: DecoderTrainingConfig, encoder: SpaceEncoder, writer: WriterModel, token_loss: TokenLoss
    ) -> None:
        super().__init__()
        self.config = config
        self.decoder = token_loss.decoder
        self._frozen = (encoder.requires_grad_(False).eval(), writer.requires_grad_(False).eval())
        self._token_loss = token_loss

    def forward(self, batch: DecoderBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the token cross-entropy (nats a token) over both kinds of concepts together."""
        encoded, num_encoded = self.encoded(batch.sentences, generator)
        written, num_written = self.written(batch.blocks, generator)
        total = num_encoded + num_written
        loss = (encoded * num_encoded + written * num_written) / total
        return loss, {"encoded": encoded.detach(), "written": written.detach()}

    def encoded(self, batch: SpaceBatch, generator: torch.Generator | None) -> tuple[Tensor, int]:
        """Return the loss of sentences read by the encoder, with noise where a generator is given."""
        encoder = self._frozen[0].to(batch.pieces_BT.device)
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

    def written(self, batch: BlockBatch, generator: torch.Generator) -> tuple[Tensor, int]:
        """Return the loss of sentences as the writer predicts them from noised ones."""
        model = self._frozen[1].to(batch.target_BKD.device)
        assert isinstance(model, WriterModel)
        with torch.no_grad():
            noise = generator if self.training else None
            context = normalize_context(batch.context, model, self.config.blocks.context_noise, noise)
            target = model.sentence_norm.normalize(batch.target_BKD)
            num = len(target)
            place = (torch.arange(num) + torch.rand(num, generator=generator)) / num
            t = (self.config.min_time + (1 - self.config.min_time) * place).to(target.device)
            drawn = torch.randn(target.shape, generator=generator).to(target.device)
            cache, mask = model.contextualize(context)
            noised = add_noise(target, drawn, t[:, None])
            predicted = model.denoise(noised, t, batch.slots, cache, mask).float()
            is_text = batch.row_BK >= 0
            raw = model.sentence_norm.denormalize(predicted[is_text])
        rows = batch.row_BK[is_text].tolist()
        return self._token_loss(raw, rows), self._token_loss.count(rows)


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
        return DecoderBatch(sentences, self._train[1].draw(number, config.blocks))

    def count(self, batch: object) -> int:
        """Return the number of tokens that came through the encoder, and of slots."""
        assert isinstance(batch, DecoderBatch)
        return batch.sentences.target.numel() + batch.blocks.row_BK.numel()

    def evaluate(self) -> dict[str, float]:
        """Return the loss of real concepts without noise and of the writer's, and their sum."""
        module = self._module
        device = next(module.decoder.parameters()).device
        encoded = written = num_encoded = num_written = 0.0
        with torch.autocast(device.type, torch.bfloat16):
            for number in range(24):
                sentences = self._dev[0].batch(number, seed=0, max_tokens=2_048, max_len=30)
                loss, count = module.encoded(to_device(sentences, device), None)
                encoded, num_encoded = encoded + float(loss) * count, num_encoded + count
            for number in range(6):
                blocks = to_device(self._dev[1].draw(number, self.config.blocks), device)
                loss, count = module.written(blocks, torch.Generator().manual_seed(number))
                written, num_written = written + float(loss) * count, num_written + count
        figures = {"encoded": encoded / num_encoded, "written": written / num_written}
        return {"loss": sum(figures.values())} | figures


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
    write_json(run_dir / "recipe.json", asdict(config) | recipe)
    pieces, decoder = Pieces(space.path("pieces.model")), load_decoder(space)
    corpora = [load_embedded(corpus_dir, space.space_id, split) for split in SPLITS]
    data = [
        (
            SpaceData(iter_space_sentences(corpus_dir, split, LANGS, kinds=KINDS), pieces, decoder.config),
            BlockData(corpus, writer.model.end),
        )
        for split, corpus in zip(SPLITS, corpora, strict=True)
    ]
    token_loss = TokenLoss(space, corpora[0].texts)  # all splits have one list of texts
    token_loss.decoder = decoder
    module = DecoderLoss(config, load_encoder(space), writer.model, token_loss)
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
        if file != DECODER_FILE:
            shutil.copyfile(space.path(file), folder / file)
    own = "decoder."
    tensors = {n.removeprefix(own): t.half() for n, t in load_file(path).items() if n.startswith(own)}
    save_tensors(folder / DECODER_FILE, tensors)
    return write_card(
        folder,
        name=name,
        kind="space",
        version=1,
        file_names=list(space.files),
        config=space.config,
        space=space.space_id,
        data=space.data,
        recipe=f"longhand train decoder --seed {seed}, after {recipe['writer']}{origin(recipe)}",
        steps=int(state["step"]),
        figures=figures,
        licence=space.licence,
    )
