"""Every step of a document without Prefect, from whatever state it is in: what the flow is compared with."""

from __future__ import annotations

from flows.document.job.job import Job
from flows.document.order import steps_left


def run_steps(job: Job) -> None:
    """Do the steps one after the other."""
    for step in steps_left(job):
        step.do(job)
