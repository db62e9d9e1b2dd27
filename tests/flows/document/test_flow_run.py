"""Whole runs under Prefect with the fake engine: events, plan first and write later, errors, retries."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concepts.errors import LostLease, NonFiniteError
from flows.document.asked.options import WritingOptions
from flows.document.job.events import Event
from flows.errors import FinishedError, FlowError
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.server import PrivateServer
from flows.run import resume_document, write_document
from longhand.outline.drafts import SetHeading
from longhand.outline.editing import approve_document, edit_outline
from storage import Busy, Store
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import drain

Make = Callable[..., Any]

# Prefect's own deprecations are not ours to mend.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:prefect"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:docket"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _collect_sockets() -> Iterator[None]:
    """Let Prefect's forgotten sockets be closed here, where the warning about them is not ours to mend."""
    yield
    gc.collect()


def test_a_run_reports_what_is_stored(
    url: str, store: Store, new_document: Make, outcome: Make, api: PrefectApi, new_job: Make
) -> None:
    document_id = new_document(store)
    events: list[Event] = []
    timings = write_document(url, document_id, engine=FakeEngine(), on_event=events.append, prefect_api=api)
    kinds = [event.kind for event in events]
    assert kinds[:4] == ["starting", "planning", "outline", "writing"]
    assert kinds[-1] == "done"
    assert [(e.done, e.total) for e in events if e.kind == "writing"] == [(0, 3), (2, 3), (3, 3)]
    assert events[-1].done == events[-1].total > 3
    heard = [event.said for event in events if event.said is not None]
    stored = [
        (section.path, sentence.ordinal, sentence.text, sentence.block)
        for section in store.export_document(document_id).sections
        for sentence in section.sentences
    ]
    assert [(said.path, said.ordinal, said.text, said.block) for said in heard] == stored
    assert kinds.index("decoding") < kinds.index("said") < kinds.index("done")
    document = store.get_document(document_id)
    assert (document.status, document.owner) == ("done", None)
    assert document.flow_run_id is not None
    (run,) = [a for a in store.get_attempts(document_id) if a.stage == "run"]
    assert run.outcome == "done"
    assert set(timings.to_dict()) >= {"total", "planning", "writing", "decoding", "storage", "prefect_import"}
    with pytest.raises(FinishedError, match=f"longhand export {document_id}"):
        resume_document(url, document_id, engine=FakeEngine())


def test_a_plan_may_wait_to_be_written(
    url: str, store: Store, new_document: Make, outcome: Make, api: PrefectApi
) -> None:
    calm_id = new_document(store)
    write_document(url, calm_id, engine=FakeEngine(), prefect_api=api)
    document_id = new_document(store)
    engine = FakeEngine()
    write_document(url, document_id, engine=engine, plan_only=True, prefect_api=api)
    assert store.get_document(document_id).status == "planned"
    assert "write" not in engine.calls
    assert all(item.heading for item in store.get_outline(document_id).items)
    resume_document(url, document_id, engine=FakeEngine(), prefect_api=api)
    assert outcome(store, document_id) == outcome(store, calm_id)


def test_a_plan_that_was_interrupted_is_not_written_by_a_worker(
    url: str, store: Store, new_document: Make, api: PrefectApi
) -> None:
    def interrupt(method: str, number: int) -> None:
        if method == "say_headings":
            raise KeyboardInterrupt

    document_id = new_document(store)
    with pytest.raises(KeyboardInterrupt):
        write_document(url, document_id, engine=FakeEngine(before=interrupt), plan_only=True, prefect_api=api)
    engine = FakeEngine()
    assert drain(store, api, engine) == {"planned": 1}
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == ("planned", None, 0)
    assert "write" not in engine.calls
    assert work_pool.lost_documents(api, store) == []
    resume_document(url, document_id, engine=FakeEngine(), prefect_api=api)
    document = store.get_document(document_id)
    assert (document.status, document.params["plan_only"]) == ("done", False)


def test_a_passing_fault_is_tried_again(
    url: str, store: Store, new_document: Make, api: PrefectApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(method: str, number: int) -> None:
        if (method, number) == ("write", 1):
            raise OSError("the disk was slow")

    document_id = new_document(store)
    events: list[Event] = []
    engine = FakeEngine(before=fail)
    write_document(url, document_id, engine=engine, on_event=events.append, prefect_api=api)
    assert store.get_document(document_id).status == "done"
    assert [e.message for e in events if e.kind == "retry"] == ["OSError: the disk was slow"]
    outcomes = [a.outcome for a in store.get_attempts(document_id) if a.stage == "write"]
    assert outcomes == ["started", "failed", "started", "done", "started", "done"]


def test_a_broken_model_fails_the_document_once(
    url: str, store: Store, new_document: Make, api: PrefectApi
) -> None:
    document_id = new_document(store)
    engine = FakeEngine()
    engine.spoil["write"] = float("nan")
    with pytest.raises(NonFiniteError, match="section 1 from writer"):
        write_document(url, document_id, engine=engine, prefect_api=api)
    assert engine.calls.count("write") == 1
    document = store.get_document(document_id)
    assert (document.status, document.owner) == ("failed", None)
    assert document.error is not None
    assert "NaN" in document.error
    assert all(item.heading for item in store.get_outline(document_id).items)
    resume_document(url, document_id, engine=FakeEngine(), prefect_api=api)
    document = store.get_document(document_id)
    assert (document.status, document.error) == ("done", None)


def test_a_run_that_lost_its_lease_stops(url: str, store: Store, new_document: Make, api: PrefectApi) -> None:
    document_id = new_document(store)

    def take(method: str, number: int) -> None:
        if (method, number) == ("write", 2):
            store.claim(document_id, "another", 60, steal=True)

    engine = FakeEngine(before=take)
    with pytest.raises(LostLease, match="taken over by another"):
        write_document(url, document_id, engine=engine, prefect_api=api)
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == ("writing", "another", 2)
    assert engine.calls.count("write") == 2
    with pytest.raises(Busy, match="held by another"):
        resume_document(url, document_id, engine=FakeEngine(), prefect_api=api)


def test_a_receiver_that_fails_ends_the_run(
    url: str, store: Store, new_document: Make, api: PrefectApi
) -> None:
    def receive(event: Event) -> None:
        if event.kind == "outline":
            raise ValueError("no terminal")

    document_id = new_document(store)
    with pytest.raises(ValueError, match="no terminal"):
        write_document(url, document_id, engine=FakeEngine(), on_event=receive, prefect_api=api)
    assert store.get_document(document_id).owner is None


def test_a_server_that_is_not_there_leaves_the_document_as_it_is(
    url: str, store: Store, new_document: Make
) -> None:
    document_id = new_document(store)
    with pytest.raises(FlowError, match=r"Prefect's server at http://127.0.0.1:9/api cannot be reached"):
        write_document(
            url, document_id, engine=FakeEngine(), prefect_api=PrefectApi("http://127.0.0.1:9/api")
        )
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.error) == ("queued", None, None)


def test_ctrl_c_gives_the_document_back(
    url: str, store: Store, new_document: Make, outcome: Make, api: PrefectApi
) -> None:
    calm_id = new_document(store)
    write_document(url, calm_id, engine=FakeEngine(), prefect_api=api)

    def interrupt(method: str, number: int) -> None:
        if (method, number) == ("write", 2):
            raise KeyboardInterrupt

    document_id = new_document(store)
    with pytest.raises(KeyboardInterrupt):
        write_document(url, document_id, engine=FakeEngine(before=interrupt), prefect_api=api)
    document = store.get_document(document_id)
    assert (document.status, document.owner, document.progress.num_written) == ("writing", None, 2)
    assert [a.outcome for a in store.get_attempts(document_id)][-2:] == ["interrupted", "interrupted"]
    resume_document(url, document_id, engine=FakeEngine(), prefect_api=api)
    assert outcome(store, document_id) == outcome(store, calm_id)


@pytest.mark.parametrize("said", ["4200", ""])
def test_a_server_that_nobody_waits_for_any_more_is_watched_all_the_same(said: str) -> None:
    deaths: list[str] = []
    server = PrivateServer(on_death=lambda: deaths.append("ended"))

    async def break_off() -> None:
        waiting = asyncio.ensure_future(asyncio.wrap_future(server.ready))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(break_off())
    with subprocess.Popen([sys.executable, "-c", f"print({said!r})"], stdout=subprocess.PIPE) as process:
        server._process, server._folder = process, Path("/nowhere")
        server._watch(process, 30.0)
    if said:
        assert (server.ready.result(), deaths) == ("http://127.0.0.1:4200/api", ["ended"])
    else:
        with pytest.raises(FlowError, match="ended while it started"):
            server.ready.result()


def test_a_reviewed_document_stops_and_goes_on(
    url: str, store: Store, new_document: Make, api: PrefectApi
) -> None:
    document_id = new_document(store, WritingOptions(sections=3, review=True))
    for stages in (("plan", "decode"), ("decode",)):  # a run that comes again finds nothing to do
        events: list[Event] = []
        engine = FakeEngine()
        write_document(url, document_id, engine=engine, on_event=events.append, prefect_api=api)
        assert events[-1].kind == "awaiting_review"
        assert engine.loading == stages
        document = store.get_document(document_id)
        assert (document.status, document.owner, document.progress.num_written) == (
            "awaiting_review",
            None,
            0,
        )
    assert work_pool.lost_documents(api, store) == []
    state = run_state(api, document.flow_run_id)
    assert state["type"] == "COMPLETED"
    assert state["message"].startswith(f"{document_id} awaits review")
    edit_outline(store, document_id, [SetHeading("1", "Another thing")])
    assert store.get_document(document_id).status == "awaiting_review"
    assert approve_document(store, document_id).status == "queued"
    write_document(url, document_id, engine=FakeEngine(), prefect_api=api)
    assert store.get_document(document_id).status == "done"
    assert store.export_document(document_id).sections[0].heading == "Another thing"


def run_state(api: PrefectApi, flow_run_id: str | None) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/flow_runs/{flow_run_id}")["state"]
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning:prefect")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:docket")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_prefect_says_nothing_on_the_way_out(
    store: Store, url: str, new_document: Make, caplog: pytest.LogCaptureFixture
) -> None:
    write_document(url, new_document(store), engine=FakeEngine())
    for name in ("EventsWorker", "APILogWorker"):
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
    assert "Still processing" not in caplog.text
