"""Several processes on one document: the same rows as from one, whoever is killed; nobody waits for ever."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accelerate import PartialState
from accelerate.state import AcceleratorState

from concepts.models.card import DEFAULT_NAMES
from flows.crew import (
    Facts,
    Helper,
    Place,
    check_alike,
    in_own_order,
    place_of_process,
    use_device_of_rank,
)
from flows.document.asked.options import WritingOptions
from flows.document.job.events import WorkerEvent
from flows.document.steps import begin_stage, plan_document, write_unit
from flows.errors import CrewError
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from storage import Lease, OpenUnit, Store
from tests.flows import crew_driver
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.flows.forks import Fork

Make = Callable[..., Any]
DRIVER = Path(__file__).with_name("crew_driver.py")
OPTIONS = WritingOptions(sections=8, items_per_unit=1, texts_per_unit=2)


def launch(
    api: PrefectApi,
    *urls: str,
    faults: tuple[str, ...] = ("", ""),
    delays_s: tuple[float, ...] = (0.1, 0.1),
) -> list[Fork]:
    """Start one process for each URL, which find each other; faults and delays (of a model) are theirs in turn."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        Fork(
            crew_driver.main,
            (url, "--delay", str(delays_s[rank]), "--api", api.url, "--auth", api.auth or ""),
            {
                "RANK": str(rank),
                "WORLD_SIZE": str(len(urls)),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "LONGHAND_TEST_FAULT": faults[rank],
            },
        )
        for rank, url in enumerate(urls)
    ]


def ends(processes: list[Fork]) -> list[tuple[int | None, str]]:
    """Return the exit code and the last words of each process."""
    found = [(process.communicate(), process.returncode) for process in processes]
    return [(code, errors) for (_, errors), code in found]


def helpers(store: Store, document_id: str) -> list[bool]:
    """Return, for each unit written or decoded, whether a helper did it."""
    attempts = store.get_attempts(document_id)
    return ["helper" in a.timing for a in attempts if a.stage in ("write", "decode") and a.outcome == "done"]


def places_of(store: Store, document_id: str) -> list[tuple[str, object, object]]:
    """Return the stage, the device and the rank of each unit that a model wrote or decoded."""
    return [
        (a.stage, a.timing["device"], a.timing["rank"])
        for a in store.get_attempts(document_id)
        if a.stage in ("write", "decode") and a.outcome == "done"
    ]


@pytest.fixture
def alone() -> Iterator[None]:
    """Let accelerate forget afterwards which process this was."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def calm(new_url: Callable[[], str], new_document: Make, new_job: Make, outcome: Make) -> Any:
    with Store.open(new_url()) as store:
        document_id = new_document(store, OPTIONS)
        run_steps(new_job(store, document_id))
        assert not any(helpers(store, document_id))
        return outcome(store, document_id)


def test_two_processes_of_accelerate_launch_give_the_rows_of_one(
    url: str, store: Store, calm: Any, new_document: Make, outcome: Make, api: PrefectApi
) -> None:
    document_id = new_document(store, OPTIONS)
    # `--cpu` starts one process; on a machine without GPUs this starts processes of its processors
    options = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no", str(DRIVER), url, "--delay", "0.2"]
    options += ["--api", api.url, "--auth", api.auth or ""]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *options],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert outcome(store, document_id) == calm
    places = places_of(store, document_id)
    assert {rank for _, _, rank in places} == {0, 1}
    for stage, device, _ in places:
        assert device == f"fake-{stage}"


def test_three_processes_give_the_rows_of_one_though_one_is_killed(
    url: str, store: Store, calm: Any, new_document: Make, outcome: Make, api: PrefectApi
) -> None:
    document_id = new_document(store, OPTIONS)
    faults = ("", "commit_concepts.before:1", "")
    found = ends(launch(api, url, url, url, faults=faults, delays_s=(0.3, 0.0, 0.2)))
    assert [code for code, _ in found] == [0, -signal.SIGKILL, 0]
    assert outcome(store, document_id) == calm
    # what the killed one had decoded before it wrote stays; it died before it stored a section
    ranks = {(stage, rank) for stage, _, rank in places_of(store, document_id)}
    assert ("write", 1) not in ranks and {0, 2} <= {rank for _, rank in ranks}
    assert set(helpers(store, document_id)) == {True, False}


def test_where_the_leader_is_killed_the_helpers_end_and_another_goes_on(
    url: str, store: Store, calm: Any, new_document: Make, new_job: Make, outcome: Make, api: PrefectApi
) -> None:
    document_id = new_document(store, OPTIONS)
    (leader, _), (helper, said) = ends(
        launch(api, url, url, faults=("commit_renderings.after:1", ""), delays_s=(0.0, 0.3))
    )
    assert (leader, helper, said) == (-signal.SIGKILL, 0, "")
    run_steps(new_job(store, document_id))
    assert outcome(store, document_id) == calm


def test_processes_with_two_databases_say_so_and_end(new_url: Callable[[], str], api: PrefectApi) -> None:
    first, second = new_url(), new_url()
    for code, said in ends(launch(api, first, second)):
        assert code == 1
        assert said.count("\n") == 1
        assert f"process 1 has the database {second.removeprefix('sqlite:///')}" in said


def test_processes_with_other_models_are_told_which() -> None:
    mine = Facts("me", "db", "file", {"space": "sonar-mini@1", "planner": "p@1", "writer": "w@1"})
    check_alike(1, mine, mine)
    other = Facts("you", "db", "file", {**mine.models, "writer": "w@2"})
    with pytest.raises(CrewError, match=r"process 1 has the writer w@2, process 0 has w@1"):
        check_alike(1, other, mine)
    with pytest.raises(CrewError, match=f"has the planner none.*{DEFAULT_NAMES['planner']}"):
        check_alike(1, Facts("you", "db", "file", {"space": "sonar-mini@1"}), mine)


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, Place(0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, Place(1, 2)),
        ({"RANK": "3", "WORLD_SIZE": "2"}, Place(0, 1)),
        ({"RANK": "x", "WORLD_SIZE": "2"}, Place(0, 1)),
    ],
)
def test_the_launcher_says_which_process_this_is(environment: dict[str, str], place: Place) -> None:
    assert place_of_process(environment) == place


def test_accelerate_knows_the_rank_and_opens_no_process_group(
    monkeypatch: pytest.MonkeyPatch, alone: None
) -> None:
    """A group would wait for processes that may be dead, and print on stdout."""
    import torch

    AcceleratorState._reset_state(reset_partial_state=True)
    for name, value in {
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "ACCELERATE_USE_CPU": "true",
    }.items():
        monkeypatch.setenv(name, value)
    use_device_of_rank(Place(1, 2))
    state = PartialState()
    assert (state.process_index, state.num_processes, state.device) == (1, 2, torch.device("cpu"))
    assert not {"RANK", "WORLD_SIZE", "LOCAL_RANK"} & set(os.environ)
    assert not torch.distributed.is_initialized()


def test_each_process_begins_with_its_share_of_a_document(alone: None) -> None:
    state = PartialState()

    def unit(number: int, document: str) -> OpenUnit:
        lease = Lease(document, "leader", 1, 0.0)
        return OpenUnit(id=number, stage="write", taken_by=None, lease=lease)

    units = [unit(number, "a") for number in (7, 6, 5, 4, 3, 2, 1)] + [unit(8, "b")]
    orders = []
    for rank in range(3):
        state.process_index, state.num_processes = rank, 3
        orders.append([found.id for found in in_own_order(units)])
    assert orders == [[3, 2, 1, 7, 6, 5, 4, 8], [5, 4, 7, 6, 3, 2, 1, 8], [7, 6, 5, 4, 3, 2, 1, 8]]


@pytest.fixture
def writing(store: Store, new_document: Make, new_job: Make) -> Any:
    """A document that is to be written, in the hands of another process."""
    job = new_job(store, new_document(store, OPTIONS))
    plan_document_and_headings(job)
    return job


def plan_document_and_headings(job: Any) -> None:
    from flows.document.queries import pending_headings
    from flows.document.steps import decode_unit

    plan_document(job)
    for unit_id in pending_headings(job):
        decode_unit(job, unit_id)
    begin_stage(job, "writing")


def new_helper(store: Store, leader: str, engine: FakeEngine, said: list[WorkerEvent]) -> Helper:
    helper = Helper(
        store,
        SharedModels(lambda _: engine),
        leader,
        is_over=lambda: False,
        on_event=said.append,
    )
    helper._me = "helper"
    return helper


def test_a_helper_leaves_alone_what_it_cannot_do(store: Store, writing: Any) -> None:
    """A NaN is noted and told once; the unit is free again at once, for the leader to meet the same."""
    engine, said = FakeEngine(), list[WorkerEvent]()
    engine.spoil["write"] = float("nan")
    helper = new_helper(store, writing.lease.owner, engine, said)
    num_units = len(store.pending_units(writing.document_id, "write"))
    assert [helper.help_once() for _ in range(num_units + 1)] == [True] * num_units + [False]
    assert len(said) == num_units
    assert all(event.kind == "unit-failed" and "NaN" in event.message for event in said)
    assert {unit.taken_by for unit in store.list_open_units(writing.lease.owner)} == {None}
    assert store.get_document(writing.document_id).status == "writing"


def test_a_helper_tells_of_the_units_that_it_has_done(store: Store, writing: Any) -> None:
    said: list[WorkerEvent] = []
    helper = new_helper(store, writing.lease.owner, FakeEngine(delay_s=0.01), said)
    while helper.help_once():
        pass
    done = [a for a in store.get_attempts(writing.document_id) if a.stage == "write" and a.outcome == "done"]
    assert all(a.timing["helper"] == "helper" and a.timing["device"] == "fake-write" for a in done)
    assert [(e.kind, e.stage, e.unit_id) for e in said] == [("unit", "write", a.unit_id) for a in done]
    for event in said:
        assert (event.document_id, event.epoch) == (writing.document_id, writing.lease.epoch)
        assert event.seconds >= event.model_s >= 0.01


def test_a_helper_with_other_models_writes_nothing(store: Store, writing: Any) -> None:
    said: list[WorkerEvent] = []
    helper = new_helper(store, writing.lease.owner, FakeEngine(version="2"), said)
    while helper.help_once():
        pass
    assert said[0].kind == "unit-failed" and "use fake" in said[0].message
    assert not store.get_document(writing.document_id).progress.num_written


def test_a_helper_writes_nothing_under_a_lease_that_was_lost(store: Store, writing: Any) -> None:
    class Late(FakeEngine):
        def write(self, *args: Any, **options: Any) -> Any:
            store.claim(writing.document_id, "thief", 60, steal=True)
            return super().write(*args, **options)

    said: list[WorkerEvent] = []
    helper = new_helper(store, writing.lease.owner, Late(), said)
    assert helper.help_once() and not helper.help_once()
    assert said == []
    assert not store.get_document(writing.document_id).progress.num_written


def test_the_leader_takes_a_unit_whose_helper_has_died(store: Store, writing: Any, dead_owner: str) -> None:
    (unit, *_) = store.pending_units(writing.document_id, "write")
    with store.fenced(writing.lease) as tx:
        assert tx.take_unit(unit.id, dead_owner, 60)
    write_unit(writing, unit.id)
    assert store.get_unit(writing.document_id, unit.id).status == "done"
