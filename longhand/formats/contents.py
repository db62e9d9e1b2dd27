"""A document's headings in reading order, and whether they need a table of contents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longhand.formats.export import heading_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage import ExportedDocument, ExportedSection

NUM_OF_LONG = 8
"""Least number of headings of a long document."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the table of contents."""

    text: str
    path: str
    level: int
    """1 for a top item."""


def list_headings(document: ExportedDocument) -> tuple[Entry, ...]:
    """Return all headings in reading order."""
    return tuple(_entries(document.sections, 1))


def is_long(document: ExportedDocument) -> bool:
    """Return whether a printed document needs a table of contents."""
    return len(list_headings(document)) >= NUM_OF_LONG


def _entries(sections: Sequence[ExportedSection], level: int) -> Iterator[Entry]:
    for section in sections:
        yield Entry(text=heading_of(section), path=section.path, level=level)
        yield from _entries(section.children, level + 1)
