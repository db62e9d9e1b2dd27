"""Quantised weights: a round trip moves nothing by more than half a step of its row."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from concepts.errors import ModelError
from concepts.models.quantize import SCALE, dequantize, quantize


@given(
    rows=st.integers(1, 9), columns=st.integers(1, 33), size=st.floats(1e-6, 1e4), seed=st.integers(0, 1000)
)
@settings(max_examples=40, deadline=None)
def test_no_weight_moves_by_more_than_half_a_step_of_its_row(
    rows: int, columns: int, size: float, seed: int
) -> None:
    weight = size * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    again = dequantize(quantize({"w": weight}))["w"]
    step = weight.abs().amax(dim=1, keepdim=True) / 127
    assert again.dtype == torch.float32
    assert ((again - weight).abs() <= step * 0.5001 + 1e-12).all()


def test_what_was_quantised_once_is_quantised_to_the_same_bytes_again() -> None:
    first = quantize({"w": torch.randn(5, 7), "b": torch.randn(7)})
    second = quantize(dequantize(first))
    assert first.keys() == second.keys() == {"w", "w" + SCALE, "b"}
    assert torch.equal(first["w"], second["w"]) and torch.equal(first["b"], second["b"])
    assert first["w"].dtype == torch.int8 and first["b"].dtype == torch.float16


def test_a_row_of_zeros_stays_one_and_an_outlier_costs_its_own_row_only() -> None:
    weight = torch.zeros(3, 4)
    weight[1] = torch.tensor([1000.0, 0.1, 0.1, 0.1])
    weight[2] = 0.1
    again = dequantize(quantize({"w": weight}))["w"]
    assert torch.equal(again[0], weight[0])
    torch.testing.assert_close(again[2], weight[2])


def test_tensors_that_were_never_quantised_come_back_as_they_are() -> None:
    given_tensors = {"w": torch.randn(3, 4).half(), "n": torch.tensor([3])}
    again = dequantize(given_tensors)
    assert all(again[name] is value for name, value in given_tensors.items())


def test_a_missing_scale_is_one_line() -> None:
    made = quantize({"w": torch.randn(3, 4)})
    del made["w" + SCALE]
    with pytest.raises(ModelError, match="the weights w have no scale for each of their 3 rows"):
        dequantize(made)
