"""Schedules: deployments of our flow with their own rules; create, list, pause, run and remove them.

At the scheduled time Prefect makes a run of `write-document` for each document, and the pool's workers write them.
Needs a running Prefect server. Rules (`flows.prefect.rules`) and documents are checked when a schedule is created,
not at two in the morning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from concepts.counting import counted
from concepts.errors import InputError, NotFoundError, UsageError
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.rules import NUM_TIMES_SHOWN, Rule
from storage import NewDocument

MAX_PARAMETER_BYTES = 524_288
"""Prefect's own limit for a deployment."""
MAX_DOCUMENTS = 200
TAG = "schedule"


@dataclass(frozen=True, kw_only=True)
class ScheduleRecord:
    """One schedule, for display."""

    name: str
    deployment_id: str
    rule: str
    is_paused: bool
    num_documents: int
    next_times: tuple[datetime, ...]


def to_parameters(documents: Sequence[NewDocument], *, seeds: Sequence[bool]) -> list[dict[str, Any]]:
    """Return checked documents as flow parameters, one set for each document.

    seeds: which documents keep their seed; the others get a new one in each run.
    Raises InputError if they exceed Prefect's size limit.
    """
    found = [
        {
            "document": {
                "prompt": new.prompt,
                "lang": new.lang,
                "title": new.title,
                "params": dict(new.params),
                "priority": new.priority,
                "seed": new.seed if is_seeded else None,
            }
        }
        for new, is_seeded in zip(documents, seeds, strict=True)
    ]
    size = len(json.dumps(found, separators=(",", ":")).encode())
    if size > MAX_PARAMETER_BYTES or len(found) > MAX_DOCUMENTS:
        raise InputError(
            f"{counted(len(documents), 'document')} take {size:,} bytes, a schedule holds "
            f"{MAX_DOCUMENTS} documents and {MAX_PARAMETER_BYTES:,} bytes: split the file into several schedules"
        )
    return found


def create_schedule(
    api: PrefectApi, name: str, documents: Sequence[NewDocument], rule: Rule, *, seeds: Sequence[bool]
) -> str:
    """Create a deployment with a rule for each document and return its id; UsageError if the name is taken.

    seeds: as for `to_parameters`.
    """
    parameters = to_parameters(documents, seeds=seeds)
    if name == work_pool.DEPLOYMENT:
        raise UsageError(f"the name {name!r} is that of the queue: give another --name")
    if any(deployment["name"] == name for deployment in _deployments(api)):
        raise UsageError(
            f"there is a schedule {name!r} already: give another --name, or longhand schedules rm {name}"
        )
    work_pool.deployment_id(api)  # the pool and its queues
    return work_pool.deploy(
        api,
        name,
        description=documents[0].prompt[:200],
        tags=["longhand", TAG],
        work_queue_name=work_pool.queue_of(max(document.priority for document in documents)),
        schedules=[
            {"schedule": dict(rule.values), "active": True, "parameters": own, "slug": f"document-{number}"}
            for number, own in enumerate(parameters, 1)
        ],
    )


def _deployments(api: PrefectApi) -> list[Any]:
    filters = {"flows": {"name": {"any_": [work_pool.FLOW_NAME]}}}
    found = api.pages("/deployments/filter", filters)
    return sorted((d for d in found if TAG in d["tags"]), key=lambda deployment: str(deployment["name"]))


def _find(api: PrefectApi, name: str) -> Any:
    known = _deployments(api)
    for deployment in known:
        if deployment["name"] == name:
            return deployment
    names = ", ".join(deployment["name"] for deployment in known[:8]) or "there are none"
    raise NotFoundError(f"no schedule is named {name!r}: {names}; see longhand schedules ls")


def list_schedules(api: PrefectApi) -> list[ScheduleRecord]:
    """Return all schedules by name."""
    return [_record(deployment) for deployment in _deployments(api)]


def _record(deployment: Any) -> ScheduleRecord:
    entries = deployment["schedules"]
    rules = {str(rule): rule for rule in (Rule(values=entry["schedule"]) for entry in entries)}
    is_paused = deployment["paused"] or not any(entry["active"] for entry in entries)
    times = [] if is_paused else [moment for rule in rules.values() for moment in rule.next_times()]
    return ScheduleRecord(
        name=deployment["name"],
        deployment_id=deployment["id"],
        rule="; ".join(rules),
        is_paused=is_paused,
        num_documents=len(entries),
        next_times=tuple(sorted(times)[:NUM_TIMES_SHOWN]),
    )


def pause_schedule(api: PrefectApi, name: str, *, is_paused: bool) -> None:
    """Pause or resume a schedule; NotFoundError."""
    deployment = _find(api, name)
    path = f"/deployments/{deployment['id']}"
    if is_paused:
        api.call("POST", f"{path}/pause_deployment")
        return
    # Prefect's UI has a switch for each rule as well.
    for entry in deployment["schedules"]:
        if not entry["active"]:
            api.call("PATCH", f"{path}/schedules/{entry['id']}", {"active": True})
    api.call("POST", f"{path}/resume_deployment")


def remove_schedule(api: PrefectApi, name: str) -> None:
    """Remove a schedule; its documents stay. NotFoundError."""
    api.call("DELETE", f"/deployments/{_find(api, name)['id']}")


def run_now(api: PrefectApi, name: str) -> list[str]:
    """Start a run for each document of a schedule now and return the flow runs' ids; NotFoundError."""
    deployment = _find(api, name)
    bodies = [{"parameters": entry["parameters"]} for entry in deployment["schedules"]]
    found: list[str] = []
    for start in range(0, len(bodies), work_pool.BULK):
        part = bodies[start : start + work_pool.BULK]
        answer = api.call("POST", f"/deployments/{deployment['id']}/create_flow_run/bulk", part)
        found += [str(result["flow_run_id"]) for result in answer["results"]]
    return found
