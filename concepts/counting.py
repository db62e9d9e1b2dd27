"""Numbers: their nouns in messages ("1 sentence", "1,200 sentences"), and their words."""

from __future__ import annotations

import re
from collections.abc import Mapping

NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "sixty": 60,
}  # fmt: skip
"""Numbers that people write as words."""
_NOUN = re.compile(r"(.+?)( (?:without|below|above|in|around|of|about|that) .*)")
"""A noun and its qualification ("heading without text")."""


def counted(num: float, noun: str) -> str:
    """Return a number with its noun, given in the singular: "1 heading below level 5", "2 entries", "0.5 documents"."""
    return f"{num:,} {noun if num == 1 else plural(noun)}"


def is_or_are(num: int) -> str:
    """Return the verb of a number of things."""
    return "is" if num == 1 else "are"


def count_phrase(counts: Mapping[str, int]) -> str:
    """Return counts as an English phrase, in order of occurrence: "2 tables, 1 code block"."""
    return ", ".join(counted(num, name) for name, num in counts.items() if num)


def plural(noun: str) -> str:
    """Return the plural of an English noun, which may have a qualification behind it."""
    found = _NOUN.fullmatch(noun)
    noun, rest = (noun, "") if found is None else (found[1], found[2])
    ending = "ies" if noun.endswith("ry") else "es" if noun.endswith(("x", "s")) else "s"
    return f"{noun.removesuffix('y') if ending == 'ies' else noun}{ending}{rest}"
