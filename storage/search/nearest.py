"""Search by meaning: the stored plan items and sentences nearest to a vector; `storage.search.words` searches by words.

A search reads every vector of the active outlines of all documents in one space, so the result is exact and needs no
index. SQLite computes the distances on the stored vectors with sqlite-vec's functions: nothing is stored twice, and
deleted vectors are gone. (Its virtual tables are faster, but hold a second copy that cannot tell outline versions
apart; `benchmarks/bench_search.py` compares them.) PostgreSQL has no type that reads our bytes, so pgvector gets a
copy of each vector in a separate table, made at the first search and deleted with its sentence.
"""

from __future__ import annotations

import base64
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    LargeBinary,
    MetaData,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import UserDefinedType

from concepts.errors import StorageError
from storage.database.pool import Database
from storage.database.tables import Concept, Document, PlanItem, Rendering
from storage.records import Place
from storage.results import Match

if TYPE_CHECKING:
    from storage.records import SpaceRef, Vector

CHILD_TIMEOUT_S = 600.0
COPIES_PER_STATEMENT = 2000
_BY_WORDS = "; longhand search --by words needs none"


def search(
    database: Database, query_D: Vector, space: SpaceRef, places: Sequence[Place], limit: int
) -> tuple[Match, ...]:
    """Return the nearest matches, best first; see `Store.search`."""
    from storage.vectors import pack_vector

    blob = pack_vector(query_D, space.dim, "what is looked for")
    if not database.is_sqlite:
        return _search_postgresql(database, query_D, space, places, limit)
    if can_load_extensions(database.driver):
        with database.read() as connection:
            load_sqlite_vec(connection)
            return _nearest(connection, space, places, limit, _sqlite_distances(blob))
    check_can_search(database)
    return _search_in_child(database, blob, space, places, limit)


def check_can_search(database: Database) -> str:
    """Return the name of the software that computes distances in a database; raise StorageError if there is none."""
    if not database.is_sqlite:
        with database.read() as connection:
            if not (version := _pgvector_version(connection)):
                raise _no_pgvector(database)
        return f"pgvector {version}"
    if can_load_extensions(database.driver):
        return "sqlite-vec"
    if find_spec("pysqlite3") is None or find_spec("sqlite_vec") is None:
        raise StorageError(
            "this Python's sqlite3 loads no extensions, which search by meaning needs: pip install pysqlite3 "
            f"sqlite-vec, or use a Python that was built with --enable-loadable-sqlite-extensions{_BY_WORDS}"
        )
    return "sqlite-vec in pysqlite3"


def _pgvector_version(connection: Connection) -> str | None:
    """Return the version of pgvector on a server, whether or not it is installed in this database."""
    offered = "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions"
    version = connection.scalar(text(f"{offered} WHERE name = 'vector'"))
    return None if version is None else str(version)


def _no_pgvector(database: Database) -> StorageError:
    return StorageError(
        f"search by meaning needs pgvector, which the server of {database.name} does not have: install it there "
        f"(https://github.com/pgvector/pgvector){_BY_WORDS}"
    )


def can_load_extensions(driver: Any) -> bool:
    """Return whether a SQLite driver can load extensions and sqlite-vec is installed."""
    return hasattr(driver.Connection, "enable_load_extension") and find_spec("sqlite_vec") is not None


def load_sqlite_vec(connection: Connection) -> None:
    """Load sqlite-vec's functions into a connection; a second call does nothing."""
    import sqlite_vec

    raw: Any = connection.connection.driver_connection
    try:
        raw.enable_load_extension(True)
        try:
            sqlite_vec.load(raw)
        finally:
            raw.enable_load_extension(False)
    except Exception as error:
        raise StorageError(
            f"SQLite cannot load sqlite-vec ({error}): pip install --force-reinstall sqlite-vec"
        ) from error


def _search_in_child(
    database: Database, blob: bytes, space: SpaceRef, places: Sequence[Place], limit: int
) -> tuple[Match, ...]:
    """Search in a child process whose driver loads extensions.

    Two SQLite libraries in one process would release each other's locks on the file.
    """
    request = {
        "url": database.engine.url.render_as_string(hide_password=False),
        "timeout_s": database.timeout_s,
        "space": asdict(space),
        "query": base64.b64encode(blob).decode(),
        "places": list(places),
        "limit": limit,
    }
    home = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "storage.search.child"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=CHILD_TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": paths},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StorageError(
            f"the search in {database.name} took longer than {CHILD_TIMEOUT_S:g} s: try again when it is idle"
        ) from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise StorageError(f"the search in {database.name} ended with {done.returncode}: {last}") from error
    if "error" in answer:
        raise StorageError(answer["error"])
    return tuple(Match(**{**match, "found_by": tuple(match["found_by"])}) for match in answer["matches"])


class _PgVector(UserDefinedType[str]):
    """pgvector's type."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "vector"


class _Distances:
    """SQL expressions of one database for the distances of one place's rows from the query vector."""

    def __init__(self, column: ColumnElement[float], copies: Table | None = None) -> None:
        self.column = column
        self.copies = copies
        """Table of copies that the distance column reads, by row id; None: it reads the row itself."""


def _sqlite_distances(blob: bytes) -> dict[Place, _Distances]:
    query = bindparam("query", blob, type_=LargeBinary)
    columns: dict[Place, Any] = {"plan": PlanItem.c.lead, "sentences": Concept.c.vector}
    return {
        place: _Distances(func.vec_distance_cosine(column, query, type_=Float))
        for place, column in columns.items()
    }


def _in_space(space: SpaceRef) -> ColumnElement[bool]:
    return and_(
        Document.c.space_card == space.name,
        Document.c.space_checksum == space.checksum,
        Document.c.space_dim == space.dim,
    )


def _rows(place: Place, space: SpaceRef, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return a query for the vectors of the active outlines in one space."""
    query = (
        select(*columns)
        .select_from(Document)
        .join(PlanItem, PlanItem.c.outline_id == Document.c.active_outline_id)
        .where(_in_space(space))
    )
    if place == "plan":
        return query.where(PlanItem.c.lead.is_not(None))
    return query.join(Concept, Concept.c.plan_item_id == PlanItem.c.id)


def _owner(place: Place) -> ColumnElement[int]:
    return PlanItem.c.id if place == "plan" else Concept.c.id


def _nearest(
    connection: Connection,
    space: SpaceRef,
    places: Sequence[Place],
    limit: int,
    distances: dict[Place, _Distances],
) -> tuple[Match, ...]:
    found: list[tuple[float, Match]] = []
    for place in dict.fromkeys(places):
        found += _nearest_in(connection, space, place, limit, distances[place])
    return tuple(match for _, match in sorted(found, key=lambda near: -near[0])[:limit])


def _nearest_in(
    connection: Connection, space: SpaceRef, place: Place, limit: int, distances: _Distances
) -> list[tuple[float, Match]]:
    """Return the nearest matches of one place with their similarities."""
    ordinal = Concept.c.ordinal if place == "sentences" else literal(None)
    query = _rows(
        place,
        space,
        Document.c.id.label("document_id"),
        Document.c.lang,
        PlanItem.c.path,
        PlanItem.c.heading,
        ordinal.label("ordinal"),
        _owner(place).label("owner_id"),
        distances.column.label("distance"),
    )
    if distances.copies is not None:
        query = query.join(distances.copies, distances.copies.c.id == _owner(place))
    # A vector of zeros has no direction: it comes last.
    near = query.order_by(text("distance NULLS LAST")).limit(limit).subquery("near")
    found = []
    for row in connection.execute(_with_texts(near, place)):
        # a vector of zeros has no distance: NULL on SQLite, NaN on PostgreSQL
        if row.distance is None or math.isnan(row.distance):
            continue
        match = Match(
            document_id=row.document_id,
            place=place,
            path=row.path,
            ordinal=row.ordinal,
            heading=row.heading,
            text=row.heading if row.text is None and place == "plan" else row.text,
            lang=row.lang,
            similarity=1.0 - row.distance,
            found_by=("meaning",),
        )
        found.append((1.0 - row.distance, match))
    return found


def _with_texts(near: Subquery, place: Place) -> Select[Any]:
    owner = Rendering.c.plan_item_id if place == "plan" else Rendering.c.concept_id
    return select(near, Rendering.c.text).outerjoin(
        Rendering, and_(owner == near.c.owner_id, Rendering.c.lang == near.c.lang)
    )


# PostgreSQL


def _search_postgresql(
    database: Database, query_D: Vector, space: SpaceRef, places: Sequence[Place], limit: int
) -> tuple[Match, ...]:
    with database.write() as connection:
        tables = _make_copies(connection, database)
    while any(_copy(database, tables[place], place, space) for place in places):
        pass
    query = cast(literal(_as_text(query_D), Text), _PgVector)
    distances: dict[Place, _Distances] = {}
    with database.read() as connection:
        for place in places:
            # Only rows of this space get here, so all have its dimension.
            column: Any = tables[place].c.embedding.op("<=>", return_type=Float())(query)
            distances[place] = _Distances(column, tables[place])
        return _nearest(connection, space, places, limit, distances)


def copies_schema(home: str) -> str:
    """Return the name of the PostgreSQL schema of the copies, beside the schema of the tables."""
    return f"{home}_vectors"


def _make_copies(connection: Connection, database: Database) -> dict[Place, Table]:
    """Create the tables of copies, in a separate schema, if they are missing."""
    if not connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        if not _pgvector_version(connection):
            raise _no_pgvector(database)
        try:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        except DBAPIError as error:
            raise StorageError(
                f"search by meaning needs pgvector, and this user may not add it to {database.name}: "
                f"let an administrator run CREATE EXTENSION vector there{_BY_WORDS}"
            ) from error
    schema = copies_schema(str(connection.scalar(text("SELECT current_schema()"))))
    quote = connection.dialect.identifier_preparer.quote
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}"))
    tables: dict[Place, Table] = {}
    owners: tuple[tuple[Place, str], ...] = (("plan", "plan_items"), ("sentences", "concepts"))
    for place, owner in owners:
        connection.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {quote(schema)}.{owner} (id bigint PRIMARY KEY "
                f"REFERENCES {owner} ON DELETE CASCADE, embedding vector NOT NULL)"
            )
        )
        tables[place] = Table(
            owner,
            MetaData(),
            Column("id", BigInteger, primary_key=True),
            Column("embedding", _PgVector),
            schema=schema,
        )
    return tables


def _copy(database: Database, copies: Table, place: Place, space: SpaceRef) -> bool:
    """Copy some of the vectors without a copy; return whether there were any."""
    from storage.vectors import unpack_vector

    vector = PlanItem.c.lead if place == "plan" else Concept.c.vector
    owner = _owner(place)
    missing = (
        _rows(place, space, owner.label("id"), vector.label("vector"))
        .outerjoin(copies, copies.c.id == owner)
        .where(copies.c.id.is_(None))
        .limit(COPIES_PER_STATEMENT)
    )
    with database.write() as connection:
        name = connection.dialect.identifier_preparer.format_table(copies)
        rows = connection.execute(missing).all()
        if not rows:
            return False
        # Another process may copy the same vectors, or delete their document, at this moment.
        connection.execute(
            text(
                f"INSERT INTO {name} SELECT rows.id, CAST(rows.embedding AS vector) "
                "FROM unnest(CAST(:ids AS bigint[]), CAST(:embeddings AS text[])) AS rows(id, embedding) "
                f"JOIN {copies.name} USING (id) ON CONFLICT DO NOTHING"
            ),
            {
                "ids": [row.id for row in rows],
                "embeddings": [_as_text(unpack_vector(row.vector, "a concept")) for row in rows],
            },
        )
    return True


def _as_text(vector_D: Vector) -> str:
    return "[" + ",".join(map(repr, vector_D.tolist())) + "]"
