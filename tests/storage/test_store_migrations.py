"""The migrations make the tables of the code, and bring every older file up to date."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from storage import Store
from storage.database.schema import HEAD, alembic_config
from storage.database.tables import METADATA

ROOT = Path(__file__).parents[2]
OLD_FILES = sorted((Path(__file__).parent / "data").glob("lh*.sql"))


def test_head_is_the_newest_migration() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert script.get_heads() == [HEAD]
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    # Every older schema has a file to be upgraded here.
    assert [path.stem for path in OLD_FILES] == sorted(revisions)[:-1]


def test_migrations_import_nothing_of_ours() -> None:
    for path in (ROOT / "storage" / "migrations").rglob("*.py"):
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "from ")):
                assert line.split()[1].split(".")[0] in ("sqlalchemy", "alembic"), f"{path.name}: {line}"


def test_migrated_tables_are_those_of_the_code(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": _is_described}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def _is_described(name: str | None, kind: str, parents: object) -> bool:
    """Return whether SQLAlchemy describes it: not the index of words, which each database has in its own kind."""
    return not (name or "").startswith(("rendering_words", "ix_renderings_words"))


@pytest.mark.parametrize("old", OLD_FILES, ids=lambda path: path.stem)
def test_old_files_are_upgraded(old: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(old.read_text())
    connection.close()
    with Store.open(f"sqlite:///{path}") as store:
        (document,) = store.list_documents()
        assert (document.prompt, document.status, document.epoch) == ("Hello", "done", 1)
        assert document.progress.num_items == document.progress.num_decoded == 2
        exported = store.export_document(document.id)
        assert [s.text for s in exported.sections[0].sentences] == ["c1", "c2"]
        assert {s.block for s in exported.sections[0].sentences} == {None}
        assert exported.sections[1].children[0].heading == "h3"
        # What was written before there was an index of words is found, too.
        assert [match.text for match in store.search_words("c2")] == ["c2"]
        assert [match.text for match in store.search_words("h3", places=["plan"])] == ["h3"]
        outline = store.get_outline(document.id, vectors=True)
        assert outline.items[0].lead is not None and outline.items[0].lead.shape == (4,)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
        assert ("ix_plan_items_outline_id_is_leaf_status",) in indexes
    connection.close()


def test_a_failing_migration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(OLD_FILES[0].read_text())
    before = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    from storage.database import schema

    real = schema.migrate

    def fail(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("after the last migration")

    monkeypatch.setattr(schema, "migrate", fail)
    with pytest.raises(RuntimeError):
        Store.open(f"sqlite:///{path}")
    assert connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == before
    connection.close()


def test_a_database_that_another_process_makes_meanwhile_is_no_foreign_one(tmp_path: Path) -> None:
    """The other one makes it after a statement of ours has failed: such a statement holds no lock."""
    url = f"sqlite:///{tmp_path}/x.db"

    calls: list[object] = []

    def make(error: object) -> None:
        calls.append(error)
        if len(calls) == 1:
            Store.open(url).close()

    event.listen(Engine, "handle_error", make)
    try:
        Store.open(url).close()
    finally:
        event.remove(Engine, "handle_error", make)


def test_many_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    code = f"from storage import Store; Store.open('sqlite:///{tmp_path}/x.db').close()"
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4


def test_postgresql_starts_from_nothing_and_keeps_one_version(postgresql_url: str) -> None:
    Store.open(postgresql_url).close()
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    engine.dispose()


def test_opening_and_listing_imports_no_alembic_and_no_numpy(sqlite_template: Path) -> None:
    code = (
        "import sys; from storage import Store\n"
        f"Store.open('sqlite:///{sqlite_template}').list_documents()\n"
        "heavy = {'alembic', 'numpy', 'torch', 'prefect', 'psycopg', 'mako'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
