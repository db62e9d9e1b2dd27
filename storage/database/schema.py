"""The schema version of a database, and its migration from empty or older to this code's version.

Two SELECTs suffice for an up-to-date database. alembic is imported only if there is something to migrate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from concepts.errors import StorageError
from storage.database.pool import URL_VARIABLE, Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "lh0009"
"""The revision this code knows (a test compares it with the newest migration)."""
# Any fixed number: a process that migrates a PostgreSQL database holds this advisory lock.
MIGRATION_LOCK = 0x10_6E_6A_4D


def bring_up_to_date(database: Database) -> None:
    """Create or migrate the schema if needed; raise StorageError for a foreign database."""
    with database.read() as connection:
        version = read_version(connection, database)
    if version == HEAD:
        return
    if database.is_sqlite:
        make_wal(database)
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        # Another process may have migrated it while this one waited for the lock.
        if read_version(connection, database) != HEAD:
            migrate(connection)


def read_version(connection: Connection, database: Database) -> str | None:
    """Return the revision of the database, None for an empty one; raise StorageError for a foreign one."""
    # A SELECT that fails would end the transaction on PostgreSQL, and begins none on SQLite: the next one could see
    # what another process has migrated meanwhile.
    is_there = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if database.is_sqlite
        else "SELECT to_regclass('alembic_version')"
    )
    try:
        versions = _select_versions(connection) if connection.scalar(text(is_there)) else None
    except DBAPIError as error:
        if "not a database" in str(error.orig):
            raise StorageError(database.explain(error)) from error
        raise
    if versions is None:
        foreign = _first_table(connection, database)
        if foreign is not None:
            raise _foreign(database.name, f"it holds the table {foreign!r}")
        return None
    if not versions:
        raise _foreign(database.name, "its version is missing")
    if len(versions) > 1:
        raise _foreign(database.name, f"its schema versions are {', '.join(versions)}")
    check_version(versions[0], database.name)
    return versions[0]


def check_version(version: str, name: str) -> None:
    """Raise StorageError if a schema version is not ours, or newer than this code; `name`: of the database."""
    if re.fullmatch(r"lh(\d{4})", version) is None:
        raise _foreign(name, f"its schema version is {version!r}")
    if version > HEAD:
        raise StorageError(
            f"{name} was written by a newer Longhand (schema {version}, this one knows {HEAD}): "
            "update Longhand's clone (git pull; python3.11 -m longhand.setup install)"
        )


def _select_versions(connection: Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(text("SELECT version_num FROM alembic_version"))]


def _first_table(connection: Connection, database: Database) -> str | None:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIMIT 1"
        if database.is_sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename LIMIT 1"
    )
    name = connection.scalar(text(query))
    return None if name is None else str(name)


def _foreign(name: str, reason: str) -> StorageError:
    return StorageError(f"{name} is not a Longhand database ({reason}): name another one in {URL_VARIABLE}")


def make_wal(database: Database) -> None:
    """Switch a SQLite database to WAL, so that it can be read while it is written."""
    # A file system that can't do WAL keeps its journal.
    with database.raw() as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")


def alembic_config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for the migrations packed in this room."""
    from pathlib import Path

    from alembic.config import Config

    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%")
    )
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` inside the caller's transaction."""
    from alembic import command

    command.upgrade(alembic_config(connection), revision)
