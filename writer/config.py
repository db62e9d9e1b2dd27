"""Sizes of the concept diffusion writer and the recipe of its training."""

from __future__ import annotations

from dataclasses import dataclass, field

from concepts.errors import ModelError
from concepts.training import LoopConfig

MAX_SLOT = 40
"""Highest index of a sentence in its section that has a position of its own."""
MAX_LENGTH = 40
"""Longest planned section, in sentences, that has an embedding of its own."""
PLAN_REACH = 6
"""Plan items shown before and behind the current one."""
MAX_PREVIOUS = 8
"""Sentences of the section shown before a block."""
NUM_TAIL = 2
"""Sentences of the section before that are shown at the start of a section."""


CODEBOOK_SIZE = 24_000
"""Sentences of a released writer's codebook, at most."""


@dataclass(frozen=True, kw_only=True)
class WriterConfig:
    """Architecture of the two-tower writer."""

    concept_dim: int = 384
    """Dimension of the space's concepts."""
    model_dim: int = 384
    """Width of both towers."""
    num_context_layers: int = 3
    """Layers of the contextualizer."""
    num_denoiser_layers: int = 6
    """Layers of the denoiser."""
    num_heads: int = 6
    """Attention heads."""

    def __post_init__(self) -> None:
        if self.model_dim % (2 * self.num_heads):
            raise ModelError(
                f"model_dim {self.model_dim} must be a multiple of twice num_heads {self.num_heads}"
            )


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
    """Largest relative noise on what a block sees, since plans and earlier sentences come from models."""
    token_weight: float = 0.3
    """Weight of the token cross-entropy through the frozen decoder."""
    token_share: float = 0.35
    """Share of the slots for which that is computed."""
