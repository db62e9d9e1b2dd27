"""A key-value cache for rows at different positions of their texts, in one buffer, and attention to it.

Each row writes at its own column, so rows do not wait for each other, and nothing is copied when a text grows. Keys of
grouped-query attention are not repeated: at one token per step that would cost more than the attention itself.

Legend: R rows, S new tokens, C columns, H heads of queries, G heads of keys, W width of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

ATTENTION = "longhand_grouped"
"""Name of `grouped_attention` in transformers."""
_GROW = 64
"""The buffers grow by this many columns."""


class RowCache:
    """A cache for transformers' `past_key_values`: rows of different lengths, with room to grow."""

    is_compileable = False
    is_sliding = (False,)

    def __init__(self) -> None:
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._columns: dict[torch.device, Tensor] = {}
        self._width = 0

    def place(self, columns_RS: Tensor, width: int) -> None:
        """Set the columns of the next tokens, and the number of columns that attention reads."""
        self._columns, self._width = {columns_RS.device: columns_RS}, width

    def update(
        self, keys: Tensor, values: Tensor, layer: int, _kwargs: dict[str, Any] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Store a layer's keys and values (R, G, S, W) on its device; return views of all columns."""
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
        """Copy the columns `first` to `last` of row `source` to the rows `targets`."""
        places = {targets.device: targets}
        for buffers in (self._keys, self._values):
            for buffer in buffers:
                rows = _on(buffer.device, places)
                buffer[rows, :, first:last] = buffer[source, :, first:last].clone()

    def get_seq_length(self, _layer: int = 0) -> int:
        """Return 0: positions are passed with each call."""
        return 0

    def get_mask_sizes(self, cache_position: Tensor, _layer: int) -> tuple[int, int]:
        """Return the number of columns that attention reads, and their offset 0."""
        return self._width, 0

    def __len__(self) -> int:
        return len(self._keys)


def _on(device: torch.device, places: dict[torch.device, Tensor]) -> Tensor:
    """Return the indices `places` on a device; they are copied once, not for each layer."""
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

    `attention_mask` (R, 1, S, C) is added to the scores; their softmax is in float32. The signature follows
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
    """Register `grouped_attention` with transformers."""
    AttentionInterface.register(ATTENTION, grouped_attention)
