"""A toy task for the training loop, and a process that trains on it until a signal ends it.

Run as a script with a run directory: prints "started" once it trains, then a line for every progress report.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.loop import train
from training.loop_config import LoopConfig

DIM = 8


class ToyModule(nn.Module):
    """Learns a fixed linear map through a hidden matrix, with noise on the input."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(DIM, DIM), nn.Linear(DIM, DIM)
        self.token_embed = nn.Embedding(4, DIM)
        self.truth = 0.7 * torch.eye(DIM).roll(1, dims=0)

    def forward(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        noise = 0.01 * torch.randn(batch.shape, generator=generator)
        said = self.leave(torch.tanh(self.enter(batch + noise)) + self.token_embed.weight.mean(dim=0))
        loss = F.mse_loss(said.float(), batch @ self.truth)
        return loss, {"noise": noise.abs().mean()}


class ToyTask:
    """The toy as the loop sees it; `on_batch` may raise, sleep or spoil a batch."""

    unit = "rows"

    def __init__(self, on_batch: Callable[[int, Tensor], Tensor] = lambda _, batch: batch) -> None:
        torch.manual_seed(0)
        self._module, self._on_batch = ToyModule(), on_batch
        self.dev_losses: list[float] = []
        """What `evaluate` shall say instead of the truth, in order."""
        self.steps: list[int] = []

    @property
    def module(self) -> ToyModule:
        return self._module

    def batch(self, step: int, part: int, num_parts: int) -> Tensor:
        self.steps.append(step)
        rows = torch.randn(16, DIM, generator=torch.Generator().manual_seed(step * num_parts + part))
        return self._on_batch(step, rows)

    def count(self, batch: object) -> int:
        assert isinstance(batch, Tensor)
        return len(batch)

    def evaluate(self) -> dict[str, float]:
        assert not self._module.training
        if self.dev_losses:
            return {"loss": self.dev_losses.pop(0)}
        rows = torch.randn(64, DIM, generator=torch.Generator().manual_seed(10_000))
        return {"loss": float(self._module(rows, torch.Generator().manual_seed(0))[0])}


def main() -> None:
    def slowly(step: int, batch: Tensor) -> Tensor:
        if step == 3:
            print("started", flush=True)
        time.sleep(0.02)
        return batch

    config = LoopConfig(num_steps=100_000, evaluate_every=100_000, checkpoint_every_s=1e9)
    train(ToyTask(slowly), Path(sys.argv[1]), config, cpu=True)


if __name__ == "__main__":
    main()
