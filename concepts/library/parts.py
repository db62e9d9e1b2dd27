"""Outlines of books from a library: each part is one document on the subject.

Where the library has a book on the subject (`concepts.library.books`), its chapters are the parts. Elsewhere maximal
marginal relevance chooses documents, as it does sections (`concepts.library.outline`): the nearest document is the
first part; the others follow in the order in which it mentions their subjects.

Legend: C candidate documents, P passages, D concept dim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from concepts.library.books import LEAST_BOOK_LIKENESS, LEAST_EXACT_LIKENESS, Book, subject_of_book
from concepts.library.cases import add_cases, find_cases
from concepts.library.encode import Encode
from concepts.library.library import Library, Passage
from concepts.library.notes import FEWEST_WHOLE
from concepts.library.outline import (
    FEWEST,
    LEAST_LIKENESS,
    MOST,
    SAME_SUBJECT,
    Candidate,
    are_fit,
    find_candidates,
    represent,
    spread,
)
from concepts.library.words import forms_in, kinds_of, kinds_of_document
from concepts.library.words import stems as stems_of
from concepts.texts import BookNeed

PARTS_WITHIN = 0.28
"""How far the document of another part may fall below the nearest document's likeness."""
FEWEST_PARTS, MOST_PARTS = 3, 8
"""Number of parts if nobody asked for a number and there is no book."""
FEWEST_CALLED_SO = 2
"""Fewest parts where every document is called by the subject."""
MOST_UNSAID = 0.5
"""Share of the subject's words that the document of a part may lack."""
OVERVIEW_LIKENESS = 0.8
"""From this cosine of its title and the subject on a document is about all of the subject: one of these is enough."""
CHAPTER_SECTION_WORDS, FEWEST_SHORTENED = 115, 2
"""Usual number of words of a chapter's section, and fewest sections of a chapter that is shortened."""
USUAL_SECTIONS = 7
"""Usual number of sections of a part."""
SAME_TITLE, SAME_TEXT = 0.75, 0.8
"""Two documents are duplicates if the cosine of their titles, or of all their sections' subjects, is larger."""
OVERVIEW = "Overview"
"""Heading of a first part whose document has the book's own title."""
CALLED_SO = 0.9
"""Two titles count as one from this cosine on."""


@dataclass(frozen=True)
class Part:
    """A part of a book."""

    heading: str
    sections: tuple[str, ...]
    """Their headings."""


def find_parts(
    library: Library,
    encode: Encode,
    names: Sequence[str],
    num_parts: int | None = None,
    *,
    num_words: int | None = None,
    is_wish: bool = False,
    book: BookNeed | None = None,
) -> list[Part]:
    """Return the parts of a document, empty where the library knows too little of the subject.

    `names` are names of the document, such as its title and the prompt. With `num_parts` the result has exactly that
    many parts or none; with `is_wish` it may have fewer if a book has fewer. With `num_words` the chapters of a longer
    book keep their first sections and those that represent the others. `book` says what may stand in
    where the library has no book on the subject; None: any documents near it.
    """
    least = LEAST_EXACT_LIKENESS if book == "exact" else LEAST_BOOK_LIKENESS
    chapters = _chapters(library, library.find_book(encode, names, least))
    if not chapters and book == "exact":
        return []
    if not chapters:
        return _parts_of_documents(library, encode, names, num_parts, is_strict=book is not None)
    if num_parts is not None and num_parts < len(chapters):
        chapters = _represented(encode, chapters, num_parts)
    elif num_parts is not None and not is_wish:
        chapters = _extended(library, encode, names, chapters, num_parts)
    if num_parts is not None and len(chapters) != num_parts and not is_wish:
        return []
    titles = [chapter[0].title for chapter in chapters]
    first = F.normalize(encode([titles[0], names[0]]), dim=1)
    if float(first[0] @ first[1]) >= CALLED_SO:
        titles[0] = OVERVIEW
    if num_words is not None:
        most = max(round(num_words / CHAPTER_SECTION_WORDS / len(chapters)), FEWEST_SHORTENED)
        chapters = [_shortened(encode, chapter, most) for chapter in chapters]
    return [
        Part(title, tuple(dict.fromkeys(passage.heading for passage in chapter))[:MOST])
        for title, chapter in zip(titles, chapters, strict=True)
    ]


def find_digest(
    library: Library,
    encode: Encode,
    names: Sequence[str],
    num_sections: int | None = None,
    *,
    typed: str = "",
) -> list[str]:
    """Return a heading for each chapter of a book on the very subject, if no document is about all of it.

    The headings are the chapters' titles: a section that is called as a document is written from that document's first
    section, which sums it up (`concepts.library.notes`). Empty where there is no such book, where the nearest document
    is its first chapter or is called as the subject is, or where `typed` names a kind of text, such as a letter. With
    `num_sections` these are at most so many chapters: those that represent all. The cases that `typed` tells are among
    them.
    """
    book = None if kinds_of("\n".join((*names, typed))) else library.find_book(encode, names, CALLED_SO)
    if book is None:
        return []
    found = find_candidates(library, encode, names, typed)
    if not found or found[0].passages[0].title == book.chapters[0]:
        return []
    called = [found[0].passages[0].title, *names]
    title_D, *names_ND = F.normalize(encode([subject_of_book(name) for name in called]), dim=1)
    if max(float(title_D @ name_D) for name_D in names_ND) >= CALLED_SO:
        return []
    chapters = _chapters(library, book)
    if len(chapters) < FEWEST:
        return []
    if num_sections is not None and num_sections < len(chapters):
        chapters = _represented(encode, chapters, num_sections)
    headings = [chapter[0].title for chapter in chapters]
    return add_cases(encode, find_cases(library, encode, names, typed), headings, num_sections)


Chapter = tuple[Passage, ...]
"""The passages of a document that can be sections."""


def _chapters(library: Library, book: Book | None) -> list[Chapter]:
    """Return the chapters of a book, in order; empty where there is none."""
    if book is None:
        return []
    places = {title: m for m, title in reversed(list(enumerate(library.titles)))}
    documents = [places[title] for title in book.chapters if title in places]
    found = [_chapter([library.passages[n] for n in library.places_of(document)]) for document in documents]
    return [chapter for chapter in found if len(chapter) >= FEWEST]


def _chapter(passages: Sequence[Passage]) -> Chapter:
    return tuple(passage for passage in passages if len(passage.sentences) >= FEWEST_WHOLE)


def _means(encode: Encode, chapters: Sequence[Chapter]) -> Tensor:
    """Return the mean subject of each chapter's sections as a unit vector (C, D)."""
    subjects = [F.normalize(encode([passage.subject for passage in chapter]), dim=1) for chapter in chapters]
    return F.normalize(torch.stack([subject.mean(dim=0) for subject in subjects]), dim=1)


def _shortened(encode: Encode, chapter: Chapter, most: int) -> Chapter:
    """Return a chapter's first section and those that best represent the others, in order."""
    if most >= len(chapter):
        return chapter
    subjects_PD = F.normalize(encode([passage.subject for passage in chapter]), dim=1)
    kept = represent(torch.zeros(len(chapter)), subjects_PD @ subjects_PD.T, most)
    return tuple(chapter[n] for n in sorted(kept))


def _represented(encode: Encode, chapters: Sequence[Chapter], num: int) -> list[Chapter]:
    """Return the first chapter and those that best represent the others, in order."""
    means_CD = _means(encode, chapters)
    kept = represent(torch.zeros(len(chapters)), means_CD @ means_CD.T, num)
    return [chapters[c] for c in sorted(kept)]


def _extended(
    library: Library, encode: Encode, names: Sequence[str], chapters: Sequence[Chapter], num_parts: int
) -> list[Chapter]:
    """Return the chapters and other documents on the subject, each after the chapter that it is most like."""
    found = find_candidates(library, encode, names)
    taken = {chapter[0].title for chapter in chapters}
    others = [
        _chapter(candidate.passages)
        for candidate in found
        if _is_on(candidate, found[0]) and candidate.passages[0].title not in taken
    ]
    others = [chapter for chapter in others if len(chapter) >= FEWEST]
    if not others:
        return list(chapters)
    every = [*chapters, *others]
    titles_CD = F.normalize(encode([chapter[0].title for chapter in every]), dim=1)
    means_CD = _means(encode, every)
    likeness_CC = means_CD @ means_CD.T
    is_same_CC = (titles_CD @ titles_CD.T > SAME_TITLE) | (likeness_CC > SAME_TEXT)
    num = len(chapters)
    is_same_CC[:num, :num] = False
    worth_C = torch.arange(len(every), 0.0, -1.0)  # in their order: chapters first, then the nearest
    chosen = spread(worth_C, is_same_CC, num_parts)
    after = {c: c if c < num else int(likeness_CC[c, :num].argmax()) for c in chosen}
    return [every[c] for c in sorted(chosen, key=lambda c: (after[c], c))]


def _parts_of_documents(
    library: Library, encode: Encode, names: Sequence[str], num_parts: int | None, *, is_strict: bool
) -> list[Part]:
    """Return documents on the subject as parts: exactly `num_parts` of them or none.

    With `is_strict` their titles or prompts must have all the subject's words.
    """
    wanted = list(dict.fromkeys(subject_of_book(name) for name in names))
    found = find_candidates(library, encode, wanted)
    called = " ".join(names)
    kinds = forms_in(called)
    words = stems_of(wanted[0])
    known = [
        (candidate, _sections(candidate, called))
        for candidate in found
        if _is_on(candidate, found[0])
        and kinds_of_document(candidate.passages[0].title, candidate.passages[0].prompt) <= kinds
        and not (
            is_strict and (candidate.likeness < SAME_SUBJECT or not words <= stems_of(_name_of(candidate)))
        )
    ]
    known = [(candidate, sections) for candidate, sections in known if len(sections) >= FEWEST]
    fewest = num_parts or (FEWEST_CALLED_SO if is_strict else FEWEST_PARTS)
    if len(known) < fewest:
        return []
    titles = [candidate.passages[0].title for candidate, _ in known]
    titles_CD = F.normalize(encode(titles), dim=1)
    subjects = [F.normalize(encode([p.subject for p in candidate.passages]), dim=1) for candidate, _ in known]
    means_CD = F.normalize(torch.stack([subject.mean(dim=0) for subject in subjects]), dim=1)
    plain = F.normalize(encode([subject_of_book(title) for title in titles]), dim=1)
    is_overview_C = (plain @ F.normalize(encode(wanted), dim=1).T).max(dim=1).values > OVERVIEW_LIKENESS
    is_same_CC = (titles_CD @ titles_CD.T > SAME_TITLE) | (means_CD @ means_CD.T > SAME_TEXT)
    is_same_CC |= is_overview_C & is_overview_C[:, None]
    worth_C = torch.tensor([candidate.likeness for candidate, _ in known])
    chosen = spread(worth_C, is_same_CC, num_parts or MOST_PARTS)
    if len(chosen) < fewest:
        return []
    lead, *others = chosen
    others.sort(key=lambda c: _place(titles_CD[c], subjects[lead]))
    about = F.normalize(encode([names[0]]), dim=1)[0]
    first = OVERVIEW if float(titles_CD[lead] @ about) >= CALLED_SO else titles[lead]
    headings = [first, *(titles[c] for c in others)]
    return [Part(heading, known[c][1]) for heading, c in zip(headings, (lead, *others), strict=True)]


def _name_of(candidate: Candidate) -> str:
    return f"{candidate.passages[0].title}\n{candidate.passages[0].prompt}"


def _is_on(candidate: Candidate, best: Candidate) -> bool:
    is_near = candidate.likeness >= max(best.likeness - PARTS_WITHIN, LEAST_LIKENESS)
    return is_near and candidate.features.unsaid <= MOST_UNSAID


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
