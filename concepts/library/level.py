"""Simple texts: who asks for them, and how hard a text is to read."""

from __future__ import annotations

import re
from collections.abc import Sequence

_AGE = r"(?:[3-9]|1[0-4]|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen)"
_NTH = r"(?:[1-8](?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth)"
_CHILDREN = rf"""
    (?:kids|children|toddlers|pupils|schoolchildren|young\ (?:readers|children|people|learners)
    |(?:a|my|an|our)\ (?:\w+\ )?
        (?:(?:grand)?child(?:ren)?|(?:kid|toddler|(?:grand)?son|(?:grand)?daughter|niece|nephew)s?)
    |(?:(?:a|an|my|our)\ )?{_AGE}[-\s]years?[-\s]olds?
    |(?:(?:a|an|my|our)\ )?{_NTH}[-\s]grade(?:rs?|\ class))
"""
_SIMPLE = re.compile(
    rf"""
    \b(?:
      (?<!how\ to\ )(?<!ways\ to\ )(?<!way\ to\ )(?<!do\ i\ )(?<!can\ i\ )(?<!do\ you\ )(?<!should\ i\ )(?<!does\ one\ )
      (?:explain|explained|explanation|told|described|(?!\A)(?<!for\ )(?<!of\ )(?<!on\ )(?<!about\ )explaining)\b
      (?:\W+\w+){{0,8}}?\W+(?:to|for|so|so\ that)\ {_CHILDREN}\b
    | (?:explain|explained|explanation|put|told|said|described)\b(?:\W+\w+){{0,6}}?\W+(?:very\ )?simply\b(?!\ \w*ed\b)
    | simply\ (?:explained|put|told)
    | (?:in|with|using)\ (?:very\ )?
        (?:simple|easy|plain|everyday|basic|lay|lay(?:man|person|people)(?:['’]?s['’]?)?)\ (?:\w+\ )?
        (?:terms|words|language|english)
    | (?:simple|easy)\ (?:explanation|introduction|words\W*\Z)
    | (?:kid|child)[-\s]friendly\ (?:explanation|introduction|language|terms|words)
    | (?:for|of|in|with)\ (?:the\ |an?\ |my\ )?{_NTH}[-\s]grade(?:rs?|s)?\b{{adults}}
    | grades?\ [1-8](?:\ (?:or|to)\ [1-9])?\b
        (?=\W*(?:\Z|\n)|[,;/]|\ (?:class|kids|lessons?|level|maths?|pupils|readers?|science|students?|with)\b)
    | (?:for|in)\ (?:elementary|primary|middle|grade)[-\s]schoo?l\w*{{adults}}
    | (?:for|to)\ dummies | eli5
    | (?:like|as\ if|as\ though)\ i(?:['’]?m|\ am|\ was|\ were)\ (?:an?\ )?(?:5|five|{_AGE}[-\s]years?[-\s]old)
    )
    """.replace("{adults}", r"(?!\ (?:librar|parents|principal|staff|teacher))"),
    re.IGNORECASE | re.VERBOSE,
)
"""Phrases that ask for an explanation which a child or an outsider understands."""
_FOR_CHILDREN = re.compile(rf"\bfor\ {_CHILDREN}\W*\Z", re.IGNORECASE | re.VERBOSE)
_QUESTION = re.compile(
    r"\b(?:what|why|how|who) (?:is|are|was|were|a|an|the|\w+s|(?:do|does|did)(?! (?:i|one|we|you)\b))\b",
    re.IGNORECASE,
)
_OF_CHILDREN = re.compile(
    r"\b(?:bad|benefits?|best|better|dangerous|dose|good|harmful|healthy|important|limits?|right|risks?|safe|suitable)\b",
    re.IGNORECASE,
)
"""Words of questions about children: what is good for them."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def is_simple(text: str) -> bool:
    """Return whether a prompt or a title names a simple explanation: "for a 10 year old", "in plain English"."""
    if _SIMPLE.search(text) is not None:
        return True
    end = _FOR_CHILDREN.search(text)
    question = end and _QUESTION.search(text, 0, end.start())
    return bool(end and question and not _OF_CHILDREN.search(text, question.end(), end.start()))


def reading_grade(sentences: Sequence[str]) -> float:
    """Return the school grade, about, from which a text can be read; 0.0 for no words.

    The automated readability index (Smith and Senter 1967): longer words and longer sentences are harder.
    """
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if not words:
        return 0.0
    num_chars = sum(map(len, words))
    return max(0.0, 4.71 * num_chars / len(words) + 0.5 * len(words) / len(sentences) - 21.43)
