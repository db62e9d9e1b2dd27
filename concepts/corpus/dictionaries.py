"""Reads dictionaries in Ding's format (`.ding`): words and phrases with their English.

A line is `German :: English`. Both sides have the same entries, parted by `|`, and an entry has one or more ways to say
it, parted by `;`. Grammar, domain and region stand in braces and brackets, remarks in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from concepts.corpus.drops import DropReport
from concepts.corpus.records import LANG_CODES

DICTIONARY_SUFFIX = ".ding"

_REMARKS = re.compile(r"\{[^{}]*\}|\[[^][]*\]|<[^<>]*>|\([^()]*\)|/[^/ ]*\.[^/]*/|/[A-Z0-9-]+/")
_NO_WORDS = re.compile(r"[/{}()<>\[\]=…]|\.\.\.")


def iter_dictionary(path: Path, drops: DropReport | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (English, other, language code of the other) of a dictionary's entries.

    The other language is the first that the file's name holds (`trans.de-en.ding`). The first ways to say an entry go
    together. Lines and entries that cannot be read so are counted in `drops`.
    """
    drops = DropReport() if drops is None else drops
    lang = _language(path)
    if lang is None:
        drops["unreadable: dictionary of another language"] += 1
        return
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        drops["unreadable: not a dictionary"] += 1
        return
    for line in lines:
        if line.startswith("#"):
            continue
        sides = [side.split(" | ") for side in line.split(" :: ")]
        if len(sides) != 2 or len(sides[0]) != len(sides[1]):
            drops["pair: no entry of a dictionary"] += 1
            continue
        for others, english in zip(*sides, strict=True):
            said, meant = _way(others), _way(english)
            if said is None or meant is None:
                drops["pair: no entry of a dictionary"] += 1
            else:
                yield meant, said, lang


def _language(path: Path) -> str | None:
    codes = re.split(r"[._-]", path.name.removesuffix(DICTIONARY_SUFFIX))
    return next((LANG_CODES[code] for code in codes if code in LANG_CODES and code != "en"), None)


def _way(entry: str) -> str | None:
    """Return the first way to say an entry, without remarks; None where it has none or holds others inside."""
    while (bare := _REMARKS.sub(" ", entry)) != entry:
        entry = bare
    way = " ".join(entry.split(";")[0].split())
    return None if not way or _NO_WORDS.search(way) else way
