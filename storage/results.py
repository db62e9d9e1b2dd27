"""What queries return and nothing stores: exported documents, matches of a search, the queue at a moment.

Vectors are float32 arrays in the *raw* concept space; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concepts.blocks import BlockKind
from storage.records import DocumentStatus, ItemStatus, Place, Way

if TYPE_CHECKING:
    from storage.records import Vector


@dataclass(frozen=True, kw_only=True, eq=False)
class DatasetRow:
    """One concept in one language: a sentence of an item, or the item's heading."""

    document_id: str
    path: str
    """The item's place in the outline."""
    ordinal: int | None
    """The sentence's place in its item, from 0; None for the heading."""
    lang: str | None
    """None: not decoded in any language."""
    text: str | None
    score: float | None
    """Round-trip similarity."""
    vector: Vector
    """(D,), raw."""
    block: BlockKind | None = None
    """See `NewRendering.block`."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The result of queueing one document."""

    id: str
    is_new: bool
    """False: its idempotency key was known, and `id` names the first document with it."""


@dataclass(frozen=True, kw_only=True)
class HeldDocument:
    """One document with an owner, whose lease may have expired."""

    id: str
    status: DocumentStatus
    owner: str
    lease_until: float


@dataclass(frozen=True, kw_only=True)
class FailedDocument:
    """One failed document."""

    id: str
    error: str | None
    failed_at: float


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The queue at one moment."""

    counts: Mapping[DocumentStatus, int]
    """Documents by status; a status without documents is left out."""
    held: tuple[HeldDocument, ...]
    """Documents with an owner, ordered by the end of their leases."""
    num_unheld: int
    """Documents in a stage without an owner: interrupted, waiting for a worker."""
    window_s: float
    num_documents_done: int
    """Documents finished within the window."""
    num_sentences_done: int
    """Sentences decoded within the window."""
    failures: tuple[FailedDocument, ...]
    """Documents that failed last, newest first."""


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """Numbers of deleted rows, or of rows that would be deleted."""

    num_documents: int
    num_versions: int
    """Superseded outlines that lose their sentences."""
    num_concepts: int
    num_attempts: int
    """Attempts at documents that stay."""
    num_bytes: int
    """Size of vectors and texts; rows and indexes take some more."""


@dataclass(frozen=True, kw_only=True)
class ExportedSentence:
    """One decoded sentence."""

    ordinal: int
    """Its place among the concepts of its item, from 0."""
    text: str
    score: float | None
    block: BlockKind | None = None
    """See `NewRendering.block`."""


@dataclass(frozen=True, kw_only=True)
class ExportedSection:
    """One item with its heading, sentences and sub-sections, in order."""

    path: str
    heading: str | None
    heading_score: float | None
    sentences: tuple[ExportedSentence, ...]
    num_missing: int
    """Sentences of this section (without its children) that have no text in the language yet."""
    is_leaf: bool
    status: ItemStatus
    stop_reason: str | None
    children: tuple[ExportedSection, ...]


@dataclass(frozen=True, kw_only=True)
class ExportedDocument:
    """A document in one language, as far as it is decoded."""

    id: str
    title: str | None
    prompt: str
    lang: str
    status: DocumentStatus
    updated_at: float
    outline_version: int | None
    sections: tuple[ExportedSection, ...]
    num_missing: int
    """Sentences of the whole document that have no text in the language yet."""
    author: str = ""
    """Author named in the document's source file, else empty; the same for the date."""
    date: str = ""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One stored plan item or sentence that a search found."""

    document_id: str
    place: Place
    path: str
    """Number of the plan item, or of the section that holds the sentence."""
    ordinal: int | None
    """Place of the sentence in its section, from 0; None for a plan item."""
    heading: str | None
    text: str | None
    """The sentence or the heading; None if it is not decoded yet. In its document's own language, or in the language
    of the translation that holds the words."""
    lang: str
    """Language of the text."""
    similarity: float | None
    """Cosine, from -1 to 1; None if only its words matched."""
    found_by: tuple[Way, ...]
    """The ways of searching that found it."""
