"""Keys and values of many rows that are at different places of their texts, in one buffer, and attention to them.

Each row writes at its own column, so that rows need not wait for each other; nothing is copied when a text grows. Keys
of grouped-query attention are not repeated, which at one token a step costs more than the attention itself.

Legend: R rows, S new tokens, C columns, H heads of queries, G heads of keys, W width of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

ATTENTION = "longhand_grouped"
"""The name under which transformers knows `grouped_attention`."""
_GROW = 64
"""Columns by which the buffers grow."""


class RowCache:
    """What transformers takes as `past_key_values`: rows of different lengths, with room behind each."""

    is_compileable = False
    is_sliding = (False,)

    def __init__(self) -> None:
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._columns: dict[torch.device, Tensor] = {}
        self._width = 0

    def place(self, columns_RS: Tensor, width: int) -> None:
        """Say where the next tokens go, and how many columns are looked at."""
        self._columns, self._width = {columns_RS.device: columns_RS}, width

    def update(
        self, keys: Tensor, values: Tensor, layer: int, _kwargs: dict[str, Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Store the keys and values (R, G, S, W) of a layer, on its device; return those of all columns as views."""
        columns = _on(keys.device, self._columns)
        for buffers, new in ((self._keys, keys), (self._values, values)):
            if layer == len(buffers):
                buffers.append(new.new_zeros(*new.shape[:2], 0, new.shape[3]))
            buffer = buffers[layer]
            if buffer.shape[2] < self._width:
                room = new.new_zeros(*new.shape[:2], self._width + _GROW - buffer.shape[2], new.shape[3])
                buffers[layer] = buffer = torch.cat((buffer, room), dim=2)
            rows = torch.arange(len(new), device=new.device)[:, None]
            buffer[rows, :, columns] = new.transpose(1, 2)
        return self._keys[layer][:, :, : self._width], self._values[layer][:, :, : self._width]

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, in that order; a row may come more than once."""
        places = {rows.device: rows}
        for buffers in (self._keys, self._values):
            for layer, buffer in enumerate(buffers):
                buffers[layer] = buffer[_on(buffer.device, places)]

    def copy_columns(self, source: int, targets: Tensor, first: int, last: int) -> None:
        """Give the rows `targets` the columns `first` to `last` of row `source`."""
        places = {targets.device: targets}
        for buffers in (self._keys, self._values):
            for buffer in buffers:
                rows = _on(buffer.device, places)
                buffer[rows, :, first:last] = buffer[source, :, first:last].clone()

    def get_seq_length(self, _layer: int = 0) -> int:
        """Return 0: places are given with each call."""
        return 0

    def get_mask_sizes(self, cache_position: Tensor, _layer: int) -> tuple[int, int]:
        """Return the columns that are looked at, from the first."""
        return self._width, 0

    def __len__(self) -> int:
        return len(self._keys)


def _on(device: torch.device, places: dict[torch.device, Tensor]) -> Tensor:
    """Return the indices `places` on a device; they travel once, and not for each layer."""
    if device not in places:
        places[device] = next(iter(places.values())).to(device)
    return places[device]


def grouped_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_kwargs: Any,
) -> tuple[Tensor, None]:
    """Return the attention (R, S, H, W) of queries (R, H, S, W) to keys and values (R, G, C, W).

    `attention_mask` (R, 1, S, C) is added to the scores; their softmax is taken in float32. The signature is that of
    transformers' AttentionInterface.
    """
    rows, heads, num, width = query.shape
    groups = key.shape[1]
    scale = width**-0.5 if scaling is None else scaling
    grouped = query.reshape(rows, groups, (heads // groups) * num, width)
    scores = (grouped @ key.transpose(-1, -2)) * scale
    if attention_mask is not None:
        mask = attention_mask.expand(rows, 1, num, key.shape[2]).repeat(1, 1, heads // groups, 1)
        scores = scores + mask
    out = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype) @ value
    return out.reshape(rows, heads, num, width).transpose(1, 2).contiguous(), None


def register() -> None:
    """Make `grouped_attention` known to transformers."""
    AttentionInterface.register(ATTENTION, grouped_attention)
