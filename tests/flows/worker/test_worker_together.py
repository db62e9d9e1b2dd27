"""Workers whose documents share model calls: each document is what it would be alone, and fails alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from flows.document.asked.options import WritingOptions
from flows.document.engine import LeafPlan, SayAsk, Section, WriteAsk
from flows.document.job.events import WorkerEvent
from flows.document.steps import (
    begin_stage,
    decode_unit,
    gather_notes,
    plan_decoding,
    plan_document,
    write_unit,
)
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from storage import Store
from tests.flows import queue_runner
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.flows.worker.worker_helpers import PREFECT_WARNINGS

Make = Callable[..., Any]
ONE_UNIT = WritingOptions(sections=3, items_per_unit=3, texts_per_unit=64)
TIMEOUT_S = 20.0
pytestmark = PREFECT_WARNINGS


class Gathering(FakeEngine):
    """Holds the first call until `num_others` asks wait for its end."""

    def __init__(self, num_others: int) -> None:
        super().__init__()
        self.models = SharedModels(lambda names: self, together=True)
        self._num_others = num_others

    def _called(self, method: str) -> None:
        super()._called(method)
        end = time.monotonic() + TIMEOUT_S
        while self.calls == [method] and len(self.models.device._waiting) < self._num_others:
            assert time.monotonic() < end
            time.sleep(0.001)


Drain = Callable[..., tuple[dict[str, int], list[WorkerEvent]]]


@pytest.fixture
def drain(api: PrefectApi) -> Drain:
    """Return a function that writes all documents of a store, so many at once."""

    def run(store: Store, engine: Gathering, batch: int) -> tuple[dict[str, int], list[WorkerEvent]]:
        events: list[WorkerEvent] = []
        tally = queue_runner.drain(store, api, models=engine.models, limit=batch, on_work=events.append)
        return tally, events

    return run


@pytest.fixture
def to_write(new_document: Make, new_job: Make) -> Make:
    """Return a function that makes a document which is planned and waits to be written."""

    def make(
        store: Store, options: WritingOptions = ONE_UNIT, *, is_written: bool = False, **changes: object
    ) -> str:
        document_id: str = new_document(store, options, **changes)
        job = new_job(store, document_id)
        plan_document(job)
        for unit in store.pending_units(document_id, "decode", job.store.get_document(document_id).lang):
            decode_unit(job, unit.id)
        gather_notes(job)
        begin_stage(job, "writing")
        if is_written:
            for unit in store.pending_units(document_id, "write"):
                write_unit(job, unit.id)
            begin_stage(job, "decoding")
            plan_decoding(job)
        store.release(job.lease)
        return document_id

    return make


@pytest.fixture
def calm(new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make) -> Make:
    """Return a function that tells what a document is without any company."""

    def tell(options: WritingOptions = ONE_UNIT, **changes: object) -> Any:
        with Store.open(new_url()) as store:
            document_id = new_document(store, options, **changes)
            run_steps(new_job(store, document_id))
            return outcome(store, document_id)

    return tell


def test_documents_share_calls_and_are_what_they_are_alone(
    store: Store, to_write: Make, calm: Make, outcome: Make, drain: Drain
) -> None:
    ids = {seed: to_write(store, seed=seed, prompt=f"How to share folder {seed}.") for seed in range(4)}
    engine = Gathering(3)
    tally, events = drain(store, engine, 4)
    assert tally == {"done": 4}
    assert engine.calls[:2] == ["write", "write_together"] and engine.calls.count("write") == 1
    for seed, document_id in ids.items():
        assert outcome(store, document_id) == calm(seed=seed, prompt=f"How to share folder {seed}.")
    written = [event for event in events if event.kind == "unit" and event.stage == "write"]
    assert sorted(event.company for event in written) == [1, 3, 3, 3]
    noted = [
        a.timing.get("company") for i in ids.values() for a in store.get_attempts(i) if a.stage == "write"
    ]
    assert sorted(n for n in noted if isinstance(n, int)) == [3, 3, 3]


def test_documents_of_several_languages_are_said_together(
    store: Store, to_write: Make, calm: Make, outcome: Make, drain: Drain
) -> None:
    langs = ["eng_Latn", "deu_Latn", "eng_Latn", "deu_Latn"]
    ids = [to_write(store, is_written=True, lang=lang, seed=seed) for seed, lang in enumerate(langs)]
    engine = Gathering(3)
    said: list[int] = []

    def note(asks: Sequence[SayAsk]) -> Any:
        said.append(len(asks))
        return FakeEngine.say_together(engine, asks)

    engine.say_together = note  # type: ignore[method-assign]
    assert drain(store, engine, 4)[0] == {"done": 4}
    assert said == [3]
    for seed, (document_id, lang) in enumerate(zip(ids, langs, strict=True)):
        assert outcome(store, document_id) == calm(lang=lang, seed=seed)


def test_a_document_that_breaks_a_shared_call_fails_alone(
    store: Store, to_write: Make, calm: Make, outcome: Make, drain: Drain
) -> None:
    class Breaking(Gathering):
        def _written(self, plan: LeafPlan, paths: Sequence[str], seed: int) -> list[Section]:
            if seed == 2:
                raise RuntimeError("out of memory")
            return super()._written(plan, paths, seed)

    ids = [to_write(store, seed=seed) for seed in range(4)]
    engine = Breaking(3)
    assert drain(store, engine, 4)[0] == {"done": 3, "failed": 1}
    assert "write_together" in engine.calls
    assert store.get_document(ids[2]).error == "out of memory"
    for seed in (0, 1, 3):
        assert outcome(store, ids[seed]) == calm(seed=seed)


def test_what_is_lost_meanwhile_is_not_stored(store: Store, to_write: Make, drain: Drain) -> None:
    """A document that is cancelled inside a shared call writes nothing; the others do."""
    ids = [to_write(store, seed=seed) for seed in range(3)]
    victims: list[str] = []

    class Cancelling(Gathering):
        def write_together(self, asks: Sequence[WriteAsk]) -> list[list[Section]]:
            victims.append(ids[asks[0].seed])
            store.cancel_document(victims[0])
            return super().write_together(asks)

    assert drain(store, Cancelling(2), 3)[0] == {"done": 2, "cancelled": 1}
    assert store.get_document(victims[0]).progress.num_written == 0


def test_without_being_asked_to_nobody_shares(store: Store, to_write: Make, drain: Drain) -> None:
    for _ in range(4):
        to_write(store)
    engine = Gathering(3)
    engine.models = SharedModels(lambda names: engine)
    tally, events = drain(store, engine, 4)
    assert tally == {"done": 4}
    assert not any(call.endswith("_together") for call in engine.calls)
    assert {event.company for event in events} == {1}
