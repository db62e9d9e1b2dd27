"""What a run tells the one who started it, so that a progress bar can be drawn. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

EventKind = Literal[
    "starting", "planning", "outline", "writing", "decoding", "retry", "planned", "awaiting_review", "done"
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that has happened; what it speaks of is in the store already."""

    kind: EventKind
    """`starting`: the lease is ours, models and Prefect load. `planning`: the planner is at work.
    `outline`: items and headings are stored (read them from the store). `writing`, `decoding`: `done`
    of `total` are stored. `retry`: a task failed and is tried again (`message` says why). The last one
    is `planned` (a run that stops after planning), `awaiting_review` (one that somebody must approve) or
    `done`."""
    document_id: str
    done: int = 0
    """Sections written, or texts (headings and sentences) decoded."""
    total: int = 0
    """Sections or texts that are known; 0 where the kind has no count."""
    message: str = ""


OnEvent: TypeAlias = Callable[[Event], None]
"""Called in the thread that called `write_document`; an exception from it ends the run."""


def ignore(event: Event) -> None:
    """Do nothing with an event."""
