"""A real station of this machine: it comes up once, goes down whole, and leaves nothing when it is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.leases.owner import is_dead
from flows.station.supervisor import (
    StationSettings,
    _lock,
    _variables,
    check_port,
    run_station,
    running_station,
    start_station,
    station_folder,
    stop_station,
)
from storage import Store

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def _own_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LONGHAND_DATABASE_URL", f"sqlite:///{tmp_path}/longhand.db")
    yield
    stop_station()


def wait_until_dead(owners: dict[str, str]) -> None:
    for _ in range(300):
        if all(is_dead(owner) for owner in owners.values()):
            return
        time.sleep(0.1)
    raise AssertionError(f"left running: {[owner for owner in owners.values() if not is_dead(owner)]}")


def test_a_worker_is_given_what_up_was_asked_for() -> None:
    asked = StationSettings(port=4200, batch=3, together=True, log_format="json", metrics_port=0)
    options = ["--batch", "3", "--log-format", "json", "--together", "--metrics-port", "0"]
    assert asked.worker_options() == options
    assert StationSettings(port=4200).worker_options() == ["--batch", "2", "--log-format", "text"]


@pytest.mark.usefixtures("_own_station")
def test_up_down_and_a_killed_supervisor(tmp_path: Path, lay_template: Callable[[Path], None]) -> None:
    lay_template(tmp_path)
    assert running_station() is None
    assert stop_station() is None
    port = free_port()
    station = start_station(StationSettings(port=port, batch=1))
    assert set(station.children) == {"server", "worker"}
    assert not any(is_dead(owner) for owner in station.children.values())
    with urllib.request.urlopen(station.ui_url) as page:
        assert b"<html" in page.read()
    with pytest.raises(FlowError, match=f"up already at {station.ui_url}: end them with longhand down"):
        start_station(StationSettings(port=port, batch=1))

    # Its files hold prompts and titles.
    modes = {path.name: path.stat().st_mode & 0o777 for path in station_folder().iterdir() if path.is_file()}
    assert {"lock", "prefect.db", "server.log", "state.json", "supervisor.log", "worker.log"} <= set(modes)
    assert set(modes.values()) == {0o600}, modes
    assert station_folder().stat().st_mode & 0o777 == 0o700

    # A child that dies is started again.
    killed = station.children["worker"]
    os.kill(int(killed.split(":")[1]), signal.SIGKILL)
    for _ in range(300):
        now = running_station()
        assert now is not None
        if now.children.get("worker", killed) != killed:
            break
        time.sleep(0.1)
    assert now.children["worker"] != killed

    os.kill(station.pid, signal.SIGKILL)
    wait_until_dead(now.children)
    assert running_station() is None
    assert stop_station() is None

    again = start_station(StationSettings(port=port, batch=2))
    assert stop_station() is not None
    wait_until_dead(again.children)
    assert not (station_folder() / "state.json").exists()
    check_port(port)


@pytest.mark.usefixtures("_own_station")
def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pytest.raises(FlowError, match=f"port {port} cannot be used .*--port"):
            start_station(StationSettings(port=port, batch=1))
    assert running_station() is None


@pytest.mark.usefixtures("_own_station")
def test_who_looks_at_the_station_hinders_nobody() -> None:
    station_folder().mkdir(parents=True)
    (station_folder() / "lock").touch()
    left = station_folder() / "state.json"
    left.write_text('{"pid": 999999999, "port": 4200, "is_ready": true, "children": {}}')
    with socket.socket() as taken, ExitStack() as looking:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = StationSettings(port=int(taken.getsockname()[1]))
        assert looking.enter_context(_lock(station_folder(), is_shared=True))
        assert running_station() is None, "the state of a killed supervisor means nothing"
        end = threading.Timer(0.3, looking.close)
        end.start()
        with pytest.raises(FlowError, match="cannot be used"):
            run_station(settings)
        end.join()
        left.write_text('{"pid": 999999999, "port": 4200, "is_ready": true, "children": {}}')
        with _lock(station_folder(), is_shared=False) as is_taken:
            assert is_taken
            assert running_station() is not None
            with pytest.raises(FlowError, match="up already at http"):
                run_station(settings)


def test_what_a_child_has_started_ends_with_it(tmp_path: Path) -> None:
    """A child whose parent ends takes its own children along, whatever they do with SIGTERM."""
    (tmp_path / "stubborn.py").write_text(
        "import json, os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'\n"
        "below = subprocess.Popen([sys.executable, '-c', code])\n"
        "print(json.dumps([os.getpid(), below.pid]), flush=True)\n"
        "time.sleep(600)\n"
    )
    script = Path(__file__).parents[3] / "flows" / "station" / "child.py"
    process = subprocess.Popen(
        [sys.executable, "-P", str(script), "0.3", "stubborn"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    from flows.leases.owner import owner_of

    pids = json.loads(process.stdout.readline())
    owners = {str(pid): owner_of(pid) for pid in pids}
    assert not any(is_dead(owner) for owner in owners.values())
    process.stdin.close()
    assert process.wait(30) == -signal.SIGKILL
    wait_until_dead(owners)
    process.stdout.close()


def test_paths_of_the_environment_lead_to_the_same_place_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LONGHAND_DATABASE_URL", "sqlite:///docs.db")
    monkeypatch.setenv("LONGHAND_MODELS", os.pathsep.join(["mine", "/opt/models"]))
    variables = _variables(tmp_path / "station", "http://127.0.0.1:4200/api")
    assert variables["LONGHAND_DATABASE_URL"] == f"sqlite:///{tmp_path}/docs.db"
    assert variables["LONGHAND_MODELS"] == os.pathsep.join([f"{tmp_path}/mine", "/opt/models"])
    with Store.open() as store:
        assert store.url == f"sqlite:///{tmp_path}/docs.db"
    monkeypatch.setenv("LONGHAND_DATABASE_URL", "postgresql://me:secret@db/longhand")
    url = _variables(tmp_path, "http://127.0.0.1:4200/api")["LONGHAND_DATABASE_URL"]
    assert url == "postgresql+psycopg://me:secret@db/longhand"
