"""Documents: insert, find by id or prefix, list with progress, cancel, requeue, delete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import sqlite

from concepts.errors import NotFoundError, StorageError, shorten
from storage.database.tables import Attempt, Document, PlanItem, SourceRow, TitleRow
from storage.errors import Busy, NothingToDo
from storage.ids import ID_LENGTH, new_document_id, normalize_id
from storage.records import (
    CardRef,
    DocumentRecord,
    DocumentStatus,
    JsonObject,
    NewDocument,
    Progress,
    Sort,
    SpaceRef,
    Wanted,
)
from storage.results import Submission
from storage.rows.leases import held_until
from storage.texts import check_text

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

NUM_CANDIDATES_SHOWN = 5
NUM_ID_DRAWS = 4
SUBMISSION_STEP_S = 1e-6
"""Difference in age between documents queued together, so that they keep their order."""


def _insert_document(
    connection: Connection, new: NewDocument, now: float, *, owner: str | None = None, lease_s: float = 0.0
) -> Submission:
    """Insert a queued document; if its key is known, find the first document with it instead.

    `owner`: reserve it for this owner's claim, for `lease_s` seconds at most.
    """
    values: dict[str, object] = {
        "status": "queued",
        "epoch": 0,
        "owner": owner,
        "lease_until": None if owner is None else now + lease_s,
        "lang": new.lang,
        "seed": new.seed,
        "priority": new.priority,
        "created_at": now,
        "updated_at": now,
        "idempotency_key": new.idempotency_key,
        "flow_run_id": new.flow_run_id,
        "title": new.title,
        "params": dict(new.params),
        "prompt": new.prompt,
        **space_columns(new.space),
        **card_columns("planner", new.planner),
        **card_columns("writer", new.writer),
    }
    for _ in range(NUM_ID_DRAWS):
        # A duplicate id or a known key returns no row instead of an error, which would need a savepoint
        # (and savepoints don't survive a full disk).
        document_id = connection.scalar(
            _insert_or_nothing(connection, id=new_document_id(now), **values).returning(Document.c.id)
        )
        if document_id is not None:
            if new.source is not None:
                content = dict(new.source)
                connection.execute(insert(SourceRow).values(document_id=document_id, content=content))
            return Submission(id=str(document_id), is_new=True)
        if new.idempotency_key is not None:
            known = select(Document.c.id).where(Document.c.idempotency_key == new.idempotency_key)
            document_id = connection.scalar(known)
            if document_id is not None:
                return Submission(id=str(document_id), is_new=False)
    raise StorageError(f"no free document id was found in {NUM_ID_DRAWS} draws: try again")


def create_document(
    connection: Connection, now: float, new: NewDocument, *, owner: str | None = None, lease_s: float = 0.0
) -> DocumentRecord:
    """Queue a document; if its idempotency key is known, return the first document with it instead.

    `owner`: reserve it for this owner's `claim`, for `lease_s` seconds: no worker takes it meanwhile.
    """
    return get_document(connection, _insert_document(connection, new, now, owner=owner, lease_s=lease_s).id)


def submit_documents(
    connection: Connection, now: float, news: Sequence[NewDocument]
) -> tuple[Submission, ...]:
    """Queue all documents in one transaction, or none; workers take equal priorities in this order."""
    return tuple(
        _insert_document(connection, new, now + number * SUBMISSION_STEP_S) for number, new in enumerate(news)
    )


def get_source(connection: Connection, document_id: str) -> JsonObject | None:
    """Return the text that a document is made from; None if it has only a prompt."""
    return connection.scalar(select(SourceRow.c.content).where(SourceRow.c.document_id == document_id))


def get_title(connection: Connection, document_id: str, lang: str) -> str | None:
    """Return the title in another language than the document's own, or None."""
    return connection.scalar(
        select(TitleRow.c.text).where(TitleRow.c.document_id == document_id, TitleRow.c.lang == lang)
    )


def set_title(connection: Connection, document_id: str, title: str) -> None:
    """Set the title in the document's own language; delete translations of another title."""
    title = check_text("the title", title)
    old = connection.scalar(select(Document.c.title).where(Document.c.id == document_id))
    if old != title:
        connection.execute(delete(TitleRow).where(TitleRow.c.document_id == document_id))
    connection.execute(update(Document).where(Document.c.id == document_id).values(title=title))


def _insert_or_nothing(connection: Connection, **values: object) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(Document).values(**values).on_conflict_do_nothing()
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(Document).values(**values).on_conflict_do_nothing()


def space_columns(space: SpaceRef | None) -> dict[str, object]:
    """Return the document's columns that hold its space."""
    if space is None:
        return {}
    return {"space_card": space.name, "space_checksum": space.checksum, "space_dim": space.dim}


def card_columns(kind: str, card: CardRef | None) -> dict[str, object]:
    """Return the document's columns that hold a planner or a writer card."""
    return {} if card is None else {f"{kind}_card": card.name, f"{kind}_checksum": card.checksum}


def _shown_title(columns: Any) -> ColumnElement[str]:
    """Return the title, else the prompt, as wherever documents are shown."""
    return func.coalesce(func.nullif(columns.title, ""), columns.prompt)


def _order(columns: Any, sort: Sort) -> tuple[ColumnElement[Any], ...]:
    """Return the ORDER BY columns for rows with a document's columns; among equals the newest comes first."""
    newest = (columns.created_at.desc(), columns.id.desc())
    if sort == "created":
        return newest
    if sort == "updated":
        return (columns.updated_at.desc(), *newest)
    if sort == "status":
        return (columns.status, *newest)
    return (func.lower(_shown_title(columns)), *newest)


def _select_documents(page: Select[Any], sort: Sort = "created") -> Select[Any]:
    """Return a query for the documents of `page` (a query for whole documents) with their progress."""
    document = page.subquery("page")
    written = func.sum(case((PlanItem.c.status != "pending", 1), else_=0))
    decoded = func.sum(case((PlanItem.c.status == "decoded", 1), else_=0))
    progress = (
        select(
            PlanItem.c.outline_id,
            func.count().label("num_items"),
            written.label("num_written"),
            decoded.label("num_decoded"),
        )
        .where(PlanItem.c.is_leaf, PlanItem.c.outline_id.in_(select(document.c.active_outline_id)))
        .group_by(PlanItem.c.outline_id)
        .subquery("progress")
    )
    return (
        select(document, progress.c.num_items, progress.c.num_written, progress.c.num_decoded)
        .outerjoin(progress, progress.c.outline_id == document.c.active_outline_id)
        .order_by(*_order(document.c, sort))
    )


def _record(row: Row[Any]) -> DocumentRecord:
    def card(kind: str) -> CardRef | None:
        name, checksum = row._mapping[f"{kind}_card"], row._mapping[f"{kind}_checksum"]
        return None if name is None else CardRef(name=name, checksum=checksum)

    space = None
    if row.space_card is not None:
        space = SpaceRef(name=row.space_card, checksum=row.space_checksum, dim=row.space_dim)
    return DocumentRecord(
        id=row.id,
        prompt=row.prompt,
        title=row.title,
        lang=row.lang,
        params=row.params,
        seed=row.seed,
        space=space,
        planner=card("planner"),
        writer=card("writer"),
        status=row.status,
        epoch=row.epoch,
        owner=row.owner,
        lease_until=row.lease_until,
        error=row.error,
        idempotency_key=row.idempotency_key,
        flow_run_id=row.flow_run_id,
        priority=row.priority,
        created_at=row.created_at,
        updated_at=row.updated_at,
        active_outline_id=row.active_outline_id,
        progress=Progress(
            num_items=int(row.num_items or 0),
            num_written=int(row.num_written or 0),
            num_decoded=int(row.num_decoded or 0),
        ),
    )


def _whole() -> Select[Any]:
    return select(Document)


def list_documents(
    connection: Connection,
    status: DocumentStatus | Sequence[DocumentStatus] | None = None,
    *,
    lang: str | None = None,
    text: str | None = None,
    since: float | None = None,
    until: float | None = None,
    sort: Sort = "created",
    limit: int = 50,
    offset: int = 0,
) -> tuple[DocumentRecord, ...]:
    """Return documents with their progress; `lang`, `text`, `since` and `until` as in `Wanted`."""
    statuses = (status,) if isinstance(status, str) else status
    wanted = Wanted(status=statuses, lang=lang, text=text, since=since, until=until)
    page = _filtered(_whole(), wanted).order_by(*_order(Document.c, sort))
    page = page.limit(limit).offset(offset)
    return tuple(_record(row) for row in connection.execute(_select_documents(page, sort)))


def count_documents(
    connection: Connection,
    status: DocumentStatus | Sequence[DocumentStatus] | None = None,
    *,
    lang: str | None = None,
    text: str | None = None,
) -> int:
    """Return how many documents `list_documents` would return without a limit."""
    wanted = Wanted(status=(status,) if isinstance(status, str) else status, lang=lang, text=text)
    return connection.scalar(_filtered(select(func.count()).select_from(Document), wanted)) or 0


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.status is not None:
        query = query.where(Document.c.status.in_(wanted.status))
    if wanted.lang is not None:
        query = query.where(Document.c.lang == wanted.lang)
    for word in (wanted.text or "").split():
        query = query.where(_shown_title(Document.c).icontains(word, autoescape=True))
    if wanted.since is not None:
        query = query.where(Document.c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Document.c.created_at < wanted.until)
    return query


def list_document_languages(connection: Connection) -> tuple[str, ...]:
    """Return the documents' languages in alphabetical order."""
    return tuple(connection.scalars(select(Document.c.lang).distinct().order_by(Document.c.lang)))


def list_document_ids(connection: Connection) -> tuple[str, ...]:
    """Return all ids, oldest first."""
    return tuple(connection.scalars(select(Document.c.id).order_by(Document.c.created_at, Document.c.id)))


@cache
def _of_id() -> Select[Any]:
    """Return the query for one document, built once: building it takes longer than running it."""
    return _select_documents(_whole().where(Document.c.id == bindparam("document_id")))


def get_document(connection: Connection, document_id: str) -> DocumentRecord:
    """Return the document with exactly this id; raise NotFoundError."""
    row = connection.execute(_of_id(), {"document_id": document_id}).one_or_none()
    if row is None:
        raise unknown(document_id)
    return _record(row)


def find_document(connection: Connection, typed: str) -> DocumentRecord:
    """Return the document whose id begins with `typed`; raise NotFoundError for none, or naming several."""
    prefix = normalize_id(typed)
    if not prefix:
        raise NotFoundError("an empty document id names nothing: list the ids with `longhand ls`")
    if len(prefix) > ID_LENGTH:
        # SQLite refuses a long pattern.
        raise unknown(typed)
    if len(prefix) == ID_LENGTH:
        # Uses the index; for a prefix SQLite would read every document.
        return get_document(connection, prefix)
    page = (
        _whole()
        .where(Document.c.id.startswith(prefix, autoescape=True))
        .order_by(Document.c.created_at.desc(), Document.c.id.desc())
        .limit(NUM_CANDIDATES_SHOWN + 1)
    )
    rows = connection.execute(_select_documents(page)).all()
    if not rows:
        raise unknown(typed)
    if len(rows) > 1:
        shown = ", ".join(row.id for row in rows[:NUM_CANDIDATES_SHOWN])
        more = ", ..." if len(rows) > NUM_CANDIDATES_SHOWN else ""
        raise NotFoundError(f"the id {typed!r} is ambiguous: {shown}{more}; type more of it")
    return _record(rows[0])


def unknown(document_id: str) -> NotFoundError:
    """Return the error for an id that no document has."""
    return NotFoundError(f"no document has the id {shorten(document_id)!r}: list the ids with `longhand ls`")


def delete_document(connection: Connection, now: float, document_id: str, *, force: bool = False) -> None:
    """Delete a document and everything that belongs to it; Busy if someone works on it, unless forced."""
    if not force:
        row = connection.execute(
            select(Document.c.owner, Document.c.lease_until)
            .where(Document.c.id == document_id)
            .with_for_update()
        ).one_or_none()
        if row is not None and row.owner is not None and (row.lease_until or 0.0) > now:
            raise Busy(
                f"document {document_id} is being worked on by {row.owner} until "
                f"{held_until(row.lease_until, now)}: cancel it first",
                owner=row.owner,
                lease_until=row.lease_until or 0.0,
            )
    if connection.execute(delete(Document).where(Document.c.id == document_id)).rowcount == 0:
        raise unknown(document_id)


def cancel_document(connection: Connection, now: float, document_id: str) -> None:
    """Cancel a document; its holder gets LostLease at the next write."""
    _stop_document(connection, now, document_id, "cancelled")


def pause_document(connection: Connection, now: float, document_id: str) -> None:
    """Take a document out of the queue until it is resumed; its holder gets LostLease at the next write."""
    _stop_document(connection, now, document_id, "paused")


def _stop_document(
    connection: Connection, now: float, document_id: str, status: Literal["cancelled", "paused"]
) -> None:
    """Set a document to a status in which no worker takes it, and end its lease.

    Its holder gets LostLease at the next write. Raises NothingToDo for a document in a final status.
    """
    at_end: tuple[DocumentStatus, ...] = (
        ("done",) if status == "cancelled" else ("done", "failed", "cancelled")
    )
    changed = connection.execute(
        update(Document)
        .where(Document.c.id == document_id, Document.c.status.not_in(at_end))
        .values(status=status, epoch=Document.c.epoch + 1, owner=None, lease_until=None, updated_at=now)
    )
    if changed.rowcount == 0:
        found = get_document(connection, document_id)
        verb = "cancel" if status == "cancelled" else "pause"
        raise NothingToDo(f"document {document_id} is {found.status}: there is nothing to {verb}")


def set_priority(connection: Connection, document_id: str, priority: int) -> None:
    """Set a document's priority: higher comes earlier; raise NotFoundError."""
    changed = connection.execute(
        update(Document).where(Document.c.id == document_id).values(priority=priority)
    )
    if changed.rowcount == 0:
        raise unknown(document_id)


def requeue_document(connection: Connection, now: float, document_id: str) -> None:
    """Queue a failed, paused, cancelled or interrupted document; raise Busy if someone works on it.

    A document that was only to be planned will now be written. An added attempt tells workers to ignore earlier
    failures.
    """
    epoch = connection.scalar(
        update(Document)
        .where(
            Document.c.id == document_id,
            Document.c.status != "done",
            (Document.c.owner.is_(None)) | (Document.c.lease_until <= now),
        )
        .values(
            status="queued",
            error=None,
            epoch=Document.c.epoch + 1,
            owner=None,
            lease_until=None,
            updated_at=now,
        )
        .returning(Document.c.epoch)
    )
    if epoch is None:
        record = get_document(connection, document_id)
        if record.status == "done":
            raise NothingToDo(f"document {document_id} is done: there is nothing to go on with")
        raise Busy(
            f"document {document_id} is being worked on by {record.owner} until "
            f"{held_until(record.lease_until, now)}: wait, or cancel it",
            owner=cast(str, record.owner),
            lease_until=record.lease_until or 0.0,
        )
    _write_on(connection, document_id)
    connection.execute(
        insert(Attempt).values(
            document_id=document_id,
            stage="queue",
            epoch=epoch,
            owner="",
            started_at=now,
            outcome="requeued",
            timing={},
        )
    )


def _write_on(connection: Connection, document_id: str) -> None:
    """Reset a document's option to stop after its plan."""
    params = connection.scalar(select(Document.c.params).where(Document.c.id == document_id)) or {}
    if params.get("plan_only"):
        values = {**params, "plan_only": False}
        connection.execute(update(Document).where(Document.c.id == document_id).values(params=values))
