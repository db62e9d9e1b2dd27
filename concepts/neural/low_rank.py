"""Low-rank updates of frozen linear layers (LoRA, Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LowRank(nn.Module):
    """The update of one linear layer: down to `rank` and up again, zero at the start."""

    def __init__(self, num_in: int, num_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(rank, num_in) * num_in**-0.5)
        self.up = nn.Parameter(torch.zeros(num_out, rank))

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.down.T) @ self.up.T
