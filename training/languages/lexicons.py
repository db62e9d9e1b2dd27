"""Words and phrases of other languages with their English, from published dictionaries.

Four kinds of files are read, all in packages of Debian: Ding's German and English (`trans-de-en`), FreeDict's
dictionaries for dictd (`dict-freedict-fra-eng` and others), and the keywords of Unicode's emoji (`unicode-cldr-core`).
FreeDict has few French and Spanish words with English and many with German: those go through German
(`through_german`).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

_ASIDE = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|<[^>]*>|/[^/]*/|\"")
_SENSE = re.compile(r"(?:^|\s)\d+\.(?=\s|$)")
_MAX_WORDS = 6
_NUM_GLOSSES = 3
"""Most English texts for one word: the first are the commonest."""


class Entry(NamedTuple):
    """A word or phrase and its English."""

    text: str
    english: str


def read_ding(path: Path) -> Iterator[Entry]:
    """Yield the entries of Ding's file.

    A line has German, "::" and English, "|" between several forms and ";" between synonyms.
    """
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or "::" not in line:
                continue
            german, _, english = line.partition("::")
            for own, other in zip(german.split("|"), english.split("|"), strict=False):
                words, glosses = _synonyms(own, ";"), _synonyms(other, ";")
                for word in words:
                    yield from (Entry(word, gloss) for gloss in glosses[:_NUM_GLOSSES])


def read_dictd(path: Path) -> Iterator[Entry]:
    """Yield (headword, translation) of a dictionary of FreeDict: a file `.dict.dz` with its `.index` beside it.

    A headword's first line has its pronunciation and class; translations stand on the next line, or after "1.", "2.";
    what follows them on lines of their own explains.
    """
    with gzip.open(path, "rb") as file:
        whole = file.read()
    index = path.with_name(path.name.removesuffix(".dict.dz") + ".index")
    for row in index.read_text(encoding="utf-8").splitlines():
        _, start, length = row.split("\t")[:3]
        entry = whole[_number(start) : _number(start) + _number(length)].decode("utf-8", "replace")
        lines = [line.strip() for line in entry.splitlines() if line.strip()]
        if len(lines) < 2:
            continue
        words = _synonyms(lines[0], ",")
        numbered = [line for line in lines[1:] if re.match(r"\d+\.\s", line)]
        found: list[str] = []
        for line in numbered or lines[1:2]:
            for sense in _SENSE.split(line):
                found += _synonyms(sense, ",")[:2]
        yield from (Entry(word, gloss) for word in words for gloss in found[:_NUM_GLOSSES])


def read_annotations(folder: Path, lang: str) -> Iterator[Entry]:
    """Yield names of emoji in a language (`de`) with their English, of a folder of CLDR's annotations."""
    own, english = (_emoji_names(folder / f"{name}.xml") for name in (lang, "en"))
    yield from (Entry(name, english[emoji]) for emoji, name in own.items() if emoji in english)


def through_german(words: Iterable[Entry], german: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries of `words` (whose "English" is German) with the English of `german`."""
    of_german: dict[str, list[str]] = {}
    for entry in german:
        glosses = of_german.setdefault(entry.text.casefold(), [])
        if len(glosses) < 2 and entry.english not in glosses:
            glosses.append(entry.english)
    for word, translation in words:
        yield from (Entry(word, gloss) for gloss in of_german.get(translation.casefold(), ()))


def turned(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield entries of a dictionary of the other direction."""
    yield from (Entry(english, text) for text, english in entries)


def _synonyms(text: str, mark: str) -> list[str]:
    found = (" ".join(part.split()) for part in _ASIDE.sub(" ", text).split(mark))
    return [part for part in found if part and len(part.split()) <= _MAX_WORDS and part[0].isalnum()]


def _number(digits: str) -> int:
    """Return dictd's numbers: base 64, the most significant digit first."""
    value = 0
    for digit in digits:
        value = value * 64 + _DIGITS.index(digit)
    return value


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _emoji_names(path: Path) -> dict[str, str]:
    root = ElementTree.parse(path).getroot()
    return {
        str(row.get("cp")): row.text or ""
        for row in root.iter("annotation")
        if row.get("type") == "tts" and row.text
    }
