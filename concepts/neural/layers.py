"""Transformer layers shared by planner and writer.

Legend: B batch, S query positions, C context positions, M model width, H heads.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RMSNorm(nn.RMSNorm):
    """RMS normalization in the precision of its weights.

    Under autocast its input has a lower precision than its weights: torch warns and does not use its fused kernel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` (..., M) normalized, in the dtype of the weights."""
        return super().forward(x.to(self.weight.dtype))


class Attention(nn.Module):
    """Multi-head attention over `context` (or over itself), with rotary positions where asked.

    RMS-normalized queries and keys keep the logits bounded (Dehghani et al. 2023, arXiv 2302.05442).
    """

    def __init__(self, dim: int, num_heads: int, *, rotary: bool) -> None:
        super().__init__()
        self.num_heads, self.rotary = num_heads, rotary
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.query_norm = RMSNorm(dim // num_heads)
        self.key_norm = RMSNorm(dim // num_heads)

    def forward(self, x_BSM: Tensor, context_BCM: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Return (B, S, M); `mask` is True where a query may attend, broadcastable to (B, H, S, C)."""
        keys, values = self.keys_values(x_BSM if context_BCM is None else context_BCM)
        return self.attend(x_BSM, keys, values, mask)

    def keys_values(self, context_BCM: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values (B, H, C, M/H) of a context, to be cached for many queries."""
        keys, values = self._split(self.key_value(context_BCM), 2)
        keys = self.key_norm(keys)
        return (rotate(keys) if self.rotary else keys), values

    def attend(self, x_BSM: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, S, M) for queries from `x_BSM` against given keys and values."""
        (query,) = self._split(self.query(x_BSM), 1)
        query = self.query_norm(query)
        if self.rotary:
            query = rotate(query)
        scores = (query.to(values.dtype) * query.shape[-1] ** -0.5) @ keys.to(values.dtype).transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        out = scores.float().softmax(dim=-1).to(values.dtype) @ values
        result: Tensor = self.out(out.transpose(1, 2).flatten(2))
        return result

    def _split(self, x: Tensor, num: int) -> tuple[Tensor, ...]:
        batch, length, _ = x.shape
        return x.view(batch, length, num, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)


class SwiGLU(nn.Module):
    """Gated feed-forward network (Shazeer 2020, arXiv 2002.05202) with 8/3 of the width inside."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        inner = 64 * math.ceil(dim * 8 / 3 / 64)
        self.gate_up = nn.Linear(dim, 2 * inner, bias=False)
        self.down = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        result: Tensor = self.down(F.silu(gate) * up)
        return result


class Block(nn.Module):
    """Pre-norm transformer layer: rotary self-attention and SwiGLU."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.attention_norm, self.ffn_norm = RMSNorm(dim), RMSNorm(dim)
        self.attention, self.ffn = Attention(dim, num_heads, rotary=True), SwiGLU(dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), mask=mask)
        result: Tensor = x + self.ffn(self.ffn_norm(x))
        return result


def rotate(x: Tensor) -> Tensor:
    """Apply rotary position embeddings (Su et al. 2021, arXiv 2104.09864) along the second last axis."""
    length, half = x.shape[-2], x.shape[-1] // 2
    freqs = 1_000.0 ** -(torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(length, device=x.device, dtype=torch.float32), freqs)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    left, right = x[..., :half], x[..., half:]
    return torch.cat((left * cos - right * sin, left * sin + right * cos), dim=-1)


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """Return the (..., dim) sinusoidal embedding of diffusion times `t` in [0, 1]."""
    half = dim // 2
    freqs = torch.exp(-math.log(10_000.0) * torch.arange(half, device=t.device) / half)
    angles = 1_000.0 * t.unsqueeze(-1) * freqs
    return torch.cat((angles.cos(), angles.sin()), dim=-1)


def init_transformer(module: nn.Module, num_residuals: int) -> None:
    """Initialise every linear layer by its fan-in; residual outputs (`out`, `down`) shrink with the depth."""
    for name, child in module.named_modules():
        if isinstance(child, nn.Linear):
            std = child.in_features**-0.5
            if name.endswith((".out", ".down")):
                std /= math.sqrt(num_residuals)
            nn.init.normal_(child.weight, std=std)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif isinstance(child, nn.Embedding):
            nn.init.normal_(child.weight, std=0.5)
