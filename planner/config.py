"""Sizes of the outline model."""

from __future__ import annotations

from dataclasses import dataclass

from concepts.models.configs import Objective, check_heads, check_objective

LENGTH_BINS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 30, 40)
"""Lengths in sentences (for a part: in sections) among which the length head chooses."""
MAX_ITEMS = 24
"""Most children per item in training."""


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
    """Objective of the head: "diffusion", or the baseline "mse", which predicts the mean in one step without noise."""

    def __post_init__(self) -> None:
        check_objective(self.objective)
        check_heads(self.model_dim, self.num_heads)


def length_bin(num_sentences: int) -> int:
    """Return the index of the bin of LENGTH_BINS nearest to `num_sentences`."""
    return min(range(len(LENGTH_BINS)), key=lambda i: abs(LENGTH_BINS[i] - num_sentences))
