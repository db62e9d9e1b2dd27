"""Commands in a process that a launcher started: process 0 does the work, the others only help."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concepts.neural.processes import process_state
from flows import crew as crews
from flows.crew import Crew
from flows.document.asked.options import WritingOptions
from flows.document.job.job import Job
from flows.document.queries import pending_headings
from flows.document.steps import begin_stage, decode_unit, plan_document
from flows.errors import CrewError
from flows.leases.lease import claim
from flows.leases.owner import current_owner
from flows.models import sharing
from storage import NewDocument, Store
from tests.flows.flow_fakes import FakeEngine


class Board:
    """A leader that has ended already, unless it waits."""

    is_over: Callable[[], bool] = staticmethod(lambda: True)

    def set(self, key: str, value: str) -> None:
        self.last = key

    def check(self, keys: list[str]) -> bool:
        return self.is_over()


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    found = Board()
    process_state()  # of a process alone, whatever was tested before: accelerate must see no launcher

    def join(_: Store, place: crews.Place) -> Crew:
        return Crew(place.rank, found, current_owner())  # type: ignore[arg-type]

    monkeypatch.setattr(crews, "join", join)
    monkeypatch.setattr(crews, "use_device_of_rank", lambda place: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    return found


def test_the_first_process_writes_and_tells_the_others_when_it_has_ended(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert run("write", "Tea").exit_code == 0
    assert board.last.endswith("/end")
    assert run("resume", "no-such-id").exit_code == 1


@pytest.mark.parametrize("command", [("write", "Tea"), ("worker", "--drain"), ("resume", "no-such-id")])
def test_the_others_make_and_print_nothing(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RANK", "1")
    done = run(*command)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    monkeypatch.delenv("WORLD_SIZE")
    assert run("ls", "--json").stdout.strip() == "[]"


def test_an_error_of_all_is_said_once(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(_: Store, place: crews.Place) -> Crew:
        raise CrewError("two databases")

    monkeypatch.setattr(crews, "join", join)
    for rank, said in enumerate(["longhand: two databases\n", ""]):
        monkeypatch.setenv("RANK", str(rank))
        done = run("worker", "--drain")
        assert (done.exit_code, done.stderr) == (1, said)


def test_a_launcher_that_starts_again_makes_no_second_document(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    done = run("write", "Tea")
    assert done.exit_code == 2
    assert "longhand resume ID" in done.stderr
    assert run("ls", "--json").stdout.strip() == "[]"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """What helpers work with instead of the real models."""
    found = FakeEngine()
    real = sharing.SharedModels
    monkeypatch.setattr(sharing, "SharedModels", lambda **options: real(lambda names: found, **options))
    return found


@pytest.fixture
def led_document(store: Store, board: Board, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> str:
    """A document of four units that the leader holds; it ends when they are written. This process is its helper."""
    params = WritingOptions(sections=4, items_per_unit=1).to_params()
    new = NewDocument(prompt="How to share a folder.", lang="eng_Latn", params=params)
    document_id = store.create_document(new).id
    engine.start_loading(("plan", "write", "decode"))
    job = Job(store, claim(store, document_id), engine)
    plan_document(job)
    for unit_id in pending_headings(job):
        decode_unit(job, unit_id)
    begin_stage(job, "writing")
    board.is_over = lambda: not store.pending_units(document_id, "write")
    monkeypatch.setenv("RANK", "1")
    return document_id


def test_a_helpers_units_are_in_its_log(
    run: Callable[..., Any], store: Store, led_document: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_text("what the leader says\n")
    done = run("worker", "--drain", "--log-format", "json", "--log-file", str(path))
    assert (done.exit_code, done.stderr) == (0, "")
    first, *lines = path.read_text().splitlines()
    assert first == "what the leader says"
    told = [json.loads(line) for line in lines]
    attempts = store.get_attempts(led_document)
    units = [a.unit_id for a in attempts if a.stage == "write" and a.outcome == "done"]
    assert len(units) == 4
    assert [(t["event"], t["stage"], t["unit"], t["rank"]) for t in told] == [
        ("unit", "write", unit, 1) for unit in units
    ]
    for line in told:
        assert (line["document_id"], line["epoch"]) == (led_document, 1)
        assert line["duration_s"] > 0


def test_people_are_told_what_a_helper_cannot_do(
    run: Callable[..., Any], board: Board, led_document: str, engine: FakeEngine
) -> None:
    engine.spoil["write"] = float("nan")
    board.is_over = lambda: engine.calls.count("write") == 4
    lines = run("resume", led_document).stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"process 1: unit-failed {led_document} in write unit ") for line in lines)


def test_a_helper_serves_metrics_above_the_leaders_port(
    run: Callable[..., Any], store: Store, board: Board, led_document: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/metrics"
    seen: list[str] = []

    def is_over() -> bool:
        if store.pending_units(led_document, "write"):
            return False
        with urllib.request.urlopen(url, timeout=10) as answer:
            seen.append(answer.read().decode())
        return True

    board.is_over = is_over
    done = run("worker", "--drain", "--metrics-port", str(port - 1))
    assert (done.exit_code, done.stderr) == (0, f"process 1: metrics at {url}\n")
    assert 'longhand_unit_seconds_count{stage="write"} 4.0' in seen[-1]


@pytest.mark.parametrize("port", ["65535", "-2"])
def test_a_launch_without_ports_enough_is_one_line(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    said = []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        done = run("worker", "--drain", "--metrics-port", port)
        assert done.exit_code
        said.append(done.stderr)
    assert said[1] == "" and said[0].count("\n") == 1
    assert f"--metrics-port is {port}, and 2 processes need one each" in said[0]
