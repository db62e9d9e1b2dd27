"""Edited outlines are written in the flow's steps: only what changed, around what did not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.document.asked.options import WritingOptions
from longhand.outline.drafts import Add, Drop, Move, SetHeading, SetLength
from longhand.outline.editing import edit_outline, restore_version, rewrite_item
from storage import OutlineRecord, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine

Make = Callable[..., Any]
FOUR = WritingOptions(sections=4, items_per_unit=2, texts_per_unit=8)


@pytest.fixture
def written(store: Store, new_document: Make, new_job: Make) -> str:
    """The id of a finished document with four sections."""
    document_id: str = new_document(store, FOUR)
    job = new_job(store, document_id)
    run_steps(job)
    store.release(job.lease)
    return document_id


def go_on(store: Store, document_id: str, new_job: Make) -> FakeEngine:
    """Write what an edit left to be written and return the engine that did it."""
    engine = FakeEngine()
    job = new_job(store, document_id, engine)
    run_steps(job)
    store.release(job.lease)
    assert store.get_document(document_id).status == "done"
    assert store.export_document(document_id).num_missing == 0
    return engine


def texts(store: Store, document_id: str) -> dict[str, tuple[str, ...]]:
    """Return the sentences of every section by its heading."""
    sections = store.export_document(document_id).sections
    return {s.heading or "": tuple(sentence.text for sentence in s.sentences) for s in sections}


def changed(before: OutlineRecord, after: OutlineRecord) -> set[str]:
    """Return the paths whose plan is another one."""
    old = {item.path: item.content_hash for item in before.items}
    return {item.path for item in after.items if old.get(item.path) != item.content_hash}


def test_only_a_renamed_section_is_written(store: Store, written: str, new_job: Make) -> None:
    before, plan = texts(store, written), store.get_outline(written, vectors=True)
    outline = edit_outline(store, written, [SetHeading("2", "Another thing")])
    assert (outline.version, outline.source, store.get_document(written).status) == (2, "user", "planned")
    engine = go_on(store, written, new_job)
    assert (engine.calls.count("encode"), engine.calls.count("fill"), engine.calls.count("write")) == (
        2,  # the heading, and the notes of its section
        1,
        1,
    )
    after, found = store.get_outline(written, vectors=True), texts(store, written)
    assert changed(plan, after) == {"2"}
    assert list(found)[1] == "Another thing"
    assert found["Another thing"] not in before.values()
    assert len([text for text in found.values() if text in before.values()]) == 3
    # The new heading has a lead and a gist of its own; the length was not the user's wish.
    assert after.items[1].lead is not None and plan.items[1].lead is not None
    assert after.items[1].lead.tobytes() != plan.items[1].lead.tobytes()
    assert after.items[1].planned_length == plan.items[1].planned_length


def test_another_length_keeps_the_plan_and_asks_no_planner(store: Store, written: str, new_job: Make) -> None:
    plan = store.get_outline(written, vectors=True)
    edit_outline(store, written, [SetLength("3", 9)])
    engine = go_on(store, written, new_job)
    assert "fill" not in engine.calls
    after = store.get_outline(written, vectors=True)
    assert after.items[2].gist is not None and plan.items[2].gist is not None
    assert after.items[2].gist.tobytes() == plan.items[2].gist.tobytes()
    assert len(list(texts(store, written).values())[2]) == 9


def test_moving_and_dropping_write_nothing(store: Store, written: str) -> None:
    before = texts(store, written)
    first, second, third, fourth = before
    outline = edit_outline(store, written, [Move("4", "1"), Drop("2")])
    assert store.get_document(written).status == "done"
    assert [item.heading for item in outline.items] == [fourth, first, third]
    assert texts(store, written) == {name: before[name] for name in (fourth, first, third)}
    assert second not in texts(store, written)


def test_a_section_may_become_a_part_and_back(store: Store, written: str, new_job: Make) -> None:
    before = list(texts(store, written).values())
    edit_outline(store, written, [Add("First step", under="2"), Move("3", "2.2")])
    go_on(store, written, new_job)
    part = store.export_document(written).sections[1]
    assert not part.sentences
    assert part.children[0].heading == "First step"
    # What went below the part kept its text.
    assert tuple(s.text for s in part.children[1].sentences) == before[2]
    edit_outline(store, written, [Drop("2.1"), Drop("2.2")])
    go_on(store, written, new_job)
    section = store.export_document(written).sections[1]
    assert section.is_leaf and section.sentences and not section.children


def test_a_second_edit_before_the_first_is_written(store: Store, written: str, new_job: Make) -> None:
    before = texts(store, written)
    edit_outline(store, written, [SetHeading("1", "New one"), Add("New two")])
    edit_outline(store, written, [Move("5", "1"), SetLength("4", 7)])
    go_on(store, written, new_job)
    found = texts(store, written)
    assert list(found)[:2] == ["New two", "New one"]
    kept = [name for name in found if found[name] == before.get(name)]
    assert kept == list(before)[1:3]


def test_rewriting_redoes_exactly_one_section(store: Store, written: str, new_job: Make) -> None:
    before = list(texts(store, written).values())
    rewrite_item(store, written, "3", seed=9)
    # The wish outlives another edit that comes before it is carried out.
    edit_outline(store, written, [Move("4", "1")])
    (unit,) = store.pending_units(written, "write")
    assert unit.extra == {"seed": 9}
    engine = go_on(store, written, new_job)
    assert engine.calls.count("write") == 1
    assert "fill" not in engine.calls
    after = list(texts(store, written).values())
    assert [after[1], after[2], after[0]] == [before[0], before[1], before[3]]
    assert after[3] != before[2]


def test_versions_can_be_restored(store: Store, written: str, new_job: Make) -> None:
    before = texts(store, written)
    edit_outline(store, written, [SetHeading("1", "Another thing")])
    restore_version(store, written, 1)
    assert (texts(store, written), store.get_document(written).status) == (before, "done")
    restore_version(store, written, 2)
    assert store.get_document(written).status == "planned"
    go_on(store, written, new_job)
    assert "Another thing" in texts(store, written)
    assert [outline.version for outline in store.list_outlines(written)] == [1, 2]


def test_a_crash_at_any_commit_of_an_edit_changes_nothing(
    store: Store, url: str, written: str, new_job: Make, outcome: Make, states_of: Make
) -> None:
    edit_outline(store, written, [SetHeading("1", "Another thing"), SetLength("2", 6), Add("Last")])
    states = states_of(url, lambda: run_steps(new_job(store, written)))
    calm = outcome(store, written)
    assert len(states) > 8
    for number, state in enumerate(states):
        with Store.open(state) as copy:
            run_steps(new_job(copy, written, steal=True))
            assert outcome(copy, written) == calm, f"behind commit {number}"
