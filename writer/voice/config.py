"""Sizes of a voice's adapter."""

from __future__ import annotations

from dataclasses import dataclass

from concepts.errors import ModelError

ADAPTER_FILE = "adapter.safetensors"
"""File of a released adapter."""


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Architecture of the adapter."""

    concept_dim: int = 384
    """Dimension of the space's concepts."""
    hidden_dim: int = 576
    """Width of the base model."""
    num_layers: int = 30
    """Layers of the base model."""
    rank: int = 16
    """Rank of the update of each projection (LoRA, Hu et al. 2021, arXiv 2106.09685)."""
    alpha: float = 32.0
    """Size of the update: it is scaled by `alpha` / `rank`."""
    injected: tuple[int, ...] = (0, 10, 20)
    """Layers before which the concept is added to the hidden states; it is always added after the last layer."""

    word_dim: int = 1024
    """Inner width of the network from concepts to words."""

    def __post_init__(self) -> None:
        if not all(0 <= layer < self.num_layers for layer in self.injected):
            raise ModelError(f"injected layers must be from 0 to {self.num_layers - 1}, got {self.injected}")
