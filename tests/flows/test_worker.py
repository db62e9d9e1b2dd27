"""Workers of the queue with the fake engine: what they take, what they do with errors, crashes, users and stops."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flow_fakes import FakeEngine
from queue_runner import drain, make_worker, run, state_of
from step_runner import run_steps

from concepts.errors import ModelError
from flows.document.events import WorkerEvent
from flows.document.holding import count_vain_runs
from flows.document.options import WritingOptions
from flows.models.sharing import SharedModels
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from longhand.app import COMMANDS
from longhand.outline.editing import approve_document
from storage import Store

Make = Callable[..., Any]
FAR = "far/12345678:1:1"
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.prefect.isolation import import_prefect

    import_prefect()
    monkeypatch.setattr("flows.worker.WATCH_S", 0.2)


def test_a_drained_queue_holds_the_documents_of_calm_runs(
    store: Store,
    api: PrefectApi,
    new_url: Callable[[], str],
    new_document: Make,
    new_job: Make,
    outcome: Make,
) -> None:
    prompts = [f"How to share folder {number}." for number in range(3)]
    ids = [new_document(store, prompt=prompt) for prompt in prompts]
    work_pool.submit(api, [store.get_document(i) for i in ids])
    work_pool.submit(api, [store.get_document(i) for i in ids])  # asked for twice, a document has one run
    assert len(api.read_runs(keys=ids)) == 3
    assert drain(store, api, limit=3) == {"done": 3}
    with Store.open(new_url()) as calm_store:
        for prompt, document_id in zip(prompts, ids, strict=True):
            calm_id = new_document(calm_store, prompt=prompt)
            run_steps(new_job(calm_store, calm_id))
            assert outcome(store, document_id) == outcome(calm_store, calm_id)
    assert {store.get_document(i).owner for i in ids} == {None}


def test_a_run_shows_what_was_done(store: Store, api: PrefectApi, new_document: Make) -> None:
    document_id = new_document(store)
    drain(store, api)
    (shown,) = api.read_runs(keys=[document_id])
    assert (shown["state"]["type"], shown["name"]) == ("COMPLETED", f"How to share a folder ({document_id})")
    assert document_id in shown["tags"]
    assert store.get_document(document_id).flow_run_id == shown["id"]
    states = api.call("GET", f"/flow_run_states/?flow_run_id={shown['id']}")
    assert sorted(state["name"] for state in states) == ["Completed", "Pending", "Running", "Scheduled"]
    filters = {"flow_runs": {"id": {"any_": [shown["id"]]}}}

    def names() -> list[str]:
        return [task["name"] for task in api.pages("/task_runs/filter", filters)]

    wanted = {"plan", "say headings", "gather notes", "write sections 1-2", "write section 3"}
    wait_for(lambda: wanted < set(names()))
    assert all(
        name.startswith("decode: section") for name in set(names()) - wanted
    )  # a task run for each unit
    tags = api.pages("/task_runs/filter", filters)[0]["tags"]
    assert document_id in tags and len(tags) == 2
    found = api.call("POST", "/artifacts/filter", {"flow_runs": {"id": {"any_": [shown["id"]]}}})
    assert {artifact["key"] for artifact in found} >= {f"outline-{document_id}", f"progress-{document_id}"}
    (outline,) = [artifact["data"] for artifact in found if artifact["key"].startswith("outline")]
    assert outline.startswith("# How to share a folder\n")
    commands = {name for names in COMMANDS.values() for name in names}
    assert set(re.findall(r"`longhand (\w+)", outline)) <= commands


def test_a_run_asks_prefects_server_for_no_more_than_it_needs(
    store: Store, api: PrefectApi, new_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def note(kind: type[httpx.Client | httpx.AsyncClient]) -> None:
        build = kind.build_request

        def build_request(self: Any, method: str, url: Any, **kwargs: Any) -> httpx.Request:
            asked.append((method, str(url)))
            return build(self, method, url, **kwargs)

        monkeypatch.setattr(kind, "build_request", build_request)

    note(httpx.Client)
    note(httpx.AsyncClient)
    document_id = new_document(store)
    assert drain(store, api) == {"done": 1}
    run_id = store.get_document(document_id).flow_run_id
    own = [(method, url.rpartition("/api")[2] or url) for method, url in asked]
    # No limits for tags that nobody has limited, no storage for results that nobody keeps.
    assert not [url for _, url in own if "concurrency_limits" in url or "/admin/storage" in url]
    # The engine reads the run once; nobody waits beside it for its suspension.
    assert len([1 for method, url in own if method == "GET" and url.endswith(f"/flow_runs/{run_id}")]) == 1
    assert len([1 for _, url in own if str(run_id) in url]) <= 7


def test_prefects_clients_share_their_certificates() -> None:
    from prefect.client.orchestration import SyncPrefectClient

    first, second = (SyncPrefectClient("http://127.0.0.1:1/api") for _ in range(2))
    contexts = [client._client._transport._pool._ssl_context for client in (first, second)]  # type: ignore[attr-defined]
    assert contexts[0] is contexts[1]


def wait_for(found: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_models_do_one_thing_at_a_time_while_documents_overlap(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    inside, most, overlaps = 0, 0, 0
    lock = threading.Lock()

    class Watched(FakeEngine):
        def _called(self, method: str) -> None:
            nonlocal inside, most, overlaps
            with lock:
                inside += 1
                most = max(most, inside)
                overlaps = max(overlaps, len(store.list_held()))
            super()._called(method)
            with lock:
                inside -= 1

    for _ in range(4):
        new_document(store)
    drain(store, api, Watched(delay_s=0.05), limit=3)
    assert (most, overlaps) == (1, 3)


def test_what_is_only_to_be_planned_is_written_once_it_is_queued_again(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    document_id = new_document(store, WritingOptions(sections=3, plan_only=True))
    reviewed = new_document(store, WritingOptions(sections=3, plan_only=True, review=True))
    said: list[tuple[str, str]] = []
    tally = drain(store, api, on_work=lambda event: said.append((event.kind, event.message)))
    assert tally == {"planned": 2}
    assert ("planned", f"only its plan was wanted: longhand resume {document_id} writes it") in said
    assert state_of(api, store, document_id)["name"] == "Planned"
    store.requeue_document(document_id)
    approve_document(store, reviewed)
    work_pool.put_back(api, [store.get_document(i) for i in (document_id, reviewed)])
    assert drain(store, api) == {"done": 2}


def test_priority_then_age(store: Store, api: PrefectApi, new_document: Make) -> None:
    late, early, urgent = (new_document(store, priority=n) for n in (0, 0, 5))
    work_pool.submit(api, [store.get_document(i) for i in (late, early, urgent)])
    store.set_priority(late, -1)
    work_pool.change_priority(api, store.get_document(late))
    claimed: list[str] = []

    def note(event: WorkerEvent) -> None:
        if event.kind == "claimed":
            claimed.append(event.document_id)

    assert drain(store, api, limit=1, on_work=note, num_documents=2) == {"done": 2}
    assert claimed == [urgent, early]
    assert store.get_document(late).status == "queued"
    assert state_of(api, store, late)["type"] == "SCHEDULED"


def test_a_poison_document_fails_with_its_error_and_the_queue_goes_on(
    store: Store, api: PrefectApi, new_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(method: str, number: int) -> None:
        if method == "write" and number <= 3:
            raise RuntimeError("device-side assert")

    bad = new_document(store)
    engine = FakeEngine(before=fail)
    assert drain(store, api, engine) == {"failed": 1}
    document = store.get_document(bad)
    assert (document.status, document.owner, document.error) == ("failed", None, "device-side assert")
    assert engine.calls.count("write") == 3
    state = state_of(api, store, bad)
    assert (state["type"], state["message"]) == ("FAILED", "device-side assert")
    # Retry, in Prefect's UI.
    api.set_state(document.flow_run_id or "", "SCHEDULED", name="AwaitingRetry", scheduled_time=now())
    assert drain(store, api) == {"done": 1}


def now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat()


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


def test_a_run_from_the_form_makes_one_document(store: Store, api: PrefectApi) -> None:
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    form = {"prompt": "How to brew tea.", "sections": 2, "length": "short", "lang": "eng_Latn"}
    run_id = api.call("POST", path, {"parameters": form})["id"]
    bad = {
        "the prompt is empty: ": {"prompt": " "},
        "the prompt has 10,001 characters": {"prompt": "x" * 10_001},
        "sections is 999: give a number from 1 to 200": {"prompt": "Rice", "sections": 999},
        "sections is two: ": {"prompt": "Rice", "sections": "two"},
    }
    refused = {message: api.call("POST", path, {"parameters": form})["id"] for message, form in bad.items()}
    assert run(make_worker(store), Keeping(api), store) == {"done": 1}
    (document,) = store.list_documents()
    assert (document.prompt, document.params["sections"], document.flow_run_id) == (
        "How to brew tea.",
        2,
        run_id,
    )
    shown = api.get(f"/flow_runs/{run_id}")
    assert (shown["name"], shown["parameters"]["document_id"]) == (
        f"How to brew tea ({document.id})",
        document.id,
    )
    for message, bad_id in refused.items():
        state = api.get(f"/flow_runs/{bad_id}")["state"]
        assert state["type"] == "FAILED" and state["message"].startswith(message)


def test_a_wrong_language_of_a_translation_is_refused_before_anything_is_written(
    store: Store, api: PrefectApi
) -> None:
    path = f"/deployments/{work_pool.deployment_id(api)}/create_flow_run"
    form = {"prompt": "How to brew tea.", "sections": 2, "translate_to": "nobody"}
    run_id = api.call("POST", path, {"parameters": form})["id"]
    engine = FakeEngine()
    assert run(make_worker(store, engine), Keeping(api), store) == {"failed": 1}
    assert "does not know the language 'nobody'" in api.get(f"/flow_runs/{run_id}")["state"]["message"]
    assert engine.calls == []


class Keeping(PrefectApi):
    """Deletes nothing: the runs of a form have no document yet."""

    def __init__(self, api: PrefectApi) -> None:
        super().__init__(api.url, api.auth)

    def pages(self, path: str, body: dict[str, Any]) -> list[Any]:
        """Find no run of others."""
        return []


def test_a_deployment_of_another_flow_runs_nothing(store: Store, api: PrefectApi) -> None:
    """Whoever may write to the server can have documents written, and nothing else run."""
    work_pool.prepare(api)
    flow = api.call("POST", "/flows/", {"name": "another-flow"})
    body = {
        "name": "attack",
        "flow_id": flow["id"],
        "work_pool_name": work_pool.POOL,
        "entrypoint": "os.system",
    }
    deployment = api.call("POST", "/deployments/", body)["id"]
    run_id = api.call("POST", f"/deployments/{deployment}/create_flow_run", {})["id"]
    assert run(make_worker(store), Keeping(api), store) == {}
    state = api.get(f"/flow_runs/{run_id}")["state"]
    assert (state["type"], state["name"]) == ("FAILED", "Refused")


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


def test_models_that_cannot_be_loaded_cost_no_document(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    class Broken(FakeEngine):
        def prepare(self, stage: object) -> None:
            raise ModelError("writer-mini: model.safetensors is missing")

    document_id = new_document(store)
    with pytest.raises(ModelError, match="is missing"):
        drain(store, api, Broken())
    assert (store.get_document(document_id).status, store.get_attempts(document_id)) == ("queued", ())


def test_what_fails_before_a_run_gives_the_document_back(
    store: Store, api: PrefectApi, new_document: Make
) -> None:
    bad, good = new_document(store, WritingOptions(writer="gone"), priority=5), new_document(store)

    def make(names: tuple[str | None, ...]) -> FakeEngine:
        if "gone" in names:
            raise ModelError("no writer named 'gone'")
        return FakeEngine()

    assert drain(store, api, models=SharedModels(make)) == {"failed": 1, "done": 1}
    document = store.get_document(bad)
    assert (document.status, document.owner, document.error) == ("failed", None, "no writer named 'gone'")
    assert store.get_document(good).status == "done"


def test_documents_of_a_batch_ask_for_models_at_once_and_get_the_same(
    store: Store, new_document: Make
) -> None:
    made: list[object] = []

    class Slow(FakeEngine):
        def __init__(self) -> None:
            time.sleep(0.02)
            super().__init__()

    def make(names: object) -> FakeEngine:
        made.append(names)
        return Slow()

    models, document = SharedModels(make), store.get_document(new_document(store))
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(models.engine_for(document))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len(found) == 8 and len(set(map(id, found))) == 1
