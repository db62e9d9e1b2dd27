"""Schedule, samplers and guidance against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from concepts.errors import ModelError
from concepts.neural.diffusion import (
    Denoise,
    SamplerName,
    add_noise,
    guide,
    min_snr_weight,
    predict_mean,
    sample,
    seeded_noise,
    signal_and_noise,
)

SAMPLERS: tuple[SamplerName, ...] = ("ddim", "dpm++")


def gaussian(scale: float) -> Denoise:
    """The best x0 prediction for data N(0, scale^2): the posterior mean, linear in x_t."""

    def denoise(x: Tensor, t: float) -> Tensor:
        alpha, sigma = signal_and_noise(torch.tensor(t, dtype=torch.float64))
        return alpha * scale**2 / (alpha**2 * scale**2 + sigma**2) * x

    return denoise


def error_of(sampler: SamplerName, num_steps: int, scale: float = 0.8) -> float:
    """The exact probability flow takes noise z to scale * z, so a sample of 1 shows the sampler's error."""
    one = torch.ones(1, dtype=torch.float64)
    return abs(float(sample(gaussian(scale), one, num_steps=num_steps, sampler=sampler)) - scale)


def test_the_schedule_keeps_the_variance_and_ends_without_any_signal() -> None:
    alpha, sigma = signal_and_noise(torch.linspace(0, 1, 101))
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones(101))
    assert alpha[-1] == 0 and sigma[0] == 0 and alpha[0] == 1 and sigma[-1] == 1
    assert (alpha.diff() < 0).all() and (sigma.diff() >= 0).all()


def test_at_time_one_nothing_of_the_data_is_left() -> None:
    noise = seeded_noise((4, 3), 1)
    x0 = torch.full((4, 3), 1e6)
    assert torch.equal(add_noise(x0, noise, torch.ones(4)), noise)
    torch.testing.assert_close(add_noise(x0, noise, torch.zeros(4)), x0)


def test_each_row_gets_its_own_time() -> None:
    x0, noise = seeded_noise((2, 3), "x"), seeded_noise((2, 3), "n")
    mixed = add_noise(x0, noise, torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(mixed, torch.stack((x0[0], noise[1])))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 7, 40])
def test_a_sampler_calls_the_network_exactly_num_steps_times(sampler: SamplerName, num_steps: int) -> None:
    times: list[float] = []

    def denoise(x: Tensor, t: float) -> Tensor:
        times.append(t)
        return 0.5 * x

    result = sample(denoise, torch.ones(2, 3), num_steps=num_steps, sampler=sampler)
    assert torch.isfinite(result).all()
    assert times == pytest.approx([1 - i / num_steps for i in range(num_steps)])  # trailing spacing


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_denoiser_that_knows_the_answer_is_believed(sampler: SamplerName) -> None:
    answer = seeded_noise((2, 4), "answer")
    result = sample(lambda x, t: answer, seeded_noise((2, 4), "noise"), num_steps=9, sampler=sampler)
    torch.testing.assert_close(result, answer)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_gaussian_data_gets_its_variance(sampler: SamplerName, scale: float) -> None:
    noise = seeded_noise((20_000,), "gaussian").double()
    drawn = sample(gaussian(scale), noise, num_steps=60, sampler=sampler)
    assert float(drawn.std()) == pytest.approx(scale, rel=0.04)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.02)


def test_ddim_is_of_first_order() -> None:
    assert error_of("ddim", 80) == pytest.approx(error_of("ddim", 40) / 2, rel=0.1)


def test_dpm_solver_needs_far_fewer_steps_for_the_same_error() -> None:
    assert error_of("dpm++", 20) < error_of("ddim", 160)
    assert error_of("dpm++", 160) < error_of("ddim", 160) / 10


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_less_initial_noise_gives_less_variety(sampler: SamplerName) -> None:
    def drawn(noise_scale: float) -> Tensor:
        one = torch.ones(1, dtype=torch.float64)
        return sample(gaussian(0.8), one, num_steps=20, sampler=sampler, noise_scale=noise_scale)

    torch.testing.assert_close(drawn(0.6), 0.6 * drawn(1.0))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_that_ends_early_gives_its_last_prediction(sampler: SamplerName) -> None:
    seen: list[tuple[float, Tensor]] = []

    def denoise(x: Tensor, t: float) -> Tensor:
        seen.append((t, 0.5 * x))
        return 0.5 * x

    x0 = sample(denoise, seeded_noise((2, 3), 1), num_steps=4, sampler=sampler, last_time=0.4)
    assert [t for t, _ in seen] == pytest.approx([1.0, 0.8, 0.6, 0.4])
    torch.testing.assert_close(x0, seen[-1][1])
    with pytest.raises(ModelError, match="last_time must be above 0"):
        sample(denoise, seeded_noise((2, 3), 1), num_steps=4, sampler=sampler, last_time=0.0)


def test_a_sampler_without_steps_is_refused() -> None:
    with pytest.raises(ModelError, match="at least one step, got 0"):
        sample(gaussian(1.0), torch.ones(1), num_steps=0)


def test_guidance_of_scale_one_is_the_conditional_prediction() -> None:
    told, untold = seeded_noise((3, 8), "told"), seeded_noise((3, 8), "untold")
    for rescale in (0.0, 0.7, 1.0):
        torch.testing.assert_close(guide(told, untold, 1.0, rescale), told)


def test_guidance_extrapolates_and_full_rescale_keeps_the_conditionals_deviation() -> None:
    told, untold = seeded_noise((3, 8), "told"), seeded_noise((3, 8), "untold")
    torch.testing.assert_close(guide(told, untold, 3.0, 0.0), 3 * told - 2 * untold)
    guided = guide(told, untold, 3.0, 1.0)
    torch.testing.assert_close(guided.std(dim=-1), told.std(dim=-1))
    assert torch.isfinite(guide(torch.zeros(1, 8), torch.zeros(1, 8), 3.0, 0.7)).all()


def test_noise_depends_on_its_key_alone() -> None:
    first = seeded_noise((5,), 3, "write", "2.1", 0)
    torch.manual_seed(99)
    torch.randn(7)
    assert torch.equal(first, seeded_noise((5,), 3, "write", "2.1", 0))
    for other in (
        (4, "write", "2.1", 0),
        (3, "write", "2.2", 0),
        (3, "write", "2.1", 1),
        (3, "plan", "2.1", 0),
    ):
        assert not torch.equal(first, seeded_noise((5,), *other))
    assert not torch.equal(seeded_noise((5,), 0), seeded_noise((5,), 1))  # a seed of 0 counts


def test_noise_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    seeded_noise((5,), "key")
    assert torch.equal(torch.randn(3), expected)


def test_noise_is_standard_normal() -> None:
    values = torch.cat([seeded_noise((64,), "rows", row) for row in range(300)])
    assert float(values.mean()) == pytest.approx(0, abs=4 / math.sqrt(len(values)))
    assert float(values.std()) == pytest.approx(1, abs=0.03)


def test_min_snr_weights_follow_the_paper_and_have_mean_one() -> None:
    t = (torch.arange(200) + 0.5) / 200
    weight = min_snr_weight(t, 5.0)
    snr = (torch.cos(t * math.pi / 2) / torch.sin(t * math.pi / 2)).square()
    expected = snr.clamp_max(5.0)
    torch.testing.assert_close(weight, expected / expected.mean())
    assert (
        float(weight.mean()) == pytest.approx(1)
        and float(min_snr_weight(torch.tensor([0.5, 1.0]), 5.0)[1]) < 1e-9
    )
    assert torch.equal(min_snr_weight(t, None), torch.ones(200))


def test_the_mean_is_that_of_predictions_from_pure_noise() -> None:
    asked: list[float] = []

    def denoise(x: torch.Tensor, t: float) -> torch.Tensor:
        asked.append(t)
        return 3.0 + x

    generator = torch.Generator().manual_seed(0)
    mean = predict_mean(denoise, (400, 2), num_draws=4, generator=generator)
    assert asked == [1.0] * 4 and abs(float(mean.mean()) - 3) < 0.1 and abs(float(mean.std()) - 0.5) < 0.05
    asked.clear()
    assert torch.equal(predict_mean(denoise, (4, 2), num_draws=0), torch.full((4, 2), 3.0)) and asked == [1.0]
