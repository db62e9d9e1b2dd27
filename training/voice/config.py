"""The recipe of a voice's adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.loop_config import LoopConfig
from writer.voice.config import AdapterConfig


@dataclass(frozen=True, kw_only=True)
class VoiceTrainingConfig:
    """The recipe of an adapter."""

    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=600,
            num_warmup_steps=20,
            num_cooldown_steps=300,
            matrix_lr=1e-3,
            uses_muon=False,
            adam_lr=1e-3,
            weight_decay=0.0,
            ema_decay=0.98,
            checkpoint_every_s=240.0,
            evaluate_every=300,
        )
    )
    """Steps and rates."""
    tokens_per_batch: int = 1_000
    """Most tokens per batch, padding included."""
    max_tokens: int = 1_000
    """Most tokens of a sequence; sections of a document with the same contents share one."""
    word_epochs: float = 5.0
    """Epochs over single sentences that train the word map, before training on whole texts."""
    word_noise: float = 0.8
    """Largest noise on a concept while the word map is trained, as a share of its length."""
    hidden_share: float = 0.5
    """Share of the sections whose concepts are hidden, so that the voice learns to write from notes and plan alone."""
    max_noise: float = 1.5
    """Largest noise on a concept, as a share of its length; each section draws its own size. Draws of planner and
    writer are off by more than 1."""
    drawn_share: float = 0.6
    """Share of the sections whose true concepts are replaced by the draws of planner and writer, if there are any."""
    drawn_noise: float = 0.3
    """Largest noise on drawn concepts, since planner and writer draw worse ones for new documents."""
