"""Kinds of block in a document, and notes: library sentences that a section is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

BlockKind = Literal["paragraph", "step", "bullet"]
"""Kinds of block; a step is an item of a numbered list."""
BLOCK_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)


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
    """Whether it begins a paragraph or an item; if not, running text goes on in the paragraph before it."""
