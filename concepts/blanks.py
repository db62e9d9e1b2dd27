"""Blanks of a text, such as "[landlord's name]", and the facts of a prompt that may fill them.

A blank for a name may have a default, "[girl's name: Lena]": a story is whole without the name of the child.

Here is what can be told by the words alone: what kind of value a blank takes, and which words of a prompt are of that
kind. Which fact belongs to which blank is for a language model to say (`writer.voice.voice.Voice.weigh_facts`).

Legend: B blanks, F facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

Kind = Literal["person", "name", "date", "time", "amount", "number", "address"]
"""Kind of a fact: a person with a title ("Dr. Patel"), another proper name, a day, a time of day, a number with its
unit ("400 euros"), a bare number or code ("NW 204"), or a house's address."""

LEAST: dict[Kind, float] = {
    "person": 3.0,
    "name": 3.0,
    "date": 1.0,
    "time": 1.0,
    "amount": 0.5,
    "number": -3.0,
    "address": 0.0,
}
"""Least log odds, in nats, with which a fact fills a blank rather than none: high enough that the shipped voice fills
no blank wrongly (`tests/writer/test_voice_blanks.py`)."""
LEAST_TOLD = 0.0
"""The same where the prompt's words say it, too: "[village's name]" and "the village of Thornby"."""
MOST_FACTS = 8
"""Facts of a prompt that are looked at."""

_NUM_BEFORE = 3
"""Words before a fact that may say what it is."""
_NUM_AFTER = 3
"""Words after a name that may say whose it is."""
_BLANK = re.compile(r"\[([^\W\d_][^\[\]]{1,60})\]")
_DEFAULT = re.compile(r"(.*\bname): (.+)")
_GENERAL = frozenset(
    """
    amount date day month name names number place sum time year
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""Blanks that say too little: the date of a letter is not the date that its prompt tells."""
_GROUPS = frozenset(
    """
    airline bank business charity church city club company country employer firm hospital hotel
    organization place school shop store team town university village
    """.split()  # noqa: SIM905  # a list of words reads better so
)
"""What has a name but is no person."""
_PEOPLE = frozenset(
    """
    boss bride brother child colleague customer daughter employee father friend grandfather
    grandmother groom guest husband interviewer landlord manager mother neighbor parent patient
    professor sister son student tenant teacher wife
    """.split()  # noqa: SIM905  # a list of words reads better so
)
_PLACES = frozenset("bay city country farm harbor island kingdom place planet town valley village".split())  # noqa: SIM905
_CHILDREN: dict[str, frozenset[str]] = {
    "girl": frozenset("daughter girl goddaughter granddaughter niece sister".split()),  # noqa: SIM905
    "boy": frozenset("boy brother godson grandson nephew son".split()),  # noqa: SIM905
}
_SEXES: tuple[frozenset[str], ...] = (
    _CHILDREN["girl"]
    | frozenset(
        """
        aunt bride girlfriend grandma grandmother lady mother mom princess queen wife witch woman
        """.split()  # noqa: SIM905  # a list of words reads better so
    ),
    _CHILDREN["boy"]
    | frozenset(
        """
        boyfriend dad father gentleman grandfather grandpa groom husband king man prince uncle wizard
        """.split()  # noqa: SIM905  # a list of words reads better so
    ),
)
"""Words for women and girls, and for men and boys: a text about a wife is not about Tom."""
_PRONOUNS = {"girl": frozenset(("her", "she")), "boy": frozenset(("he", "his"))}
_ANIMALS = frozenset(
    """
    bear bird bunny cat chicken cow crow dog donkey dragon duck elephant fox frog goat goose hamster hedgehog hen horse
    kitten lion monkey mouse owl parrot penguin pet pig pony puppy rabbit raven robot sheep squirrel teddy tiger toy
    turtle unicorn whale wolf
    """.split()  # noqa: SIM905  # a list of words reads better so
)
_YOUNG = {"bunny": "rabbit", "kitten": "cat", "pony": "horse", "puppy": "dog", "hen": "chicken"}
_ROLES = frozenset().union(_PEOPLE, _ANIMALS, *_SEXES) | frozenset(
    ("cousin", "kid", "lover", "sibling", "twin")
)
_OF_SEVERAL = frozenset(("between", "couple", "two"))
"""Words before the names of several: "between Nora and Matteo"."""
_IN_A_PLACE = frozenset("across around in near outside through".split())  # noqa: SIM905
"""Words before the name of a place, and hardly before that of a person."""
_BEFORE_A_PLACE = _IN_A_PLACE | frozenset(("at", "from", "of", "to"))
_UNITS = frozenset("year month week day hour minute guest euro dollar pound page people km kg".split())  # noqa: SIM905
_UNIT = rf"(?:{'|'.join(sorted(_UNITS))})s?"
_SMALL = "two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_TITLED = r"(?:[Mm]rs?|[Mm]s|[Dd]r|[Pp]rof)\b\.? ?"
_NAME = r"[A-Z][^\W_]*(?:['’-][^\W_]+)*"
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "address",
        re.compile(rf"\b\d{{1,4}}[a-z]? {_NAME} (?:Street|Road|Avenue|Lane|Drive|Way|Square|Court|Place)\b"),
    ),
    (
        "date",
        re.compile(
            rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?)(?:,? \d{{4}})?\b|"
            rf"\b\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}\b|\b{_WEEKDAY}(?:(?:,| and| to) {_WEEKDAY})*\b"
        ),
    ),
    ("time", re.compile(r"\b\d{1,2}(?:[:.]\d\d)? ?(?:am|pm|a\.m\.|p\.m\.|o['’]clock)", re.IGNORECASE)),
    ("number", re.compile(r"\b[A-Z]{2,3} ?\d{2,6}\b")),
    (
        "amount",
        re.compile(rf"[$€£]\d[\d,.]*|\b(?:\d[\d,.]*|{_SMALL}) ?(?:[$€£]|{_UNIT}\b)"),
    ),
    ("number", re.compile(r"\b\d{3,}\b")),
    ("person", re.compile(rf"\b{_TITLED}{_NAME}(?: {_NAME})*")),
    ("name", re.compile(rf"\b(?:St\. )?{_NAME}(?:(?: (?:of|the|and|&))? {_NAME})*")),
)
_NO_NAMES = frozenset(["I", "I'm", "I'll", "I've", "I'd", "I’m", "I’ll", "I’ve", "I’d"])
_SENTENCE_END = re.compile(r"(?:^|[.?!:]\s*)[\"'“(]*$")
_POSSESSIVE = re.compile(r"['’]s$")


@dataclass(frozen=True)
class Fact:
    """Words of a prompt that may fill a blank."""

    text: str
    kind: Kind
    after: tuple[str, ...] = ()
    """The few words before it, in lower case: in "order 4471" they say which number it is."""
    before: tuple[str, ...] = ()
    """The few words after it, in lower case."""

    @property
    def role(self) -> str:
        """The word that says what has the name: "cat" in "our cat Miso", "cats called Miso and Mia"; else ""."""
        *before, last = self.after or ("",)
        if last in ("called", "named") or (last == "of" and before and before[-1] in _PLACES):
            last = before[-1] if before else ""
        return _singular(last)

    @property
    def is_animal(self) -> bool:
        """Whether it is the name of an animal or a toy."""
        return self.role in _ANIMALS

    @property
    def is_place(self) -> bool:
        """Whether it is the name of a place: "in Lisbon", "a village called Thornby"."""
        return self.role in _PLACES or self.after[-1:] in {(word,) for word in _IN_A_PLACE}

    def may_name(self, child: str) -> bool:
        """Return whether it may name a "girl" or a "boy", by the words around it."""
        around = {*self.after, *self.before}
        named = [c for c in _CHILDREN if not around.isdisjoint(_CHILDREN[c] | _PRONOUNS[c])]
        is_fit = not (self.is_animal or self.is_place or _is_other_sex((child,), self.role))
        return self.kind == "name" and is_fit and (not named or child in named)


def _singular(word: str) -> str:
    """Return the singular of a role, of an animal's young the animal."""
    ones = [word, word.removesuffix("s"), word.removesuffix("es")]
    if word.endswith("ies"):
        ones.append(f"{word[:-3]}y")
    known = next((one for one in ones if one in _ROLES), word)
    return _YOUNG.get(known, known)


def blanks_of(texts: Iterable[str]) -> list[str]:
    """Return the names of the blanks in texts, each once, in order; "[Name]" and "[name]" are one blank."""
    found: dict[str, str] = {}
    for text in texts:
        for inside in _BLANK.findall(text):
            blank, _ = _parts(inside)
            found.setdefault(blank.casefold(), blank)
    return list(found.values())


def _parts(inside: str) -> tuple[str, str | None]:
    """Return the name of a blank and its default, if it has one."""
    found = _DEFAULT.fullmatch(inside)
    return (found[1], found[2]) if found else (inside, None)


def facts_of(prompt: str) -> list[Fact]:
    """Return the facts of an English prompt, in order."""
    found: list[tuple[int, int, Fact]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(prompt):
            if any(match.start() < end and start < match.end() for start, end, _ in found):
                continue
            text = _POSSESSIVE.sub("", match[0].rstrip(" ,."))
            text = text[:1].upper() + text[1:] if kind == "person" else text  # "mr Hadley"
            if kind == "name" and (text in _NO_NAMES or _only_begins(prompt, match.start(), text)):
                continue
            after = re.findall(r"[^\W\d_]+", prompt[: match.start()].casefold())[-_NUM_BEFORE:]
            if _POSSESSIVE.search(match[0]) and after[-1:] == ["in"]:
                after = []  # "in Anna's honor"
            before = re.findall(r"[^\W\d_]+", prompt[match.end() :].casefold())[:_NUM_AFTER]
            for own in _each(text, after) if kind == "name" else (text,):
                found.append((match.start(), match.end(), Fact(own, kind, tuple(after), tuple(before))))
    facts: dict[str, Fact] = {}
    for _, _, fact in sorted(found, key=lambda place: place[:2]):
        facts.setdefault(fact.text, fact)
    return list(facts.values())[:MOST_FACTS]


def _each(text: str, after: Sequence[str]) -> list[str]:
    """Return the names in "Nora and Matteo" where the words before speak of several; else the whole name."""
    is_several = bool(after) and (
        after[-1] in _OF_SEVERAL or (after[-1][-1] == "s" and _singular(after[-1]) in _ROLES)
    )
    return re.split(r" (?:and|&) ", text) if is_several else [text]


def _only_begins(prompt: str, start: int, text: str) -> bool:
    """Return whether a word may have its capital from the beginning of a sentence."""
    return " " not in text and _SENTENCE_END.search(prompt[:start]) is not None


def child_of(text: str) -> str | None:
    """Return whether a text is for a "girl" or a "boy", by words such as daughter; None if it names none, or both."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    named = [child for child, own in _CHILDREN.items() if not words.isdisjoint(own)]
    return named[0] if len(named) == 1 else None


def is_other_child(own: str | None, wanted: str | None) -> bool:
    """Return whether a text for the one child, as `child_of` says, is not for the other."""
    return own is not None and wanted is not None and own != wanted


def takes(blank: str, fact: Fact) -> bool:
    """Return whether a fact is of a kind that a blank takes."""
    words = re.findall(r"[^\W\d_]+", blank.casefold())
    if blank.casefold() in _GENERAL or not words or words[0] == "your":
        return False
    if fact.kind in ("date", "time", "address"):
        wanted = {"date": {"date", "day", "deadline"}, "time": {"time"}, "address": {"address", "street"}}
        return bool(wanted[fact.kind].intersection(words)) and "number" not in words
    if fact.kind == "amount":
        unit = fact.text.split()[-1].removesuffix("s")
        counted = _UNITS.intersection(word.removesuffix("s") for word in words)
        return unit in counted if counted else bool({"amount", "sum", "price", "budget"}.intersection(words))
    if fact.kind == "number":
        return len(words) > 1 and words[-1] == "number" and words[0] in fact.after
    for child in _CHILDREN:
        if child in words:
            return "name" in words and fact.may_name(child)
    if not ("name" in words or (len(words) == 1 and words[0] in _PEOPLE | _GROUPS)):
        return False
    is_group = not _GROUPS.isdisjoint(words)
    if fact.kind == "person":
        return not is_group
    if not is_group and (animals := _ANIMALS.intersection(_YOUNG.get(word, word) for word in words)):
        return fact.role in animals or ("pet" in animals and fact.is_animal)
    if not _PLACES.isdisjoint(words):
        return fact.is_place or fact.after[-1:] in {(word,) for word in _BEFORE_A_PLACE}
    return is_group or not (fact.is_animal or fact.is_place or _is_other_sex(words, fact.role))


def is_told(blank: str, fact: Fact) -> bool:
    """Return whether a blank and the words before a name tell the same role."""
    words = {_singular(word) for word in re.findall(r"[^\W\d_]+", blank.casefold())}
    return fact.kind == "name" and fact.role in words - {"name", "of", "the"}


def _is_other_sex(words: Sequence[str], role: str) -> bool:
    """Return whether a blank's words speak of a woman and the fact's role of a man, or the other way around."""
    return any(not own.isdisjoint(words) and role in other for own, other in (_SEXES, _SEXES[::-1]))


def assign(blanks: Sequence[str], facts: Sequence[Fact], odds: Sequence[Sequence[float]]) -> dict[str, str]:
    """Return the facts' texts by blank: the assignment whose log odds (B, F) exceed `LEAST` by the most in all.

    Each fact fills one blank at most: who marries is not who is married to. A day, time or sum fills none if several
    blanks take it: a letter has many dates, and the odds do not tell them apart.
    """
    takers = [[row for row, blank in enumerate(blanks) if takes(blank, fact)] for fact in facts]

    def gain(row: int, place: int) -> float | None:
        """Return by how much the odds exceed what is needed; None if the fact does not belong there."""
        fact = facts[place]
        is_known = row in takers[place] and (fact.kind in ("person", "name") or len(takers[place]) == 1)
        over = odds[row][place] - (LEAST_TOLD if is_told(blanks[row], fact) else LEAST[fact.kind])
        return over if is_known and over >= 0 else None

    @cache
    def best(row: int, used: int) -> tuple[float, tuple[int, ...]]:
        """Return the most that the blanks from `row` on gain without the facts `used` (bits), and their facts."""
        if row == len(blanks):
            return 0.0, ()
        total, rest = best(row + 1, used)
        options = [(total, (-1, *rest))]
        for place in range(len(facts)):
            if not used & 1 << place and (more := gain(row, place)) is not None:
                total, rest = best(row + 1, used | 1 << place)
                options.append((total + more, (place, *rest)))
        return max(options)

    _, chosen = best(0, 0)
    return {blank: facts[place].text for blank, place in zip(blanks, chosen, strict=True) if place >= 0}


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its blanks filled by `values`, a blank's value by its name, or its default; others stay."""
    by_name = {blank.casefold(): value for blank, value in values.items()}

    def value_of(found: re.Match[str]) -> str:
        blank, default = _parts(found[1])
        value = by_name.get(blank.casefold(), default)
        if value is None:
            return found[0]
        number, _, unit = value.rpartition(" ")
        follows = re.match(r"\s+(\w+)", text[found.end() :])
        return number if number and follows and follows[1] == unit else value

    return _BLANK.sub(value_of, text)
