"""What a process lends to the flow runs in it: store, models, lease time, and who wants to hear of them.

The flow finds its host in a context variable, because a run takes ids alone. A process that lends nothing (a flow
called from somebody's own script) gets the default database and the models that the document asks for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field

from flows.document.engine import Engine
from flows.document.events import OnEvent, OnWorkerEvent, ignore
from flows.leases.lease import LEASE_S
from flows.models.engine import ModelEngine
from flows.timings import Timings
from storage import DocumentRecord, Store


@dataclass(kw_only=True)
class Host:
    """The surroundings of flow runs."""

    store: Store
    models: Callable[[DocumentRecord], Engine]
    """Returns the engine for a document, which loads in the background."""
    lease_s: float = LEASE_S
    on_event: OnEvent = ignore
    """Hears how far a document is."""
    on_work: OnWorkerEvent = lambda event: None
    """Hears of units, and of what became of documents."""
    timings: Timings | None = None
    """Where the seconds of runs are added; None: each run has sums of its own."""
    step: Callable[[], AbstractContextManager[None]] = nullcontext
    """Surrounds what a step does, so that a process can break it off."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set: runs end after the step at hand, and wait for another worker."""
    is_worker: bool = False
    """Whether runs are the queue's: errors become states of the run instead of exceptions, and a document whose
    runs all come to nothing is given up."""
    errors: list[Exception] | None = None
    """Takes the error that ends a run in place, for whoever started it; None: it is raised inside Prefect, which writes
    it to a file, in a thread: where memory is short, that hangs."""
    plan_only: bool | None = None
    """Whether runs stop after the outline, which is stored with the document; None: as it is stored."""
    at_work: dict[str, str] = field(default_factory=dict)
    """Flow run by document, of those that runs of this host hold."""


_host: ContextVar[Host | None] = ContextVar("host", default=None)


@contextmanager
def hosting(host: Host) -> Iterator[None]:
    """Let the flow runs that begin inside the block, in this thread, find the host."""
    token = _host.set(host)
    try:
        yield
    finally:
        _host.reset(token)


@contextmanager
def current_host() -> Iterator[Host]:
    """Yield the host of this process, or one of its own for this block."""
    if (host := _host.get()) is not None:
        yield host
        return
    with Store.open() as store:
        yield Host(store=store, models=ModelEngine.for_document)
