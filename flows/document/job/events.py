"""Events that a run sends to its caller, for instance for a progress bar. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from storage import BlockKind, Lease, Stage

EventKind = Literal[
    "starting",
    "planning",
    "outline",
    "writing",
    "decoding",
    "said",
    "retry",
    "planned",
    "awaiting_review",
    "done",
]


@dataclass(frozen=True, kw_only=True)
class Said:
    """A sentence that the voice has just said; it is stored with its unit."""

    path: str
    """Of its section."""
    ordinal: int
    """Its place in the section, from 0."""
    text: str
    block: BlockKind | None
    """The block that it begins; None: it continues the previous block."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a run; its results are in the store already, except sentences that were only said."""

    kind: EventKind
    """`starting`: the lease is ours, models and Prefect load (`done` of `total` models are loaded; later ones may
    come while the planner is at work). `planning`: the planner is at work.
    `outline`: items and headings are stored (read them from the store). `writing`, `decoding`: `done`
    of `total` are stored. `said`: the voice has said a sentence of a unit that is not stored yet.
    `retry`: a task failed and is tried again (`message` says why). The last one
    is `planned` (a run that stops after planning), `awaiting_review` (one that somebody must approve) or
    `done`."""
    document_id: str
    done: int = 0
    """Models loaded, sections written, or texts (headings and sentences) decoded."""
    total: int = 0
    """Models, sections or texts that are known; 0 where the kind has no count."""
    message: str = ""
    said: Said | None = None
    """Of the kind `said`."""


OnEvent: TypeAlias = Callable[[Event], None]
"""Called in the thread that called `write_document`, where an exception from it ends the run; the count of loaded
models comes from the thread that loads them, where an exception is dropped."""


def ignore(event: Event) -> None:
    """Do nothing with an event."""


Outcome = Literal["done", "planned", "failed", "released", "cancelled", "paused", "lost"]
"""`planned`: its outline awaits review, or the run was to stop after it. `released`: the worker was asked to
stop, or the database failed; the document waits for the next worker.
`lost`: another process took it over."""
WorkerEventKind = Literal[
    "claimed",
    "unit",
    "unit-failed",
    "retry",
    "trouble",
    "done",
    "planned",
    "failed",
    "released",
    "cancelled",
    "paused",
    "lost",
]
"""`trouble`: the database or Prefect's server cannot be reached; it concerns no document."""


@dataclass(frozen=True, kw_only=True)
class WorkerEvent:
    """One event of a worker."""

    kind: WorkerEventKind
    document_id: str = ""
    message: str = ""
    seconds: float = 0.0
    """How long the document was held, or the unit took; 0 if not applicable."""
    epoch: int | None = None
    flow_run_id: str | None = None
    stage: Stage | None = None
    unit_id: int | None = None
    model_s: float = 0.0
    """Of a unit: model time; of a shared call, the unit's share."""
    company: int = 1
    """Of a unit: documents that shared its model calls."""


OnWorkerEvent: TypeAlias = Callable[[WorkerEvent], None]
"""Called in any of the worker's threads."""


@dataclass(frozen=True, kw_only=True)
class UnitReport:
    """Result of one attempt at a unit."""

    stage: Stage
    unit_id: int
    seconds: float
    """Of the whole attempt, storing included."""
    model_s: float
    """Of the models alone, without waiting for them; of a shared call, this document's share."""
    company: int = 1
    """Documents that shared its model calls, this one included."""
    error: str | None = None
    """None: the unit is done."""


def unit_event(lease: Lease, report: UnitReport, flow_run_id: str | None = None) -> WorkerEvent:
    """Return the worker event for an attempt at a unit."""
    return WorkerEvent(
        kind="unit" if report.error is None else "unit-failed",
        document_id=lease.document_id,
        message=report.error or "",
        seconds=round(report.seconds, 3),
        epoch=lease.epoch,
        flow_run_id=flow_run_id,
        stage=report.stage,
        unit_id=report.unit_id,
        model_s=round(report.model_s, 3),
        company=report.company,
    )
