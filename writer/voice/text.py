"""A document as the text that a voice reads and goes on with: Markdown, each sentence a piece of it.

The same form in training and in writing. A voice of any base has seen such text, so that one without an adapter
can go on with it, too. Pure functions on strings: no model here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from concepts.blocks import BlockKind

REACH = 6
"""Headings before and behind a section that stand in the contents it is said from."""
MOST_SAID = 48
"""Tokens of a sentence that are remembered as said."""

_STEP = re.compile(r"(\d{1,2})[.)]\s+")
_BULLET = re.compile(r"[-*•]\s+")
_ENDS = re.compile(r"[.!?:…][\"'”’)\]]*$")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|No|approx|ca|cf|Fig)|\b[A-Z]|^\d+)\.$")


@dataclass(frozen=True)
class Said:
    """One sentence and the block that it begins; None: it goes on in the block before."""

    text: str
    block: BlockKind | None
    is_apart: bool = False
    """Of a sentence that is proposed: whether it begins its block whatever stands before it."""


TITLE_MARK = "# "
"""What a title begins with where a voice says it."""


def title_prefix(prompt: str) -> str:
    """Return what stands before the title when a document is named after what was typed for it."""
    return f"Request: {' '.join(prompt.split())}\n\n"


def outline_prefix(title: str) -> str:
    """Return what stands before the first heading when the headings of a document are said."""
    return f"# {title}\n\nContents:\n"


def outline_line(number: int, heading: str) -> str:
    """Return the line of a heading in the contents; `number` counts from 1."""
    return f"{number}. {heading}\n"


def section_prefix(title: str, headings: Sequence[str], here: int, notes: Sequence[str] = ()) -> str:
    """Return what stands before the first sentence of section `here` (from 0); of a long outline what is near it.

    `notes` are sentences that the section may be written from.
    """
    near = range(max(0, here - REACH), min(len(headings), here + REACH + 1))
    contents = "".join(outline_line(i + 1, headings[i]) for i in near)
    return f"{outline_prefix(title)}{contents}{section_opening(headings[here], notes)}"


def section_opening(heading: str, notes: Sequence[str] = ()) -> str:
    """Return what stands between the contents and a section's first sentence."""
    listed = "".join(f"- {note}\n" for note in notes)
    return (f"\nNotes:\n{listed}" if notes else "") + f"\n## {heading}\n\n"


def mark(said: Said, before: Said | None, number: int) -> str:
    """Return what stands before a sentence: white space, and the mark of its list item.

    `before` is the sentence before it, None at the start of a section; `number` is that of a step, from 1.
    """
    if said.block is None:
        return "" if before is None else " "
    sign = {"paragraph": "", "step": f"{number}. ", "bullet": "- "}[said.block]
    if before is None:
        return sign
    return ("\n" if said.block != "paragraph" and before.block == said.block else "\n\n") + sign


def marked(sentences: Sequence[Said]) -> list[tuple[str, str]]:
    """Return each sentence of a section with what stands before it, as (mark, text)."""
    pieces: list[tuple[str, str]] = []
    opener: Said | None = None
    number = 0
    for i, said in enumerate(sentences):
        number = 0 if said.block not in (None, "step") else number + (said.block == "step")
        before = None if i == 0 else (opener or Said("", None))
        pieces.append((mark(said, before, number), said.text))
        opener = said if said.block is not None or opener is None else opener
    return pieces


def next_piece(said: Sequence[Said], following: Said) -> str:
    """Return a sentence that comes after those said: in the block that they are in, where it may be.

    Running text goes on with a list as its next item, and items of another list with the list that has begun, unless
    the sentence stands apart or begins nothing.
    """
    open_block = next((piece.block for piece in reversed(said) if piece.block is not None), None)
    block = following.block
    if following.is_apart or block is None:
        pass
    elif open_block in ("step", "bullet"):
        block = open_block
    elif open_block == "paragraph" and block == "paragraph":
        block = None
    sign, _ = marked([*said, Said(following.text, block)])[-1]
    return sign + following.text


def parse_piece(piece: str, is_first: bool) -> Said:
    """Return the sentence that a voice said, and the block that it begins, from the text as it came."""
    body = piece.lstrip(" \n\t")
    has_line = is_first or "\n" in piece[: len(piece) - len(body)]
    if has_line and (found := _STEP.match(body)):
        return Said(_clean(body[found.end() :]), "step")
    if has_line and (found := _BULLET.match(body)):
        return Said(_clean(body[found.end() :]), "bullet")
    return Said(_clean(body), "paragraph" if has_line else None)


def is_over(text: str) -> bool:
    """Return whether a text, without the white space behind it, is a whole sentence."""
    body = text.strip()
    return bool(_ENDS.search(body)) and not _ABBREVIATION.search(body)


def _clean(text: str) -> str:
    return " ".join(text.replace("**", "").replace("__", "").split())
