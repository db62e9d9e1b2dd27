"""Headings of documents like the planned one, as proposals for its outline."""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import Tensor

from concepts.library.encode import Encode
from concepts.library.library import Library, subject_of
from concepts.library.names import Names

NUM_PASSAGES = 60
"""Passages whose headings are considered."""
MOST_WORDS = 10

_WORD = re.compile(r"\w+(?:['’]\w+)*")


def like_headings(library: Library, encode: Encode, title: str) -> list[str]:
    """Return headings of the library's sections nearest to a title, nearest first.

    A heading with a proper name that the title lacks is left out.
    """
    if not len(library):
        return []
    about = encode([title])
    likeness = library.likeness(about, about[0])[0]
    top = likeness.topk(min(NUM_PASSAGES, len(library)))
    names = Names(title)
    found: dict[str, str] = {}
    for n, like in zip(top.indices.tolist(), top.values.tolist(), strict=True):
        passage = library.passages[n]
        is_like = like >= library.least_likeness and (library.is_own or names.naming(passage.title) == "same")
        if is_like and may_head(passage.heading, title):
            found.setdefault(passage.heading.casefold(), passage.heading)
    return list(found.values())


def may_head(heading: str, title: str) -> bool:
    """Return whether a heading fits a document titled `title`: it is short and has no other proper name."""
    words = _WORD.findall(heading)
    known = {word.casefold() for word in _WORD.findall(title)}
    names = {word.casefold() for word in words[1:] if word[0].isupper()}
    return 0 < len(words) <= MOST_WORDS and names <= known


def how_covered(library: Library, encode: Encode, title: str) -> Callable[[list[str]], Tensor]:
    """Return a function from N headings to how much the library knows about each (N,)."""
    about = encode([title])[0]

    def covered(headings: list[str]) -> Tensor:
        return library.coverage(encode([subject_of(title, heading) for heading in headings]), about)

    return covered
