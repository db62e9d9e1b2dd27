"""On a real Prefect server with all its services: a flow run that falls silent is Crashed, no other is."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from flows import station
from flows.mirror import read_runs
from flows.prefect_link import PrefectLink
from flows.server import prefect_home, template_path
from flows.silence import beat, ensure_automation, suspect_running

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]

SILENCE_S = 10.0
PATIENCE_S = 120.0
"""The server looks every 5 s, on an idle machine."""


@dataclass
class Server:
    """What `longhand up` starts for Prefect, and a line to it."""

    link: PrefectLink
    variables: dict[str, str]

    def state_of(self, flow_run_id: UUID) -> tuple[str, str]:
        """Return the name of a run's state and its message."""
        (run,) = self.link.call(lambda client: read_runs(client, [str(flow_run_id)]))
        assert run.state is not None
        return str(run.state.name), run.state.message or ""

    def wait_for_crash(self, flow_run_id: UUID) -> float:
        """Return the seconds until a run was Crashed."""
        started = time.monotonic()
        while self.state_of(flow_run_id)[0] != "Crashed":
            assert time.monotonic() - started < PATIENCE_S, "the automation did not fire"
            time.sleep(0.5)
        return time.monotonic() - started

    def start_flows(self) -> tuple[subprocess.Popen[str], UUID, UUID]:
        """Return a process, its run that has ended and its run that lasts."""
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("beating_flows.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self.variables,
        )
        assert process.stdout is not None
        ended, lasting = (UUID(process.stdout.readline().strip()) for _ in range(2))
        return process, ended, lasting


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind((station.HOST, 0))
        port = int(probe.getsockname()[1])
    place = station.Station(pid=0, port=port)
    variables = station._variables(folder, place.api_url)
    with suppress(OSError):  # else it migrates a database of its own
        shutil.copyfile(template_path(prefect_home()), folder / "prefect.db")
    command = ["flows.prefect_repair", "server", "start", "--host", station.HOST, "--port", str(port)]
    child = station._Child("server", command, variables, folder)
    child.start()
    try:
        assert station._wait_until_healthy(place, child, threading.Event())
        with PrefectLink(place.api_url) as link:
            link.call(lambda client: ensure_automation(client, SILENCE_S))
            yield Server(link, variables)
    finally:
        child.end()


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_only_a_run_that_falls_silent_is_crashed(server: Server) -> None:
    killed, ended_early, silent = server.start_flows()
    living, ended, lasting = server.start_flows()
    try:
        assert server.state_of(silent)[0] == "Running"
        killed.kill()
        assert server.wait_for_crash(silent) >= SILENCE_S / 2, "a heartbeat is a second old at most"
        assert "No heartbeat for 10 s" in server.state_of(silent)[1]
        # A heartbeat that comes after the end of its run changes nothing, nor do those that go on.
        server.link.call(lambda client: beat(client, [ended]))
        time.sleep(2 * SILENCE_S)
        assert [server.state_of(run)[0] for run in (ended_early, ended)] == ["Completed", "Completed"]
        assert server.state_of(lasting)[0] == "Running"
        living.communicate("end\n", timeout=PATIENCE_S)
        assert server.state_of(lasting)[0] == "Completed"
    finally:
        end(killed)
        end(living)


def test_a_run_that_never_sent_a_heartbeat_is_suspected_when_the_server_comes_back(server: Server) -> None:
    """As after a power loss: of this run the server knows only that it is to be running."""
    from prefect import flow, states
    from prefect.client.orchestration import SyncPrefectClient

    @flow(name="lost")
    def lost() -> None:
        """Nobody runs it."""

    def make(client: SyncPrefectClient) -> tuple[UUID, UUID]:
        deployment_id = client.create_deployment(flow_id=client.create_flow(lost), name="lost")
        deployed = client.create_flow_run_from_deployment(deployment_id).id
        client.set_flow_run_state(deployed, states.Running(), force=True)
        # The run of a document: no process of it ever sends heartbeats.
        return deployed, client.create_flow_run(lost, state=states.Running()).id

    deployed, document = server.link.call(make)
    assert server.link.call(suspect_running) == 1
    server.wait_for_crash(deployed)
    assert server.state_of(document)[0] == "Running"
