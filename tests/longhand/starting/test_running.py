"""The real runner hands documents to the flow with the models they were begun with."""

from __future__ import annotations

import pytest

from concepts.errors import UsageError
from flows.prefect.api import PrefectApi
from flows.timings import Timings
from longhand.doing.running import FlowRunner, answering_api, need_api, tell_prefect
from storage import CardRef, NewDocument


@pytest.fixture
def calls(monkeypatch):
    seen = []

    def note(name):
        def function(url, document_id, *, engine, on_event, **more):
            seen.append((name, url, document_id, engine, more))
            timings = Timings()
            timings.add("planning", 1.5)
            return timings

        return function

    monkeypatch.setattr("flows.run.write_document", note("write"))
    monkeypatch.setattr("flows.run.resume_document", note("resume"))
    return seen


def test_writing(calls, store):
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    spent = FlowRunner().run(store, document.id, plan_only=True, resume=False, on_event=print)
    assert spent == {"planning": 1.5}
    ((name, url, document_id, _, more),) = calls
    assert (name, url, document_id, more) == (
        "write", store.url, document.id, {"plan_only": True, "prefect_api": None}
    )  # fmt: skip


def test_resuming_takes_the_stored_models(calls, store, monkeypatch):
    new = NewDocument(prompt="tea", lang="eng_Latn", writer=CardRef(name="my-writer", checksum="1"))
    document = store.create_document(new)
    asked = []
    monkeypatch.setattr("flows.models.engine.ModelEngine.for_document", lambda d: asked.append(d.writer.name))
    FlowRunner().run(store, document.id, plan_only=False, resume=True, on_event=print)
    assert asked == ["my-writer"]
    assert calls[0][0] == "resume"


def test_no_answer_of_a_prefect_server_stops_a_command(monkeypatch, capsys, store):
    monkeypatch.setattr(
        "flows.station.known.known_api", lambda typed=None: PrefectApi("http://127.0.0.1:9/api")
    )
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    for change in ("queued", "cancelled", "paused", "priority"):
        assert not tell_prefect([document], change)
        said = capsys.readouterr().err
        assert said.startswith("Prefect's server at http://127.0.0.1:9/api cannot be reached")
        assert said.endswith("the store has it: longhand requeue tells Prefect later\n")
    assert answering_api() is None
    assert "going on without it" in capsys.readouterr().err


def test_where_no_server_is_known_the_store_is_enough(monkeypatch, store):
    monkeypatch.setattr("flows.station.known.known_api", lambda typed=None: None)
    assert not tell_prefect([], "queued")
    assert answering_api() is None
    with pytest.raises(UsageError, match="no Prefect server is known: start one with longhand up"):
        need_api(None)
