"""Documents that are stopped and resumed while a worker writes: by users, in Prefect's UI, by its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from flows.document.job.events import WorkerEvent
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from storage import Store
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import drain, make_worker, run, state_of
from tests.flows.worker.worker_helpers import WORKER_MARKS, wait_for

Make = Callable[..., Any]
pytestmark = WORKER_MARKS


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_a_document_is_taken_from_its_worker(
    store: Store, api: PrefectApi, new_document: Make, outcome: Make, verb: str
) -> None:
    done = {"cancel": "cancelled", "pause": "paused"}[verb]

    def act(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            getattr(store, f"{verb}_document")(document_id)
            work_pool.stop_run(api, store.get_document(document_id), done)  # type: ignore[arg-type]

    document_id = new_document(store)
    assert drain(store, api, FakeEngine(before=act)) == {done: 1}
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == (done, None, 0)
    wanted = {"cancel": ("CANCELLED", "Cancelled"), "pause": ("PAUSED", "Suspended")}[verb]
    assert (state_of(api, store, document_id)["type"], state_of(api, store, document_id)["name"]) == wanted
    store.requeue_document(document_id)
    calm_id = new_document(store)
    work_pool.put_back(api, [store.get_document(document_id)])
    assert drain(store, api) == {"done": 2}
    assert outcome(store, document_id) == outcome(store, calm_id)


def test_what_a_user_does_to_a_run_reaches_its_document(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    """Cancel and suspend while it is at work, and cancel while it waits, as Prefect's UI does."""
    cancelled, suspended, waiting = (new_document(store, priority=n) for n in (1, 0, -1))

    def act(method: str, number: int) -> None:
        found = [d for d in (cancelled, suspended) if store.get_document(d).owner is not None]
        if method == "write" and number in (1, 2):
            (document_id,) = found
            run_id = store.get_document(document_id).flow_run_id or ""
            if document_id == cancelled:
                api_here.set_state(run_id, "CANCELLING", name="Cancelling")
                wait_for(lambda: store.get_document(cancelled).status == "cancelled")
                time.sleep(3.0)  # while its step goes on, the worker looks again and again
            else:
                api_here.set_state(run_id, "PAUSED", name="Suspended", pause_reschedule=True)
                time.sleep(3.0)  # until the worker has looked

    with PrefectApi(api.url, api.auth) as api_here:
        work_pool.submit(api, [store.get_document(i) for i in (cancelled, suspended, waiting)])
        (run_of_waiting,) = api.read_runs(keys=[waiting])
        api.set_state(run_of_waiting["id"], "CANCELLED", name="Cancelled")
        assert drain(store, api, FakeEngine(before=act), limit=1) == {"cancelled": 1, "paused": 1}
    assert store.get_document(cancelled).status == "cancelled"
    assert store.get_document(cancelled).epoch <= 3  # claimed, and cancelled once
    assert store.get_document(suspended).status == "paused"
    assert state_of(api, store, cancelled)["type"] == "CANCELLED"
    assert store.get_document(waiting).status == "cancelled"
    # Resume, as the UI does.
    api.call("POST", f"/flow_runs/{store.get_document(suspended).flow_run_id}/resume", {})
    assert drain(store, api) == {"done": 1}


def test_a_run_that_is_resumed_before_its_step_has_ended_goes_on_and_disturbs_no_other(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    first, other = new_document(store, priority=1), new_document(store)
    acted: list[str] = []

    def act(method: str, number: int) -> None:
        run_id = store.get_document(first).flow_run_id or ""
        if method == "write" and not acted:
            acted.append(run_id)
            with PrefectApi(api.url, api.auth) as api_here:
                api_here.set_state(run_id, "PAUSED", name="Suspended", pause_reschedule=True)
                time.sleep(4.0)  # until the worker has looked
                api_here.call("POST", f"/flow_runs/{run_id}/resume", {})
                time.sleep(6.0)  # until it has asked for runs

    events: list[WorkerEvent] = []
    work_pool.submit(api, [store.get_document(i) for i in (first, other)])
    tally = drain(store, api, FakeEngine(before=act), limit=3, on_work=events.append)
    assert tally == {"paused": 1, "done": 2}
    assert [event.message for event in events if event.kind in ("trouble", "released")] == []


def test_what_was_stopped_in_the_store_is_not_run(store: Store, api: PrefectApi, new_document: Make) -> None:
    """The server did not hear of it."""
    cancelled, paused = new_document(store), new_document(store)
    work_pool.submit(api, [store.get_document(i) for i in (cancelled, paused)])
    store.cancel_document(cancelled)
    store.pause_document(paused)
    assert drain(store, api) == {}
    assert state_of(api, store, cancelled)["type"] == "CANCELLED"
    assert state_of(api, store, paused)["type"] == "PAUSED"
    api.call("POST", f"/flow_runs/{api.read_runs(keys=[paused])[0]['id']}/resume", {})
    assert drain(store, api) == {"done": 1}


def test_a_second_run_of_a_document_stops(store: Store, api: PrefectApi, new_document: Make) -> None:
    document_id = new_document(store)
    work_pool.submit(api, [store.get_document(document_id)])
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    second = api.call("POST", path, {"parameters": {"document_id": document_id}})["id"]
    tally = drain(store, api, FakeEngine(delay_s=0.2), limit=2)
    assert tally.get("done") == 1
    states = {run["id"]: run["state"]["name"] for run in api.read_runs([second], [document_id])}
    assert sorted(states.values()) in (["Busy", "Completed"], ["Completed", "Completed"])


def test_a_stopped_worker_finishes_its_units_and_gives_everything_back(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    def stop(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            worker.stop()

    document_id, other = new_document(store), new_document(store)
    worker = make_worker(store, FakeEngine(before=stop), limit=1, drain=False)
    assert run(worker, api, store) == {"released": 1}
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == ("writing", None, 2)
    assert state_of(api, store, document_id)["type"] == "SCHEDULED"
    assert store.get_document(other).status == "queued"
    assert drain(store, api) == {"done": 2}
