"""The order of the steps that a document still lacks, whatever state it is in; without Prefect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from flows import queries, steps
from flows.job import Job

P = ParamSpec("P")
T = TypeVar("T")


class Do(Protocol):
    """Calls a step, with whatever its caller wants around it (retries, a look at who asked to stop)."""

    def __call__(self, step: Callable[Concatenate[Job, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `step` returns for the job."""


def run_steps(job: Job, do: Do | None = None) -> None:
    """Do all that a document still lacks; `do` None calls each step as it is.

    One that is to be reviewed, or only to be planned, stops after its outline. Each step commits what it made.
    Raises what a step raises.
    """

    def call(step: Callable[Concatenate[Job, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return step(job, *args, **kwargs)

    do = call if do is None else do
    do(steps.plan_document)
    for unit_id in do(queries.pending_headings):
        do(steps.decode_unit, unit_id)
    if do(queries.awaits_review):
        do(steps.begin_stage, "awaiting_review")
        return
    if do(queries.is_plan_only):
        do(steps.begin_stage, "planned")
        return
    do(steps.begin_stage, "writing")
    for unit_id in do(queries.pending_sections):
        do(steps.write_unit, unit_id)
    do(steps.begin_stage, "decoding")
    do(steps.plan_decoding)
    for unit_id in do(queries.pending_texts):
        do(steps.decode_unit, unit_id)
    do(steps.finish_document)
