"""The Prefect flow `write-document`: tasks over ids around the plain steps of `flows.steps`.

Importing this imports Prefect; `flows.isolation.import_prefect` does it without the user's profile.
Tasks carry no tensors and no results: they find their job in this process (`flows.session`) and leave
everything they make in the store, so Prefect may forget or repeat them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec
from uuid import UUID

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Completed

from flows import queries, session, steps
from flows.job import Job
from flows.retries import PERMANENT, RETRY_DELAYS_S

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State, TaskRun
    from prefect.tasks import Task

P = ParamSpec("P")
PLANNED_PERCENT, WRITTEN_PERCENT = 10.0, 60.0
"""How far a document is when its outline is stored, and when its sections are written."""


def worth_a_retry(_: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether to try a failed task again."""
    return not isinstance(state.data, PERMANENT)


async def _do(
    document_id: str, step: Callable[Concatenate[Job, P], None], /, *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run a step for a task; report where it fails and is tried again."""
    found = session.find(document_id)
    try:
        await found.call(step, *args, **kwargs)
    except Exception as error:
        context = TaskRunContext.get()
        runs = context.task_run.run_count if context is not None else len(RETRY_DELAYS_S) + 1
        if not isinstance(error, PERMANENT) and runs <= len(RETRY_DELAYS_S):
            await found.tell("retry", message=f"{type(error).__name__}: {error}")
        raise


@task(
    name="plan",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def plan_task(document_id: str) -> None:
    """Plan one document."""
    await _do(document_id, steps.plan_document)


@task(
    name="write",
    task_run_name="write-{unit_id}",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def write_task(document_id: str, unit_id: int) -> None:
    """Write one unit of sections."""
    await _do(document_id, steps.write_unit, unit_id)


@task(
    name="decode",
    task_run_name="decode-{unit_id}",
    retries=len(RETRY_DELAYS_S),
    retry_delay_seconds=RETRY_DELAYS_S,
    retry_condition_fn=worth_a_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def decode_task(document_id: str, unit_id: int) -> None:
    """Decode one unit of texts."""
    await _do(document_id, steps.decode_unit, unit_id)


class Progress:
    """The progress artifact of a run; that Prefect cannot show it never fails the run."""

    def __init__(self, document_id: str) -> None:
        self._document_id = document_id
        self._id: UUID | None = None

    async def set(self, percent: float) -> None:
        """Show how far the document is."""
        with suppress(Exception):
            if self._id is None:
                self._id = await acreate_progress_artifact(
                    progress=percent,
                    key=f"progress-{self._document_id}",
                    description="How far the document is",
                )
            else:
                await aupdate_progress_artifact(artifact_id=self._id, progress=percent)


async def _decode_texts(document_id: str, lang: str | None, progress: Progress, start_percent: float) -> int:
    """Decode the pending units of one language and return how many texts it then has."""
    found = session.find(document_id)
    done, total = await found.call(queries.count_texts, lang)
    await found.tell("decoding", done=done, total=total)
    for unit_id in await found.call(queries.pending_texts, lang):
        await decode_task(document_id, unit_id)
        done, total = await found.call(queries.count_texts, lang)
        await found.tell("decoding", done=done, total=total)
        await progress.set(start_percent + (100.0 - start_percent) * done / max(total, 1))
    return total


@flow(
    name="write-document",
    flow_run_name="write-{document_id}",
    validate_parameters=False,
    persist_result=False,
)
async def write_document_flow(document_id: str, owner: str) -> State[None] | None:
    """Do whatever a document still lacks: outline, headings, sections, texts.

    `owner` says in Prefect's UI which process holds the lease. A document that is to be reviewed stops
    after its outline: the run is completed and says so, nothing waits. One that is only to be planned
    stops there, too. Raises what the steps raise.
    """
    found = session.find(document_id)
    progress = Progress(document_id)
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        await found.call(steps.note_flow_run, str(context.flow_run.id))
    await progress.set(0.0)

    if not await found.call(queries.is_planned):
        await found.tell("planning")
    await plan_task(document_id)
    for unit_id in await found.call(queries.pending_headings):
        await decode_task(document_id, unit_id)
    _, num_sections = await found.call(queries.count_sections)
    await found.tell("outline", total=num_sections)
    with suppress(Exception):
        await acreate_markdown_artifact(
            markdown=await found.call(queries.outline_markdown), key=f"outline-{document_id}"
        )
    await progress.set(PLANNED_PERCENT)
    if await found.call(queries.awaits_review):
        await found.call(steps.begin_stage, "awaiting_review")
        await found.tell("awaiting_review", total=num_sections)
        return Completed(
            message=f"{document_id} awaits review: longhand outline {document_id} --edit, "
            f"then longhand approve {document_id}"
        )
    if await found.call(queries.is_plan_only):
        await found.call(steps.begin_stage, "planned")
        await found.tell("planned", total=num_sections)
        return None

    await found.call(steps.begin_stage, "writing")
    done, total = await found.call(queries.count_sections)
    await found.tell("writing", done=done, total=total)
    for unit_id in await found.call(queries.pending_sections):
        await write_task(document_id, unit_id)
        done, total = await found.call(queries.count_sections)
        await found.tell("writing", done=done, total=total)
        await progress.set(PLANNED_PERCENT + (WRITTEN_PERCENT - PLANNED_PERCENT) * done / max(total, 1))

    await found.call(steps.begin_stage, "decoding")
    await found.call(steps.plan_decoding)
    total = await _decode_texts(document_id, None, progress, WRITTEN_PERCENT)
    await found.call(steps.finish_document)
    await progress.set(100.0)
    await found.tell("done", done=total, total=total)
    return None


@flow(
    name="translate-document",
    flow_run_name="translate-{document_id}-{lang}",
    validate_parameters=False,
    persist_result=False,
)
async def translate_document_flow(document_id: str, lang: str, owner: str) -> None:
    """Decode the stored concepts of a written document into a second language, as far as it lacks it.

    `owner` says in Prefect's UI which process holds the lease. Raises what the steps raise.
    """
    found = session.find(document_id)
    progress = Progress(document_id)
    await found.call(steps.begin_translation, lang)
    total = await _decode_texts(document_id, lang, progress, 0.0)
    await progress.set(100.0)
    await found.tell("done", done=total, total=total)
