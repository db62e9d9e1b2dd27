"""Batches of equal-length sentences: nothing is padded, and step n always holds the same sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from concepts.errors import InputError
from concepts.space.config import EOS_ID, SpaceConfig
from concepts.space.draft import Drafts
from concepts.space.tokenizer import Pieces
from training.space.teacher import Meanings

Ids = NDArray[np.int16]
_ALIKE = 8
"""Consecutive batches whose sentences are sorted by the length of their English, so that drafts need little padding."""


@dataclass(frozen=True)
class SpaceBatch:
    """Sentences of one length in one language (B sentences, T pieces)."""

    pieces_BT: Tensor
    """Token ids without prefix and suffix."""
    lang_id: int
    """Id of the language token."""
    meaning_BE: Tensor | None = None
    """The teacher's vectors; zeros where there is none."""
    draft_BS: Tensor | None = None
    """The English of each sentence as its encoder reads it: language token, pieces, eos, padding (see draft.py)."""

    @property
    def source(self) -> Tensor:
        """Encoder input: language token, pieces, eos (B, T + 2)."""
        return self._framed(self.lang_id, EOS_ID)

    @property
    def prefix(self) -> Tensor:
        """Decoder input: language token, pieces (B, T + 1), without the eos in front; see `target`."""
        return torch.nn.functional.pad(self._framed(self.lang_id, EOS_ID)[:, :-1], (1, 0), value=EOS_ID)

    @property
    def target(self) -> Tensor:
        """The next token at each position of `prefix`: pieces, eos (B, T + 1)."""
        return torch.nn.functional.pad(self.pieces_BT, (0, 1), value=EOS_ID)

    def _framed(self, first: int, last: int) -> Tensor:
        framed = torch.nn.functional.pad(self.pieces_BT, (1, 0), value=first)
        return torch.nn.functional.pad(framed, (0, 1), value=last)


class SpaceData:
    """Tokenised sentences by language and length."""

    def __init__(
        self,
        sentences: Iterable[tuple[str, str]],
        pieces: Pieces,
        config: SpaceConfig,
        meanings: Meanings | None = None,
        drafts: Drafts | None = None,
    ) -> None:
        """Tokenise `sentences` (text, language); sentences longer than the config allows are left out.

        `meanings` (N, E) are their teacher vectors, `drafts` their English texts.
        """
        given = list(sentences)
        texts, langs = [text for text, _ in given], [lang for _, lang in given]
        rows: dict[tuple[str, int], list[list[int]]] = {}
        numbers: dict[tuple[str, int], list[int]] = {}
        for number, (ids, lang) in enumerate(zip(pieces.encode(texts), langs, strict=True)):
            if 1 <= len(ids) <= config.max_seq_len - 4:
                rows.setdefault((lang, len(ids)), []).append(ids)
                numbers.setdefault((lang, len(ids)), []).append(number)
        self._config = config
        self._meanings, self._drafts = meanings, drafts
        self._buckets: dict[tuple[str, int], Ids] = {
            key: np.array(value, dtype=np.int16) for key, value in sorted(rows.items())
        }
        self._numbers = {key: np.array(value) for key, value in numbers.items()}
        self.num_sentences = sum(map(len, self._buckets.values()))
        if not self.num_sentences:
            raise InputError(
                "the corpus has no sentence to train on; import documents with `longhand corpus import`"
            )
        self._plans: dict[tuple[int, int, int, int], list[tuple[tuple[str, int], int, int]]] = {}

    @property
    def shortest(self) -> int:
        """Pieces of the shortest sentence."""
        return min(length for _, length in self._buckets)

    def batch(self, step: int, *, seed: int, max_tokens: int, max_len: int) -> SpaceBatch:
        """Return batch number `step` of an endless shuffled stream of sentences up to `max_len` pieces.

        A pure function of its arguments: epoch and place follow from `step` alone. Raises InputError if no
        sentence is that short.
        """
        num_batches = sum(
            -(-len(rows) // self._per_batch(key[1], max_tokens)) for key, rows in self._of(max_len)
        )
        if not num_batches:
            raise InputError(f"the corpus has no sentence of at most {max_len} pieces; import more documents")
        epoch, index = divmod(step, num_batches)
        plan_key = (epoch, seed, max_tokens, max_len)
        if plan_key not in self._plans:
            newest = dict(list(self._plans.items())[-1:])  # two streams may be drawn in turn
            self._plans = newest | {plan_key: self._plan(epoch, seed, max_tokens, max_len)}
        key, start, stop = self._plans[plan_key][index]
        order = np.random.default_rng((seed, epoch, key[1])).permutation(len(self._buckets[key]))
        chosen = self._chosen(key, order, start, stop, self._per_batch(key[1], max_tokens))
        rows = torch.from_numpy(self._buckets[key][chosen].astype(np.int64))
        numbers = self._numbers[key][chosen]
        meaning = None if self._meanings is None else torch.from_numpy(self._meanings[numbers]).float()
        draft = None if self._drafts is None else self._drafts.padded(numbers)
        return SpaceBatch(rows, self._config.lang_id(key[0]), meaning, draft)

    def _chosen(
        self, key: tuple[str, int], order: NDArray[np.int64], start: int, stop: int, size: int
    ) -> NDArray[np.int64]:
        """Return the rows `start` to `stop` of `order`, with groups of batches sorted by the length of the drafts."""
        if self._drafts is None:
            return order[start:stop]
        first = start - start % (size * _ALIKE)
        part = order[first : first + size * _ALIKE]
        lengths = self._drafts.lengths(self._numbers[key][part])
        alike = part[np.argsort(lengths, kind="stable")]
        return alike[start - first : stop - first]

    def _plan(
        self, epoch: int, seed: int, max_tokens: int, max_len: int
    ) -> list[tuple[tuple[str, int], int, int]]:
        plan = []
        for key, rows in self._of(max_len):
            size = self._per_batch(key[1], max_tokens)
            plan += [(key, start, min(start + size, len(rows))) for start in range(0, len(rows), size)]
        order = np.random.default_rng((seed, epoch)).permutation(len(plan))
        return [plan[i] for i in order]

    def _of(self, max_len: int) -> list[tuple[tuple[str, int], Ids]]:
        return [(key, rows) for key, rows in self._buckets.items() if key[1] <= max_len]

    @staticmethod
    def _per_batch(length: int, max_tokens: int) -> int:
        return max(1, max_tokens // (length + 2))
