"""The inspector's form of a new document, its queue page, its reading view, and what programs read of its pages."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

from concepts.errors import NotFoundError
from flows.prefect.schedules import ScheduleRecord
from flows.prefect.work_pool import WorkerRecord
from longhand.doing.searching import Searcher
from longhand.web.app import make_app
from longhand.web.guard import Guard
from longhand.web.pages.changing import FORM_TOKEN
from longhand.web.pages.queue import NUM_SHOWN, PrefectServer
from storage import Match, NewDocument, Store

GUARD = Guard()
BASE = "http://127.0.0.1"


@dataclass
class FakeServer:
    """Knows a worker and a schedule, or that it is away."""

    trouble: str = ""
    changed: list[tuple[str, str]] = field(default_factory=list)

    def list_workers(self) -> list[WorkerRecord]:
        if self.trouble:
            raise NotFoundError(self.trouble)
        return [
            WorkerRecord(name="desk <1>", is_online=True, heard_at=1.0),
            WorkerRecord(name="just ended", is_online=False, heard_at=time.time() - 60.0),
            WorkerRecord(name="long gone", is_online=False, heard_at=1.0),
        ]

    def list_schedules(self) -> list[ScheduleRecord]:
        return [
            ScheduleRecord(
                name="nightly",
                deployment_id="d",
                rule="every day",
                is_paused=False,
                num_documents=2,
                next_times=(datetime(2030, 1, 1, tzinfo=UTC),),
            )
        ]

    def change_schedule(self, name: str, action: str) -> None:
        self.changed.append((name, action))


class FakeSearcher:
    """Finds a sentence in each document that it was given."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.limits: list[int] = []

    def languages(self) -> tuple[str, ...]:
        return ("eng_Latn", "deu_Latn")

    def find(self, store: Store, words: str, *, limit: int, **_: object) -> tuple[Match, ...]:
        self.limits.append(limit)
        return tuple(
            Match(
                document_id=document_id,
                place="sentences",
                path="1",
                ordinal=0,
                heading="Heading 1",
                text="=A sentence.",
                lang="eng_Latn",
                similarity=0.5,
                found_by=("meaning",),
            )
            for document_id in self.ids
        )


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def searcher() -> FakeSearcher:
    return FakeSearcher()


@pytest.fixture
def client(store: Store, told, server: FakeServer, searcher: FakeSearcher) -> TestClient:
    app = make_app(
        store,
        guard=GUARD,
        searcher=cast("Searcher", searcher),
        tell_prefect=lambda documents, change: told.extend((d.id, change) for d in documents),
        server=cast("PrefectServer", server),
    )
    return TestClient(app, base_url=BASE, follow_redirects=False)


def node(text: str, selector: str) -> LexborNode:
    found = LexborHTMLParser(text).css_first(selector)
    assert found is not None, f"no {selector}"
    return found


def create(client: TestClient, **typed: str) -> Any:
    fields = {FORM_TOKEN: GUARD.form_token, "depth": "1", "lang": "eng_Latn", "seed": "1", "prompt": "Tea"}
    return client.post("/create", data=fields | typed)


# A new document


def test_a_document_is_asked_for_with_all_options_and_queued(client, store: Store, told) -> None:
    start = node(client.get("/new?prompt=How+to+make+tea").text, "#prompt")
    assert start.text().strip() == "How to make tea"
    answer = create(
        client, prompt="How to make tea", goal="A calm evening", depth="2", seed="7", length="short"
    )
    (document,) = store.list_documents()
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/documents/{document.id}?done=created"
    assert (document.status, document.prompt, document.seed) == ("queued", "How to make tea", 7)
    wanted = {"goal": "A calm evening", "depth": 2, "length": "short"}
    assert {name: document.params[name] for name in wanted} == wanted
    assert told == [(document.id, "queued")]
    assert "Queued: a worker writes the document." in client.get(answer.headers["location"]).text


def test_own_headings_and_a_review_are_taken_over(client, store: Store) -> None:
    assert create(client, outline="# Tea\r\n## Buying\r\n## Brewing\r\n", review="on").status_code == 303
    (document,) = store.list_documents()
    assert document.params["outline"] == [["1", "Buying"], ["2", "Brewing"]]
    assert (document.title, document.params["review"]) == ("Tea", True)


@pytest.mark.parametrize(
    ("typed", "wrong", "reason"),
    [
        ({"prompt": " "}, ["prompt"], "the prompt"),
        ({"prompt": "Tea", "goal": "!!"}, ["goal"], "the goal"),
        ({"sections": "many"}, ["sections"], "is no whole number"),
        ({"sections": "0", "seed": "-1"}, ["sections", "seed"], "sections is 0"),
        ({"seed": "-5"}, ["seed"], "seed is -5: give a whole number from 0"),
        ({"outline": "text: only\n\n!!!"}, ["outline"], "the outline"),
        ({"outline": "a\nb", "sections": "3"}, ["sections"], "the outline names the sections itself"),
        ({"lang": "xyz_Latn"}, ["lang"], "unknown language"),
        ({"length": "huge"}, ["length"], "expected one of short, medium, long"),
        ({"depth": "9"}, ["depth"], "expected one of 1, 2"),
        ({"seed": "9" * 19}, ["seed"], "seed is"),
        ({"library": "/etc"}, ["library"], "expected one of everyday, none"),
        ({"planner": "nobody"}, ["planner"], "expected one of outline-mini"),
        ({"steps": "0"}, ["steps"], "from 1 to 100"),
        ({"steps": "few"}, ["steps"], "is no whole number"),
        ({"guidance": "much"}, ["guidance"], "is no number"),
        ({"guidance": "nan"}, ["guidance"], "from 1"),
        ({"priority": "9" * 12}, ["priority"], "the priority is"),
        ({"prompt_lang": "xyz_Latn"}, ["prompt_lang"], "unknown language"),
    ],
)
def test_each_wrong_field_is_marked_with_its_reason_and_what_was_typed_is_kept(
    client, store: Store, typed: dict[str, str], wrong: list[str], reason: str
) -> None:
    answer = create(client, **typed)
    assert answer.status_code in (400, 422)
    page = LexborHTMLParser(answer.text)
    assert [found.attributes["name"] for found in page.css("[aria-invalid]")] == wrong
    for name in wrong:
        marked = node(answer.text, f"[name={name}]")
        assert marked.attributes["aria-describedby"] == f"wrong-{name}"
        assert "--" not in node(answer.text, f"#wrong-{name}").text()
    assert reason in node(answer.text, f"#wrong-{wrong[0]}").text()
    for name, value in typed.items():
        if name in ("prompt", "goal", "outline"):
            assert node(answer.text, f"#{name}").text().strip() == value.strip()
    assert store.list_documents() == ()


def test_models_drawing_and_priority_are_asked_for_by_name(client, store: Store) -> None:
    names = node(client.get("/new").text, "#library").css("option")
    assert [option.attributes.get("value", option.text()) for option in names] == ["", "everyday", "none"]
    typed = {"library": "none", "voice": "voice-mini", "steps": "9", "guidance": "2.5", "priority": "-3"}
    assert create(client, **typed).status_code == 303
    (document,) = store.list_documents()
    wanted = {"library": "none", "voice": "voice-mini", "steps": 9, "guidance": 2.5, "space": None}
    assert {name: document.params[name] for name in wanted} == wanted
    assert document.priority == -3


@pytest.mark.parametrize("path", ["/create", "/schedules/pause", "/schedules/run", "/schedules/remove"])
def test_no_other_site_and_no_older_page_asks_for_anything(client, store: Store, server, path: str) -> None:
    typed = {"prompt": "Tea", "lang": "eng_Latn", "name": "nightly"}
    assert client.post(path, data=typed).status_code == 403
    typed[FORM_TOKEN] = GUARD.form_token
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(path, data=typed, headers=headers).status_code == 403
    assert client.post(path, json=typed).status_code == 400
    assert (store.list_documents(), server.changed) == ((), [])


# The queue


def one_runs_and_one_failed(store: Store, ids: Sequence[str], error: str) -> None:
    held = store.claim(ids[0], "far/12345678:1:1", 60)
    with store.fenced(held) as tx:
        tx.set_status("writing")
    failed = store.claim(ids[1], "far/12345678:1:1", 60)
    with store.fenced(failed) as tx:
        tx.set_status("failed", error)
    store.release(failed)


def test_the_queue_shows_what_runs_waits_and_stopped_with_what_can_be_done(client, store: Store) -> None:
    ids = [store.create_document(NewDocument(prompt=f"Tea {n}", lang="eng_Latn")).id for n in range(4)]
    one_runs_and_one_failed(store, ids, "a <NaN> came")
    store.pause_document(ids[2])
    text = client.get("/queue").text
    page = LexborHTMLParser(text)
    tables = {
        found.attributes["aria-label"]: [
            [" ".join(button.text().split()) for button in row.css("button")] for row in found.css("tbody tr")
        ]
        for found in page.css("[role=region]")
    }
    assert tables == {
        "Running": [["Pause", "Cancel"]],
        "Waiting": [["Pause", "Cancel"]],
        "Stopped": [["Resume", "Cancel"], ["Retry", "Cancel"]],
        "Workers": [[], []],
        "Schedules": [["Pause", "Write now", "Remove"]],
    }
    assert "a &lt;NaN&gt; came" in text and "desk &lt;1&gt;" in text
    assert "just ended" in text and "long gone" not in text
    assert "1 waiting" in text and "1 running" in text


def test_the_queue_is_a_csv_file_with_all_its_documents(client, store: Store, server: FakeServer) -> None:
    server.trouble = "the server is away, and not asked"
    prompts = [*(f"Tea {n}" for n in range(NUM_SHOWN + 5)), "=Milk"]
    ids = [store.create_document(NewDocument(prompt=prompt, lang="eng_Latn")).id for prompt in prompts]
    one_runs_and_one_failed(store, ids, "a NaN came")
    answer = client.get("/queue.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="queue.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["id"] for row in rows} == set(ids)
    by_id = {row["id"]: row for row in rows}
    assert (by_id[ids[0]]["queue"], by_id[ids[0]]["owner"]) == ("running", "far/12345678:1:1")
    assert (by_id[ids[1]]["queue"], by_id[ids[1]]["error"], by_id[ids[1]]["owner"]) == (
        "stopped",
        "a NaN came",
        "",
    )
    assert {row["queue"] for row in rows[1:-1]} == {"waiting"} and by_id[ids[-1]]["prompt"] == "'=Milk"
    assert "/queue.csv" in client.get("/queue").text


def test_a_button_of_the_queue_leads_back_to_it(client, store: Store, told) -> None:
    document_id = store.create_document(NewDocument(prompt="Tea", lang="eng_Latn")).id
    sent = {FORM_TOKEN: GUARD.form_token, "back": "queue"}
    for action, done in (("pause", "paused"), ("queue", "queued"), ("cancel", "cancelled")):
        answer = client.post(f"/documents/{document_id}/act/{action}", data=sent)
        assert answer.headers["location"] == f"/queue?done={done}"
        assert node(client.get(answer.headers["location"]).text, ".done")
    assert [change for _, change in told] == ["paused", "queued", "cancelled"]
    elsewhere = {**sent, "back": "//evil.example"}
    location = client.post(f"/documents/{document_id}/act/queue", data=elsewhere).headers["location"]
    assert location.startswith(f"/documents/{document_id}")


def test_the_live_part_asks_no_server(client, server: FakeServer) -> None:
    server.trouble = "no Prefect server is known: start one with longhand up"
    assert server.trouble in node(client.get("/queue").text, ".note").text()
    live = client.get("/queue?part=live").text
    assert "Nothing runs." in live and "Workers" not in live


def test_schedules_are_changed_by_button(client, server: FakeServer) -> None:
    sent = {FORM_TOKEN: GUARD.form_token, "name": "nightly"}
    for action in ("pause", "resume", "run", "remove"):
        assert (
            client.post(f"/schedules/{action}", data=sent).headers["location"]
            == f"/queue?done=schedule-{action}"
        )
        assert node(client.get(f"/queue?done=schedule-{action}").text, ".done")
    assert client.post("/schedules/burn", data=sent).status_code == 404
    actions = ("pause", "resume", "run", "remove")
    assert server.changed == [("nightly", action) for action in actions]


# Reading


def test_the_reading_view_holds_the_text_and_no_scores(client, run, store: Store) -> None:
    assert run("write", "tea", "--sections", "2").exit_code == 0
    (document,) = store.list_documents()
    article = node(client.get(f"/documents/{document.id}/read").text, "article.prose")
    assert [found.text() for found in article.css("h2")] == ["Heading 1", "Heading 2"]
    assert [found.text() for found in article.css("p")] == [
        "Sentence 1 is here. Sentence 2 is here. Sentence 3 is here.",
        "Sentence 4 is here. Sentence 5 is here. Sentence 6 is here.",
    ]
    assert "0.9" not in article.text()
    assert client.get(f"/documents/{document.id}/read?lang=fra_Latn").status_code == 400
    assert client.get(f"/documents/{document.id}/read?version=7").status_code == 404


# Lists, sorted, counted, and for programs


@pytest.fixture
def three(store: Store) -> list[str]:
    """Three documents, the first changed last."""
    prompts = (("Milk", "eng_Latn"), ("=Tea", "deu_Latn"), ("Apples", "eng_Latn"))
    ids = [store.create_document(NewDocument(prompt=prompt, lang=lang)).id for prompt, lang in prompts]
    store.cancel_document(ids[0])
    return ids


def test_lists_are_sorted_and_their_filters_say_how_many(client, three) -> None:
    def titles(query: str) -> list[str]:
        return [found.text() for found in LexborHTMLParser(client.get(f"/?{query}").text).css("tbody th a")]

    assert titles("") == ["Apples", "=Tea", "Milk"]
    assert titles("sort=title") == ["=Tea", "Apples", "Milk"]
    assert titles("sort=updated")[0] == "Milk"
    assert client.get("/?sort=size").status_code == 400
    text = client.get("/?sort=title&lang=eng_Latn").text
    page = LexborHTMLParser(text)
    assert [found.text() for found in page.css("#status option")] == [
        "any (2)",
        "queued (1)",
        "cancelled (1)",
    ]
    assert [found.text() for found in page.css("#lang option")] == ["any (3)", "deu_Latn (1)", "eng_Latn (2)"]
    assert node(text, "th[aria-sort=ascending]").text().startswith("Title")
    assert node(text, "input[name=sort]").attributes["value"] == "title"


def test_a_list_is_a_csv_file_in_which_no_text_is_a_formula(client, three) -> None:
    answer = client.get("/documents.csv?sort=title")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["prompt"] for row in rows] == ["'=Tea", "Apples", "Milk"]
    assert rows[2]["status"] == "cancelled" and rows[2]["updated"].endswith("+00:00")
    (row,) = csv.DictReader(io.StringIO(client.get("/documents.csv?status=cancelled").text))
    assert row["id"] == three[0]


def test_every_page_is_json_as_well(client, run, store: Store) -> None:
    assert run("write", "tea", "--sections", "2").exit_code == 0
    document_id = store.list_documents()[0].id
    assert run("outline", document_id, "--set", "2=Green tea").exit_code == 0
    pages = ("", "/read", "/progress", "/languages", "/versions", "/compare", "/attempts", "/map", "/edit")
    paths = [
        "/documents",
        "/search",
        "/new",
        "/queue",
        *(f"/documents/{document_id}{page}" for page in pages),
    ]
    for path in paths:
        answer = client.get(f"{path}.json")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "application/json"
        shown = json.loads(answer.text)
        assert GUARD.form_token not in answer.text
        assert len(shown) > 1, path
    listed = client.get("/documents.json?status=queued").json()
    assert (listed["total"], listed["documents"]) == (0, [])
    shown = client.get(f"/documents/{document_id}.json").json()
    assert shown["document"]["id"] == document_id
    assert shown["document"]["created_at"].endswith("+00:00")
    assert shown["view"]["sections"][0]["sentences"][0]["text"] == "Sentence 1 is here."
    short = client.get(f"/documents/{document_id[:8]}.json")
    assert short.headers["location"] == f"/documents/{document_id}.json"


def test_errors_are_json_where_json_was_asked_for(client) -> None:
    answer = client.get("/documents/nothing.json")
    assert answer.status_code == 404
    assert answer.json()["status"] == 404 and "nothing" in answer.json()["reason"]
    assert client.get("/documents.json?status=odd").json()["status"] == 400


def test_attempts_are_a_csv_file(client, store: Store) -> None:
    document_id = store.create_document(NewDocument(prompt="Tea", lang="eng_Latn")).id
    lease = store.claim(document_id, "far/12345678:1:1", 60)
    store.record_attempt(
        lease, "write", started_at=1.0, finished_at=2.0, outcome="failed", error="a NaN came"
    )
    rows = list(csv.DictReader(io.StringIO(client.get(f"/documents/{document_id}/attempts.csv").text)))
    assert [(row["stage"], row["outcome"], row["error"]) for row in rows] == [
        ("write", "failed", "a NaN came")
    ]


# Search


def test_a_search_is_narrowed_to_documents(client, searcher: FakeSearcher, three) -> None:
    searcher.ids = three

    def found(query: str) -> list[str]:
        shown = client.get(f"/search.json?q=tea&{query}").json()["found"]
        return [match["document_id"] for match in shown]

    assert found("") == three
    assert found("status=cancelled") == three[:1]
    assert found("document_lang=eng_Latn") == [three[0], three[2]]
    assert found("title=APP") == three[2:]
    assert found("status=queued&document_lang=deu_Latn&title=tea") == three[1:2]
    assert searcher.limits[0] < searcher.limits[1]
    text = client.get("/search?q=tea&status=done").text
    assert "Nothing among the best matches is in such a document." in text
    assert "open" in node(text, "details.more").attributes
    assert client.get("/search?q=tea&status=odd").status_code == 400
    rows = list(csv.DictReader(io.StringIO(client.get("/search.csv?q=tea&title=milk").text)))
    assert [(row["document"], row["text"], row["sentence"]) for row in rows] == [
        (three[0], "'=A sentence.", "1")
    ]


def test_languages_of_addresses_and_forms_are_taken_by_name(client, store) -> None:
    fields = {FORM_TOKEN: GUARD.form_token, "seed": "1"}
    for lang, prompt in (
        ("German", "Tea"),
        ("de-AT", "Milk"),
        ("", "Wie man ein Hochbeet baut"),
        ("", "Rice"),
    ):
        answer = client.post(
            "/create", data=fields | {"prompt": prompt, "lang": lang}, follow_redirects=False
        )
        assert answer.status_code == 303, answer.text
    assert {d.prompt: d.lang for d in store.list_documents()} == {
        "Tea": "deu_Latn",
        "Milk": "deu_Latn",
        "Wie man ein Hochbeet baut": "deu_Latn",
        "Rice": "eng_Latn",
    }
    refused = client.post("/create", data=fields | {"prompt": "Tea", "lang": "germn"})
    assert refused.status_code == 400 and "did you mean deu_Latn?" in refused.text
    assert client.get("/?lang=german").text == client.get("/?lang=deu_Latn").text
    assert 'value="deu_Latn" selected' in client.get("/new?lang=german").text
    assert client.get("/new?lang=germn").status_code == 400
