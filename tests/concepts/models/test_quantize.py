"""Quantised weights: a round trip moves nothing by more than half a step of its row or block."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from concepts.errors import ModelError
from concepts.models.quantize import BLOCK, FOUR_BITS, SCALE, TRANSPOSED, dequantize, is_quantized, quantize


def _matrix(rows: int, columns: int, size: float, seed: int) -> Tensor:
    return size * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@given(
    rows=st.integers(1, 31), columns=st.integers(1, 31), size=st.floats(1e-6, 1e4), seed=st.integers(0, 1000)
)
@settings(max_examples=40, deadline=None)
def test_no_weight_moves_by_more_than_half_a_step_of_its_row(
    rows: int, columns: int, size: float, seed: int
) -> None:
    weight = _matrix(rows, columns, size, seed)
    again = dequantize(quantize({"w": weight}))["w"]
    step = weight.abs().amax(dim=1, keepdim=True) / 127
    assert again.dtype == torch.float32
    assert ((again - weight).abs() <= step * 0.5001 + 1e-12).all()


@given(rows=st.integers(1, 9), blocks=st.integers(1, 3), size=st.floats(1e-2, 1e2), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_no_weight_of_whole_blocks_moves_by_more_than_a_step_of_its_block(
    rows: int, blocks: int, size: float, seed: int
) -> None:
    weight = _matrix(rows, blocks * BLOCK, size, seed)
    made, across = quantize({"w": weight}), quantize({"w": weight.T.contiguous()})
    again = dequantize(made)["w"]
    assert made.keys() == {"w"} and made["w"].nbytes == rows * blocks * 22
    assert across.keys() == {"w" + TRANSPOSED} and torch.equal(dequantize(across)["w"], again.T)
    assert again.shape == weight.shape and again.dtype == torch.float32
    step = weight.view(rows, blocks, BLOCK).abs().amax(dim=2, keepdim=True) / 16
    moved = (again - weight).view(rows, blocks, BLOCK).abs()
    assert (moved <= step * 1.002).all()  # the value opposite to the largest one is cut by up to a step
    assert (moved <= step * 0.502).float().mean() > 0.9


@pytest.mark.parametrize("shape", [(5, 64), (64, 5)])
def test_four_bits_take_less_and_move_weights_by_a_step_of_theirs(shape: tuple[int, int]) -> None:
    weight = _matrix(*shape, 1.0, 1)
    made = quantize({"w": weight, "b": torch.randn(7)}, bits=4)
    (name,) = made.keys() - {"b"}
    assert name.endswith(FOUR_BITS) and made[name].nbytes == 5 * 2 * 18
    again = dequantize(made)
    assert again.keys() == {"w", "b"} and again["w"].shape == shape
    assert (again["w"] - weight).abs().max() <= weight.abs().max() / 8 * 1.002
    with pytest.raises(ModelError, match="rows of 35 bytes, expected a multiple of 18"):
        dequantize({name: made[name][:, 1:]})


@pytest.mark.parametrize("columns", [7, 64])
def test_what_was_quantised_once_is_quantised_to_the_same_bytes_again(columns: int) -> None:
    first = quantize({"w": torch.randn(5, columns), "b": torch.randn(7)})
    second = quantize(dequantize(first))
    assert first.keys() == second.keys()
    torch.testing.assert_close(dequantize(first)["w"], dequantize(second)["w"], rtol=1e-3, atol=1e-4)
    assert torch.equal(first["b"], second["b"]) and first["b"].dtype == torch.float16


def test_a_row_of_zeros_stays_one_and_an_outlier_costs_its_own_row_only() -> None:
    weight = torch.zeros(3, 4)
    weight[1] = torch.tensor([1000.0, 0.1, 0.1, 0.1])
    weight[2] = 0.1
    again = dequantize(quantize({"w": weight}))["w"]
    assert torch.equal(again[0], weight[0])
    torch.testing.assert_close(again[2], weight[2])


def test_tensors_that_were_never_quantised_come_back_as_they_are() -> None:
    given_tensors = {"w": torch.randn(3, 4).half(), "n": torch.tensor([3])}
    assert not is_quantized(given_tensors)
    again = dequantize(given_tensors)
    assert all(again[name] is value for name, value in given_tensors.items())


def test_a_missing_scale_and_half_a_block_are_one_line() -> None:
    made = quantize({"w": torch.randn(3, 4)})
    assert is_quantized(made)
    del made["w" + SCALE]
    with pytest.raises(ModelError, match="the weights w have no scale for each of their 3 rows"):
        dequantize(made)
    made = quantize({"w": torch.randn(3, 64)})
    assert is_quantized(made)
    with pytest.raises(ModelError, match="the weights w have rows of 43 bytes, expected a multiple of 22"):
        dequantize({"w": made["w"][:, :43]})
