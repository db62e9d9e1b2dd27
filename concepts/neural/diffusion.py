"""Diffusion in normalized concept space: noise schedule, samplers and guidance, as pure functions.

The network predicts x0. Times run from 1 (pure noise: zero terminal signal-to-noise ratio, Lin et al.
2023, arXiv 2305.08891) to 0 (clean). Samplers visit exactly `num_steps` times in trailing spacing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from concepts.errors import ModelError

SamplerName = Literal["ddim", "dpm++"]
Denoise = Callable[[Tensor, float], Tensor]
"""(x_t, t) to the predicted x0, both of one shape."""


def signal_and_noise(t: Tensor) -> tuple[Tensor, Tensor]:
    """Return alpha and sigma of the cosine schedule (Nichol and Dhariwal 2021): cos and sin of t * pi / 2."""
    angle = t * (math.pi / 2)
    return angle.cos().clamp_min(0.0), angle.sin()


def add_noise(x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Return x_t; `t` broadcasts against all but the last axis of `x0`."""
    alpha, sigma = signal_and_noise(t)
    return alpha.unsqueeze(-1) * x0 + sigma.unsqueeze(-1) * noise


def min_snr_weight(t: Tensor, gamma: float | None) -> Tensor:
    """Return the weight of each time's x0 error, of mean 1 over `t`: min(SNR, gamma); None: 1 everywhere.

    Min-SNR-gamma for x0 prediction (Hang et al. 2023, arXiv 2303.09556, section 3.4). At time 1 it is zero.
    """
    if gamma is None:
        return torch.ones_like(t)
    alpha, sigma = signal_and_noise(t)
    weight = (alpha / sigma.clamp_min(1e-6)).square().clamp_max(gamma)
    return weight / weight.mean().clamp_min(1e-6)


def predict_mean(
    denoise: Denoise, shape: tuple[int, ...], *, num_draws: int, generator: torch.Generator | None = None
) -> Tensor:
    """Return the predicted mean: x0 predicted at time 1, averaged over `num_draws` noises.

    `num_draws` 0 is for a model trained without noise, whose input at time 1 is zero.
    """
    if not num_draws:
        return denoise(torch.zeros(shape), 1.0)
    draws = [denoise(torch.randn(shape, generator=generator), 1.0) for _ in range(num_draws)]
    return torch.stack(draws).mean(dim=0)


def sample(
    denoise: Denoise,
    noise: Tensor,
    *,
    num_steps: int,
    sampler: SamplerName = "dpm++",
    noise_scale: float = 1.0,
    last_time: float | None = None,
    on_step: Callable[[float, Tensor], None] = lambda _time, _x0: None,
) -> Tensor:
    """Return x0 reached from `noise` in exactly `num_steps` calls of `denoise`.

    The last call is at `last_time` (None: 1 / `num_steps`); its x0 is the result. A later time leaves more of the
    choice between sentences to the model that reads the result.
    `noise_scale` below 1 starts nearer to the mean and trades variety for fidelity (LCM's
    initial noise scale). `ddim` is deterministic DDIM (Song et al. 2020); `dpm++` is
    DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2) whose first and last steps are
    of first order, since the log signal-to-noise ratio is infinite at both ends.
    `on_step` gets each step's time and predicted x0; the last one is the result.
    """
    if num_steps < 1:
        raise ModelError(f"a sampler needs at least one step, got {num_steps}")
    last = 1.0 / num_steps if last_time is None else last_time
    if not 0 < last <= 1:
        raise ModelError(f"last_time must be above 0 and at most 1, got {last}")
    times = [1.0 - i * (1.0 - last) / max(1, num_steps - 1) for i in range(num_steps)] + [0.0]
    x, previous, previous_step = noise * noise_scale, None, 0.0
    for i in range(num_steps):
        x0 = denoise(x, times[i])
        on_step(times[i], x0)
        (alpha_s, sigma_s), (alpha_t, sigma_t) = _levels(times[i]), _levels(times[i + 1])
        if sampler == "ddim" or previous is None or i == num_steps - 1 or i == 1:
            direction = x0
        else:
            step = math.log(alpha_t / sigma_t) - math.log(alpha_s / sigma_s)
            ratio = previous_step / step
            direction = (1 + 1 / (2 * ratio)) * x0 - 1 / (2 * ratio) * previous
        noise_now = (x - alpha_s * direction) / sigma_s
        x = alpha_t * direction + sigma_t * noise_now
        if 0 < i < num_steps - 1:
            previous_step = math.log(alpha_t / sigma_t) - math.log(alpha_s / sigma_s)
        previous = x0
    return x


def guide(conditional: Tensor, unconditional: Tensor, scale: float, rescale: float) -> Tensor:
    """Return classifier-free guided x0 (Ho and Salimans 2022), rescaled towards the conditional's size.

    `rescale` in [0, 1] mixes in the prediction with the conditional's standard deviation (Lin et al.
    2023, section 3.4); the last axis is the concept.
    """
    guided = unconditional + scale * (conditional - unconditional)
    wanted, got = conditional.std(dim=-1, keepdim=True), guided.std(dim=-1, keepdim=True)
    return rescale * guided * (wanted / got.clamp_min(1e-6)) + (1 - rescale) * guided


def seeded_noise(shape: tuple[int, ...], *key: int | str) -> Tensor:
    """Return standard normal noise that depends on `key` alone, not on the rest of the batch."""
    import hashlib

    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    return torch.randn(shape, generator=generator)


def _levels(t: float) -> tuple[float, float]:
    angle = t * math.pi / 2
    return max(0.0, math.cos(angle)) if t < 1 else 0.0, math.sin(angle)
