"""Holding a document in this process, from the claim to the release, with or without an error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from concepts.errors import LostLease, StorageError
from flows.document.engine import Engine
from flows.document.job.job import Job, OnSaid, OnUnit, error_text
from flows.document.job.retries import MAX_RUNS_WITHOUT_PROGRESS
from flows.errors import FinishedError, FlowError, Paused, Stopped
from flows.leases.lease import HeldLease
from flows.timings import Timings
from storage import AttemptRecord, DocumentStatus, Lease, Store


@contextmanager
def held_job(
    store: Store,
    lease: Lease,
    engine: Engine,
    lease_s: float,
    timings: Timings,
    on_unit: OnUnit = lambda report: None,
    on_said: OnSaid = lambda said: None,
    *,
    was_done: bool = False,
) -> Iterator[Job]:
    """Yield the job of a claimed document; renew its lease, and at the end record the run and release the document.

    If the block ends without an error, the document's status is recorded as the outcome. If it raises, the error
    is raised again. It is stored with the document if the work failed; the status stays as it is if the database,
    Prefect or the user caused the error, or if the document was done before.
    """
    started_at = time.time()
    outcome, error = "", ""
    status: DocumentStatus | None = None
    with HeldLease(store, lease, lease_s) as held:
        job = Job(store, held.lease, engine, timings, on_unit=on_unit, on_said=on_said)
        try:
            yield job
            outcome = store.get_document(lease.document_id).status
        except Paused:
            outcome, status = "interrupted", None if was_done else "paused"
            raise
        except (KeyboardInterrupt, Stopped):
            outcome = "interrupted"
            raise
        except FinishedError:
            outcome = "needless"
            raise
        except LostLease:
            outcome = "lost"
            raise
        except Exception as raised:
            outcome, error = "failed", error_text(raised)
            if not is_transient(raised) and not was_done:
                with suppress(StorageError), store.fenced(lease) as tx:
                    tx.set_status("failed", error)
            raise
        except BaseException:
            outcome = "interrupted"
            raise
        finally:
            with suppress(StorageError):
                # Without the fence: a process that lost the lease still records that, for counts of crashes.
                store.record_attempt(
                    lease,
                    "run",
                    started_at=started_at,
                    finished_at=time.time(),
                    outcome=outcome,
                    error=error or None,
                    timing=timings.to_dict(),
                )
            if outcome != "lost":
                with suppress(StorageError):
                    held.release(status)


@contextmanager
def prepared(store: Store, lease: Lease) -> Iterator[None]:
    """Release a claimed document if the preparation of its run fails, and store the error if it is permanent."""
    try:
        yield
    except BaseException as raised:
        if isinstance(raised, Exception) and not is_transient(raised):
            with suppress(StorageError), store.fenced(lease) as tx:
                tx.set_status("failed", error_text(raised))
        with suppress(StorageError):
            store.release(lease)
        raise


def is_transient(error: Exception) -> bool:
    """Return whether the database or Prefect failed, not the work on the document."""
    return isinstance(error, StorageError | FlowError)


def count_vain_runs(attempts: Sequence[AttemptRecord]) -> int:
    """Return how many runs in a row failed or died since the last finished unit.

    Runs that were told to stop, lost their lease, or came before a user resumed the document do not
    count. A run that died has a start and no end.
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
    """Return the message for a document whose runs all failed: in which step, and why if that is known."""
    last = next((a for a in reversed(attempts) if a.unit_id is not None), None)
    where = "before its first unit" if last is None else f"in {last.stage} unit {last.unit_id}"
    errors = [a.error for a in attempts if a.error]
    why = f"the last error was: {errors[-1]}" if errors else "the process died each time (out of memory?)"
    return (
        f"given up after {MAX_RUNS_WITHOUT_PROGRESS} runs without progress, {where}; {why}; "
        f"try again with `longhand resume {document_id}`"
    )
