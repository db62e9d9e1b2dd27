"""Statements of SQLite compiled once for all stores that tests open: SQLAlchemy compiles them anew for each engine.

    share_compiled_statements()

A store compiles each statement once in its life, a few milliseconds each. A test opens a store for every command that
it runs, so that compiling was a third of its time. The product knows nothing of this, nor do started processes.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from storage.database.pool import Database

NUM_STATEMENTS = 2000


class _AnyEnginesDialect(SQLiteDialect_pysqlite):
    """Equal to that of any other engine: statements are kept under keys that hold the dialect."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(other) is _AnyEnginesDialect and other.dbapi is self.dbapi

    def __hash__(self) -> int:
        return hash(_AnyEnginesDialect)


@cache
def share_compiled_statements() -> None:
    """Let all stores on SQLite files that this process opens from now on share what they compile."""
    compiled: LRUCache[object, object] = LRUCache(NUM_STATEMENTS)
    create = Database._create_engine

    def create_sharing(database: Database, *arguments: object) -> Engine:
        engine = create(database, *arguments)  # type: ignore[arg-type]
        if type(engine.dialect) is SQLiteDialect_pysqlite:
            engine.dialect.__class__ = _AnyEnginesDialect
            engine._compiled_cache = compiled  # type: ignore[assignment]
        return engine

    Database._create_engine = create_sharing  # type: ignore[method-assign, assignment]
