"""Particulars: what somebody tells about their own case, such as "with two teenagers" or "I have a bad knee".

A document of cases, "Trip to Japan: particular cases", holds sections that each tell how one particular changes the
subject. It is no text by itself; the sections that a prompt asks for join the outline of a document on the subject.

Legend: C clauses of a prompt, H headings, D concept dim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.counting import NUMBER_WORDS
from concepts.library.encode import Encode
from concepts.library.library import CASES, Library, Passage
from concepts.library.names import Names
from concepts.library.words import kinds_of, stems
from concepts.texts import IRREPLACEABLE, TITLED

NUM_EXAMINED = 12
"""Documents of cases whose subjects are compared: those whose coded titles are nearest."""
LEAST_LIKENESS, LEAST_OF_NAMED = 0.42, 0.33
"""Least cosine of a subject with a name of the document, and the same where that has all words of the subject."""
COSINE_WEIGHT, WORDS_WEIGHT = 0.3, 0.1
"""What a heading is worth for a clause is how much the clause brings the subject nearer to it, plus how much more than
to the subject's other headings, plus these weights times the cosine and the share of its words that the clause has."""
LEAST_WORTH = 0.5
"""Below it a reader found most headings wrong, above it most of them right
(`benchmarks/library/bench_cases.py --worth`)."""
LEAST_NEWS = 0.05
"""A case is left out unless its heading is this much nearer to its clause than the leading document's title."""
MOST_CASES = 3
OTHER_NUMBER = 1.6
"""A number that is so many times another one tells another case: ten days are not a week, and may be twelve."""
MOST_SHARE = 1 / 3
"""Largest share of a document of a wished size."""

_CHUNK = re.compile(
    r"[.;:?!()]|,(?!\d)|\b(?:and|but|because|so|while|where|he|she|i'm|i am|i have)\b", re.IGNORECASE
)
_CONNECTS = re.compile(r"\b(?:with|without|for|who|that|as|in|on|at|after|when|during|from)\b", re.IGNORECASE)
_SHORT = re.compile(r"(?:very |too |quite )?[^\W\d_]{3,}", re.IGNORECASE)
"""A clause of one word, such as "shy", tells something however short the word is."""
_WHOLE = IRREPLACEABLE | {"essay", "note", "script", "statement", "toast"}
"""Kinds of text that nothing may interrupt."""
_COUNTED = re.compile(
    rf"\b(\d{{1,3}}|an?|{'|'.join(NUMBER_WORDS)})[ -](?:(times|days|runs|sessions) (?:a|per) )?"
    r"(day|week|weekend|month|hour|minute|night)s?\b(?: (?:a|per) (?:day|week|month)\b)?",
    re.IGNORECASE,
)
"""Matches a number with its unit, "three days", or how often, "three times a week"; "ten minutes a day" has no day."""


_CHILD = re.compile(
    r"\b(?:bab(?:y|ies)|boys?|child(?:ren)?|daughters?|girls?|grand(?:child(?:ren)?|daughters?|sons?|kids?)|infants?|"
    r"kids?|nephews?|newborns?|nieces?|preschoolers?|pupils?|schoolchild(?:ren)?|sons?|stepchild(?:ren)?|teens?|"
    r"teenagers?|toddlers?|twins|year \d|grade)\b|\b(?:\d|1[0-7])[- ]?(?:years?|yrs?|months?|weeks?|y)[- ]?(?:old|o)\b",
    re.IGNORECASE,
)
"""Matches words for children: a section about a scared child is none for a scared adult."""


@dataclass(frozen=True)
class Case:
    """A section that tells how a case changes a subject."""

    heading: str
    clause: str
    """Of the prompt, that tells the case."""


@dataclass(frozen=True)
class Cases:
    """The cases of a subject that a prompt tells."""

    subject: str
    told: tuple[Case, ...]
    """The surest first."""


def add_cases(
    encode: Encode,
    cases: Cases | None,
    headings: Sequence[str],
    most: int | None = None,
    *,
    named: str = "",
    leading: str = "",
) -> list[str]:
    """Return the headings of an outline with those of cases, if there are some.

    They come after the first heading, which sums up the document, or last where it is a letter, a speech or the
    like, as `named` says: its title and prompt; a story or poem gets none. `most` is its wished number of sections:
    the last ones make room. `leading` is the title of the document that the headings are from: cases that it is about
    are left out.
    """
    kinds = kinds_of(named)
    if cases is None or not kinds.isdisjoint(TITLED):
        return list(headings)
    room = MOST_CASES if most is None else min(MOST_CASES, int(most * MOST_SHARE))
    told = [case for case in cases.told if case.heading not in headings]
    if leading and told:
        clauses_CD = encode([case.clause for case in told])
        own_C = F.cosine_similarity(encode([case.heading for case in told]), clauses_CD)
        leading_C = F.cosine_similarity(encode([leading]), clauses_CD)
        told = [case for case, is_new in zip(told, own_C - leading_C > LEAST_NEWS, strict=True) if is_new]
    kept = list(headings) if most is None else list(headings)[: max(1, most - len(told[:room]))]
    place = 1 if _WHOLE.isdisjoint(kinds) else len(kept)
    return [*kept[:place], *(case.heading for case in told[:room]), *kept[place:]]


def find_cases(library: Library, encode: Encode, names: Sequence[str], typed: str) -> Cases | None:
    """Return the cases that a prompt tells; None if it, or the library, has none. `names` are names of the document."""
    found = _nearest(library, encode, [*names, typed]) if typed else None
    if found is None:
        return None
    subject, passages = found
    clauses = _clauses(typed, subject)
    has_child = _CHILD.search(f"{subject} {typed}") is not None
    known_names = Names(f"{subject} {typed}")
    headings = [
        passage.heading
        for passage in passages
        if known_names.naming(passage.heading) == "same"
        and not has_far_number(passage.heading, typed)
        and (has_child or not _CHILD.search(passage.heading))
    ]
    if not clauses or not headings:
        return None
    worth_HC = _worth(encode, subject, headings, clauses)
    best_H, clauses_H = worth_HC.max(dim=1)
    told: dict[str, Case] = {}
    for h in best_H.argsort(descending=True, stable=True).tolist():
        if best_H[h] >= LEAST_WORTH and len(told) < MOST_CASES:
            clause = clauses[int(clauses_H[h])]
            told.setdefault(clause, Case(headings[h], clause))
    return Cases(subject, tuple(told.values())) if told else None


def _nearest(library: Library, encode: Encode, names: Sequence[str]) -> tuple[str, list[Passage]] | None:
    """Return the subject of cases that is nearest to names of a document, with its sections; None if none is near."""
    documents = library.case_documents
    if not documents:
        return None
    abouts = encode(list(dict.fromkeys(names)))
    coded = torch.stack([library.document_likeness(about)[documents] for about in abouts]).amax(dim=0)
    documents = [documents[n] for n in coded.topk(min(NUM_EXAMINED, len(documents))).indices.tolist()]
    subjects = [library.titles[m].removesuffix(CASES) for m in documents]
    cosines = _cosines(encode(subjects), abouts).amax(dim=1)
    called = " ".join(names)
    for n in cosines.argsort(descending=True, stable=True).tolist():
        is_named = stems(subjects[n]) <= stems(called)
        if cosines[n] < (LEAST_OF_NAMED if is_named else LEAST_LIKENESS):
            return None
        if Names(called).naming(subjects[n]) == "same":
            return subjects[n], [library.passages[i] for i in library.places_of(documents[n])]
    return None


def _worth(encode: Encode, subject: str, headings: list[str], clauses: list[str]) -> Tensor:
    """Return what each heading is worth for each clause (H, C)."""
    headings_HD = encode(headings)
    cosines_HC = _cosines(headings_HD, encode([f"{subject} {clause}" for clause in clauses]))
    gains_HC = cosines_HC - _cosines(headings_HD, encode([subject]))
    margins_HC = gains_HC - gains_HC.mean(dim=0)
    said = [stems(clause) for clause in clauses]
    own = [stems(heading) - stems(subject) for heading in headings]
    words_HC = torch.tensor([[len(words & clause) / max(1, len(words)) for clause in said] for words in own])
    return gains_HC + margins_HC + COSINE_WEIGHT * cosines_HC + WORDS_WEIGHT * words_HC


def _clauses(typed: str, subject: str) -> list[str]:
    """Return the clauses of a prompt that say more than a subject.

    "A child with a nut allergy" and "a nut allergy" are clauses, "a child" tells too little.
    """
    own = stems(subject)
    found = []
    for chunk in _CHUNK.split(typed):
        starts = [0, *(match.start() for match in _CONNECTS.finditer(chunk)), len(chunk)]
        for start, end in pairwise(starts):
            found.append(chunk[start:].strip())
            if len(stems(chunk[start:end]) - own) > 1:
                found.append(chunk[start:end].strip())
    return [
        clause
        for clause in dict.fromkeys(found)
        if _COUNTED.search(clause) or _SHORT.fullmatch(clause) or not stems(clause) <= own
    ]


def _counted(text: str) -> set[tuple[int, str]]:
    """Return the numbers of a text with their units; seven days are a week."""
    found = set()
    for number, times, unit in _COUNTED.findall(text.casefold()):
        count = int(number) if number.isdigit() else NUMBER_WORDS.get(number, 1)
        if times:
            unit = f"times a {unit}"
        elif unit == "week":
            found.add((7 * count, "day"))
        elif unit == "weekend":
            found.add((2, "day"))
        found.add((count, unit))
    return found


def has_far_number(text: str, prompt: str) -> bool:
    """Return whether a text has a number with a unit, "ten days", that is far from the prompt's of the same unit."""
    return _is_other_number(_counted(text), _counted(prompt))


def _is_other_number(own: set[tuple[int, str]], wanted: set[tuple[int, str]]) -> bool:
    """Return whether numbers of the same unit are far from each other."""
    ratios = [max(n, k) / max(1, min(n, k)) for n, unit in own for k, other in wanted if unit == other]
    return bool(ratios) and min(ratios) >= OTHER_NUMBER


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    """Return the cosines of two sets of vectors, (A, D) and (B, D), as (A, B)."""
    return F.normalize(first, dim=1) @ F.normalize(second, dim=1).T
