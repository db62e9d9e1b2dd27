"""One training step of sonar-mini in bfloat16, the former default, and in the automatically chosen number format.

    python benchmarks/bench_precision.py [--tokens 512] [--steps 2]

A step is loss, gradients and optimizers of encoder and decoder on random pieces; the first one is not counted.
"""

from __future__ import annotations

import argparse
import os
import time

import torch

from concepts.neural.precision import autocast, training_device, training_dtype
from concepts.space.config import SpaceConfig
from training.loop import step_generator, to_device
from training.optimizers import make_optimizers
from training.space.data import SpaceBatch
from training.space.train import SpaceLoss, SpaceTrainingConfig

_LENGTH = 14


def main() -> None:
    """Print the seconds per step in both formats and the speed-up of the second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--steps", type=int, default=2)
    asked = parser.parse_args()
    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    device = training_device()
    chosen = training_dtype(device)
    ours = seconds_a_step(asked.tokens, asked.steps)
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16"
    before = seconds_a_step(asked.tokens, asked.steps)
    print(f"{device.type}, {torch.get_num_threads()} threads, {asked.tokens} tokens a step")
    print(f"bfloat16: {before:.2f} s; chosen ({chosen}): {ours:.2f} s; {before / ours:.1f} times as fast")


def seconds_a_step(num_tokens: int, num_steps: int) -> float:
    """Return the mean wall-clock time of a step of `num_tokens` target tokens."""
    torch.manual_seed(1)
    config = SpaceTrainingConfig(model=SpaceConfig())
    module = SpaceLoss(config).to(training_device())
    optimizers = make_optimizers(module, config.loop)
    generator = torch.Generator().manual_seed(1)
    pieces = torch.randint(
        4, config.model.num_pieces, (num_tokens // (_LENGTH + 1), _LENGTH), generator=generator
    )
    batch = to_device(SpaceBatch(pieces, config.model.lang_id("eng_Latn")), training_device())
    started = 0.0
    for step in range(num_steps + 1):
        if step == 1:
            started = time.perf_counter()
        with autocast(training_device()):
            loss, _ = module(batch, step_generator(1, step, 0))
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / num_steps


if __name__ == "__main__":
    main()
