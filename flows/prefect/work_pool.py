"""The queue: a work pool of Prefect, with a deployment of our flow and a work queue for each urgency.

A waiting document has a flow run of the deployment `write-document/longhand`. The run's idempotency key is the
document's id, so that two submissions make one run. The store decides what is left to do; a lost run (the server
was wiped, or away when the document was stored) is made again from it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from concepts.errors import NotFoundError
from flows.document.asked.wishes import WISHES
from flows.errors import FlowError
from flows.leases.lease import LEASE_S, check_free, release_dead
from flows.leases.owner import current_owner, is_dead
from flows.prefect.api import PrefectApi, RefusedError
from storage import Busy, DocumentRecord, DocumentStatus, Store

POOL, DEPLOYMENT, FLOW_NAME, WORKER_TYPE = "longhand", "longhand", "write-document", "longhand"
URGENT, USUAL, LATER = "urgent", "default", "later"
"""Work queues for priorities above, at and below 0; Prefect empties them in this order."""
BULK = 100
"""Most runs that Prefect creates in one call."""
SILENCE_S = LEASE_S + 30.0
"""A run counts as dead if nobody has held its document for this long."""
LONGEST_NAME = 60
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
WAITING: tuple[DocumentStatus, ...] = ("queued", "planning", "writing", "decoding")
"""Statuses of documents to be written; held ones are in work."""
Stop = Literal["cancelled", "paused"]

FIELDS: dict[str, dict[str, object]] = {
    **{name: WISHES[name].to_json_schema() for name in ("prompt", "sections", "length", "lang")},
    "translate_to": {"type": "string", "title": "Translate to",
                     "description": "Another language, once the document is written."},
    "document_id": {"type": "string", "title": "Stored document",
                    "description": "Go on with this document, instead of a prompt."},
}  # fmt: skip
FORM: dict[str, Any] = {
    "type": "object",
    "title": "Parameters",
    "properties": {name: {**field, "position": place} for place, (name, field) in enumerate(FIELDS.items())},
}
"""Form of a custom run in Prefect's UI, as JSON Schema."""
JOB_TEMPLATE: dict[str, Any] = {
    "job_configuration": {"name": "{{ name }}"},
    "variables": {
        "type": "object",
        "properties": {"name": {"type": "string", "title": "Name"}},
        "required": [],
    },
}
"""Job variables of a deployment: a name, which is unused; Prefect requires something here."""


def prepare(api: PrefectApi) -> str:
    """Create the work pool with its queues, the flow and the deployment if missing; return the deployment's id.

    Raises FlowError for a pool of this name with another type: its workers would run any command they are given.
    """
    pool = api.get(f"/work_pools/{POOL}")
    if pool is None:
        body = {"name": POOL, "type": WORKER_TYPE, "base_job_template": JOB_TEMPLATE,
                "description": "Documents that wait to be written."}  # fmt: skip
        _make(api, "/work_pools/", body)
        pool = api.get(f"/work_pools/{POOL}")
    if pool["type"] != WORKER_TYPE:
        raise FlowError(
            f"the work pool {POOL!r} of Prefect's server at {api.url} is of the type {pool['type']!r}, expected "
            f"{WORKER_TYPE!r}: delete it there (prefect work-pool delete {POOL}), then start the worker again"
        )
    queues = api.call("POST", f"/work_pools/{POOL}/queues/filter", {})
    known = {queue["name"] for queue in queues}
    for name, priority in ((URGENT, 1), (LATER, 3)):
        if name not in known:
            _make(api, f"/work_pools/{POOL}/queues", {"name": name, "priority": priority})
    return deploy(
        api,
        DEPLOYMENT,
        description="Write a document: give a prompt, or the id of a stored one.",
        tags=["longhand"],
    )


def deploy(api: PrefectApi, name: str, **values: Any) -> str:
    """Create or update a deployment of our flow and return its id."""
    flow = api.call("POST", "/flows/", {"name": FLOW_NAME})
    body = {
        "name": name,
        "flow_id": flow["id"],
        "work_pool_name": POOL,
        "work_queue_name": USUAL,
        # A module, so that every machine uses its own installation; our workers ignore it.
        "entrypoint": "flows.prefect.flow.write_document",
        "parameter_openapi_schema": FORM,
        "enforce_parameter_schema": False,
        **values,
    }
    deployment_id: str = api.call("POST", "/deployments/", body)["id"]
    return deployment_id


def _make(api: PrefectApi, path: str, body: dict[str, Any]) -> None:
    try:
        api.call("POST", path, body)
    except RefusedError as error:
        if error.status != 409:  # another process was faster
            raise


def deployment_id(api: PrefectApi) -> str:
    """Return the deployment's id; create the deployment if it is missing."""
    found = api.get(f"/deployments/name/{FLOW_NAME}/{DEPLOYMENT}")
    return prepare(api) if found is None else str(found["id"])


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """A worker of the pool, as the server knows it."""

    name: str
    is_online: bool
    heard_at: float | None
    """When it was last heard of; None: never."""


def list_workers(api: PrefectApi) -> list[WorkerRecord]:
    """Return the pool's workers, the online ones first, then by their last heartbeat, the latest first."""
    try:
        found = api.call("POST", f"/work_pools/{POOL}/workers/filter", {})
    except RefusedError as error:
        if error.status == 404:  # nobody has made the pool yet
            return []
        raise
    workers = []
    for worker in found:
        heard = worker["last_heartbeat_time"]
        workers.append(
            WorkerRecord(
                name=worker["name"],
                is_online=worker["status"] == "ONLINE",
                heard_at=None if heard is None else datetime.fromisoformat(heard).timestamp(),
            )
        )
    return sorted(workers, key=lambda worker: (not worker.is_online, -(worker.heard_at or 0.0)))


def queue_of(priority: int) -> str:
    """Return the work queue for a priority."""
    return URGENT if priority > 0 else USUAL if priority == 0 else LATER


def submit(api: PrefectApi, documents: Sequence[DocumentRecord]) -> None:
    """Create a waiting run for each document, in this order; a document keeps an existing run."""
    if not documents:
        return
    deployment = deployment_id(api)
    now = datetime.now(UTC)
    for start in range(0, len(documents), BULK):
        bodies = [
            _run_of(document, now + timedelta(microseconds=number))
            for number, document in enumerate(documents[start : start + BULK], start)
        ]
        answer = api.call("POST", f"/deployments/{deployment}/create_flow_run/bulk", bodies)
        for found, document in zip(answer["results"], documents[start:], strict=False):
            if found["status"] != "CREATED":
                raise FlowError(
                    f"Prefect's server at {api.url} made no run for document {document.id} ({found['error']}): "
                    "put it back with longhand requeue"
                )


def _run_of(document: DocumentRecord, when: datetime) -> dict[str, Any]:
    return {
        "name": run_name(document.title or document.prompt, document.id),
        "parameters": {"document_id": document.id},
        "idempotency_key": document.id,
        "tags": [document.id],
        "work_queue_name": queue_of(document.priority),
        "state": _scheduled(when),
    }


def run_name(title: str, document_id: str) -> str:
    """Return the name of a document's flow run."""
    words = " ".join(title.split())
    return f"{words if len(words) <= LONGEST_NAME else words[: LONGEST_NAME - 1] + '…'} ({document_id})"


def _scheduled(when: datetime) -> dict[str, Any]:
    return {"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": when.isoformat()}}


def find_run(api: PrefectApi, document: DocumentRecord) -> Any:
    """Return a document's flow run, the working one before the submitted one; None if it has none."""
    found = {run["id"]: run for run in api.read_runs(_ids(document), [document.id])}
    if document.flow_run_id in found:
        return found[document.flow_run_id]
    return next(iter(found.values()), None)


def _ids(document: DocumentRecord) -> list[str]:
    return [] if document.flow_run_id is None else [document.flow_run_id]


def put_back(api: PrefectApi, documents: Sequence[DocumentRecord]) -> None:
    """Give each queued document a waiting run: its old one, else a new one."""
    runs = api.read_runs([run_id for d in documents for run_id in _ids(d)], [d.id for d in documents])
    # A run of `longhand write` on a server without our deployment cannot wait for a worker.
    by_id = {run["id"]: run for run in runs if run["deployment_id"] is not None}
    by_key = {run["idempotency_key"]: run for run in by_id.values()}
    found = {d.id: by_id.get(d.flow_run_id) or by_key.get(d.id) for d in documents}
    submit(api, [document for document in documents if found[document.id] is None])
    for run in found.values():
        if run is not None and run["state"]["type"] != "SCHEDULED":
            reschedule(api, run)


def reschedule(api: PrefectApi, run: Any) -> None:
    """Make a run wait again that has ended, is paused, or lost its process."""
    if run["state"]["type"] in ("RUNNING", "PENDING"):
        api.set_state(run["id"], "CRASHED", message="The process that held the document is gone.")
    when = datetime.now(UTC).isoformat()
    for force in (False, True):
        if (
            api.set_state(run["id"], "SCHEDULED", name="Scheduled", scheduled_time=when, force=force)
            == "SCHEDULED"
        ):
            return


def take_run(api: PrefectApi, document: DocumentRecord, parameters: dict[str, Any]) -> str:
    """Return the id of a run for this process to do itself; no worker takes it."""
    run = find_run(api, document)
    if run is None or run["deployment_id"] is None:
        body = {**_run_of(document, datetime.now(UTC)), "state": {"type": "PENDING", "name": "Pending"}}
        path = f"/deployments/{deployment_id(api)}/create_flow_run"
        run = api.call("POST", path, {**body, "parameters": parameters})
    api.call("PATCH", f"/flow_runs/{run['id']}", {"infrastructure_pid": current_owner()})
    if run["state"]["type"] != "PENDING":
        api.set_state(run["id"], "PENDING", name="Pending", force=True)
    return str(run["id"])


def stop_run(api: PrefectApi, document: DocumentRecord, stop: Stop) -> None:
    """Set the document's run to cancelled or paused; its worker notices by the lost lease."""
    run = find_run(api, document)
    if run is None or run["state"]["type"] in FINAL:
        return
    if stop == "cancelled":
        is_at_work = run["state"]["type"] in ("RUNNING", "PENDING")
        kind = "CANCELLING" if is_at_work and document.owner is not None else "CANCELLED"
        message = f"longhand resume {document.id} goes on with it all the same"
        api.set_state(run["id"], kind, message=message, force=True)
    elif run["deployment_id"] is not None:
        message = f"longhand resume {document.id} --queue"
        api.set_state(
            run["id"], "PAUSED", name="Suspended", message=message, pause_reschedule=True, force=True
        )


def change_priority(api: PrefectApi, document: DocumentRecord) -> None:
    """Move a document's waiting run to the work queue of its priority."""
    run = find_run(api, document)
    if run is None or run["state"]["type"] != "SCHEDULED":
        return
    if run.get("work_queue_name") != queue_of(document.priority):
        # Prefect cannot move a run to another queue: delete it and create one with the same key.
        api.call("DELETE", f"/flow_runs/{run['id']}")
        submit(api, [document])


def lost_documents(api: PrefectApi, store: Store) -> list[DocumentRecord]:
    """Return the documents that wait for a worker without a run that a worker would take."""
    waiting = [document for document in _waiting(store) if not _is_held(document)]
    ids = [run_id for document in waiting for run_id in _ids(document)]
    runs = api.read_runs(ids, [document.id for document in waiting])
    since = {document.id: document.updated_at for document in waiting}

    def counts(run: Any) -> bool:
        """Return whether a run is still to come, or was cancelled after its document was queued."""
        kind, document_id = run["state"]["type"], run["parameters"].get("document_id")
        return kind not in FINAL or (kind == "CANCELLED" and _moment(run) > since.get(document_id, 0.0))

    alive = {run["id"] for run in runs if run["state"] is not None and counts(run)}
    keys = {run["idempotency_key"] for run in runs if run["id"] in alive}
    return [d for d in waiting if d.flow_run_id not in alive and d.id not in keys]


def _moment(run: Any) -> float:
    """Return when a run entered its state."""
    return datetime.fromisoformat(run["state"]["timestamp"].replace("Z", "+00:00")).timestamp()


def _waiting(store: Store) -> list[DocumentRecord]:
    """Return the documents to be written, oldest first."""
    found: list[DocumentRecord] = []
    while page := store.list_documents(WAITING, limit=500, offset=len(found)):
        found += page
    return found[::-1]


def _is_held(document: DocumentRecord) -> bool:
    try:
        check_free(document)
    except Busy:
        return True
    return document.owner == current_owner() and (document.lease_until or 0.0) > time.time()


def put_back_lost(api: PrefectApi, store: Store) -> list[str]:
    """Create a new run for each lost document and return the documents' ids."""
    release_dead(store)
    follow_cancelled(api, store, 0.0)
    found = lost_documents(api, store)
    put_back(api, found)
    return [document.id for document in found]


def count_due(api: PrefectApi, within_s: float = LEASE_S) -> int:
    """Return a number above 0 if a waiting run is due within `within_s` seconds, else 0."""
    when = (datetime.now(UTC) + timedelta(seconds=within_s)).isoformat()
    body = {"scheduled_before": when, "limit": 1}
    return len(api.call("POST", f"/work_pools/{POOL}/get_scheduled_flow_runs", body))


AT_WORK: dict[str, Any] = {
    "flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}},
    "work_pools": {"name": {"any_": [POOL]}},
}
"""Filter for runs that a process has taken."""


def has_others(api: PrefectApi, mine: Collection[str]) -> bool:
    """Return whether other processes work on the queue; if they die, their documents wait again."""
    return any(run["id"] not in mine for run in api.pages("/flow_runs/filter", AT_WORK))


def recover(api: PrefectApi, store: Store, mine: Collection[str] = ()) -> list[str]:
    """Set runs of dead processes to Crashed, make them wait again, and return their ids; `mine`: runs of this process.

    A death on this machine is seen at once, on another machine when the document's lease expires. Runs that were to
    be cancelled are cancelled.
    """
    release_dead(store)
    found = []
    for run in api.pages("/flow_runs/filter", AT_WORK):
        if run["id"] in mine or not _is_left(run, store):
            continue
        fresh = api.get(f"/flow_runs/{run['id']}")
        if fresh is None or fresh["state"]["id"] != run["state"]["id"]:
            continue  # another process was faster
        if run["state"]["type"] == "CANCELLING":
            api.set_state(run["id"], "CANCELLED", message="The process that held the document is gone.")
            continue
        message = "The process that held the document is gone; another one goes on with it."
        if api.set_state(run["id"], "CRASHED", message=message) == "CRASHED":
            reschedule(api, {**fresh, "state": {"type": "CRASHED"}})
            found.append(str(run["id"]))
    return found


def _is_left(run: Any, store: Store) -> bool:
    """Return whether the process of a flow run is dead."""
    owner = run.get("infrastructure_pid") or ""
    if is_dead(owner) or owner == current_owner():  # the run ended here, but Prefect was not told
        return True
    if time.time() - _moment(run) < SILENCE_S:
        return False
    document_id = run["parameters"].get("document_id")
    if document_id is None:
        return True  # it died before it stored its document
    try:
        return not _is_held(store.get_document(document_id))
    except NotFoundError:
        return True


def follow_cancelled(api: PrefectApi, store: Store, since: float) -> float:
    """Cancel waiting documents whose runs were cancelled in Prefect after `since`; return the next `since`."""
    filters = {
        "sort": "END_TIME_DESC",
        "limit": BULK,
        "flow_runs": {"state": {"type": {"any_": ["CANCELLED"]}}},
        "work_pools": {"name": {"any_": [POOL]}},
    }
    newest = since
    for run in api.call("POST", "/flow_runs/filter", filters):
        when, document_id = _moment(run), run["parameters"].get("document_id")
        if when <= since or document_id is None:
            continue
        newest = max(newest, when)
        try:
            document = store.get_document(document_id)
        except NotFoundError:
            continue
        if document.status in (*WAITING, "paused") and not _is_held(document) and document.updated_at < when:
            store.cancel_document(document.id)
    return newest
