"""Distinguishes running text from code and data by its words and signs."""

from __future__ import annotations

import re

_PROSE = re.compile(r"[.!?][\"')\u201d\u2019]*(?:\s|$)")
_CODE_SIGNS = re.compile(r"[{}<>=;$\\|_#`]|\(\)|^\s*[./~-]\S*/|--\w", re.MULTILINE)


def looks_like_prose(text: str) -> bool:
    """Whether a preformatted text is indented prose, not code."""
    words = text.split()
    if len(words) < 4 or _PROSE.search(text) is None or _CODE_SIGNS.search(text):
        return False
    plain = sum(word.strip(".,;:!?\"'()\u201c\u201d\u2018\u2019-\u2013\u2014").isalpha() for word in words)
    return plain * 4 >= len(words) * 3
