"""A document as the Markdown text that a voice reads and continues, one piece per sentence.

Training and writing use the same form. Every base model has seen Markdown, so a base without an adapter can continue it
too. Pure functions on strings: no model here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from concepts.blocks import LIST_KINDS, BlockKind

REACH = 6
"""Headings before and after a section that the contents in its prompt show."""
MOST_SAID = 48
"""Most tokens of a sentence that are remembered as said."""

_STEP = re.compile(r"(\d{1,2})[.)]\s+")
_BULLET = re.compile(r"[-*•]\s+")
_ENDS = re.compile(r"[.!?:…][\"'”’)\]]*$")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|Dr|Mr|Mrs|Ms|St|No|approx|ca|cf|Fig)|\b[A-Z]|^\d+)\.$")


@dataclass(frozen=True)
class Said:
    """One sentence and the block that it begins; None: it continues the block before."""

    text: str
    block: BlockKind | None
    is_apart: bool = False
    """For a proposed sentence: whether it always begins a new block."""


TITLE_MARK = "# "
"""Beginning of the line in which a voice writes the title."""


def title_prefix(prompt: str) -> str:
    """Return the text before the title when a title is written for a prompt."""
    return f"Request: {' '.join(prompt.split())}\n\n"


_FILLED = """Request: write a letter to my teacher Mrs. Brown, I was ill on May 3
teacher's name: Mrs. Brown
your name: unknown
day of the illness: May 3
telephone number: unknown

Request: speech for the retirement of my colleague Tom, who was with us for 30 years
colleague's name: Tom
number of years: 30 years
date of the party: unknown
place of the party: unknown

"""
"""Two forms filled in from a request: what a voice reads before it fills in a third."""
UNKNOWN = "unknown"


def blank_prefix(prompt: str, blank: str) -> str:
    """Return the text before the value of a blank when a voice fills it from a prompt."""
    return f"{_FILLED}Request: {' '.join(prompt.split())}\n{blank}:"


def blank_value(value: str) -> str:
    """Return a blank's value as it stands after `blank_prefix`."""
    return f" {value}\n"


def outline_prefix(title: str) -> str:
    """Return the text before the first heading when a document's headings are written."""
    return f"# {title}\n\nContents:\n"


def outline_line(number: int, heading: str) -> str:
    """Return the line of a heading in the contents; `number` counts from 1."""
    return f"{number}. {heading}\n"


def section_prefix(title: str, headings: Sequence[str], here: int, notes: Sequence[str] = ()) -> str:
    """Return the text before the first sentence of section `here` (from 0); of many headings only the nearby ones.

    `notes` are sentences that the section may be written from.
    """
    near = range(max(0, here - REACH), min(len(headings), here + REACH + 1))
    contents = "".join(outline_line(i + 1, headings[i]) for i in near)
    return f"{outline_prefix(title)}{contents}{section_opening(headings[here], notes)}"


def section_opening(heading: str, notes: Sequence[str] = ()) -> str:
    """Return the text between the contents and a section's first sentence."""
    listed = "".join(f"- {note}\n" for note in notes)
    return (f"\nNotes:\n{listed}" if notes else "") + f"\n## {heading}\n\n"


def mark(said: Said, before: Said | None, number: int) -> str:
    """Return the text before a sentence: white space, and the mark of its list item.

    `before` is the sentence before it, None at the start of a section; `number` is a step's number, from 1. Voices
    have learnt no verse: a stanza is a paragraph to them, and its lines go on in it.
    """
    if said.block is None:
        return "" if before is None else " "
    sign = {"step": f"{number}. ", "bullet": "- "}.get(said.block, "")
    if before is None:
        return sign
    return ("\n" if said.block in LIST_KINDS and before.block == said.block else "\n\n") + sign


def marked(sentences: Sequence[Said]) -> list[tuple[str, str]]:
    """Return the sentences of a section as (mark, text)."""
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
    """Return the text of the sentence `following` after the sentences `said`, in their block if possible.

    Running text after a list becomes its next item, and an item of another list joins the current list, unless the
    sentence stands apart or begins no block.
    """
    open_block = next((piece.block for piece in reversed(said) if piece.block is not None), None)
    block = following.block
    if following.is_apart or block is None:
        pass
    elif open_block in LIST_KINDS:
        block = open_block
    elif open_block == "paragraph" and block == "paragraph":
        block = None
    sign, _ = marked([*said, Said(following.text, block)])[-1]
    return sign + following.text


def parse_piece(piece: str, is_first: bool) -> Said:
    """Parse a voice's text into the sentence and the block that it begins."""
    body = piece.lstrip(" \n\t")
    has_line = is_first or "\n" in piece[: len(piece) - len(body)]
    if has_line and (found := _STEP.match(body)):
        return Said(_clean(body[found.end() :]), "step")
    if has_line and (found := _BULLET.match(body)):
        return Said(_clean(body[found.end() :]), "bullet")
    return Said(_clean(body), "paragraph" if has_line else None)


def parse_note(piece: str, is_first: bool, note: Said) -> Said:
    """Parse the text of a note: the first line of a stanza begins one again."""
    said = parse_piece(piece, is_first)
    return replace(said, block="verse") if said.block == "paragraph" and note.block == "verse" else said


def is_over(text: str) -> bool:
    """Return whether a text, without trailing white space, is a whole sentence."""
    body = text.strip()
    return bool(_ENDS.search(body)) and not _ABBREVIATION.search(body)


def _clean(text: str) -> str:
    return " ".join(text.replace("**", "").replace("__", "").split())
