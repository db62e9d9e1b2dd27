"""A version of a document for the pages: sections with their plan items, sentences with their scores.

Long documents are split into parts of whole sections, so that a page stays small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from concepts.errors import NotFoundError
from longhand.formats.export import step_numbers

if TYPE_CHECKING:
    from storage import (
        BlockKind,
        ExportedDocument,
        ExportedSection,
        Note,
        OutlineRecord,
        PlanItemRecord,
        Store,
    )

SENTENCES_PER_PART = 300
NUM_WEAKEST = 8
FAIR_SCORE, GOOD_SCORE = 0.5, 0.7
"""Least round-trip scores of a fair and a good text for a concept. A written concept is a mean over possible
sentences, so even a good text keeps only a part of it."""

Grade = Literal["weak", "fair", "good"]


@dataclass(frozen=True, kw_only=True)
class SentenceView:
    """One sentence of a section."""

    path: str
    ordinal: int
    """From 0."""
    text: str | None
    """None: not decoded yet."""
    score: float | None
    """Round-trip similarity."""
    block: BlockKind | None = None
    """The block that it begins; None: it continues the previous block."""
    number: int = 0
    """Number of a step in its list, from 1."""

    @property
    def mark(self) -> str:
        """Mark before a list item."""
        return {"step": f"{self.number}.", "bullet": "•"}.get(self.block or "", "")

    @property
    def grade(self) -> Grade | None:
        """How well the text matches its concept; None if there is no score."""
        if self.score is None:
            return None
        return "weak" if self.score < FAIR_SCORE else "fair" if self.score < GOOD_SCORE else "good"


@dataclass(frozen=True, kw_only=True)
class SectionView:
    """One plan item with its text."""

    item: PlanItemRecord
    heading: str | None
    heading_score: float | None
    sentences: tuple[SentenceView, ...]
    notes: tuple[Note, ...] = ()
    """Its notes."""

    def has_said(self, note: Note) -> bool:
        """Return whether the text contains a note word for word."""
        return any(sentence.text == note.text for sentence in self.sentences)

    @property
    def path(self) -> str:
        """The item's number."""
        return self.item.path

    @property
    def scores(self) -> list[float]:
        """The known scores of its sentences."""
        return [sentence.score for sentence in self.sentences if sentence.score is not None]

    @property
    def mean_score(self) -> float | None:
        """Mean of the scores."""
        return sum(self.scores) / len(self.scores) if self.scores else None

    @property
    def num_weak(self) -> int:
        """How many sentences are weak."""
        return sum(sentence.grade == "weak" for sentence in self.sentences)


@dataclass(frozen=True, kw_only=True)
class VersionView:
    """One version of a document in one language."""

    outline: OutlineRecord | None
    """None: nothing is planned yet."""
    exported: ExportedDocument
    sections: tuple[SectionView, ...]
    """All items in reading order."""

    @property
    def num_sentences(self) -> int:
        """Written sentences, decoded or not."""
        return sum(len(section.sentences) for section in self.sections)

    def weakest(self) -> list[SentenceView]:
        """Return the few sentences with the lowest scores, the lowest first."""
        scored = [s for section in self.sections for s in section.sentences if s.score is not None]
        return sorted(scored, key=lambda sentence: sentence.score or 0.0)[:NUM_WEAKEST]

    def parts(self) -> list[tuple[SectionView, ...]]:
        """Return the sections in groups of at most about `SENTENCES_PER_PART` sentences; at least one."""
        parts: list[list[SectionView]] = [[]]
        size = 0
        for section in self.sections:
            if parts[-1] and size + len(section.sentences) > SENTENCES_PER_PART:
                parts.append([])
                size = 0
            parts[-1].append(section)
            size += len(section.sentences)
        return [tuple(part) for part in parts]

    def part_of(self) -> dict[str, int]:
        """Return the number of the part, from 1, of each item's path."""
        return {section.path: number for number, part in enumerate(self.parts(), 1) for section in part}


def read_version(store: Store, document_id: str, version: int | None, lang: str | None) -> VersionView:
    """Return a version (None: the one in use) in a language (None: the document's own).

    Raises NotFoundError for a version that is not there.
    """
    try:
        outline = store.get_outline(document_id, version)
    except NotFoundError:
        if version is not None:
            raise
        store.get_document(document_id)
        outline = None
    # By its number: another version may have come into use since.
    exported = store.export_document(document_id, lang, version=None if outline is None else outline.version)
    of_path = {section.path: section for section in flatten(exported.sections)}
    items = () if outline is None else outline.items
    notes = {} if outline is None else store.get_notes(document_id, outline.id)
    return VersionView(
        outline=outline,
        exported=exported,
        # An item that came after the outline was read waits for the next look.
        sections=tuple(
            _view(item, of_path[item.path], notes.get(item.id, ())) for item in items if item.path in of_path
        ),
    )


def flatten(sections: Sequence[ExportedSection]) -> Iterator[ExportedSection]:
    """Yield sections and all below them, in reading order."""
    for section in sections:
        yield section
        yield from flatten(section.children)


def _view(item: PlanItemRecord, section: ExportedSection, notes: tuple[Note, ...]) -> SectionView:
    known = {sentence.ordinal: sentence for sentence in section.sentences}
    count = len(known) + section.num_missing
    begun = [known[ordinal].block if ordinal in known else None for ordinal in range(count)]
    return SectionView(
        notes=notes,
        item=item,
        heading=section.heading,
        heading_score=section.heading_score,
        sentences=tuple(
            SentenceView(
                path=item.path,
                ordinal=ordinal,
                text=known[ordinal].text if ordinal in known else None,
                score=known[ordinal].score if ordinal in known else None,
                block=block,
                number=number,
            )
            for ordinal, (block, number) in enumerate(zip(begun, step_numbers(begun), strict=True))
        ),
    )
