"""What every step gets: where to read and write, by what right, with which models; and how it reports."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from concepts.errors import LostLease, StorageError
from flows.engine import Engine
from flows.timings import Timings
from storage import Lease, Stage, Store, Transaction

LONGEST_ERROR = 500


@dataclass(frozen=True)
class Job:
    """One document in the hands of one process."""

    store: Store
    lease: Lease
    engine: Engine
    timings: Timings = field(default_factory=Timings)
    """Sums over the whole run; `planning`, `writing` and `decoding` count the models alone."""

    @property
    def document_id(self) -> str:
        """Id of the document."""
        return self.lease.document_id

    def prepare(self, stage: Stage) -> None:
        """Wait for the models of a stage, as `Engine.prepare`, and count the time apart."""
        with self.timings.span("model_wait"):
            self.engine.prepare(stage)


SPANS: dict[Stage, str] = {"plan": "planning", "write": "writing", "decode": "decoding"}


class Attempt:
    """One try at a unit: it is noted before the work starts, and again in the transaction that ends it."""

    def __init__(self, job: Job, stage: Stage, unit_id: int) -> None:
        self.job = job
        self.stage = stage
        self.unit_id = unit_id
        self.started_at = time.time()
        self._model_s = 0.0

    @contextmanager
    def model(self) -> Iterator[None]:
        """Time what the models do inside the `with` block."""
        self.job.prepare(self.stage)
        started = time.perf_counter()
        try:
            yield
        finally:
            self._model_s += time.perf_counter() - started
            self.job.timings.add(SPANS[self.stage], time.perf_counter() - started)

    def done(self, tx: Transaction, **counts: int) -> None:
        """Note the success, with what was made, in the transaction that holds the results."""
        now = time.time()
        timing = {"model_s": round(self._model_s, 4), "total_s": round(now - self.started_at, 4), **counts}
        tx.record_attempt(
            self.stage,
            unit_id=self.unit_id,
            started_at=self.started_at,
            finished_at=now,
            outcome="done",
            timing=timing,
        )

    def note(self, outcome: str, error: BaseException) -> None:
        """Note a failure, where the database still takes it."""
        with suppress(StorageError):
            self.job.store.record_attempt(
                self.job.lease,
                self.stage,
                unit_id=self.unit_id,
                started_at=self.started_at,
                finished_at=time.time(),
                outcome=outcome,
                error=(str(error) or type(error).__name__)[:LONGEST_ERROR],
            )


@contextmanager
def attempt(job: Job, stage: Stage, unit_id: int) -> Iterator[Attempt]:
    """Note a try as `started`; the block calls `done` in its last transaction. Raises LostLease.

    A `started` without a `done` after it is work that a crash threw away.
    """
    trial = Attempt(job, stage, unit_id)
    with job.store.fenced(job.lease) as tx:
        tx.record_attempt(stage, unit_id=unit_id, started_at=trial.started_at, outcome="started")
    try:
        yield trial
    except LostLease:
        raise  # the document is another's: nothing more is written to it
    except Exception as error:
        trial.note("failed", error)
        raise
    except BaseException as error:
        trial.note("interrupted", error)
        raise
