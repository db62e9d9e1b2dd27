"""Which errors are retried, and when; the same under Prefect and in a worker."""

from __future__ import annotations

from concepts.errors import InputError, LostLease, ModelError, NotFoundError, UsageError
from flows.errors import FlowError
from storage import DiskFull

PERMANENT = (LostLease, ModelError, UsageError, InputError, NotFoundError, FlowError, MemoryError, DiskFull)
"""Errors that a retry would only repeat; a locked database, for instance, is not one of them."""
RETRY_DELAYS_S = [0.5, 3.0]
MAX_RUNS_WITHOUT_PROGRESS = 3
"""After this many runs in a row, of any processes, without a finished unit, a document has failed."""
