"""A process killed anywhere: nothing half done is seen, and a second run ends with the same document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import ExportedDocument, Store

WORKER = Path(__file__).with_name("crash_worker.py")
ROOT = WORKER.parents[2]


Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Return a function that runs the worker on a database, killed at a point if one is named: its exit code.

    Workers are forks of a process that has imported what the worker needs, and nothing that other tests loaded.
    """
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER), "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as server:

        def run_(url: str, failpoint: str | None = None) -> int:
            assert server.stdin is not None and server.stdout is not None
            print(json.dumps([url, failpoint]), file=server.stdin, flush=True)
            code = int(server.stdout.readline())
            assert code in (0, -signal.SIGKILL)
            return code

        yield run_


def outcome(store: Store) -> tuple[ExportedDocument, dict[str, list[object]], int]:
    """Return what must not depend on crashes: the text, every vector, the number of attempts."""
    (document,) = store.list_documents()
    outline = store.get_outline(document.id, vectors=True)
    stored = store.get_concepts([item.id for item in outline.items])
    vectors: dict[str, list[object]] = {}
    for item in outline.items:
        assert item.lead is not None and item.gist is not None
        vectors[item.path] = [item.lead.tobytes(), item.gist.tobytes(), stored[item.id].vectors.tobytes()]
    exported = store.export_document(document.id)
    unnamed = ExportedDocument(**{**vars(exported), "id": "", "updated_at": 0.0})
    return unnamed, vectors, len(store.get_attempts(document.id))


@pytest.fixture(scope="module")
def uninterrupted(run: Run, tmp_path_factory: pytest.TempPathFactory) -> object:
    url = f"sqlite:///{tmp_path_factory.mktemp('calm')}/x.db"
    assert run(url) == 0
    with Store.open(url) as store:
        exported, vectors, num_attempts = outcome(store)
    assert exported.status == "done" and exported.num_missing == 0 and num_attempts == 3
    return exported, vectors, num_attempts


@pytest.mark.parametrize(
    "failpoint",
    [
        "statement.before:1",
        "create_outline.after:1",
        "add_plan_items.after:2",
        "commit.before:9",
        "commit_concepts.after:2",
        "commit.after:14",
        "statement.after:100",
        "commit_renderings.after:2",
    ],
)
def test_resumed_equals_uninterrupted(
    run: Run, url: str, failpoint: str, uninterrupted: object, open_store: Callable[[], Store]
) -> None:
    assert run(url, failpoint) == -signal.SIGKILL
    assert run(url) == 0
    assert outcome(open_store()) == uninterrupted


def test_a_killed_transaction_leaves_nothing(run: Run, url: str, open_store: Callable[[], Store]) -> None:
    assert run(url, "create_outline.after:1") == -signal.SIGKILL
    store = open_store()
    (document,) = store.list_documents()
    assert (document.space, document.active_outline_id, document.owner) == (None, None, "worker")
    assert store.get_prompt(document.id) == () and store.list_outlines(document.id) == ()


def test_a_new_process_is_killed_and_resumed(tmp_path: Path, uninterrupted: object) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    command = [sys.executable, "-W", "error", str(WORKER), url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(command, env={**environment, "LONGHAND_TEST_FAULT": "commit.after:12"})
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(command, env=environment, check=True)
    with Store.open(url) as store:
        assert outcome(store) == uninterrupted
