"""What workers that died or were lost leave behind, and how the queue goes on with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from flows.document.job.holding import count_vain_runs
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from storage import Store
from tests.flows.queue_runner import drain, make_worker, run, state_of
from tests.flows.worker.worker_helpers import WORKER_MARKS

Make = Callable[..., Any]
FAR = "far/12345678:1:1"
pytestmark = WORKER_MARKS


def test_a_document_that_kills_its_workers_is_given_up_until_someone_resumes_it(
    store: Store, api: PrefectApi, new_document: Make, dead_owner: str
) -> None:
    document_id = new_document(store)
    for _ in range(3):
        lease = store.claim(document_id, dead_owner, 60)
        store.record_attempt(lease, "run", started_at=time.time(), outcome="started")
        store.release(lease)
    assert drain(store, api) == {"failed": 1}
    error = store.get_document(document_id).error
    assert error is not None
    assert "given up after 3 runs without progress, before its first unit; the process died" in error
    assert f"longhand resume {document_id}" in error
    store.requeue_document(document_id)
    work_pool.put_back(api, [store.get_document(document_id)])
    assert drain(store, api) == {"done": 1}


def test_runs_with_progress_and_runs_that_were_stopped_do_not_count(store: Store, new_document: Make) -> None:
    document_id = new_document(store)

    def run(outcome: str | None, *, unit: bool = False) -> None:
        lease = store.claim(document_id, "worker", 60)
        store.record_attempt(lease, "run", started_at=1.0, outcome="started")
        if unit:
            with store.fenced(lease) as tx:
                tx.create_outline()
                (planned,) = tx.plan_units("plan", [spec])
                tx.record_attempt("plan", started_at=1.0, outcome="done", unit_id=planned.id)
        if outcome is not None:
            store.record_attempt(lease, "run", started_at=1.0, finished_at=2.0, outcome=outcome)
        store.release(lease)

    from storage import UnitSpec

    spec = UnitSpec()
    run(None)
    run("failed")
    run("interrupted")
    run("lost")
    assert count_vain_runs(store.get_attempts(document_id)) == 2
    run(None, unit=True)
    assert count_vain_runs(store.get_attempts(document_id)) == 0
    run(None)
    assert count_vain_runs(store.get_attempts(document_id)) == 1


def leave_run(api: PrefectApi, store: Store, document_id: str, owner: str) -> str:
    """Leave a run as a worker does that dies at work; return its id."""
    work_pool.submit(api, [store.get_document(document_id)])
    (left,) = api.read_runs(keys=[document_id])
    api.call("PATCH", f"/flow_runs/{left['id']}", {"infrastructure_pid": owner})
    api.set_state(left["id"], "PENDING", name="Pending")
    api.set_state(left["id"], "RUNNING", name="Running")
    return str(left["id"])


def test_the_runs_of_dead_workers_are_crashed_and_go_on(
    store: Store, api: PrefectApi, new_document: Make, dead_owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far, alive = new_document(store), new_document(store), new_document(store)
    store.claim(near, dead_owner, 3600)
    lease = store.claim(far, FAR, 0.2)
    with store.fenced(lease) as tx:
        tx.set_status("planning")
    held = store.claim(alive, "another/12345678:1:1", 3600)
    runs = {i: leave_run(api, store, i, o) for i, o in ((near, dead_owner), (far, FAR), (alive, FAR))}
    monkeypatch.setattr("flows.prefect.work_pool.SILENCE_S", 0.0)
    time.sleep(0.3)
    assert sorted(work_pool.recover(api, store)) == sorted([runs[near], runs[far]])
    assert drain(store, api, drain=False, num_documents=2) == {"done": 2}
    states = [state["name"] for state in api.call("GET", f"/flow_run_states/?flow_run_id={runs[near]}")]
    assert {"Running", "Crashed", "Scheduled", "Completed"} <= set(states)
    assert state_of(api, store, alive)["type"] == "RUNNING", "its holder lives"
    store.release(held)


def test_a_queue_is_drained_once_nobody_else_is_at_work(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    """Else it would look done while a process holds documents that wait again if it dies."""
    held = new_document(store)
    lease = store.claim(held, FAR, 3600)
    run_id = leave_run(api, store, held, FAR)
    worker = make_worker(store)
    ended: list[float] = []

    def end() -> None:
        time.sleep(3)
        assert not worker.finished.is_set()
        ended.append(time.monotonic())
        store.release(lease)
        api.set_state(run_id, "COMPLETED", name="Completed")

    thread = threading.Thread(target=end)
    thread.start()
    assert run(worker, api, store) == {}
    assert ended and ended[0] < time.monotonic()
    thread.join()


def test_a_run_whose_worker_died_before_it_was_cancelled_is_cancelled(
    store: Store, api: PrefectApi, new_document: Make, dead_owner: str
) -> None:
    document_id = new_document(store)
    store.claim(document_id, dead_owner, 3600)
    run_id = leave_run(api, store, document_id, dead_owner)
    assert api.set_state(run_id, "CANCELLING", name="Cancelling") == "CANCELLING"
    assert work_pool.recover(api, store) == []
    assert state_of(api, store, document_id)["type"] == "CANCELLED"
    assert work_pool.put_back_lost(api, store) == []
    assert store.get_document(document_id).status == "cancelled"


def test_what_was_lost_is_found_and_put_back(store: Store, api: PrefectApi, new_document: Make) -> None:
    lost, kept, paused = new_document(store), new_document(store), new_document(store)
    work_pool.submit(api, [store.get_document(kept)])
    store.pause_document(paused)
    assert [d.id for d in work_pool.lost_documents(api, store)] == [lost]
    assert work_pool.put_back_lost(api, store) == [lost]
    assert work_pool.lost_documents(api, store) == []
    (run_of_kept,) = api.read_runs(keys=[kept])
    api.call("DELETE", f"/flow_runs/{run_of_kept['id']}")
    assert [d.id for d in work_pool.lost_documents(api, store)] == [kept]


def test_what_is_left_at_work_waits_once_its_lease_is_over(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    left: dict[str, list[str]] = {"free": [], "over": [], "held": []}
    waiting = ("queued", "planning", "writing", "decoding")
    for status in (*waiting, "planned", "awaiting_review", "done", "failed", "cancelled"):
        for how, lease_s in (("free", 3600), ("over", 0.01), ("held", 3600)):
            document_id = new_document(store)
            lease = store.claim(document_id, FAR, lease_s)
            with store.fenced(lease) as tx:
                tx.set_status(status)  # type: ignore[arg-type]
            if how == "free":
                store.release(lease)
            if status in waiting:
                left[how].append(document_id)
    time.sleep(0.02)
    assert [d.id for d in work_pool.lost_documents(api, store)] == [
        document_id for pair in zip(left["free"], left["over"], strict=True) for document_id in pair
    ]
