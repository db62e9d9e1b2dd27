"""Outlines of manuals from a library: each part is one document on the subject.

Maximal marginal relevance chooses the documents, as it does sections (`concepts.library.outline`). The nearest document
is the first part; the others follow in the order in which it mentions their subjects.

Legend: C candidate documents, P passages, D concept dim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.library.library import Encode, Library
from concepts.library.outline import (
    FEWEST,
    LEAST_LIKENESS,
    MOST,
    Candidate,
    are_fit,
    find_candidates,
    spread,
)

PARTS_WITHIN = 0.28
"""How far the document of another part may fall below the nearest document's likeness."""
FEWEST_PARTS, MOST_PARTS = 3, 8
"""Number of parts of a manual if nobody asked for a number."""
USUAL_SECTIONS = 7
"""Usual number of sections of a part."""
SAME_TITLE, SAME_TEXT = 0.75, 0.8
"""Two documents are duplicates if the cosine of their titles, or of all their sections' subjects, is larger."""
OVERVIEW = "Overview"
"""Heading of a first part whose document has the manual's own title."""
CALLED_SO = 0.9
"""Two titles count as one from this cosine on."""


@dataclass(frozen=True)
class Part:
    """A part of a manual."""

    heading: str
    sections: tuple[str, ...]
    """Their headings."""


def find_parts(
    library: Library, encode: Encode, names: Sequence[str], num_parts: int | None = None
) -> list[Part]:
    """Return the parts of a manual, empty where the library knows too little of the subject.

    `names` are names of the manual, such as its title and the prompt. With `num_parts` the result has exactly that many
    parts or none.
    """
    found = find_candidates(library, encode, names)
    called = " ".join(names)
    known = [(candidate, _sections(candidate, called)) for candidate in found if _is_on(candidate, found[0])]
    known = [(candidate, sections) for candidate, sections in known if len(sections) >= FEWEST]
    if len(known) < (num_parts or FEWEST_PARTS):
        return []
    titles = [candidate.passages[0].title for candidate, _ in known]
    titles_CD = F.normalize(encode(titles), dim=1)
    subjects = [F.normalize(encode([p.subject for p in candidate.passages]), dim=1) for candidate, _ in known]
    means_CD = F.normalize(torch.stack([subject.mean(dim=0) for subject in subjects]), dim=1)
    is_same_CC = (titles_CD @ titles_CD.T > SAME_TITLE) | (means_CD @ means_CD.T > SAME_TEXT)
    worth_C = torch.tensor([candidate.likeness for candidate, _ in known])
    chosen = spread(worth_C, is_same_CC, num_parts or MOST_PARTS)
    if len(chosen) < (num_parts or FEWEST_PARTS):
        return []
    lead, *others = chosen
    others.sort(key=lambda c: _place(titles_CD[c], subjects[lead]))
    about = F.normalize(encode([names[0]]), dim=1)[0]
    first = OVERVIEW if float(titles_CD[lead] @ about) >= CALLED_SO else titles[lead]
    headings = [first, *(titles[c] for c in others)]
    return [Part(heading, known[c][1]) for heading, c in zip(headings, (lead, *others), strict=True)]


def _is_on(candidate: Candidate, best: Candidate) -> bool:
    return candidate.likeness >= max(best.likeness - PARTS_WITHIN, LEAST_LIKENESS)


def _sections(candidate: Candidate, called: str) -> tuple[str, ...]:
    """Return the headings of a document that can be sections, in its order, each once."""
    called = " ".join((called, candidate.passages[0].title))
    fit = are_fit(candidate, called)
    headings = [passage.heading for passage, is_fit in zip(candidate.passages, fit, strict=True) if is_fit]
    return tuple(dict.fromkeys(headings))[:MOST]


def _place(title_D: Tensor, lead_PD: Tensor) -> float:
    """Return where the first part mentions another part's subject: the mean position, weighted by likeness."""
    weight_P = torch.softmax(lead_PD @ title_D * 20.0, dim=0)
    return float(weight_P @ torch.arange(len(weight_P), dtype=weight_P.dtype)) if len(weight_P) else math.inf
