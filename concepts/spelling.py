"""Typing errors in English prompts: the words that were meant, by how frequent words are.

A rare word that is one edit from a much more frequent one is taken for it (Damerau 1964 on single errors; Kernighan,
Church and Gale 1990 on choosing by frequency). Frequencies are wordfreq's; rare words that the library has are no
errors (`training/sources/rare_words.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import ascii_lowercase
from typing import Literal

from concepts.truecase import is_name

Edit = Literal["slip", "letter"]

FEWEST_LETTERS, MOST_LETTERS = 5, 30
"""Shorter words are one edit from too many others; longer ones are no words."""
RAREST, MOST_FREQUENT = 3.0, 2.95
"""Zipf frequency (log10 of the occurrences in a billion words) that the word meant has at least, and the typed one at
most: "definately" has 2.9."""
LEAST_GAP: dict[Edit, float] = {"slip": 1.5, "letter": 2.5}
"""By how much the word meant is more frequent, by kind of edit."""
_VOWELS = frozenset("aeiou")
_BEGINNINGS = ("mis", "non", "out", "over", "pre", "re", "un", "under")
_ENDINGS = ("able", "er", "ers", "ed", "es", "ing", "ish", "s", "y")
_FEWEST_IN_STEM = 4
_WORD = re.compile(
    r"(?P<quoted>\"[^\"]*\"|“[^”]*”|(?<!\S)\S*[/@_\\]\S*|(?<!\S)\S+\.\w\S*)"
    r"|(?<![\w'’-])(?P<word>[A-Za-z]?[a-z]+|[A-Z]+)(?![\w'’-])"
)
"""Matches a word, and what is no text: quotations, paths, addresses, names of files."""
_NO_APOSTROPHE = re.compile(
    r"(?P<not>are|ca|could|did|do|does|had|has|have|is|must|should|was|were|wo|would)nt"
    r"|(?P<is>here|how|that|there|what|where|who)s|(?P<are>they|you)re|(?P<i>i)m|(?P<have>i|they|we|you)ve",
    re.IGNORECASE,
)
"""Matches a contraction without its apostrophe that is no other word: "dont", "im"; not "its", "well"."""
_CONTRACTED = {"not": "n't", "is": "'s", "are": "'re", "i": "'m", "have": "'ve"}


@dataclass(frozen=True)
class Correction:
    """A word that is taken for another one."""

    typed: str
    meant: str


@dataclass(frozen=True)
class Corrected:
    """A text as it was meant, and the words that were corrected, each once."""

    text: str
    corrections: tuple[Correction, ...] = ()


def correct(text: str) -> Corrected:
    """Return an English text as it was meant.

    Quoted words stay, and words with a capital inside a text that has small letters: they are names. Contractions get
    their apostrophes, and count as no corrections.
    """
    found: dict[str, Correction] = {}
    is_upper = text.isupper()

    def replaced(match: re.Match[str]) -> str:
        typed = match["word"]
        if typed is None or not (typed.islower() or is_upper or not text[: match.start()].strip()):
            return match[0]
        if (short := _NO_APOSTROPHE.fullmatch(typed)) is not None:
            return _contracted(short)
        meant = meant_by(typed.lower())
        if meant is None:
            return typed
        meant = meant.upper() if is_upper else typed[0] + meant[1:]
        found[typed] = Correction(typed, meant)
        return meant

    meant = _WORD.sub(replaced, text)
    return Corrected(meant, tuple(found.values()))


def _contracted(short: re.Match[str]) -> str:
    kind = str(short.lastgroup)
    word = "I" if short[kind] == "i" else short[kind]
    return word + (_CONTRACTED[kind].upper() if short[0].isupper() else _CONTRACTED[kind])


def meant_by(word: str) -> str | None:
    """Return the word that a word in small letters is a typing error of; None if it is none."""
    return None if word in _rare_words() or is_name(word) else more_frequent(word)


def more_frequent(word: str) -> str | None:
    """Return the word of the same first letter, one edit away, that is much more frequent; None if there is none."""
    typed = zipf(word)
    is_word = FEWEST_LETTERS <= len(word) <= MOST_LETTERS
    if not is_word or typed > MOST_FREQUENT or _is_derived(word):
        return None
    edits = _edits(word)
    near = {
        other: known
        for other, edit in edits.items()
        if other[0] == word[0] and (known := zipf(other)) >= max(RAREST, typed + LEAST_GAP[edit])
    }
    return max(near, key=lambda other: (edits[other] == "slip", near[other]), default=None)


def _edits(word: str) -> dict[str, Edit]:
    """Return the words one edit away. Slips are the commonest: letters exchanged, a letter that stands twice or once
    only, another vowel, or one too many or too few inside the word."""
    splits = [(word[:n], word[n:]) for n in range(1, len(word) + 1)]
    found: dict[str, Edit] = {}

    def add(other: str, *, is_slip: bool) -> None:
        if is_slip or other not in found:
            found[other] = "slip" if is_slip else "letter"

    for before, after in splits:
        for letter in ascii_lowercase:
            is_inner_vowel = letter in _VOWELS and after != ""
            add(before + letter + after, is_slip=is_inner_vowel or letter in (before[-1], after[:1]))
            if after:
                is_vowel = letter in _VOWELS and after[0] in _VOWELS
                add(before + letter + after[1:], is_slip=is_vowel)
        if after:
            is_inner_vowel = after[0] in _VOWELS and len(after) > 1
            add(before + after[1:], is_slip=is_inner_vowel or after[0] in (before[-1], after[1:2]))
        if len(after) > 1:
            add(before + after[1] + after[0] + after[2:], is_slip=True)
    del found[word]
    return found


def _is_derived(word: str) -> bool:
    """Return whether a word is an everyday one with a prefix or ending: "repot", "birder"."""
    stems = [word.removesuffix(end) for end in _ENDINGS if word.endswith(end)]
    stems += [stem[:-1] for stem in stems if stem[-2:-1] == stem[-1:]]
    stems += [word.removeprefix(begin) for begin in _BEGINNINGS if word.startswith(begin)]
    return any(len(stem) >= _FEWEST_IN_STEM and zipf(stem) >= RAREST for stem in stems)


def zipf(word: str) -> float:
    """Return a word's Zipf frequency, log10 of its occurrences in a billion words; 0 for an unknown one.

    It has two decimals, as in wordfreq's list. `concepts.languages.few_words.frequency` searches a list's ranks, which
    is too slow for the hundreds of edits of a word.
    """
    from wordfreq import freq_to_zipf

    frequency = _frequencies().get(word)
    return 0.0 if frequency is None else round(float(freq_to_zipf(frequency)), 2)


@cache
def _frequencies() -> dict[str, float]:
    from wordfreq import get_frequency_dict

    return get_frequency_dict("en", "best")


@cache
def _rare_words() -> frozenset[str]:
    return frozenset((files("concepts") / "rare_words.txt").read_text(encoding="utf-8").split())
