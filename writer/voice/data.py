"""Sections and contents as token sequences, each token with the concept of its sentence.

A `PackedTexts` is all that training needs: token ids and rows of concepts in a few flat arrays, in one file, so
that a machine without the corpus, the space and sonar-space can train.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from concepts.errors import InputError
from writer.voice.text import Said, marked, outline_line, outline_prefix, section_prefix

NO_CONCEPT = -1


@dataclass(frozen=True)
class SpokenSection:
    """A section of the corpus as a voice says it."""

    heading: str
    sentences: tuple[Said, ...]


@dataclass(frozen=True)
class SpokenDocument:
    """A document of the corpus as a voice says it."""

    title: str
    sections: tuple[SpokenSection, ...]


@dataclass(frozen=True)
class PackedTexts:
    """Sequences of tokens, one behind the other, with the concepts of their sentences."""

    tokens: NDArray[np.int32]
    """(T,)"""
    rows: NDArray[np.int32]
    """(T,): for each token the row of its sentence's concept, `NO_CONCEPT` for what is only read."""
    starts: NDArray[np.int64]
    """(N + 1,): where each sequence starts, and the end."""
    weights: NDArray[np.float32]
    """(N,): how often each sequence is drawn, relative to the others."""
    vectors: NDArray[np.float16]
    """Raw concepts (R, D)."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def save(self, path: Path) -> None:
        """Write all to one file."""
        save_file({name: getattr(self, name) for name in self.__dataclass_fields__}, path)

    @classmethod
    def load(cls, path: Path) -> PackedTexts:
        """Read what `save` wrote; raises InputError for a file that cannot be used."""
        try:
            return cls(**load_file(path))
        except (OSError, TypeError, SafetensorError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"{path} cannot be read ({first}); pack the corpus again") from error


def pack(
    groups: Sequence[tuple[Sequence[SpokenDocument], float]],
    tokenizer: Any,
    encode: Callable[[list[str]], Tensor],
    *,
    max_tokens: int,
) -> PackedTexts:
    """Return the sections and contents of documents as sequences.

    `groups` are documents and the share of the draws that theirs get; `encode` returns the concepts (N, D) of texts.
    """
    row_of: dict[str, int] = {}
    tokens: list[int] = []
    rows: list[int] = []
    starts, weights = [0], []

    def add(prefix: str, pieces: Sequence[tuple[str, str]]) -> None:
        text, ends, owners = prefix, [], []
        for before, said in pieces:
            text += before + said
            ends.append(len(text))
            owners.append(row_of.setdefault(said.strip(), len(row_of)))
        found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        at = 0
        for token, (_, end) in list(zip(found["input_ids"], found["offset_mapping"], strict=True))[:max_tokens]:
            while at < len(ends) - 1 and end > ends[at]:
                at += 1
            tokens.append(token)
            rows.append(NO_CONCEPT if end <= len(prefix) else owners[at])
        starts.append(len(tokens))

    for documents, share in groups:
        first = len(starts) - 1
        for document in documents:
            headings = [section.heading for section in document.sections]
            if len(headings) > 1:
                lines = [outline_line(i + 1, heading) for i, heading in enumerate(headings)]
                signs = [line[: line.index(heading)] for line, heading in zip(lines, headings, strict=True)]
                # the line's end belongs to the heading: it is how a voice says that it is over
                add(outline_prefix(document.title), [(s, h + "\n") for s, h in zip(signs, headings, strict=True)])
            for here, section in enumerate(document.sections):
                add(section_prefix(document.title, headings, here), marked(section.sentences))
        sizes = np.diff(starts[first:]).astype(np.float64)
        weights += list(share * np.ones(len(sizes)) / max(1, len(sizes)))
    if not tokens:
        raise InputError("the corpus has no section to learn from; import more documents")
    vectors = encode(list(row_of)).half().numpy()
    return PackedTexts(
        np.array(tokens, dtype=np.int32),
        np.array(rows, dtype=np.int32),
        np.array(starts, dtype=np.int64),
        np.array(weights, dtype=np.float32),
        vectors,
    )


@dataclass(frozen=True)
class VoiceBatch:
    """Sequences padded on the right."""

    ids_BS: Tensor
    """Tokens that are read."""
    mask_BS: Tensor
    """1 for tokens, 0 for padding."""
    targets_BS: Tensor
    """The token that follows each, -1 where it is not to be said."""
    concepts_BSD: Tensor
    """The concept of that token's sentence; zero where there is none."""


def make_batch(packed: PackedTexts, indices: Sequence[int], vectors_RD: Tensor) -> VoiceBatch:
    """Return the sequences at `indices`, with the concepts `vectors_RD` (float32) of their sentences."""
    spans = [(int(packed.starts[i]), int(packed.starts[i + 1])) for i in indices]
    width = max(end - start for start, end in spans) - 1
    ids = torch.zeros(len(spans), width, dtype=torch.long)
    mask = torch.zeros(len(spans), width, dtype=torch.long)
    targets = torch.full((len(spans), width), -1)
    rows = torch.full((len(spans), width), NO_CONCEPT)
    for b, (start, end) in enumerate(spans):
        num = end - start - 1
        ids[b, :num] = torch.from_numpy(packed.tokens[start : end - 1].astype(np.int64))
        mask[b, :num] = 1
        own = torch.from_numpy(packed.rows[start + 1 : end].astype(np.int64))
        rows[b, :num] = own
        following = torch.from_numpy(packed.tokens[start + 1 : end].astype(np.int64))
        targets[b, :num] = torch.where(own == NO_CONCEPT, -1, following)
    concepts = vectors_RD[rows.clamp_min(0)] * (rows >= 0).unsqueeze(-1)
    return VoiceBatch(ids, mask, targets, concepts)


def draw(packed: PackedTexts, rng: np.random.Generator, tokens_per_batch: int) -> list[int]:
    """Return sequences of like length for one batch: their padded size is at most `tokens_per_batch`."""
    lengths = np.diff(packed.starts)
    pool = rng.choice(len(packed), size=64, p=packed.weights / packed.weights.sum())
    pool = pool[np.argsort(lengths[pool], kind="stable")]
    at = int(rng.integers(0, len(pool)))
    chosen: list[int] = []
    for index in pool[at::-1]:  # from the longest down
        longest = int(lengths[chosen[0]]) if chosen else int(lengths[index])
        if chosen and longest * (len(chosen) + 1) > tokens_per_batch:
            break
        chosen.append(int(index))
    return chosen
