"""Training a voice's adapter on a frozen base model. Needs torch and transformers, but no space and no corpus."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.errors import ModelError
from concepts.models.card import ModelCard, write_card
from concepts.models.quantize import quantize
from concepts.models.tensors import save_tensors
from concepts.neural.precision import autocast
from concepts.neural.processes import on_main
from training.loop import Progress, to_device, train, write_recipe
from training.release import LICENCE, origin, tensors_of, trained_weights
from training.voice.config import VoiceTrainingConfig
from training.voice.data import NO_CONCEPT, PackedTexts, VoiceBatch, draw, make_batch
from training.voice.words import learn_words
from writer.voice.adapter import VoiceAdapter
from writer.voice.config import ADAPTER_FILE

DEV_NOISE = (0.0, 0.5, 0.9, None)
"""Noise on the concepts in an evaluation, as a share of their length; None hides them."""
START_FILE = "start.safetensors"
"""Initial tensors of a run."""
WORDS_BATCH = 512
"""Sentences per step while the word map is trained."""
MOST_FOR_MAPS = 6_000
"""Most sentences in the regression that initialises the linear maps."""
OUTWARD_START = 2.0
"""Initial scale of the map after the last layer, relative to the word embeddings."""


class VoiceLoss(nn.Module):
    """An adapter with its loss; the frozen base is no submodule of it."""

    def __init__(self, adapter: VoiceAdapter, base: Any, config: VoiceTrainingConfig) -> None:
        super().__init__()
        self.adapter, self.config = adapter, config
        self._base = [base]  # in a list, so that torch does not register it as a submodule

    def forward(self, batch: VoiceBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return nats per target token; in training mode concepts are noised and some are hidden."""
        concepts = batch.concepts_BSD
        if self.training:
            concepts = blur(concepts, batch.is_drawn_BS, self.config, generator)
        loss, num = self.nats(batch, concepts)
        return loss, {"tokens": torch.tensor(float(num))}

    def nats(self, batch: VoiceBatch, concepts_BSD: Tensor) -> tuple[Tensor, int]:
        """Return the mean nats per target token, and the number of target tokens."""
        base = self._base[0]
        hidden = torch.finfo(concepts_BSD.dtype).min
        mask = torch.zeros_like(batch.mask_B1SS, dtype=concepts_BSD.dtype).masked_fill(
            ~batch.mask_B1SS, hidden
        )
        states = self.adapter.states(
            base,
            batch.ids_BS,
            concepts_BSD,
            attention_mask=mask,
            position_ids=batch.places_BS,
            use_cache=False,
        )
        said = batch.targets_BS >= 0
        logits = self.adapter.logits(base, states[said], concepts_BSD[said], batch.said_BSL[said])
        return F.cross_entropy(logits, batch.targets_BS[said]), int(said.sum())


def blur(
    concepts_BSD: Tensor, is_drawn_BS: Tensor, config: VoiceTrainingConfig, generator: torch.Generator
) -> Tensor:
    """Return noised concepts, with a random size of the noise per sequence; some sequences lose their concepts."""
    num = len(concepts_BSD)
    device = concepts_BSD.device
    largest = torch.where(is_drawn_BS, config.drawn_noise, config.max_noise).unsqueeze(-1)
    size = largest * torch.rand(num, 1, 1, generator=generator).to(device)
    keep = (torch.rand(num, 1, 1, generator=generator) >= config.hidden_share).to(device)
    return keep * _mixed(concepts_BSD, size, generator)


def _mixed(concepts_BSD: Tensor, size: Tensor | float, generator: torch.Generator) -> Tensor:
    """Return concepts with noise of a size, rescaled to their length; all tokens of a sentence get the same noise."""
    dim = concepts_BSD.shape[-1]
    _, owner = torch.unique(concepts_BSD.reshape(-1, dim), dim=0, return_inverse=True)
    noise = torch.randn(int(owner.max()) + 1, dim, generator=generator).to(concepts_BSD.device)
    length = concepts_BSD.norm(dim=-1, keepdim=True)
    mixed = concepts_BSD + size * noise[owner].view_as(concepts_BSD) * dim**-0.5 * length
    scaled: Tensor = mixed * length / mixed.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    return scaled


class VoiceTask:
    """An adapter as a task for the shared loop."""

    unit = "tok"

    def __init__(
        self,
        config: VoiceTrainingConfig,
        packed: PackedTexts,
        dev: PackedTexts,
        base: Any,
        start: Mapping[str, Tensor],
        plain: PackedTexts | None = None,
    ) -> None:
        """`start`: the adapter's initial tensors, from `first_tensors`; `plain`: the dev texts without notes."""
        self.config, self._packed, self._dev, self._base = config, packed, dev, base
        self._plain = plain
        torch.manual_seed(config.loop.seed)
        adapter = VoiceAdapter(config.adapter, base)
        adapter.load_state_dict(dict(start))
        self._vectors, self._drawn = _concepts(packed)
        self._dev_drawn = _concepts(dev)[1]
        base.requires_grad_(False)
        adapter.attach(base)
        self._module = VoiceLoss(adapter, base, config)

    @property
    def module(self) -> VoiceLoss:
        """The adapter with its loss."""
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> VoiceBatch:
        """Return the sections of one part of `step`."""
        rng = np.random.default_rng((self.config.loop.seed, step * num_parts + part))
        chosen = draw(self._packed, rng, self.config.tokens_per_batch)
        shows_drawn = rng.random(len(chosen)) < self.config.drawn_share
        return make_batch(self._packed, chosen, self._vectors, self._drawn, shows_drawn.tolist())

    def count(self, batch: object) -> int:
        """Return the number of target tokens."""
        assert isinstance(batch, VoiceBatch)
        return int((batch.targets_BS >= 0).sum())

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return nats per token on the dev texts with true, noised, hidden and drawn concepts; `loss` is their mean.

        Drawn concepts are evaluated only if there are any; missing ones are then hidden. `plain` is the figure without
        concepts and notes.
        """
        figures = {
            "none" if noise is None else f"noise_{noise}": self._dev_nats(noise) for noise in DEV_NOISE
        }
        if self._dev_drawn is not None:
            figures["drawn"] = self._dev_nats(0.0, drawn=self._dev_drawn)
        loss = sum(figures.values()) / len(figures)
        if self._plain is not None:
            figures["plain"] = self._dev_nats(None, self._plain)
        return {"loss": loss, **figures}

    def _dev_nats(
        self, noise: float | None, dev: PackedTexts | None = None, *, drawn: Tensor | None = None
    ) -> float:
        dev = self._dev if dev is None else dev
        vectors = torch.from_numpy(dev.vectors).float()
        device = self._module.adapter.outward.weight.device
        order = np.argsort(np.diff(dev.starts), kind="stable").tolist()
        total, num = 0.0, 0
        for start in range(0, len(order), 4):
            chosen = order[start : start + 4]
            batch = make_batch(dev, chosen, vectors, drawn, [True] * len(chosen))
            concepts = noised(batch.concepts_BSD, noise, start)
            if drawn is not None:
                concepts = concepts * batch.is_drawn_BS.unsqueeze(-1)
            with autocast(device):
                nats, said = self._module.nats(to_device(batch, device), concepts.to(device))
            total, num = total + float(nats) * said, num + said
        return total / max(1, num)


def _concepts(packed: PackedTexts) -> tuple[Tensor, Tensor | None]:
    """Return the true concepts and, if there are any, the drawn ones (R, D), float32."""
    drawn = torch.from_numpy(packed.drawn).float()
    return torch.from_numpy(packed.vectors).float(), drawn if drawn.any() else None


def noised(concepts_BSD: Tensor, size: float | None, seed: int) -> Tensor:
    """Return concepts with noise of one size, the same noise for all tokens of a sentence; None hides the concepts."""
    if size is None:
        return torch.zeros_like(concepts_BSD)
    if size == 0.0:
        return concepts_BSD
    return _mixed(concepts_BSD, size, torch.Generator().manual_seed(seed))


def train_voice(
    packed: PackedTexts,
    dev: PackedTexts,
    base: Any,
    run_dir: Path,
    config: VoiceTrainingConfig,
    *,
    recipe: dict[str, object],
    init: Mapping[str, Tensor] | None = None,
    plain: PackedTexts | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, float]:
    """Train (or continue training) an adapter for `base`, which is on the training device (`concepts.neural.devices`).

    It starts from random weights or another adapter's tensors `init`. The word map is trained on single sentences
    first, then everything on whole texts. `recipe` is stored for the release's card; `plain` are the dev texts without
    notes, for a further figure.
    """
    described = asdict(config) | {"model": asdict(config.adapter)} | recipe
    path = run_dir / START_FILE

    def begin() -> None:
        write_recipe(run_dir, described)
        if not path.exists():
            save_tensors(path, first_tensors(packed, base, config, init or {}, on_progress))

    on_main(begin)
    task = VoiceTask(config, packed, dev, base, load_file(path), plain)
    return train(task, run_dir, config.loop, on_progress=on_progress)


def first_tensors(
    packed: PackedTexts,
    base: Any,
    config: VoiceTrainingConfig,
    init: Mapping[str, Tensor],
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Tensor]:
    """Return an adapter's initial tensors: `init`, and for missing ones the results of training on single sentences."""
    torch.manual_seed(config.loop.seed)
    adapter = VoiceAdapter(config.adapter, base)
    embed_VM = base.get_input_embeddings().weight.detach()
    bags, concepts_ND = _bags(packed, torch.from_numpy(packed.vectors).float())
    adapter.start_from_words(embed_VM.cpu(), bags[:MOST_FOR_MAPS], concepts_ND[:MOST_FOR_MAPS], OUTWARD_START)
    try:
        missing, unknown = adapter.load_state_dict(dict(init), strict=False)
    except RuntimeError as error:
        raise ModelError(
            f"the adapter to start from has other sizes ({str(error).splitlines()[-1].strip()}); take another --init"
        ) from error
    if unknown:
        raise ModelError(
            f"the adapter to start from has {unknown[0]}, which this one has not; take another --init"
        )
    if any(name.startswith("words.") for name in missing):
        started = time.monotonic()

        def show(step: int, num_steps: int, loss: float) -> None:
            if step % 50 == 0 or step == num_steps:
                per_s = step * WORDS_BATCH / (time.monotonic() - started)
                on_progress(Progress(step, num_steps, loss, per_s, "sentences"))

        learn_words(
            adapter.words,
            embed_VM,
            bags,
            concepts_ND,
            num_epochs=config.word_epochs,
            max_noise=config.word_noise,
            batch=WORDS_BATCH,
            seed=config.loop.seed,
            on_progress=show,
        )
    return {name: value.detach().cpu().clone() for name, value in adapter.state_dict().items()}


def release_voice(
    run_dir: Path, folder: Path, *, name: str, figures: dict[str, float], newest: bool
) -> ModelCard:
    """Write the adapter of a training run to `folder` with its card: the averaged weights, matrices in eight bits.

    Raises ModelError if the run has none yet.
    """
    path = trained_weights(run_dir, "voice", newest=newest)
    recipe = json.loads((run_dir / "recipe.json").read_text(encoding="utf-8"))
    state = json.loads((run_dir / "checkpoint" / "state.json").read_text(encoding="utf-8"))
    drawn = "".join(f", with draws of {name}" for name in recipe.get("drawn_by", ()))
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / ADAPTER_FILE, quantize(tensors_of(path, "adapter")))
    return write_card(
        folder,
        name=name,
        kind="voice",
        version=1,
        file_names=[ADAPTER_FILE],
        config={**recipe["model"], "base": recipe["base"]},
        space=recipe["space"],
        data=recipe["data"],
        recipe=f"longhand train voice on {recipe['base']}{drawn}{origin(recipe)}",
        steps=int(state["step"]),
        figures=figures,
        licence=LICENCE,
    )


def _bags(packed: PackedTexts, vectors: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the distinct token ids of each sentence, and the concepts of these sentences."""
    said = packed.rows != NO_CONCEPT
    pairs = np.unique(np.stack([packed.rows[said], packed.tokens[said]], axis=1), axis=0)
    rows, starts = np.unique(pairs[:, 0], return_index=True)
    tokens = torch.from_numpy(pairs[:, 1].astype(np.int64))
    return list(tokens.tensor_split(starts[1:].tolist())), vectors[torch.from_numpy(rows.astype(np.int64))]
