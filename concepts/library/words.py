"""Content words of texts, stemmed so that two texts can be compared by them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from concepts.texts import FORMS, SAME_FORM, TITLED

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


_TELLS_OF = re.compile(
    r"\bhow (?:to|do|does|did|can|could|should|would)\b|^\W*(?:please )?(?:explain|describe|summar)|"
    r"\b(?:writing|reading|giving|preparing|keeping|analy[sz]\w+|interpreting|review of|meaning of|types? of|"
    r"kinds? of|tips|famous|greatest|"
    r"what (?:is|are|makes|should)|why (?:is|are|do|does))\b",
    re.IGNORECASE,
)
"""Matches a line that tells of texts, "how to write a eulogy", and asks for none."""
_OTHER_SENSE = re.compile(
    r"\b(?:stor(?:y|ies) (?:of|behind)(?! an?\b)|(?:free|hate|parts? of|figures? of|freedom of) speech\b"
    r"|speech (?:therap\w+|recogni\w+|delay\w*|impair\w+|disorder\w*)|notice period|(?:short|give|giving|serve|take|"
    r"without|weeks?'?|months?'?|days?'?) notice\b)",
    re.IGNORECASE,
)
"""Matches forms in another sense: "the story of tea", "freedom of speech", "two weeks' notice"."""
_PHRASES = {
    "dating profile": re.compile(r"\bdating profile", re.IGNORECASE),
    "job advertisement": re.compile(r"\bjob (?:ad|advert|advertisement|posting)s?\b", re.IGNORECASE),
    "dialogue": re.compile(
        r"\brole[- ]play(?! ?(?:ing|game))|\bskits?\b|\b(?:comedy|comic|minute) sketch", re.IGNORECASE
    ),
    "letter": re.compile(
        r"\b(?:thank[- ]you|condolence|sympathy|apology|farewell|love) (?:notes?|messages?|mails?)\b|\ba mail to\b",
        re.IGNORECASE,
    ),
    "press release": re.compile(r"\bpress releases?\b", re.IGNORECASE),
    "story": re.compile(
        r"\b(?:retell|retold\b|(?:romance|love) scene\b"
        r"|(?:murder|crime) mystery\b(?! (?:dinner|party|game|night|evening)))",
        re.IGNORECASE,
    ),
    "product description": re.compile(r"\bproduct descriptions?\b", re.IGNORECASE),
}
"""Forms of two words, and two words for a form."""


def kinds_of(text: str) -> frozenset[str]:
    """Return the forms that the lines of a text ask for, the containing form of `SAME_FORM` for each.

    A verb ("to plan a party") names none, nor does a line that tells of texts ("how to write a eulogy").
    """
    lines = (_OTHER_SENSE.sub("", line) for line in text.splitlines() if not _TELLS_OF.search(line))
    asking = "\n".join(lines)
    found = {form for form, phrase in _PHRASES.items() if phrase.search(asking)}
    asking = _VERB.sub("", _PHRASES["letter"].sub("", asking))
    words = map(_singular, _WORD.findall(americanize(asking.casefold())))
    return frozenset(found | {SAME_FORM.get(word, word) for word in words if word in FORMS})


_BEGINNING = 8
"""Words of a document's prompt that name what it is."""


def kinds_of_document(title: str, prompt: str | None) -> frozenset[str]:
    """Return the forms of a document. Only how its prompt begins tells whether it is a story, or a text on stories."""
    if not prompt:
        return kinds_of(title)
    begins = " ".join(prompt.split()[:_BEGINNING])
    return (kinds_of(f"{title}\n{prompt}") - TITLED) | (
        kinds_of(begins) & TITLED if kinds_of(prompt) else frozenset()
    )


def asks_for_titled(wish: str) -> bool:
    """Return whether a requested text is of a kind that has titles of its own, such as a story."""
    return not kinds_of(wish).isdisjoint(TITLED)


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


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
