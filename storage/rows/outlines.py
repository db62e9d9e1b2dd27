"""Outlines: insert a version with its items, add items, copy what an edit left unchanged, read.

An edited outline is a new version with its own rows. If an item's content hash occurs in the previous version, it
gets *copies* of the old item's concepts and renderings (not references), so that versions are independent: deleting
or rewriting one never touches another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, literal, select, update

from concepts.errors import InputError, NotFoundError, StorageError
from storage.database.tables import Concept, Document, Outline, PlanItem, Rendering
from storage.records import NewPlanItem, OutlineRecord, PlanItemRecord, Source
from storage.rows.documents import unknown
from storage.texts import check_text
from storage.vectors import content_hash, pack_vector, unpack_vector

PATH = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
IDS_PER_STATEMENT = 5000
"""Limit of ids in one statement: SQLite and PostgreSQL both limit its values."""


def reading_order(path: str) -> tuple[int, ...]:
    """Return the sort key of a path: `2.10` comes after `2.9`."""
    return tuple(int(number) for number in path.split("."))


def chunked(ids: Sequence[int]) -> list[Sequence[int]]:
    """Return `ids` in groups that fit one statement."""
    return [ids[start : start + IDS_PER_STATEMENT] for start in range(0, len(ids), IDS_PER_STATEMENT)]


def insert_outline(
    connection: Connection, document_id: str, source: Source, note: str | None, now: float
) -> int:
    """Insert the next version, without items, and return its id."""
    version = connection.scalar(
        select(func.max(Outline.c.version)).where(Outline.c.document_id == document_id)
    )
    return connection.execute(
        insert(Outline)
        .values(
            document_id=document_id,
            version=(version or 0) + 1,
            source=source,
            created_at=now,
            note=note,
        )
        .returning(Outline.c.id)
    ).scalar_one()


def activate(connection: Connection, document_id: str, outline_id: int) -> None:
    """Make this version the active one, which is written, decoded and exported."""
    check_owner(connection, document_id, outline_id)
    connection.execute(
        update(Document).where(Document.c.id == document_id).values(active_outline_id=outline_id)
    )


def check_owner(connection: Connection, document_id: str, outline_id: int) -> None:
    """Raise NotFoundError if the outline is not one of the document's."""
    owner = connection.scalar(select(Outline.c.document_id).where(Outline.c.id == outline_id))
    if owner != document_id:
        raise NotFoundError(f"document {document_id} has no outline {outline_id}")


def _row(outline_id: int, item: NewPlanItem, dim: int | None) -> dict[str, object]:
    if PATH.fullmatch(item.path) is None:
        raise InputError(f"the item path {item.path!r} is malformed: expected numbers such as 2.1")
    if item.planned_length < 0:
        raise InputError(f"item {item.path} has planned length {item.planned_length}: expected 0 or more")
    packed: dict[str, bytes | None] = {"lead": None, "gist": None}
    for name, vector in (("lead", item.lead), ("gist", item.gist)):
        if vector is not None:
            assert dim is not None, "the transaction checks that it has a space"
            packed[name] = pack_vector(vector, dim, f"the {name} of item {item.path}")
    parent, _, last = item.path.rpartition(".")
    return {
        "outline_id": outline_id,
        "path": item.path,
        "parent_path": parent or None,
        "depth": item.path.count(".") + 1,
        "ordinal": int(last),
        "heading": None if item.heading is None else check_text(f"heading {item.path}", item.heading),
        "planned_length": item.planned_length,
        "content_hash": hash_of(item),
        "status": "pending",
        "is_leaf": item.is_leaf,
        "lineage": item.lineage,
        **packed,
    }


def hash_of(item: NewPlanItem) -> str:
    """Return the item's own content hash, else the computed one."""
    if item.content_hash is not None:
        return item.content_hash
    return content_hash(
        lead=item.lead, gist=item.gist, heading=item.heading, planned_length=item.planned_length
    )


def insert_items(
    connection: Connection, outline_id: int, items: Sequence[NewPlanItem], dim: int | None
) -> dict[str, int]:
    """Insert items and return the id of each path; every parent must exist or be among the items."""
    if not items:
        return {}
    rows = [_row(outline_id, item, dim) for item in items]
    paths = {str(row["path"]) for row in rows}
    if len(paths) < len(rows):
        twice = sorted(path for path in paths if sum(row["path"] == path for row in rows) > 1)
        raise InputError(f"the outline names item {twice[0]} twice: every path is unique")
    parents = {str(row["parent_path"]) for row in rows if row["parent_path"] is not None}
    stored = set(
        connection.scalars(
            select(PlanItem.c.path).where(
                PlanItem.c.outline_id == outline_id, PlanItem.c.path.in_(parents - paths)
            )
        )
    )
    orphans = sorted(parents - paths - stored, key=reading_order)
    if orphans:
        raise InputError(f"the outline has items under {orphans[0]} but no item {orphans[0]}: add it")
    for row in rows:
        row["is_leaf"] = bool(row["is_leaf"]) and row["path"] not in parents
    if stored:
        connection.execute(
            update(PlanItem)
            .where(PlanItem.c.outline_id == outline_id, PlanItem.c.path.in_(stored))
            .values(is_leaf=False)
        )
    result = connection.execute(insert(PlanItem).returning(PlanItem.c.path, PlanItem.c.id), rows)
    return {row.path: row.id for row in result}


def find_items(connection: Connection, outline_id: int, paths: Sequence[str] | None = None) -> dict[str, int]:
    """Return the ids of the items with these paths (None: of all items)."""
    query = select(PlanItem.c.path, PlanItem.c.id).where(PlanItem.c.outline_id == outline_id)
    if paths is not None:
        query = query.where(PlanItem.c.path.in_(paths))
    return {row.path: row.id for row in connection.execute(query)}


def fill_items(
    connection: Connection, document_id: str, items: Sequence[NewPlanItem], outline_id: int, dim: int
) -> None:
    """Set leads, gists and planned lengths of stored items, by path; headings and places stay."""
    for item in items:
        row = _row(outline_id, item, dim)
        changed = connection.execute(
            update(PlanItem)
            .where(PlanItem.c.outline_id == outline_id, PlanItem.c.path == item.path)
            .values({name: row[name] for name in ("lead", "gist", "planned_length", "content_hash")})
        )
        if changed.rowcount == 0:
            raise NotFoundError(f"document {document_id} has no item {item.path} to be planned")


def copy_unchanged(connection: Connection, old_outline_id: int, new_outline_id: int) -> int:
    """Copy concepts, renderings and statuses to the leaves and headings that an edit left unchanged.

    Items with equal content hashes are matched: those of the same lineage first, then at the same path, then any;
    each old item is used once. Returns the number of matched items.
    """
    old, new = _matchable(connection, old_outline_id), _matchable(connection, new_outline_id)
    waiting: defaultdict[tuple[str, bool], list[Row[Any]]] = defaultdict(list)
    for row in old:
        waiting[row.content_hash, row.is_leaf].append(row)
    pairs: list[tuple[Row[Any], Row[Any]]] = []
    rules: tuple[Callable[[Row[Any], Row[Any]], bool], ...] = (
        lambda new, old: new.lineage is not None and new.lineage == (old.lineage or old.id),
        lambda new, old: bool(new.path == old.path),
        lambda new, old: True,
    )
    for fits in rules:
        matched = {row.id for row, _ in pairs}
        for row in new:
            if row.id in matched:
                continue
            candidates = waiting[row.content_hash, row.is_leaf]
            found = next((old for old in candidates if fits(row, old)), None)
            if found is not None:
                candidates.remove(found)
                pairs.append((row, found))
    for row, found in pairs:
        _copy_item(connection, found, row)
    return len(pairs)


def _matchable(connection: Connection, outline_id: int) -> Sequence[Row[Any]]:
    columns: list[ColumnElement[Any]] = [
        PlanItem.c[name] for name in ("id", "path", "content_hash", "heading", "is_leaf", "lineage")
    ]
    query = select(*columns).where(PlanItem.c.outline_id == outline_id).order_by(PlanItem.c.id)
    return connection.execute(query).all()


def _copy_item(connection: Connection, old: Row[Any], new: Row[Any]) -> None:
    state = connection.execute(
        select(PlanItem.c.status, PlanItem.c.stop_reason, PlanItem.c.similarity, PlanItem.c.notes).where(
            PlanItem.c.id == old.id
        )
    ).one()
    same_heading = new.heading is None or new.heading == old.heading
    connection.execute(
        update(PlanItem)
        .where(PlanItem.c.id == new.id)
        .values(**state._mapping, heading=old.heading if new.heading is None else new.heading)
    )
    connection.execute(
        insert(Concept).from_select(
            ["plan_item_id", "ordinal", "vector"],
            select(literal(new.id), Concept.c.ordinal, Concept.c.vector).where(
                Concept.c.plan_item_id == old.id
            ),
        )
    )
    theirs, ours = Concept.alias(), Concept.alias()
    columns = ["lang", "score", "decoder", "text", "block"]
    values = [Rendering.c[name] for name in columns]
    connection.execute(
        insert(Rendering).from_select(
            ["concept_id", *columns],
            select(ours.c.id, *values)
            .join(theirs, Rendering.c.concept_id == theirs.c.id)
            .join(ours, ours.c.ordinal == theirs.c.ordinal)
            .where(theirs.c.plan_item_id == old.id, ours.c.plan_item_id == new.id),
        )
    )
    if same_heading:
        connection.execute(
            insert(Rendering).from_select(
                ["plan_item_id", *columns],
                select(literal(new.id), *values).where(Rendering.c.plan_item_id == old.id),
            )
        )


def set_headings(connection: Connection, document_id: str, headings: Mapping[int, str]) -> None:
    """Set headings (in the document's language) by item id; raise NotFoundError for an item of another document."""
    for item_id, heading in headings.items():
        changed = connection.execute(
            update(PlanItem)
            .where(PlanItem.c.id == item_id, item_belongs_to(document_id))
            .values(heading=check_text(f"the heading of item {item_id}", heading))
        )
        if changed.rowcount == 0:
            raise NotFoundError(f"document {document_id} has no plan item {item_id}")


def item_belongs_to(document_id: str) -> ColumnElement[bool]:
    """Return the condition that a plan item belongs to the document."""
    return PlanItem.c.outline_id.in_(select(Outline.c.id).where(Outline.c.document_id == document_id))


def active_outline_id(connection: Connection, document_id: str) -> int | None:
    """Return the active version's id; None if the document is missing or has no outline."""
    return connection.scalar(select(Document.c.active_outline_id).where(Document.c.id == document_id))


def get_outline(
    connection: Connection, document_id: str, version: int | None = None, *, vectors: bool = False
) -> OutlineRecord:
    """Return one version (None: the active one), its items in reading order; raise NotFoundError."""
    query = select(Outline.c.id, Outline.c.version, Outline.c.source, Outline.c.note, Outline.c.created_at)
    if version is None:
        query = query.join(Document, Document.c.active_outline_id == Outline.c.id)
        query = query.where(Document.c.id == document_id)
    else:
        query = query.where(Outline.c.document_id == document_id, Outline.c.version == version)
    # A number too large for the column would be a driver's error; no version has it.
    row = None if version is not None and version >= 2**31 else connection.execute(query).one_or_none()
    if row is None:
        if connection.scalar(select(Document.c.id).where(Document.c.id == document_id)) is None:
            raise unknown(document_id)
        which = "no outline yet" if version is None else f"no outline version {version}"
        raise NotFoundError(f"document {document_id} has {which}: see `longhand show {document_id}`")
    return OutlineRecord(
        id=row.id,
        document_id=document_id,
        version=row.version,
        source=_source(row.source),
        note=row.note,
        created_at=row.created_at,
        items=get_items(connection, row.id, vectors=vectors),
    )


def _source(stored: str) -> Source:
    if stored == "user":
        return "user"
    if stored != "model":
        raise StorageError(f"an outline has the unknown source {stored!r}: restore a backup")
    return "model"


def list_versions(connection: Connection, document_id: str) -> tuple[OutlineRecord, ...]:
    """Return all versions of a document, oldest first, without their items."""
    rows = connection.execute(
        select(Outline.c.id, Outline.c.version, Outline.c.source, Outline.c.note, Outline.c.created_at)
        .where(Outline.c.document_id == document_id)
        .order_by(Outline.c.version)
    )
    return tuple(
        OutlineRecord(
            id=row.id,
            document_id=document_id,
            version=row.version,
            source=_source(row.source),
            note=row.note,
            created_at=row.created_at,
            items=(),
        )
        for row in rows
    )


def get_items(connection: Connection, outline_id: int, *, vectors: bool) -> tuple[PlanItemRecord, ...]:
    """Return all items of an outline in reading order."""
    shown = {f.name for f in fields(PlanItemRecord)} - (set() if vectors else {"lead", "gist"})
    columns = [column for column in PlanItem.columns if column.name in shown]
    rows = connection.execute(select(*columns).where(PlanItem.c.outline_id == outline_id))
    items = []
    for row in rows:
        values = dict(row._mapping)
        for name in ("lead", "gist"):
            blob = values.get(name)
            values[name] = None if blob is None else unpack_vector(blob, f"the {name} of item {row.path}")
        items.append(PlanItemRecord(**values))
    return tuple(sorted(items, key=lambda item: reading_order(item.path)))
