"""Detecting the code page of a text in Latin letters by the letters and signs that it shows.

charset-normalizer gives windows-1250 for German, French and Spanish alike, and confuses DOS and Mac pages in a short
text. A wrong code page shows letters that no single language has together ("Vezmìte ... musí"), capitals inside
words ("donÕt") or signs between letters ("Grš§e"). Where several pages pass, py3langid says which text is in a
language of its page; usual pages go before rare ones.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_ALPHABETS = {
    "de": "äöüßéèêàç",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "es": "áéíñóúü",
    "pt": "áâãàçéêíóôõúü",
    "it": "àèéìòù",
    "nl": "áéèêëïóöü",
    "ca": "àçéèíïòóúü",
    "sv": "åäöéàü",
    "da": "æøåéèöü",
    "nb": "æøåéòô",
    "fi": "äöåé",
    "is": "áðéíóúýþæö",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "pl": "ąćęłńóśźż",
    "hu": "áéíóöőúüű",
    "hr": "čćđšž",
    "sl": "čšž",
    "ro": "ăâîșțşţ",
    "sq": "çë",
    "tr": "çğıöşüâîû\u0307",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "et": "äõöüšž",
}
"""Non-ASCII letters of languages, with those of common foreign words ("Café"), by py3langid's code."""
_WESTERN = "en de fr es pt it nl ca sv da nb fi is sq"
_CENTRAL = "cs sk pl hu hr sl ro de sq"
_PAGES: tuple[tuple[str, str, str, float], ...] = (
    ("cp1252", "windows-1252", _WESTERN, 2.0),
    ("iso8859_15", "ISO-8859-15", f"{_WESTERN} et", 0.5),
    ("cp1250", "windows-1250", _CENTRAL, 1.0),
    ("iso8859_2", "ISO-8859-2", _CENTRAL, 0.5),
    ("cp1254", "windows-1254", "tr", 1.0),
    ("cp1257", "windows-1257", "lt lv et", 1.0),
    ("iso8859_16", "ISO-8859-16", "ro", 0.1),
    ("mac_roman", "Mac Roman", _WESTERN, 0.2),
    ("cp850", "cp850", _WESTERN, 0.2),
    ("cp852", "cp852", _CENTRAL, 0.1),
    ("mac_latin2", "Mac Latin 2", _CENTRAL, 0.05),
)
"""Python's names of code pages, their common names, the languages that are written in them and how usual they are."""
_ANYWHERE = frozenset("‘’–—·…´\u00a0\u00ad")
_OUTSIDE_WORDS = frozenset("“”„‚«»‹›•€£©®™½¼¾²³¹×÷±¿¡ªº°µ")
_NOT_BEFORE_LETTERS = frozenset("½¼¾²³¹ªº®™")
_NOT_AFTER_LETTERS = frozenset("¿¡„‚")
_WITH_NUMBERS = frozenset("§¥¢‰")
_ALONE = frozenset("¶†‡")
_LONE = frozenset("àÀèÈéÉóÓòÒáÁåÅöÖäÄøØæÆíÍêÊôÔúÚý")
"""Letters that are words."""
_ELISION = re.compile(
    r"(?:^|[\W_])(?:[A-Za-zÀ-ÿ]{1,2}|[Jj]usqu|[Ll]orsqu|[Pp]uisqu|[Aa]ujourd|[DdNnAaSs](?:e|a|u)?ll|[Qq]uell)$"
)
_SUFFIX = re.compile(r"(?:s|t|re|ll|d|m|ve|em|n|clock|all)(?![^\W\d_])", re.IGNORECASE)
_WEAK = 0.05
"""Likelihood of a text with a sign where it is rare: "mayor’a", "ser\u00a0 utilizado", " … sens"."""
_SHARE, _SLACK = 0.85, 0.05
"""Share of the non-ASCII characters that must fit, and how far below the best page others are compared with it."""
_MOST_A_LETTER = 2
"""Most non-ASCII characters for each ASCII letter."""
_FOREIGN_IN_ENGLISH = 0.03
"""Share of non-ASCII letters up to which English words may have any Western ones."""
_CLEAR = 4.0
_MOST_CHARS, _MOST_FOR_LANGUAGE = 20_000, 2_000
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile("[’—–…\u00a0]")
_SMALL_START = re.compile(r" [a-zà-ÿ]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class LatinPage:
    """A code page that fits a text."""

    encoding: str
    name: str
    doubt: str = ""
    """Name of another one that fits nearly as well; empty for none."""


def by_latin_letters(data: bytes) -> LatinPage | None:
    """Return the code page of bytes in Latin letters; None if none gives usual words and signs."""
    sample = data[:_MOST_CHARS]
    pages: list[_Reading] = []
    for encoding, name, languages, prior in _PAGES:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROLS.search(text):
            continue
        share, fitting = _fit(text, languages.split())
        same = next((page for page in pages if page.text == text), None)
        if same is not None:  # pages that give the same text are one answer, for the languages of both
            same.fitting |= fitting if share >= same.share else set()
        elif share >= _SHARE:
            pages.append(_Reading(text, encoding, name, prior, share, fitting))
    best = max((page.share for page in pages), default=0.0)
    pages = [page for page in pages if page.share >= best - _SLACK]
    if not pages:
        return None
    if len(pages) == 1:
        return LatinPage(pages[0].encoding, pages[0].name)
    ranked = sorted(((page.likelihood(), page) for page in pages), key=lambda pair: -pair[0])
    (first, best_page), (second, other) = ranked[:2]
    return LatinPage(best_page.encoding, best_page.name, other.name if second * _CLEAR > first else "")


@dataclass
class _Reading:
    """What a code page makes of the bytes."""

    text: str
    encoding: str
    name: str
    prior: float
    share: float
    """Share of the non-ASCII characters that fit."""
    fitting: set[str]
    """Languages with these letters."""

    def likelihood(self) -> float:
        from concepts.languages.detection import language_shares

        shares = language_shares(self.text[:_MOST_FOR_LANGUAGE])
        # A word or two tell little about the language.
        found = sum(shares.get(language, 0.0) for language in self.fitting)
        weak = _WEAK if _has_rare_sign(self.text) else 1.0
        return self.prior * weak * (found + 1 / max(1, len(self.text)))


def _fit(text: str, languages: list[str]) -> tuple[float, set[str]]:
    """Return the share of a text's non-ASCII characters that fit, and the languages that they fit.

    All languages fit a text whose letters are all ASCII.
    """
    letters: Counter[str] = Counter()
    num_odd, num_letters = 0.0, 0
    for found in _WORD.finditer(text):
        word = found.group()
        num_letters += len(word)
        if word.isascii():
            continue
        foreign = [char for char in word if not char.isascii() and char not in _OUTSIDE_WORDS]
        before = text[max(0, found.start() - 1) : found.start()]
        if len(word) == 1 and foreign and (word not in _LONE or before.isdecimal()):
            num_odd += 1
        elif word.islower() or word.isupper() or word.istitle():
            letters.update("".join(foreign).replace("İ", "i").lower())
        else:
            num_odd += len(foreign)
    num_signs = 0.0
    for place, char in enumerate(text):
        if char.isascii() or (char.isalpha() and char not in _OUTSIDE_WORDS):
            continue
        before, after = text[place - 1 : place], text[place + 1 : place + 2]
        if _is_in_place(char, before, after):
            num_signs += 1
        else:
            num_odd += 1
    total = letters.total() + num_signs + num_odd
    num_ascii = sum(char.isalpha() for char in text if char.isascii())
    if num_ascii * _MOST_A_LETTER < total:
        return 0.0, set()
    if not letters:
        return num_signs / total, set(languages)
    good = {language: _num_good(letters, language, languages) for language in languages}
    if letters.total() <= _FOREIGN_IN_ENGLISH * num_letters and "en" in good:
        good["en"] = sum(num for char, num in letters.items() if char in _ANY_WESTERN)
    best = max(good.values())
    fitting = {language for language, num in good.items() if num == best}
    return (best + num_signs) / total, fitting


def _has_rare_sign(text: str) -> bool:
    """Whether a sign stands where texts seldom have it."""
    if ("„" in text and not any(mark in text for mark in '“”"‟')) or (
        "‚" in text and not any(mark in text for mark in "‘’'")
    ):
        return True
    for found in _SIGN.finditer(text):
        char, before, after = found.group(), text[: found.start()][-10:], text[found.end() :][:8]
        is_small = before[-1:].islower()
        if char == "’":
            is_inside = before[-1:].isalpha() and after[:1].isalpha()
            is_rare = is_inside and not _ELISION.search(before) and not _SUFFIX.match(after)
        elif char == "…":
            is_rare = before[-1:] == " " and _SMALL_START.match(after) is not None
        else:
            is_rare = is_small and (
                after[:1].islower() or (char == "\u00a0" and (not after or after[0] in " ,."))
            )
        if is_rare:
            return True
    return False


def _num_good(letters: Counter[str], language: str, of_page: list[str]) -> float:
    """Return the number of letters of a language; one of another language of the page counts half: "Café" in German."""
    own = set(_ALPHABETS.get(language, ""))
    others = set().union(*(_ALPHABETS.get(other, "") for other in of_page)) if own else set()
    return sum(num if char in own else num / 2 for char, num in letters.items() if char in own | others)


_ANY_WESTERN = frozenset("".join(_ALPHABETS[language] for language in _WESTERN.split() if language != "en"))


def _is_in_place(char: str, before: str, after: str) -> bool:
    """Whether a sign stands where texts have it; `before` and `after` are its neighbours, empty at the ends."""
    is_inside = before.isalpha() and after.isalpha()
    if char in _ANYWHERE:
        return True
    if char in _OUTSIDE_WORDS:
        if is_inside or (char == "°" and after.isalpha() and after not in "CFK"):
            return False
        if char in "¿¡" and not (after.isalnum() or after in '¡¿"“«'):
            return False
        if char in "„‚" and before in ("'", "’"):
            return False
        return not (after.isalpha() and char in _NOT_BEFORE_LETTERS) and not (
            before.isalpha() and char in _NOT_AFTER_LETTERS
        )
    if char in _WITH_NUMBERS:
        return not before.isalpha() and not after.isalpha() and after not in "¥¢"
    return char in _ALONE and not before.isalpha() and not after.isalpha()
