"""Shared layers: kept keys and values change nothing, rotary positions are relative, masks hide."""

from __future__ import annotations

import pytest
import torch

from concepts.neural.layers import Attention, Block, RMSNorm, init_transformer, rotate, timestep_embedding

DIM, HEADS = 16, 2


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rotary", [True, False])
def test_attention_to_kept_keys_and_values_equals_attention_to_the_context(rotary: bool) -> None:
    torch.manual_seed(0)
    attention = Attention(DIM, HEADS, rotary=rotary)
    x, context = noise(3, 4, DIM), noise(3, 7, DIM, seed=1)
    mask = (torch.arange(7) < torch.tensor([[7], [3], [1]]))[:, None, None, :]
    keys, values = attention.keys_values(context)
    for part in (x, x[:, :2]):
        torch.testing.assert_close(
            attention.attend(part, keys, values, mask), attention(part, context, mask), atol=0, rtol=0
        )


def test_a_row_is_the_same_alone_and_in_a_padded_batch() -> None:
    torch.manual_seed(0)
    block = Block(DIM, HEADS)
    x = noise(2, 6, DIM)
    mask = (torch.arange(6) < torch.tensor([[6], [4]]))[:, None, None, :]
    torch.testing.assert_close(block(x, mask)[1, :4], block(x[1:, :4], None)[0], atol=1e-5, rtol=1e-5)


def test_rotary_scores_depend_on_the_distance_only() -> None:
    query, key = noise(DIM), noise(DIM, seed=1)
    queries, keys = rotate(query.expand(12, DIM)), rotate(key.expand(12, DIM))
    scores = queries @ keys.T
    for distance in range(-5, 6):
        along = scores.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(scores[0, 0], scores[0, 5], atol=1e-2)


def test_rotation_keeps_lengths_and_leaves_position_zero() -> None:
    x = noise(2, 5, DIM)
    torch.testing.assert_close(rotate(x).norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(rotate(x)[:, 0], x[:, 0])


def test_a_causal_mask_keeps_the_future_out() -> None:
    torch.manual_seed(0)
    block = Block(DIM, HEADS)
    mask = torch.ones(6, 6, dtype=torch.bool).tril()
    x = noise(1, 6, DIM)
    changed = x.clone()
    changed[:, 4] += 1
    before, after = block(x, mask), block(changed, mask)
    torch.testing.assert_close(before[:, :4], after[:, :4], atol=0, rtol=0)
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_without_rotary_positions_the_order_of_the_context_does_not_matter() -> None:
    torch.manual_seed(0)
    attention = Attention(DIM, HEADS, rotary=False)
    x, context = noise(1, 2, DIM), noise(1, 5, DIM, seed=1)
    torch.testing.assert_close(attention(x, context), attention(x, context.flip(1)), atol=1e-6, rtol=1e-5)


def test_times_are_told_apart() -> None:
    embedded = timestep_embedding(torch.linspace(0, 1, 11), 32)
    assert embedded.shape == (11, 32)
    distances = torch.cdist(embedded, embedded) + 9 * torch.eye(11)
    assert distances.min() > 0.5


def test_residual_outputs_start_smaller_the_deeper_the_stack() -> None:
    deep, shallow = Block(64, 2), Block(64, 2)
    torch.manual_seed(0)
    init_transformer(deep, 16)
    torch.manual_seed(0)
    init_transformer(shallow, 1)
    torch.testing.assert_close(deep.ffn.down.weight * 4, shallow.ffn.down.weight)
    torch.testing.assert_close(deep.attention.out.weight * 4, shallow.attention.out.weight)
    torch.testing.assert_close(deep.ffn.gate_up.weight, shallow.ffn.gate_up.weight)


def test_normalization_works_in_the_precision_of_its_weights() -> None:
    """Also under autocast, where torch would warn of an input in another format."""
    norm = RMSNorm(8)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 1.5, 8))
        x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
        plain = norm(x)
        torch.testing.assert_close(plain, torch.nn.functional.rms_norm(x, (8,), norm.weight))
        with torch.autocast("cpu", torch.bfloat16):
            found = norm(x.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain, atol=0.02, rtol=0)
