"""The words of a sentence's English beside its concept, for the decoder of another language.

One vector holds what a sentence says, and a small decoder spells little of it at once; the English decoder
says most of it. So English is said first, and the decoder of the other
language reads it: by attention to what stands behind each token in the space's own encoder. Two passes over one
sentence with a draft between them are deliberation networks (Xia et al. 2017, "Deliberation Networks: Sequence
Generation Beyond One-Pass Decoding"); here the draft is in another language and its encoder is frozen. A concept is
the mean of these states (mean pooling), so a decoder that attends to all alike reads what it read before.

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
"""Standard deviation of a new query matrix, relative to that of other matrices."""
_CHUNK = 50_000

States = Callable[[Tensor, Tensor], Tensor]
"""What stands behind tokens (B, S) of which some are padding (B, S), in English (B, S, M)."""


class Drafts:
    """English texts as token ids, one after the other in one array; an empty text has none."""

    def __init__(self, texts: Sequence[str], pieces: Pieces, lang_id: int) -> None:
        """Tokenise `texts`; `lang_id` is that of English."""
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
        """Return how many pieces the texts of these numbers (B,) have."""
        starts: NDArray[np.int64] = np.where(numbers > 0, self._ends[numbers - 1], 0)
        return self._ends[numbers] - starts

    def padded(self, numbers: NDArray[np.int64]) -> Tensor:
        """Return the texts of these numbers (B, S): language token, pieces, eos; padding where there is no text."""
        ends, lengths = self._ends[numbers], self.lengths(numbers)
        starts = ends - lengths
        rows = torch.full((len(numbers), int(lengths.max()) + 2), PAD_ID)
        for row, start, end in zip(rows, starts.tolist(), ends.tolist(), strict=True):
            if end > start:
                row[0], row[end - start + 1] = self._lang_id, EOS_ID
                row[1 : end - start + 1] = torch.from_numpy(self._ids[start:end].astype(np.int64))
        return rows


def with_draft(concepts_BM: Tensor, draft_BS: Tensor, states: States) -> tuple[Tensor, Tensor]:
    """Return what a decoder reads (B, 1 + S, M) and which of it is padding (B, 1 + S); the concept never is.

    `states` gives what stands behind tokens (B, S) of which some are padding. A row of padding alone has no draft.
    """
    padding = draft_BS == PAD_ID
    # A row that attends to nothing would be NaN.
    read = states(draft_BS, padding & padding.logical_not().any(dim=1, keepdim=True))
    memory = torch.cat((concepts_BM.unsqueeze(1), read.to(concepts_BM.dtype)), dim=1)
    return memory, torch.nn.functional.pad(padding, (1, 0), value=False)


@torch.no_grad()
def open_to_draft(decoder: SpaceDecoder, seed: int) -> None:
    """Let a decoder that has read single concepts read words, at first nearly all alike: their mean is the concept."""
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
    """Return what gives the states of an encoder that is not trained, on the device of the tokens."""

    def states(draft_BS: Tensor, padding_BS: Tensor) -> Tensor:
        encoder.to(draft_BS.device)
        with torch.no_grad():
            return encoder.states(draft_BS, padding_BS)

    return states
