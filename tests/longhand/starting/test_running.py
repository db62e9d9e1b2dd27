"""The real runner hands documents to the flow with the models they were begun with."""

from __future__ import annotations

import pytest

from concepts.errors import ModelError, UsageError
from concepts.models.wheels import FETCHED_VARIABLE, MINILM, wheel_folder
from flows.prefect.api import PrefectApi
from flows.timings import Timings
from longhand import cli
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


def test_nothing_is_stored_where_a_model_is_not_fetched(monkeypatch, tmp_path, store, capsys):
    monkeypatch.setenv(FETCHED_VARIABLE, str(tmp_path / "none"))
    assert cli.run(["write", "Tea"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "minilm" in line and "`longhand models fetch minilm`" in line
    assert not store.list_documents()


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ({}, "smollm2-135m"),
        ({"voice": "smollm2-135m"}, "smollm2-135m"),
        ({"plan_only": True}, None),
        ({"voice": "{folder}"}, None),
        ({"space": "sonar-mini"}, "smollm2-135m"),
    ],
)
def test_a_voice_is_looked_for_where_one_is_needed(monkeypatch, tmp_path, asked, missing):
    monkeypatch.setenv(FETCHED_VARIABLE, str(tmp_path))
    for file in MINILM.files:
        (path := wheel_folder(MINILM) / file).parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "config.json").touch()  # a base of the user's own
    params = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value
        for name, value in asked.items()
    }
    new = NewDocument(prompt="tea", lang="eng_Latn", params=params)
    if missing is None:
        FlowRunner().check(new)
        return
    with pytest.raises(ModelError, match=f"longhand models fetch {missing}"):
        FlowRunner().check(new)
