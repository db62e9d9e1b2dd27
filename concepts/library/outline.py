"""The outline of a document on a subject that a library knows: sections of its documents on it, in a reader's order.

Which sections, is maximal marginal relevance (Carbonell and Goldstein 1998); their order is that of the documents that
they stand in, by relative position.

Legend: C candidate sections, D concept dim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.library.headings import may_head
from concepts.library.library import Encode, Library, Passage
from concepts.library.notes import names_other, num_usable

NUM_CANDIDATES = 12
"""Documents that are looked at closely."""
TELLING = 3
"""Sections of a document, its nearest ones, that tell how near it is to a title."""
LEAST_LIKENESS = 0.64
"""How near to the title the best document must be, a cosine."""
CLEAR_LEAST, CLEAR_MARGIN = 0.5, 0.08
"""Less will do where no other document is so near by this margin. Below, sections are of neighbouring subjects: a
flat bicycle tire got an outline on how tires were invented."""
UNSAID_WEIGHT = 0.15
"""How much less near a document is that has none of the title's words."""
WITHIN = 0.12
"""How much less near than the best document others, and sections, may be."""
MOST_DOCUMENTS = 6
FEWEST_NOTES = 3
"""Sentences that a section must give to be worth writing."""
FEWEST, MOST = 4, 8
"""Sections of an outline whose number nobody named."""
_SAME = 0.6
"""Headings of a larger cosine are about the same."""
_WORD = re.compile(r"[^\W\d_]+")
_STEM, _FEWEST_LETTERS = 5, 4
_COMMON = frozenset(
    (
        *(
            "about",
            "after",
            "best",
            "better",
            "does",
            "each",
            "first",
            "from",
            "good",
            "guide",
            "have",
            "having",
        ),
        *("into", "make", "making", "more", "most", "much", "need", "other", "some", "than", "that", "their"),
        *("them", "they", "this", "using", "very", "want", "what", "when", "where", "which", "while", "with"),
        *("without", "your"),
    )
)
"""Words that tell nothing of a subject."""


@dataclass(frozen=True)
class _Candidate:
    """A document that may be on the subject."""

    passages: tuple[Passage, ...]
    nearness_P: Tensor
    """Cosine of each passage's subject with the title."""
    likeness: float


def find_outline(library: Library, encode: Encode, title: str, num_sections: int | None = None) -> list[str]:
    """Return the headings of an outline, empty where the library knows too little of the subject.

    With `num_sections` exactly as many, or none.
    """
    known = _known(library, encode, title)
    passages = [passage for document in known for passage in document.passages]
    worth_C = torch.cat([(d.nearness_P + d.likeness) / 2 for d in known]) if known else torch.zeros(0)
    positions = [n / max(1, len(d.passages) - 1) for d in known for n in range(len(d.passages))]
    is_fit_C = torch.tensor([may_head(p.heading, title) and num_usable(p) >= FEWEST_NOTES for p in passages])
    if is_fit_C.sum() < (num_sections or FEWEST):
        return []
    worth_C = worth_C.masked_fill(~is_fit_C, float("-inf"))
    worth_C = worth_C.masked_fill(worth_C < worth_C.max() - WITHIN, float("-inf"))
    headings = [passage.heading for passage in passages]
    chosen = _spread(worth_C, F.normalize(encode(headings), dim=1), num_sections or MOST)
    if len(chosen) < (num_sections or FEWEST):
        return []
    return [headings[c] for c in sorted(chosen, key=lambda c: positions[c])]


def _known(library: Library, encode: Encode, title: str) -> list[_Candidate]:
    """Return the documents on the subject of a title, the nearest first; none where no document is on it."""
    if not len(library):
        return []
    about = encode([title])[0]
    near = library.document_likeness(about).topk(min(NUM_CANDIDATES, len(library.titles)))
    candidates = [
        _candidate(
            title,
            tuple(library.passages[n] for n in (library.owner == m).nonzero().flatten().tolist()),
            about,
            encode,
        )
        for m, likeness in zip(near.indices.tolist(), near.values.tolist(), strict=True)
        if likeness >= 0 and (library.is_own or not names_other(library.titles[m], title))
    ]
    candidates.sort(key=lambda candidate: -candidate.likeness)
    if not candidates:
        return []
    best, second = candidates[0].likeness, candidates[1].likeness if len(candidates) > 1 else 0.0
    if best < LEAST_LIKENESS and (best < CLEAR_LEAST or best - second < CLEAR_MARGIN):
        return []
    least = max(best - WITHIN, min(best, LEAST_LIKENESS))
    return [candidate for candidate in candidates if candidate.likeness >= least][:MOST_DOCUMENTS]


def _candidate(title: str, passages: tuple[Passage, ...], about_D: Tensor, encode: Encode) -> _Candidate:
    """Return a document with how near it is: by its title or what is typed for it, and by its nearest sections."""
    first = passages[0]
    texts = [first.title, first.prompt or first.title, *(passage.subject for passage in passages)]
    nearness = F.normalize(encode(texts), dim=1) @ F.normalize(about_D, dim=0)
    sections = nearness[2:]
    telling = sections.topk(min(TELLING, len(sections))).values.mean()
    likeness = float((nearness[:2].max() + telling) / 2)
    return _Candidate(passages, sections, likeness - UNSAID_WEIGHT * (1.0 - _share_said(title, passages)))


def _share_said(title: str, passages: Sequence[Passage]) -> float:
    """Return the share of a title's telling words that stand in a document, in whatever form."""
    wanted = _stems(title)
    if not wanted:
        return 1.0
    told = [passages[0].title, passages[0].prompt]
    told += [text for passage in passages for text in (passage.heading, *passage.sentences)]
    return len(wanted & _stems(" ".join(told))) / len(wanted)


def _stems(text: str) -> set[str]:
    words = {word.casefold() for word in _WORD.findall(text)}
    return {word[:_STEM] for word in words - _COMMON if len(word) >= _FEWEST_LETTERS}


def _spread(worth_C: Tensor, headings_CD: Tensor, most: int) -> list[int]:
    """Return the best sections of which no two are about the same."""
    chosen: list[int] = []
    is_left = worth_C.isfinite()
    while len(chosen) < most and is_left.any():
        best = int(worth_C.masked_fill(~is_left, float("-inf")).argmax())
        chosen.append(best)
        is_left &= headings_CD @ headings_CD[best] <= _SAME
    return chosen
