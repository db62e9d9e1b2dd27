"""Content words of texts, stemmed so that two texts can be compared by them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from concepts.segment import without_accents
from concepts.texts import FORMS, IRREPLACEABLE, OF_NO_OTHER_USE, SAME_FORM, TITLED

if TYPE_CHECKING:
    from nltk.stem.api import StemmerI

_WORD = re.compile(r"[^\W\d_]+")
_SHORT_COMPOUND = re.compile(r"\b([^\W\d_]{1,2})-([^\W\d_]+)\b")
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
        ("sceptic", "skeptic"),
        ("speach", "speech"),
        ("tyre", "tire"),
    )
)
"""British word beginnings and their American spelling; also some common synonyms and misspellings."""


_BRITISH = re.compile(rf"\b(?:{'|'.join(british.pattern for british, _ in _SPELLINGS)})\w*")
"""Matches any word that a spelling rule changes: one pass over a long text instead of one for each rule."""


def americanize(text: str) -> str:
    """Return a text in American spelling, without accents."""
    return _BRITISH.sub(lambda found: _american(found[0]), without_accents(text))


def _american(word: str) -> str:
    for british, american in _SPELLINGS:
        word = british.sub(american, word, count=1) if british.match(word) else word
    return word


def stems(text: str) -> set[str]:
    """Return the stems of a text's content words (Porter 1980); short words count only in capitals, such as CV.

    Wi-Fi and e-mail are the words wifi and email, too.
    """
    words = {
        word for word in _words(text) if len(word) >= _FEWEST_LETTERS or (word.isupper() and len(word) > 1)
    }
    return {_stem(word.casefold()) for word in words if word.casefold() not in _COMMON}


def all_stems(text: str) -> set[str]:
    """Return the stems of all words of a text, short and common ones too."""
    return {_stem(word.casefold()) for word in _words(text)}


def _words(text: str) -> list[str]:
    return _WORD.findall(text) + ["".join(parts) for parts in _SHORT_COMPOUND.findall(text)]


_VERB = re.compile(r"\bto \w+|^[^\w\n]*\w+ (?:an?|the|my|our|your)\b", re.IGNORECASE | re.MULTILINE)
"""Matches an action ("to plan", at the start of a line "plan my day"), whose verb names no kind of text."""


_TELLS_OF = re.compile(
    r"\bhow (?:to|do|does|did|can|could|should|would)\b|^\W*(?:please )?(?:explain|describe|summar)|"
    r"\b(?:writing|reading|giving|preparing|keeping|analy[sz](?:e|es|ed|ing|is)|interpreting|review of|meaning of|"
    r"types? of|kinds? of|tips|famous|greatest|what (?:is|are|makes|should)|why (?:is|are|do|does))\b",
    re.IGNORECASE,
)
"""Matches what makes of the form behind it a subject: "how to write a eulogy"."""
_OTHER_SENSE = re.compile(
    r"\bthe stor(?:y|ies) (?:of|behind)(?! (?:an?|my|our|two|three)\b)"
    r"|\b(?:(?:free|hate|parts? of|figures? of|freedom of) speech\b|(?:second|upper|single|one|two|three|multi)[- ]stor"
    r"(?:y|ies)\b|(?:toy|west side|success) story\b|tale of two cities|(?:interfaith|political|inner) dialog(?:ue)?\b"
    r"|(?:short|give|giving|serve|take|without|weeks?'?|months?'?|days?'?) notice\b)",
    re.IGNORECASE,
)
"""Matches forms in another sense: "the story of tea", "freedom of speech", "two weeks' notice"."""
_PHRASES = {
    "dating profile": re.compile(r"\bdating profile", re.IGNORECASE),
    "job advertisement": re.compile(
        r"\bjob (?:ad|advert|advertisement|description|posting)s?\b", re.IGNORECASE
    ),
    "bio": re.compile(
        r"\b(?:artist|author|professional|speaker)(?:'?s)? bio(?:graphy)?\b|\bbio (?:for|of)\b", re.IGNORECASE
    ),
    "dialogue": re.compile(
        r"\brole[- ]play(?! ?(?:ing|game))|\bskits?\b"
        r"|\b(?:birthday|campfire|carnival|comedy|comic|funny|minute|office|party|school|wedding) sketch\b"
        r"|\bsketch (?:for (?:our|the|two|three|four|an? (?:\w+ ){0,2}(?:anniversary|birthday|class|company|party"
        r"|school|wedding))|in which)\b",
        re.IGNORECASE,
    ),
    "eulogy": re.compile(r"\bmemorial (?:speech|text|words)\b|\bfuneral (?:speech|words)\b", re.IGNORECASE),
    "diary": re.compile(r"\bdiary (?:entr(?:y|ies)|of an?)\b", re.IGNORECASE),
    "performance review": re.compile(
        r"\bperformance (?:review|appraisal)\b(?! (?:basics|format|guide|mistakes|process|tips|training))",
        re.IGNORECASE,
    ),
    "letter": re.compile(
        r"\b(?:thank[- ]you|thanks|condolence|sympathy|apology|farewell|love) (?:notes?|messages?|mails?)\b"
        r"|\ba mail to\b"
        r"|\b(?:apology|complaint|cover|demand|price increase|recommendation|reference|resignation|warning|welcome) "
        r"letters?\b(?! (?:basics|format|guide|mistakes|structure|tips|writing))",
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
_LONG_FORMS = {
    "policy": re.compile(r"\bcodes? of conduct\b", re.IGNORECASE),
    "sop": re.compile(r"\b(?:standard )?operating (?:instructions|procedures?)\b", re.IGNORECASE),
}
"""Forms that other texts may stand in for, and phrases for them."""
_SENTENCE = re.compile(r"[.!?;\n]+")
_REQUESTS = re.compile(
    r"\b(?:write|draft|compose|create|make|prepare|produce|need|want|like|give|tell)\b", re.IGNORECASE
)
_ENDS_HEAD = re.compile(
    r"\b(?:for|on|about|of|with|in|at|to|by|from|after|before|that|who|when|because|i|we|he|she|they|you|got|sent|received|"
    r"has|have|had|is|was|are|were)\b|:",
    re.IGNORECASE,
)
"""Matches what ends the noun phrase at the head of a sentence, or shows that there is none."""
_FORM = re.compile(
    rf"\b(?P<form>{'|'.join(sorted(FORMS))})(?P<many>e?s)?\b(?=\W*$|\W*[,:()]|\s+(?:for|on|about|of|with|in|at|to|by|from|"
    r"after|before|that|who|where|when|between|set|and|not|please|text|template|samples?|examples?|i|as|which|asking|"
    r"telling|saying|explaining|complaining|thanking|inviting|disputing|short|introducing|against|full|over|under|"
    r"the|an?|my|our|your|last|first|old|lost|little|one|two|three)\b)",
    re.IGNORECASE,
)
"""Matches a form that no other noun follows: "story in a tower", not "story hour"."""


def kinds_of(text: str) -> frozenset[str]:
    """Return the forms that a text asks for, the containing form of `SAME_FORM` for each.

    A verb ("to plan a party") names none. One that no other text stands in for counts where it is requested, or heads
    a sentence, as in "ghost story in a tower", and not where the sentence tells of texts ("how to write a eulogy").
    """
    return _replaceable(text) | _asked(text)


@lru_cache(50_000)
def kinds_of_document(title: str, prompt: str | None) -> frozenset[str]:
    """Return the forms of a document. Only how its prompt begins tells whether it is a story, or a text on stories."""
    begins = " ".join((prompt or "").split()[:_BEGINNING])
    named = _asked(title, is_title=True) - (TITLED if prompt else frozenset())
    return _replaceable(f"{title}\n{prompt or ''}") | named | _asked(begins)


def is_of_kind(title: str, prompt: str | None, kinds: frozenset[str]) -> bool:
    """Return whether a document has all of `kinds`, or one of those that no other text stands in for.

    None is of no kinds.
    """
    own = kinds_of_document(title, prompt)
    needed = kinds & IRREPLACEABLE
    return not own.isdisjoint(needed) if needed else bool(kinds) and kinds <= own


def has_unasked_kind(title: str, prompt: str | None, kinds: frozenset[str]) -> bool:
    """Return whether a document has a form that is of no use to somebody who asks for texts of `kinds`."""
    return not kinds_of_document(title, prompt) & OF_NO_OTHER_USE <= kinds


def _replaceable(text: str) -> frozenset[str]:
    """Return the forms that other texts may stand in for and that a text names anywhere."""
    for form, phrase in _LONG_FORMS.items():
        text = phrase.sub(form, text)
    named = forms_in(_VERB.sub("", _PHRASES["letter"].sub("", text)))
    return named - IRREPLACEABLE


def forms_in(text: str) -> frozenset[str]:
    """Return all forms that a text has as words, in any sense."""
    return FORMS.intersection(map(_form_of, _WORD.findall(americanize(text.casefold()))))


_BEGINNING = 12
"""Words of a document's prompt that name what it is."""


def _asked(text: str, *, is_title: bool = False) -> frozenset[str]:
    """Return the forms that no other text stands in for and that a text asks for.

    Many of them count after a number ("two letters"), and in a document's title, where any noun may follow the first
    word.
    """
    found = set()
    for usual, other in _USUAL.items():
        text = other.sub(usual, text)
    for sentence in _SENTENCE.split(text):
        sentence = _OTHER_SENSE.sub("", sentence)
        named = [(m.start(), form) for form, phrase in _PHRASES.items() for m in phrase.finditer(sentence)]
        for place in _FORM.finditer(sentence):
            form = SAME_FORM.get(place["form"].casefold(), place["form"].casefold())
            is_one = not place["many"] or form == "vow" or _SOME.search(sentence[: place.start()])
            if form in IRREPLACEABLE and (is_one or is_title):
                named.append((place.start(), form))
        first = _form_of(sentence.partition(" ")[0].casefold())
        if is_title and first in IRREPLACEABLE:
            named.append((0, first))
        for start, form in named:
            before = sentence[:start]
            heads = not _ENDS_HEAD.search(before) and len(before.split()) < _LONGEST_HEAD
            if (heads or _REQUESTS.search(before)) and not _TELLS_OF.search(before):
                found.add(form)
    return frozenset(found)


_USUAL = {
    "email": re.compile(r"\be-mail", re.IGNORECASE),
    "fairy tale": re.compile(r"\bfairytale", re.IGNORECASE),
    "thanks": re.compile(r"\bthank[- ]you\b", re.IGNORECASE),
}
"""Usual spellings; "you" in "thank-you letter" is nobody."""
_LONGEST_HEAD = 8
"""Words of a sentence's head, at most, before the form."""
_SOME = re.compile(r"\b(?:two|three|four|five|some|\d+) (?:[\w-]+ )?$", re.IGNORECASE)


def _form_of(word: str) -> str:
    word = f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
    return SAME_FORM.get(word, word)


def asks_for_titled(wish: str) -> bool:
    """Return whether a requested text is of a kind that has titles of its own, such as a story."""
    return not kinds_of(wish).isdisjoint(TITLED)


@lru_cache(50_000)
def _stem(word: str) -> str:
    return str(_stemmer().stem(americanize(word)))


@cache
def _stemmer() -> StemmerI:
    from nltk.stem import PorterStemmer

    return PorterStemmer()


_NAME = r"[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*"
_NAMES = re.compile(rf"{_NAME}(?:, {_NAME})*,? (?:and|or|&) {_NAME}|{_NAME}(?:, {_NAME}){{2,}}")
"""Matches a row of names; "Portland, Maine" is one place."""
_BETWEEN_NAMES = re.compile(r",? (?:and|or|&) |, ")
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


def without_other_names(title: str, subject: str) -> str:
    """Return a title, without accents, in which a row of names ("Krakatoa, Tambora and Vesuvius") has only those that a
    subject has, if it has any of them."""
    known = set(_WORD.findall(without_accents(subject).casefold()))

    def of_subject(row: re.Match[str]) -> str:
        names = _BETWEEN_NAMES.split(row[0])
        own = [name for name in names if not known.isdisjoint(_WORD.findall(name.casefold()))]
        return ", ".join(own or names)

    return _NAMES.sub(of_subject, without_accents(title))


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
