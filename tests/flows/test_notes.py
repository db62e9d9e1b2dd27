"""The step that looks for notes: once, before the first section, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flow_fakes import FakeEngine
from step_runner import run_steps

from flows.document import queries
from flows.document.options import NO_LIBRARY, WritingOptions
from flows.document.order import steps_left
from flows.engine import NotesAsk, SayAsk, Text
from longhand.editing import rewrite_item
from storage import NoteRecord, Store

Make = Callable[..., Any]


class Listening(FakeEngine):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[NotesAsk] = []
        self.says: list[SayAsk] = []

    def find_notes(self, ask: NotesAsk) -> list[tuple[NoteRecord, ...]]:
        self.notes.append(ask)
        return super().find_notes(ask)

    def say(self, ask: SayAsk) -> list[list[Text]]:
        self.says.append(ask)
        return super().say(ask)


def test_notes_are_stored_before_sections_and_read_by_the_voice(
    store: Store, new_document: Make, new_job: Make
) -> None:
    engine = Listening()
    document_id = new_document(store)
    job = new_job(store, document_id, engine)
    kinds = []
    for step in steps_left(job):
        kinds.append(step.kind)
        step.do(job)
    assert kinds.index("headings") < kinds.index("notes") < kinds.index("write")
    leaves = store.get_outline(document_id).leaves()
    (ask,) = engine.notes
    assert ask.title == "How to share a folder" and ask.headings == tuple(leaf.heading for leaf in leaves)
    stored = store.get_notes(document_id)
    assert [len(stored[leaf.id]) for leaf in leaves] == [0, 1, 2]
    read = {section.here: section.notes for say in engine.says for section in say.sections}
    assert read == {place: stored[leaf.id] for place, leaf in enumerate(leaves)}


def test_a_section_written_again_looks_for_its_notes_alone(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store)
    job = new_job(store, document_id)
    run_steps(job)
    before = store.get_notes(document_id)
    leaves = store.get_outline(document_id).leaves()
    store.release(job.lease, "done")
    rewrite_item(store, document_id, leaves[2].path, seed=11)
    engine = Listening()
    run_steps(new_job(store, document_id, engine))
    (ask,) = engine.notes
    assert ask.known == (before[leaves[0].id], before[leaves[1].id], None)
    assert len(store.get_notes(document_id)) == 3


@pytest.mark.parametrize("use", ["none", "keep"])
def test_where_nothing_is_to_be_looked_up_nothing_is(
    store: Store, new_document: Make, new_job: Make, use: str
) -> None:
    options = WritingOptions(sections=3, library=NO_LIBRARY)
    document_id = new_document(store, options if use == "none" else WritingOptions(use="keep"))
    job = new_job(store, document_id)
    if use == "none":
        run_steps(job)
        assert store.get_notes(document_id) == {}
    assert not queries.lacks_notes(job)


def test_texts_follow_from_the_notes(store: Store, new_document: Make, new_job: Make, outcome: Make) -> None:
    with_notes, without = (
        new_document(store, WritingOptions(sections=3, library=library)) for library in (None, NO_LIBRARY)
    )
    for document_id in (with_notes, without):
        run_steps(new_job(store, document_id))
    texts = [
        [sentence.text for section in store.export_document(i).sections for sentence in section.sentences]
        for i in (with_notes, without)
    ]
    assert texts[0] != texts[1]
