"""Workers of the queue with the fake engine: what they take, in which order, and what they do with errors."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from concepts.errors import ModelError
from flows.document.asked.options import WritingOptions
from flows.document.job.events import WorkerEvent
from flows.models.sharing import SharedModels
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from longhand.app import COMMANDS
from longhand.outline.editing import approve_document
from storage import Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import drain, state_of
from tests.flows.worker.worker_helpers import WORKER_MARKS, wait_for

Make = Callable[..., Any]
pytestmark = WORKER_MARKS


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
