"""On a real Prefect server: documents as flow runs, the device slot, and schedules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flow_fakes import FakeEngine

from concepts.errors import NotFoundError, UsageError
from flows.device import SharedModels
from flows.errors import FlowError
from flows.mirror import PrefectMirror, crash_zombie, read_runs, set_state, show_state
from flows.prefect_link import PrefectLink
from flows.slots import LIMIT_NAME, PATIENCE_S, TURN_S, DeviceSlot
from flows.worker import Worker
from storage import Store

Make = Callable[..., Any]

# Prefect's own deprecations are not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]


@pytest.fixture(scope="module")
def link(api_url: str) -> Iterator[PrefectLink]:
    with PrefectLink(api_url) as opened:
        yield opened


def state_of(link: PrefectLink, flow_run_id: str | None) -> str:
    assert flow_run_id is not None
    (run,) = link.call(lambda client: read_runs(client, [flow_run_id]))
    assert run.state is not None
    return str(run.state.name)


def set_by_user(link: PrefectLink, flow_run_id: str | None, kind: str) -> None:
    from prefect import states

    assert flow_run_id is not None
    link.call(lambda client: set_state(client, flow_run_id, getattr(states, kind)()))


def work(store: Store, link: PrefectLink, engine: FakeEngine) -> dict[str, int]:
    mirror = PrefectMirror(link)
    worker = Worker(store, SharedModels(lambda names: engine), mirror=mirror, poll_s=0.02)
    return dict(worker.run(drain=True))


def test_a_done_document_is_a_completed_run(store: Store, link: PrefectLink, new_document: Make) -> None:
    document_id = new_document(store)
    assert work(store, link, FakeEngine()) == {"done": 1}
    assert state_of(link, store.get_document(document_id).flow_run_id) == "Completed"


def test_a_failed_document_is_a_failed_run(store: Store, link: PrefectLink, new_document: Make) -> None:
    document_id = new_document(store)
    engine = FakeEngine()
    engine.spoil["write"] = float("nan")
    assert work(store, link, engine) == {"failed": 1}
    assert state_of(link, store.get_document(document_id).flow_run_id) == "Failed"


@pytest.mark.parametrize(("kind", "outcome"), [("Cancelling", "cancelled"), ("Paused", "paused")])
def test_what_is_done_to_a_run_reaches_its_document(
    store: Store,
    link: PrefectLink,
    new_document: Make,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    outcome: str,
) -> None:
    monkeypatch.setattr("flows.worker.WATCH_S", 0.0)
    document_id = new_document(store)

    def act(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            set_by_user(link, store.get_document(document_id).flow_run_id, kind)
            for _ in range(200):
                if store.get_document(document_id).status == outcome:
                    return
                time.sleep(0.05)

    assert work(store, link, FakeEngine(before=act)) == {outcome: 1}
    document = store.get_document(document_id)
    assert state_of(link, document.flow_run_id) == outcome.capitalize()
    if outcome == "paused":
        # Our own pause leaves the run paused; only a run that was resumed after it queues the document.
        mirror = PrefectMirror(link)
        mirror.follow(store)
        assert store.get_document(document_id).status == "paused"
        set_by_user(link, document.flow_run_id, "Running")
        mirror.follow(store)
        assert store.get_document(document_id).status == "queued"
        assert work(store, link, FakeEngine()) == {"done": 1}
        assert store.get_document(document_id).flow_run_id == document.flow_run_id


def test_a_run_left_by_a_dead_worker_is_crashed_first(
    store: Store, link: PrefectLink, new_document: Make
) -> None:
    document_id = new_document(store)
    lease = store.claim(document_id, "far/12345678:1:1", 0.05)
    dead = PrefectMirror(link).begin(store.get_document(document_id), lease)
    assert dead is not None
    with store.fenced(lease) as tx:
        tx.set_status("writing")
        tx.set_flow_run(dead)
    time.sleep(0.1)
    assert work(store, link, FakeEngine()) == {"done": 1}
    assert state_of(link, dead) == "Crashed"
    alive = store.get_document(document_id).flow_run_id
    assert alive != dead
    assert state_of(link, alive) == "Completed"
    assert not crash_zombie(link, str(alive)), "a run that has ended is left alone"


def test_a_late_end_leaves_a_run_that_went_on_alone(
    store: Store, link: PrefectLink, new_document: Make
) -> None:
    document_id = new_document(store)
    first = store.claim(document_id, "worker", 60)
    mirror = PrefectMirror(link)
    run_id = mirror.begin(store.get_document(document_id), first)
    assert run_id is not None
    with store.fenced(first) as tx:
        tx.set_flow_run(run_id)
    set_by_user(link, run_id, "Paused")
    second = store.claim(document_id, "worker", 60, force=True)
    assert mirror.begin(store.get_document(document_id), second) == run_id
    mirror.end(run_id, first, "paused", "")
    assert state_of(link, run_id) == "Running"
    assert show_state(link, run_id, "cancelled", document_id)
    assert not show_state(link, run_id, "paused", document_id)
    assert state_of(link, run_id) == "Cancelled"


def test_without_a_server_documents_are_written_all_the_same(store: Store, new_document: Make) -> None:
    new_document(store)
    new_document(store)
    troubles: list[str] = []
    with PrefectLink("http://127.0.0.1:9/api") as nowhere:
        mirror = PrefectMirror(nowhere, troubles.append)
        models = SharedModels(lambda names: FakeEngine())
        assert Worker(store, models, mirror=mirror, poll_s=0.02).run(drain=True) == {"done": 2}
    (trouble,) = troubles
    assert "http://127.0.0.1:9/api" in trouble
    assert "documents are written all the same" in trouble


def test_one_slot_is_one_workers_at_a_time(link: PrefectLink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.slots.PATIENCE_S", 0.0)
    first, second = DeviceSlot(link), DeviceSlot(link)
    with pytest.raises(FlowError, match=f"prefect gcl create {LIMIT_NAME} --limit N"):
        first.check()
    with pytest.raises(FlowError, match="has no concurrency limit"):
        first.ask()
    link.call(lambda client: client.upsert_global_concurrency_limit_by_name(LIMIT_NAME, 1))
    first.check()
    assert (first.ask(), first.ask(), second.ask()) == (True, True, False)
    first.give_back()
    first.give_back()
    assert second.ask()
    second.give_back()


def test_whose_turn_is_over_lets_the_others_have_the_slot(link: PrefectLink) -> None:
    link.call(lambda client: client.upsert_global_concurrency_limit_by_name(LIMIT_NAME, 1))
    now = [0.0]
    first, second = (DeviceSlot(link, clock=lambda: now[0]) for _ in range(2))
    assert (first.ask(), second.ask()) == (True, False)
    now[0] += TURN_S
    assert first.is_turn_over()
    first.end_turn()
    first.give_back()
    assert (first.ask(), second.ask()) == (False, True)
    second.give_back()
    assert second.ask(), "who has only nothing to do may have it back at once"
    second.give_back()
    now[0] += 2 * PATIENCE_S
    assert first.ask()
    first.give_back()


def test_a_slot_is_renewed_and_lost_when_its_lease_is_over(link: PrefectLink) -> None:
    link.call(lambda client: client.upsert_global_concurrency_limit_by_name(LIMIT_NAME, 1))
    now = [0.0]
    slot = DeviceSlot(link, clock=lambda: now[0])
    assert slot.ask()
    now[0] += 30
    assert slot.ask()
    assert not slot.is_turn_over()
    now[0] += 300
    assert slot.is_turn_over()
    lease_id = slot._lease_id
    assert lease_id is not None
    link.call(lambda client: client.release_concurrency_slots_with_lease(lease_id))
    now[0] += 30
    assert not slot.ask()


def test_a_slot_is_left_in_time_where_the_server_is_gone(link: PrefectLink) -> None:
    link.call(lambda client: client.upsert_global_concurrency_limit_by_name(LIMIT_NAME, 1))
    now = [0.0]
    with PrefectLink(link.api_url) as own:
        slot = DeviceSlot(own, clock=lambda: now[0])
        assert slot.ask()

        def gone(*_: object, **__: object) -> None:
            raise FlowError("Prefect's server cannot be reached")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(own, "call", gone)
            now[0] += 25
            assert slot.ask(), "the lease still runs"
            now[0] += 20
            assert not slot.ask(), "others may have the slot soon"


def test_schedules_are_made_listed_paused_run_and_removed(link: PrefectLink) -> None:
    from flows import schedules
    from storage import NewDocument

    documents = [NewDocument(prompt=prompt, lang="eng_Latn") for prompt in ("Tea", "Bread")]
    rule = schedules.make_schedule(cron="0 2 * * *", every=None, rrule=None, at=None, timezone="Europe/Paris")
    schedules.create_schedule(link, "nightly", documents, rule, seeds=[False, False])
    with pytest.raises(UsageError, match="there is a schedule 'nightly' already"):
        schedules.create_schedule(link, "nightly", documents, rule, seeds=[False, False])
    (record,) = schedules.list_schedules(link)
    assert (record.name, record.num_documents, record.is_paused) == ("nightly", 2, False)
    assert record.rule == "cron 0 2 * * * (Europe/Paris)"
    assert {moment.hour for moment in record.next_times} == {2}
    schedules.pause_schedule(link, "nightly", is_paused=True)
    assert schedules.list_schedules(link)[0].is_paused
    schedules.pause_schedule(link, "nightly", is_paused=False)
    assert not schedules.list_schedules(link)[0].is_paused
    assert schedules.run_now(link, "nightly")
    link.call(schedules.deploy_prompt_flow)
    link.call(schedules.deploy_prompt_flow)
    schedules.remove_schedule(link, "nightly")
    assert schedules.list_schedules(link) == []
    with pytest.raises(NotFoundError, match="no schedule is named 'nightly': there are none"):
        schedules.run_now(link, "nightly")


def test_resume_crashes_the_run_of_a_dead_worker_first(
    store: Store,
    url: str,
    link: PrefectLink,
    new_document: Make,
    dead_owner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.run import resume_document

    monkeypatch.setenv("LONGHAND_PREFECT_API", link.api_url)
    document_id = new_document(store)
    lease = store.claim(document_id, dead_owner, 60)
    dead = PrefectMirror(link).begin(store.get_document(document_id), lease)
    assert dead is not None
    with store.fenced(lease) as tx:
        tx.set_status("writing")
        tx.set_flow_run(dead)
    resume_document(url, document_id, engine=FakeEngine(), prefect_api=link.api_url)
    assert state_of(link, dead) == "Crashed"
    assert store.get_document(document_id).status == "done"
