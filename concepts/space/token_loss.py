"""Token cross-entropy of concepts through the frozen decoder: what a predicted concept would say.

The strongest known training signal for a concept model (SONAR-LLM, arXiv 2508.05305): the gradient
passes through the decoder into the concept, the decoder itself does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from concepts.card import ModelCard
from concepts.precision import training_device, training_dtype
from concepts.published import PublishedCard, asset_cards
from concepts.quantize import read_tensors
from concepts.space.config import EOS_ID, PAD_ID, SpaceConfig
from concepts.space.loading import load_part
from concepts.space.network import SpaceDecoder
from concepts.space.tokenizer import Pieces

_MAX_TOKENS = 4_096
"""Most tokens of a chunk."""
_MAX_LOGITS = 2**25
"""Most logits of a chunk: 134 MB in float32."""


class TokenLoss:
    """The frozen decoder of a space and the tokens of a list of texts."""

    def __init__(
        self, space: ModelCard, texts: Sequence[str], lang: str = "eng_Latn", max_len: int = 48
    ) -> None:
        """Load the decoder of `space` and tokenise `texts`, each cut at `max_len` pieces."""
        pieces = Pieces(space.path("pieces.model"))
        self.decoder: SpaceDecoder | PublishedDecoder
        """Frozen, in the number format of training; whoever trains it puts another one here."""
        if isinstance(space, PublishedCard):
            self.decoder = PublishedDecoder(space).requires_grad_(False).eval()
            self._lang_id = space.lang_id(lang, pieces.num_pieces)
        else:
            own = load_decoder(space)
            self.decoder = own.requires_grad_(False).to(training_dtype(training_device())).eval()
            self._lang_id = own.config.lang_id(lang)
        # logits are the largest tensor by far: SONAR's vocabulary is 32 times that of sonar-mini
        self._max_tokens = max(1, min(_MAX_TOKENS, _MAX_LOGITS // (pieces.num_pieces + 1)))
        # the end of a sentence that was cut is not learnt
        self._ids = [
            ids[:max_len] + ([EOS_ID] if len(ids) <= max_len else []) for ids in pieces.encode(list(texts))
        ]

    def count(self, rows: Sequence[int]) -> int:
        """Return how many tokens the texts `rows` have."""
        return sum(len(self._ids[row]) for row in rows)

    def __call__(self, raw: Tensor, rows: Sequence[int], *, max_tokens: int | None = None) -> Tensor:
        """Return the mean nats a token of saying text `rows[i]` from the raw concept `raw[i]`.

        `raw` is (N, D), or (N, S, D) where each stands with its context (see concepts/context.py).

        Sentences are sorted by length and cut into chunks of at most `max_tokens` tokens (None: as many as
        the vocabulary allows), so that little is padded.
        """
        self.decoder.to(raw.device)
        dtype = next(self.decoder.parameters()).dtype
        max_tokens = self._max_tokens if max_tokens is None else max_tokens
        order = sorted(range(len(rows)), key=lambda i: len(self._ids[rows[i]]))
        total, num_tokens = raw.new_zeros(()), 0
        for chunk in _chunks(order, [len(self._ids[row]) for row in rows], max_tokens):
            width = len(self._ids[rows[chunk[-1]]])
            target = torch.full((len(chunk), width), PAD_ID)
            for line, i in enumerate(chunk):
                ids = self._ids[rows[i]]
                target[line, : len(ids)] = torch.tensor(ids)
            target = target.to(raw.device)
            prefix = F.pad(target[:, :-1], (2, 0), value=EOS_ID)
            prefix[:, 1] = self._lang_id
            hidden = self.decoder(raw[chunk].to(dtype), prefix)[:, 1:]
            keep = target != PAD_ID
            logits = self.decoder.project(hidden[keep])
            total = total + F.cross_entropy(logits.float(), target[keep], reduction="sum")
            num_tokens += int(keep.sum())
        return total / max(1, num_tokens)


class PublishedDecoder(nn.Module):
    """sonar-space's own decoder of a published space, in training's number format, called as the training twin is."""

    def __init__(self, space: ModelCard) -> None:
        super().__init__()
        _, says = asset_cards(space)
        self.model = load_part(says, torch.device("cpu"), training_dtype(training_device()))

    def forward(self, memory: Tensor, tokens_BT: Tensor) -> Tensor:
        """Return hidden states (B, T, M) for raw concepts (B, M) and `tokens_BT` (eos, language token, ...)."""
        from fairseq2.nn import BatchLayout

        concepts = memory.unsqueeze(1)  # (B, 1, M)
        # Padding comes last and attention is causal: no token before it sees it.
        model: Any = self.model
        hidden: Tensor = model.decode(
            tokens_BT, BatchLayout.of(tokens_BT), concepts, BatchLayout.of(concepts)
        )
        return hidden

    def project(self, hidden: Tensor) -> Tensor:
        """Return logits (..., V)."""
        model: Any = self.model
        logits: Tensor = model.project(hidden)
        return logits


def load_decoder(space: ModelCard) -> SpaceDecoder:
    """Return the trainable twin of a released space's decoder, in float32, with a table of its own."""
    decoder = SpaceDecoder(SpaceConfig.of(space.config))
    decoder.load_state_dict(read_tensors(space.path("decoder.safetensors")))
    return decoder


def _chunks(order: list[int], lengths: list[int], max_tokens: int) -> list[list[int]]:
    chunks: list[list[int]] = []
    for i in order:
        if not chunks or (len(chunks[-1]) + 1) * lengths[i] > max_tokens:
            chunks.append([])
        chunks[-1].append(i)
    return chunks
