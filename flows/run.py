"""Run a document in place: claim it, load models and Prefect side by side, run the flow, give it back.

`write_document` begins a queued document, `resume_document` goes on with any that is not done. Both
block until the work is done and both may be killed at any moment.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

from flows import session as sessions
from flows.engine import Engine, Work
from flows.errors import FinishedError, FlowError
from flows.events import OnEvent, ignore
from flows.holding import held_job
from flows.job import Job
from flows.lease import LEASE_S, claim
from flows.queries import awaits_review, count_sections, is_given, is_kept, is_plan_only, is_planned
from flows.server import PrivateServer
from flows.session import Session
from flows.timings import Timings
from storage import DocumentRecord, DocumentStatus, Stage, Store

EVENTS_TIMEOUT_S = 5.0
"""How long a run waits at its end for Prefect to send what it has noted."""


def write_document(
    store_url: str | None,
    document_id: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    plan_only: bool = False,
    prefect_api: str | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Run a document to its end, or with `plan_only` to its stored outline, and return where the time went.

    One that is to be reviewed stops after its outline, in the status `awaiting_review`. `plan_only` is stored
    with the document, so that a worker who goes on with it after an interruption stops there, too.

    store_url: a database URL; None means the default one. document_id: an id or its prefix. engine: the
    models; it is told to load while Prefect starts. on_event: called in this thread. prefect_api: URL of
    a running Prefect server that is to show the run; None starts a private one and ends it afterwards.

    Raises Busy where a living process holds the document, FinishedError where it is done, LostLease
    where another process took it over, KeyboardInterrupt as it is (what is stored stays; the document
    is given back), and the ModelError or InputError that is stored with a document that failed.
    """
    with Store.open(store_url) as store:
        document = store.get_document(document_id)
        check_unfinished(document)
        timings = Timings()
        lease = claim(store, document.id, lease_s=lease_s)
        with held_job(store, lease, engine, lease_s, timings) as job:
            check_unfinished(store.get_document(document.id))  # another process was faster
            _store_plan_only(job, plan_only)
            with timings.span("total"):
                run_flow(
                    job,
                    on_event,
                    lambda: _write(job),
                    stages=_stages_left(job),
                    is_over=lambda: _status(job) == _end_of(job),
                    prefect_api=prefect_api,
                )
    return timings


def resume_document(
    store_url: str | None,
    document_id: str,
    *,
    engine: Engine,
    on_event: OnEvent = ignore,
    prefect_api: str | None = None,
    lease_s: float = LEASE_S,
) -> Timings:
    """Go on with a document that is queued, planned, interrupted, failed or cancelled, until it is done.

    One that was only to be planned is written from now on, also by a worker after an interruption.
    A holder that died on this machine is replaced at once, one on another machine when its lease is over;
    the flow run that it has left on a running Prefect server is set to Crashed first.
    Arguments and errors as for `write_document`.
    """
    with Store.open(store_url) as store:
        document = store.get_document(document_id)
    if document.flow_run_id is not None and document.status != "done":
        from flows.mirror import crash_left_run

        crash_left_run(document)
    return write_document(
        store_url,
        document_id,
        engine=engine,
        on_event=on_event,
        prefect_api=prefect_api,
        lease_s=lease_s,
    )


def check_unfinished(document: DocumentRecord) -> None:
    """Raise FinishedError where a document is done."""
    if document.status == "done":
        raise FinishedError(f"document {document.id} is done: read it with `longhand export {document.id}`")


def _store_plan_only(job: Job, plan_only: bool) -> None:
    if is_plan_only(job) == plan_only:
        return
    params = job.store.get_document(job.document_id).params
    with job.store.fenced(job.lease) as tx:
        tx.set_params({**params, "plan_only": plan_only})


async def _write(job: Job) -> None:
    from flows.document import write_document_flow

    await write_document_flow(job.document_id, job.lease.owner)


def _end_of(job: Job) -> DocumentStatus:
    if awaits_review(job):
        return "awaiting_review"
    return "planned" if is_plan_only(job) else "done"


def _status(job: Job) -> str:
    return job.store.get_document(job.document_id).status


def run_flow(
    job: Job,
    on_event: OnEvent,
    flow: Callable[[], Coroutine[object, object, None]],
    *,
    stages: Sequence[Work],
    is_over: Callable[[], bool],
    prefect_api: str | None,
) -> None:
    """Load what `stages` need while Prefect starts, and run a flow of `flows.document` on the job.

    `flow` imports it: Prefect is imported by then. `is_over` tells from the store whether all is done.
    """
    session = Session(job, on_event)

    def on_death() -> None:
        # Prefect's client would try for minutes to reach it.
        again = f"what is stored is sound: run `longhand resume {job.document_id}`"
        session.abandon(FlowError(f"Prefect's private server ended before the run did, {again}"))

    server = None if prefect_api is not None else PrivateServer(on_death=on_death)

    async def body() -> None:
        from flows.isolation import import_prefect, our_settings

        await session.tell("starting")
        with job.timings.span("prefect_import"):
            import_prefect()
        with job.timings.span("prefect_wait"):
            url = await asyncio.wrap_future(server.ready) if server is not None else prefect_api or ""
        with our_settings(url), job.timings.span("flow"):
            await flow()

    sessions.register(session)
    try:
        if server is not None:
            server.start()
        job.engine.start_loading(stages)
        session.run(body)
    except FlowError:
        # The document is what counts: Prefect may have stumbled while it noted a success.
        if not is_over():
            raise
    finally:
        sessions.unregister(session)
        if server is not None:
            _hand_in_events()
            server.stop()
        _add_load_times(job)


def _hand_in_events() -> None:
    """Let Prefect send what it has queued while its private server lives; drop what it cannot in time.

    Prefect sends events in the background and waits for that when the interpreter ends: each event that is
    left then is tried for many seconds against a server that is gone.
    """
    worker_module = sys.modules.get("prefect.events.worker")
    if worker_module is None:
        return  # it ended before Prefect was imported
    with suppress(Exception):
        workers = list(worker_module.EventsWorker._instances.values())
        _, late = worker_module.EventsWorker.drain_all(timeout=EVENTS_TIMEOUT_S)
        if late:
            for worker in workers:
                with suppress(queue.Empty):
                    while True:
                        worker._queue.get_nowait()
                worker._queue.put_nowait(None)


def _stages_left(job: Job) -> list[Stage]:
    # The outline is planned while the voice still loads.
    planned = is_planned(job)
    stages: list[Stage] = ["decode"] if planned else ["plan", "decode"]
    num_written, num_sections = count_sections(job)
    # Not the units: a process that was killed right after planning has not written them down yet.
    needs_writer = num_written < num_sections if planned else not is_given(job)
    if needs_writer and not awaits_review(job) and not is_plan_only(job):
        stages.append("write")
    if not planned and is_kept(job):
        stages.remove("decode")
    return stages


def _add_load_times(job: Job) -> None:
    for part, seconds in job.engine.load_times().items():
        job.timings.add(f"load_{part}", seconds)
    spent = sum(job.timings.get(name) for name in ("model_wait", "planning", "writing", "decoding"))
    job.timings.add("storage", max(0.0, job.timings.get("steps") - spent))
