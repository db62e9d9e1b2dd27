"""The real runner hands documents to the flow with the models they were begun with."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flows.mirror import crash_left_run
from flows.timings import Timings
from longhand.running import FlowRunner, show_in_prefect
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
    assert (name, url, document_id, more) == ("write", store.url, document.id, {"plan_only": True})


def test_resuming_takes_the_stored_models(calls, store, monkeypatch):
    new = NewDocument(prompt="tea", lang="eng_Latn", writer=CardRef(name="my-writer", checksum="1"))
    document = store.create_document(new)
    asked = []
    monkeypatch.setattr("flows.engine.ModelEngine.for_document", lambda d: asked.append(d.writer.name))
    FlowRunner().run(store, document.id, plan_only=False, resume=True, on_event=print)
    assert asked == ["my-writer"]
    assert calls[0][0] == "resume"


def test_no_answer_of_a_prefect_server_stops_a_command(monkeypatch, capsys):
    class Broken:
        def __init__(self, api_url):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def call(self, function):
            raise RuntimeError("500")

    for module in ("flows.prefect_link", "flows.mirror"):
        monkeypatch.setattr(f"{module}.PrefectLink", Broken)
        monkeypatch.setattr(f"{module}.known_api", lambda: "http://127.0.0.1:9/api")
    document = SimpleNamespace(id="2q", flow_run_id="1", owner=None, lease_until=None)
    show_in_prefect(document, "cancelled")
    assert capsys.readouterr().err == "Prefect's server failed (RuntimeError); Prefect shows 2q as it was\n"
    crash_left_run(document)
