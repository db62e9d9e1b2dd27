"""A document's state for people: status, progress, and the next step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage import DocumentRecord


def is_held(document: DocumentRecord) -> bool:
    """Return whether a living process works on the document, as far as this machine can tell."""
    from flows.leases.owner import is_dead

    if document.owner is None or (document.lease_until or 0.0) <= time.time():
        return False
    return not is_dead(document.owner)


def state_of(document: DocumentRecord) -> str:
    """Return the status for people: a stage that nobody works on is "interrupted"."""
    if document.status in ("planning", "writing", "decoding") and not is_held(document):
        return f"interrupted ({document.status})"
    return document.status


def progress_of(document: DocumentRecord) -> str:
    """Return decoded of known sections, and the written ones if they are more."""
    progress = document.progress
    if not progress.num_items:
        return "-"
    written = f" ({progress.num_written} written)" if progress.num_written > progress.num_decoded else ""
    return f"{progress.num_decoded}/{progress.num_items}{written}"


def next_step_of(document: DocumentRecord) -> str:
    """Return the user's next step for an unfinished document, or ""."""
    if document.status in ("done", "cancelled") or is_held(document):
        return ""
    if document.status == "awaiting_review":
        return f"see its plan with: longhand outline {document.id}; then: longhand approve {document.id}"
    return f"go on with: longhand resume {document.id}"
