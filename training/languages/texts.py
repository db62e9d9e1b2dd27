"""The texts that teach an encoder further languages: words, phrases and sentences, each with its English.

A word has at most three English texts, those whose words are commonest in the library; rarer ones than the library's
are left out, and common ones are drawn more often. Sentences come from the corpus's pairs and from the library's
translations.
"""

from __future__ import annotations

import json
import lzma
import math
import random
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from concepts.errors import InputError
from concepts.languages.codes import ENGLISH
from concepts.library.translations import read_translations
from training.corpus.store import load_pairs
from training.languages.lexicons import (
    Entry,
    read_annotations,
    read_dictd,
    read_ding,
    through_german,
    turned,
)

LANGS = ("deu_Latn", "fra_Latn", "spa_Latn")
_WORD = re.compile(r"[^\W\d_]+")
DING = "trans/de-en"
DICTD = "dictd/freedict-{}.dict.dz"
ANNOTATIONS = "unicode/cldr/common/annotations"
_SHORT = {"deu_Latn": "de", "fra_Latn": "fr", "spa_Latn": "es"}
_LEAST_FREQUENT = 4
"""Words that the library has less often are left out of the dictionaries."""
_NUM_GLOSSES = 3


@dataclass(frozen=True)
class Taught:
    """A text, its language, its English and where both are from."""

    text: str
    lang: str
    english: str
    source: str
    weight: float = 1.0
    """How often it is drawn, beside other texts of its source."""


def read_lexicons(share: Path, frequency: Counter[str]) -> Iterator[Taught]:
    """Yield words and phrases with their English; `share` is the folder that the packages install to (/usr/share).

    `frequency` counts the library's words. Raises InputError for a file that is missing.
    """
    missing = [path for path in _files(share) if not path.exists()]
    if missing:
        raise InputError(
            f"{missing[0]} is missing: install trans-de-en, unicode-cldr-core and dict-freedict-*-* of Debian, or "
            "name the folder that they were unpacked into"
        )

    def dictd(name: str) -> Iterator[Entry]:
        return read_dictd(share / DICTD.format(name))

    ding = list(read_ding(share / DING))
    of_lang: dict[str, Iterable[Entry]] = {
        "deu_Latn": ding,
        "fra_Latn": chain(
            dictd("fra-eng"),
            turned(dictd("eng-fra")),
            through_german(chain(dictd("fra-deu"), turned(dictd("deu-fra"))), ding),
        ),
        "spa_Latn": chain(
            dictd("spa-eng"),
            turned(dictd("eng-spa")),
            through_german(chain(dictd("spa-deu"), turned(dictd("deu-spa"))), ding),
        ),
    }
    for lang, entries in of_lang.items():
        named = list(read_annotations(share / ANNOTATIONS, _SHORT[lang]))
        for text, english, count in _commonest(chain(named, entries), frequency):
            yield Taught(text, lang, english, "lexicon", math.sqrt(count))


def _files(share: Path) -> list[Path]:
    names = ("fra-eng", "eng-fra", "fra-deu", "deu-fra", "spa-eng", "eng-spa", "spa-deu", "deu-spa")
    return [share / DING, share / ANNOTATIONS, *(share / DICTD.format(name) for name in names)]


def _commonest(entries: Iterable[Entry], frequency: Counter[str]) -> Iterator[tuple[str, str, int]]:
    """Yield (text, English, frequency of its rarest word) with the commonest English of each text."""
    of_text: dict[str, dict[str, int]] = {}
    for text, english in entries:
        shown = english.removeprefix("to ")
        words = _WORD.findall(shown.casefold())
        least = min((frequency[word] for word in words), default=0)
        if least >= _LEAST_FREQUENT:
            of_text.setdefault(text, {})[shown] = least
    for text, glosses in of_text.items():
        for english in sorted(glosses, key=glosses.__getitem__, reverse=True)[:_NUM_GLOSSES]:
            yield text, english, glosses[english]


def read_pairs(corpus_dir: Path, langs: Sequence[str] = LANGS) -> Iterator[Taught]:
    """Yield the pairs of a corpus's train split."""
    for lang in langs:
        for pair in load_pairs(corpus_dir, lang=lang, split="train", kinds=("document", "description")):
            if pair.lang_a == ENGLISH:
                yield Taught(pair.text_b, lang, pair.text_a, pair.kind)


def read_translated(path: Path, langs: Sequence[str] = LANGS) -> Iterator[Taught]:
    """Yield the texts of the library's translations."""
    for row in read_translations(path):
        for lang in langs:
            for english, text in zip(row.english, row.texts.get(lang, ()), strict=False):
                yield Taught(text, lang, english, "library")


def is_held(english: str) -> bool:
    """Return whether a text of the library is held out: one in 20."""
    return zlib.crc32(english.encode()) % 20 == 0


def library_frequency(documents: Path) -> Counter[str]:
    """Return how often each word, in small letters, occurs in a library's file of documents."""
    frequency: Counter[str] = Counter()
    with lzma.open(documents, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for section in row["sections"]:
                texts = [section["heading"], *(s for paragraph in section["paragraphs"] for s in paragraph)]
                frequency.update(_WORD.findall(" ".join(texts).casefold()))
    return frequency


def sample(taught: Sequence[Taught], most: int, *, seed: int) -> list[Taught]:
    """Return at most `most` of the texts of each language, those of the largest weight, at random among equals."""
    chosen: list[Taught] = []
    for lang in LANGS:
        own = [one for one in taught if one.lang == lang]
        random.Random(seed).shuffle(own)
        chosen += sorted(own, key=lambda one: one.weight, reverse=True)[:most]
    return chosen
