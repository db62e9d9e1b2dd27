"""Notes: the sentences of a library that a section is written from.

If a passage on the section's subject has the section's own heading, as in an outline made from the library, the section
gets that passage as it stands. Otherwise passages on the subject give sentences: each sentence goes to one section of
the document, and no two say the same.

Legend: Q sections, N passages, S sentences, D concept dim.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.blanks import child_of, is_other_child
from concepts.blocks import LIST_KINDS, BlockKind, Note
from concepts.library.encode import Encode
from concepts.library.library import Library, Passage, subjects_of_parts
from concepts.library.names import Names

_WORD = re.compile(r"\w+")
_ENDS = re.compile(r"[.!?][\"'”’)]*\s*$")
_NEEDS_MORE = re.compile(
    r"(?:it|its|they|them|their|this|that|these|those|he|she|his|her|both|then|so|but|and|or|also|such|there|"
    r"however|therefore|otherwise|instead|afterwards|the same|each of|some of|one of|"
    r"the (?:first|second|third|last|other|latter|former|result)|another (?:is|was|reason|way)|"
    r"(?:if|when|where|once|after|because|in|by) (?:that|this|these|those|so|it|they))\b",
    re.IGNORECASE,
)
"""Beginning of a sentence that depends on the one before it."""
_POINTS_BACK = re.compile(
    r"\b(?:this|these|those(?! who\b)|such(?! as\b))\b|^\W*(?:\w+\W+){1,4}(?:therefore|also|then|instead|however)\b",
    re.IGNORECASE,
)
"""Other signs that a sentence depends on the one before it."""


@dataclass(frozen=True)
class _Unit:
    """Sentences of a passage that are taken together: one with its dependent sentences, or a whole list."""

    passage: int
    place: int
    """Position of the first sentence in its passage, from 0."""
    texts: tuple[str, ...]
    form: BlockKind

    @property
    def is_list(self) -> bool:
        return self.form in LIST_KINDS


FEWEST_WHOLE = 3
"""Fewest sentences of a passage that is taken whole, so that it can be a section."""


@dataclass(frozen=True, kw_only=True)
class NoteOptions:
    """How notes are chosen."""

    num_passages: int = 10
    """Passages considered for a section."""
    most_notes: int = 8
    """Notes of a section, at most; a list counts as one."""
    most_of_document: int = 4
    """Notes from one document in a section, at most."""
    whole_likeness: float = 0.4
    """Least likeness at which a passage with the section's own heading is taken whole."""
    num_sources: int = 60
    """Documents, the nearest by name, that are looked at as sources of the outline."""
    fewest_of_outline: int = 3
    """A document that has this many of the outline's headings gives their sections whole, at any likeness."""
    most_whole: int = 100
    """Most sentences taken from it."""
    most_leaning: int = 2
    """Dependent sentences in a row, at most."""
    fewest_items: int = 2
    """Items of a list that is worth taking."""
    most_items: int = 9
    list_within: float = 0.1
    """How far the passage of a list may fall below the nearest passage's likeness."""
    sentence_weight: float = 0.6
    """Weight of a sentence's own likeness; its passage's likeness gets the rest."""
    within: float = 0.25
    """How far a note may fall below the score of its section's nearest note."""
    passage_within: float = 0.2
    """How far a passage may fall below the likeness of its section's nearest passage."""
    same: float = 0.8
    """Two sentences are duplicates above this cosine."""
    fewest_words: int = 5
    most_words: int = 32


def find_notes(
    library: Library,
    encode: Encode,
    title: str,
    headings: Sequence[str],
    *,
    prompt: str = "",
    parts: Sequence[str] = (),
    options: NoteOptions | None = None,
    without: Collection[str] = (),
    wanted: Sequence[bool] = (),
    taken: Sequence[str] = (),
) -> list[list[Note]]:
    """Return the notes of each section of a document; none from documents titled `without`.

    A passage that is taken whole keeps its order. Other notes come passage by passage, nearest first, each passage in
    its own order, and a list last. A list comes whole, and a section has at most one: mixed steps of two lists instruct
    nobody.

    `prompt` is another name of the document: the source of its outline may be near to either.
    `parts` are each section's part heading, "" for none (empty: no section has one). `wanted` says which sections get
    notes (empty: all), `taken` lists texts that other sections have already.
    """
    options = options or NoteOptions()
    if library.is_own:
        options = replace(options, most_of_document=options.most_notes)
    found: list[list[Note]] = [[] for _ in headings]
    if not headings or not len(library):
        return found
    subjects_QD, parts_QD = subjects_of_parts(encode, title, headings, parts or [""] * len(headings))
    called = encode(list(dict.fromkeys(name for name in (title, prompt, *parts) if name)))
    likeness = library.likeness(subjects_QD, called[0], parts_QD)
    child = child_of(f"{title}\n{prompt}")
    names = Names(f"{title} {prompt}", " ".join((*parts, *headings)))
    namings = [
        "same" if library.is_own else names.naming(entry.title, entry.prompt) for entry in library.entries
    ]
    hidden = torch.tensor(
        [
            name in without or naming == "other" or (not library.is_own and is_other_child(own, child))
            for name, own, naming in zip(library.titles, library.children, namings, strict=True)
        ]
    )
    likeness = likeness.masked_fill(hidden[library.owner], -1.0)
    top = likeness.topk(min(options.num_passages, len(library)), dim=1)
    is_wanted = list(wanted) or [True] * len(headings)
    sources = _sources(library, called, top.indices[top.values > 0], hidden, options)
    whole = _whole_passages(
        library, headings, parts, top.indices, top.values, sources, is_wanted, taken, options
    )
    counts = Counter(int(library.owner[n]) for n in whole.values())
    # what leads may be on something with a name that nobody asked for; a sentence from elsewhere may not
    enough = sum(is_wanted) / 2
    is_fit = [naming == "same" or counts[number] >= enough for number, naming in enumerate(namings)]
    whole = {section: n for section, n in whole.items() if is_fit[int(library.owner[n])]}
    for section, n in whole.items():
        found[section] = _whole(library.passages[n], round(float(likeness[section, n]), 4), options)
        is_wanted[section] = False
    useful = sorted(
        {
            int(n)
            for row, likes, wants in zip(top.indices, top.values, is_wanted, strict=True)
            for n, like in zip(row, likes, strict=True)
            if wants
            and float(like) >= library.least_likeness
            and int(n) not in whole.values()
            and is_fit[int(library.owner[n])]
        }
    )
    units = [unit for n in useful for unit in _units(n, library.passages[n], options)]
    if not units:
        return found
    vectors_UD = _vectors(units, encode)
    passages_U = torch.tensor([unit.passage for unit in units])
    passage_QU = likeness[:, passages_U]
    own_QU = F.normalize(subjects_QD, dim=1) @ vectors_UD.T
    weight = options.sentence_weight
    scores_QU = weight * own_QU + (1 - weight) * passage_QU
    is_list_U = torch.tensor([unit.is_list for unit in units])
    is_near = _is_near(scores_QU, passage_QU, is_list_U, top.values, library.least_likeness, options)
    is_near &= torch.tensor(is_wanted)[:, None]
    if others := [*taken, *(note.text for notes in found for note in notes)]:
        is_near &= (vectors_UD @ F.normalize(encode(others), dim=1).T).max(dim=1).values[None] <= options.same
    chosen_QU = scores_QU.masked_fill(~is_near, float("-inf"))
    nearest_Q1 = chosen_QU.max(dim=1, keepdim=True).values
    chosen_QU = chosen_QU.masked_fill(chosen_QU < nearest_Q1 - options.within, float("-inf"))
    taken_by = _allocate(chosen_QU, vectors_UD, units, library.owner[passages_U], options)
    for section, places in enumerate(taken_by):
        for at in _in_reading_order(places, units):
            unit = units[at]
            passage = library.passages[unit.passage]
            score = round(float(scores_QU[section, at]), 4)
            found[section] += [
                Note(text=text, title=passage.title, heading=passage.heading, score=score, block=unit.form)
                for text in unit.texts
            ]
    return found


def _sources(
    library: Library, called_ND: Tensor, near_P: Tensor, hidden_M: Tensor, options: NoteOptions
) -> set[int]:
    """Return the documents that an outline may come from: owners of the passages `near_P`, and the nearest by name."""
    found = set(library.owner[near_P].tolist())
    for name in called_ND:
        top = library.document_likeness(name).topk(min(options.num_sources, len(library.titles)))
        found.update(top.indices[top.values > 0].tolist())
    return {m for m in found if not hidden_M[m]}


def _whole_passages(
    library: Library,
    headings: Sequence[str],
    parts: Sequence[str],
    top_QP: Tensor,
    likeness_QP: Tensor,
    sources: Collection[int],
    is_wanted: Sequence[bool],
    taken: Collection[str],
    options: NoteOptions,
) -> dict[int, int]:
    """Return the passage that a section takes whole, by section: it has the section's heading, each is taken once.

    `top_QP` are the passages considered for each section, `likeness_QP` their likeness to it; `sources` are documents
    that the outline may come from.
    """
    chosen: dict[int, int] = {}

    def can_have(section: int, n: int) -> bool:
        passage = library.passages[n]
        return (
            is_wanted[section]
            and section not in chosen
            and n not in chosen.values()
            and passage.heading.casefold() == headings[section].casefold()
            and len(passage.sentences) >= FEWEST_WHOLE
            and not set(passage.sentences) & set(taken)
        )

    for section, heading in enumerate(headings):
        if (n := library.cases.get(heading.casefold())) is not None and can_have(section, n):
            chosen[section] = n
    # a part that is called as a document is that document
    titled = {library.titles[m].casefold(): m for m in sorted(sources, reverse=True)}
    for section, part in enumerate(parts):
        own = library.places_of(titled[part.casefold()]) if part.casefold() in titled else ()
        if (n := next((n for n in own if can_have(section, n)), None)) is not None:
            chosen[section] = n
    # in a digest of a book each section is called as a document, whose first section sums it up
    called = [titled.get(heading.casefold()) for heading in headings]
    if sum(document is not None for document in called) >= options.fewest_of_outline and not any(parts):
        for section, document in enumerate(called):
            own = () if document is None else library.places_of(document)
            first = next((n for n in own if len(library.passages[n].sentences) >= FEWEST_WHOLE), None)
            if (
                first is not None
                and is_wanted[section]
                and not set(library.passages[first].sentences) & set(taken)
            ):
                chosen[section] = first
    named = {heading.casefold() for heading in headings}
    num_named = {
        m: len(named & {library.passages[n].heading.casefold() for n in library.places_of(m)})
        for m in sorted(sources)
    }

    def take_from_documents(least: float) -> None:
        """Take the sections of documents that have at least so many of the outline's headings, the most first."""
        for document in sorted(num_named, key=lambda m: -num_named[m]):
            for n in library.places_of(document) if num_named[document] >= least else ():
                for section in range(len(headings)):
                    if can_have(section, n):
                        chosen[section] = n

    # "The short answer" is that of the document which leads the outline, whatever the title is nearer to
    take_from_documents(max(options.fewest_of_outline, len(headings) / 2))
    pairs = [
        (float(like), section, int(n))
        for section, (row, likes) in enumerate(zip(top_QP, likeness_QP, strict=True))
        for n, like in zip(row, likes, strict=True)
        if float(like) >= options.whole_likeness
    ]
    for _, section, n in sorted(pairs, key=lambda pair: (-pair[0], *pair[1:])):
        if can_have(section, n):
            chosen[section] = n
    # other documents, too, give the sections whose headings alone say little
    take_from_documents(options.fewest_of_outline)
    return chosen


def _whole(passage: Passage, score: float, options: NoteOptions) -> list[Note]:
    """Return all of a passage as it stands."""
    num = len(passage.sentences)
    forms: Sequence[BlockKind] = passage.forms or ["paragraph"] * num
    begins = passage.begins or [n == 0 or form in LIST_KINDS for n, form in enumerate(forms)]
    notes = [
        Note(
            text=text,
            title=passage.title,
            heading=passage.heading,
            score=score,
            block=form,
            begins=begin,
        )
        for text, form, begin in zip(passage.sentences, forms, begins, strict=True)
    ]
    return notes[: options.most_whole]


def _is_near(
    scores_QU: Tensor,
    passage_QU: Tensor,
    is_list_U: Tensor,
    top_QP: Tensor,
    least: float,
    options: NoteOptions,
) -> Tensor:
    """Return which units (Q, U) are near enough to a section; `top_QP` are the considered passages' likenesses."""
    nearest_Q1 = top_QP[:, :1]
    # a passage counts for a section only if it is among the passages considered for it
    is_near = (passage_QU >= top_QP[:, -1:].clamp(min=0)) & (scores_QU >= least)
    is_near &= passage_QU >= nearest_Q1 - options.passage_within
    return is_near & (~is_list_U | (passage_QU >= nearest_Q1 - options.list_within))


def _units(number: int, passage: Passage, options: NoteOptions) -> list[_Unit]:
    """Return the usable units of a passage, in order."""
    forms: Sequence[BlockKind] = passage.forms or ["paragraph"] * len(passage.sentences)
    units: list[_Unit] = []
    is_open = False  # whether a dependent sentence may join the last unit
    for place, (text, form) in enumerate(zip(passage.sentences, forms, strict=True)):
        last = units[-1] if units and is_open else None
        if form == "verse":
            is_open = False  # a line alone says little: verse comes with its whole passage
        elif form in LIST_KINDS:
            if last is not None and last.form == form:
                units[-1] = replace(last, texts=(*last.texts, text))
            else:
                units.append(_Unit(number, place, (text,), form))
            is_open = True
        elif stands_alone(text, options):
            units.append(_Unit(number, place, (text,), form))
            is_open = True
        elif (
            last is not None
            and last.form == form
            and len(last.texts) <= options.most_leaning
            and is_sentence(text, options)
        ):
            units[-1] = replace(last, texts=(*last.texts, text))
        else:
            is_open = False
    return [
        unit
        for unit in units
        if not unit.is_list or options.fewest_items <= len(unit.texts) <= options.most_items
    ]


def _vectors(units: Sequence[_Unit], encode: Encode) -> Tensor:
    """Return the units' meaning as unit vectors (U, D): of the first sentence, or of all items of a list."""
    told = [unit.texts if unit.is_list else unit.texts[:1] for unit in units]
    vectors = F.normalize(encode([text for texts in told for text in texts]), dim=1)
    parts = torch.split(vectors, [len(texts) for texts in told])
    return F.normalize(torch.stack([part.mean(dim=0) for part in parts]), dim=1)


def _in_reading_order(places: Sequence[int], units: Sequence[_Unit]) -> list[int]:
    """Return a section's units, given best first, in reading order."""
    best_of: dict[int, int] = {}
    for rank, at in enumerate(places):
        best_of.setdefault(units[at].passage, rank)

    def order(at: int) -> tuple[bool, int, int]:
        return units[at].is_list, best_of[units[at].passage], units[at].place

    return sorted(places, key=order)


def _allocate(
    scores_QU: Tensor,
    vectors_UD: Tensor,
    units: Sequence[_Unit],
    documents_U: Tensor,
    options: NoteOptions,
) -> list[list[int]]:
    """Return the units of each section, best first: each unit once, and no duplicate of a taken one.

    `documents_U` is each unit's document.
    """
    num_units = len(units)
    order = scores_QU.flatten().argsort(descending=True, stable=True)
    taken: list[list[int]] = [[] for _ in scores_QU]
    room = [options.most_notes] * len(taken)
    nearest_U = torch.full((num_units,), -1.0)  # largest cosine with a taken unit
    num_of: Counter[tuple[int, int]] = Counter()
    for flat in order.tolist():
        section, at = divmod(flat, num_units)
        if scores_QU[section, at] == float("-inf") or not any(room):
            break
        source = section, int(documents_U[at])
        size = 1 if units[at].is_list else len(units[at].texts)
        is_second_list = units[at].is_list and any(units[other].is_list for other in taken[section])
        is_too_much = room[section] < size or num_of[source] + size > options.most_of_document
        if nearest_U[at] > options.same or is_second_list or is_too_much:
            continue
        taken[section].append(at)
        num_of[source] += size
        room[section] -= size
        nearest_U = torch.maximum(nearest_U, vectors_UD @ vectors_UD[at])
        nearest_U[at] = math.inf
    return taken


def is_sentence(text: str, options: NoteOptions) -> bool:
    """Return whether a text is a whole sentence, neither too short nor too long."""
    num_words = len(_WORD.findall(text))
    return options.fewest_words <= num_words <= options.most_words and _ENDS.search(text) is not None


def stands_alone(text: str, options: NoteOptions) -> bool:
    """Return whether a sentence, judged by its words, makes sense without the ones before it."""
    return (
        is_sentence(text, options) and _NEEDS_MORE.match(text) is None and _POINTS_BACK.search(text) is None
    )
