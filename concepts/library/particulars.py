"""Particulars: what somebody tells about their own case, such as "with two teenagers" or "I have a bad knee".

A document of cases, "Trip to Japan: particular cases", holds sections that each tell how one particular changes the
subject. It is no text by itself; the sections that a prompt asks for join the outline of a document on the subject.

Legend: C clauses of a prompt, H headings, D concept dim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.library.encode import Encode
from concepts.library.library import Library, Passage
from concepts.library.notes import names_other
from concepts.library.words import stems

CASES = ": particular cases"
"""End of the title of a document of cases; what comes before it is its subject."""
NUM_SUBJECTS, NUM_EXAMINED = 3, 12
"""Documents of cases that may give sections: the nearest ones, of those whose coded titles are nearest."""
LEAST_LIKENESS, LEAST_OF_SISTER = 0.42, 0.33
"""Least cosine of a subject with a name of the document: of the nearest subject, and of others."""
LEAST_GAIN, LEAST_COSINE = 0.09, 0.7
"""A heading answers a clause if the clause brings the subject this much nearer to the heading, and this near."""
LEAST_GAIN_OF_SISTER, LEAST_COSINE_OF_SISTER = 0.2, 0.8
"""The same for the headings of subjects that are not the nearest."""
NUMBER_GAIN = 0.1
"""Gain of a heading that has a number of the prompt with its unit, such as seven days."""
MOST_PARTICULARS = 3
MOST_SHARE = 1 / 3
"""Largest share of a document of a wished size."""

_CLAUSE = re.compile(
    r"[,.;:?!()]|\b(?:and|but|with|for|who|because|so|while|where|he|she|i'm|i am|i have)\b", re.IGNORECASE
)
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10} | {
    "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "sixty": 60
}  # fmt: skip
_COUNTED = re.compile(
    rf"\b(\d{{1,3}}|an?|{'|'.join(_NUMBERS)})[ -](times|days|runs|sessions)? ?(?:(?:a|per) )?"
    r"(day|week|weekend|month|hour|minute|night)s?\b",
    re.IGNORECASE,
)


def is_cases(title: str) -> bool:
    """Return whether a title is that of a document of cases."""
    return title.endswith(CASES)


@dataclass(frozen=True)
class _Answer:
    """A heading that answers a clause."""

    heading: str
    clause: str
    gain: float


def add_particulars(
    library: Library,
    encode: Encode,
    names: Sequence[str],
    typed: str,
    headings: Sequence[str],
    most: int | None = None,
) -> list[str]:
    """Return the headings of an outline with those of the cases that `typed` tells, after the first one.

    `names` are names of the document, `most` is its wished number of sections: the last ones make room.
    """
    room = MOST_PARTICULARS if most is None else min(MOST_PARTICULARS, int(most * MOST_SHARE))
    told = find_particulars(library, encode, names, typed)
    told = [heading for heading in told if heading not in headings][:room]
    kept = list(headings) if most is None else list(headings)[: max(1, most - len(told))]
    return [*kept[:1], *told, *kept[1:]]


def find_particulars(library: Library, encode: Encode, names: Sequence[str], typed: str) -> list[str]:
    """Return the headings of cases that a prompt tells, at most one for each of its clauses, the surest first."""
    subjects = _subjects(library, encode, [*names, typed])
    found: list[_Answer] = []
    for place, (subject, passages) in enumerate(subjects):
        clauses = _clauses(typed, subject)
        taken = {answer.clause for answer in found}
        found += [
            answer
            for answer in _answers(encode, subject, passages, clauses, typed, is_sister=place > 0)
            if answer.clause not in taken
        ]
    return [answer.heading for answer in sorted(found, key=lambda answer: -answer.gain)[:MOST_PARTICULARS]]


def _subjects(library: Library, encode: Encode, names: Sequence[str]) -> list[tuple[str, list[Passage]]]:
    """Return the subjects of cases that are near to names of a document, nearest first, with their sections."""
    documents = [m for m, title in enumerate(library.titles) if is_cases(title)]
    if library.is_own or not documents:
        return []
    abouts = encode(list(dict.fromkeys(names)))
    coded = torch.stack([library.document_likeness(about)[documents] for about in abouts]).amax(dim=0)
    documents = [documents[n] for n in coded.topk(min(NUM_EXAMINED, len(documents))).indices.tolist()]
    subjects = [library.titles[m].removesuffix(CASES) for m in documents]
    cosines = _cosines(encode(subjects), abouts).amax(dim=1)
    called = " ".join(names)
    found = []
    for n in cosines.argsort(descending=True, stable=True).tolist():
        if cosines[n] < (LEAST_OF_SISTER if found else LEAST_LIKENESS) or len(found) == NUM_SUBJECTS:
            break
        if not names_other(subjects[n], called):
            found.append((subjects[n], [library.passages[i] for i in library.places_of(documents[n])]))
    return found


def _answers(
    encode: Encode,
    subject: str,
    passages: Sequence[Passage],
    clauses: Sequence[str],
    typed: str,
    *,
    is_sister: bool,
) -> list[_Answer]:
    """Return the best heading of a subject for each clause that it answers.

    A clause tells a case if "subject clause" is nearer to its heading than the subject alone is.
    """
    headings = [
        passage.heading for passage in passages if not names_other(passage.heading, f"{subject} {typed}")
    ]
    if not clauses or not headings:
        return []
    headings_HD = encode(headings)
    cosines_HC = _cosines(headings_HD, encode([f"{subject} {clause}" for clause in clauses]))
    gains_HC = cosines_HC - _cosines(headings_HD, encode([subject]))
    counted = _counted(typed)
    gains_HC += torch.tensor([[NUMBER_GAIN * (not counted.isdisjoint(_counted(h)))] for h in headings])
    least_gain = LEAST_GAIN_OF_SISTER if is_sister else LEAST_GAIN
    least_cosine = LEAST_COSINE_OF_SISTER if is_sister else LEAST_COSINE
    gains_HC = gains_HC.masked_fill((gains_HC < least_gain) | (cosines_HC < least_cosine), float("-inf"))
    best: dict[str, _Answer] = {}
    for h, gains_C in enumerate(gains_HC):
        c = int(gains_C.argmax())
        clause = clauses[c]
        answer = _Answer(headings[h], clause, float(gains_C[c]))
        if answer.gain > float("-inf") and (clause not in best or best[clause].gain < answer.gain):
            best[clause] = answer
    return list(best.values())


def _clauses(typed: str, subject: str) -> list[str]:
    """Return the clauses of a prompt that say more than a subject."""
    own = stems(subject)
    clauses = dict.fromkeys(clause.strip() for clause in _CLAUSE.split(typed))
    return [clause for clause in clauses if _COUNTED.search(clause) or not stems(clause) <= own]


def _counted(text: str) -> set[tuple[int, str]]:
    """Return the numbers of a text with their units; seven days are a week."""
    found = set()
    for number, times, unit in _COUNTED.findall(text.casefold()):
        count = int(number) if number.isdigit() else _NUMBERS.get(number, 1)
        if times:
            unit = f"times a {unit}"
        elif unit == "week":
            found.add((7 * count, "day"))
        elif unit == "weekend":
            found.add((2, "day"))
        found.add((count, unit))
    return found


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    """Return the cosines of two sets of vectors, (A, D) and (B, D), as (A, B)."""
    return F.normalize(first, dim=1) @ F.normalize(second, dim=1).T
