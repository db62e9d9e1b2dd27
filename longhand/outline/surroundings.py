"""What stands around a pasted outline and is none of it: a letter's greeting and closing, rules, a chat model's offer.

Lines are made empty, not removed, so that line numbers stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from concepts.corpus.readers.listing import parse_list
from concepts.corpus.readers.plain.letters import closing_start, is_chat_closing, is_greeting
from concepts.corpus.readers.plain.text import MAIL_HEAD

LETTER_LINE = "line around the list"
_RULE = re.compile(r"\s*(?:-{2}|([-_*=~#+.])(?:\s?\1){2,})\s*")
_CONTENTS = re.compile(
    r"#*\s*(?:table of contents|contents|inhalt(?:sverzeichnis)?|table des matières|sommaire|índice)\s*:?",
    re.IGNORECASE,
)
_MARKED_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]", re.MULTILINE)


def without_surroundings(text: str) -> tuple[str, Counter[str]]:
    """Return an outline without the words around it, and what was left out."""
    head = MAIL_HEAD.match(text)
    num_of_head = 0 if head is None else head.group().count("\n")
    lines = [""] * num_of_head + text.split("\n")[num_of_head:]
    left_out = Counter({"line of a mail's head": max(0, num_of_head - 1)})
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if len(filled) > 1 and is_chat_closing(lines[filled[-1]]):
        lines[filled.pop()] = ""
        left_out["closing line"] += 1
    if _MARKED_HEADING.search(text):
        return "\n".join(lines), left_out
    if filled and _CONTENTS.fullmatch(lines[filled[0]]) and len(filled) > 1:
        lines[filled[0]] = ""
        left_out["contents heading"] += 1
    left_out[LETTER_LINE] += _take_off_letter(lines)
    # A rule below a line makes it a heading; one of two dashes begins a signature.
    for at, line in enumerate(lines):
        if _RULE.fullmatch(line) and (at == 0 or not lines[at - 1].strip()):
            lines[at] = ""
    return "\n".join(lines), left_out


def _take_off_letter(lines: list[str]) -> int:
    """Empty the lines above and below the list in a letter; return their number."""
    marked = [item.line - 1 for item in parse_list(lines, only_marked=True) if item.mark]
    if len(marked) < 2:
        return 0
    num = 0
    above = [at for at in range(marked[0]) if lines[at].strip()]
    if above and is_greeting(lines[above[0]]):
        num += _empty(lines, above)
    end = closing_start(lines, marked[-1] + 1)
    return num + _empty(lines, [at for at in range(end, len(lines)) if lines[at].strip()])


def _empty(lines: list[str], places: Sequence[int]) -> int:
    for at in places:
        lines[at] = ""
    return len(places)
