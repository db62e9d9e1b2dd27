"""Which errors are worth a second try, and when; the same under Prefect and in a worker."""

from __future__ import annotations

from concepts.errors import InputError, LostLease, ModelError, NotFoundError, UsageError
from flows.errors import FlowError
from storage import DiskFull

PERMANENT = (LostLease, ModelError, UsageError, InputError, NotFoundError, FlowError, MemoryError, DiskFull)
"""Errors that a second try would only meet again; of another kind is, for instance, a locked database."""
RETRY_DELAYS_S = [0.5, 3.0]
MAX_RUNS_WITHOUT_PROGRESS = 3
"""So many runs in a row, of any processes, may end without a single unit done; then a document has failed."""
