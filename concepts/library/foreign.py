"""Prompts in other languages: the library's document that one is on, by the meaning of its title.

What is then done with the prompt is done with that document's English title, whose words, names and kind of text are
known. A document that a translator has put into the language comes first among those that are about as near.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from concepts.library.encode import Encode
from concepts.library.library import Library

_NUM_NEAR = 40
"""Documents whose titles and prompts are compared as they are, not by the signs of their concepts alone."""
WITHIN = 0.08
"""How much farther than the nearest a document in the language may be."""
LEAST, SURE = 0.5, 0.6
"""Cosine below which no document is on the prompt, and from which one may stand under the prompt's own title. Both were
chosen by looking at the prompts of `benchmarks/languages/reading.jsonl`."""


@dataclass(frozen=True)
class Reading:
    """How a text in another language is read."""

    title: str
    """English title of the nearest document."""
    likeness: float
    """Cosine of the text and that title, or the prompt that the document answers."""

    @property
    def is_near(self) -> bool:
        """Return whether the document is on the text's subject."""
        return self.likeness >= LEAST

    @property
    def is_sure(self) -> bool:
        """Return whether the document may stand under the text as its title."""
        return self.likeness >= SURE


def read_foreign(
    library: Library, encode: Encode, text_D: Tensor, preferred: Collection[str] = ()
) -> Reading | None:
    """Return the document that is nearest to a text's concept; None for an empty library.

    `encode`: of English. `preferred`: titles of documents that come first among those about as near.
    """
    if not len(library):
        return None
    likeness_M = library.document_likeness(text_D)
    likeness_M[library.case_documents] = -1.0  # sections of it have nothing in common but their subject
    places = likeness_M.topk(min(_NUM_NEAR, len(likeness_M))).indices.tolist()
    own = torch.tensor([title in preferred for title in library.titles])
    if own.any():
        among_M = likeness_M.masked_fill(~own, -2.0)
        places += among_M.topk(min(_NUM_NEAR, int(own.sum()))).indices.tolist()
    places = list(dict.fromkeys(places))
    entries = [library.entries[place] for place in places]
    names = [name for entry in entries for name in (entry.title, entry.prompt or entry.title)]
    cosines = torch.nn.functional.cosine_similarity(encode(names), text_D[None], dim=1)
    best_C = cosines.view(-1, 2).amax(dim=1)
    found = [Reading(entry.title, likeness) for entry, likeness in zip(entries, best_C.tolist(), strict=True)]
    nearest = max(found, key=lambda reading: reading.likeness)
    known = [reading for reading in found if reading.title in preferred]
    best_known = max(known, key=lambda reading: reading.likeness, default=nearest)
    return best_known if best_known.likeness >= nearest.likeness - WITHIN else nearest
