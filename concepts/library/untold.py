"""What a prompt tells and a text does not: numbers, names and rare words of an English prompt that the text lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from concepts.counting import NUMBER_WORDS
from concepts.library.words import all_stems
from concepts.spelling import zipf
from concepts.texts import KINDS_OF_BOOK, KINDS_OF_TEXT

MOST_FREQUENT = 4.6
"""Zipf frequency of the words, at most, that tell something particular: "vegan", "oven", "boiler"; not "month"."""
MOST_FREQUENT_UNIT = 6.3
"""The same for the word behind a number: "euros", "weeks"; not "and", "by"."""
MOST = 8
"""Most words and numbers named."""
_TOLD = re.compile(
    r"(?<!\w)(?P<number>\d[\d,.]*(?<![,.]))(?:[ -]?(?P<unit>[^\W\d_]{2,}))?|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)"
)
_NUMBER = re.compile(r"\d[\d,.]*(?<![,.])")
_WISHES = frozenset(
    "beginner chapters complete course draft explain kindly loads long please programme thorough write".split()  # noqa: SIM905
) | frozenset(KINDS_OF_TEXT | KINDS_OF_BOOK)
"""Words about the wished text."""
_FEWEST_LETTERS = 3


def untold(prompt: str, texts: Iterable[str], *, with_words: bool = True) -> list[str]:
    """Return the numbers, names and rare words of an English prompt that texts lack, in its order.

    A number comes with the word behind it, "104 kg". Of more than `MOST` the rarest are returned; none but numbers and
    names without `with_words`: a ghost story needs no "ghost".
    """
    text = " ".join(texts)
    said = all_stems(text)
    numbers = {_digits(number) for number in _NUMBER.findall(text)}
    numbers |= {str(number) for word, number in NUMBER_WORDS.items() if all_stems(word) <= said}
    found: dict[str, float] = {}
    for match in _TOLD.finditer(prompt):
        if match["number"]:
            if _digits(match["number"]) not in numbers:
                found.setdefault(match[0] if _is_unit(match["unit"]) else match["number"], 0.0)
            continue
        word = match["word"]
        plain = re.sub(r"['’].*", "", word)
        is_name = plain[:1].isupper() and not plain.isupper() and _is_inside(prompt, match.start())
        rarity = zipf(plain.lower())
        if len(plain) < _FEWEST_LETTERS or plain.lower() in _WISHES or all_stems(plain) <= said:
            continue
        if is_name or (with_words and rarity <= MOST_FREQUENT):
            found.setdefault(plain, rarity)
    rarest = sorted(found, key=lambda name: found[name])[:MOST]
    return [name for name in found if name in rarest]


def _digits(number: str) -> str:
    return number.replace(",", "")


def _is_unit(word: str | None) -> bool:
    return word is not None and word.islower() and zipf(word) <= MOST_FREQUENT_UNIT


def _is_inside(text: str, at: int) -> bool:
    """Return whether a word stands inside a sentence, where a capital makes it a name."""
    return re.search(r"(?:^|[.!?:\n])\W*$", text[:at]) is None
