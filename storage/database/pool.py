"""One database connection pool: opening it, its two kinds of transaction, its errors as messages.

A read transaction sees one moment of the database. A write transaction takes SQLite's write lock at its start
(BEGIN IMMEDIATE): otherwise a transaction that reads first and then writes could fail half way despite the busy
timeout. This module knows no tables.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
    StatementError,
)

from concepts.errors import StorageError, UsageError, shorten
from concepts.private import make_private_file, make_private_folder
from storage.errors import DiskFull

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
    from sqlalchemy.pool import ConnectionPoolEntry

URL_VARIABLE = "LONGHAND_DATABASE_URL"
TIMEOUT_VARIABLE = "LONGHAND_BUSY_TIMEOUT_S"
DEFAULT_BUSY_TIMEOUT_S = 15.0
IDLE_TIMEOUT_S = 45.0
"""After this time PostgreSQL ends an idle transaction; shorter than a lease."""
DEAD_LINK: dict[str, object] = {
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""When a connection counts as dead: libpq's parameters, in ms and in seconds. Unix sockets have none."""
_IS_FULL = " is full: free some space and resume"
EXAMPLES = "sqlite:////folder/longhand.db or postgresql+psycopg://user@host/database"


def default_path() -> Path:
    """Return the default path of the database."""
    from platformdirs import user_data_dir

    return Path(user_data_dir("longhand", appauthor=False)) / "longhand.db"


def resolve_url(typed: str | None) -> URL:
    """Return the checked URL: the argument, else `LONGHAND_DATABASE_URL`, else the default file.

    A SQLite file's relative path becomes absolute. Raises StorageError if the URL is invalid, or names a database
    that Longhand does not support.
    """
    typed = typed if typed is not None else os.environ.get(URL_VARIABLE) or None
    if typed is None:
        path = default_path()
        try:
            make_private_folder(path.parent)
        except OSError as error:
            raise StorageError(
                f"the folder {path.parent} cannot be made ({error.strerror}): "
                f"set {URL_VARIABLE} to a place you may write, such as sqlite:////tmp/longhand.db"
            ) from error
        return URL.create("sqlite", database=str(path))
    try:
        url = make_url(typed)
    except (ArgumentError, ValueError):
        # Without its cause, whose text may hold the password.
        raise StorageError(f"the database URL {_mask(typed)} is malformed: expected {EXAMPLES}") from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        kind = shorten(url.drivername)
        raise StorageError(f"databases of the kind {kind!r} are not supported: use {EXAMPLES}")
    if url.get_backend_name() == "sqlite":
        try:
            _check_sqlite_file(url)
        except (OSError, ValueError) as error:
            # The name is too long or holds a NUL.
            reason = getattr(error, "strerror", None) or error
            name = shorten(str(url.database))
            raise StorageError(
                f"{name} cannot be the name of a file ({reason}): name another one in {URL_VARIABLE}"
            ) from None
        # The processes of one command may run in different folders.
        return url.set(database=str(Path(str(url.database)).absolute()))
    if "@" in (url.host or ""):
        raise StorageError("the password of the database URL holds an @: write it there as %40")
    typed_password = url.query.get("password")
    if isinstance(typed_password, str):
        # As the URL's password, which messages hide and command lines leave out.
        url = url.set(password=typed_password)
    return url.difference_update_query(["password"])


def _mask(typed: str) -> str:
    """Return the parts of a URL that cannot hold a password, without users, hosts and options."""
    scheme, separator, rest = typed.partition("://")
    if separator:
        return repr(f"{shorten(scheme)}://..." if rest else shorten(typed))
    # "postgres:/me:...", "host=here password=..." of libpq: any part may be the password's.
    return repr("..." if re.search(r"[:=@]", typed) else shorten(typed))


def _check_sqlite_file(url: URL) -> None:
    if url.host or url.username or url.password or url.port:
        raise StorageError(
            f"the URL of a SQLite file names no host: write sqlite:/// before its path, such as {EXAMPLES}"
        )
    if "\0" in (url.database or ""):
        raise ValueError("it holds a NUL")
    if url.database in (None, "", ":memory:"):
        raise StorageError(
            "an in-memory database cannot be shared by processes: name a file, such as sqlite:////tmp/l.db"
        )
    if url.query:
        raise StorageError(
            f"the URL of a SQLite file takes no options, and this one has ?{shorten(next(iter(url.query)))}: leave "
            f"them out, such as sqlite:///{shorten(url.database)}"
        )
    path = Path(str(url.database))
    if path.is_dir():
        raise StorageError(f"{path} is a folder, not a database: name a file inside it")
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} of the database does not exist: mkdir -p {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise StorageError(
            f"{path} cannot be written: change its permissions or set {URL_VARIABLE} to another place"
        )


def resolve_busy_timeout_s(given: float | None) -> float:
    """Return how long a write waits for another process: from the argument, else the variable, else 15 s."""
    if given is not None:
        return given
    typed = os.environ.get(TIMEOUT_VARIABLE)
    if not typed:
        return DEFAULT_BUSY_TIMEOUT_S
    try:
        seconds = float(typed)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise UsageError(f"{TIMEOUT_VARIABLE} is {typed!r}: expected a number of seconds, such as 15")
    return seconds


class Database:
    """An engine with its name for messages; use it only through `read()` and `write()`."""

    def __init__(self, url: URL, timeout_s: float, *, driver: ModuleType = sqlite3) -> None:
        """`driver`: SQLite's, the only one in this process that may open the file."""
        self.driver = driver
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.timeout_s = timeout_s
        shown = url.difference_update_query(["sslpassword"])
        self.name = str(url.database) if self.is_sqlite else shown.render_as_string(hide_password=True)
        if self.is_sqlite:
            # Its journal gets the same permissions. Opening the file reports errors in the path.
            with suppress(OSError):
                make_private_file(Path(self.name))
        self.engine = self._create_engine(url)
        _engines.add(self.engine)
        _register_fork_guard()

    def _create_engine(self, url: URL) -> Engine:
        if self.is_sqlite:
            args: dict[str, object] = {"check_same_thread": False, "timeout": self.timeout_s}
            engine = create_engine(url, connect_args=args, module=self.driver)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            # Our error reports a lost connection in one line.
            logging.getLogger("psycopg").setLevel(logging.ERROR)
            # A dead server, a cut cable or another process's lock must not hang a command for ever; the URL may
            # override this. Without a timeout for unacknowledged data, the kernel waits for minutes, and for most
            # of a minute after the cable is back.
            args = {"connect_timeout": max(2, int(self.timeout_s)), **DEAD_LINK}
            args = {name: value for name, value in args.items() if name not in url.query}
            if "options" not in url.query:
                # A lease holder that was stopped inside a transaction, or lost its network, must not keep its
                # locks for longer than its lease; our transactions wait only for the server.
                args["options"] = (
                    f"-c lock_timeout={max(1, int(self.timeout_s * 1000))} "
                    f"-c idle_in_transaction_session_timeout={int(IDLE_TIMEOUT_S * 1000)} "
                    "-c tcp_keepalives_idle=20 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
                )
            try:
                engine = create_engine(url, connect_args=args, pool_pre_ping=True)
            except (ModuleNotFoundError, ImportError, NoSuchModuleError) as error:
                raise StorageError(
                    "PostgreSQL needs the psycopg driver: pip install 'psycopg[binary]'"
                ) from error
        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection whose statements all see one moment of the database."""
        with self.explained(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection; commit all its changes at the end, or none."""
        with self.explained(), self.engine.connect() as connection:
            connection = connection.execution_options(longhand_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def raw(self) -> Iterator[DBAPICursor]:
        """Yield a driver's cursor outside any transaction, for statements that SQLite allows only there."""
        with self.explained():
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                try:
                    yield cursor
                finally:
                    # An unread result would keep its statement open, and so block the next commit.
                    cursor.close()
            finally:
                connection.close()

    def identity(self) -> str:
        """Return the machine and inode of a SQLite file, the cluster and database of PostgreSQL."""
        if self.is_sqlite:
            found = os.stat(self.name)  # noqa: PTH116
            return f"sqlite {socket.gethostname()} {found.st_dev} {found.st_ino}"
        with self.read() as connection:
            cluster, database = connection.execute(
                text("SELECT system_identifier, current_database() FROM pg_control_system()")
            ).one()
        return f"postgresql {cluster} {database}"

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy, and of the SQLite driver, into one-line StorageErrors."""
        try:
            yield
        except SQLAlchemyError as error:
            raise self._told(error) from error
        except self.driver.Error as error:
            # From a statement that must run outside SQLAlchemy's transactions.
            raise self._told(DBAPIError("", None, error)) from error

    def _told(self, error: SQLAlchemyError) -> StorageError:
        message = self.explain(error)
        return DiskFull(message) if message.endswith(_IS_FULL) else StorageError(message)

    def explain(self, error: SQLAlchemyError) -> str:
        """Return one line about `error`: the problem, its place, and what to do next."""
        cause = getattr(error, "orig", None) or error
        text = " ".join(str(cause).split())
        if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
            return f"a value cannot be stored in {self.name}: {text}"
        if isinstance(error, IntegrityError):
            return f"{self.name} refused a row that contradicts the stored ones ({text}): nothing was stored"
        if not self.is_sqlite:
            return self._explain_postgresql(text)
        known = {
            "locked": self._explain_lock(),
            "disk is full": f"the disk that holds {self.name}{_IS_FULL}",
            "readonly database": f"{self.name} cannot be written: change its permissions, or its folder's",
            "unable to open": f"{self.name} cannot be opened: its folder must exist and may be written",
            "not a database": f"{self.name} is not a Longhand database (no SQLite file): "
            f"name another file in {URL_VARIABLE}",
            "malformed": f"{self.name} is damaged: restore a backup, or save what is left with "
            f"`sqlite3 {self.name} .recover`",
            # Also if there is no room for the file that SQLite's processes share.
            "disk I/O error": f"the disk that holds {self.name} failed to read or write, or is full: check it",
        }
        for sign, message in known.items():
            if sign in text:
                return message
        return f"the database {self.name} failed: {text}"

    def _explain_lock(self) -> str:
        return (
            f"another process has kept {self.name} locked for more than {self.timeout_s:g} s: "
            f"wait for it, or set {TIMEOUT_VARIABLE} higher"
        )

    def _explain_postgresql(self, text: str) -> str:
        lowered = text.lower()
        if "lock timeout" in lowered:
            return self._explain_lock()
        if "password authentication" in lowered or "no password supplied" in lowered:
            return f"PostgreSQL refused the user or password of {self.name}: check the URL"
        if 'database "' in lowered and "does not exist" in lowered:
            return f"PostgreSQL has no such database: make the one in {self.name} with createdb"
        if "no space left" in lowered or "disk full" in lowered:
            return f"the disk of PostgreSQL's {self.name}{_IS_FULL}"
        signs = ("connection", "could not translate", "failed to resolve", "timeout", "name or service")
        if any(sign in lowered for sign in signs):
            return f"PostgreSQL is not reachable at {self.name}: start it or check the URL ({text[:160]})"
        return f"the database {self.name} failed: {text[:300]}"


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself; `_begin_sqlite` does. The journal mode is a
    # property of the file, set once when we create the schema: a foreign file is never changed.
    connection.isolation_level = None
    # SQLite's own knows only ASCII capitals
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("longhand_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _forget_inherited_connections() -> None:
    for engine in _engines:
        engine.dispose(close=False)


@cache
def _register_fork_guard() -> None:
    """Make a forked child open its own connections: two processes on one connection damage the file."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_inherited_connections)
