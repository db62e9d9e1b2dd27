"""Deleting by age: finished documents, sentences of superseded outlines, old attempts.

Every transaction deletes a few documents completely and checks again that nobody has taken them meanwhile, so
that an interruption leaves nothing half deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    update,
)

from concepts.errors import StorageError, UsageError
from storage.database.pool import Database
from storage.database.tables import (
    Attempt,
    Concept,
    Document,
    Outline,
    PlanItem,
    PromptConceptRow,
    Rendering,
    SourceRow,
    TitleRow,
    Unit,
)
from storage.records import FINAL, DocumentStatus
from storage.results import Garbage
from storage.rows.writing import GIVEN

DOCUMENTS_PER_TRANSACTION = 20
"""Limit of one transaction, during which other processes wait for the write lock."""
ATTEMPTS_PER_TRANSACTION = 5000
NOTHING = Garbage(num_documents=0, num_versions=0, num_concepts=0, num_attempts=0, num_bytes=0)


def collect(
    database: Database,
    now: float,
    older_than_s: float,
    statuses: Sequence[DocumentStatus],
    *,
    versions: bool,
    dry_run: bool,
) -> Garbage:
    """Delete, or with `dry_run` only count (see `Store.collect_garbage`); UsageError for a status that is not final."""
    wrong = [status for status in statuses if status not in FINAL]
    if wrong:
        raise UsageError(f"documents that are {wrong[0]} are never deleted by age: give {', '.join(FINAL)}")
    before = now - older_than_s
    doomed = and_(_at_rest(now), Document.c.status.in_(statuses), Document.c.updated_at < before)
    # A deleted document takes all its rows along.
    stays = and_(_at_rest(now), ~and_(Document.c.status.in_(statuses), Document.c.updated_at < before))
    return _sum(
        _each(database, doomed, _weigh_documents, _delete_documents, dry_run=dry_run),
        _each(database, stays, _versions(before, "weigh"), _versions(before, "delete"), dry_run=dry_run)
        if versions
        else NOTHING,
        _attempts(database, stays, before, dry_run=dry_run),
    )


def _at_rest(now: float) -> ColumnElement[bool]:
    return and_(Document.c.status.in_(FINAL), or_(Document.c.owner.is_(None), Document.c.lease_until <= now))


def _sum(*parts: Garbage) -> Garbage:
    names = ("num_documents", "num_versions", "num_concepts", "num_attempts", "num_bytes")
    return Garbage(**{name: sum(getattr(part, name) for part in parts) for name in names})


def _each(database: Database, condition: Any, weigh: Any, act: Any, *, dry_run: bool) -> Garbage:
    """Measure, then process, the documents of a condition, a few at a time."""
    with database.read() as connection:
        ids = list(connection.scalars(select(Document.c.id).where(condition).order_by(Document.c.created_at)))
    found = NOTHING
    for start in range(0, len(ids), DOCUMENTS_PER_TRANSACTION):
        some = ids[start : start + DOCUMENTS_PER_TRANSACTION]
        if dry_run:
            with database.read() as connection:
                found = _sum(found, weigh(connection, some))
            continue
        with database.write() as connection:
            # Checked again under a lock: somebody may have resumed one of them.
            still = select(Document.c.id).where(Document.c.id.in_(some), condition).with_for_update()
            alive = list(connection.scalars(still))
            found = _sum(found, weigh(connection, alive))
            act(connection, alive)
    return found


def _bytes(*columns: Any) -> ColumnElement[int]:
    length: ColumnElement[int] = func.coalesce(func.length(columns[0]), 0)
    for column in columns[1:]:
        length = length + func.coalesce(func.length(column), 0)
    return func.coalesce(func.sum(length), 0)


def _weigh_documents(connection: Connection, ids: Sequence[str]) -> Garbage:
    outlines = select(Outline.c.id).where(Outline.c.document_id.in_(ids))
    prompts = connection.scalar(
        select(_bytes(PromptConceptRow.c.text, PromptConceptRow.c.vector)).where(
            PromptConceptRow.c.document_id.in_(ids)
        )
    )
    items = connection.scalar(
        select(_bytes(PlanItem.c.lead, PlanItem.c.gist, PlanItem.c.heading)).where(
            PlanItem.c.outline_id.in_(outlines)
        )
    )
    planned = select(PlanItem.c.id).where(PlanItem.c.outline_id.in_(outlines))
    headings = connection.scalar(
        select(_bytes(Rendering.c.text)).where(Rendering.c.plan_item_id.in_(planned))
    )
    given = connection.scalar(
        select(_bytes(cast(SourceRow.c.content, Text))).where(SourceRow.c.document_id.in_(ids))
    )
    titles = connection.scalar(select(_bytes(TitleRow.c.text)).where(TitleRow.c.document_id.in_(ids)))
    own = connection.scalar(select(_bytes(Document.c.prompt, Document.c.title)).where(Document.c.id.in_(ids)))
    sentences = _weigh_concepts(connection, outlines)
    return _sum(
        sentences,
        Garbage(
            num_documents=len(ids),
            num_versions=0,
            num_concepts=0,
            num_attempts=0,
            num_bytes=sum(int(part or 0) for part in (prompts, items, headings, given, titles, own)),
        ),
    )


def _weigh_concepts(connection: Connection, outlines: Select[Any] | Sequence[int]) -> Garbage:
    items = select(PlanItem.c.id).where(PlanItem.c.outline_id.in_(outlines))
    number, vectors = connection.execute(
        select(func.count(), _bytes(Concept.c.vector)).where(Concept.c.plan_item_id.in_(items))
    ).one()
    concepts = select(Concept.c.id).where(Concept.c.plan_item_id.in_(items))
    texts = connection.scalar(select(_bytes(Rendering.c.text)).where(Rendering.c.concept_id.in_(concepts)))
    return Garbage(
        num_documents=0,
        num_versions=0,
        num_concepts=number,
        num_attempts=0,
        num_bytes=int(vectors) + int(texts or 0),
    )


def _delete_documents(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(delete(Document).where(Document.c.id.in_(ids)))


def _versions(before: float, what: str) -> Any:
    """Return a function that measures, or deletes, the sentences of some documents' superseded outlines."""

    def superseded(connection: Connection, ids: Sequence[str]) -> list[int]:
        found = connection.scalars(
            select(Outline.c.id)
            .join(Document, Document.c.id == Outline.c.document_id)
            .where(
                Document.c.id.in_(ids),
                Outline.c.id != Document.c.active_outline_id,
                Outline.c.created_at < before,
                Outline.c.id.in_(
                    select(PlanItem.c.outline_id).join(Concept, Concept.c.plan_item_id == PlanItem.c.id)
                ),
                # No model can reproduce a given text.
                Outline.c.id.not_in(select(PlanItem.c.outline_id).where(PlanItem.c.stop_reason == GIVEN)),
            )
        )
        return list(found)

    def weigh(connection: Connection, ids: Sequence[str]) -> Garbage:
        outlines = superseded(connection, ids)
        number = Garbage(
            num_documents=0, num_versions=len(outlines), num_concepts=0, num_attempts=0, num_bytes=0
        )
        return _sum(number, _weigh_concepts(connection, outlines))

    def drop(connection: Connection, ids: Sequence[str]) -> None:
        """Set such an outline back to planned and not yet written: if restored, it is written again."""
        outlines = superseded(connection, ids)
        items = select(PlanItem.c.id).where(PlanItem.c.outline_id.in_(outlines))
        connection.execute(delete(Concept).where(Concept.c.plan_item_id.in_(items)))
        connection.execute(
            update(PlanItem)
            .where(PlanItem.c.outline_id.in_(outlines))
            .values(status="pending", stop_reason=None, similarity=None)
        )
        connection.execute(delete(Unit).where(Unit.c.outline_id.in_(outlines), Unit.c.stage == "decode"))
        # Same members and seeds, so the same sentences.
        connection.execute(
            update(Unit)
            .where(Unit.c.outline_id.in_(outlines), Unit.c.stage == "write")
            .values(status="pending")
        )

    return weigh if what == "weigh" else drop


def _attempts(database: Database, stays: ColumnElement[bool], before: float, *, dry_run: bool) -> Garbage:
    """Delete old attempts at documents that are at rest and stay."""
    old = and_(Attempt.c.started_at < before, Attempt.c.document_id.in_(select(Document.c.id).where(stays)))
    with database.read() as connection:
        number = connection.scalar(select(func.count()).select_from(Attempt).where(old)) or 0
    if not dry_run:
        left = number = 0
        while left == 0:
            with database.write() as connection:
                some = select(Attempt.c.id).where(old).limit(ATTEMPTS_PER_TRANSACTION)
                gone = connection.execute(delete(Attempt).where(Attempt.c.id.in_(some))).rowcount
            number += gone
            left = ATTEMPTS_PER_TRANSACTION - gone
    return Garbage(num_documents=0, num_versions=0, num_concepts=0, num_attempts=number, num_bytes=0)


def size_bytes(database: Database) -> int:
    """Return a database's size on disk in bytes, SQLite's journal included."""
    if database.is_sqlite:
        files = [Path(database.name), Path(f"{database.name}-wal")]
        return sum(file.stat().st_size for file in files if file.exists())
    with database.read() as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def reclaim(database: Database) -> bool:
    """Give free pages back to the disk (SQLite), or to new rows (PostgreSQL); False if others hold the lock."""
    if database.is_sqlite:
        try:
            with database.raw() as cursor:
                cursor.execute("VACUUM")
        except StorageError as error:
            if "locked" not in str(error.__cause__):
                raise
            return False
        # A reader of old pages keeps the journal, which is then emptied next time.
        with suppress(StorageError), database.raw() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True
    with (
        database.explained(),
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        connection.execute(text("VACUUM (ANALYZE)"))
    return True
