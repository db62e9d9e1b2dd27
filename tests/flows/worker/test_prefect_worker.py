"""`prefect worker start --type longhand`: Prefect's command starts our worker, and Ctrl-C gives documents back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from storage import Store
from tests.flows.queue_runner import drain, forget_others

Make = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[3]
GROUP, NAME = "prefect.collections", "longhand-worker"
PATIENCE_S = 200.0

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_the_package_names_the_worker_to_prefect() -> None:
    from prefect.workers.base import BaseWorker

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (entry,) = entry_points(group=GROUP, name=NAME)
    assert entry.value == project["entry-points"][GROUP][NAME]
    module = entry.load()
    assert BaseWorker.get_worker_class_from_type(work_pool.WORKER_TYPE) is module.LonghandWorker


@pytest.fixture
def fake_models(tmp_path: Path) -> Path:
    """Return a folder of an installed package that gives our worker the fake engine, as Prefect starts it."""
    (tmp_path / "slow_fakes.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "import flows.worker\n"
        "from tests.flows.flow_fakes import FakeEngine\n"
        "real = flows.worker.SharedModels\n"
        "flows.worker.SharedModels = lambda **options: real(lambda names: FakeEngine(delay_s=0.5), **options)\n"
    )
    info = tmp_path / "slow_fakes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-fakes\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nslow-fakes = slow_fakes\n")
    return tmp_path


def test_ctrl_c_gives_the_document_back(
    url: str, store: Store, api: PrefectApi, new_document: Make, fake_models: Path
) -> None:
    work_pool.prepare(api)
    document_id = new_document(store)
    work_pool.submit(api, [store.get_document(document_id)])
    forget_others(api, store)
    log = fake_models / "log"
    with open(log, "w") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "prefect",
                "worker",
                "start",
                "--pool",
                work_pool.POOL,
                "--type",
                "longhand",
            ],
            stdout=file,
            stderr=file,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(fake_models), str(ROOT))),
                "LONGHAND_DATABASE_URL": url,
                "PREFECT_API_URL": api.url,
                "PREFECT_API_AUTH_STRING": api.auth or "",
                "PREFECT_HOME": str(fake_models / "home"),
                "PREFECT_WORKER_QUERY_SECONDS": "1",
            },
            # A shell's background jobs ignore SIGINT, and their children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while store.get_document(document_id).status != "writing":
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    assert "stopped!" in log.read_text()
    document = store.get_document(document_id)
    assert (document.status, document.owner) == ("writing", None)
    assert drain(store, api) == {"done": 1}
