"""Kinds of block in a document, and notes: library sentences that a section is written from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

BlockKind = Literal["paragraph", "step", "bullet", "verse"]
"""Kinds of block; a step is an item of a numbered list, a verse a stanza or an address: its sentences are its lines."""
BLOCK_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
LIST_KINDS: tuple[BlockKind, ...] = ("step", "bullet")
"""Kinds of which each block is an item of a list."""


def join_block(kind: str, sentences: Iterable[str]) -> str:
    """Return the text of a block: its sentences in a row, or the lines of a verse one below the other."""
    return ("\n" if kind == "verse" else " ").join(sentences)


@dataclass(frozen=True, kw_only=True)
class Note:
    """A sentence of a library that a section is written from."""

    text: str
    title: str
    """Title of its document."""
    heading: str
    score: float
    """Likeness to the section, about a cosine."""
    block: BlockKind = "paragraph"
    """Kind of its block in that document."""
    begins: bool = False
    """Whether it begins a paragraph, an item or a stanza; if not, it goes on in the block before it."""
