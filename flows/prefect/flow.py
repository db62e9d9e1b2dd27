"""The Prefect flow `write-document`: a task run for each step of `flows.document.order`.

Importing this imports Prefect; `flows.prefect.isolation.import_prefect` does it without the user's profile. Runs and
tasks carry ids and words, no tensors and no results: they get store and models from this process
(`flows.prefect.host`) and store all results, so Prefect may forget or repeat them.

Steps run in the flow's thread and block its event loop, in which nothing else runs. So Ctrl-C stops a step
between two tensor operations, and each run of a process has its own thread.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import Pause
from prefect.states import AwaitingRetry, Cancelled, Completed, Failed, Scheduled, Suspended

from concepts.errors import InputError, LostLease, NotFoundError, StorageError
from concepts.languages.codes import ENGLISH, take_language
from concepts.languages.detection import check_readable, document_language
from flows.document import queries, steps
from flows.document.asked.options import Length, WritingOptions
from flows.document.asked.prompts import check_language, check_prompt, known_languages
from flows.document.asked.wishes import WISHES
from flows.document.job.events import Event, EventKind, Outcome, Said, WorkerEvent, unit_event
from flows.document.job.holding import count_vain_runs, held_job, is_transient, poison_message, prepared
from flows.document.job.job import Job, error_text
from flows.document.job.retries import MAX_RUNS_WITHOUT_PROGRESS, PERMANENT, RETRY_DELAYS_S
from flows.document.order import Step, StepKind, steps_left
from flows.errors import FinishedError, Paused, PoisonError, Stopped
from flows.leases.lease import check_unfinished, claim
from flows.prefect.host import Host, current_host
from flows.prefect.work_pool import FLOW_NAME, run_name
from flows.timings import Timings
from storage import Busy, DocumentRecord, Lease, NewDocument

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State, TaskRun
    from prefect.tasks import Task

PLANNED_PERCENT, WRITTEN_PERCENT = 10.0, 60.0
"""Progress of a document when its outline is stored, and when its sections are written."""
PROGRESS_EVERY_S = 3.0
"""How often progress is shown, and its first delay: a shorter run only shows its end."""
TRANSIENT_DELAY_S = 5.0
"""Delay before a run that the database or Prefect ended is retried."""


@dataclass
class _Current:
    """The document of this flow run, and the step of its next task."""

    host: Host
    job: Job
    step: Step | None = None

    def tell(self, kind: EventKind, *, done: int = 0, total: int = 0, message: str = "") -> None:
        event = Event(kind=kind, document_id=self.job.document_id, done=done, total=total, message=message)
        self.host.on_event(event)


_current: ContextVar[_Current] = ContextVar("current")


def worth_a_retry(_: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether to retry a failed task."""
    return not isinstance(state.data, PERMANENT)


async def _do(document_id: str, name: str) -> None:
    """Run the current step; report a failure that will be retried."""
    current = _current.get()
    job, step = current.job, current.step
    assert step is not None and job.document_id == document_id and step.name == name
    context = TaskRunContext.get()
    if context is not None:
        # Not earlier: for each set of tags Prefect asks for limits, through a service that never ends.
        context.task_run.tags = [document_id, job.lease.owner]
    try:
        with job.timings.span("steps"), current.host.step():
            step.do(job)
    except Exception as error:
        runs = context.task_run.run_count if context is not None else len(RETRY_DELAYS_S) + 1
        if not isinstance(error, PERMANENT) and runs <= len(RETRY_DELAYS_S):
            current.tell("retry", message=f"{type(error).__name__}: {error}")
            current.host.on_work(_event("retry", job.lease, message=error_text(error)))
        raise


def _task(name: str) -> Task[[str, str], Any]:
    return task(
        name=name,
        task_run_name="{name}",
        retries=len(RETRY_DELAYS_S),
        retry_delay_seconds=RETRY_DELAYS_S,
        retry_condition_fn=worth_a_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )(_do)


_NAMES: dict[StepKind, str] = {
    "plan": "plan",
    "headings": "say-headings",
    "notes": "gather-notes",
    "write": "write",
    "decode": "decode",
}
_TASKS = {kind: _task(name) for kind, name in _NAMES.items()}
_BOOKKEEPING = _task("note")


@task(name="store", task_run_name="store the document", cache_policy=NO_CACHE, persist_result=False)
async def _store(values: dict[str, Any], flow_run_id: str) -> str:
    """Store a run's document and return its id; a repeated run finds its document."""
    key = f"run/{flow_run_id}"
    seed = values.get("seed")
    if seed is None:
        seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1
    WritingOptions.from_params(values["params"])  # refuses values that somebody broke by hand
    new = NewDocument(**{**values, "seed": seed, "idempotency_key": key, "flow_run_id": flow_run_id})
    with current_host() as host:
        return host.store.create_document(new).id


def _checked_prompt(prompt: object) -> str:
    if not str(prompt).strip():
        raise InputError("the prompt is empty: write what the document is about, or give a document_id")
    return check_prompt(str(prompt))


def _language_of(lang: str | None, prompt: str) -> str:
    """Return the code of a document's language, that of its prompt for none; raise UsageError or InputError."""
    known = known_languages()
    check_readable(prompt, known, "the prompt")
    return check_language(lang, known) if lang and lang.strip() else document_language(prompt, known)


class Progress:
    """The progress artifact of a run; an error in showing it never fails the run."""

    def __init__(self, document_id: str) -> None:
        self._document_id = document_id
        self._id: UUID | None = None
        self._set_at = time.monotonic()

    async def set(self, percent: float) -> None:
        """Show the document's progress, at most every few seconds."""
        if percent < 100.0 and time.monotonic() - self._set_at < PROGRESS_EVERY_S:
            return
        self._set_at = time.monotonic()
        with suppress(Exception):
            if self._id is None:
                self._id = await acreate_progress_artifact(
                    progress=percent,
                    key=f"progress-{self._document_id}",
                    description=f"How far document {self._document_id} is",
                )
            else:
                await aupdate_progress_artifact(artifact_id=self._id, progress=percent)


# If a flow names no storage for results, Prefect asks the server for one in each run; we keep no results.
@flow(name=FLOW_NAME, validate_parameters=False, persist_result=False, result_storage=Path(os.devnull))
async def write_document(
    prompt: str = "",
    sections: int | None = None,
    length: Length | None = None,
    lang: str | None = None,
    document_id: str | None = None,
    translate_to: str | None = None,
    document: dict[str, Any] | None = None,
) -> State[Any]:
    """Write a document: give a prompt for a new one, or the id of a stored one to go on with.

    Args:
        prompt: What a new document is about.
        sections: Number of sections; empty: as many as the planner plans.
        length: Length of sections; empty: as the planner plans.
        lang: Language of the document, such as eng_Latn or German; empty: the prompt's.
        document_id: Id of a stored document, instead of a prompt.
        translate_to: Another language to translate the document into once it is written.
        document: All of a new document, as a schedule stores it.
    """
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None, "a flow runs in a flow run"
    flow_run = context.flow_run
    with current_host() as host:
        found: DocumentRecord | None = None
        lease: Lease | None = None
        started = time.perf_counter()

        def tell(outcome: Outcome, message: str = "") -> None:
            if lease is not None:
                seconds = round(time.perf_counter() - started, 3)
                event = _event(outcome, lease, message=message, seconds=seconds)
                host.on_work(replace(event, flow_run_id=str(flow_run.id)))

        try:
            if document_id is None:
                # The server does not hold a run's parameters to the form's limits.
                sections = replace(WISHES["sections"], called="sections").check(sections)
                if document is None:
                    prompt = _checked_prompt(prompt)
                    chosen = _language_of(lang, prompt)
                    is_of_prompt = not (lang and lang.strip()) and chosen != ENGLISH
                    options = WritingOptions(
                        sections=sections,
                        length=length,
                        prompt_lang=chosen if is_of_prompt else None,
                        lang_of_prompt=is_of_prompt,
                    )
                    new = {"prompt": prompt, "lang": chosen, "params": options.to_params()}
                else:
                    new = {**document, "prompt": _checked_prompt(document["prompt"])}
                document_id = await _store(new, str(flow_run.id))
            found = host.store.get_document(document_id)
            if translate_to is None:
                check_unfinished(found)
            else:
                space = None if found.space is None else found.space.name
                # What is not known is refused by the models.
                translate_to = take_language(translate_to, known_languages(space)) or translate_to
            if found.id in host.at_work:
                raise Busy(
                    f"document {found.id} is at work in this process: wait for it, or cancel one of the runs",
                    owner=found.owner or "",
                    lease_until=found.lease_until or time.time(),
                )
            lease = claim(host.store, found.id, lease_s=host.lease_s)
            host.at_work[found.id] = str(flow_run.id)
            try:
                host.on_work(replace(_event("claimed", lease), flow_run_id=str(flow_run.id)))
                outcome, message = await _write(host, flow_run, lease, translate_to)
            finally:
                host.at_work.pop(found.id, None)
        except Exception as error:
            if not host.is_worker:
                if host.errors is None:
                    raise
                host.errors.append(error)
                return Failed(message=error_text(error))
            state, outcome = _state_after(host, flow_run, found, error)
            tell(outcome, error_text(error) if outcome in ("failed", "released") else "")
            return state
        tell(outcome, message)
        if outcome == "planned":
            return Completed(name="Planned", message=message)
        return Completed(message=f"read it: longhand show {found.id}")


async def _write(
    host: Host, flow_run: FlowRun, lease: Lease, translate_to: str | None
) -> tuple[Outcome, str]:
    """Do the missing steps of a claimed document; return the outcome and a message."""
    store = host.store
    with prepared(store, lease):
        document = store.get_document(lease.document_id)
        if translate_to is None:
            check_unfinished(document)  # another process was faster
        engine = host.models(document)
    timings = Timings() if host.timings is None else host.timings

    def on_unit(report: Any) -> None:
        host.on_work(unit_event(lease, report, str(flow_run.id)))
        with suppress(Exception):
            say = _logger().info if report.error is None else _logger().warning
            what = report.error or f"{report.seconds:.2f} s, models {report.model_s:.2f} s"
            say("%s unit %d: %s", report.stage, report.unit_id, what)

    def on_said(said: Said) -> None:
        host.on_event(Event(kind="said", document_id=lease.document_id, said=said))

    was_done = document.status == "done"
    with held_job(store, lease, engine, host.lease_s, timings, on_unit, on_said, was_done=was_done) as job:
        attempts = store.get_attempts(document.id) if host.is_worker else ()
        if count_vain_runs(attempts) >= MAX_RUNS_WITHOUT_PROGRESS:
            raise PoisonError(poison_message(document.id, attempts))
        if host.is_worker:
            store.record_attempt(lease, "run", started_at=time.time(), outcome="started")
        steps.note_flow_run(job, str(flow_run.id))
        if host.plan_only is not None and host.plan_only != queries.is_plan_only(job):
            with store.fenced(lease) as tx:
                tx.set_params({**document.params, "plan_only": host.plan_only})
        _current.set(_Current(host, job))
        await _do_steps(_current.get(), flow_run, translate_to)
        if store.get_document(document.id).status == "done":
            return "done", ""
        if queries.awaits_review(job):
            return "planned", (
                f"{document.id} awaits review: longhand outline {document.id} --edit, "
                f"then longhand approve {document.id}"
            )
        return "planned", f"only its plan was wanted: longhand resume {document.id} writes it"


async def _do_steps(current: _Current, flow_run: FlowRun, translate_to: str | None) -> None:
    job = current.job
    progress = Progress(job.document_id)
    is_outline_shown = False
    if translate_to is not None:  # not only when all is written
        job.prepare("encode")
        job.engine.check_lang(translate_to)
    await _rename(flow_run, job)
    for step in steps_left(job, translate_to):
        if current.host.stopping.is_set():
            raise Stopped(f"document {job.document_id} waits for another worker")
        if step.kind == "plan" and not queries.is_planned(job):
            current.tell("planning")
        if step.kind not in ("plan", "headings") and step.lang is None and not is_outline_shown:
            is_outline_shown = True
            done, total = queries.count_sections(job)
            current.tell("outline", total=total)
            await _rename(flow_run, job)
            await _show_outline(job)
            await progress.set(PLANNED_PERCENT)
            if step.kind not in ("review", "planned"):
                current.tell("writing", done=done, total=total)
        current.step = step
        try:
            await _TASKS.get(step.kind, _BOOKKEEPING)(job.document_id, step.name)
        except Pause as error:
            raise Paused(
                f"document {job.document_id} is paused: longhand resume {job.document_id}"
            ) from error
        await _report(current, step, progress)


async def _report(current: _Current, step: Step, progress: Progress) -> None:
    """Report the document's progress after a step."""
    job = current.job
    status = job.store.get_document(job.document_id).status
    if step.kind in ("review", "planned"):
        kind: EventKind = "planned" if step.kind == "planned" else "awaiting_review"
        current.tell(kind, total=queries.count_sections(job)[1])
    elif step.kind == "write":
        done, total = queries.count_sections(job)
        current.tell("writing", done=done, total=total)
        share = (WRITTEN_PERCENT - PLANNED_PERCENT) * done / max(total, 1)
        await progress.set(PLANNED_PERCENT + share)
    if step.kind in ("begin-decoding", "decode") or (step.kind == "write" and status == "decoding"):
        done, total = queries.count_texts(job, step.lang)
        current.tell("decoding", done=done, total=total)
        if done == total and step.lang is not None:
            current.tell("done", done=done, total=total)
        start = WRITTEN_PERCENT if step.lang is None else 0.0
        if step.kind == "decode":
            await progress.set(start + (100.0 - start) * done / max(total, 1))
    if step.lang is None and step.kind in ("decode", "finish") and status == "done":
        done, total = queries.count_texts(job)
        current.tell("done", done=done, total=total)


def _logger() -> logging.LoggerAdapter[Any]:
    return get_run_logger()  # type: ignore[return-value]


async def _rename(flow_run: FlowRun, job: Job) -> None:
    """Put the document's title into the run's name and its id into the run's parameters."""
    document = job.store.get_document(job.document_id)
    name = run_name(document.title or document.prompt, document.id)
    client = getattr(FlowRunContext.get(), "client", None)
    is_known = flow_run.parameters.get("document_id") == document.id
    if client is not None and (name != flow_run.name or not is_known):
        parameters = {**flow_run.parameters, "document_id": document.id}
        with suppress(Exception):  # a name is not worth a failure
            await client.update_flow_run(
                flow_run.id, name=name, parameters=parameters, tags={*flow_run.tags, document.id}
            )
            flow_run.name, flow_run.parameters = name, parameters


async def _show_outline(job: Job) -> None:
    with suppress(Exception):
        await acreate_markdown_artifact(
            markdown=f"{queries.outline_markdown(job)}\nRead it: `longhand show {job.document_id}`, "
            f"or in the inspector (`longhand inspect`) under `/documents/{job.document_id}`\n",
            key=f"outline-{job.document_id}",
            description=f"Outline of document {job.document_id}",
        )


def _event(kind: Any, lease: Lease, *, message: str = "", seconds: float = 0.0) -> WorkerEvent:
    return WorkerEvent(
        kind=kind, document_id=lease.document_id, message=message, seconds=seconds, epoch=lease.epoch
    )


def _state_after(
    host: Host, flow_run: FlowRun, document: DocumentRecord | None, error: Exception
) -> tuple[State[Any], Outcome]:
    """Return the state of a queued run that ended with an error, and the outcome for its document."""
    text = error_text(error)
    if isinstance(error, FinishedError):
        return Completed(message=text), "done"
    if isinstance(error, Paused):
        return Suspended(), "paused"  # Prefect has set it already; its engine notices that by itself
    if isinstance(error, Stopped):
        return Scheduled(message="Its worker was asked to stop; another one goes on."), "released"
    if isinstance(error, Busy):
        # A run whose process has died waits for the lease to end; a second run of the same document is refused.
        if (
            document is not None
            and document.flow_run_id == str(flow_run.id)
            and document.id not in host.at_work
        ):
            when = datetime.fromtimestamp(error.lease_until + 1.0, tz=UTC)
            return AwaitingRetry(scheduled_time=when, message=text), "released"
        return Failed(name="Busy", message=text), "failed"
    if isinstance(error, LostLease | NotFoundError) and document is not None:
        return _state_of_lost(host, document.id, text)
    if is_transient(error):
        when = datetime.now(UTC) + timedelta(seconds=TRANSIENT_DELAY_S)
        return AwaitingRetry(scheduled_time=when, message=text), "released"
    return Failed(message=text), "failed"


def _state_of_lost(host: Host, document_id: str, text: str) -> tuple[State[Any], Outcome]:
    """Return the state of a run that lost its document; a deleted document counts as cancelled."""
    try:
        status = host.store.get_document(document_id).status
    except NotFoundError:
        return Cancelled(message=f"document {document_id} was deleted"), "cancelled"
    except StorageError:
        return Failed(name="LostLease", message=text), "lost"
    if status == "cancelled":
        message = f"longhand resume {document_id} goes on with it all the same"
        return Cancelled(message=message), "cancelled"
    if status == "paused":
        return Suspended(message=f"longhand resume {document_id} --queue"), "paused"
    return Failed(name="LostLease", message=text), "lost"
