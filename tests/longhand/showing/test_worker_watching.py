"""A worker's log for machines, and its metrics, scraped while it works."""

from __future__ import annotations

import gc
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.document.asked.options import WritingOptions
from flows.document.job.events import WorkerEvent
from flows.leases.owner import owner_of
from flows.models import sharing
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.background import end_services
from flows.prefect.isolation import import_prefect
from flows.prefect.server import PrivateServer
from longhand.showing.worklog import open_log
from storage import NewDocument, Store
from tests.flows.flow_fakes import FakeEngine

SMALL = WritingOptions(sections=3, items_per_unit=2, texts_per_unit=8)


pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def server(server_template: Path) -> Iterator[PrivateServer]:
    with PrivateServer(server_template.parent) as found:
        found.ready.result()
        yield found
        end_services()
    with warnings.catch_warnings():
        # Prefect's forgotten sockets are not ours to mend.
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(autouse=True)
def _our_server(server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("LONGHAND_LOG_FORMAT", raising=False)
    monkeypatch.setenv("LONGHAND_PREFECT_API", server.ready.result())
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", server.auth)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeEngine], None]:
    """Let workers work with this engine instead of the real models."""
    real = sharing.SharedModels

    def use_(engine: FakeEngine) -> None:
        monkeypatch.setattr(
            "flows.models.sharing.SharedModels", lambda **options: real(lambda names: engine, **options)
        )

    return use_


def queue(store: Store) -> str:
    new = NewDocument(prompt="How to share a folder.", lang="eng_Latn", params=SMALL.to_params())
    return store.create_document(new).id


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_line_of_a_json_log_is_an_object(run, store, use):
    use(FakeEngine())
    document_id = queue(store)
    result = run("worker", "--drain", "--log-format", "json")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    events = [line["event"] for line in lines]
    assert [event for event in events if event != "unit"] == ["started", "claimed", "done", "ended"]
    units = [line for line in lines if line["event"] == "unit"]
    done = [a for a in store.get_attempts(document_id) if a.unit_id is not None and a.outcome == "done"]
    assert [(u["stage"], u["unit"]) for u in units] == [(a.stage, a.unit_id) for a in done]
    for line in units:
        assert (line["document_id"], line["epoch"], line["level"]) == (document_id, 1, "INFO")
        assert line["duration_s"] > 0
        assert line["time"].endswith("+00:00")
    ended = next(line for line in lines if line["event"] == "done")
    assert ended["duration_s"] >= max(unit["duration_s"] for unit in units)


def test_a_failure_names_its_unit_in_both_logs(run, store, use, monkeypatch, tmp_path):
    engine = FakeEngine()
    engine.spoil["write"] = float("nan")
    use(engine)
    queue(store)
    path = tmp_path / "worker.log"
    assert run("worker", "--drain", "--log-format", "json", "--log-file", str(path)).exit_code == 1
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    failed = next(line for line in lines if line["event"] == "unit-failed")
    assert (failed["stage"], failed["level"]) == ("write", "WARNING")
    assert failed.get("message")
    assert next(line for line in lines if line["event"] == "failed")["level"] == "ERROR"
    queue(store)
    monkeypatch.setenv("LONGHAND_LOG_FORMAT", "text")
    shown = run("worker", "--drain").stderr
    assert "in write unit " in shown
    assert "\nunit " not in shown, "people see documents, not units"
    assert shown.endswith("1 failed\n")


@pytest.mark.parametrize("until", ["retry", "released"])
def test_a_worker_drains_its_queue_although_the_database_was_away(
    run, store, use, monkeypatch, tmp_path, until
):
    """Until a task is tried again, and until its run is given back: both had ended with 1 although all was written."""
    monkeypatch.setenv("LONGHAND_BUSY_TIMEOUT_S", "0.05")
    monkeypatch.setattr("flows.prefect.flow.TRANSIENT_DELAY_S", 0.2)
    import_prefect()
    from flows.worker import LonghandWorker

    # A lease that cannot be given back while the database is away ends by itself.
    monkeypatch.setitem(LonghandWorker.__init__.__kwdefaults__, "lease_s", 6.0)
    path = tmp_path / "worker.log"
    threads: list[threading.Thread] = []

    def events() -> list[str]:
        return [json.loads(line)["event"] for line in path.read_text().splitlines()]

    def go_away(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            is_away = threading.Event()
            is_over = lambda: until in events() or "released" in events()  # noqa: E731
            threads.append(threading.Thread(target=lock_database, args=(store.location, is_away, is_over)))
            threads[-1].start()
            assert is_away.wait(10)

    use(FakeEngine(before=go_away))
    ids = [queue(store) for _ in range(2)]
    result = run("worker", "--drain", "--batch", "1", "--log-format", "json", "--log-file", str(path))
    threads[0].join()
    assert {until, "released"} & set(events()), "the worker has met the locked database"
    assert [store.get_document(document_id).status for document_id in ids] == ["done", "done"]
    assert (result.exit_code, events().count("done")) == (0, 2)


def lock_database(location: str, is_away: threading.Event, is_over: Callable[[], bool]) -> None:
    """Let nobody else write to a SQLite file until `is_over`, at most half a minute."""
    with closing(sqlite3.connect(location, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        is_away.set()
        deadline = time.monotonic() + 30
        while not is_over() and time.monotonic() < deadline:
            time.sleep(0.05)
        connection.execute("ROLLBACK")


def test_a_queue_is_not_drained_while_a_stopped_worker_holds_a_document(run, store, use, server, monkeypatch):
    """A process that is stopped (Ctrl-Z) is not dead: `--drain` goes on with its document once its lease is over."""
    monkeypatch.setattr("flows.prefect.work_pool.SILENCE_S", 0.0)
    use(FakeEngine())
    held = queue(store)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        process.send_signal(signal.SIGSTOP)
        owner = owner_of(process.pid)
        with PrefectApi(server.ready.result(), server.auth) as api:
            work_pool.prepare(api)
            work_pool.submit(api, [store.get_document(held)])
            (left,) = api.read_runs(keys=[held])
            api.call("PATCH", f"/flow_runs/{left['id']}", {"infrastructure_pid": owner})
            for state in ("PENDING", "RUNNING"):
                api.set_state(left["id"], state, name=state.title())
        lease_until = store.claim(held, owner, 5.0).lease_until
        result = run("worker", "--drain")
        ended_at = time.time()
        process.kill()
    assert ended_at > lease_until, "the command ended while the other process held the document"
    assert (result.exit_code, store.get_document(held).status) == (0, "done")


def test_the_flow_run_is_in_the_log(tmp_path):
    path = tmp_path / "log"
    with open_log("json", path) as log:
        log.show(WorkerEvent(kind="done", document_id="d", epoch=3, flow_run_id="r", seconds=2.5))
    assert path.stat().st_mode & 0o077 == 0
    shown = json.loads(path.read_text())
    assert (shown["document_id"], shown["epoch"], shown["flow_run_id"], shown["duration_s"]) == (
        "d",
        3,
        "r",
        2.5,
    )


def scrape(url: str) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_are_scraped_while_a_worker_works(run, store, use):
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    seen: list[dict[tuple[str, ...], float]] = []

    def look(method: str, number: int) -> None:
        if method == "say" and store.get_overview().counts.get("done"):
            seen.append(scrape(url))

    use(FakeEngine(before=look))
    for _ in range(3):
        queue(store)
    result = run("worker", "--drain", "--batch", "1", "--metrics-port", str(port))
    assert result.exit_code == 0
    assert f"metrics at {url}\n" in result.stderr
    last = seen[-1]
    assert last["longhand_database_up",] == 1
    assert last["longhand_documents", "done"] == 2
    assert last["longhand_worker_documents_total", "done"] == 2
    assert (last["longhand_running",], last["longhand_queue_depth",]) == (1, 0)
    assert 0 <= last["longhand_oldest_lease_age_seconds",] < 60
    # Two units of three sections each, for the third document as well by now.
    assert last["longhand_unit_seconds_count", "write"] == 6
    assert last["longhand_unit_seconds_sum", "write"] > 0
    assert last["longhand_failures_total", "write"] == 0
    assert seen[0]["longhand_queue_depth",] == 1
    with pytest.raises(OSError, match="refused"):
        scrape(url)


def test_documents_that_share_model_calls_are_seen_in_log_and_metrics(run, store, use):
    port = free_port()
    seen: list[dict[tuple[str, ...], float]] = []

    def look(method: str, number: int) -> None:
        if method.startswith("say"):
            seen.append(scrape(f"http://127.0.0.1:{port}/metrics"))

    use(FakeEngine(delay_s=0.2, before=look))  # long enough that documents meet on a busy machine, too
    for _ in range(4):
        queue(store)
    options = ("--batch", "4", "--log-format", "json", "--metrics-port", str(port))
    result = run("worker", "--drain", "--together", *options)
    assert result.exit_code == 0
    units = [line for line in map(json.loads, result.stderr.splitlines()) if line["event"] == "unit"]
    assert {unit.get("company", 1) for unit in units if unit["stage"] == "plan"} == {1}
    assert max(unit.get("company", 1) for unit in units if unit["stage"] == "write") > 1
    last = seen[-1]
    assert last["longhand_unit_company_sum", "write"] > last["longhand_unit_company_count", "write"]


def test_failures_are_counted_by_kind(run, store, use):
    port = free_port()
    found: list[dict[tuple[str, ...], float]] = []
    engine = FakeEngine(before=lambda method, n: found.append(scrape(f"http://127.0.0.1:{port}/metrics")))
    engine.spoil["write"] = float("nan")
    use(engine)
    queue(store)
    queue(store)
    assert run("worker", "--drain", "--batch", "1", "--metrics-port", str(port)).exit_code == 1
    last = found[-1]
    assert last["longhand_failures_total", "document"] == 1
    assert last["longhand_failures_total", "write"] >= 1
    assert last["longhand_documents", "failed"] == 1


def test_a_metrics_port_that_is_taken_is_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for command in (("worker", "--drain"), ("up", "--port", str(free_port()))):
            result = run(*command, "--metrics-port", str(port))
            assert result.exit_code == 1
            assert "--metrics-port" in result.stderr.splitlines()[-1]


def test_a_metrics_host_that_is_no_name_is_one_line(run):
    result = run("worker", "--drain", "--metrics-port", "0", "--metrics-host", "x" * 64)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "with --metrics-host" in result.stderr


USAGES = [
    (("worker", "--prefect-api", "http://[::1/api"), "is not the URL of a Prefect API"),
    (("worker", "--metrics-port", "70000"), "--metrics-port is 70000"),
    (("worker", "--log-format", "xml"), "--log-format"),
    (("up", "--log-format", "xml"), "--log-format"),
    (("up", "--metrics-port", "4200"), "--metrics-port is 4200, as --port"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGES)
def test_wrong_usage(run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr


def test_a_log_that_cannot_be_written(run, tmp_path):
    result = run("worker", "--drain", "--log-file", str(tmp_path / "no" / "log"))
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "name another --log-file" in result.stderr
