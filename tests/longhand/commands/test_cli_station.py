"""`up`, `down`, `schedule` and `schedules` on a real server and worker, started once for this file."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.leases.owner import is_dead, owner_of
from flows.prefect.schedules import to_parameters
from flows.station.supervisor import Station, read_secret, running_station, station_folder
from longhand import cli
from storage import NewDocument, Store

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(found: Callable[[], Any], timeout_s: float = 400.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError("it did not come")


@dataclass
class Up:
    """What `up` of this file has started, and the database that its processes use."""

    station: Station
    store: Store
    metrics_port: int


@pytest.fixture(scope="module", autouse=True)
def _own_data_folder(
    tmp_path_factory: pytest.TempPathFactory, lay_template: Callable[[Path], None]
) -> Iterator[None]:
    data = tmp_path_factory.mktemp("data")
    lay_template(data)
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_DATA_HOME", str(data))
    patch.delenv("LONGHAND_PREFECT_API", raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    url = f"sqlite:///{tmp_path_factory.mktemp('up')}/longhand.db"
    patch = pytest.MonkeyPatch()
    patch.setenv("LONGHAND_DATABASE_URL", url)
    metrics_port = free_port()
    options = ["--batch", "1", "--log-format", "json", "--metrics-port", str(metrics_port)]
    assert cli.run(["up", "--port", str(free_port()), *options]) == 0
    patch.undo()
    station = running_station()
    assert station is not None
    try:
        with Store.open(url) as store:
            yield Up(station, store, metrics_port)
    finally:
        assert cli.run(["down"]) == 0


def schedules(run: Any) -> dict[str, Any]:
    return {found["name"]: found for found in json.loads(run("schedules", "ls", "--json").stdout)}


USAGES = [
    (("tea",), "give exactly one of --cron, --every, --rrule and --at"),
    (("tea", "--cron", "0 2 * *"), "--cron is '0 2 * *', 4 fields"),
    (("tea", "--every", "3"), "--every is '3'"),
    (("tea", "--rrule", "FREQ=NEVER"), "which is no rule"),
    (("tea", "--at", "2001-01-01T00:00"), "which is over"),
    (("tea", "--cron", "0 2 * * *", "--timezone", "Paris"), "--timezone is 'Paris'"),
    (("tea", "--cron", "0 2 * * *", "--sections", "0"), "--sections is 0"),
    (("tea", "--cron", "0 2 * * *", "--lang", "xx"), "xx"),
    (("tea", "--cron", "0 2 * * *", "--name", "a/b"), "--name is 'a/b'"),
    (("--cron", "0 2 * * *"), "give either a prompt or --file"),
    (("tea", "--every", "1h"), "no Prefect server is known: start one with longhand up"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_a_wrong_schedule_is_refused_at_once(run, arguments, message):
    """Everything is checked before a server is looked for: none is up here."""
    result = run("schedule", *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr


def test_a_file_with_a_wrong_line_or_a_key_is_refused(run, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('"tea"\n{"prompt": "bread", "sections": 0}\n')
    result = run("schedule", "--file", str(path), "--every", "1h")
    assert result.exit_code == 1
    assert "line 2" in result.stderr
    path.write_text('{"prompt": "tea", "key": "k"}\n')
    assert "leave `key` out" in run("schedule", "--file", str(path), "--every", "1h").stderr


@pytest.mark.parametrize(("option", "seeds"), [((), [3, None, 0]), (("--seed", "9"), [3, 9, 0])])
def test_a_line_keeps_its_own_seed(run, tmp_path, monkeypatch, option, seeds):
    made: list[Any] = []

    def create(api: Any, name: str, documents: Any, rule: Any, *, seeds: Any) -> str:
        made.extend(own["document"] for own in to_parameters(documents, seeds=seeds))
        return "deployment"

    monkeypatch.setattr("flows.prefect.schedules.create_schedule", create)
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "tea", "seed": 3}\n"bread"\n{"prompt": "soup", "seed": 0}\n')
    url = ("--prefect-api", "http://127.0.0.1:9/api")
    result = run("schedule", "--file", str(path), "--every", "1h", *url, *option)
    assert (result.exit_code, [document["seed"] for document in made]) == (0, seeds), result.stderr


def test_what_the_help_says_of_time_zones(run):
    assert "for --at this machine's" in " ".join(run("schedule", "--help").stdout.split())


def test_what_up_refuses_and_down_without_up(run):
    assert "nothing is up" in run("down").stderr
    result = run("up", "--port", "80")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "--port is 80" in result.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("up", "--port", port)
    assert result.exit_code == 1
    assert f"longhand: port {port} cannot be used" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("left", ['{"pid": 1}', "{", '{"pid": 999999999, "port": 4200, "children": {}}'])
def test_a_state_file_that_was_left_behind_means_nothing(run, left):
    folder = station_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lock").touch()
    (folder / "state.json").write_text(left)
    assert running_station() is None
    assert "nothing is up" in run("down").stderr
    assert run("schedules", "ls").exit_code == 2
    (folder / "state.json").unlink()


def test_up_twice_is_refused(run, up):
    result = run("up", "--port", str(free_port()))
    assert result.exit_code == 1
    assert f"up already at {up.station.ui_url}: end them with longhand down" in result.stderr


def test_the_worker_logs_json_and_serves_metrics(up):
    def scrape() -> bytes:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{up.metrics_port}/metrics", timeout=10) as answer:
                return bytes(answer.read())
        except OSError:
            return b""  # it has just been started

    assert b"longhand_documents" in wait_for(scrape)
    first = (station_folder() / "worker.log").read_text().splitlines()[0]
    assert json.loads(first)["event"] == "metrics"


RULES = [
    (("--cron", "0 2 * * *", "--timezone", "Europe/Paris"), "cron 0 2 * * * (Europe/Paris)"),
    (("--every", "6h"), "every 6h (UTC)"),
    (("--rrule", "FREQ=WEEKLY;BYDAY=MO"), "FREQ=WEEKLY;BYDAY=MO (UTC)"),
    (("--at", "2077-01-31T02:00", "--timezone", "Asia/Tokyo"), "once at 2077-01-30 17:00 (UTC)"),
]


def test_a_schedule_is_made_listed_paused_and_removed(run, up):
    for number, (rule, shown) in enumerate(RULES):
        result = run("schedule", "How to brew tea", "--name", f"s{number}", *rule)
        assert result.exit_code == 0, result.stderr
        assert f"scheduled s{number}: 1 document, next at " in result.stderr
        assert schedules(run)[f"s{number}"]["rule"] == shown
    assert "s0    cron" in run("schedules", "ls").stdout
    assert (
        "there is a schedule 's1' already" in run("schedule", "tea", "--name", "s1", "--every", "1h").stderr
    )
    assert "is that of the queue" in run("schedule", "tea", "--name", "longhand", "--every", "1h").stderr

    # Prefect's server makes the runs ahead of their time.
    deployment_id = schedules(run)["s0"]["deployment_id"]
    with up.station.api() as api:
        (waiting, *_) = wait_for(lambda: scheduled_runs(api, deployment_id))
        assert waiting["parameters"]["document"]["prompt"] == "How to brew tea"
        assert run("schedules", "pause", "s0").exit_code == 0
        assert (schedules(run)["s0"]["is_paused"], schedules(run)["s0"]["next_times"]) == (True, [])
        assert not scheduled_runs(api, deployment_id)
        assert run("schedules", "resume", "s0").exit_code == 0
        assert not schedules(run)["s0"]["is_paused"]
        # The switch of Prefect's UI is another one; ours moves both.
        (entry,) = api.get(f"/deployments/{deployment_id}/schedules")
        api.call("PATCH", f"/deployments/{deployment_id}/schedules/{entry['id']}", {"active": False})
        assert schedules(run)["s0"]["is_paused"]
        assert run("schedules", "resume", "s0").exit_code == 0
        assert not schedules(run)["s0"]["is_paused"]
    for number in range(len(RULES)):
        assert run("schedules", "rm", f"s{number}").exit_code == 0
    assert schedules(run) == {}
    for command in ("pause", "resume", "rm", "run-now"):
        result = run("schedules", command, "s0")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "no schedule is named 's0': there are none" in result.stderr


def scheduled_runs(api: Any, deployment_id: str) -> Any:
    filters = {
        "deployments": {"id": {"any_": [deployment_id]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    return api.pages("/flow_runs/filter", filters)


def test_run_now_makes_the_documents(run, up, tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "How to brew tea", "sections": 2}\n"Bread for beginners"\n')
    assert run("schedule", "--file", str(path), "--name", "two", "--at", "2077-01-01T00:00").exit_code == 0
    assert "started two as 2 flow runs" in run("schedules", "run-now", "two").stderr
    # One after the other, as the worker of this file has room for one.
    for number in (1, 2):
        wait_for(lambda number=number: len(up.store.list_documents()) == number)
        up.store.cancel_document(up.store.list_documents()[0].id)
    prompts = {document.prompt for document in up.store.list_documents()}
    assert prompts == {"How to brew tea", "Bread for beginners"}
    assert run("schedules", "rm", "two").exit_code == 0
    assert len(up.store.list_documents()) == 2, "what a schedule has made stays"


# Nobody else gets in: what a page of another origin, another name for this machine, and another user can do.


def ask(
    up: Up,
    method: str,
    path: str,
    body: object = None,
    *,
    origin: str | None = None,
    host: str | None = None,
    auth: str | None = None,
) -> tuple[int, dict[str, str]]:
    """Ask the server as a browser (with an origin) or a program would; return status and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", up.station.port, timeout=30)
    headers = {"Host": host or f"127.0.0.1:{up.station.port}", "Content-Type": "text/plain"}
    if origin is not None:
        headers["Origin"] = origin
    if auth is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


ATTACK = {"name": "attack", "type": "process"}


def test_a_page_of_another_origin_gets_nothing(up):
    secret = read_secret()
    for auth in (None, secret):  # a page has no secret; should it have one, it is still another's page
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{up.station.port + 1}"):
            status, headers = ask(up, "POST", "/api/work_pools/", ATTACK, origin=origin, auth=auth)
            assert (status, "access-control-allow-origin" in headers) == (403, False)
            status, headers = ask(up, "OPTIONS", "/api/work_pools/", origin=origin)
            assert (status, "access-control-allow-origin" in headers) == (403, False)
    assert ask(up, "GET", "/api/work_pools/attack", auth=secret)[0] == 404
    own = f"http://127.0.0.1:{up.station.port}"
    assert ask(up, "POST", "/api/deployments/filter", {}, origin=own, auth=secret)[0] == 200


def test_another_name_for_this_machine_gets_nothing(up):
    for host in (
        f"evil.example:{up.station.port}",
        "evil.example",
        f"127.0.0.1.evil.example:{up.station.port}",
    ):
        assert ask(up, "GET", "/api/health", host=host)[0] == 403
        assert ask(up, "GET", "/", host=host, auth=read_secret())[0] == 403
    assert ask(up, "GET", "/api/health", host=f"localhost:{up.station.port}")[0] == 200


def test_the_page_that_signs_in_holds_no_secret(up):
    connection = http.client.HTTPConnection("127.0.0.1", up.station.port, timeout=30)
    connection.request("GET", "/longhand/sign-in")
    answer = connection.getresponse().read()
    connection.close()
    assert b"prefect-password" in answer and read_secret().encode() not in answer
    assert up.station.sign_in_url.endswith(f"/longhand/sign-in#{read_secret()}")


def test_another_user_of_the_machine_gets_nothing(up):
    for auth in (None, "longhand:", "admin:pass", read_secret()[:-1]):
        assert ask(up, "POST", "/api/work_pools/", ATTACK, auth=auth)[0] == 401
        assert ask(up, "POST", "/api/flow_runs/filter", {}, auth=auth)[0] == 401
    secret = station_folder() / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert up.station.port not in open_ports_elsewhere(), "it listens on this machine alone"
    command = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert read_secret() not in command


def open_ports_elsewhere() -> set[int]:
    """Return the ports on which something listens for other machines."""
    import psutil

    return {
        found.laddr.port
        for found in psutil.net_connections("tcp")
        if found.status == "LISTEN" and found.laddr.ip not in ("127.0.0.1", "::1")
    }


def test_who_has_the_secret_can_still_run_no_command(up, tmp_path):
    """The attack of the first release: a deployment with a command, an environment and an entry point of its own."""
    target = tmp_path / "ran"
    with up.station.api() as api:
        flow = api.call("POST", "/flows/", {"name": "attack"})
        body = {
            "name": "attack", "flow_id": flow["id"], "work_pool_name": "longhand", "entrypoint": "os.py:system",
            "job_variables": {"name": "x", "command": f"touch {target}"}, "pull_steps": [
                {"prefect.deployments.steps.run_shell_script": {"script": f"touch {target}"}}
            ],
        }  # fmt: skip
        deployment = api.call("POST", "/deployments/", body)
        attack = api.call("POST", f"/deployments/{deployment['id']}/create_flow_run", {})

        def ended() -> Any:
            state = api.get(f"/flow_runs/{attack['id']}")["state"]
            return state if state["type"] not in ("SCHEDULED", "PENDING", "RUNNING") else None

        assert (wait_for(ended)["type"], target.exists()) == ("FAILED", False)


def test_cancel_and_pause_reach_prefects_run(run, store, up):
    """What our commands do to a document is seen in Prefect."""
    from flows.prefect import work_pool

    with up.station.api() as api:
        api.call("PATCH", "/work_pools/longhand", {"is_paused": True})  # else the worker may be faster
        try:
            for command, state in (("pause", "PAUSED"), ("cancel", "CANCELLED")):
                document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn", priority=-1))
                work_pool.submit(api, [document])
                assert run(command, document.id).exit_code == 0
                assert work_pool.find_run(api, store.get_document(document.id))["state"]["type"] == state
        finally:
            api.call("PATCH", "/work_pools/longhand", {"is_paused": False})


def test_down_twice(run, up):
    """The last test here: nothing is left of what `up` started, and a second `down` says so."""
    pids = owner_of(up.station.pid), *up.station.children.values()
    assert run("down").stderr == "down\n"
    assert [owner for owner in pids if not is_dead(owner)] == []
    assert run("down").stderr == "nothing is up\n"
