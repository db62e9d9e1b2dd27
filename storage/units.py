"""Units: fixed groups of work, written down before they run; and the attempts made at them.

The next unit is always this query, never a cursor in memory. A unit that was redone after a crash has
the same members as the first time, because they were stored before it ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from concepts.errors import NotFoundError, StorageError
from storage.outlines import active_outline_id, chunked, item_belongs_to
from storage.records import AttemptRecord, JsonObject, Lease, Stage, UnitRecord, UnitSpec, UnitStatus
from storage.tables import Attempt, PlanItem, Unit
from storage.texts import check_json


def _payload(spec: UnitSpec) -> dict[str, object]:
    return {
        "items": [int(item_id) for item_id in spec.item_ids],
        "concepts": [int(concept_id) for concept_id in spec.concept_ids],
        "extra": check_json("what a unit carries", spec.extra),
    }


def _record(row: Row[Any]) -> UnitRecord:
    return UnitRecord(
        id=row.id,
        document_id=row.document_id,
        outline_id=row.outline_id,
        stage=row.stage,
        lang=row.lang,
        ordinal=row.ordinal,
        status=row.status,
        item_ids=tuple(row.payload["items"]),
        concept_ids=tuple(row.payload["concepts"]),
        extra=row.payload["extra"],
    )


def get_units(
    connection: Connection,
    outline_id: int,
    stage: Stage,
    lang: str,
    *,
    status: UnitStatus | None = None,
    limit: int | None = None,
) -> tuple[UnitRecord, ...]:
    """Return the units of one stage and language by ordinal."""
    query = (
        select(Unit.__table__)
        .where(Unit.outline_id == outline_id, Unit.stage == stage, Unit.lang == lang)
        .order_by(Unit.ordinal)
    )
    if status is not None:
        query = query.where(Unit.status == status)
    if limit is not None:
        query = query.limit(limit)
    return tuple(_record(row) for row in connection.execute(query))


def get_unit(connection: Connection, document_id: str, unit_id: int) -> UnitRecord:
    """Return one unit; raise NotFoundError where it isn't one of the document's."""
    row = connection.execute(
        select(Unit.__table__).where(Unit.id == unit_id, Unit.document_id == document_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"document {document_id} has no unit {unit_id}")
    return _record(row)


def get_active_units(
    connection: Connection,
    document_id: str,
    stage: Stage,
    lang: str,
    status: UnitStatus | None,
    limit: int | None,
) -> tuple[UnitRecord, ...]:
    """Return the units of the active outline; none where there is no outline."""
    outline_id = active_outline_id(connection, document_id)
    if outline_id is None:
        return ()
    return get_units(connection, outline_id, stage, lang, status=status, limit=limit)


def plan_units(
    connection: Connection,
    document_id: str,
    outline_id: int,
    stage: Stage,
    specs: Sequence[UnitSpec],
    lang: str,
    first_ordinal: int | None,
) -> tuple[UnitRecord, ...]:
    """Write down units and return them; one that is stored already must have the same members."""
    if first_ordinal is None:
        last = connection.scalar(
            select(func.max(Unit.ordinal)).where(
                Unit.outline_id == outline_id, Unit.stage == stage, Unit.lang == lang
            )
        )
        first_ordinal = 0 if last is None else last + 1
    stored = {unit.ordinal: unit for unit in get_units(connection, outline_id, stage, lang)}
    rows: list[dict[str, object]] = []
    for ordinal, spec in enumerate(specs, start=first_ordinal):
        known = stored.get(ordinal)
        if known is None:
            rows.append(
                {
                    "document_id": document_id,
                    "outline_id": outline_id,
                    "stage": stage,
                    "lang": lang,
                    "ordinal": ordinal,
                    "status": "pending",
                    "payload": _payload(spec),
                }
            )
            if stage == "write":
                _mark_items(connection, document_id, ordinal, spec.item_ids)
        elif (known.item_ids, known.concept_ids) != (tuple(spec.item_ids), tuple(spec.concept_ids)):
            raise StorageError(
                f"{stage} unit {ordinal} of document {document_id} is written down with other members: "
                "run the stored units, or make a new outline version"
            )
    if rows:
        connection.execute(insert(Unit), rows)
    end = first_ordinal + len(specs)
    units = get_units(connection, outline_id, stage, lang)
    return tuple(unit for unit in units if first_ordinal <= unit.ordinal < end)


def _mark_items(connection: Connection, document_id: str, ordinal: int, item_ids: Sequence[int]) -> None:
    for ids in chunked(item_ids):
        changed = connection.execute(
            update(PlanItem).where(PlanItem.id.in_(ids), item_belongs_to(document_id)).values(unit=ordinal)
        )
        if changed.rowcount != len(ids):
            raise NotFoundError(f"unit {ordinal} names plan items that document {document_id} does not have")


def finish_unit(connection: Connection, document_id: str, unit_id: int) -> bool:
    """Set a unit to done; return False where it was done already."""
    changed = connection.execute(
        update(Unit)
        .where(Unit.id == unit_id, Unit.document_id == document_id, Unit.status == "pending")
        .values(status="done")
    )
    if changed.rowcount > 0:
        return True
    get_unit(connection, document_id, unit_id)
    return False


def insert_attempt(
    connection: Connection,
    lease: Lease,
    *,
    stage: str,
    unit_id: int | None,
    started_at: float,
    finished_at: float | None,
    outcome: str,
    error: str | None,
    timing: JsonObject | None,
) -> int:
    """Add one attempt and return its id."""
    return connection.execute(
        insert(Attempt)
        .values(
            document_id=lease.document_id,
            unit_id=unit_id,
            stage=stage,
            epoch=lease.epoch,
            owner=lease.owner,
            started_at=started_at,
            finished_at=finished_at,
            outcome=outcome,
            error=error,
            timing=check_json("the timing of an attempt", timing or {}),
        )
        .returning(Attempt.id)
    ).scalar_one()


def get_attempts(connection: Connection, document_id: str) -> tuple[AttemptRecord, ...]:
    """Return all attempts of a document, oldest first."""
    rows = connection.execute(
        select(Attempt.__table__).where(Attempt.document_id == document_id).order_by(Attempt.id)
    )
    return tuple(AttemptRecord(**row._mapping) for row in rows)
