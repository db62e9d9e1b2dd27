"""The recipe of the concept diffusion writer."""

from __future__ import annotations

from dataclasses import dataclass, field

from concepts.errors import ModelError
from training.corpus.shares import KindShares
from training.loop_config import LoopConfig
from writer.config import WriterConfig


@dataclass(frozen=True, kw_only=True)
class WriterTrainingConfig:
    """The recipe of a writer."""

    model: WriterConfig = field(default_factory=WriterConfig)
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=1_850,
            num_cooldown_steps=750,
            matrix_lr=2e-3,
            adam_lr=1e-3,
            ema_decay=0.995,
            evaluate_every=200,
        )
    )
    """Steps and rates."""
    block_sizes: tuple[int, ...] = (1, 4, 8, 8)
    """Block sizes k to draw from, one for each batch."""
    num_slots: int = 768
    """Slots a batch, at most."""
    max_rows: int = 96
    """Blocks a batch, at most."""
    drop_previous: float = 0.3
    """Share of the blocks that see no earlier sentences."""
    drop_plan: float = 0.1
    """Share of the blocks that see no other plan items."""
    drop_gist: float = 0.15
    """Share of the blocks that see the current item without its gist."""
    drop_all: float = 0.12
    """Share of the blocks that see nothing, for classifier-free guidance."""
    goal_share: float = 0.2
    """Share of the blocks that are told the goal (the last section's gist)."""
    context_noise: float = 0.3
    """Largest relative noise on a block's context, since plans and earlier sentences come from models."""
    shares: KindShares = field(default_factory=KindShares)
    """Share of each kind of document in a batch."""
    min_snr_gamma: float | None = None
    """Largest weight of a time's error, by its signal-to-noise ratio (Hang et al. 2023); None: all times alike."""
    contrast_weight: float = 0.1
    """Weight of InfoNCE: a predicted sentence must find its target among sentences of the batch and of its document."""
    contrast_time: float = 0.5
    """Lowest diffusion time for InfoNCE; below it the noised sentence itself gives the answer away."""
    num_rivals: int = 4
    """Negatives per block: sentences of the same document from outside the block."""

    def __post_init__(self) -> None:
        if self.min_snr_gamma is not None and not self.min_snr_gamma > 0:
            raise ModelError(f"min_snr_gamma must be above 0, got {self.min_snr_gamma}")
