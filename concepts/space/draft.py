"""English drafts: a sentence's English words beside its concept, for the decoder of another language.

A small decoder of another language recovers little of a concept by itself; the English decoder recovers most of it. So
the sentence is decoded to English first, and the other decoder attends to the encoder states of that draft. Two passes
over one sentence with a draft between them are deliberation networks (Xia et al. 2017, "Deliberation Networks: Sequence
Generation Beyond One-Pass Decoding"); here the draft is in another language and its encoder is frozen. A concept is
the mean of these states (mean pooling), so uniform attention to all of them gives the concept again.

Legend: B sentences, S tokens of English, M concept width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.space.config import EOS_ID, PAD_ID
from concepts.space.network import DecoderLayer, SpaceDecoder, SpaceEncoder
from concepts.space.tokenizer import Pieces

MAX_DRAFT = 80
"""Tokens of a draft that are read, frame included."""
_QUERY_STD = 0.1
"""Standard deviation of a new query matrix, relative to other matrices."""
_CHUNK = 50_000

States = Callable[[Tensor, Tensor], Tensor]
"""English tokens (B, S) and their padding mask (B, S) to encoder states (B, S, M)."""


class Drafts:
    """English texts as token ids in one flat array; an empty text has none."""

    def __init__(self, texts: Sequence[str], pieces: Pieces, lang_id: int) -> None:
        """Tokenise `texts`; `lang_id` is the id of English."""
        self._lang_id = lang_id
        parts: list[NDArray[np.int16]] = []
        lengths: list[int] = []
        for start in range(0, len(texts), _CHUNK):
            rows = [ids[: MAX_DRAFT - 2] for ids in pieces.encode(list(texts[start : start + _CHUNK]))]
            lengths += map(len, rows)
            parts.append(np.array([i for ids in rows for i in ids], dtype=np.int16))
        self._ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)
        self._ends: NDArray[np.int64] = np.cumsum(lengths, dtype=np.int64)

    def lengths(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of pieces of the texts with these indices (B,)."""
        starts: NDArray[np.int64] = np.where(numbers > 0, self._ends[numbers - 1], 0)
        return self._ends[numbers] - starts

    def padded(self, numbers: NDArray[np.int64]) -> Tensor:
        """Return the texts with these indices (B, S): language token, pieces, eos; only padding for an empty text."""
        ends, lengths = self._ends[numbers], self.lengths(numbers)
        starts = ends - lengths
        rows = torch.full((len(numbers), int(lengths.max()) + 2), PAD_ID)
        for row, start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True):
            if end > start:
                row[0], row[end - start + 1] = self._lang_id, EOS_ID
                row[1 : end - start + 1] = torch.from_numpy(self._ids[start:end].astype(np.int64))
        return rows


def with_draft(concepts_BM: Tensor, draft_BS: Tensor, states: States) -> tuple[Tensor, Tensor]:
    """Return the decoder's input, concept and draft states (B, 1 + S, M), and its padding mask (B, 1 + S).

    `states` maps tokens and padding mask to encoder states. A row of only padding has no draft.
    """
    padding = draft_BS == PAD_ID
    # Attention with every key masked would give NaN: such a row is not masked.
    read = states(draft_BS, padding & padding.logical_not().any(dim=1, keepdim=True))
    memory = torch.cat((concepts_BM.unsqueeze(1), read.to(concepts_BM.dtype)), dim=1)
    return memory, torch.nn.functional.pad(padding, (1, 0), value=False)


@torch.no_grad()
def open_to_draft(decoder: SpaceDecoder, seed: int) -> None:
    """Prepare a decoder of single concepts to read drafts: its attention starts nearly uniform, the mean of a draft's
    states being the concept."""
    generator = torch.Generator().manual_seed(seed)
    std = decoder.config.model_dim**-0.5
    for layer in decoder.decoder.layers:
        assert isinstance(layer, DecoderLayer)
        attention = layer.encoder_decoder_attn
        attention.k_proj.weight.normal_(std=std, generator=generator)
        attention.q_proj.weight.normal_(std=_QUERY_STD * std, generator=generator)
        attention.k_proj.bias.zero_()
        attention.q_proj.bias.zero_()


def frozen_states(encoder: SpaceEncoder) -> States:
    """Return a function to the states of an encoder that is not trained, on the tokens' device."""

    def states(draft_BS: Tensor, padding_BS: Tensor) -> Tensor:
        encoder.to(draft_BS.device)
        with torch.no_grad():
            return encoder.states(draft_BS, padding_BS)

    return states
