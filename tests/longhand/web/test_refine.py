"""`refine` and its page: what is printed, and what is one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from concepts.errors import InputError
from flows.document.refining import Draft, Refinement
from longhand.doing.refining import Refiner
from longhand.web.app import make_app


def drafts(name: str) -> tuple[Draft, ...]:
    return (
        Draft(step=1, time=1.0, similarity=0.25, text=f"blurred {name}"),
        Draft(step=12, time=0.083333, similarity=1.0, text=f"clear {name}"),
    )


FOUND = Refinement(
    path="1", num_plan_steps=12, num_write_steps=12, heading=drafts("heading"), sentences=(drafts("<one>"),)
)


@pytest.fixture
def document_id(run: Any, store: Any) -> str:
    run("write", "Tea", "--sections", "2")
    (document,) = store.list_documents()
    return str(document.id)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What was asked of the models, which answer with `FOUND`."""
    calls: list[tuple[object, ...]] = []

    class Engine:
        def start_loading(self, stages: object) -> None:
            calls.append(("load",))

        def prepare(self, stage: object) -> None:
            pass

    def refine(store: Any, document: Any, path: str, engine: object, *, num_drafts: int) -> Refinement:
        calls.append((document.id, path, num_drafts))
        return FOUND

    monkeypatch.setattr("longhand.doing.refining.make_engine", lambda document: Engine())
    monkeypatch.setattr("flows.document.refining.refine_item", refine)
    return calls


def test_an_item_is_a_table_or_json(run, document_id, asked):
    result = run("refine", document_id[:6], "--item", "1", "--show", "2")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["OF", "STEP", "NOISE", "NEAR", "TEXT"],
        ["heading", "1", "1.00", "0.25", "blurred", "heading"],
        ["12", "0.08", "1.00", "clear", "heading"],
        ["sentence", "1", "1", "1.00", "0.25", "blurred", "<one>"],
        ["12", "0.08", "1.00", "clear", "<one>"],
    ]
    assert "12 steps of the planner, 12 of the writer" in result.stderr
    assert asked == [("load",), (document_id, "1", 2)]
    shown = json.loads(run("refine", document_id, "--item", "1", "--json").stdout)
    assert (shown["id"], shown["plan_steps"], shown["write_steps"]) == (document_id, 12, 12)
    assert shown["heading"][0] == {"step": 1, "time": 1.0, "similarity": 0.25, "text": "blurred heading"}
    assert shown["sentences"][0][1]["text"] == "clear <one>"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nothing", "--item", "1"), 1, "nothing"),
        (("ID", "--item", "7"), 1, "has no item 7: it has 1, 2"),
        (("ID", "--item", "1", "--show", "1"), 2, "--show is 1: give a number of steps from 2 to 20"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run, document_id, asked, arguments, code, message):
    result = run("refine", *(document_id if word == "ID" else word for word in arguments))
    assert (result.exit_code, result.stderr.count("\n"), asked) == (code, 1, [])
    assert message in result.stderr


def test_a_given_or_unwritten_item_loads_no_model(run, store, asked, tmp_path):
    outline = tmp_path / "outline.md"
    outline.write_text("- Water\n- Leaves\n")
    run("write", "Tea", "--outline", str(outline))
    run("write", "Coffee", "--plan-only")
    newest, oldest = (document.id for document in store.list_documents())
    with pytest.raises(InputError, match="was given, not drawn"):
        Refiner().refine(store, oldest, "1")
    with pytest.raises(InputError, match="is not written yet: longhand resume"):
        Refiner().refine(store, newest, "1")
    assert asked == []


def test_the_page_shows_the_steps_of_the_chosen_item(store, document_id, asked):
    client = TestClient(make_app(store), base_url="http://127.0.0.1:8765")
    page = client.get(f"/documents/{document_id}/refine")
    assert page.status_code == 200
    assert '<option value="2">' in page.text
    assert asked == []
    page = client.get(f"/documents/{document_id}/refine?item=1")
    assert asked[-1] == (document_id, "1", 5)
    assert "blurred heading" in page.text
    assert "clear &lt;one&gt;" in page.text
    assert client.get(f"/documents/{document_id}/refine?item=9").status_code >= 400
