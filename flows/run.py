"""Run a document in place: claim it, load models and Prefect side by side, run the flow, release it.

`write_document` begins a queued document, `resume_document` continues any unfinished one, `translate_document`
translates a finished one. All block until the work is done and may be killed at any moment. They run the same flow
as workers (`flows.prefect.flow`), on a given Prefect server or on a private one that ends with them.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import UUID

from concepts.errors import LonghandError, UsageError
from flows.document.engine import Engine, Work
from flows.document.job.events import Event, OnEvent, ignore
from flows.document.job.job import Job
from flows.document.queries import awaits_review, count_sections, is_given, is_kept, is_plan_only, is_planned
from flows.errors import FlowError
from flows.leases.lease import LEASE_S, check_free, check_unfinished
from flows.leases.owner import current_owner
from flows.prefect.background import end_services
from flows.prefect.host import Host, hosting
from flows.prefect.server import PrivateServer
from flows.timings import Timings
from storage import DocumentRecord, DocumentStatus, Lease, Stage, Store

if TYPE_CHECKING:
    from flows.prefect.api import PrefectApi

STOP_TIMEOUT_S = 1.0
"""How long an interrupted run waits for Prefect to record it."""


def write_document(
    store_url: str | None,
    document_id: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    plan_only: bool = False,
    prefect_api: PrefectApi | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Run a document to its end, or with `plan_only` to its stored outline, and return the timings.

    A document for review stops after its outline, in the status `awaiting_review`. `plan_only` is stored with the
    document, so that a worker that continues it after an interruption stops there, too.

    store_url: a database URL; None means the default one. document_id: an id or its prefix. engine: the
    models, loaded while Prefect starts. on_event: called in this thread. prefect_api: a running Prefect server
    whose UI shows the run; None starts a private one and ends it afterwards.

    Raises Busy if a living process holds the document, FinishedError if it is done, LostLease if another process
    took it over, KeyboardInterrupt (stored results stay and the document is released), and the ModelError or
    InputError that is stored with a failed document.
    """
    with Store.open(store_url) as store:
        document = store.get_document(document_id)
        check_unfinished(document)
        check_free(document)
        job = Job(store, Lease(document.id, current_owner(), document.epoch, 0.0), engine)  # for reading only
        host = _host(store, engine, on_event, lease_s)
        host.plan_only = plan_only
        _run(
            host,
            document.id,
            engine,
            stages=_stages_left(job, plan_only=plan_only),
            is_over=lambda: store.get_document(document.id).status == _end_of(job),
            prefect_api=prefect_api,
        )
    assert host.timings is not None
    return host.timings


def resume_document(
    store_url: str | None,
    document_id: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    prefect_api: PrefectApi | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Continue a queued, planned, interrupted, failed or cancelled document until it is done.

    A document that was only to be planned is now written, also by a worker after an interruption.
    A lease holder that died on this machine is replaced at once, on another machine when its lease expires.
    Arguments and errors as for `write_document`.
    """
    return write_document(
        store_url,
        document_id,
        engine=engine,
        on_event=on_event,
        prefect_api=prefect_api,
        lease_s=lease_s,
    )


def translate_document(
    store_url: str | None,
    document_id: str,
    lang: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    prefect_api: PrefectApi | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Translate a finished document into `lang` and return the timings.

    Units are stored before they run, so that the same call continues after a crash; a finished translation
    costs nothing. The document stays done in any case. Arguments as for `write_document`.

    Raises FlowError if the document is not done, UsageError for its own language or one that its space
    does not know, Busy, LostLease, and the translator's errors.
    """
    with Store.open(store_url) as store:
        document = store.get_document(document_id)
        check_translatable(document, lang)
        check_free(document)
        host = _host(store, engine, on_event, lease_s)
        _run(
            host,
            document.id,
            engine,
            stages=["translate"],
            is_over=lambda: is_translated(store, document.id, lang),
            prefect_api=prefect_api,
            translate_to=lang,
        )
    assert host.timings is not None
    return host.timings


def check_translatable(document: DocumentRecord, lang: str) -> None:
    """Raise UsageError for the document's own language, FlowError if the document is not written yet."""
    if lang == document.lang:
        raise UsageError(f"{document.id} is written in {lang}: name another language, or see longhand show")
    if document.status != "done":
        raise FlowError(
            f"{document.id} is not written yet (status: {document.status}): finish it first with "
            f"longhand resume {document.id}"
        )


def is_translated(store: Store, document_id: str, lang: str) -> bool:
    """Return whether the title and every heading and sentence of the active outline have a text in `lang`."""
    todo = store.get_undecoded(document_id, lang)
    return not todo.item_ids and not todo.concept_ids and store.get_title(document_id, lang) is not None


def _host(store: Store, engine: Engine, on_event: OnEvent, lease_s: float) -> Host:
    return Host(store=store, models=lambda _: engine, lease_s=lease_s, on_event=on_event, timings=Timings())


def _end_of(job: Job) -> DocumentStatus:
    if awaits_review(job):
        return "awaiting_review"
    return "planned" if is_plan_only(job) else "done"


def _run(
    host: Host,
    document_id: str,
    engine: Engine,
    *,
    stages: Sequence[Work],
    is_over: Callable[[], bool],
    prefect_api: PrefectApi | None,
    translate_to: str | None = None,
) -> None:
    """Load the models of `stages` while Prefect starts, and run the flow in this thread."""
    assert host.timings is not None
    timings = host.timings
    foreground = _Foreground()
    host.step = foreground.step

    def on_death() -> None:
        # Prefect's client would retry for minutes.
        again = f"what is stored is sound: run `longhand resume {document_id}`"
        foreground.abandon(FlowError(f"Prefect's private server ended before the run did, {again}"))

    server = None if prefect_api is not None else PrivateServer(on_death=on_death)

    async def body() -> None:
        from flows.prefect.isolation import our_settings

        with timings.span("prefect_wait"):
            auth: str | None
            if server is not None:
                url, auth = await asyncio.wrap_future(server.ready), server.auth
            else:
                assert prefect_api is not None
                url, auth = prefect_api.url, prefect_api.auth
        with our_settings(url, auth, logs=prefect_api is not None), timings.span("flow"):
            await _flow(host, document_id, translate_to, prefect_api)

    def loaded(done: int, total: int) -> None:
        host.on_event(Event(kind="starting", document_id=document_id, done=done, total=total))

    try:
        if server is not None:
            server.start()
        engine.start_loading(stages, loaded)
        with timings.span("total"), hosting(host):
            from flows.prefect.isolation import import_prefect

            host.on_event(Event(kind="starting", document_id=document_id))
            with timings.span("prefect_import"):
                import_prefect(logs=prefect_api is not None)
            foreground.run(body(), document_id)
    except FlowError:
        # Only the document counts: Prefect may have failed while it recorded a success.
        if not is_over():
            raise
    finally:
        try:
            if server is not None:
                end_services()
        finally:
            if server is not None:
                server.stop()
        _add_load_times(timings, engine)


async def _flow(
    host: Host, document_id: str, translate_to: str | None, prefect_api: PrefectApi | None
) -> None:
    """Run the flow: as the document's run on a server that keeps runs, else as a new run.

    Raises the error that ended the document's work, else Prefect's error.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import State
    from prefect.flow_engine import run_flow_async
    from prefect.states import araise_state_exception

    from flows.prefect import flow
    from flows.prefect.work_pool import take_run

    parameters = {"document_id": document_id, "translate_to": translate_to}
    flow_run = None
    if prefect_api is not None:
        run_id = take_run(prefect_api, host.store.get_document(document_id), parameters)
        async with get_client() as client:
            flow_run = await client.read_flow_run(UUID(run_id))
    host.errors = []
    state = await run_flow_async(
        flow.write_document, flow_run=flow_run, parameters=parameters, return_type="state"
    )
    if host.errors:
        raise host.errors[0]
    assert isinstance(state, State), "a flow that is run for its state has one"
    await araise_state_exception(state)


@runtime_checkable
class _Noting(Protocol):
    """A SIGINT handler that remembers a signal."""

    def note(self) -> None: ...

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal came."""

    def __call__(self, number: int, frame: FrameType | None, /) -> None: ...


class _Foreground:
    """Runs a coroutine, whose steps may block, in this thread; Ctrl-C interrupts it.

    Ctrl-C interrupts a step anywhere. Outside a step it cancels the coroutine at its next await, as `asyncio.run`
    does: if KeyboardInterrupt is raised inside Prefect, Prefect may raise another error instead, or none.
    A second Ctrl-C waits for nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._is_in_step = False
        self._is_interrupted = False
        self._noting: _Noting | None = None

    def run(self, coroutine: Coroutine[Any, Any, None], document_id: str) -> None:
        """Run a coroutine to its end; raise FlowError for an error that is neither ours nor a step's."""
        loop = asyncio.new_event_loop()
        try:
            with self._lock:
                self._loop, self._task = loop, loop.create_task(coroutine)
                if self._error is not None:
                    self._task.cancel()
            with self._interruptible():
                self._run(loop, self._task, document_id)
        finally:
            with self._lock:
                self._loop = None
                if self._task is not None and not self._task.done():
                    # Prefect was interrupted: do not report how its tasks end
                    loop.set_exception_handler(lambda _loop, _context: None)
            with suppress(Exception):
                loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Let Ctrl-C interrupt the block at once."""
        self._is_in_step = True
        try:
            if self._is_interrupted:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_in_step = False

    def _run(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], document_id: str) -> None:
        try:
            loop.run_until_complete(task)
        except (KeyboardInterrupt, SystemExit):
            self._break_off(loop, task)
            raise
        except (Exception, asyncio.CancelledError) as error:
            if self._is_interrupted:
                raise KeyboardInterrupt from None
            if self._error is not None:
                raise self._error from error
            if isinstance(error, LonghandError) or not _is_prefects(error):
                raise
            raise FlowError(
                f"Prefect failed ({type(error).__name__}: {error}), what is stored is sound: "
                f"run `longhand resume {document_id}`"
            ) from error

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Handle Ctrl-C inside the block, if this is the main thread and nobody else handles it.

        A handler with `note` and `check` only records and raises, so this one replaces it: it passes each signal on,
        and an earlier signal that was lost ends the run here.
        """
        is_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT)
        if not is_main or not (before is signal.default_int_handler or isinstance(before, _Noting)):
            yield
            return
        self._noting = before if isinstance(before, _Noting) else None
        signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            if self._noting is not None:
                try:
                    self._noting.check()
                except KeyboardInterrupt:
                    assert self._task is not None
                    self._task.cancel()  # else it would start while its loop closes
                    raise
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_interrupt(self, _number: int, _frame: object) -> None:
        is_second, self._is_interrupted = self._is_interrupted, True
        if self._noting is not None:
            self._noting.note()
        if self._is_in_step or is_second or self._loop is None or self._task is None:
            raise KeyboardInterrupt
        # Wait a moment until Prefect has recorded the interruption.
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._loop.call_soon_threadsafe(self._loop.call_later, STOP_TIMEOUT_S, self._loop.stop)

    def _break_off(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
        """Give Prefect a moment to record that the run was interrupted."""
        if task.done():
            return
        task.cancel()
        with suppress(BaseException):
            loop.run_until_complete(asyncio.wait_for(asyncio.shield(task), STOP_TIMEOUT_S))

    def abandon(self, error: Exception) -> None:
        """End `run` with an error after the current step; called from another thread.

        Prefect cannot record anything on a server that is gone and would retry for a minute: it gets only a moment.
        """
        with self._lock:
            self._error = error
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
                self._loop.call_soon_threadsafe(self._loop.call_later, STOP_TIMEOUT_S, self._loop.stop)


def _is_prefects(error: BaseException) -> bool:
    """Return whether an error comes from Prefect or its transport, not from a step or a listener."""
    return type(error).__module__.split(".")[0] in (
        "prefect",
        "httpx",
        "httpcore",
        "anyio",
        "websockets",
        "pydantic",
    )


def _stages_left(job: Job, *, plan_only: bool) -> list[Stage]:
    # Planning runs while the voice still loads.
    planned = is_planned(job)
    stages: list[Stage] = ["decode"] if planned else ["plan", "decode"]
    num_written, num_sections = count_sections(job)
    # Do not count units: a process killed right after planning has not stored them yet.
    needs_writer = num_written < num_sections if planned else not is_given(job)
    if needs_writer and not awaits_review(job) and not plan_only:
        stages.append("write")
    if not planned and is_kept(job):
        stages.remove("decode")
    return stages


def _add_load_times(timings: Timings, engine: Engine) -> None:
    for part, seconds in engine.load_times().items():
        timings.add(f"load_{part}", seconds)
    spent = sum(timings.get(name) for name in ("model_wait", "planning", "writing", "decoding"))
    timings.add("storage", max(0.0, timings.get("steps") - spent))
