"""The job that every step gets: store, lease, models and callbacks; and the attempts at its units."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from concepts.errors import LostLease, StorageError
from flows.device import billed
from flows.document.engine import Engine, Work
from flows.document.job.events import Said, UnitReport
from flows.leases.lease import LEASE_S
from flows.leases.owner import is_dead
from flows.timings import Timings
from storage import Lease, Stage, Store, Transaction

LONGEST_ERROR = 500
WAIT_S = 0.1
"""How often to check whether another process has finished a unit."""


OnUnit: TypeAlias = Callable[[UnitReport], None]
OnSaid: TypeAlias = Callable[[Said], None]


@dataclass(frozen=True)
class Job:
    """One document that this process holds, or helps with."""

    store: Store
    lease: Lease
    engine: Engine
    timings: Timings = field(default_factory=Timings)
    """Sums over the whole run; `planning`, `writing` and `decoding` count model time only."""
    helper: str | None = None
    """Name of this process if it works under another process's lease; None: it is the lease holder."""
    rank: int = 0
    """Rank of this process in its launch."""
    on_unit: OnUnit = lambda report: None
    """Called after the transaction that ends a unit, and after a failed attempt."""
    on_said: OnSaid = lambda said: None
    """Called for each sentence that the voice says, before its unit is stored."""

    @property
    def document_id(self) -> str:
        """Id of the document."""
        return self.lease.document_id

    @cached_property
    def lang(self) -> str:
        """The document's own language, which never changes."""
        return self.store.get_document(self.document_id).lang

    @property
    def taker(self) -> str:
        """The name by which this process takes units."""
        return self.lease.owner if self.helper is None else self.helper

    def prepare(self, stage: Work) -> None:
        """Wait for the models of a stage, as `Engine.prepare`, and count that time separately."""
        with self.timings.span("model_wait"):
            self.engine.prepare(stage)


SPANS: dict[Stage, str] = {"plan": "planning", "write": "writing", "decode": "decoding"}


class Attempt:
    """One attempt at a unit, recorded before the work starts and again in the transaction that ends it."""

    def __init__(self, job: Job, stage: Stage, unit_id: int) -> None:
        self.job = job
        self.stage = stage
        self.unit_id = unit_id
        self.started_at = time.time()
        self._model_s = 0.0
        self._company = 1
        self._device: str | None = None
        self._is_done = False

    @contextmanager
    def model(self, work: Work | None = None) -> Iterator[None]:
        """Count the models' time for this document inside the `with` block; `work` None: the work of the stage."""
        self.job.prepare(work or self.stage)
        self._device = self.job.engine.device_of(work or self.stage)
        started = time.perf_counter()
        with billed() as bill:
            try:
                yield
            finally:
                seconds = time.perf_counter() - started - bill.waited_s
                self._model_s += seconds
                self._company = max(self._company, bill.company)
                self.job.timings.add(SPANS[self.stage], seconds)

    def done(self, tx: Transaction, **counts: int) -> None:
        """Record the success, with counts and device, in the transaction that stores the results."""
        self._is_done = True
        now = time.time()
        timing: dict[str, object] = {
            "model_s": round(self._model_s, 4),
            "total_s": round(now - self.started_at, 4),
            **counts,
        }
        if self._device is not None:  # a model was asked
            timing |= {"device": self._device, "rank": self.job.rank}
        if self._company > 1:
            timing["company"] = self._company
        if self.job.helper is not None:
            timing["helper"] = self.job.helper
        tx.record_attempt(
            self.stage,
            unit_id=self.unit_id,
            started_at=self.started_at,
            finished_at=now,
            outcome="done",
            timing=timing,
        )

    def report(self, error: Exception | None = None) -> None:
        """Report how the attempt ended; nothing is reported if another process had done the unit."""
        if self._is_done or error is not None:
            text = None if error is None else error_text(error)
            seconds = time.time() - self.started_at
            self.job.on_unit(
                UnitReport(
                    stage=self.stage,
                    unit_id=self.unit_id,
                    seconds=seconds,
                    model_s=self._model_s,
                    company=self._company,
                    error=text,
                )
            )

    def note(self, outcome: str, error: BaseException) -> None:
        """Record a failure, if the database still accepts it."""
        with suppress(StorageError):
            self.job.store.record_attempt(
                self.job.lease,
                self.stage,
                unit_id=self.unit_id,
                started_at=self.started_at,
                finished_at=time.time(),
                outcome=outcome,
                error=error_text(error),
            )


def error_text(error: BaseException) -> str:
    """Return the stored text of an error: its message, else its type."""
    return (str(error) or type(error).__name__)[:LONGEST_ERROR]


def take(job: Job, stage: Stage, unit_id: int) -> Attempt | None:
    """Take a unit and record the attempt as `started`; None if the unit is done, maybe by another process.

    If another process works on the unit, the lease holder waits until it is done, is seen to be dead, or is silent
    for the time of a lease; a helper returns None at once. Raises LostLease.
    A `started` without a later `done` is work lost in a crash.
    """
    dead: str | None = None
    while True:
        trial = Attempt(job, stage, unit_id)
        with job.store.fenced(job.lease) as tx:
            if tx.take_unit(unit_id, job.taker, LEASE_S, instead_of=dead):
                tx.record_attempt(stage, unit_id=unit_id, started_at=trial.started_at, outcome="started")
                return trial
        if job.store.get_unit(job.document_id, unit_id).status == "done":
            return None
        other = _who_is_at(job, unit_id)
        while other is not None and not is_dead(other):
            if job.helper is not None:
                return None
            time.sleep(WAIT_S)
            other = _who_is_at(job, unit_id)
        dead = other


def _who_is_at(job: Job, unit_id: int) -> str | None:
    """Return the process that has taken a unit under our lease; None if it is free, done or no longer ours."""
    found = job.store.find_open_unit(unit_id)
    return None if found is None or found.lease.epoch != job.lease.epoch else found.taken_by


@contextmanager
def attempt(trial: Attempt) -> Iterator[None]:
    """Record how a failing attempt ends; the block calls `trial.done` in its last transaction."""
    try:
        yield
    except LostLease:
        raise  # the document is another's: nothing more is written to it
    except Exception as error:
        trial.note("failed", error)
        trial.report(error)
        raise
    except BaseException as error:
        trial.note("interrupted", error)
        raise
    trial.report()
