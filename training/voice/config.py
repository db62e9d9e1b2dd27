"""The recipe of a voice's adapter."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.loop import LoopConfig
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
    """Tokens a batch, padding included, at most."""
    max_tokens: int = 1_000
    """Longest sequence: sections of a document that read the same contents share one."""
    word_epochs: float = 5.0
    """How often each sentence is seen while the words of concepts are learnt, before whole texts are read."""
    word_noise: float = 0.8
    """Largest noise on a concept then, as a share of its length."""
    hidden_share: float = 0.5
    """Share of the sections whose concepts are hidden, so that the voice can speak without, from notes and plan."""
    max_noise: float = 1.5
    """Largest noise on a concept, as a share of its length; each section draws its own size. What planner and writer
    draw is further from what is said than a share of 1."""
    drawn_share: float = 0.6
    """Share of the sections that show what planner and writer draw instead of the true concepts, where they drew."""
    drawn_noise: float = 0.3
    """Largest noise on what was drawn: for documents that they have not learnt from they draw worse."""
