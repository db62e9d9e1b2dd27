"""The steps without Prefect: what they refuse, and that a crash anywhere changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from concepts.errors import InputError, LostLease, ModelError, NonFiniteError, SpaceMismatchError, UsageError
from flows.document import queries, steps
from flows.document.prompting import encode_prompt
from storage import CardRef, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.storage import fault_points

Make = Callable[..., Any]


class Crash(BaseException):
    """Stands for the end of the process."""


def crash() -> None:
    raise Crash


def test_a_crash_at_any_commit_changes_nothing(
    url: str,
    new_url: Callable[[], str],
    new_document: Make,
    new_job: Make,
    outcome: Make,
    states_of: Make,
) -> None:
    with Store.open(url) as store:
        document_id = new_document(store)
        states = states_of(url, lambda: run_steps(new_job(store, document_id)))
        calm = outcome(store, document_id)
    assert len(states) > 15
    for number, state in enumerate(states):
        with Store.open(state) as store:
            run_steps(new_job(store, document_id, steal=True))
            assert outcome(store, document_id) == calm, f"behind commit {number}"


def test_a_store_that_a_crash_was_raised_in_is_of_use(
    new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make
) -> None:
    with Store.open(new_url()) as store:
        document_id = new_document(store)
        run_steps(new_job(store, document_id))
        calm = outcome(store, document_id)
    for number in range(4, 100, 16):
        with Store.open(new_url()) as store:
            document_id = new_document(store)
            job = new_job(store, document_id)
            fault_points.arm("commit.before", number, crash)
            with pytest.raises(Crash):
                run_steps(job)
            fault_points.watch(None)
            run_steps(new_job(store, document_id, steal=True))
            assert outcome(store, document_id) == calm, f"before commit {number}"


@pytest.mark.parametrize("method", ["encode", "plan", "write", "say_headings", "say"])
def test_a_crash_inside_a_model_redoes_one_unit(
    store: Store,
    new_url: Callable[[], str],
    new_document: Make,
    new_job: Make,
    outcome: Make,
    method: str,
) -> None:
    def fail(called: str, number: int) -> None:
        if called == method and number == 1 + (method in ("write", "say")):
            raise Crash

    with Store.open(new_url()) as calm_store:
        calm_id = new_document(calm_store)
        run_steps(new_job(calm_store, calm_id))
        calm = outcome(calm_store, calm_id)
    document_id = new_document(store)
    with pytest.raises(Crash):
        run_steps(new_job(store, document_id, FakeEngine(before=fail)))
    run_steps(new_job(store, document_id, steal=True))
    assert outcome(store, document_id) == calm
    attempts = [a for a in store.get_attempts(document_id) if a.unit_id is not None]
    redone = [a.outcome for a in attempts].count("started") - calm.num_done
    assert redone == (0 if method == "encode" else 1)


def test_a_stale_holder_gets_lost_lease_and_writes_nothing(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store)
    taken = False

    def take(method: str, number: int) -> None:
        nonlocal taken
        if method == "write" and not taken:
            taken = True
            store.claim(document_id, "another", 60, steal=True)

    with pytest.raises(LostLease, match="taken over by another"):
        run_steps(new_job(store, document_id, FakeEngine(before=take)))
    assert store.get_document(document_id).progress.num_written == 0
    assert [a.outcome for a in store.get_attempts(document_id) if a.stage == "write"] == ["started"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("encode", "the prompt from space fake"),
        ("plan", "the lead of item 1 from planner fake-planner"),
        ("write", "section 1 from writer fake-writer"),
    ],
)
def test_numbers_that_are_none_are_never_stored(
    store: Store, new_document: Make, new_job: Make, method: str, words: str, value: float
) -> None:
    document_id = new_document(store)
    engine = FakeEngine()
    engine.spoil[method] = value
    with pytest.raises(NonFiniteError, match=f"{words} holds NaN or an infinity: .*longhand doctor"):
        run_steps(new_job(store, document_id, engine))
    assert store.get_document(document_id).progress.num_written == 0
    failed = [a for a in store.get_attempts(document_id) if a.outcome == "failed"]
    assert len(failed) == (0 if method == "encode" else 1)


def test_other_models_than_at_the_start_are_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    steps.plan_document(new_job(store, document_id))
    job = new_job(store, document_id, steal=True)
    steps.begin_stage(job, "writing")
    job.engine.writer = CardRef(name="fake-writer", checksum="2")
    with pytest.raises(ModelError, match="begun with the writer fake-writer@1, got fake-writer@2: name"):
        steps.begin_stage(job, "writing")
    engine = FakeEngine(version="2")
    with pytest.raises(SpaceMismatchError, match="holds concepts of the space fake"):
        steps.plan_document(new_job(store, document_id, engine, steal=True))


def test_another_planner_is_refused_while_planning(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    encode_prompt(job)
    job.engine.planner = CardRef(name="fake-planner", checksum="2")
    with pytest.raises(ModelError, match="begun with the planner fake-planner@1, got fake-planner@2: name"):
        steps.plan_document(job)


def test_an_unknown_language_is_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, lang="xyz_Latn")
    with pytest.raises(UsageError, match="does not know the language 'xyz_Latn'"):
        steps.plan_document(new_job(store, document_id))


def test_a_prompt_without_words_is_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, prompt="\u200b\u200d")
    with pytest.raises(InputError, match="the prompt holds no word"):
        steps.plan_document(new_job(store, document_id))


def test_a_model_that_answers_for_other_items_is_refused(
    store: Store, new_document: Make, new_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    steps.plan_document(job)
    write = FakeEngine.write
    monkeypatch.setattr(
        FakeEngine, "write", lambda self, plan, paths, seed: write(self, plan, paths[:1], seed=seed)
    )
    with pytest.raises(ModelError, match="answered for the items 1, asked were 1, 2"):
        steps.write_unit(job, queries.pending_sections(job)[0])


def test_finishing_early_says_what_is_missing(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    steps.plan_document(job)
    with pytest.raises(Exception, match="still lacks 3 sections, 3 headings and 0 sentences"):
        steps.finish_document(job)
