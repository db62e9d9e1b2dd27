"""Workers with the fake engine: what they take, what they do with errors, crashes, and being told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flow_fakes import FakeEngine
from step_runner import run_steps

from concepts.errors import ModelError, StorageError
from flows.device import SharedModels
from flows.options import WritingOptions
from flows.worker import Worker, WorkerEvent, count_vain_runs
from longhand.editing import approve_document
from storage import Store

Make = Callable[..., Any]
FAR = "far/12345678:1:1"


def new_worker(store: Store, engine: FakeEngine | None = None, **options: Any) -> Worker:
    engine = FakeEngine() if engine is None else engine
    return Worker(store, SharedModels(lambda names: engine), poll_s=0.02, **options)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.worker.RETRY_DELAYS_S", [0.0, 0.0])


def test_a_drained_queue_holds_the_documents_of_calm_runs(
    store: Store, new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make
) -> None:
    prompts = [f"How to share folder {number}." for number in range(5)]
    ids = [new_document(store, prompt=prompt) for prompt in prompts]
    assert new_worker(store, batch=3).run(drain=True) == {"done": 5}
    with Store.open(new_url()) as calm_store:
        for prompt, document_id in zip(prompts, ids, strict=True):
            calm_id = new_document(calm_store, prompt=prompt)
            run_steps(new_job(calm_store, calm_id))
            assert outcome(store, document_id) == outcome(calm_store, calm_id)
    assert {store.get_document(i).owner for i in ids} == {None}


def test_models_do_one_thing_at_a_time_while_documents_overlap(store: Store, new_document: Make) -> None:
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
    new_worker(store, Watched(delay_s=0.005), batch=3).run(drain=True)
    assert (most, overlaps) == (1, 3)


def test_what_is_only_to_be_planned_is_written_once_it_is_queued_again(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store, WritingOptions(sections=3, plan_only=True))
    said: list[tuple[str, str]] = []
    worker = new_worker(store, on_event=lambda event: said.append((event.kind, event.message)))
    assert worker.run(drain=True) == {"planned": 1}
    assert said[-1] == ("planned", f"only its plan was wanted: longhand resume {document_id} writes it")
    store.requeue_document(document_id)
    assert new_worker(store).run(drain=True) == {"done": 1}
    reviewed = new_document(store, WritingOptions(sections=3, plan_only=True, review=True))
    assert new_worker(store).run(drain=True) == {"planned": 1}
    approve_document(store, reviewed)
    assert new_worker(store).run(drain=True) == {"done": 1}


def test_priority_then_age(store: Store, new_document: Make) -> None:
    late, early, urgent = (new_document(store, priority=n) for n in (0, 0, 5))
    store.set_priority(late, -1)
    claimed: list[str] = []

    def note(event: WorkerEvent) -> None:
        if event.kind == "claimed":
            claimed.append(event.document_id)

    worker = new_worker(store, batch=1, on_event=note)
    assert worker.run(limit=2) == {"done": 2}
    assert claimed == [urgent, early]
    assert store.get_document(late).status == "queued"


def test_a_poison_document_fails_with_its_error_and_the_queue_goes_on(
    store: Store, new_document: Make
) -> None:
    def fail(method: str, number: int) -> None:
        if method == "write":
            raise RuntimeError("device-side assert")

    bad = new_document(store)
    engine = FakeEngine(before=fail)
    assert new_worker(store, engine).run(drain=True) == {"failed": 1}
    document = store.get_document(bad)
    assert (document.status, document.owner, document.error) == ("failed", None, "device-side assert")
    assert engine.calls.count("write") == 3
    assert [a.outcome for a in store.get_attempts(bad) if a.stage == "write"].count("failed") == 3
    good = new_document(store)
    assert new_worker(store).run(drain=True) == {"done": 1}
    assert store.get_document(good).status == "done"
    store.requeue_document(bad)
    assert new_worker(store).run(drain=True) == {"done": 1}


def test_a_document_that_kills_its_workers_is_given_up_until_someone_resumes_it(
    store: Store, new_document: Make, new_job: Make, outcome: Make, dead_owner: str
) -> None:
    document_id = new_document(store)
    for _ in range(3):
        lease = store.claim(document_id, dead_owner, 60)
        store.record_attempt(lease, "run", started_at=time.time(), outcome="started")
        assert store.get_document(document_id).owner == dead_owner
        store.release(lease)
    assert new_worker(store).run(drain=True) == {"failed": 1}
    error = store.get_document(document_id).error
    assert error is not None
    assert "given up after 3 runs without progress, before its first unit; the process died" in error
    assert f"longhand resume {document_id}" in error
    store.requeue_document(document_id)
    assert new_worker(store).run(drain=True) == {"done": 1}


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


def test_a_dead_neighbours_document_is_taken_at_once_a_far_ones_after_its_lease(
    store: Store, new_document: Make, dead_owner: str
) -> None:
    near, far = new_document(store), new_document(store)
    store.claim(near, dead_owner, 3600)
    lease = store.claim(far, FAR, 0.2)
    with store.fenced(lease) as tx:
        tx.set_status("planning")
    assert new_worker(store).run(limit=2) == {"done": 2}
    assert {store.get_document(i).status for i in (near, far)} == {"done"}


@pytest.mark.parametrize("verb", ["cancel", "pause"])
def test_a_document_is_taken_from_its_worker(
    store: Store, new_document: Make, outcome: Make, verb: str
) -> None:
    done = {"cancel": "cancelled", "pause": "paused"}[verb]

    def act(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            getattr(store, f"{verb}_document")(document_id)

    document_id = new_document(store)
    assert new_worker(store, FakeEngine(before=act)).run(drain=True) == {done: 1}
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == (done, None, 0)
    assert new_worker(store).run(drain=True) == {}
    store.requeue_document(document_id)
    assert new_worker(store).run(drain=True) == {"done": 1}
    calm_id = new_document(store)
    new_worker(store).run(drain=True)
    assert outcome(store, document_id) == outcome(store, calm_id)


def test_a_document_to_be_reviewed_is_planned_and_left(store: Store, new_document: Make) -> None:
    document_id = new_document(store, WritingOptions(sections=3, review=True))
    other = new_document(store)
    assert new_worker(store, batch=1).run(drain=True) == {"planned": 1, "done": 1}
    assert store.get_document(document_id).status == "awaiting_review"
    assert store.get_document(other).status == "done"


def test_a_stopped_worker_finishes_its_units_and_gives_everything_back(
    store: Store, new_document: Make
) -> None:
    def stop(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            worker.stop()

    document_id = new_document(store)
    new_document(store)
    worker = new_worker(store, FakeEngine(before=stop), batch=1)
    assert worker.run() == {"released": 1}
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == ("writing", None, 2)
    assert new_worker(store).run(drain=True) == {"done": 2}


def test_models_that_cannot_be_loaded_cost_no_document(store: Store, new_document: Make) -> None:
    class Broken(FakeEngine):
        def prepare(self, stage: object) -> None:
            raise ModelError("writer-mini: model.safetensors is missing")

    document_id = new_document(store)
    with pytest.raises(ModelError, match="is missing"):
        new_worker(store, Broken()).run()
    assert (store.get_document(document_id).status, store.get_attempts(document_id)) == ("queued", ())


def test_a_database_that_is_away_is_waited_for(
    store: Store, new_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_document(store)
    claim_next, failures = store.claim_next, []

    def fail(*args: Any) -> Any:
        if len(failures) < 3:
            failures.append(1)
            raise StorageError("PostgreSQL is not reachable")
        return claim_next(*args)

    troubles: list[str] = []
    monkeypatch.setattr(store, "claim_next", fail)
    worker = new_worker(store, on_event=lambda e: troubles.append(e.kind) if e.kind == "trouble" else None)
    assert worker.run(drain=True) == {"done": 1}
    assert troubles == ["trouble"] * 3


def test_a_database_that_stays_away_ends_a_drain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise StorageError("PostgreSQL is not reachable")

    monkeypatch.setattr(store, "is_work_due", fail)
    with pytest.raises(StorageError, match="not reachable"):
        new_worker(store).run(drain=True)


def test_failures_with_calm_looks_between_do_not_end_a_drain(
    store: Store, new_document: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_document(store)
    is_work_due, looks, troubles = store.is_work_due, [], []

    def fail_now_and_then() -> bool:
        looks.append(1)
        if len(looks) < 20 and len(looks) % 2:
            raise StorageError("PostgreSQL is not reachable")
        return is_work_due()

    def note(event: WorkerEvent) -> None:
        if event.kind == "trouble":
            troubles.append(event.message)

    monkeypatch.setattr(store, "is_work_due", fail_now_and_then)
    slot = FakeSlot([False] * 10 + [True])
    assert new_worker(store, slot=slot, on_event=note).run(drain=True) == {"done": 1}
    assert len(troubles) == 10


class FakeSlot:
    """A slot that comes and goes by a script of answers."""

    def __init__(self, answers: list[bool]) -> None:
        self.answers, self.num_given_back, self.num_turns_ended = answers, 0, 0
        self.is_turn_long = False

    def ask(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def is_turn_over(self) -> bool:
        return self.is_turn_long

    def end_turn(self) -> None:
        self.num_turns_ended += 1
        self.give_back()

    def give_back(self) -> None:
        self.num_given_back += 1
        self.is_turn_long = False


def test_nothing_is_claimed_without_the_slot(store: Store, new_document: Make) -> None:
    new_document(store)
    slot = FakeSlot([False, False, True])
    assert new_worker(store, slot=slot).run(drain=True) == {"done": 1}
    assert slot.answers == [True]
    assert slot.num_given_back


def test_who_loses_the_slot_leaves_the_device(store: Store, new_document: Make) -> None:
    for _ in range(3):
        new_document(store, WritingOptions(sections=12, items_per_unit=1))
    slot = FakeSlot([True, True, False, True])
    tally = new_worker(store, FakeEngine(delay_s=0.01), slot=slot, batch=2).run(drain=True)
    assert tally["done"] == 3
    assert tally["released"] >= 1


def test_a_turn_is_ended_after_the_documents_and_another_begins(store: Store, new_document: Make) -> None:
    new_document(store)
    new_document(store)
    slot = FakeSlot([True])

    def note(event: WorkerEvent) -> None:
        if event.kind == "claimed" and not slot.num_turns_ended:
            slot.is_turn_long = True

    assert new_worker(store, slot=slot, batch=1, on_event=note).run(drain=True) == {"done": 2}
    assert slot.num_turns_ended == 1


def test_what_fails_before_a_run_gives_the_document_back(store: Store, new_document: Make) -> None:
    bad, good = new_document(store, WritingOptions(writer="gone"), priority=5), new_document(store)

    def make(names: tuple[str | None, ...]) -> FakeEngine:
        if "gone" in names:
            raise ModelError("no writer named 'gone'")
        return FakeEngine()

    models = SharedModels(make)
    assert Worker(store, models, poll_s=0.02).run(limit=1) == {"failed": 1}
    document = store.get_document(bad)
    assert (document.status, document.owner, document.error) == ("failed", None, "no writer named 'gone'")
    assert new_worker(store).run(drain=True) == {"done": 1}
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
