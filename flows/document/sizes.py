"""Lengths that prompts ask for: "about 1,500 words", "in ten chapters"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from concepts.languages import ENGLISH
from concepts.texts import KINDS_OF_TEXT

WORDS_A_SECTION = 80
"""Words of a typical section in the library."""
WORDS_A_PAGE = 400
FEWEST_WORDS = 100
"""A smaller number is no length: "10 words to avoid in a cover letter"."""
FEWEST_SECTIONS, MOST_SECTIONS = 2, 14
_NUMBERS = {
    word: number
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen".split(),  # noqa: SIM905
        2,
    )
}
_NUMBER = rf"(?P<number>\d{{1,3}}(?:[, ]\d{{3}})+|\d+|{'|'.join(_NUMBERS)})"
_ABOUT = (
    r"(?:about|around|roughly|approximately|approx\.?|at least|at most|up to|no more than|not more than|max\.?"
    r"|~|ca\.?)"
)
_TEXTS = rf"(?:{'|'.join(sorted(KINDS_OF_TEXT))})"
_COUNTED = r"(?P<unit>words?|pages?)"
_DIVIDED = r"(?P<unit>chapters|sections|parts|units|lessons)"
_LONG = r"(?:\s+(?:long|or so|maximum|max|in length|in total))*\)?"
_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        # "a 1,500-word essay"
        (rf"(?<![-\w,]){_NUMBER}[- ](?P<unit>word|page)\s+(?={_TEXTS}\b)", ""),
        # "write 600 words about"
        (rf"(?<=\bwrite ){_NUMBER}\s+{_COUNTED}(?=\s+(?:on|about)\b)", "something"),
        # "an essay of 1500 words"
        (rf"(?<=[a-z])\s+of\s+(?:{_ABOUT}\s*)?{_NUMBER}\s+{_COUNTED}{_LONG}(?=$|[\s.,;:!?)])", ""),
        # "in about 800 words"
        (
            rf"(?:^|[\s,(])\s*(?:in|with|within|using)\s+(?:{_ABOUT}\s*)?{_NUMBER}\s+{_COUNTED}{_LONG}(?=$|[\s.,;:!?)])",
            "",
        ),
        # "about 1500 words", ", 2 pages": at an end, for one may also learn about 500 words a week
        (
            rf"(?:[\s,(]\s*{_ABOUT}\s*|(?<!\d)[,(]\s*){_NUMBER}\s+{_COUNTED}{_LONG}(?=$|[.,;:!?)])",
            "",
        ),
        # "in ten chapters", ", 12 sections"
        (
            rf"(?:(?:^|[\s,(])\s*(?:in|with)\s+|(?<!\d)[,(]\s*){_NUMBER}\s+{_DIVIDED}{_LONG}(?=$|[.,;:!?)])",
            "",
        ),
    )
)
_BEFORE_VOWEL = re.compile(r"\ba $", re.IGNORECASE)


@dataclass(frozen=True)
class Size:
    """The length that a prompt asks for."""

    num_sections: int | None
    """None: the prompt asks for no length."""
    rest: str
    """The prompt without those words."""


def told_size(prompt: str, lang: str) -> Size:
    """Return how many sections an English prompt asks for, as a number of sections, words or pages."""
    prompt = " ".join(prompt.split())
    for phrase, instead in _PHRASES if lang == ENGLISH else ():
        for found in phrase.finditer(prompt):
            num = _num_sections(found["number"], found["unit"].lower())
            if num is not None:
                before, after = prompt[: found.start()], prompt[found.end() :]
                if not instead and _BEFORE_VOWEL.search(before) and after[:1].lower() in tuple("aeiou"):
                    before = f"{before[:-1]}n "
                return Size(num, f"{before}{instead}{after}".strip(" ,:") or prompt)
    return Size(None, prompt)


def _num_sections(number: str, unit: str) -> int | None:
    num = _NUMBERS.get(number.lower()) or int(re.sub(r"[, ]", "", number))
    if unit.startswith(("word", "page")):
        words = num * (WORDS_A_PAGE if unit.startswith("page") else 1)
        if words < FEWEST_WORDS:
            return None
        return min(max(round(words / WORDS_A_SECTION), FEWEST_SECTIONS), MOST_SECTIONS)
    return num if 1 < num <= MOST_SECTIONS else None
