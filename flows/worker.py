"""A worker: takes documents from the queue and brings them to their end, several side by side.

Our store is the queue. A worker holds each document by a lease that it renews; where the worker dies,
the lease ends and any other worker goes on. Prefect, where there is a server, shows what happens
(`flows.mirror`) and guards the device (`flows.slots`); it is never asked what to do next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import partial
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeAlias, TypeVar

from concepts.errors import LostLease, NotFoundError, StorageError
from flows import queries, steps
from flows.device import SharedModels
from flows.errors import PoisonError, Stopped
from flows.holding import error_text, held_job, is_transient, prepared
from flows.job import Job, UnitReport
from flows.lease import LEASE_S, release_dead
from flows.owner import current_owner
from flows.retries import MAX_RUNS_WITHOUT_PROGRESS, PERMANENT, RETRY_DELAYS_S
from flows.sequence import run_steps
from flows.timings import Timings
from storage import AttemptRecord, DocumentRecord, Lease, Stage, Store

P = ParamSpec("P")
T = TypeVar("T")
POLL_S = 2.0
"""How often a worker with nothing to do looks for work."""
WATCH_S = 3.0
"""How often it looks for what was done to its documents in Prefect's UI."""
MAX_STORE_FAILURES = 5
"""How often in a row the database may fail before a worker that is to drain the queue gives up."""

Outcome = Literal["done", "planned", "failed", "released", "cancelled", "paused", "lost"]
"""`planned`: its outline awaits review, or is all that is wanted for now. `released`: the worker was asked to
stop, or the database failed; the document waits for the next worker.
`lost`: another process took it over."""
EventKind = Literal[
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
"""`trouble`: the database or Prefect's server cannot be reached; no document is meant."""


@dataclass(frozen=True, kw_only=True)
class WorkerEvent:
    """One thing that a worker has done."""

    kind: EventKind
    document_id: str = ""
    message: str = ""
    seconds: float = 0.0
    """How long the document was held, or the unit took; 0 where that says nothing."""
    epoch: int | None = None
    flow_run_id: str | None = None
    stage: Stage | None = None
    unit_id: int | None = None
    model_s: float = 0.0
    """Of a unit: how long models were at work for it; of a shared call, its share."""
    company: int = 1
    """Of a unit: documents for which its model calls were made."""


OnWorkerEvent: TypeAlias = Callable[[WorkerEvent], None]
"""Called in any of the worker's threads."""


def unit_event(lease: Lease, report: UnitReport, flow_run_id: str | None = None) -> WorkerEvent:
    """Return what there is to tell of a try at a unit."""
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


class Mirror(Protocol):
    """Shows documents as flow runs; nothing here raises or waits long, whatever has become of the server."""

    def begin(self, document: DocumentRecord, lease: Lease) -> str | None:
        """Show that a document is at work and return the id of its flow run, None where that failed."""

    def end(self, flow_run_id: str, lease: Lease, outcome: Outcome, message: str) -> None:
        """Show how the work ended."""

    def follow(self, store: Store) -> None:
        """Do to documents in the store what was done to their flow runs by a user."""


class Slot(Protocol):
    """The right to use the device, where workers share it."""

    def ask(self) -> bool:
        """Return whether the slot is ours; where it is not, begin to wait for it in the background."""

    def is_turn_over(self) -> bool:
        """Return whether we have had it so long that another worker should have a chance."""

    def end_turn(self) -> None:
        """Let another worker have it, and give those that wait the time to take it."""

    def give_back(self) -> None:
        """Let another worker have it; may be called at any time."""


class Worker:
    """Runs documents of a store until it is told to stop."""

    def __init__(
        self,
        store: Store,
        models: SharedModels,
        *,
        batch: int = 2,
        on_event: OnWorkerEvent = lambda event: None,
        mirror: Mirror | None = None,
        slot: Slot | None = None,
        lease_s: float = LEASE_S,
        poll_s: float = POLL_S,
    ) -> None:
        """`batch`: how many documents are in work at once; they overlap, the models answer one call at a time."""
        self._store, self._models, self._batch = store, models, batch
        self._on_event, self._mirror, self._slot = on_event, mirror, slot
        self._lease_s, self._poll_s = lease_s, poll_s
        self._stopping = threading.Event()
        self._yielding = threading.Event()
        self._running: set[Future[Outcome]] = set()
        self._tally: dict[Outcome, int] = {}
        self._num_claimed = 0
        self._num_failures = 0
        self._patience: int | None = None
        self._watched_at = 0.0

    def stop(self) -> None:
        """Ask to stop: units that run are finished, then all documents are given back. May be called again."""
        self._stopping.set()

    def run(self, *, drain: bool = False, limit: int | None = None) -> dict[Outcome, int]:
        """Work until `stop`; return how many documents ended how.

        `drain` ends where nothing is left to be claimed, `limit` after so many claims. Raises ModelError
        where the models of new documents cannot be loaded, and with `drain` or `limit` StorageError where
        the database stays out of reach; otherwise it waits for the database to come back.
        """
        self._models.load_default()
        self._patience = MAX_STORE_FAILURES if drain or limit is not None else None
        try:
            with ThreadPoolExecutor(self._batch, thread_name_prefix="document") as pool:
                try:
                    self._work(pool, drain, limit)
                finally:
                    # Also after Ctrl-C: the threads see the flag after their unit, and the pool waits for them.
                    self._stopping.set()
        finally:
            self._give_slot_back()
        self._collect(self._running)
        return self._tally

    def _work(self, pool: ThreadPoolExecutor, drain: bool, limit: int | None) -> None:
        while not self._stopping.is_set():
            is_drained = self._fill(pool, limit)
            if not self._running:
                self._give_slot_back()
                if limit == self._num_claimed or (drain and is_drained):
                    return
            self._check_slot()
            self._wait()
            self._watch()

    def _fill(self, pool: ThreadPoolExecutor, limit: int | None) -> bool:
        """Claim documents as `_claim` does; a database that fails is waited for, within the patience."""
        try:
            is_drained = self._claim(pool, limit)
        except StorageError as error:
            self._num_failures += 1
            if self._num_failures == self._patience:
                raise
            self._on_event(WorkerEvent(kind="trouble", message=str(error)))
            return False
        self._num_failures = 0
        return is_drained

    def _claim(self, pool: ThreadPoolExecutor, limit: int | None) -> bool:
        """Claim documents up to the batch; return whether none is left to be claimed."""
        while len(self._running) < self._batch and self._num_claimed != limit:
            if not self._store.is_work_due():
                release_dead(self._store)
                return not self._store.is_work_due()
            if not self._has_slot():
                return False
            lease = self._store.claim_next(current_owner(), self._lease_s)
            if lease is None:
                return True
            self._num_claimed += 1
            self._running.add(pool.submit(self._run_one, lease))
        return False

    def _has_slot(self) -> bool:
        if self._slot is None:
            return True
        if self._slot.is_turn_over():
            if not self._running:
                self._slot.end_turn()
            return False
        return not self._yielding.is_set() and self._slot.ask()

    def _check_slot(self) -> None:
        if self._running and self._slot is not None and not self._slot.ask():
            # Another worker may be on the device by now: ours leave it after their units.
            self._yielding.set()

    def _give_slot_back(self) -> None:
        if self._slot is not None:
            self._slot.give_back()

    def _wait(self) -> None:
        """Wait for a document to end, or for the next look."""
        if not self._running:
            self._stopping.wait(self._poll_s)
            return
        done, _ = wait_for(self._running, timeout=self._poll_s, return_when=FIRST_COMPLETED)
        self._collect(done)

    def _collect(self, done: set[Future[Outcome]]) -> None:
        for future in tuple(done):
            outcome = future.result()
            self._tally[outcome] = self._tally.get(outcome, 0) + 1
            self._running.discard(future)
        if not self._running:
            self._yielding.clear()

    def _watch(self) -> None:
        """Let what was done to flow runs reach their documents, now and then."""
        if self._mirror is not None and time.monotonic() - self._watched_at >= WATCH_S:
            self._watched_at = time.monotonic()
            self._mirror.follow(self._store)

    def _tell(
        self,
        kind: EventKind,
        lease: Lease,
        flow_run_id: str | None,
        *,
        message: str = "",
        seconds: float = 0.0,
    ) -> None:
        self._on_event(
            WorkerEvent(
                kind=kind,
                document_id=lease.document_id,
                message=message,
                seconds=round(seconds, 3),
                epoch=lease.epoch,
                flow_run_id=flow_run_id,
            )
        )

    def _tell_unit(self, lease: Lease, flow_run_id: str | None, report: UnitReport) -> None:
        self._on_event(unit_event(lease, report, flow_run_id))

    def _run_one(self, lease: Lease) -> Outcome:
        """Bring one claimed document to its end; never raises."""
        document_id = lease.document_id
        started = time.perf_counter()
        flow_run_id: str | None = None
        self._tell("claimed", lease, flow_run_id)
        outcome: Outcome
        message = ""
        try:
            with prepared(self._store, lease):
                document = self._store.get_document(document_id)
                if self._mirror is not None:
                    flow_run_id = self._mirror.begin(document, lease)
                engine = self._models.engine_for(document)
            on_unit = partial(self._tell_unit, lease, flow_run_id)
            with held_job(self._store, lease, engine, self._lease_s, Timings(), on_unit) as job:
                self._begin(job, flow_run_id)
                run_steps(job, partial(self._do, job, flow_run_id))
                outcome, message = end_of(job)
        except Stopped:
            outcome = "released"
        except (LostLease, NotFoundError):
            outcome = self._why_lost(document_id)
        except Exception as error:  # noqa: BLE001  # one document's, stored with it; the queue goes on
            outcome, message = "failed", error_text(error)
            if is_transient(error):
                outcome = "released"
                self._stopping.wait(RETRY_DELAYS_S[0])
        seconds = time.perf_counter() - started
        self._tell(outcome, lease, flow_run_id, message=message, seconds=seconds)
        if self._mirror is not None and flow_run_id is not None:
            self._mirror.end(flow_run_id, lease, outcome, message)
        return outcome

    def _begin(self, job: Job, flow_run_id: str | None) -> None:
        """Note that a run begins; give the document up where the last ones all came to nothing."""
        attempts = job.store.get_attempts(job.document_id)
        if count_vain_runs(attempts) >= MAX_RUNS_WITHOUT_PROGRESS:
            raise PoisonError(poison_message(job.document_id, attempts))
        job.store.record_attempt(job.lease, "run", started_at=time.time(), outcome="started")
        if flow_run_id is not None:
            steps.note_flow_run(job, flow_run_id)

    def _do(
        self,
        job: Job,
        flow_run_id: str | None,
        step: Callable[Concatenate[Job, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a step, again after an error that may pass; Stopped where the worker is to stop."""
        for delay_s in (*RETRY_DELAYS_S, None):
            if self._stopping.is_set() or self._yielding.is_set():
                raise Stopped(f"document {job.document_id} waits for another worker")
            try:
                return step(job, *args, **kwargs)
            except PERMANENT:
                raise
            except Exception as error:
                if delay_s is None:
                    raise
                self._tell("retry", job.lease, flow_run_id, message=error_text(error))
                self._stopping.wait(delay_s)
        raise AssertionError("the last try returns or raises")

    def _why_lost(self, document_id: str) -> Outcome:
        """Return why a document is no longer ours; one that was deleted counts as cancelled."""
        try:
            status = self._store.get_document(document_id).status
        except NotFoundError:
            return "cancelled"
        except StorageError:
            return "lost"
        return status if status == "cancelled" or status == "paused" else "lost"


def end_of(job: Job) -> tuple[Outcome, str]:
    """Return how a document ends whose steps are all done, and what there is to say of it."""
    if queries.awaits_review(job):
        return "planned", ""
    if queries.is_plan_only(job):
        return "planned", f"only its plan was wanted: longhand resume {job.document_id} writes it"
    return "done", ""


def count_vain_runs(attempts: Sequence[AttemptRecord]) -> int:
    """Return how many runs in a row have failed or died since the last unit was done.

    Runs that were told to stop, lost their lease, or came before a user resumed the document count for
    nothing. A run that died is one with a start and no end.
    """
    started: set[int] = set()
    excused: set[int] = set()
    for attempt in attempts:
        if attempt.outcome == "requeued" or (attempt.outcome == "done" and attempt.unit_id is not None):
            started.clear()
        elif attempt.stage == "run":
            if attempt.outcome == "started" or attempt.outcome == "failed":
                started.add(attempt.epoch)
            else:
                excused.add(attempt.epoch)
    return len(started - excused)


def poison_message(document_id: str, attempts: Sequence[AttemptRecord]) -> str:
    """Return what to say of a document whose runs all came to nothing: where, and why if that is known."""
    last = next((a for a in reversed(attempts) if a.unit_id is not None), None)
    where = "before its first unit" if last is None else f"in {last.stage} unit {last.unit_id}"
    errors = [a.error for a in attempts if a.error]
    why = f"the last error was: {errors[-1]}" if errors else "the process died each time (out of memory?)"
    return (
        f"given up after {MAX_RUNS_WITHOUT_PROGRESS} runs without progress, {where}; {why}; "
        f"try again with `longhand resume {document_id}`"
    )
