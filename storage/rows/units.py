"""Units: fixed groups of work, stored before they run; and the attempts at them.

A query, never a cursor in memory, finds the next unit. A unit redone after a crash has the same members as the first
time, because they were stored before it ran.

Several processes may share the units of one document under its holder's lease: each *takes* a unit before it runs
it. Taking only avoids double work: the fence decides who may write, and only the first commit of a unit counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, insert, null, or_, select, update

from concepts.errors import NotFoundError, StorageError
from storage.database.tables import Attempt, Document, PlanItem, Unit
from storage.records import (
    AttemptRecord,
    JsonObject,
    Lease,
    OpenUnit,
    Stage,
    UnitRecord,
    UnitSpec,
    UnitStatus,
)
from storage.rows.outlines import active_outline_id, chunked, item_belongs_to
from storage.texts import check_json

LONGEST_TAKE_S = 600.0
"""A unit that seems taken for longer than this was taken under another clock: it is free."""


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
    document_id: str,
    stage: Stage,
    lang: str = "",
    *,
    status: UnitStatus | None = None,
    limit: int | None = None,
    outline_id: int | None = None,
) -> tuple[UnitRecord, ...]:
    """Return the units of a stage in an outline (None: the active one), by ordinal."""
    if outline_id is None:
        outline_id = active_outline_id(connection, document_id)
    query = (
        select(Unit)
        .where(Unit.c.outline_id == outline_id, Unit.c.stage == stage, Unit.c.lang == lang)
        .order_by(Unit.c.ordinal)
    )
    if status is not None:
        query = query.where(Unit.c.status == status)
    if limit is not None:
        query = query.limit(limit)
    return tuple(_record(row) for row in connection.execute(query))


def next_unit(connection: Connection, document_id: str, stage: Stage, lang: str = "") -> UnitRecord | None:
    """Return the first pending unit of a stage in the active outline, or None."""
    return next(iter(get_units(connection, document_id, stage, lang, status="pending", limit=1)), None)


def pending_units(
    connection: Connection, document_id: str, stage: Stage, lang: str = ""
) -> tuple[UnitRecord, ...]:
    """Return all pending units of a stage in the active outline."""
    return get_units(connection, document_id, stage, lang, status="pending")


def get_unit(connection: Connection, document_id: str, unit_id: int) -> UnitRecord:
    """Return one unit; raise NotFoundError if it is not one of the document's."""
    row = connection.execute(
        select(Unit).where(Unit.c.id == unit_id, Unit.c.document_id == document_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"document {document_id} has no unit {unit_id}")
    return _record(row)


def plan_units(
    connection: Connection,
    document_id: str,
    outline_id: int,
    stage: Stage,
    specs: Sequence[UnitSpec],
    lang: str,
    first_ordinal: int | None,
) -> tuple[UnitRecord, ...]:
    """Store units and return them; a stored unit must have the same members."""
    if first_ordinal is None:
        last = connection.scalar(
            select(func.max(Unit.c.ordinal)).where(
                Unit.c.outline_id == outline_id, Unit.c.stage == stage, Unit.c.lang == lang
            )
        )
        first_ordinal = 0 if last is None else last + 1
    stored = {
        unit.ordinal: unit for unit in get_units(connection, document_id, stage, lang, outline_id=outline_id)
    }
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
    units = get_units(connection, document_id, stage, lang, outline_id=outline_id)
    return tuple(unit for unit in units if first_ordinal <= unit.ordinal < end)


def _mark_items(connection: Connection, document_id: str, ordinal: int, item_ids: Sequence[int]) -> None:
    for ids in chunked(item_ids):
        changed = connection.execute(
            update(PlanItem).where(PlanItem.c.id.in_(ids), item_belongs_to(document_id)).values(unit=ordinal)
        )
        if changed.rowcount != len(ids):
            raise NotFoundError(f"unit {ordinal} names plan items that document {document_id} does not have")


def finish_unit(connection: Connection, document_id: str, unit_id: int) -> bool:
    """Set a unit to done; return False if it was done already."""
    changed = connection.execute(
        update(Unit)
        .where(Unit.c.id == unit_id, Unit.c.document_id == document_id, Unit.c.status == "pending")
        .values(status="done")
    )
    if changed.rowcount > 0:
        return True
    get_unit(connection, document_id, unit_id)
    return False


def _is_taken(epoch: int | ColumnElement[int], now: float) -> ColumnElement[bool]:
    return and_(
        Unit.c.taken_by.is_not(None),
        Unit.c.taken_epoch == epoch,
        Unit.c.taken_until > now,
        Unit.c.taken_until <= now + LONGEST_TAKE_S,
    )


def take_unit(
    connection: Connection,
    now: float,
    lease: Lease,
    unit_id: int,
    taker: str,
    take_s: float,
    *,
    instead_of: str | None = None,
) -> bool:
    """Take a unit for `taker` for the next `take_s` seconds; return False if it is done or another process has it.

    `instead_of`: a process known to be dead, whose unit may be taken before its time expires.
    """
    ours = [name for name in (taker, instead_of) if name is not None]
    free = or_(Unit.c.taken_by.is_(None), Unit.c.taken_by.in_(ours), ~_is_taken(lease.epoch, now))
    changed = connection.execute(
        update(Unit)
        .where(
            Unit.c.id == unit_id, Unit.c.document_id == lease.document_id, Unit.c.status == "pending", free
        )
        .values(taken_by=taker, taken_epoch=lease.epoch, taken_until=now + min(take_s, LONGEST_TAKE_S))
    )
    return changed.rowcount > 0


def leave_unit(connection: Connection, lease: Lease, unit_id: int, taker: str) -> None:
    """Give up a unit that `taker` has not done, so that others may take it."""
    connection.execute(
        update(Unit)
        .where(Unit.c.id == unit_id, Unit.c.document_id == lease.document_id, Unit.c.taken_by == taker)
        .values(taken_by=None, taken_epoch=None, taken_until=None)
    )


def keep_units(connection: Connection, now: float, lease: Lease, taker: str, take_s: float) -> None:
    """Extend the time of all pending units of a document that `taker` has taken."""
    connection.execute(
        update(Unit)
        .where(
            Unit.c.document_id == lease.document_id,
            Unit.c.status == "pending",
            Unit.c.taken_by == taker,
            Unit.c.taken_epoch == lease.epoch,
        )
        .values(taken_until=now + min(take_s, LONGEST_TAKE_S))
    )


def list_open_units(connection: Connection, now: float, owner: str) -> tuple[OpenUnit, ...]:
    """Return the open units of the documents that `owner` holds, last units first."""
    return _open_units(connection, now, Document.c.owner == owner)


def find_open_unit(connection: Connection, now: float, unit_id: int) -> OpenUnit | None:
    """Return an open unit with its taker; None if it is done, or nobody holds its document."""
    return next(iter(_open_units(connection, now, Unit.c.id == unit_id)), None)


def _open_units(connection: Connection, now: float, condition: ColumnElement[bool]) -> tuple[OpenUnit, ...]:
    """Return the open units, last units first.

    Write units count only once their document's status is `writing`.
    """
    taken = _is_taken(Document.c.epoch, now)
    query = (
        select(
            Unit.c.id,
            Unit.c.stage,
            case((taken, Unit.c.taken_by), else_=null()).label("taken_by"),
            Document.c.id.label("document_id"),
            Document.c.owner,
            Document.c.epoch,
            Document.c.lease_until,
        )
        .join(Document, Unit.c.outline_id == Document.c.active_outline_id)
        .where(
            condition,
            Unit.c.status == "pending",
            Document.c.owner.is_not(None),
            or_(Unit.c.stage == "decode", and_(Unit.c.stage == "write", Document.c.status == "writing")),
        )
        .order_by(Document.c.priority.desc(), Document.c.created_at, Document.c.id, Unit.c.id.desc())
    )
    return tuple(
        OpenUnit(
            id=row.id,
            stage=row.stage,
            taken_by=row.taken_by,
            lease=Lease(row.document_id, row.owner, row.epoch, row.lease_until),
        )
        for row in connection.execute(query)
    )


def insert_attempt(
    connection: Connection,
    lease: Lease,
    stage: str,
    *,
    started_at: float,
    outcome: str,
    unit_id: int | None = None,
    finished_at: float | None = None,
    error: str | None = None,
    timing: JsonObject | None = None,
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
        .returning(Attempt.c.id)
    ).scalar_one()


def get_attempts(connection: Connection, document_id: str) -> tuple[AttemptRecord, ...]:
    """Return all attempts of a document, oldest first."""
    rows = connection.execute(
        select(Attempt).where(Attempt.c.document_id == document_id).order_by(Attempt.c.id)
    )
    return tuple(AttemptRecord(**row._mapping) for row in rows)
