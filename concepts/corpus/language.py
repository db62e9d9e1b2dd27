"""Tells English, German, French and Spanish apart by their commonest words.

Enough to find an untranslated English sentence in a German manual; it is not a general detector
and says nothing about text without function words.
"""

from __future__ import annotations

import re

_WORDS = {
    "eng_Latn": (
        "the of and to is that for with this you are be can will it if or from by not your which when "
        "have has was were use used using see these an at as on in all more any one its their they "
        "click select choose there then may must should into do how "
    ),
    "deu_Latn": (
        "der die das und ist nicht mit ein eine einen einer eines zu den dem des von für auf werden "
        "wird sie es sich im auch oder wenn als kann können an bei aus nach wie durch diese dieser "
        "dieses sind zum zur in "
    ),
    "fra_Latn": (
        "le la les de des du et est une un dans pour que qui vous ce cette sur avec par pas ne sont "
        "il elle au aux ou votre vos être en se si plus peut son sa ses ces "
    ),
    "spa_Latn": (
        "el la los las de del es una un en para que con por no se su sus al lo como más este esta "
        "puede son si pero desde cuando también entre sobre hay usted "
    ),
}
FUNCTION_WORDS = {lang: frozenset(words.split()) for lang, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]{2,}")


_DISTINCT = {
    (lang, other): FUNCTION_WORDS[lang] - FUNCTION_WORDS[other]
    for lang in _WORDS
    for other in _WORDS
    if lang != other
}
"""Words of the first language of a pair that the second lacks ("que" is both French and Spanish)."""


def other_language(text: str, lang: str) -> str | None:
    """Return the language of `text` if it is clearly another one than `lang`, else None."""
    words = [word.lower() for word in _WORD.findall(text)]
    if sum(word in FUNCTION_WORDS[lang] for word in words) * 3 > len(words):
        return None
    best, best_count = None, 1
    for other in _WORDS:
        if other == lang:
            continue
        count = sum(word in _DISTINCT[other, lang] for word in words)
        own = sum(word in _DISTINCT[lang, other] for word in words)
        if count > best_count and count >= 3 * own and count * 6 >= len(words):
            best, best_count = other, count
    return best


def guess_language(text: str) -> str:
    """Return the language with the most function words in `text`; English if there are none."""
    words = [word.lower() for word in _WORD.findall(text)]
    counts = {lang: sum(word in common for word in words) for lang, common in FUNCTION_WORDS.items()}
    return max(counts, key=lambda lang: counts[lang])
