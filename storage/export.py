"""A document in one language as a tree of headings and sentences, from the store alone."""

from __future__ import annotations

from collections import Counter, defaultdict

from sqlalchemy import Connection, func, select

from concepts.errors import NotFoundError
from storage.documents import get_document
from storage.outlines import get_outline
from storage.records import ExportedDocument, ExportedSection, ExportedSentence, OutlineRecord, PlanItemRecord
from storage.tables import Concept, PlanItem, Rendering
from storage.writing import get_renderings


def export_document(connection: Connection, document_id: str, lang: str | None) -> ExportedDocument:
    """Return the document as far as it is decoded; `lang` None means its own language.

    What has no text in the language is counted in `num_missing`; a heading falls back to the item's
    stored one only in the document's own language.
    """
    document = get_document(connection, document_id)
    lang = lang or document.lang
    try:
        outline = get_outline(connection, document_id, None, vectors=False)
    except NotFoundError:
        outline = None
    sections = () if outline is None else _sections(connection, outline, lang, own=lang == document.lang)
    return ExportedDocument(
        id=document.id,
        title=document.title,
        prompt=document.prompt,
        lang=lang,
        status=document.status,
        outline_version=None if outline is None else outline.version,
        sections=sections,
        num_missing=sum(_missing(section) for section in sections),
    )


def _missing(section: ExportedSection) -> int:
    return section.num_missing + sum(_missing(child) for child in section.children)


def _sections(
    connection: Connection, outline: OutlineRecord, lang: str, *, own: bool
) -> tuple[ExportedSection, ...]:
    of_concept = {
        row.id: row.plan_item_id
        for row in connection.execute(
            select(Concept.id, Concept.plan_item_id)
            .join(PlanItem, Concept.plan_item_id == PlanItem.id)
            .where(PlanItem.outline_id == outline.id)
        )
    }
    num_concepts = Counter(of_concept.values())
    headings: dict[int, ExportedSentence] = {}
    sentences: defaultdict[int, list[ExportedSentence]] = defaultdict(list)
    for rendering in get_renderings(connection, outline.id, lang):
        text = ExportedSentence(text=rendering.text, score=rendering.score)
        if rendering.item_id is not None:
            headings[rendering.item_id] = text
        else:
            assert rendering.concept_id is not None, "a table constraint demands it"
            sentences[of_concept[rendering.concept_id]].append(text)

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


def list_languages(connection: Connection, outline_id: int) -> dict[str, int]:
    """Return the number of decoded sentences by language."""
    rows = connection.execute(
        select(Rendering.lang, func.count())
        .join(Concept, Rendering.concept_id == Concept.id)
        .join(PlanItem, Concept.plan_item_id == PlanItem.id)
        .where(PlanItem.outline_id == outline_id)
        .group_by(Rendering.lang)
        .order_by(Rendering.lang)
    )
    return {row[0]: row[1] for row in rows}
