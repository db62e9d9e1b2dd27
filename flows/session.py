"""The run of one document in this process: where a Prefect task, which gets only an id, finds its job.

Two threads: the caller's does all the work and touches the store, so that Ctrl-C stops it between two
tensor operations; a second one runs Prefect's event loop, which stays free to talk to its server.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import Concatenate, Generic, ParamSpec, TypeVar

from concepts.errors import LonghandError
from flows.errors import FlowError
from flows.events import Event, EventKind, OnEvent
from flows.job import Job

P = ParamSpec("P")
T = TypeVar("T")
STOP_TIMEOUT_S = 5.0
"""How long a run that is broken off waits for Prefect to note it."""


class Desk(Generic[T]):
    """Runs a coroutine in a second thread, and in this one the functions that the coroutine sends here."""

    def __init__(self, coroutine: Callable[[], Coroutine[object, object, T]]) -> None:
        self.last_error: Exception | None = None
        """What the latest of the functions that failed has raised."""
        self._coroutine = coroutine
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._outcome: Future[T] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._thread = Thread(target=self._run, name="prefect", daemon=True)

    def _run(self) -> None:
        async def body() -> T:
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._coroutine())
            return await self._task

        try:
            self._outcome.set_result(asyncio.run(body()))
        except BaseException as error:  # noqa: BLE001  # raised by `serve`
            self._outcome.set_exception(error)
        finally:
            self._waiting.put(None)

    async def call(self, function: Callable[[], T]) -> T:
        """Run `function` in the thread of `serve` and return its result; for the coroutine."""
        done: Future[T] = Future()

        def work() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                result = function()
            except Exception as error:  # noqa: BLE001  # raised where the coroutine waits
                self.last_error = error
                done.set_exception(error)
            else:
                done.set_result(result)

        self._waiting.put(work)
        return await asyncio.wrap_future(done)

    def serve(self) -> T:
        """Run the coroutine to its end and return its result; KeyboardInterrupt breaks it off."""
        self._thread.start()
        try:
            while (work := self._waiting.get()) is not None:
                work()
        except BaseException:
            self._break_off()
            raise
        self._thread.join()
        return self._outcome.result()

    def abandon(self, error: Exception) -> None:
        """End `serve` with an error as soon as what it does is done; for another thread."""

        def fail() -> None:
            raise error

        self._waiting.put(fail)

    def _break_off(self) -> None:
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # the loop has just ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_TIMEOUT_S)


class Session:
    """One job, the desk it is done at, and who wants to hear of it."""

    def __init__(self, job: Job, on_event: OnEvent) -> None:
        self.job = job
        self._on_event = on_event
        self._desk: Desk[None] | None = None

    def run(self, coroutine: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run a coroutine that may use `call`, in a thread of its own; return when it has ended.

        Raises what a step or the receiver of events raised, and FlowError for anything else.
        """
        self._desk = Desk(coroutine)
        try:
            self._desk.serve()
        except Exception as error:
            if isinstance(error, LonghandError) or error is self._desk.last_error:
                raise
            raise FlowError(
                f"Prefect failed ({type(error).__name__}: {error}), what is stored is sound: "
                f"run `longhand resume {self.job.document_id}`"
            ) from error

    def abandon(self, error: Exception) -> None:
        """End the run with an error as soon as the step at hand is done; for another thread."""
        if self._desk is not None:
            self._desk.abandon(error)

    async def call(self, step: Callable[Concatenate[Job, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a step in the caller's thread and return its result."""
        assert self._desk is not None, "the session is not running"
        found: list[T] = []

        def work() -> None:
            with self.job.timings.span("steps"):
                found.append(step(self.job, *args, **kwargs))

        await self._desk.call(work)
        return found[0]

    async def tell(self, kind: EventKind, *, done: int = 0, total: int = 0, message: str = "") -> None:
        """Report an event, in the caller's thread."""
        event = Event(kind=kind, document_id=self.job.document_id, done=done, total=total, message=message)
        assert self._desk is not None, "the session is not running"
        await self._desk.call(lambda: self._on_event(event))


_sessions: dict[str, Session] = {}


def register(session: Session) -> None:
    """Let the tasks of this process find a session by the id of its document."""
    _sessions[session.job.document_id] = session


def unregister(session: Session) -> None:
    """Forget a session."""
    _sessions.pop(session.job.document_id, None)


def find(document_id: str) -> Session:
    """Return the session of a document; FlowError where this process runs no such document."""
    session = _sessions.get(document_id)
    if session is None:
        raise FlowError(
            f"this process does not run document {document_id}: start it with `longhand resume {document_id}`"
        )
    return session
