"""Writing results: prompt concepts, sentence concepts, renderings.

Each commit belongs to a unit and happens once: the unit is set to done first; if it was done already, nothing else
is written.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, exists, insert, select, update

from concepts.counting import counted
from concepts.errors import NotFoundError, StorageError
from storage.database.tables import (
    Concept,
    Document,
    Outline,
    PlanItem,
    PromptConceptRow,
    Rendering,
    TitleRow,
)
from storage.records import (
    ItemConcepts,
    ItemText,
    NewRendering,
    PromptConcept,
    RenderingRecord,
    StoredConcepts,
    Undecoded,
    UnitRecord,
    check_block,
)
from storage.rows.outlines import active_outline_id, chunked, item_belongs_to, reading_order
from storage.texts import check_text
from storage.vectors import pack_vector, pack_vectors, unpack_vector, unpack_vectors

if TYPE_CHECKING:
    from storage.records import Vector


def insert_prompt(
    connection: Connection, document_id: str, concepts: Sequence[PromptConcept], dim: int
) -> bool:
    """Insert the prompt's concepts in the given order; return False if they are stored already."""
    if connection.scalar(select(exists().where(PromptConceptRow.c.document_id == document_id))):
        return False
    count = {"prompt": 0, "goal": 0}
    rows: list[dict[str, object]] = []
    for concept in concepts:
        what = f"{concept.role} sentence {count[concept.role]}"
        rows.append(
            {
                "document_id": document_id,
                "role": concept.role,
                "ordinal": count[concept.role],
                "text": check_text(what, concept.text),
                "vector": pack_vector(concept.vector, dim, what),
            }
        )
        count[concept.role] += 1
    if rows:
        connection.execute(insert(PromptConceptRow), rows)
    return True


def get_prompt(connection: Connection, document_id: str) -> tuple[PromptConcept, ...]:
    """Return the prompt's concepts, then the goal's, in order."""
    rows = connection.execute(
        select(
            PromptConceptRow.c.role,
            PromptConceptRow.c.ordinal,
            PromptConceptRow.c.text,
            PromptConceptRow.c.vector,
        )
        .where(PromptConceptRow.c.document_id == document_id)
        .order_by(PromptConceptRow.c.role.desc(), PromptConceptRow.c.ordinal)
    )
    return tuple(
        PromptConcept(
            text=row.text,
            vector=unpack_vector(row.vector, "a prompt vector"),
            role="goal" if row.role == "goal" else "prompt",
        )
        for row in rows
    )


def insert_concepts(
    connection: Connection, unit: UnitRecord, written: Sequence[ItemConcepts], dim: int
) -> None:
    """Insert the sentences of all items of a unit and set the items to written."""
    got = [item.item_id for item in written]
    if sorted(got) != sorted(unit.item_ids):
        raise StorageError(
            f"{unit.stage} unit {unit.ordinal} holds the items {sorted(unit.item_ids)}, "
            f"but {sorted(got)} were to be committed: run the unit as it was written down"
        )
    rows: list[dict[str, object]] = []
    for item in written:
        blobs = pack_vectors(item.vectors, dim, f"the text of item {item.item_id}")
        rows += [
            {"plan_item_id": item.item_id, "ordinal": ordinal, "vector": blob}
            for ordinal, blob in enumerate(blobs)
        ]
        changed = connection.execute(
            update(PlanItem)
            .where(PlanItem.c.id == item.item_id, PlanItem.c.status == "pending")
            .values(
                # Without sentences there is nothing to decode.
                status="written" if blobs else "decoded",
                stop_reason=item.stop_reason,
                similarity=finite(item.similarity),
            )
        )
        if changed.rowcount == 0:
            raise StorageError(f"item {item.item_id} is written already: make a new outline version")
    if rows:
        connection.execute(insert(Concept), rows)


GIVEN = "given"
"""Stop reason and decoder of given text."""


def insert_text(
    connection: Connection, document_id: str, given: Sequence[ItemText], lang: str, dim: int
) -> None:
    """Insert given sentences of pending items: their concepts, and their texts in `lang`."""
    own = connection.scalar(select(Document.c.lang).where(Document.c.id == document_id))
    concepts: list[dict[str, object]] = []
    texts: dict[tuple[int, int], tuple[str, str | None]] = {}
    for item in given:
        blobs = pack_vectors(item.vectors, dim, f"the text of item {item.item_id}")
        if len(blobs) != len(item.texts):
            raise StorageError(
                f"item {item.item_id} was given {counted(len(item.texts), 'sentence')} with "
                f"{counted(len(blobs), 'vector')}"
            )
        begun = item.blocks or (None,) * len(blobs)
        if len(begun) != len(blobs):
            raise StorageError(
                f"item {item.item_id} was given {counted(len(blobs), 'sentence')} with {counted(len(begun), 'block')}"
            )
        changed = connection.execute(
            update(PlanItem)
            .where(
                PlanItem.c.id == item.item_id, PlanItem.c.status == "pending", item_belongs_to(document_id)
            )
            .values(status="decoded" if own == lang or not blobs else "written", stop_reason=GIVEN)
        )
        if changed.rowcount == 0:
            raise StorageError(f"item {item.item_id} is no pending item of document {document_id}")
        for ordinal, (blob, sentence, block) in enumerate(zip(blobs, item.texts, begun, strict=True)):
            concepts.append({"plan_item_id": item.item_id, "ordinal": ordinal, "vector": blob})
            texts[item.item_id, ordinal] = (check_text("a given sentence", sentence), check_block(block))
    if not concepts:
        return
    stored = connection.execute(
        insert(Concept).returning(Concept.c.id, Concept.c.plan_item_id, Concept.c.ordinal), concepts
    )
    rows = [
        {
            "concept_id": row.id,
            "plan_item_id": None,
            "lang": lang,
            "text": text,
            "block": block,
            "score": None,
            "decoder": GIVEN,
        }
        for row in stored
        for text, block in [texts[row.plan_item_id, row.ordinal]]
    ]
    connection.execute(insert(Rendering), rows)


def insert_title(connection: Connection, unit: UnitRecord, title: str) -> None:
    """Set the title in a decode unit's language."""
    key = (TitleRow.c.document_id == unit.document_id, TitleRow.c.lang == unit.lang)
    connection.execute(delete(TitleRow).where(*key))
    row = {"document_id": unit.document_id, "lang": unit.lang, "text": check_text("the title", title)}
    connection.execute(insert(TitleRow), [row])


def finite(score: float | None) -> float | None:
    """Return a score, with NaN and the infinities as None: SQLite would store NULL, PostgreSQL NaN."""
    return None if score is None or not math.isfinite(score) else float(score)


def insert_renderings(
    connection: Connection, unit: UnitRecord, renderings: Sequence[NewRendering], decoder: str | None
) -> None:
    """Insert the texts of a decode unit; in the document's language also set statuses and headings of items."""
    items = [r.item_id for r in renderings if r.item_id is not None]
    concepts = [r.concept_id for r in renderings if r.concept_id is not None]
    if sorted(items) != sorted(unit.item_ids) or sorted(concepts) != sorted(unit.concept_ids):
        raise StorageError(
            f"{unit.stage} unit {unit.ordinal} holds {counted(len(unit.item_ids), 'heading')} and "
            f"{counted(len(unit.concept_ids), 'sentence')}, but others were to be committed: "
            "run the unit as it was written down"
        )
    if not unit.lang:
        raise StorageError(f"{unit.stage} unit {unit.ordinal} has no language: plan decode units with lang=")
    if not renderings:
        return
    connection.execute(
        insert(Rendering),
        [
            {
                "concept_id": r.concept_id,
                "plan_item_id": r.item_id,
                "lang": unit.lang,
                "text": check_text("a rendering", r.text),
                "block": r.block,
                "score": finite(r.score),
                "decoder": decoder,
            }
            for r in renderings
        ],
    )
    own = connection.scalar(select(Document.c.lang).where(Document.c.id == unit.document_id))
    if own != unit.lang:
        return
    for r in renderings:
        if r.item_id is not None:
            connection.execute(update(PlanItem).where(PlanItem.c.id == r.item_id).values(heading=r.text))
    _mark_decoded(connection, unit.document_id, unit.lang, concepts)


def _mark_decoded(connection: Connection, document_id: str, lang: str, concept_ids: Sequence[int]) -> None:
    done = exists().where(Rendering.c.concept_id == Concept.c.id, Rendering.c.lang == lang)
    lacking = exists().where(Concept.c.plan_item_id == PlanItem.c.id, ~done)
    for ids in chunked(concept_ids):
        touched = select(Concept.c.plan_item_id).where(Concept.c.id.in_(ids))
        connection.execute(
            update(PlanItem)
            .where(PlanItem.c.id.in_(touched), item_belongs_to(document_id))
            .where(PlanItem.c.status == "written", ~lacking)
            .values(status="decoded")
        )


def check_members(connection: Connection, document_id: str, unit: UnitRecord) -> None:
    """Raise NotFoundError if a unit names items or concepts of another document."""
    num_items = sum(
        len(
            connection.scalars(
                select(PlanItem.c.id).where(PlanItem.c.id.in_(ids), item_belongs_to(document_id))
            ).all()
        )
        for ids in chunked(unit.item_ids)
    )
    num_concepts = sum(
        len(
            connection.scalars(
                select(Concept.c.id)
                .join(PlanItem, Concept.c.plan_item_id == PlanItem.c.id)
                .where(Concept.c.id.in_(ids), item_belongs_to(document_id))
            ).all()
        )
        for ids in chunked(unit.concept_ids)
    )
    if num_items != len(set(unit.item_ids)) or num_concepts != len(set(unit.concept_ids)):
        raise NotFoundError(
            f"{unit.stage} unit {unit.ordinal} names items or concepts "
            f"that document {document_id} does not have"
        )


def get_concepts(connection: Connection, item_ids: Sequence[int]) -> dict[int, StoredConcepts]:
    """Return the sentences of each item, in order; an item without any has shape (0, D), or is left out if its
    document has no space yet."""
    rows: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    dims: dict[int, int] = {}
    for ids in chunked(item_ids):
        owners = connection.execute(
            select(PlanItem.c.id, Document.c.space_dim)
            .join(Outline, PlanItem.c.outline_id == Outline.c.id)
            .join(Document, Outline.c.document_id == Document.c.id)
            .where(PlanItem.c.id.in_(ids), Document.c.space_dim.is_not(None))
        )
        dims |= {row.id: row.space_dim for row in owners}
        stored = connection.execute(
            select(Concept.c.plan_item_id, Concept.c.id, Concept.c.vector)
            .where(Concept.c.plan_item_id.in_(ids))
            .order_by(Concept.c.plan_item_id, Concept.c.ordinal)
        )
        for row in stored:
            rows[row.plan_item_id].append((row.id, row.vector))
    return {
        item_id: StoredConcepts(
            item_id=item_id,
            concept_ids=tuple(concept_id for concept_id, _ in rows[item_id]),
            vectors=unpack_vectors(
                [blob for _, blob in rows[item_id]], dims[item_id], f"the text of item {item_id}"
            ),
        )
        for item_id in item_ids
        if item_id in dims
    }


def get_renderings(
    connection: Connection, document_id: str, lang: str, outline_id: int | None = None
) -> tuple[RenderingRecord, ...]:
    """Return an outline's texts (None: the active one's) in one language: each heading, then its sentences."""
    found = []
    if outline_id is None:
        outline_id = active_outline_id(connection, document_id)
    headings = connection.execute(
        select(PlanItem.c.path, Rendering)
        .join(PlanItem, Rendering.c.plan_item_id == PlanItem.c.id)
        .where(PlanItem.c.outline_id == outline_id, Rendering.c.lang == lang)
    )
    for row in headings:
        found.append(((reading_order(row.path), -1), row))
    sentences = connection.execute(
        select(PlanItem.c.path, Concept.c.ordinal, Rendering)
        .join(Concept, Rendering.c.concept_id == Concept.c.id)
        .join(PlanItem, Concept.c.plan_item_id == PlanItem.c.id)
        .where(PlanItem.c.outline_id == outline_id, Rendering.c.lang == lang)
    )
    for row in sentences:
        found.append(((reading_order(row.path), row.ordinal), row))
    return tuple(
        RenderingRecord(
            concept_id=row.concept_id,
            item_id=row.plan_item_id,
            lang=row.lang,
            text=row.text,
            score=row.score,
            decoder=row.decoder,
            block=row.block,
        )
        for _, row in sorted(found, key=lambda pair: pair[0])
    )


def get_undecoded(connection: Connection, document_id: str, lang: str) -> Undecoded:
    """Return the headings and sentences of the active outline that have no text in `lang`, in reading order."""
    outline_id = active_outline_id(connection, document_id)
    heading = exists().where(Rendering.c.plan_item_id == PlanItem.c.id, Rendering.c.lang == lang)
    items = connection.execute(
        select(PlanItem.c.id, PlanItem.c.path).where(
            PlanItem.c.outline_id == outline_id, PlanItem.c.lead.is_not(None), ~heading
        )
    ).all()
    text = exists().where(Rendering.c.concept_id == Concept.c.id, Rendering.c.lang == lang)
    concepts = connection.execute(
        select(Concept.c.id, PlanItem.c.path, Concept.c.ordinal)
        .join(PlanItem, Concept.c.plan_item_id == PlanItem.c.id)
        .where(PlanItem.c.outline_id == outline_id, ~text)
    ).all()
    return Undecoded(
        item_ids=tuple(row.id for row in sorted(items, key=lambda row: reading_order(row.path))),
        concept_ids=tuple(
            row.id for row in sorted(concepts, key=lambda row: (reading_order(row.path), row.ordinal))
        ),
    )


def get_owners(connection: Connection, concept_ids: Sequence[int]) -> dict[int, int]:
    """Return the item id of each concept that exists."""
    found: dict[int, int] = {}
    for ids in chunked(concept_ids):
        rows = connection.execute(select(Concept.c.id, Concept.c.plan_item_id).where(Concept.c.id.in_(ids)))
        found |= {row.id: row.plan_item_id for row in rows}
    return found


def get_concept_vectors(connection: Connection, concept_ids: Sequence[int]) -> Vector:
    """Return the vectors (S, D) of concepts in the given order; raise NotFoundError for a missing one."""
    found: dict[int, bytes] = {}
    for ids in chunked(concept_ids):
        found |= {
            row.id: row.vector
            for row in connection.execute(select(Concept.c.id, Concept.c.vector).where(Concept.c.id.in_(ids)))
        }
    missing = sorted(set(concept_ids) - set(found))
    if missing:
        raise NotFoundError(f"no concept has the id {missing[0]}: the outline was edited or deleted")
    blobs = [found[concept_id] for concept_id in concept_ids]
    return unpack_vectors(blobs, len(blobs[0]) // 4 if blobs else 0, "a concept")
