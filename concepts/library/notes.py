"""Notes: the sentences of a library that a section is written from.

Passages about what the section is about give them; each sentence goes to one section of the document, and none that
says what another one says.

Legend: Q sections, N passages, S sentences, D concept dim.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.library.library import Encode, Library, subject_of

_WORD = re.compile(r"\w+")
_ENDS = re.compile(r"[.!?][\"'”’)]*\s*$")
_NEEDS_MORE = re.compile(
    r"(?:it|its|they|them|their|this|that|these|those|he|she|his|her|both|then|so|but|and|or|also|such|there|"
    r"however|therefore|otherwise|instead|afterwards|the same|each of|some of|one of|"
    r"the (?:first|second|third|last|other))\b",
    re.IGNORECASE,
)
"""How a sentence begins that leans on one before it."""
_POINTS_BACK = re.compile(
    r"\b(?:this|these|those(?! who\b)|such(?! as\b))\b|^\W*(?:\w+\W+){1,4}(?:therefore|also|then|instead|however)\b",
    re.IGNORECASE,
)
"""What else leans on one before it."""


@dataclass(frozen=True)
class Note:
    """A sentence of a library."""

    text: str
    title: str
    """Of the document that it stands in."""
    heading: str
    score: float
    """How near it is to the section, about a cosine."""
    is_item: bool = False
    """Whether it is an item of a list there."""


@dataclass(frozen=True, kw_only=True)
class NoteOptions:
    """How notes are chosen."""

    num_passages: int = 10
    """Passages looked at for a section."""
    most_notes: int = 6
    """Notes of a section, at most."""
    most_of_document: int = 3
    """Those of one document among them."""
    sentence_weight: float = 0.6
    """How much a sentence's own nearness counts beside that of its passage."""
    same: float = 0.85
    """Sentences of a larger cosine say the same."""
    fewest_words: int = 5
    most_words: int = 32


def find_notes(
    library: Library,
    encode: Encode,
    title: str,
    headings: Sequence[str],
    *,
    options: NoteOptions | None = None,
    without: Collection[str] = (),
    wanted: Sequence[bool] = (),
    taken: Sequence[str] = (),
) -> list[list[Note]]:
    """Return the notes of each section of a document, the nearest first; none from documents titled `without`.

    `wanted` says which sections get some (empty: all), `taken` what other sections have got already.
    """
    options = options or NoteOptions()
    if library.is_own:
        options = replace(options, most_of_document=options.most_notes)
    found: list[list[Note]] = [[] for _ in headings]
    if not headings or not len(library):
        return found
    subjects = encode([title, *(subject_of(title, heading) for heading in headings)])
    subject = " ".join((title, *headings))
    likeness = library.likeness(subjects[1:], subjects[0])
    hidden = torch.tensor(
        [name in without or (not library.is_own and names_other(name, subject)) for name in library.titles]
    )
    likeness = likeness.masked_fill(hidden[library.owner], -1.0)
    top = likeness.topk(min(options.num_passages, len(library)), dim=1)
    near = sorted(
        {
            int(n)
            for row, likes in zip(top.indices, top.values, strict=True)
            for n, like in zip(row, likes, strict=True)
            if float(like) >= library.least_likeness
        }
    )
    sentences = [
        (n, text) for n in near for text in library.passages[n].sentences if stands_alone(text, options)
    ]
    if not sentences:
        return found
    vectors_SD = F.normalize(encode([text for _, text in sentences]), dim=1)
    owners_S = torch.tensor([n for n, _ in sentences])
    own_QS = F.normalize(subjects[1:], dim=1) @ vectors_SD.T
    passage_QS = likeness[:, owners_S]
    scores_QS = options.sentence_weight * own_QS + (1 - options.sentence_weight) * passage_QS
    # a passage counts for a section only where it is among those looked at for it
    is_near = (passage_QS >= top.values[:, -1:]) & (scores_QS >= library.least_likeness)
    if wanted:
        is_near &= torch.tensor(wanted)[:, None]
    if taken:
        others = F.normalize(encode(list(taken)), dim=1)
        is_near &= (vectors_SD @ others.T).max(dim=1).values[None] <= options.same
    scores_QS = scores_QS.masked_fill(~is_near, float("-inf"))
    for section, at in _allocate(scores_QS, vectors_SD, library.owner[owners_S], options):
        passage = library.passages[sentences[at][0]]
        found[section].append(
            Note(
                sentences[at][1],
                passage.title,
                passage.heading,
                round(float(scores_QS[section, at]), 4),
                sentences[at][1] in passage.items,
            )
        )
    return found


def _allocate(
    scores_QS: Tensor, vectors_SD: Tensor, documents_S: Tensor, options: NoteOptions
) -> list[tuple[int, int]]:
    """Return (section, sentence), the best first: each sentence once, and none like one that is taken."""
    num_sentences = scores_QS.shape[1]
    order = scores_QS.flatten().argsort(descending=True, stable=True)
    room = [options.most_notes] * len(scores_QS)
    is_gone = torch.zeros(num_sentences, dtype=torch.bool)
    taken: list[tuple[int, int]] = []
    num_of: Counter[tuple[int, int]] = Counter()
    for flat in order.tolist():
        section, at = divmod(flat, num_sentences)
        if scores_QS[section, at] == float("-inf") or not any(room):
            break
        source = section, int(documents_S[at])
        if room[section] and not is_gone[at] and num_of[source] < options.most_of_document:
            taken.append((section, at))
            num_of[source] += 1
            room[section] -= 1
            is_gone |= vectors_SD @ vectors_SD[at] > options.same
    return taken


def names_other(title: str, subject: str) -> bool:
    """Return whether a document is about somebody or something by name that a subject does not name.

    What is true of Porto is not true of Lisbon. In a title with capitals throughout no name can be told.
    """
    words = _WORD.findall(title)[1:]
    names = [word for word in words if word[0].isupper()]
    if len(names) * 2 > len(words):
        return False
    known = {word.casefold() for word in _WORD.findall(subject)}
    return any(name.casefold() not in known for name in names)


def stands_alone(text: str, options: NoteOptions) -> bool:
    """Return whether a sentence can be read without those before it, as far as its first words tell."""
    num_words = len(_WORD.findall(text))
    if not options.fewest_words <= num_words <= options.most_words or _ENDS.search(text) is None:
        return False
    return _NEEDS_MORE.match(text) is None and _POINTS_BACK.search(text) is None
