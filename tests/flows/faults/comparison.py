"""What of a document must not depend on faults, and where two documents begin to differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from storage import Store
from storage.database.tables import Attempt, Concept, Outline, PlanItem, PromptConceptRow, Rendering, Unit


class Failed(AssertionError):
    """A promise was broken."""


@dataclass(frozen=True)
class Seen:
    """Everything of a document that must not depend on faults, without its ids and times."""

    status: str
    title: str | None
    rows: tuple[tuple[str, int], ...]
    """Table to number of rows; attempts only as far as they are `done` units."""
    items: tuple[tuple[object, ...], ...]
    texts: tuple[tuple[str, float | None, str | None], ...]


def look(store: Store, document_id: str) -> Seen:
    """Return all that a document's readers could see, and how many rows it has in each table."""
    document = store.get_document(document_id)
    outline = store.get_outline(document_id, vectors=True)
    stored = store.get_concepts([item.id for item in outline.items])
    items: list[tuple[object, ...]] = []
    for item in outline.items:
        assert item.lead is not None and item.gist is not None
        blobs = (item.lead.tobytes(), item.gist.tobytes(), stored[item.id].vectors.tobytes())
        items.append((item.path, item.heading, item.status, item.stop_reason, item.unit, *blobs))
    return Seen(
        status=document.status,
        title=document.title,
        rows=tuple(count_rows(store, document_id).items()),
        items=tuple(items),
        texts=tuple((r.text, r.score, r.block) for r in store.get_renderings(document_id, document.lang)),
    )


def count_rows(store: Store, document_id: str) -> dict[str, int]:
    """Return how many rows belong to a document, whether its readers see them or not."""
    outlines = select(Outline.c.id).where(Outline.c.document_id == document_id)
    items = select(PlanItem.c.id).where(PlanItem.c.outline_id.in_(outlines))
    concepts = select(Concept.c.id).where(Concept.c.plan_item_id.in_(items))
    owned = {
        "prompt_concepts": PromptConceptRow.c.document_id == document_id,
        "outlines": Outline.c.document_id == document_id,
        "plan_items": PlanItem.c.outline_id.in_(outlines),
        "concepts": Concept.c.plan_item_id.in_(items),
        "renderings": Rendering.c.concept_id.in_(concepts) | Rendering.c.plan_item_id.in_(items),
        "units": Unit.c.document_id == document_id,
        "done attempts": (Attempt.c.document_id == document_id)
        & (Attempt.c.outcome == "done")
        & Attempt.c.unit_id.is_not(None),
    }
    with store._database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).where(condition)) or 0
            for name, condition in owned.items()
        }


def count_redone(store: Store, document_id: str) -> int:
    """Return how often units were started beyond once each."""
    started = [a.unit_id for a in store.get_attempts(document_id) if a.unit_id and a.outcome == "started"]
    return sum(number - 1 for number in Counter(started).values())


def difference(seen: Seen, calm: Seen) -> str:
    """Return where two documents begin to differ."""
    for name in Seen.__dataclass_fields__:
        got, wanted = getattr(seen, name), getattr(calm, name)
        if got != wanted:
            return f"{name}: {str(got)[:300]} instead of {str(wanted)[:300]}"
    return "nowhere"
