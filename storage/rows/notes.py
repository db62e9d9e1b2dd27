"""Notes: library sentences that each section is written from, with their source documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select, update

from concepts.blocks import Note
from storage.database.tables import PlanItem
from storage.records import check_block
from storage.rows.outlines import active_outline_id, item_belongs_to
from storage.texts import check_text


def set_notes(connection: Connection, document_id: str, notes: Mapping[int, Sequence[Note]]) -> None:
    """Store notes of leaves by item id; leaves that have notes already, and other documents' items, stay unchanged."""
    for item_id, own in notes.items():
        rows = [
            {
                "text": check_text("a note", note.text),
                "title": check_text("the title of a note's document", note.title),
                "heading": check_text("the heading of a note", note.heading),
                "score": note.score,
                "block": check_block(note.block),
                "begins": note.begins,
            }
            for note in own
        ]
        connection.execute(
            update(PlanItem)
            .where(PlanItem.c.id == item_id, item_belongs_to(document_id), PlanItem.c.notes.is_(None))
            .values(notes=rows)
        )


def get_notes(
    connection: Connection, document_id: str, outline_id: int | None = None
) -> dict[int, tuple[Note, ...]]:
    """Return the notes of an outline's items (None: the active one's) by item id.

    Items for which nobody looked for notes are left out.
    """
    if outline_id is None:
        outline_id = active_outline_id(connection, document_id)
    if outline_id is None:
        return {}
    rows = connection.execute(
        select(PlanItem.c.id, PlanItem.c.notes)
        .where(
            PlanItem.c.outline_id == outline_id, item_belongs_to(document_id), PlanItem.c.notes.is_not(None)
        )
        .order_by(PlanItem.c.id)
    )
    return {row.id: tuple(Note(**note) for note in row.notes) for row in rows}
