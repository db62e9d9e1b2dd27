"""Outlines changed by form: the rules of the command line, what was typed is kept, what may be done when."""

from __future__ import annotations

from typing import cast

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

from flows.leases.lease import claim
from flows.leases.owner import current_owner
from longhand.doing.searching import Searcher
from longhand.web.app import make_app
from longhand.web.guard import Guard
from longhand.web.pages.changing import FORM_TOKEN
from longhand.web.pages.documents import actions_of
from storage import DOCUMENT_STATUSES, DocumentRecord, NewDocument, Store

GUARD = Guard()


@pytest.fixture
def told() -> list[tuple[str, str]]:
    """What a Prefect server would have been told."""
    return []


@pytest.fixture
def client(store: Store, told: list[tuple[str, str]]) -> TestClient:
    app = make_app(
        store,
        guard=GUARD,
        searcher=cast("Searcher", None),
        tell_prefect=lambda documents, change: told.extend((d.id, change) for d in documents),
    )
    return TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture
def document(run, store: Store) -> DocumentRecord:
    """A document with three written sections."""
    assert run("write", "tea", "--sections", "3").exit_code == 0
    return store.list_documents()[0]


def node(text: str, selector: str) -> LexborNode:
    found = LexborHTMLParser(text).css_first(selector)
    assert found is not None, f"no {selector}"
    return found


def fields(text: str, action: str) -> dict[str, str]:
    """Return what a browser would send for the untouched form with this action."""
    (form,) = [
        f for f in LexborHTMLParser(text).css("form") if (f.attributes["action"] or "").endswith(action)
    ]
    sent = {}
    for found in form.css("input[name], select[name], textarea[name]"):
        name = found.attributes["name"] or ""
        if found.tag == "select":
            option = found.css_first("option[selected]") or found.css_first("option")
            assert option is not None
            sent[name] = option.attributes.get("value") or option.text()
        elif found.tag == "textarea":
            sent[name] = found.text()
        elif found.attributes.get("type") != "checkbox":
            sent[name] = found.attributes.get("value") or ""
        elif "checked" in found.attributes:
            sent[name] = "on"
    return sent


def page_of(client: TestClient, document: DocumentRecord, page: str = "/edit") -> str:
    answer = client.get(f"/documents/{document.id}{page}")
    assert answer.status_code == 200
    return answer.text


def outline_of(store: Store, document: DocumentRecord) -> list[tuple[str, str | None, int, str]]:
    found = store.get_outline(document.id)
    return [(item.path, item.heading, item.planned_length, item.status) for item in found.items]


def send(client: TestClient, document: DocumentRecord, page: str, form: dict[str, str]) -> tuple[int, str]:
    answer = client.post(f"/documents/{document.id}{page}", data=form)
    return answer.status_code, answer.text


def test_an_untouched_form_changes_nothing(client, store, document) -> None:
    for page in ("/edit/rows", "/edit/markdown"):
        _, text = send(client, document, page, fields(page_of(client, document), page))
        assert "Nothing was changed" in node(text, "[role=status]").text()
    assert [outline.version for outline in store.list_outlines(document.id)] == [1]


def test_rows_rename_move_drop_add_and_set_lengths(client, run, store, document) -> None:
    form = fields(page_of(client, document), "/edit/rows")
    form |= {"heading-1": "Green  tea", "length-2": "5", "move-3": "1", "drop-2": "on"}
    form |= {"new-heading-1": "Cups", "new-place-1": "after:1", "new-length-1": "2"}
    form |= {"new-heading-2": "Big ones", "new-place-2": "under:1"}
    status, text = send(client, document, "/edit/rows", form)
    assert status == 200
    assert "a new version is in use" in node(text, "[role=status]").text()
    by_form = outline_of(store, document)
    assert [(path, heading) for path, heading, *_ in by_form] == [
        ("1", "Heading 3"), ("2", "Green tea"), ("2.1", "Big ones"), ("3", "Cups"),
    ]  # fmt: skip
    assert by_form[0][3] == "decoded"
    # The command line makes the same of the same changes.
    assert run("outline", document.id, "--restore", "1").exit_code == 0
    typed = ["--set", "1=Green tea", "--length", "2=5", "--move", "3", "1", "--drop", "2"]
    assert run("outline", document.id, *typed, "--add", "Big ones", "--under", "1").exit_code == 0
    by_command = [(path, heading) for path, heading, *_ in outline_of(store, document)]
    assert by_command == [("1", "Heading 3"), ("2", "Green tea"), ("2.1", "Big ones")]


@pytest.mark.parametrize(
    ("typed", "reason", "wrong"),
    [
        ({"heading-2": ""}, "item 2: the heading has no text", "heading-2"),
        ({"heading-2": "heading 1"}, "the heading 'heading 1' is there already", "heading-2"),
        ({"heading-2": "?!"}, "holds no word", "heading-2"),
        ({"heading-2": "x" * 500}, "at most", "heading-2"),
        ({"heading-2": "a\x00b"}, "the control character U+0000", "heading-2"),
        ({"length-2": "many"}, "length 2=many: the length is 'many': give a number", "length-2"),
        ({"length-2": "41"}, "item 2: the length is 41: give 1 to 40 sentences", "length-2"),
        ({"move-3": "9"}, "move 3 9: there is no place 9", "move-3"),
        ({"drop-1": "on", "drop-2": "on", "drop-3": "on"}, "no heading is left", None),
        ({"new-length-1": "3"}, "the heading has no text", "new-heading-1"),
        ({"new-heading-2": "Cups", "new-length-2": "99"}, "the length is 99", "new-length-2"),
        ({"new-heading-2": "Cups", "new-length-2": "x"}, "the length is 'x'", "new-length-2"),
        ({"new-heading-2": "?!"}, "holds no word", "new-heading-2"),
        ({"new-heading-3": "heading 1"}, "is there already", "new-heading-3"),
        ({"new-heading-1": "Cups", "new-place-1": "after:7"}, "there is no item 7", "new-place-1"),
        ({"new-heading-1": "Cups", "new-place-1": "in space"}, "there is no place 'in space'", "new-place-1"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_and_what_was_typed_is_kept(
    client, store, document, typed: dict[str, str], reason: str, wrong: str | None
) -> None:
    form = fields(page_of(client, document), "/edit/rows") | {"heading-3": "Mine"} | typed
    status, text = send(client, document, "/edit/rows", form)
    assert status == 422
    assert reason in node(text, "[role=alert]").text()
    # A place that no list offers cannot be shown again in it.
    kept = {name: value.replace("\x00", "\ufffd") for name, value in form.items() if "place" not in name}
    assert kept.items() <= fields(text, "/edit/rows").items()
    marked = LexborHTMLParser(text).css("[aria-invalid]")
    assert [found.attributes["name"] for found in marked] == ([] if wrong is None else [wrong])
    rows = [found.text() for found in LexborHTMLParser(text).css("tr.wrong th")]
    assert rows == ([] if wrong is None or wrong.startswith("new") else [wrong.partition("-")[2]])
    assert outline_of(store, document) == [(str(n), f"Heading {n}", 3, "decoded") for n in (1, 2, 3)]


def test_markdown_is_stored_as_the_editor_would(client, store, document) -> None:
    form = fields(page_of(client, document), "/edit/markdown")
    form["text"] = form["text"].replace("Heading 2 {#2 length=3}", "Black tea {#2 length=7}")
    form["text"] = form["text"].replace("# tea", "# All about tea").replace("\n", "\r\n")
    assert send(client, document, "/edit/markdown", form)[0] == 200
    assert outline_of(store, document)[1] == ("2", "Black tea", 7, "pending")
    assert store.get_document(document.id).title == "All about tea"


def test_wrong_markdown_is_refused_with_its_line(client, store, document) -> None:
    form = fields(page_of(client, document), "/edit/markdown")
    lines = form["text"].replace("{#3", "{#9").splitlines()
    form["text"] = "\n".join(lines)
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("## ") and "{#9" in line)
    status, text = send(client, document, "/edit/markdown", form)
    assert status == 422
    alert = node(text, "[role=alert]").text()
    assert f"line {number}: version 1 has no item 9" in alert
    assert f"{number}: ## Heading 3 {{#9 length=3}}" in alert
    assert fields(text, "/edit/markdown")["text"] == form["text"]
    assert "open" in node(text, "#markdown").attributes
    assert len(store.list_outlines(document.id)) == 1


def test_an_edit_of_an_older_version_is_refused(client, run, store, document) -> None:
    text = page_of(client, document)
    assert run("outline", document.id, "--drop", "3").exit_code == 0
    for page in ("/edit/rows", "/edit/markdown"):
        form = fields(text, page)
        form |= {"heading-3": "Mine"} if page == "/edit/rows" else {"text": form["text"] + "## Mine\n"}
        status, answer = send(client, document, page, form)
        assert status == 422
        assert "was changed meanwhile" in node(answer, "[role=alert]").text()
        assert fields(answer, page) == form
    assert len(store.list_outlines(document.id)) == 2


def test_a_document_in_work_is_left_alone_and_what_was_typed_is_kept(client, store, document) -> None:
    form = fields(page_of(client, document), "/edit/rows") | {"heading-1": "Mine"}
    lease = claim(store, document.id)
    status, text = send(client, document, "/edit/rows", form)
    assert status == 409
    assert "is held by" in node(text, "[role=alert]").text()
    assert fields(text, "/edit/rows") == form
    token = {FORM_TOKEN: GUARD.form_token}
    for page, more in (("/restore", {"version": "1"}), ("/act/queue", {})):
        assert send(client, document, page, token | more)[0] == 409
    store.release(lease)
    assert outline_of(store, document)[0][1] == "Heading 1"


def test_a_document_that_goes_away_meanwhile_is_not_found(client, store, document) -> None:
    form = fields(page_of(client, document), "/edit/rows")
    store.delete_document(document.id)
    assert send(client, document, "/edit/rows", form)[0] == 404


def test_a_version_is_restored(client, run, store, document) -> None:
    assert run("outline", document.id, "--drop", "3").exit_code == 0
    form = fields(page_of(client, document, "/versions"), "/restore")
    assert form["version"] == "1"
    assert send(client, document, "/restore", form)[0] == 200
    assert len(outline_of(store, document)) == 3
    assert store.get_document(document.id).status == "done"
    assert send(client, document, "/restore", form | {"version": "9"})[0] == 404
    assert send(client, document, "/restore", form | {"version": ""})[0] == 400


def test_one_section_is_written_again(client, run, store, document) -> None:
    form = fields(page_of(client, document), "/edit/rewrite") | {"item": "2", "seed": "9"}
    status, text = send(client, document, "/edit/rewrite", form | {"seed": "nine"})
    assert status == 400
    assert fields(text, "/edit/rewrite") == form | {"seed": "nine"}
    assert send(client, document, "/edit/rewrite", form | {"item": "7"})[0] == 422
    assert send(client, document, "/edit/rewrite", form)[0] == 200
    assert [status for *_, status in outline_of(store, document)] == ["decoded", "pending", "decoded"]
    assert store.get_outline(document.id).note == "item 2 again with seed 9"


def test_a_section_of_an_outline_that_was_changed_meanwhile_is_not_written_again(
    client, run, store, document
) -> None:
    form = fields(page_of(client, document), "/edit/rewrite") | {"item": "1"}
    assert run("outline", document.id, "--move", "3", "1").exit_code == 0
    before = outline_of(store, document)
    status, text = send(client, document, "/edit/rewrite", form)
    assert (status, "was changed meanwhile" in text) == (422, True)
    assert outline_of(store, document) == before


def test_numbers_of_thousands_of_digits_are_refused(client, store, document) -> None:
    form = fields(page_of(client, document), "/edit/rows")
    assert send(client, document, "/edit/rows", form | {"move-1": "9" * 5000})[0] == 422
    form = fields(page_of(client, document), "/edit/markdown")
    text = f"<!--\nOutline of {document.id}, version {'9' * 5000}.\n-->\n# Tea\n\n## Heading 1 {{#1}}\n"
    assert send(client, document, "/edit/markdown", form | {"text": text})[0] < 500


def test_review_ends_with_approval_or_an_edit_that_approves(client, run, store) -> None:
    assert run("write", "tea", "--review").exit_code == 0
    document = store.list_documents()[0]
    form = fields(page_of(client, document), "/edit/rows") | {"heading-1": "Green tea", "approve": "on"}
    assert send(client, document, "/act/queue", {FORM_TOKEN: GUARD.form_token})[0] == 422
    assert send(client, document, "/edit/rows", form)[0] == 200
    assert store.get_document(document.id).status == "queued"
    assert run("write", "milk", "--review").exit_code == 0
    other = store.list_documents()[0]
    assert send(client, other, "/act/approve", fields(page_of(client, other, ""), "/act/approve"))[0] == 200
    assert store.get_document(other.id).status == "queued"
    assert send(client, other, "/act/approve", {FORM_TOKEN: GUARD.form_token})[0] == 422


def test_pause_queue_and_cancel(client, store, told) -> None:
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    for action, status in (("pause", "paused"), ("queue", "queued"), ("cancel", "cancelled")):
        text = page_of(client, document, "")
        _, shown = send(client, document, f"/act/{action}", fields(text, f"/act/{action}"))
        assert store.get_document(document.id).status == status
        node(shown, "[role=status]")
    assert told == [(document.id, "paused"), (document.id, "queued"), (document.id, "cancelled")]
    form = {FORM_TOKEN: GUARD.form_token}
    assert send(client, document, "/act/pause", form)[0] == 409
    assert send(client, document, "/act/explode", form)[0] == 404
    assert store.get_document(document.id).status == "cancelled"


def test_what_a_dead_process_held_is_queued_at_once(client, store) -> None:
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    lease = store.claim(document.id, current_owner().rpartition(":")[0] + ":1", 60)
    with store.fenced(lease) as tx:
        tx.set_status("writing")
    text = page_of(client, document, "")
    assert send(client, document, "/act/queue", fields(text, "/act/queue"))[0] == 200
    after = store.get_document(document.id)
    assert (after.status, after.owner) == ("queued", None)


def test_only_what_is_possible_is_offered(client, store, document) -> None:
    offered = {}
    for status in DOCUMENT_STATUSES:
        lease = store.claim(document.id, "elsewhere", 60.0)
        store.release(lease, status)
        offered[status] = set(actions_of(store.get_document(document.id)))
    assert offered["done"] == set()
    assert offered["awaiting_review"] == {"approve", "pause", "cancel"}
    assert offered["queued"] == {"pause", "cancel"}
    assert offered["paused"] == {"queue", "cancel"}
    assert offered["cancelled"] == {"queue"}
    assert offered["failed"] == {"queue", "cancel"}
    store.claim(document.id, "elsewhere", 60.0)
    assert "queue" not in actions_of(store.get_document(document.id))


def test_a_document_without_a_plan_has_nothing_to_edit(client, store) -> None:
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    assert "nothing to edit" in page_of(client, document)
    form = {FORM_TOKEN: GUARD.form_token, "version": "1", "text": "## Tea\n"}
    for page in ("/edit/rows", "/edit/markdown", "/edit/rewrite"):
        status, text = send(client, document, page, form)
        assert status == 404
        assert "has no outline" in node(text, "[role=alert]").text()
