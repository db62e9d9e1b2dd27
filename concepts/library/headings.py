"""Headings of documents like the one that is planned: proposals, of which a plan takes what fits."""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor

from concepts.library.library import Encode, Library, subject_of
from concepts.library.notes import names_other

NUM_PASSAGES = 60
"""Passages whose headings are looked at."""
FEWEST_WORDS, MOST_WORDS = 2, 8

_WORD = re.compile(r"\w+(?:['’]\w+)*")


def like_headings(library: Library, encode: Encode, title: str) -> list[str]:
    """Return headings of sections that are like a document, the nearest first.

    One that names somebody or something that the title does not name is left out.
    """
    if not len(library):
        return []
    about = encode([title])
    likeness = library.likeness(about, about[0])[0]
    top = likeness.topk(min(NUM_PASSAGES, len(library)))
    known = {word.casefold() for word in _WORD.findall(title)}
    found: dict[str, str] = {}
    for n, like in zip(top.indices.tolist(), top.values.tolist(), strict=True):
        passage = library.passages[n]
        words = _WORD.findall(passage.heading)
        names = {word.casefold() for word in words[1:] if word[0].isupper()}
        fits = FEWEST_WORDS <= len(words) <= MOST_WORDS and names <= known
        is_like = like >= library.least_likeness and (library.is_own or not names_other(passage.title, title))
        if is_like and fits:
            found.setdefault(passage.heading.casefold(), passage.heading)
    return list(found.values())


def how_covered(library: Library, encode: Encode, title: str) -> Callable[[list[str]], Tensor]:
    """Return a function that says how much a library knows of sections with given headings (N,)."""
    about = encode([title])[0]

    def covered(headings: list[str]) -> Tensor:
        return library.coverage(encode([subject_of(title, heading) for heading in headings]), about)

    return covered
