"""Sections and contents as token sequences, each token with the concept of its sentence.

A `PackedTexts` is all that training needs: token ids and rows of concepts in a few flat arrays, in one file. A
machine without the corpus, the space and sonar-space can train from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from concepts.errors import InputError
from writer.voice.text import (
    MOST_SAID,
    TITLE_MARK,
    Said,
    marked,
    outline_line,
    outline_prefix,
    section_opening,
    section_prefix,
    title_prefix,
)

NO_CONCEPT = -1
LEAST_SAID = 100
"""A sequence with fewer target tokens is drawn as often as one with this many, so that short titles and contents are
learnt too."""


@dataclass(frozen=True)
class SpokenSection:
    """A section of the corpus in a voice's form."""

    heading: str
    sentences: tuple[Said, ...]
    notes: tuple[str, ...] = ()
    """Sentences that it can be written from."""


@dataclass(frozen=True)
class SpokenDocument:
    """A document of the corpus in a voice's form."""

    title: str
    sections: tuple[SpokenSection, ...]
    prompt: str | None = None
    """Its prompt, if that is not the title."""


@dataclass(frozen=True)
class PackedTexts:
    """Concatenated token sequences, with the concepts of their sentences."""

    tokens: NDArray[np.int32]
    """(T,)"""
    rows: NDArray[np.int32]
    """(T,): for each token the row of its sentence's concept, `NO_CONCEPT` for context tokens."""
    groups: NDArray[np.int32]
    """(T,): 0 for the context that all sections of a sequence share, else the section's number, from 1."""
    starts: NDArray[np.int64]
    """(N + 1,): start of each sequence, and the end."""
    weights: NDArray[np.float32]
    """(N,): relative sampling weight of each sequence, from its share and its number of target tokens."""
    vectors: NDArray[np.float16]
    """Raw concepts (R, D)."""
    drawn: NDArray[np.float16]
    """Draws of planner and writer for these rows (R, D), raw; zeros where there is none."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def save(self, path: Path) -> None:
        """Write all arrays to one file."""
        save_file({name: getattr(self, name) for name in self.__dataclass_fields__}, path)

    @classmethod
    def load(cls, path: Path) -> PackedTexts:
        """Read a file that `save` wrote; raises InputError for an unusable file."""
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
    drawn_for: Callable[[list[str]], Tensor] | None = None,
) -> PackedTexts:
    """Return the sections and contents of documents as sequences.

    `groups` are documents and their share of the samples; `encode` returns the concepts (N, D) of texts, `drawn_for`
    the draws of planner and writer for them (zeros for none).
    """
    packer = _Packer(tokenizer, max_tokens)
    for documents, share in groups:
        for document in documents:
            headings = [section.heading for section in document.sections]
            if document.prompt is not None:
                packer.add(title_prefix(document.prompt), "", [(TITLE_MARK, document.title + "\n")])
            if len(headings) > 1:
                lines = [outline_line(i + 1, heading) for i, heading in enumerate(headings)]
                signs = [line[: line.index(heading)] for line, heading in zip(lines, headings, strict=True)]
                # the line break belongs to the heading: a voice ends a heading with it
                pieces = [(sign, heading + "\n") for sign, heading in zip(signs, headings, strict=True)]
                packer.add(outline_prefix(document.title), "", pieces)
            for here, section in enumerate(document.sections):
                whole = section_prefix(document.title, headings, here, section.notes)
                cut = whole.rindex(section_opening(section.heading, section.notes))
                packer.add(whole[:cut], whole[cut:], marked(section.sentences))
        packer.end_group(share)
    if not packer.tokens:
        raise InputError("the corpus has no section to learn from; import more documents")
    vectors = encode(list(packer.row_of)).half().numpy()
    return PackedTexts(
        np.array(packer.tokens, dtype=np.int32),
        np.array(packer.rows, dtype=np.int32),
        np.array(packer.groups, dtype=np.int32),
        np.array(packer.starts, dtype=np.int64),
        np.concatenate(packer.weights),
        vectors,
        np.zeros_like(vectors) if drawn_for is None else drawn_for(list(packer.row_of)).half().numpy(),
    )


class _Packer:
    """Builds sequences: sections with the same context share a sequence while there is room."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        self._tokenizer, self._max_tokens = tokenizer, max_tokens
        self.row_of: dict[str, int] = {}
        self.tokens: list[int] = []
        self.rows: list[int] = []
        self.groups: list[int] = []
        self.starts = [0]
        self.weights: list[NDArray[np.float32]] = []
        self._shared: str | None = None
        self._first = 0

    def add(self, shared: str, opening: str, pieces: Sequence[tuple[str, str]]) -> None:
        """Add target pieces (mark, text) after the context `shared` and `opening`, which is no target."""
        text, ends, owners = opening, [], []
        for before, said in pieces:
            text += before + said
            ends.append(len(text))
            owners.append(self.row_of.setdefault(said.strip(), len(self.row_of)))
        found = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        tokens, rows, at = found["input_ids"], [], 0
        for _, end in found["offset_mapping"]:
            while at < len(ends) - 1 and end > ends[at]:
                at += 1
            rows.append(NO_CONCEPT if end <= len(opening) else owners[at])
        if shared != self._shared or len(self.tokens) - self.starts[-1] + len(tokens) > self._max_tokens:
            self._close()
            before = self._tokenizer(shared, add_special_tokens=False)["input_ids"]
            self._extend(before, [NO_CONCEPT] * len(before), 0)
            self._shared = shared
        room = self._max_tokens - (len(self.tokens) - self.starts[-1])
        self._extend(tokens[:room], rows[:room], 1 + max(self.groups[self.starts[-1] :], default=0))

    def end_group(self, share: float) -> None:
        """Give the sequences added since the last call a share of the samples."""
        self._close()
        ends = self.starts[self._first :]
        said = [sum(row != NO_CONCEPT for row in self.rows[a:b]) for a, b in pairwise(ends)]
        weights = np.maximum(said, LEAST_SAID).astype(np.float32)
        self.weights.append(share * weights / max(1.0, weights.sum()))
        self._first = len(self.starts) - 1

    def _extend(self, tokens: Sequence[int], rows: Sequence[int], group: int) -> None:
        self.tokens += tokens
        self.rows += rows
        self.groups += [group] * len(tokens)

    def _close(self) -> None:
        """End a sequence; one without targets is dropped."""
        first = self.starts[-1]
        if any(row != NO_CONCEPT for row in self.rows[first:]):
            self.starts.append(len(self.tokens))
        else:
            for values in (self.tokens, self.rows, self.groups):
                del values[first:]
        self._shared = None


@dataclass(frozen=True)
class VoiceBatch:
    """Sequences padded on the right."""

    ids_BS: Tensor
    """Input tokens."""
    places_BS: Tensor
    """Position of each token in its own section's text."""
    mask_B1SS: Tensor
    """True where a token attends to another: an earlier one of the shared context or of its own section."""
    targets_BS: Tensor
    """The next token, -1 if it is no target."""
    concepts_BSD: Tensor
    """The concept of the next token's sentence; zero if there is none."""
    said_BSL: Tensor
    """The tokens of that sentence so far, nearest first, padded with -1 to `MOST_SAID`."""
    is_drawn_BS: Tensor
    """Whether planner or writer drew that concept."""


def make_batch(
    packed: PackedTexts,
    indices: Sequence[int],
    vectors_RD: Tensor,
    drawn_RD: Tensor | None = None,
    shows_drawn: Sequence[bool] = (),
) -> VoiceBatch:
    """Return the sequences at `indices`, with the concepts `vectors_RD` (float32) of their sentences.

    Sequences whose `shows_drawn` is true get the drawn concepts `drawn_RD` instead, where these are not zero.
    """
    spans = [(int(packed.starts[i]), int(packed.starts[i + 1])) for i in indices]
    width = max(end - start for start, end in spans) - 1
    shape = (len(spans), width)
    ids, places, groups = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    targets, rows = torch.full(shape, -1), torch.full(shape, NO_CONCEPT)

    def part(values: NDArray[np.int32], first: int, last: int) -> Tensor:
        return torch.from_numpy(values[first:last].astype(np.int64))

    for b, (start, end) in enumerate(spans):
        num = end - start - 1
        ids[b, :num] = part(packed.tokens, start, end - 1)
        groups[b, :num] = own = part(packed.groups, start, end - 1)
        groups[b, num:] = -1
        places[b, :num] = _places(own)
        rows[b, :num] = following = part(packed.rows, start + 1, end)
        targets[b, :num] = torch.where(following == NO_CONCEPT, -1, part(packed.tokens, start + 1, end))
    reads = (groups[:, None, :] == 0) | (groups[:, None, :] == groups[:, :, None])
    mask = (reads & torch.ones(width, width, dtype=torch.bool).tril())[:, None]
    is_drawn = torch.zeros(shape, dtype=torch.bool)
    concepts = vectors_RD[rows.clamp_min(0)] * (rows >= 0).unsqueeze(-1)
    if drawn_RD is not None:
        drawn = drawn_RD[rows.clamp_min(0)]
        is_drawn = torch.tensor(shows_drawn)[:, None] & (rows >= 0) & (drawn != 0).any(dim=-1)
        concepts = torch.where(is_drawn.unsqueeze(-1), drawn, concepts)
    return VoiceBatch(ids, places, mask, targets, concepts, _said(ids, rows, groups), is_drawn)


def _said(ids_BS: Tensor, rows_BS: Tensor, groups_BS: Tensor) -> Tensor:
    """Return for each position the tokens (B, S, L) that precede the next token in the next token's sentence.

    `rows_BS` and the targets belong to the token after a position, `ids_BS` and `groups_BS` to the position itself.
    """
    width = ids_BS.shape[1]
    back = torch.arange(width)[:, None] - torch.arange(
        min(MOST_SAID, width)
    )  # (S, L), the position itself first
    places = back.clamp_min(0)
    # the row of the token at a position is stored at the position before it
    of_token = torch.cat((torch.full_like(rows_BS[:, :1], NO_CONCEPT), rows_BS[:, :-1]), dim=1)
    is_same = (of_token[:, places] == rows_BS[:, :, None]) & (groups_BS[:, places] == groups_BS[:, :, None])
    return torch.where(is_same & (rows_BS[:, :, None] >= 0) & (back >= 0), ids_BS[:, places], -1)


def _places(groups_S: Tensor) -> Tensor:
    """Return each token's position: every section starts at the end of the shared context."""
    num_shared = int((groups_S == 0).sum())
    places = torch.arange(len(groups_S))
    for group in range(1, int(groups_S.max()) + 1):
        own = groups_S == group
        places[own] = num_shared + torch.arange(int(own.sum()))
    return places


def draw(packed: PackedTexts, rng: np.random.Generator, tokens_per_batch: int) -> list[int]:
    """Draw sequences of similar length for one batch of at most `tokens_per_batch` tokens, padding included."""
    lengths = np.diff(packed.starts)
    pool = rng.choice(len(packed), size=64, p=packed.weights / packed.weights.sum())
    pool = pool[np.argsort(lengths[pool], kind="stable")]
    at = int(rng.integers(0, len(pool)))
    chosen: list[int] = []
    for index in pool[at::-1]:  # longest first
        longest = int(lengths[chosen[0]]) if chosen else int(lengths[index])
        if chosen and longest * (len(chosen) + 1) > tokens_per_batch:
            break
        chosen.append(int(index))
    return chosen
