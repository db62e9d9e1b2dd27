"""Truecasing: capitals for the names in a text that has none (Lita et al. 2003, "tRuEcasIng").

A name is a word that the documents of the library nearly always write with a capital
(`training/sources/proper_nouns.py`).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from concepts.segment import without_accents

_WORD = re.compile(r"[^\W\d_](?:[\w'’-]*[^\W_])?")


def truecased(text: str) -> str:
    """Return an English text in lower case with capitals in names and the pronoun I; other words stay as they are."""
    return _WORD.sub(lambda found: _cased(found[0]), text)


def is_name(word: str) -> bool:
    """Return whether a word, with or without its accents, is nearly always written with a capital."""
    return without_accents(word.lower()) in _plain_names()


def _cased(word: str) -> str:
    name, apostrophe, ending = word.partition("'" if "'" in word else "’")
    if name == "i" and ending in ("", "m", "d", "ll", "ve"):
        return f"I{apostrophe}{ending}"
    return _names().get(word) or f"{_names().get(name, name)}{apostrophe}{ending}"


@cache
def _names() -> dict[str, str]:
    lines = (files("concepts") / "proper_nouns.txt").read_text(encoding="utf-8").splitlines()
    return {line.lower(): line for line in lines}


@cache
def _plain_names() -> frozenset[str]:
    return frozenset(map(without_accents, _names()))
