"""Copying numbers into a translation: a small decoder writes frequent numbers of its training instead."""

from __future__ import annotations

import re
from collections import Counter

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SEPARATORS = str.maketrans("", "", ".,")


def keep_numbers(text: str, source: str) -> str:
    """Return `text`, a translation of `source`, with its wrong numbers replaced by the ones missing from `source`.

    They are replaced in order, and only if as many are wrong as are missing; otherwise nobody knows which number stands
    for which, and the text stays. Separators are ignored: 1,000 is 1.000 in German.
    """
    wanted = _NUMBER.findall(source)
    lacks, others = _counted(wanted), _counted(_NUMBER.findall(text))
    lacks, others = lacks - others, others - lacks
    if not others or lacks.total() != others.total():
        return text
    missing = [number for number in reversed(wanted) if _taken(lacks, number)]  # reversed for pop()
    return _NUMBER.sub(lambda found: missing.pop() if _taken(others, found[0]) else found[0], text)


def _counted(numbers: list[str]) -> Counter[str]:
    return Counter(number.translate(_SEPARATORS) for number in numbers)


def _taken(left: Counter[str], number: str) -> bool:
    """Remove one `number` from `left`; return whether it was there."""
    key = number.translate(_SEPARATORS)
    left[key] -= 1
    return left[key] >= 0
