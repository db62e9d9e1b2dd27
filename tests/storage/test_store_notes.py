"""Notes: kept with their sections, copied with them, never replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from storage import NewPlanItem, Note, SpaceRef

if TYPE_CHECKING:
    from .conftest import Author


def note(text: str) -> Note:
    return Note(text=text, title="Known", heading="Part", score=0.5)


def test_notes_are_kept_and_none_is_not_unknown(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.finished()
    ids = {item.path: item.id for item in store.get_outline(lease.document_id).items}
    assert store.get_notes(lease.document_id) == {}
    ropes = replace(note("Ropes hold,"), block="verse", begins=True)
    with store.fenced(lease) as tx:
        tx.set_notes({ids["1"]: [ropes], ids["2.1"]: []})
    assert store.get_notes(lease.document_id) == {ids["1"]: (ropes,), ids["2.1"]: ()}
    with store.fenced(lease) as tx:
        tx.set_notes({ids["1"]: [note("Other.")], ids["2.1"]: [note("Late.")], ids["2.2"]: [note("First.")]})
    found = store.get_notes(lease.document_id)
    assert found == {ids["1"]: (ropes,), ids["2.1"]: (), ids["2.2"]: (note("First."),)}


def test_an_item_that_an_edit_left_as_it_was_keeps_its_notes(author: Author, space: SpaceRef) -> None:
    store = author.store
    lease = author.finished()
    old = store.get_outline(lease.document_id)
    ids = {item.path: item.id for item in old.items}
    with store.fenced(lease) as tx:
        tx.set_notes({ids["1"]: [note("One.")], ids["2.1"]: [note("Two.")]})
    edited = [
        author.item("1", planned_length=5),
        author.item("2"),
        NewPlanItem(**{**vars(author.item("2.1")), "path": "2.2"}),
    ]
    new = store.create_outline_version(lease, edited, space=space)
    moved = {item.path: item.id for item in new.items}
    assert store.get_notes(lease.document_id) == {moved["2.2"]: (note("Two."),)}
    assert store.get_notes(lease.document_id, old.id)[ids["1"]] == (note("One."),)


def test_notes_of_another_document_are_not_set(author: Author) -> None:
    store = author.store
    mine, other = author.finished(), author.finished()
    theirs = store.get_outline(other.document_id).items[0].id
    with store.fenced(mine) as tx:
        tx.set_notes({theirs: [note("Not yours.")]})
    assert store.get_notes(other.document_id) == {}
