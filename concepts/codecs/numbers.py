"""Numbers of a translation: a small decoder spells them from what it has seen more often than they stand there."""

from __future__ import annotations

import re
from collections import Counter

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SEPARATORS = str.maketrans("", "", ".,")


def keep_numbers(text: str, source: str) -> str:
    """Return `text`, a translation of `source`, with the numbers of `source` where it has others in their place.

    They are put there in their order, if it lacks as many as it has others; else the text stays, for which number
    stands for which is not known then. Separators do not count: 1,000 is 1.000 in German.
    """
    wanted = _NUMBER.findall(source)
    lacks, others = _counted(wanted), _counted(_NUMBER.findall(text))
    lacks, others = lacks - others, others - lacks
    if not others or lacks.total() != others.total():
        return text
    missing = [number for number in reversed(wanted) if _taken(lacks, number)]  # popped from the first one on
    return _NUMBER.sub(lambda found: missing.pop() if _taken(others, found[0]) else found[0], text)


def _counted(numbers: list[str]) -> Counter[str]:
    return Counter(number.translate(_SEPARATORS) for number in numbers)


def _taken(left: Counter[str], number: str) -> bool:
    """Return whether `number` is among those that are left, and take it away."""
    key = number.translate(_SEPARATORS)
    left[key] -= 1
    return left[key] >= 0
