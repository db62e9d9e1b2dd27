"""Content words of texts, stemmed so that two texts can be compared by them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from concepts.texts import FORMS

if TYPE_CHECKING:
    from nltk.stem.api import StemmerI

_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_LETTERS = 4
_COMMON = frozenset(
    _WORD.findall(
        "about actually after also article basics because been before beginner beginners being best better "
        "chapter complete could does doing each essay every everything explain explained first from getting give "
        "good guide handbook have having help hate importance important into introduction just know like long "
        "make making manual more most much need needs only other overview people please practical really report "
        "several short should simple some someone something step story such than that their them there these they "
        "thing things this those through using very want wants well what when where which while will with without "
        "words would write writing year years your"
    )
)
"""Stop words."""
_SPELLINGS = tuple(
    (re.compile(british), american)
    for british, american in (
        (r"(behavi|col|fav|flav|harb|hon|hum|lab|neighb|od|parl|rum|sav|tum|arm|endeav|vap|vig)our", r"\1or"),
        (
            r"(apolog|author|critic|custom|digital|econom|emphas|fertil|final|general|legal|local|maxim|memor|minim|mobil|"
            r"modern|neutral|normal|optim|organ|personal|popular|prior|privat|real|recogn|social|special|stabil|standard|"
            r"steril|summar|util|visual)is(?=e|i)",
            r"\1iz",
        ),
        (r"(cent|theat|fib|lit|met|kilomet|centimet|millimet)re(?=s?\b)", r"\1er"),
        (r"(cata|dia|ana)logue", r"\1log"),
        (r"(cance|counse|fue|labe|leve|marve|mode|quarre|signa|trave)ll(?=e|i)", r"\1l"),
        (r"(defen|offen|licen)ce", r"\1se"),
        (r"(an|leuk)aemi", r"\1emi"),
        (r"(encyclop|orthop|p)aed", r"\1ed"),
        (r"(enro|fulfi)l(?!l)", r"\1ll"),
        (r"(mo|smo)uld", r"\1ld"),
        ("aeroplane", "airplane"),
        ("ageing", "aging"),
        ("aluminium", "aluminum"),
        ("cheque", "check"),
        ("coeliac", "celiac"),
        ("grey", "gray"),
        ("jewellery", "jewelry"),
        (r"kids?\b", "children"),
        ("manoeuvre", "maneuver"),
        (r"maths\b", "math"),
        (r"mums?\b", "mom"),
        ("plough", "plow"),
        ("practis", "practic"),
        (r"programme(?=s?\b)", "program"),
        ("pyjama", "pajama"),
        ("recipie", "recipe"),
        ("résumé", "resume"),
        ("sceptic", "skeptic"),
        ("speach", "speech"),
        ("tyre", "tire"),
    )
)
"""British word beginnings and their American spelling; also some common synonyms and misspellings."""


_BRITISH = re.compile(rf"\b(?:{'|'.join(british.pattern for british, _ in _SPELLINGS)})\w*")
"""Matches any word that a spelling rule changes: one pass over a long text instead of one for each rule."""


def americanize(text: str) -> str:
    """Return a text in lower case and American spelling."""
    return _BRITISH.sub(lambda found: _american(found[0]), text)


def _american(word: str) -> str:
    for british, american in _SPELLINGS:
        word = british.sub(american, word, count=1) if british.match(word) else word
    return word


def stems(text: str) -> set[str]:
    """Return the stems of a text's content words (Porter 1980); short words count only in capitals, such as CV."""
    words = {
        word
        for word in _WORD.findall(text)
        if len(word) >= _FEWEST_LETTERS or (word.isupper() and len(word) > 1)
    }
    return {_stem(word.casefold()) for word in words if word.casefold() not in _COMMON}


_VERB = re.compile(r"\bto \w+|^\W*\w+ (?:an?|the|my|our|your)\b", re.IGNORECASE | re.MULTILINE)
"""Matches an action ("to plan", at the start of a line "plan my day"), whose verb names no kind of text."""


def kinds_of(text: str) -> frozenset[str]:
    """Return the forms that the lines of a text name; a verb ("to plan a party") names none."""
    return FORMS.intersection(
        word.removesuffix("s") for word in _WORD.findall(americanize(_VERB.sub("", text).casefold()))
    )


@lru_cache(50_000)
def _stem(word: str) -> str:
    return str(_stemmer().stem(americanize(word)))


@cache
def _stemmer() -> StemmerI:
    from nltk.stem import PorterStemmer

    return PorterStemmer()


_WORLD_WAR = re.compile(
    r"\b(?:(first|second|1st|2nd)\s+world\s+war|(?:world\s+war|w\.?w\.?)\s*(ii?|[12]|one|two))\b",
    re.IGNORECASE,
)
_ONE = frozenset(("first", "1st", "i", "1", "one"))
_NUMBERED = re.compile(r"\b([^\W\d_]{3,})\s+(\d{1,4}|[IVX]+)\b")
_ORDINAL = re.compile(r"\b(first|second|third|fourth|1st|2nd|3rd|4th)\s+([^\W\d_]{3,})\b", re.IGNORECASE)
_SAME_NUMBER = {
    name: str(number)
    for number, names in enumerate(
        (("first", "1st", "I"), ("second", "2nd", "II"), ("third", "3rd", "III"), ("fourth", "4th", "IV")), 1
    )
    for name in names
}
_NUMBERS_NOTHING = frozenset(
    """
    about after age aged and at before for from grade grades in least level most of on over than the to top under until
    with year
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Words before numbers that belong to no name: "for 5 people", "grade 4"."""


def with_one_name(text: str) -> str:
    """Return a text in which the World Wars have one name each: "WW2", "Second World War" are "World War 2"."""
    return _WORLD_WAR.sub(
        lambda found: f"World War {1 if (found[1] or found[2]).lower() in _ONE else 2}", text
    )


def has_other_number(title: str, subject: str) -> bool:
    """Return whether a title numbers the same word otherwise than a subject does: type 1 is not type 2."""
    own, wanted = _numbered(title), _numbered(subject)
    return any(own[word].isdisjoint(wanted[word]) for word in own.keys() & wanted.keys())


def _numbered(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    text = with_one_name(text)
    ordinals = [(word, number.lower()) for number, word in _ORDINAL.findall(text)]
    for word, number in [*_NUMBERED.findall(text), *ordinals]:
        if (small := word.casefold()) not in _NUMBERS_NOTHING:
            found.setdefault(small, set()).add(_SAME_NUMBER.get(number, number))
    return found
