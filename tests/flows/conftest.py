"""A fresh SQLite store per test, a fake engine, and one Prefect server that all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.document.asked.options import WritingOptions
from flows.document.engine import Engine
from flows.document.job.job import Job
from flows.leases.lease import claim
from flows.prefect.api import PrefectApi
from flows.prefect.background import end_services
from flows.prefect.server import PrivateServer
from storage import ExportedDocument, Lease, NewDocument, Store
from tests.compiled_statements import share_compiled_statements
from tests.flows.flow_fakes import FakeEngine

# The modules beside this file are imported by their own names, here and by the driver's process.
from tests.storage import fault_points

share_compiled_statements()

SMALL = WritingOptions(sections=3, items_per_unit=2, texts_per_unit=8)


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    for name in ("LONGHAND_DATABASE_URL", "PREFECT_API_URL"):
        patch.delenv(name, raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "longhand.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def new_url(template: Path, tmp_path: Path) -> Callable[[], str]:
    """Return a function that makes a fresh database and returns its URL."""
    made: list[Path] = []

    def make() -> str:
        made.append(tmp_path / f"{len(made)}.db")
        shutil.copyfile(template, made[-1])
        return f"sqlite:///{made[-1]}"

    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


@pytest.fixture(scope="session")
def migrated(_own_data_folder: None, lay_template: Callable[[Path], None]) -> None:
    """Private servers begin with a migrated database, as all but a user's first do."""
    lay_template(Path(os.environ["XDG_DATA_HOME"]))


@pytest.fixture(scope="session")
def api(migrated: None) -> Iterator[PrefectApi]:
    """One Prefect server for the whole session: starting one costs seconds."""
    with PrivateServer() as server, PrefectApi(server.ready.result(), server.auth) as found:
        yield found
        end_services()
    with warnings.catch_warnings():
        # Prefect's forgotten sockets are not ours to mend.
        warnings.simplefilter("ignore")
        gc.collect()


@dataclass(frozen=True)
class Outcome:
    """What must not depend on crashes: texts, vectors, scores, and how often each unit was committed."""

    exported: ExportedDocument
    vectors: dict[str, list[bytes]]
    stop_reasons: list[str | None]
    num_done: int


@pytest.fixture
def outcome() -> Callable[[Store, str], Outcome]:
    def read(store: Store, document_id: str) -> Outcome:
        outline = store.get_outline(document_id, vectors=True)
        stored = store.get_concepts([item.id for item in outline.items])
        vectors: dict[str, list[bytes]] = {}
        for item in outline.items:
            assert item.lead is not None
            assert item.gist is not None
            vectors[item.path] = [part.tobytes() for part in (item.lead, item.gist, stored[item.id].vectors)]
        exported = store.export_document(document_id)
        units = [a.unit_id for a in store.get_attempts(document_id) if a.outcome == "done" and a.unit_id]
        assert len(units) == len(set(units)), "a unit was committed twice"
        return Outcome(
            exported=ExportedDocument(**{**vars(exported), "id": "", "updated_at": 0.0}),
            vectors=vectors,
            stop_reasons=[item.stop_reason for item in outline.items],
            num_done=len(units),
        )

    return read


@pytest.fixture
def states_of(tmp_path: Path) -> Callable[[str, Callable[[], None]], list[str]]:
    """Return a function that does work on a database and returns URLs of copies: what a crash would leave.

    There is a copy for the beginning and for each commit that wrote something. The file alone would not do, what is
    committed is in SQLite's log. Only one thread may write meanwhile.
    """

    def states(url: str, work: Callable[[], None]) -> list[str]:
        path = Path(url.removeprefix("sqlite:///"))
        found: list[str] = []
        logged = [b""]

        def keep(point: str, number: int) -> None:
            log = path.with_name(f"{path.name}-wal")
            if point not in ("commit.after", "start") or (found and log.read_bytes() == logged[-1]):
                return
            logged.append(log.read_bytes() if log.exists() else b"")
            copy = tmp_path / f"state{len(found)}.db"
            shutil.copyfile(path, copy)
            copy.with_name(f"{copy.name}-wal").write_bytes(logged[-1])
            found.append(f"sqlite:///{copy}")

        keep("start", 0)
        fault_points.watch(keep)
        try:
            work()
        finally:
            fault_points.watch(None)
        return found

    return states


@pytest.fixture
def new_document() -> Callable[..., str]:
    def make(store: Store, options: WritingOptions = SMALL, **changes: object) -> str:
        values: dict[str, object] = {"prompt": "How to share a folder.", "lang": "eng_Latn", "seed": 7}
        new = NewDocument(**{**values, "params": options.to_params(), **changes})  # type: ignore[arg-type]
        return store.create_document(new).id

    return make


@pytest.fixture
def new_job() -> Callable[..., Job]:
    """Return a function that claims a document, from anyone, and returns a job for it."""

    def make(store: Store, document_id: str, engine: Engine | None = None, *, steal: bool = False) -> Job:
        if engine is None:
            engine = FakeEngine()
        engine.start_loading(("plan", "write", "decode"))
        lease: Lease
        lease = store.claim(document_id, "thief", 60, steal=True) if steal else claim(store, document_id)
        return Job(store, lease, engine)

    return make


@pytest.fixture
def dead_owner() -> str:
    """The name of a process of this machine that has ended."""
    code = "from flows.leases.owner import current_owner; print(current_owner())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def quick_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers look for what users want five times a second."""
    from flows.prefect.isolation import import_prefect

    import_prefect()
    monkeypatch.setattr("flows.worker.WATCH_S", 0.2)
