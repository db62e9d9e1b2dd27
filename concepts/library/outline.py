"""The outline of a document on a subject that a library knows: sections of its documents on it, in a reader's order.

Which sections, is maximal marginal relevance (Carbonell and Goldstein 1998); their order is that of the documents that
they stand in, by relative position.

Legend: M documents, C candidate sections, D concept dim.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from concepts.library.headings import may_head
from concepts.library.library import Encode, Library
from concepts.library.notes import names_other, num_usable

LEAST_LIKENESS = 0.7
"""How like the title the best document must be, about a cosine. Below, sections are of neighbouring subjects: a flat
bicycle tire got an outline on how tires were invented."""
WITHIN = 0.15
"""How much less like it other documents, and sections, may be."""
FEWEST_NOTES = 3
"""Sentences that a section must give to be worth writing."""
MOST_DOCUMENTS = 6
FEWEST, MOST = 4, 8
"""Sections of an outline whose number nobody named."""
_SAME = 0.6
"""Headings of a larger cosine are about the same."""


def find_outline(library: Library, encode: Encode, title: str, num_sections: int | None = None) -> list[str]:
    """Return the headings of an outline, empty where the library knows too little of the subject.

    With `num_sections` exactly as many, or none.
    """
    if not len(library):
        return []
    about = encode([title])[0]
    likeness_M = library.document_likeness(about)
    best = float(likeness_M.max())
    if best < LEAST_LIKENESS:
        return []
    order = likeness_M.argsort(descending=True, stable=True).tolist()
    like = [m for m in order if float(likeness_M[m]) >= best - WITHIN]
    like = [m for m in like if library.is_own or not names_other(library.titles[m], title)][:MOST_DOCUMENTS]
    sections = library.likeness(about[None], about)[0]
    places: list[int] = []
    positions: list[float] = []
    for m in like:
        own = (library.owner == m).nonzero().flatten().tolist()
        for n, place in enumerate(own):
            passage = library.passages[place]
            if may_head(passage.heading, title) and num_usable(passage) >= FEWEST_NOTES:
                places.append(place)
                positions.append(n / max(1, len(own) - 1))
    if len(places) < (num_sections or FEWEST):
        return []
    headings = [library.passages[place].heading for place in places]
    worth_C = (sections[places] + likeness_M[library.owner[places]]) / 2
    worth_C = worth_C.masked_fill(worth_C < worth_C.max() - WITHIN, float("-inf"))
    chosen = _spread(worth_C, F.normalize(encode(headings), dim=1), num_sections or MOST)
    if len(chosen) < (num_sections or FEWEST):
        return []
    return [headings[c] for c in sorted(chosen, key=lambda c: positions[c])]


def _spread(worth_C: torch.Tensor, headings_CD: torch.Tensor, most: int) -> list[int]:
    """Return the best sections of which no two are about the same."""
    chosen: list[int] = []
    is_left = worth_C.isfinite()
    while len(chosen) < most and is_left.any():
        best = int(worth_C.masked_fill(~is_left, float("-inf")).argmax())
        chosen.append(best)
        is_left &= headings_CD @ headings_CD[best] <= _SAME
    return chosen
