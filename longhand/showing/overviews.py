"""The queue at a glance as plain values, for `status` and for metrics."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage import DocumentRecord, HeldDocument, Overview, Store


def _alive(overview: Overview, now: float) -> list[HeldDocument]:
    """Return the documents that living processes hold, as far as this machine can tell."""
    from flows.leases.owner import is_dead

    return [held for held in overview.held if held.lease_until > now and not is_dead(held.owner)]


def find_running(store: Store, overview: Overview, now: float) -> tuple[DocumentRecord, ...]:
    """Return the documents that living processes work on, with their progress."""
    from concepts.errors import NotFoundError

    found = []
    for held in _alive(overview, now):
        # A document may have been deleted since.
        with suppress(NotFoundError):
            found.append(store.get_document(held.id))
    return tuple(found)


def describe_overview(overview: Overview, now: float) -> dict[str, Any]:
    """Return the queue's state as plain JSON values; a dead process's documents do not count as running."""
    from dataclasses import asdict

    alive = _alive(overview, now)
    taken = sum(held.status == "queued" for held in alive)
    dead_at_work = sum(
        held.status in ("planning", "writing", "decoding") for held in overview.held if held not in alive
    )
    per_minute = 60 / overview.window_s
    return {
        "queued": overview.counts.get("queued", 0) - taken,
        "running": len(alive),
        "interrupted": overview.num_unheld + dead_at_work,
        "counts": dict(overview.counts),
        "window_s": overview.window_s,
        "documents_per_min": overview.num_documents_done * per_minute,
        "sentences_per_min": overview.num_sentences_done * per_minute,
        "oldest_lease": asdict(alive[0]) | {"ends_in_s": alive[0].lease_until - now} if alive else None,
        "failures": [asdict(failed) for failed in overview.failures],
    }
