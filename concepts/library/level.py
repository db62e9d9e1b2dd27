"""Simple texts: who asks for them, and how hard a text is to read."""

from __future__ import annotations

import re
from collections.abc import Sequence

_AGE = r"(?:[3-9]|1[0-4]|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen)"
_CHILDREN = rf"""
    (?:kids|children|pupils|schoolchildren|beginners\ of\ {_AGE}|young\ (?:readers|children|people|learners)
    |(?:a|my|an|our)\ (?:\w+\ )?(?:child|kid|son|daughter|grandson|granddaughter|grandchild|niece|nephew)
    |(?:(?:a|an|my|our)\ )?{_AGE}[-\s]years?[-\s]olds?)
"""
_SIMPLE = re.compile(
    rf"""
    \b(?:
      (?<!how\ to\ )(?<!do\ i\ )(?<!can\ i\ )(?<!do\ you\ )(?<!should\ i\ )
      (?:explain|explained|explaining|explanation|told|described)\b(?:\W+\w+){{0,8}}?\W+(?:to|for)\ {_CHILDREN}
    | (?:what|why|how|who)\ (?:is|are|was|were|do|does|did|a|an|the|\w+s)\b.*\bfor\ {_CHILDREN}\W*$
    | (?:explain|explained|explanation|put|told|said|described)\b(?:\W+\w+){{0,6}}?\W+(?:very\ )?simply
    | simply\ (?:explained|put|told)
    | (?:in|with|using)\ (?:very\ )?(?:simple|easy|plain|everyday|basic)\ (?:\w+\ )?(?:terms|words|language|english)
    | (?:simple|easy)\ (?:explanation|language|words|introduction)
    | (?:for|of|in|with)\ (?:the\ |an?\ |my\ )?
        (?:[1-8](?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth)[-\s]grade(?:rs?|s)?
    | grades?\ [1-8]\b
    | (?:for|in)\ (?:elementary|primary|middle|grade)[-\s]schoo?l\w*
    | for\ dummies | eli5 | like\ i(?:['’]?m|\ am)\ (?:5|five)
    )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Phrases that ask for an explanation which a child or an outsider understands."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def is_simple(text: str) -> bool:
    """Return whether a prompt or a title names a simple explanation: "for a 10 year old", "in plain English"."""
    return _SIMPLE.search(text) is not None


def reading_grade(sentences: Sequence[str]) -> float:
    """Return the school grade, about, from which a text can be read; 0.0 for no words.

    The automated readability index (Smith and Senter 1967): longer words and longer sentences are harder.
    """
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if not words:
        return 0.0
    num_chars = sum(map(len, words))
    return max(0.0, 4.71 * num_chars / len(words) + 0.5 * len(words) / len(sentences) - 21.43)
