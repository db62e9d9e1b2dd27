"""The robust normalizer: unit scale in the middle of the data, outliers clipped, a round trip."""

from __future__ import annotations

import torch

from concepts.neural.normalizer import RobustNormalizer


def fitted(raw: torch.Tensor) -> RobustNormalizer:
    normalizer = RobustNormalizer(raw.shape[1])
    normalizer.fit(raw)
    return normalizer


def skewed(num: int = 2_001, dim: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(num, dim, generator=generator) ** 2 * torch.arange(1, dim + 1) + 7.0


def test_fitted_data_has_median_zero_and_a_normal_distributions_iqr() -> None:
    normalized = fitted(raw := skewed()).normalize(raw)
    quartiles = torch.quantile(normalized, torch.tensor([0.25, 0.5, 0.75]), dim=0)
    torch.testing.assert_close(quartiles[1], torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(quartiles[2] - quartiles[0], torch.full((5,), 1.349), atol=1e-4, rtol=0)


def test_a_normal_sample_keeps_unit_deviation() -> None:
    raw = 3.0 + 0.25 * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(fitted(raw).normalize(raw).std(dim=0), torch.ones(2), atol=0.03, rtol=0)


def test_one_outlier_moves_neither_centre_nor_scale_and_is_clipped() -> None:
    raw = skewed()
    odd = raw.clone()
    odd[raw.argmax(dim=0), torch.arange(5)] = 1e6
    calm, shaken = fitted(raw), fitted(odd)
    torch.testing.assert_close(shaken.center, calm.center)
    torch.testing.assert_close(shaken.scale, calm.scale)
    assert shaken.normalize(odd).abs().max() == shaken.max_abs


def test_denormalize_undoes_normalize_within_the_clip() -> None:
    normalizer = fitted(raw := skewed())
    torch.testing.assert_close(normalizer.denormalize(normalizer.normalize(raw)), raw)
    beyond = normalizer.denormalize(torch.full((5,), 100.0))
    torch.testing.assert_close(
        normalizer.denormalize(normalizer.normalize(beyond)), normalizer.center + 6.0 * normalizer.scale
    )


def test_a_constant_dimension_stays_finite() -> None:
    raw = skewed()
    raw[:, 0] = 2.0
    normalizer = fitted(raw)
    assert torch.isfinite(normalizer.normalize(raw)).all()
    assert (normalizer.normalize(raw)[:, 0] == 0).all()


def test_a_checkpoint_carries_centre_and_scale() -> None:
    normalizer = fitted(raw := skewed())
    again = RobustNormalizer(5)
    again.load_state_dict(normalizer.state_dict())
    torch.testing.assert_close(again.normalize(raw), normalizer.normalize(raw), atol=0, rtol=0)
