"""A document in one language as a tree of headings and sentences, and all its concepts as rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select

from concepts.errors import NotFoundError
from storage.database.tables import Concept, PlanItem, Rendering
from storage.records import OutlineRecord, PlanItemRecord, RenderingRecord
from storage.results import DatasetRow, ExportedDocument, ExportedSection, ExportedSentence
from storage.rows.documents import get_document, get_title
from storage.rows.outlines import active_outline_id, get_outline, reading_order
from storage.rows.writing import get_renderings
from storage.vectors import unpack_vector


def export_document(
    connection: Connection, document_id: str, lang: str | None = None, *, version: int | None = None
) -> ExportedDocument:
    """Return the decoded part of a document; `lang` None means its own language.

    `version` None means the active outline, if there is one; a missing version raises NotFoundError.

    `num_missing` counts sentences without a text in the language; a heading falls back to the item's
    stored one only in the document's own language.
    """
    document = get_document(connection, document_id)
    lang = lang or document.lang
    try:
        outline = get_outline(connection, document_id, version)
    except NotFoundError:
        if version is not None:
            raise
        outline = None
    is_own = lang == document.lang
    sections = () if outline is None else _sections(connection, outline, lang, own=is_own)
    return ExportedDocument(
        id=document.id,
        title=document.title if is_own else get_title(connection, document.id, lang) or document.title,
        prompt=document.prompt,
        lang=lang,
        status=document.status,
        updated_at=document.updated_at,
        outline_version=None if outline is None else outline.version,
        sections=sections,
        num_missing=sum(_missing(section) for section in sections),
        author=str(document.params.get("author") or ""),
        date=str(document.params.get("date") or ""),
    )


def _missing(section: ExportedSection) -> int:
    return section.num_missing + sum(_missing(child) for child in section.children)


def _sections(
    connection: Connection, outline: OutlineRecord, lang: str, *, own: bool
) -> tuple[ExportedSection, ...]:
    places = {
        row.id: row
        for row in connection.execute(
            select(Concept.c.id, Concept.c.plan_item_id, Concept.c.ordinal)
            .join(PlanItem, Concept.c.plan_item_id == PlanItem.c.id)
            .where(PlanItem.c.outline_id == outline.id)
        )
    }
    num_concepts = Counter(place.plan_item_id for place in places.values())
    headings: dict[int, RenderingRecord] = {}
    sentences: defaultdict[int, list[ExportedSentence]] = defaultdict(list)
    for rendering in get_renderings(connection, outline.document_id, lang, outline.id):
        if rendering.item_id is not None:
            headings[rendering.item_id] = rendering
        else:
            assert rendering.concept_id is not None, "a table constraint demands it"
            place = places[rendering.concept_id]
            sentences[place.plan_item_id].append(
                ExportedSentence(
                    ordinal=place.ordinal,
                    text=rendering.text,
                    score=rendering.score,
                    block=rendering.block,
                )
            )

    children: defaultdict[str | None, list[PlanItemRecord]] = defaultdict(list)
    for item in outline.items:
        children[item.parent_path].append(item)

    def build(parent: str | None) -> tuple[ExportedSection, ...]:
        return tuple(
            ExportedSection(
                path=item.path,
                heading=headings[item.id].text if item.id in headings else item.heading if own else None,
                heading_score=headings[item.id].score if item.id in headings else None,
                sentences=tuple(sentences[item.id]),
                num_missing=num_concepts[item.id] - len(sentences[item.id]),
                is_leaf=item.is_leaf,
                status=item.status,
                stop_reason=item.stop_reason,
                children=build(item.path),
            )
            for item in children[parent]
        )

    return build(None)


def list_languages(connection: Connection, document_id: str) -> dict[str, int]:
    """Return how many sentences of the active outline are decoded in each language."""
    rows = connection.execute(
        select(Rendering.c.lang, func.count())
        .join(Concept, Rendering.c.concept_id == Concept.c.id)
        .join(PlanItem, Concept.c.plan_item_id == PlanItem.c.id)
        .where(PlanItem.c.outline_id == active_outline_id(connection, document_id))
        .group_by(Rendering.c.lang)
        .order_by(Rendering.c.lang)
    )
    return {row[0]: row[1] for row in rows}


ITEMS_PER_READ = 200
"""Items of a long document in memory at a time."""


def dataset_rows(connection: Connection, document_id: str) -> Iterator[DatasetRow]:
    """Yield the concepts of the active outline in reading order, each item's heading first.

    A concept comes once for each language that it is decoded in, or once without a text if there is none.
    """
    get_document(connection, document_id)
    outline_id = active_outline_id(connection, document_id)
    paths = {
        row.id: row.path
        for row in connection.execute(
            select(PlanItem.c.id, PlanItem.c.path).where(PlanItem.c.outline_id == outline_id)
        )
    }
    ordered = sorted(paths, key=lambda item_id: reading_order(paths[item_id]))
    texts = (Rendering.c.lang, Rendering.c.text, Rendering.c.score, Rendering.c.block)
    for start in range(0, len(ordered), ITEMS_PER_READ):
        ids = ordered[start : start + ITEMS_PER_READ]
        leads = connection.execute(
            select(
                PlanItem.c.id.label("item_id"),
                literal(None).label("ordinal"),
                PlanItem.c.lead.label("vector"),
                *texts,
            )
            .outerjoin(Rendering, Rendering.c.plan_item_id == PlanItem.c.id)
            .where(PlanItem.c.id.in_(ids), PlanItem.c.lead.is_not(None))
            .order_by(Rendering.c.lang)
        )
        sentences = connection.execute(
            select(Concept.c.plan_item_id.label("item_id"), Concept.c.ordinal, Concept.c.vector, *texts)
            .outerjoin(Rendering, Rendering.c.concept_id == Concept.c.id)
            .where(Concept.c.plan_item_id.in_(ids))
            .order_by(Concept.c.plan_item_id, Concept.c.ordinal, Rendering.c.lang)
        )
        of_item: defaultdict[int, list[Row[Any]]] = defaultdict(list)
        for row in (*leads, *sentences):
            of_item[row.item_id].append(row)
        for item_id in ids:
            for row in of_item[item_id]:
                yield DatasetRow(
                    document_id=document_id,
                    path=paths[item_id],
                    ordinal=row.ordinal,
                    lang=row.lang,
                    text=row.text,
                    score=row.score,
                    block=row.block,
                    vector=unpack_vector(row.vector, f"a concept of item {paths[item_id]}"),
                )
