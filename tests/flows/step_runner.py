"""The order of the flow without Prefect: every step of a document, from whatever state it is in."""

from __future__ import annotations

from flows import queries, steps
from flows.job import Job


def run_steps(job: Job) -> None:
    """Do all that a document still lacks."""
    steps.plan_document(job)
    for unit_id in queries.pending_headings(job):
        steps.decode_unit(job, unit_id)
    steps.begin_stage(job, "writing")
    for unit_id in queries.pending_sections(job):
        steps.write_unit(job, unit_id)
    steps.begin_stage(job, "decoding")
    steps.plan_decoding(job)
    for unit_id in queries.pending_texts(job):
        steps.decode_unit(job, unit_id)
    steps.finish_document(job)
