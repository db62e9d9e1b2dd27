"""A document in the hands of this process: from the claim to the moment it is given back, however that comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from concepts.errors import LostLease, StorageError
from flows.engine import Engine
from flows.errors import FinishedError, FlowError, Stopped
from flows.job import LONGEST_ERROR, Job, OnUnit
from flows.lease import HeldLease
from flows.timings import Timings
from storage import Lease, Store


@contextmanager
def held_job(
    store: Store,
    lease: Lease,
    engine: Engine,
    lease_s: float,
    timings: Timings,
    on_unit: OnUnit = lambda report: None,
) -> Iterator[Job]:
    """Yield the job of a claimed document; renew its lease, and at the end note the run and give it back.

    Where the block ends well, the status it left is the outcome that is noted. Where it raises, the error
    is stored with the document if the work is at fault, and the status stays if the database, Prefect or
    the user is; then it is raised again.
    """
    started_at = time.time()
    outcome, error = "", ""
    with HeldLease(store, lease, lease_s) as held:
        job = Job(store, held.lease, engine, timings, on_unit=on_unit)
        try:
            yield job
            outcome = store.get_document(lease.document_id).status
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
            if not is_transient(raised):
                with suppress(StorageError), store.fenced(lease) as tx:
                    tx.set_status("failed", error)
            raise
        except BaseException:
            outcome = "interrupted"
            raise
        finally:
            with suppress(StorageError):
                # Without the fence: one who lost the lease still says so, for those who count crashes.
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
                    held.release()


@contextmanager
def prepared(store: Store, lease: Lease) -> Iterator[None]:
    """Give a claimed document back where what comes before its run fails, with the error where that will not pass."""
    try:
        yield
    except BaseException as raised:
        if isinstance(raised, Exception) and not is_transient(raised):
            with suppress(StorageError), store.fenced(lease) as tx:
                tx.set_status("failed", error_text(raised))
        with suppress(StorageError):
            store.release(lease)
        raise


def error_text(error: BaseException) -> str:
    """Return an error as it is stored: its message, else its kind."""
    return (str(error) or type(error).__name__)[:LONGEST_ERROR]


def is_transient(error: Exception) -> bool:
    """Return whether the document itself is sound: the database or Prefect failed, not the work."""
    return isinstance(error, StorageError | FlowError)
