"""What a sentence of a document stands in, and the sentence of a library that a section is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

BlockKind = Literal["paragraph", "step", "bullet"]
"""What a sentence may begin; a step is an item of a numbered list."""
BLOCK_KINDS: tuple[BlockKind, ...] = get_args(BlockKind)


@dataclass(frozen=True, kw_only=True)
class Note:
    """A sentence of a library that a section is written from."""

    text: str
    title: str
    """Of the document that it stands in."""
    heading: str
    score: float
    """How near it is to the section, about a cosine."""
    block: BlockKind = "paragraph"
    """What it stands in there."""
    begins: bool = False
    """Whether it begins a paragraph or an item; if not, running text goes on in the paragraph before it."""
