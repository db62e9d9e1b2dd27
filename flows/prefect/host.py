"""What a process provides to its flow runs: store, models, lease time and listeners.

The flow finds its host in a context variable, because runs only carry ids. Without a host (a flow called from a
user's own script) it gets the default database and the document's models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.document.engine import Engine
from flows.document.job.events import OnEvent, OnWorkerEvent, ignore
from flows.leases.lease import LEASE_S
from flows.models.engine import ModelEngine
from flows.timings import Timings
from storage import DocumentRecord, Store


@dataclass(kw_only=True)
class Host:
    """Store, models and settings of flow runs."""

    store: Store
    models: Callable[[DocumentRecord], Engine]
    """Returns the engine for a document; its models load in the background."""
    lease_s: float = LEASE_S
    on_event: OnEvent = ignore
    """Gets the events of a document's run."""
    on_work: OnWorkerEvent = lambda event: None
    """Gets units and the outcomes of documents."""
    timings: Timings | None = None
    """Sums of the runs' seconds; None: each run has its own."""
    step: Callable[[], AbstractContextManager[None]] = nullcontext
    """Wraps each step, so that a process can interrupt it."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """If set, runs end after the current step and wait for another worker."""
    is_worker: bool = False
    """Whether runs come from the queue: errors become run states instead of exceptions, and a document whose runs
    all fail is given up."""
    errors: list[Exception] | None = None
    """Takes the error that ends a run in place, for its caller; None: the error is raised inside Prefect, which writes
    it to a file in a thread and hangs if memory is short."""
    plan_only: bool | None = None
    """Whether runs stop after the outline, stored with the document; None: as stored."""
    at_work: dict[str, str] = field(default_factory=dict)
    """Flow run of each document that this host's runs hold."""


_host: ContextVar[Host | None] = ContextVar("host", default=None)


@contextmanager
def hosting(host: Host) -> Iterator[None]:
    """Set the host of flow runs that begin inside the block in this thread."""
    token = _host.set(host)
    try:
        yield
    finally:
        _host.reset(token)


@contextmanager
def current_host() -> Iterator[Host]:
    """Yield the host of this process, or a new one for this block."""
    if (host := _host.get()) is not None:
        yield host
        return
    with Store.open() as store:
        yield Host(store=store, models=ModelEngine.for_document)
