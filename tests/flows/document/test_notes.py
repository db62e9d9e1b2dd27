"""The step that looks for notes: once, before the first section, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flows.document import queries
from flows.document.asked.options import NO_LIBRARY, WritingOptions
from flows.document.engine import NotesAsk, SayAsk, Text
from flows.document.noted import is_passage, place_notes
from flows.document.order import steps_left
from longhand.outline.editing import rewrite_item
from storage import Note, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine

Make = Callable[..., Any]


class Listening(FakeEngine):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[NotesAsk] = []
        self.says: list[SayAsk] = []

    def find_notes(self, ask: NotesAsk) -> list[tuple[Note, ...]]:
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
    assert ask.typed == store.get_document(document_id).prompt
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


HEADINGS = ["Water", "Flowers", "Nesting"]


@pytest.mark.parametrize(
    ("options", "is_known"),
    [
        (WritingOptions(sections=3), True),
        (WritingOptions(), True),
        (WritingOptions(sections=2), False),
        (WritingOptions(sections=3, library=NO_LIBRARY), False),
        (WritingOptions(sections=3, depth=2), True),
        (WritingOptions(sections=6, depth=2), False),
    ],
)
def test_a_subject_that_the_library_knows_is_planned_from_it(
    store: Store, new_document: Make, new_job: Make, options: WritingOptions, *, is_known: bool
) -> None:
    """The planner gives gist and length; where the library knows too little, it gives the leads, too."""
    engine = FakeEngine()
    engine.outline = HEADINGS
    document_id = new_document(store, options)
    run_steps(new_job(store, document_id, engine))
    outline = store.get_outline(document_id)
    assert ([item.heading for item in outline.children()] == HEADINGS) == is_known
    assert ("plan" in engine.calls) != is_known
    assert ("fill" in engine.calls) == is_known


def note(number: int, score: float) -> Note:
    return Note(text=f"Tea is note number {number}.", title="Tea", heading="Water", score=score)


DRAWN = np.zeros((5, 2), dtype=np.float32)


@pytest.mark.parametrize(
    ("scores", "places"),
    [
        ([], [None] * 5),
        ([0.5], [0, None, None, None, None]),
        ([0.5, 0.9], [0, 1]),
        ([0.5, 0.9, 0.6, 0.7], [0, 1, 2, 3]),
        ([0.5, 0.9, 0.1, 0.7, 0.6, 0.8], [0, 1, 3, 4, 5]),
    ],
)
def test_a_section_begins_with_its_best_notes_in_their_order(
    scores: list[float], places: list[int | None]
) -> None:
    notes = [note(n, score) for n, score in enumerate(scores)]
    vectors = np.arange(2, 2 + 2 * len(notes), dtype=np.float32).reshape(-1, 2)
    found = place_notes(DRAWN, vectors, notes)
    wanted = [DRAWN[0] if place is None else vectors[place] for place in places]
    assert np.array_equal(found, np.stack(wanted))


def test_where_nobody_named_a_length_there_is_room_for_more_notes() -> None:
    notes = [note(n, 0.5) for n in range(9)]
    vectors = np.arange(2, 20, dtype=np.float32).reshape(-1, 2)
    assert len(place_notes(DRAWN, vectors, notes, least_room=7)) == 7
    assert len(place_notes(DRAWN, vectors, notes, least_room=2)) == len(DRAWN)


def test_what_leans_on_a_note_stays_with_it() -> None:
    notes = [
        note(0, 0.9),
        note(1, 0.2),
        replace(note(2, 0.2), text="It is hot and it is sweet."),
        note(3, 0.5),
    ]
    vectors = np.arange(2, 10, dtype=np.float32).reshape(-1, 2)
    assert np.array_equal(place_notes(DRAWN[:3], vectors, notes), vectors[[0, 3]])
    assert np.array_equal(place_notes(DRAWN[:4], vectors, notes), vectors)


def test_a_list_is_said_whole_with_some_sentences_before_it() -> None:
    notes = [note(n, 0.5) for n in range(4)]
    notes += [replace(note(n, 0.4), block="step") for n in range(4, 10)]
    vectors = np.arange(2, 22, dtype=np.float32).reshape(-1, 2)
    assert np.array_equal(place_notes(DRAWN, vectors, notes), vectors[[0, 1, *range(4, 10)]])


def test_a_poem_is_said_whole_whatever_the_length_and_the_seed() -> None:
    notes = [replace(note(n, 0.5), block="verse", begins=n in (0, 4)) for n in range(8)]
    vectors = np.arange(2, 18, dtype=np.float32).reshape(-1, 2)
    for seed in (None, 1, 2):
        assert np.array_equal(place_notes(DRAWN, vectors, notes, seed=seed), vectors)


def test_a_passage_is_said_whole_where_nobody_named_a_length() -> None:
    notes = [replace(note(n, 0.5), begins=n in (0, 5), block="paragraph") for n in range(9)]
    vectors = np.arange(2, 20, dtype=np.float32).reshape(-1, 2)
    assert is_passage(notes) and not is_passage(notes[1:]) and not is_passage([])
    assert not is_passage([*notes, replace(notes[0], heading="Other")])
    assert np.array_equal(place_notes(DRAWN, vectors, notes, least_room=None), vectors)
    assert np.array_equal(place_notes(DRAWN, vectors, notes), vectors[:5]), (
        "its beginning where there is less room"
    )


def test_only_a_length_that_was_named_is_filled(store: Store, new_document: Make, new_job: Make) -> None:
    """Of two typed sections with two notes each, one was to have five sentences."""
    outline = tuple((str(n), heading) for n, heading in enumerate((*HEADINGS, *HEADINGS), 1))
    document_id = new_document(store, WritingOptions(outline=outline, lengths=(("3", 5),)))
    run_steps(new_job(store, document_id))
    sections = {item.path: item for item in store.get_outline(document_id).leaves()}
    notes = store.get_notes(document_id)
    written = {path: store.get_concepts([item.id])[item.id].vectors for path, item in sections.items()}
    assert [len(notes[sections[path].id]) for path in ("3", "6")] == [2, 2]
    assert len(written["6"]) == 2 and len(written["3"]) > 2


def test_a_section_that_is_to_be_written_differently_leaves_notes_out() -> None:
    notes = [note(n, 0.5) for n in range(5)]
    vectors = np.arange(2, 12, dtype=np.float32).reshape(-1, 2)
    found = {place_notes(DRAWN, vectors, notes, seed=seed).tobytes() for seed in range(12)}
    assert len(found) > 2
    again = place_notes(DRAWN, vectors, notes, seed=3)
    assert len(again) == 3 and not (again == 0).all(axis=1).any()
    assert np.array_equal(again, place_notes(DRAWN, vectors, notes, seed=3))


def test_what_the_store_holds_are_the_concepts_of_the_notes(
    store: Store, new_document: Make, new_job: Make
) -> None:
    document_id = new_document(store)
    engine = FakeEngine()
    run_steps(new_job(store, document_id, engine))
    last = store.get_outline(document_id).leaves()[2]
    notes = store.get_notes(document_id)[last.id]
    vectors = store.get_concepts([last.id])[last.id].vectors
    assert np.allclose(vectors[: len(notes)], engine.encode([note.text for note in notes], "eng_Latn"))
