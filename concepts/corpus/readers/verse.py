"""Lines that an author broke by hand: stanzas, addresses and the like, told from wrapped or typed text.

Knows lines, no file format. A reader puts `LINE_BREAK` into a paragraph's text for each break that it finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from concepts.corpus.readers.elements import FEWEST_LINES
from concepts.corpus.readers.typed import typed_lines

LINE_BREAK = "\u2028"
"""Stands for a line break in a paragraph's text; it counts as white space."""
LONGEST_LINE = 80
"""Characters of a line of verse; longer ones are running text with a break in it."""
_EMPTY_LINE = re.compile(rf"{LINE_BREAK}\s*{LINE_BREAK}")


def without_break(line: str) -> str | None:
    """Return a line of Markdown without the hard break at its end: two blanks or a backslash; None if it has none."""
    if line.endswith("  "):
        return line.rstrip()
    num_backslashes = len(line) - len(line.rstrip("\\"))
    return line[:-1] if num_backslashes % 2 else None


def split_stanzas(text: str) -> list[list[str]]:
    """Return the lines of a text, in groups between empty lines."""
    groups = [
        [line.strip() for line in part.split(LINE_BREAK) if line.strip()] for part in _EMPTY_LINE.split(text)
    ]
    return [lines for lines in groups if lines]


def are_verse(lines: Sequence[str]) -> bool:
    """Whether the lines of a paragraph are a stanza: two or more, most of them short, and no typed list or labels."""
    num_short = sum(len(line) <= LONGEST_LINE for line in lines)
    return len(lines) >= FEWEST_LINES and num_short * 2 > len(lines) and typed_lines(lines) is None
