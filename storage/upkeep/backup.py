"""Backup and restore of a whole database, also while others use it.

SQLite: the backup is one read transaction (VACUUM INTO). A restore writes the copy's pages into the database in one
transaction (the online backup API), so that open connections see either the old or the new content, and a crash
leaves the old. PostgreSQL: pg_dump, pg_restore and psql, in one transaction.

A restored document is held by nobody, and its epoch is raised: earlier lease holders can write nothing more.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

from sqlalchemy import func, select, text, update
from sqlalchemy.engine import URL

from concepts.counting import counted, is_or_are
from concepts.errors import InputError, StorageError
from concepts.private import make_private_file
from storage.database.clock import clock_of
from storage.database.pool import Database, resolve_busy_timeout_s, resolve_url
from storage.database.schema import bring_up_to_date, check_version, make_wal, read_version
from storage.database.tables import METADATA, Document
from storage.rows.leases import held_until
from storage.search.nearest import copies_schema

SQLITE_MAGIC = b"SQLite format 3\0"
POSTGRESQL_MAGIC = b"PGDMP"
KEPT_SUFFIX = ".before-restore"
"""Suffix of a SQLite database's old content, kept beside it until a restore is done."""
DAMAGED_SUFFIX = ".damaged"
"""Suffix of an unreadable SQLite database, kept beside the new one for good."""
STAGED_SUFFIX = ".restoring"
LONGEST_WORDS = 300


def write_backup(database: Database, path: Path) -> int:
    """Copy a database to a new file and return its size in bytes; the file appears only when it is complete.

    Raises InputError for an unusable path, StorageError if copying fails.
    """
    if path.exists():
        raise InputError(f"{path} exists already: name a new file for the backup")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} of the backup does not exist: mkdir -p {path.parent}")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        make_private_file(partial)
        if database.is_sqlite:
            _copy_sqlite(database, partial)
        else:
            _run("pg_dump", database.engine.url, "--format=custom", f"--file={partial}", "--no-owner")
        _flush(partial)
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror or error}): change the permissions of {path.parent}, or name "
            "another place"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


def _copy_sqlite(database: Database, path: Path) -> None:
    try:
        with database.raw() as cursor:
            cursor.execute("VACUUM INTO ?", (str(path),))
    except StorageError as error:
        if "unable to open" in _reason(error):
            raise StorageError(
                f"{path.parent} cannot be written: change its permissions, or name another place"
            ) from error
        raise


def _flush(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def restore_backup(path: Path, url: str | None = None, *, force: bool = False) -> int:
    """Replace a database's content (None: the default one's) with a backup; return the number of documents.

    The file is checked first and never changed. `force`: replace a database even if it holds documents or is
    unreadable; an unreadable one is kept beside the new one. Raises InputError if the file is not a sound backup of
    ours or comes from a newer Longhand; StorageError if somebody works on a document, if there are documents without
    `force`, or if writing fails, and then the database stays as it was.
    """
    target = resolve_url(url)
    try:
        with open(path, "rb") as file:
            magic = file.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    is_sqlite = target.get_backend_name() == "sqlite"
    if not magic.startswith(SQLITE_MAGIC if is_sqlite else POSTGRESQL_MAGIC):
        kind = {SQLITE_MAGIC: "a SQLite", POSTGRESQL_MAGIC: "a PostgreSQL"}
        found = next((kind[known] for known in kind if magic.startswith(known)), "no")
        wanted = "SQLite" if is_sqlite else "PostgreSQL"
        raise InputError(
            f"{path} is {found} backup: this database is {wanted}'s and takes what longhand backup made of one"
        )
    return _restore_sqlite(path, target, force) if is_sqlite else _restore_postgresql(path, target, force)


def _open(url: URL) -> Database:
    return Database(url, resolve_busy_timeout_s(None))


def _check_unused(database: Database, *, force: bool) -> None:
    """Raise StorageError if somebody works in a database, or if it holds documents without `force`."""
    now = clock_of(database)()
    with database.read() as connection:
        if read_version(connection, database) is None:
            return
        held = connection.execute(
            select(Document.c.id, Document.c.owner, Document.c.lease_until)
            .where(Document.c.owner.is_not(None), Document.c.lease_until > now)
            .order_by(Document.c.lease_until.desc())
        ).all()
        if held:
            first = held[0]
            raise StorageError(
                f"{counted(len(held), 'document')} {is_or_are(len(held))} being worked on, "
                f"{first.id} by {first.owner} until {held_until(first.lease_until, now)}: "
                "end the workers (longhand down), then restore"
            )
        number = connection.scalar(select(func.count()).select_from(Document)) or 0
    if number and not force:
        raise StorageError(
            f"{database.name} holds {counted(number, 'document')}, which would be replaced: add --force, "
            "or name another database in LONGHAND_DATABASE_URL"
        )


def _release_all(database: Database) -> int:
    """Release all documents, raise every epoch, and return the number of documents."""
    with database.write() as connection:
        connection.execute(update(Document).values(owner=None, lease_until=None, epoch=Document.c.epoch + 1))
        return connection.scalar(select(func.count()).select_from(Document)) or 0


# SQLite


def _restore_sqlite(path: Path, url: URL, force: bool) -> int:
    target = Path(str(url.database))
    staged = target.with_name(target.name + STAGED_SUFFIX)
    if target.exists() and path.samefile(target):
        raise InputError(f"{path} is the database itself: name a backup of it")
    _remove(staged)  # left by a killed restore
    try:
        num_documents = _stage(path, url.set(database=str(staged)))
        # The backup is sound; only now may the database change.
        try:
            with closing(_open(url)) as database:
                _check_unused(database, force=force)
                bring_up_to_date(database)
                _overwrite(staged, database)
        except StorageError as error:
            if not _is_unreadable(error):
                raise
            if not force:
                raise StorageError(
                    f"{target} cannot be read ({_reason(error)}): --force puts the backup in its place "
                    f"and keeps it as {_kept_name(target).name}"
                ) from error
            _put_in_place(staged, target)
            with closing(_open(url)) as database:
                make_wal(database)
    except OSError as error:
        raise StorageError(f"{target} cannot be restored: {error.strerror or error}") from error
    finally:
        _remove(staged)
    return num_documents


def _stage(path: Path, staged: URL) -> int:
    """Make a checked, migrated copy of a backup; return its number of documents. Raises InputError."""
    copy = str(staged.database)
    make_private_file(Path(copy))
    try:
        # Through SQLite, so that the file may also be a database in use, with its journal.
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            problems = target.execute("PRAGMA integrity_check(1)").fetchone()[0]
            orphan = target.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        if "full" in str(error):
            raise StorageError(f"the disk that holds {copy} is full: free some space") from error
        raise InputError(f"{path} is damaged ({error}): take another backup") from error
    if problems != "ok" or orphan is not None:
        raise InputError(f"{path} is damaged ({' '.join(problems.split())}): take another backup")
    with closing(_open(staged)) as database:
        with database.read() as connection:
            try:
                version = read_version(connection, database)
            except StorageError as error:
                raise InputError(str(error).replace(copy, str(path))) from error
        if version is None:
            raise InputError(f"{path} is an empty database: there is nothing to restore")
        bring_up_to_date(database)
        return _release_all(database)


def _overwrite(staged: Path, database: Database) -> None:
    """Write a staged copy into a database in one transaction; the old content stays beside it until then."""
    kept = Path(database.name + KEPT_SUFFIX)
    kept.unlink(missing_ok=True)
    make_private_file(kept)
    with database.raw() as cursor:
        cursor.execute("VACUUM INTO ?", (str(kept),))
    with (
        database.explained(),
        closing(sqlite3.connect(staged)) as source,
        closing(sqlite3.connect(database.name, timeout=database.timeout_s)) as target,
    ):
        # All pages in one step: SQLite keeps its lock from the first to the last.
        source.backup(target, pages=-1)
    kept.unlink()


def _reason(error: StorageError) -> str:
    """Return the driver's message."""
    return str(getattr(error.__cause__, "orig", error.__cause__))


def _is_unreadable(error: StorageError) -> bool:
    return any(sign in _reason(error) for sign in ("not a database", "malformed"))


def _put_in_place(staged: Path, target: Path) -> None:
    """Replace a damaged database, which nobody can have open, with a staged copy; keep the damaged one beside it."""
    kept = _kept_name(target)
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.replace(f"{target}{suffix}", f"{kept}{suffix}")
    _flush(staged)
    if kept.exists():
        staged.chmod(kept.stat().st_mode & 0o7777)
    os.replace(staged, target)


def _kept_name(target: Path) -> Path:
    """Return an unused name for a damaged database, so that earlier damaged ones stay."""
    names = (target.name + DAMAGED_SUFFIX + (f"-{n}" if n > 1 else "") for n in count(1))
    return next(path for path in map(target.with_name, names) if not path.exists())


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


# PostgreSQL


def _restore_postgresql(path: Path, url: URL, force: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="longhand-restore-") as folder:
        script = Path(folder) / "backup.sql"
        try:
            # Reads every block, so it detects a truncated archive.
            _run("pg_restore", None, "--clean", "--if-exists", "--no-owner", f"--file={script}", str(path))
        except StorageError as error:
            if "not installed" in str(error):
                raise
            raise InputError(f"{path} is damaged ({error}): take another backup") from error
        version = _archived_version(path)
        with closing(_open(url)) as database:
            check_version(version, str(path))
            _check_unused(database, force=force)
            first = Path(folder) / "first.sql"
            first.write_text(_drop_statements(database), encoding="utf-8")
            _run(
                "psql",
                url,
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                f"--file={first}",
                f"--file={script}",
            )
            bring_up_to_date(database)
            return _release_all(database)


def _drop_statements(database: Database) -> str:
    """Return statements that drop all our tables, also ones that the backup lacks: newer ones, copies for searching."""
    quote = database.engine.dialect.identifier_preparer.quote
    with database.read() as connection:
        home = str(connection.scalar(text("SELECT current_schema()")))
    lines = [f"DROP SCHEMA IF EXISTS {quote(copies_schema(home))} CASCADE;"]
    lines += [
        f"DROP TABLE IF EXISTS {quote(home)}.{quote(table.name)} CASCADE;" for table in METADATA.sorted_tables
    ]
    return "\n".join(lines) + "\n"


def _archived_version(path: Path) -> str:
    """Return the schema version in a complete archive; InputError if it is not ours."""
    table = _run("pg_restore", None, "--data-only", "--table=alembic_version", "--file=-", str(path))
    found = re.search(r"^COPY .*alembic_version.*\n(\S+)$", table, re.MULTILINE)
    if found is None:
        raise InputError(f"{path} is not a backup of a Longhand database: its version is missing")
    return found[1]


def _run(program: str, url: URL | None, *arguments: str) -> str:
    """Run one of PostgreSQL's programs and return its output; StorageError with its last lines."""
    if shutil.which(program) is None:
        raise StorageError(
            f"{program} is not installed: install PostgreSQL's client programs (apt-get install postgresql-client)"
        )
    environment = {**os.environ}
    command = [program, *arguments]
    if url is not None:
        if url.password is not None:
            environment["PGPASSWORD"] = str(url.password)  # everyone can read a command line
        plain = url.set(drivername="postgresql", password=None)
        command.insert(1, f"--dbname={plain.render_as_string(hide_password=False)}")
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(done.stderr.split())[-LONGEST_WORDS:] or "it said nothing"
        raise StorageError(f"{program} failed: {words}")
    return done.stdout
