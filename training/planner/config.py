"""The recipe of the outline model."""

from __future__ import annotations

from dataclasses import dataclass, field

from concepts.errors import ModelError
from planner.config import PlannerConfig
from training.corpus.shares import KindShares
from training.loop_config import LoopConfig


@dataclass(frozen=True, kw_only=True)
class PlannerTrainingConfig:
    """The recipe of an outline model."""

    model: PlannerConfig = field(default_factory=PlannerConfig)
    """Sizes."""
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            num_steps=1_000,
            num_cooldown_steps=600,
            matrix_lr=2e-3,
            adam_lr=1e-3,
            ema_decay=0.995,
            evaluate_every=200,
        )
    )
    """Steps and rates."""
    shares: KindShares = field(default_factory=KindShares)
    """Share of each kind of document in a batch."""
    min_snr_gamma: float | None = None
    """Largest weight of a time's error, by its signal-to-noise ratio (Hang et al. 2023); None: all times alike."""
    batch_size: int = 48
    """Outlines a batch."""
    num_noise_draws: int = 4
    """Diffusion times drawn for each item of a batch; the transformer runs once for all of them."""
    context_noise: float = 0.15
    """Largest relative noise on prompt and earlier items, so that the model learns to handle a rollout's errors."""
    goal_share: float = 0.2
    """Share of the outlines that are told the goal (the last item's gist)."""
    count_share: float = 0.5
    """Share of the outlines that are told the number of items."""
    prompt_dropout: float = 0.1
    """Share of the outlines without prompt, for classifier-free guidance."""
    contrast_weight: float = 0.1
    """Weight of InfoNCE."""

    def __post_init__(self) -> None:
        if self.min_snr_gamma is not None and not self.min_snr_gamma > 0:
            raise ModelError(f"min_snr_gamma must be above 0, got {self.min_snr_gamma}")
