"""The queue at a glance as plain values, for `status` and for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from storage import Overview


def describe_overview(overview: Overview, now: float) -> dict[str, Any]:
    """Return the state of the queue as plain JSON values; what a dead process holds does not count as running."""
    from dataclasses import asdict

    from flows.leases.owner import is_dead

    alive = [held for held in overview.held if held.lease_until > now and not is_dead(held.owner)]
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
