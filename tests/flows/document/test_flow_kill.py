"""Real processes: killed with SIGKILL, broken off with Ctrl-C, in a hostile environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.document.asked.options import WritingOptions
from flows.prefect.api import PrefectApi
from flows.run import resume_document
from storage import Store
from tests.flows.document import flow_driver
from tests.flows.flow_fakes import FakeEngine
from tests.flows.forks import Fork

Make = Callable[..., Any]
DRIVER = Path(__file__).with_name("flow_driver.py")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:prefect"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:docket"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def fork(*args: str, **variables: str) -> Fork:
    return Fork(flow_driver.main, args, variables)


def start(*args: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DRIVER), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
    )


def servers(mark: Path) -> set[int]:
    """Return the ids of all living server children of those that were started with `mark` in their environment."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                is_server = b"server_child.py" in (folder / "cmdline").read_bytes()
                if is_server and bytes(mark) in (folder / "environ").read_bytes():
                    found.add(int(folder.name))
            except OSError:
                continue
    return found


@pytest.fixture
def calm(new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make) -> Any:
    from tests.flows.document.step_runner import run_steps

    with Store.open(new_url()) as store:
        document_id = new_document(store, WritingOptions(sections=8, texts_per_unit=8))
        run_steps(new_job(store, document_id))
        return outcome(store, document_id)


@pytest.mark.parametrize(
    "failpoint",
    [
        "add_plan_items.after:1",
        "plan_units.before:2",
        "commit_concepts.before:2",
        "commit_renderings.after:3",
    ],
)
def test_a_killed_run_ends_like_a_calm_one(
    url: str, calm: Any, outcome: Make, api: PrefectApi, failpoint: str
) -> None:
    process = fork(url, "new", "--api", api.url, "--auth", api.auth or "", LONGHAND_TEST_FAULT=failpoint)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    with Store.open(url) as store:
        (document,) = store.list_documents()
        assert document.owner is not None
        # At once, although the lease of the dead one still runs.
        resume_document(url, document.id, engine=FakeEngine(), prefect_api=api)
        assert outcome(store, document.id) == calm
        attempts = [a.outcome for a in store.get_attempts(document.id) if a.unit_id is not None]
        num_redone = 0 if failpoint.startswith("plan_units") else 1  # between two units nothing is lost
        assert attempts.count("started") - attempts.count("done") == num_redone


def test_a_run_of_its_own_ignores_the_users_prefect_and_leaves_nothing_behind(
    url: str, calm: Any, outcome: Make, tmp_path: Path, migrated: None
) -> None:
    """Private server, Ctrl-C, SIGKILL, and in the end foreign settings: no child stays, the text is the same."""
    mark = {"LONGHAND_TEST_MARK": str(tmp_path)}
    running = fork(url, "new", "--delay", "0.4", **mark)
    document_id = running.stdout.readline().strip()
    for line in running.stdout:
        event = json.loads(line)
        if event["kind"] == "writing" and event["done"]:
            break
    assert servers(tmp_path)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    assert (running.returncode, errors) == (130, "interrupted\n")
    assert not servers(tmp_path)
    with Store.open(url) as store:
        document = store.get_document(document_id)
        assert (document.status, document.owner) == ("writing", None)

        running = fork(url, document_id, "--delay", "0.4", **mark)
        for line in running.stdout:
            if json.loads(line)["kind"] == "decoding":
                break
        assert servers(tmp_path)
        running.kill()
        running.communicate()
        for _ in range(100):
            if not servers(tmp_path):
                break
            time.sleep(0.1)
        assert not servers(tmp_path)

        (tmp_path / "prefect.toml").write_text(
            '[server]\nephemeral = {enabled = false}\n[api]\nurl = "http://x:1"\n'
        )
        hostile = {
            "PREFECT_API_URL": "http://127.0.0.1:9/api",
            "PREFECT_PROFILE": "nowhere",
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_HOME": str(tmp_path / "users-own"),
        }
        process = start(url, document_id, cwd=tmp_path, **mark, **hostile)
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, "")
        assert not servers(tmp_path)
        assert outcome(store, document_id) == calm
    assert not (tmp_path / "users-own").exists()
