"""A robust normalizer: raw concepts to roughly unit scale and back; it belongs to a model, not to a space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_IQR_OF_NORMAL = 1.349
"""Interquartile range of the standard normal distribution."""


class RobustNormalizer(nn.Module):
    """Centre by the median and scale by the interquartile range, per dimension.

    As in LCM (arXiv 2412.08821, section 2.3.1), with the quartiles taken at 0.25 and 0.75. Normalized
    values are clipped to `max_abs`, so that one odd sentence cannot dominate a loss.
    """

    def __init__(self, dim: int, max_abs: float = 6.0) -> None:
        super().__init__()
        self.max_abs = max_abs
        self.register_buffer("center", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.center: Tensor
        self.scale: Tensor

    @torch.no_grad()
    def fit(self, raw_ND: Tensor) -> None:
        """Set centre and scale from a sample of raw concepts (N, D), N at least 4."""
        quartiles = torch.quantile(
            raw_ND.float(), torch.tensor([0.25, 0.5, 0.75], device=raw_ND.device), dim=0
        )
        self.center.copy_(quartiles[1])
        self.scale.copy_(((quartiles[2] - quartiles[0]) / _IQR_OF_NORMAL).clamp_min(1e-6))

    def normalize(self, raw: Tensor) -> Tensor:
        """Return normalized concepts (..., D) of raw ones."""
        return ((raw - self.center) / self.scale).clamp(-self.max_abs, self.max_abs)

    def denormalize(self, normalized: Tensor) -> Tensor:
        """Return raw concepts (..., D) of normalized ones."""
        return normalized * self.scale + self.center
