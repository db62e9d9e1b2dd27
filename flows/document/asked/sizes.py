"""Lengths that prompts ask for: "about 1,500 words", "in ten chapters", "a comprehensive guide"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from concepts.languages.codes import ENGLISH
from concepts.texts import KINDS_OF_BOOK, KINDS_OF_TEXT, THOROUGH, BookNeed
from flows.document.asked.options import NO_LIBRARY, WritingOptions
from storage import DocumentRecord

WORDS_A_SECTION = 80
"""Words of a typical section in the library."""
FEWEST_WORDS_OF_BOOK = 1_800
"""A document of so many words is a book: one document of the library does not fill it."""
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
_LONG = r"(?:\s+(?:long|or so|or more|or longer|minimum|maximum|min|max|in length|in total))*\)?"
_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), instead)
    for pattern, instead in (
        # "a 1,500-word essay"
        (rf"(?<![-\w,]){_NUMBER}[- ](?P<unit>word|page)\s+(?={_TEXTS}\b)", ""),
        # "write 600 words about"
        (rf"(?<=\bwrite ){_NUMBER}\s+{_COUNTED}(?=\s+(?:on|about)\b)", "something"),
        # "3,000 words on"
        (rf"^{_NUMBER}\s+{_COUNTED}\s+(?:on|about)\s+", ""),
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
_PARTS = ("chapters", "parts", "units", "lessons")
"""Divisions that are as long as a document of the library."""
_THOROUGH = rf"(?:{'|'.join(sorted(THOROUGH, reverse=True))})"
_WORKS = "|".join(sorted(KINDS_OF_BOOK, reverse=True))
_BOOK = re.compile(
    rf"\b(?:{_THOROUGH}[\s,]+(?:and\s+|[\w'-]+\s+){{0,2}}"
    rf"(?:{_WORKS}|biography|history|reference|study|treatment)\b"
    r"|(?:^|\b(?:an?|my|our|this|whole|short|little)\s+)(?:[\w'-]+\s+){0,2}?(?:e-?book|textbook|handbook|book|treatise|"
    r"monograph|compendium)\s+(?:on|about|for|to|of|explaining|that\s+(?:explains|teaches|covers))\b"
    r"|everything\s+(?:you|one|i|we|there\s+is)\b[\w\s]{0,20}?\bto\s+know\b)",
    re.IGNORECASE,
)
"""Matches words that ask for a book: "a complete guide", "a book about"."""
_BEFORE_VOWEL = re.compile(r"\ba $", re.IGNORECASE)


@dataclass(frozen=True)
class Size:
    """The length that a prompt asks for."""

    num_sections: int | None
    """None: the prompt asks for no length."""
    rest: str
    """The prompt without those words."""
    is_book: bool = False
    """Whether it names a book, or chapters."""
    num_parts: int | None = None
    """Number of chapters; None: as many as it needs."""
    num_words: int | None = None
    """Number of words, if one document of the library does not fill them; None: it asks for fewer or names none."""


def told_size(prompt: str, lang: str) -> Size:
    """Return what length an English prompt asks for: sections, parts, words, pages, or a book."""
    prompt = " ".join(prompt.split())
    if lang != ENGLISH:
        return Size(None, prompt)
    is_book = _BOOK.search(prompt) is not None
    for phrase, instead in _PHRASES:
        for found in phrase.finditer(prompt):
            size = _size(found["number"], found["unit"].lower(), is_book=is_book)
            if size is not None:
                before, after = prompt[: found.start()], prompt[found.end() :]
                if not instead and _BEFORE_VOWEL.search(before) and after[:1].lower() in tuple("aeiou"):
                    before = f"{before[:-1]}n "
                return replace(size, rest=f"{before}{instead}{after}".strip(" ,:") or prompt)
    return Size(None, prompt, is_book)


def _size(number: str, unit: str, *, is_book: bool) -> Size | None:
    """Return the size that a number of units means, without the rest of the prompt; None: it is no length."""
    num = _NUMBERS.get(number.lower()) or int(re.sub(r"[, ]", "", number))
    if unit.startswith(("word", "page")):
        words = num * (WORDS_A_PAGE if unit.startswith("page") else 1)
        if words < FEWEST_WORDS:
            return None
        sections = min(max(round(words / WORDS_A_SECTION), FEWEST_SECTIONS), MOST_SECTIONS)
        if words < FEWEST_WORDS_OF_BOOK:  # "a complete guide in 800 words" is no book
            return Size(sections, "")
        return Size(sections, "", is_book, num_words=words)
    if not 1 < num <= MOST_SECTIONS:
        return None
    return Size(num, "", is_book=True, num_parts=num) if unit in _PARTS else Size(num, "")


def wanted_book(document: DocumentRecord, options: WritingOptions) -> BookNeed | None:
    """Return which book of the library a prompt asks for; None where it asks for none, or the options say otherwise."""
    if options.depth or options.sections or options.outline or options.use or options.library == NO_LIBRARY:
        return None
    size = told_size(document.prompt, options.prompt_lang or document.lang)
    return "wider" if size.is_book else "exact" if size.num_words else None


def asked_size(document: DocumentRecord, options: WritingOptions) -> tuple[int | None, int]:
    """Return how many sections, or parts at depth 2, a document should have, and its depth; a prompt counts as well."""
    size = told_size(document.prompt, options.prompt_lang or document.lang)
    depth = options.depth or 1
    return options.sections or (size.num_sections if depth == 1 else size.num_parts), depth
