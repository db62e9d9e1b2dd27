"""Every message about a database that can't be opened, read or written: one line that helps."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from concepts.errors import NotFoundError, StorageError, UsageError
from storage import DiskFull, NewDocument, Store
from storage.database.pool import Database, default_path, resolve_url


def _message(url: str | None, **options: float) -> str:
    with pytest.raises(StorageError) as caught:
        Store.open(url, busy_timeout_s=options.get("busy_timeout_s", 0.05))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def new() -> NewDocument:
    return NewDocument(prompt="p", lang="eng_Latn")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("longhand.db", "is malformed: expected sqlite:////"),
        ("postgresql+psycopg://host:port/x", "is malformed"),
        ("mysql://host/x", "'mysql' are not supported"),
        ("postgresql+asyncpg://host/x", "'postgresql+asyncpg' are not supported"),
        ("nothing+here://x", "are not supported"),
        ("sqlite://", "in-memory database cannot be shared"),
        ("sqlite://host/x.db", "names no host: write sqlite:/// before its path"),
        ("sqlite://me:s3cret@host/x.db", "names no host"),
        ("sqlite:///:memory:", "in-memory database cannot be shared"),
        ("sqlite:////tmp", "/tmp is a folder"),
        ("sqlite:////nowhere/at/all/x.db", "does not exist: mkdir -p /nowhere/at/all"),
        ("sqlite:////tmp/x.db?mode=ro", "takes no options, and this one has ?mode: leave them out"),
        ("sqlite:////tmp/x.db?mode=ro&uri=true", "takes no options"),
        ("x" * 900_000, "characters)…xxx"),
    ],
)
def test_urls(url: str, message: str) -> None:
    assert message in _message(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret@host:port/db",
        "postgresql:/u:s3cret@host/db",
        "u:s3cret@host/db",
        "postgresql:u:p@host/db?password=s3cret",
        "host=here password=p@s3cret",
        "host=127.0.0.1 port=1 password=s3cret",
        "postgres:/me:s3cret",
        "sqlite://me:s3cret@host/x.db",
        "postgresql://u:p@s3cret@host/db",
        "postgresql://u:s3cret/@host:x/db",
        "postgresql://u@localhost:port/db?password=s3cret",
        "postgresql://u:s3cret@localhost:1/db",
        "postgresql://u@localhost:1/db?password=s3cret",
        "postgresql://u@localhost:1/db?sslpassword=s3cret",
        "mysql://u:s3cret@host/db",
    ],
)
def test_no_message_shows_a_password(url: str) -> None:
    assert "s3cret" not in _message(url)


def test_a_password_among_the_options_is_one_before_the_host() -> None:
    url = resolve_url("postgresql://u@h/db?password=s3cret&connect_timeout=3")
    assert (url.password, dict(url.query)) == ("s3cret", {"connect_timeout": "3"})


def test_an_id_that_is_far_too_long_names_nothing(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/x.db") as store, pytest.raises(NotFoundError) as caught:
        store.get_document("ab" * 50_000)
    assert "no document has the id 'abab" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written: change its permissions" in _message(f"sqlite:///{tmp_path}/x.db")


def test_default_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert "cannot be made (Not a directory): set LONGHAND_DATABASE_URL" in _message(None)


def test_default_is_the_variable_then_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with Store.open() as store:
        assert store.location == str(tmp_path / "data" / "longhand" / "longhand.db") == str(default_path())
    monkeypatch.setenv("LONGHAND_DATABASE_URL", f"sqlite:///{tmp_path}/named.db")
    with Store.open() as store:
        assert store.location == f"{tmp_path}/named.db"


@pytest.mark.parametrize("typed", ["soon", "-1", "nan"])
def test_bad_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("LONGHAND_BUSY_TIMEOUT_S", typed)
    with pytest.raises(UsageError, match="expected a number of seconds"):
        Store.open(f"sqlite:///{tmp_path}/x.db")


def test_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("Dear diary, " * 100)
    assert "is not a Longhand database (no SQLite file)" in _message(f"sqlite:///{path}")
    assert path.read_text() == "Dear diary, " * 100


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("CREATE TABLE recipes (id)", "holds the table 'recipes'"),
        ("CREATE TABLE alembic_version (version_num)", "its version is missing"),
        (
            "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('9f3a')",
            "schema version is '9f3a'",
        ),
    ],
)
def test_database_of_another_program_is_left_alone(tmp_path: Path, script: str, reason: str) -> None:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    before = path.read_bytes()
    message = _message(f"sqlite:///{path}")
    assert "is not a Longhand database" in message and reason in message
    assert path.read_bytes() == before


def test_newer_schema(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Store.open(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = 'lh9999'")
    connection.commit()
    connection.close()
    assert "newer Longhand (schema lh9999" in _message(f"sqlite:///{path}")


def test_locked_database(tmp_path: Path, new: NewDocument) -> None:
    path = tmp_path / "x.db"
    with Store.open(f"sqlite:///{path}", busy_timeout_s=0.05) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"locked for more than 0.05 s.*LONGHAND_BUSY_TIMEOUT_S"):
            store.create_document(new)
        assert store.list_documents() == (), "readers don't wait for a writer"
        other.execute("COMMIT")
        other.close()
        store.create_document(new)


def test_locked_document_on_postgresql(postgresql_url: str, new: NewDocument) -> None:
    with Store.open(postgresql_url, busy_timeout_s=0.05) as store, Store.open(postgresql_url) as other:
        lease = other.claim(other.create_document(new).id, "worker-1", 60)
        with other.fenced(lease), pytest.raises(StorageError, match=r"locked for more than 0\.05 s"):
            store.cancel_document(lease.document_id)


def test_a_writer_waits_for_the_lock(tmp_path: Path, new: NewDocument) -> None:
    path = tmp_path / "x.db"
    with Store.open(f"sqlite:///{path}", busy_timeout_s=5) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.1, lambda: other.execute("COMMIT"))
        timer.start()
        store.create_document(new)
        timer.join()
        other.close()


def test_full_disk(tmp_path: Path, new: NewDocument) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/x.db")
    store.close()
    event.listen(
        store._database.engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA max_page_count = 1"),
    )
    with store, pytest.raises(DiskFull, match=r"the disk that holds .* is full: free some space"):
        store.create_document(NewDocument(prompt="p" * 100_000, lang="eng_Latn"))
    with Store.open(f"sqlite:///{tmp_path}/x.db") as again:
        assert again.list_documents() == ()


def test_damaged_file(tmp_path: Path, new: NewDocument) -> None:
    path = tmp_path / "x.db"
    with Store.open(f"sqlite:///{path}") as store:
        for _ in range(50):
            store.create_document(new)
    data = bytearray(path.read_bytes())
    data[4096 * 3 :] = b"\xff" * (len(data) - 4096 * 3)
    path.write_bytes(data)
    with (
        pytest.raises(StorageError, match="is damaged: restore a backup"),
        Store.open(f"sqlite:///{path}") as store,
    ):
        store.list_documents()


def test_postgresql_that_is_not_there() -> None:
    message = _message("postgresql+psycopg://me:secret@127.0.0.1:1/x")
    assert "PostgreSQL is not reachable at postgresql+psycopg://me:***@127.0.0.1:1/x" in message
    assert "secret" not in message


def test_postgresql_without_the_database(postgresql_url: str) -> None:
    assert "no such database" in _message(postgresql_url.replace("/contract?", "/absent?"))


def test_postgresql_database_of_another_program(postgresql_server: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(postgresql_server)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS recipes (id int)"))
    engine.dispose()
    assert "holds the table 'recipes'" in _message(postgresql_server)


def test_a_link_that_nothing_is_heard_of_is_given_up_unless_the_url_says_otherwise() -> None:
    class Seen(Exception):
        """What a connection would have been made with."""

    def look(dialect: object, record: object, args: object, params: dict[str, object]) -> None:
        raise Seen(params)

    url = make_url("postgresql+psycopg://user@host/db?keepalives_idle=7&tcp_user_timeout=90000")
    for found, wanted in ((url, ("90000", "7", 3)), (url.set(query={}), (20_000, 20, 3))):
        database = Database(found, 15.0)
        event.listen(database.engine, "do_connect", look)
        with pytest.raises(Seen) as caught, database.engine.connect():
            pass
        params = caught.value.args[0]
        names = ("tcp_user_timeout", "keepalives_idle", "keepalives_count")
        assert tuple(params[name] for name in names) == wanted
        assert params["connect_timeout"] == 15
