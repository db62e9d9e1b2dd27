"""Sizes of the outline model and the recipe of its training."""

from __future__ import annotations

from dataclasses import dataclass, field

from concepts.corpus.shares import KindShares
from concepts.diffusion import OBJECTIVES, Objective
from concepts.errors import ModelError
from concepts.training import LoopConfig

LENGTH_BINS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 30, 40)
"""Planned numbers of sentences (of sections, for a part) that the length head chooses from."""
MAX_ITEMS = 24
"""Most children of one item that the model is trained on."""


@dataclass(frozen=True, kw_only=True)
class PlannerConfig:
    """Architecture of the outline model."""

    concept_dim: int = 384
    """Dimension of the space's concepts."""
    model_dim: int = 384
    """Width of the causal transformer."""
    num_layers: int = 4
    """Layers of the causal transformer."""
    num_heads: int = 6
    """Attention heads."""
    head_dim: int = 512
    """Width of the diffusion head."""
    num_head_blocks: int = 3
    """Residual blocks of the diffusion head."""
    dropout: float = 0.1
    """Dropout on the token embeddings and on each layer's output while training."""
    objective: Objective = "diffusion"
    """What the head learns: "diffusion", or "mse", the baseline that gives the mean in one step without noise."""

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ModelError(f"objective must be one of {', '.join(OBJECTIVES)}, got {self.objective!r}")
        if self.model_dim % (2 * self.num_heads):
            raise ModelError(
                f"model_dim {self.model_dim} must be a multiple of twice num_heads {self.num_heads}"
            )


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
    """Largest relative noise on prompt and earlier items, so that a rollout's own errors are familiar."""
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
