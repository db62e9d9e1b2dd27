"""Sizes of the concept diffusion writer."""

from __future__ import annotations

from dataclasses import dataclass

from concepts.models.configs import Objective, check_heads, check_objective

MAX_SLOT = 40
"""Highest sentence index with its own position embedding."""
MAX_LENGTH = 40
"""Longest planned section, in sentences, with its own length embedding."""
PLAN_REACH = 6
"""Plan items shown before and after the current one."""
MAX_PREVIOUS = 8
"""Sentences of the section shown before a block."""
NUM_TAIL = 2
"""Sentences of the previous section shown at the start of a section."""


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
    objective: Objective = "diffusion"
    """Objective of the denoiser: "diffusion", or the baseline "mse", which predicts the mean in one step without
    noise."""

    def __post_init__(self) -> None:
        check_objective(self.objective)
        check_heads(self.model_dim, self.num_heads)
