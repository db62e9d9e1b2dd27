"""Running a causal language model over many texts at once, each at its own position, one token per step.

It knows tokens, rows and concepts, but no sentences. Inputs come from the CPU; the model may be spread over several
devices and moves its hidden states itself (`writer.voice.base`).

Legend: R rows, S tokens, D concept dim, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from writer.voice.adapter import VoiceAdapter
from writer.voice.cache import RowCache


class Stepper:
    """A key-value cache of rows, with the model that fills it."""

    def __init__(
        self,
        base: Any,
        adapter: VoiceAdapter | None,
        device: torch.device | None = None,
        trust: float = 1.0,
    ) -> None:
        """`device`: of the inputs and the adapter; None: the CPU.

        `trust`: scale of the concepts' effect, as in `VoiceAdapter.states`.
        """
        self._base, self._adapter, self._trust = base, adapter, trust
        self._device = device or torch.device("cpu")
        self._cache = RowCache()

    @property
    def has_rows(self) -> bool:
        """Return whether anything was read yet."""
        return len(self._cache) > 0

    def read(self, texts: Sequence[Sequence[int]]) -> None:
        """Start a row for each of `texts` (token ids) and read all but its last token; a common prefix is read once."""
        shared = min(_num_shared(texts), min(map(len, texts)) - 1)
        if shared > 0:
            self._run(torch.tensor([texts[0][:shared]]), torch.arange(shared)[None], None)
            self._cache.select(torch.zeros(len(texts), dtype=torch.long))
        rest = [list(text[shared:-1]) for text in texts]
        width = max(map(len, rest))
        if width:
            ids = torch.zeros(len(rest), width, dtype=torch.long)
            for row, tokens in enumerate(rest):
                ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            columns = shared + torch.arange(width).repeat(len(rest), 1)
            self._run(ids, columns, None)

    def step(
        self,
        tokens_R: Tensor,
        columns_R: Tensor,
        concepts_RD: Tensor | None,
        said_RL: Tensor | None = None,
    ) -> Tensor:
        """Return the logits (R, V) after one token of each row, at its column.

        `concepts_RD` are the concepts of the next tokens' sentences, `said_RL` these sentences' tokens so far, padded
        with -1.
        """
        if self._adapter is None or concepts_RD is None:
            states = self._run(tokens_R[:, None], columns_R[:, None], None)
            return self._base.lm_head(states[:, -1]).float()  # type: ignore[no-any-return]
        concepts_RD = concepts_RD.to(self._device)
        states = self._run(tokens_R[:, None], columns_R[:, None], concepts_RD[:, None])[:, -1]
        said = None if said_RL is None else said_RL.to(self._device)
        return self._adapter.logits(self._base, states, concepts_RD, said, self._trust)

    def select(self, rows: Sequence[int]) -> None:
        """Keep `rows`, in that order; a row may come more than once."""
        self._cache.select(torch.tensor(rows, dtype=torch.long))

    def copy_columns(self, source: int, targets: Sequence[int], first: int, last: int) -> None:
        """Copy the columns `first` to `last` of row `source` to the rows `targets`."""
        self._cache.copy_columns(source, torch.tensor(targets, dtype=torch.long), first, last)

    def _run(self, ids_RS: Tensor, columns_RS: Tensor, concepts_RSD: Tensor | None) -> Tensor:
        width = int(columns_RS.max()) + 1
        ids, columns = ids_RS.to(self._device), columns_RS.to(self._device)
        self._cache.place(columns, width)
        hidden = torch.arange(width, device=self._device) > columns[..., None]  # (R, S, C)
        dtype = self._base.dtype
        mask = torch.zeros(hidden.shape, dtype=dtype, device=self._device)
        kwargs = {
            "attention_mask": mask.masked_fill(hidden, torch.finfo(dtype).min)[:, None],
            "position_ids": columns,
            "past_key_values": self._cache,
            "use_cache": True,
        }
        if self._adapter is None or concepts_RSD is None:
            states: Tensor = self._base.model(input_ids=ids, **kwargs).last_hidden_state
            return states
        return self._adapter.states(self._base, ids, concepts_RSD.to(self._device), self._trust, **kwargs)


def _num_shared(texts: Sequence[Sequence[int]]) -> int:
    """Return the number of tokens in the texts' common prefix."""
    for place, tokens in enumerate(zip(*texts, strict=False)):
        if len(set(tokens)) > 1:
            return place
    return min(map(len, texts))
