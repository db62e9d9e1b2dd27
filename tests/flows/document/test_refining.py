"""An item drawn once more: the last step is what is stored, and what was not drawn so is refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from concepts.errors import InputError, ModelError
from flows.document.asked.options import NO_LIBRARY, WritingOptions
from flows.document.engine import LeafPlan, Text
from flows.document.refining import DraftsAsk, Refinement, Steps, choose_steps, refine_item
from longhand.outline.editing import rewrite_item
from storage import Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import DIM, FakeEngine, vectors

Make = Callable[..., Any]
TIMES = (1.0, 0.75, 0.5, 0.25)
SMALL = WritingOptions(sections=3, items_per_unit=2)


def from_noise(end: Any) -> Steps:
    """Return steps that come nearer to `end`."""
    noise = vectors(end.shape, "noise")
    rows = [time * noise + (1 - time) * end for time in TIMES[:-1]]
    return Steps(times=TIMES, vectors=np.stack([*rows, end]).astype(np.float32))


class Refining(FakeEngine):
    """The fake engine, with steps; `drift` is added to what is drawn again."""

    drift = 0.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[DraftsAsk] = []

    def refine_plan(self, prompt: Any, **asked: Any) -> list[Steps]:
        return [from_noise(item.lead) for item in self.plan(prompt, **asked)]

    def refine_section(self, plan: LeafPlan, paths: Sequence[str], path: str, *, seed: int) -> Steps:
        found = {section.path: section.vectors for section in self.write(plan, paths, seed=seed)}
        return from_noise(found[path] + self.drift)

    def say_drafts(self, ask: DraftsAsk) -> list[Text]:
        self.asked.append(ask)
        return [Text(text=f"draft {place}", score=0.5) for place in ask.places]


def refine(
    store: Store, document_id: str, path: str, engine: Refining | None = None, num: int = 3
) -> Refinement:
    engine = Refining() if engine is None else engine
    return refine_item(store, store.get_document(document_id), path, engine, num_drafts=num)


@pytest.mark.parametrize("changes", [{}, {"steps": 4, "guidance": 2.5}])
def test_an_item_becomes_clear(
    store: Store, new_document: Make, new_job: Make, changes: dict[str, Any]
) -> None:
    document_id = new_document(store, WritingOptions(sections=3, items_per_unit=2, **changes))
    run_steps(new_job(store, document_id))
    engine = Refining()
    found = refine(store, document_id, "2", engine)
    section = store.export_document(document_id).sections[1]
    assert [draft.step for draft in found.heading] == [1, 3, 4]
    assert [draft.time for draft in found.heading] == [1.0, 0.5, 0.25]
    assert found.heading[-1].text == section.heading
    assert [drafts[-1].text for drafts in found.sentences] == [s.text for s in section.sentences]
    assert found.sentences[1][0].text == "draft 1"
    # the first sentence is a note of the library, which nothing drew
    assert [draft.text for draft in found.sentences[0]] == [section.sentences[0].text]
    for drafts in (found.heading, *found.sentences[1:]):
        assert drafts[0].similarity < drafts[-1].similarity == pytest.approx(1.0)
    (ask,) = engine.asked
    assert ask.here == 1
    assert ask.places == tuple(n for n in range(1, len(section.sentences)) for _ in range(2))
    assert [text for text, _ in ask.texts] == [s.text for s in section.sentences]
    assert ask.vectors.shape == (len(ask.places), DIM)


def test_sections_of_older_versions_are_drawn_by_their_plan(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store, replace(SMALL, library=NO_LIBRARY))
    job = new_job(store, document_id)
    run_steps(job)
    store.release(job.lease)
    rewrite_item(store, document_id, "3", seed=99)
    with pytest.raises(InputError, match=f"item 3 of {document_id} is not written yet: longhand resume"):
        refine(store, document_id, "3")
    run_steps(new_job(store, document_id))
    for path in ("1", "3"):
        assert len(refine(store, document_id, path).sentences) > 0


def test_what_is_the_librarys_has_no_steps(store: Store, new_document: Make, new_job: Make) -> None:
    noted, planned = (new_document(store, WritingOptions(sections=3)) for _ in range(2))
    run_steps(new_job(store, noted))
    with pytest.raises(InputError, match=f"item 3 of {noted} is made of notes, which nothing drew"):
        refine(store, noted, "3")
    engine = Refining()
    engine.outline = ["Water", "Leaves", "Cups"]
    run_steps(new_job(store, planned, engine))
    with pytest.raises(InputError, match=f"the heading of item 1 of {planned} is the library's, not drawn"):
        refine(store, planned, "1", engine)


def test_a_part_has_a_heading_alone(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, WritingOptions(sections=4, depth=2))
    run_steps(new_job(store, document_id))
    found = refine(store, document_id, "1")
    assert (len(found.heading), found.sentences, found.num_write_steps) == (3, (), 0)
    assert refine(store, document_id, "1.2").sentences


def test_what_was_given_has_no_steps(store: Store, new_document: Make, new_job: Make) -> None:
    outline = (("1", "Find a folder"), ("2", "Share it"))
    document_id = new_document(store, WritingOptions(outline=outline))
    run_steps(new_job(store, document_id))
    with pytest.raises(InputError, match=r"the heading of item 1 of .* was given, not drawn"):
        refine(store, document_id, "1")


def test_what_is_not_there(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, SMALL)
    with pytest.raises(InputError, match="has no item 1: nothing is planned yet"):
        refine(store, document_id, "1")
    run_steps(new_job(store, document_id))
    with pytest.raises(InputError, match="has no item 9: it has 1, 2, 3"):
        refine(store, document_id, "9")


def test_other_models_and_other_draws_are_refused(store: Store, new_document: Make, new_job: Make) -> None:
    document_id = new_document(store, SMALL)
    run_steps(new_job(store, document_id))
    for kind in ("planner", "writer", "voice"):
        engine = Refining()
        setattr(engine, kind, getattr(FakeEngine(version="2"), kind))
        with pytest.raises(ModelError, match=f"was begun with the {kind} fake-{kind}@1, got fake-{kind}@2"):
            refine(store, document_id, "1", engine)
    engine = Refining()
    engine.drift = 3.0
    with pytest.raises(ModelError, match=f"the writer does not draw item 1 of {document_id} again"):
        refine(store, document_id, "1", engine)


def test_steps_are_chosen_evenly_and_the_last_is_one() -> None:
    assert choose_steps(12, 5) == [0, 3, 6, 8, 11]
    assert choose_steps(3, 5) == [0, 1, 2]
    assert choose_steps(1, 5) == [0]
