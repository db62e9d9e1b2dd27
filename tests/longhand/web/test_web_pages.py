"""The inspector's pages that show: what they hold, what is escaped, what they say where something is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast
from zipfile import is_zipfile

import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

from concepts.errors import StorageError
from longhand.doing.searching import Searcher
from longhand.web.app import STATIC_FILES, make_app
from longhand.web.pages.reading import SENTENCES_PER_PART
from storage import (
    BlockKind,
    ItemConcepts,
    Match,
    NewDocument,
    NewPlanItem,
    NewRendering,
    Note,
    SpaceRef,
    Store,
    UnitSpec,
)

BASE = "http://127.0.0.1:8765"
SPACE = SpaceRef(name="toy", checksum="c0ffee", dim=4)
EVIL = '<script>alert("1")</script>'


class NoSearcher:
    """Finds what it was given, without an encoder."""

    def __init__(self, *matches: Match) -> None:
        self.matches = matches
        self.asked: list[dict[str, object]] = []

    def languages(self) -> tuple[str, ...]:
        return ("eng_Latn", "deu_Latn")

    def find(self, store: Store, words: str, **options: object) -> tuple[Match, ...]:
        self.asked.append({"words": words, **options})
        return self.matches


@pytest.fixture
def searcher() -> NoSearcher:
    return NoSearcher()


@pytest.fixture
def client(store: Store, searcher: NoSearcher) -> TestClient:
    app = make_app(store, searcher=cast("Searcher", searcher), tell_prefect=lambda *_: None)
    return TestClient(app, base_url=BASE)


def parse(text: str) -> LexborHTMLParser:
    return LexborHTMLParser(text)


def node(page: LexborHTMLParser, selector: str) -> LexborNode:
    found = page.css_first(selector)
    assert found is not None, f"no {selector}"
    return found


def written(
    store: Store,
    prompt: str,
    sentences: Sequence[Sequence[str]],
    *,
    headings: Sequence[str] | None = None,
    scores: Sequence[float] = (0.9,),
    blocks: Sequence[BlockKind | None] = (None,),
) -> str:
    """Store a document of sections with these sentences; scores and blocks go round."""
    document = store.create_document(NewDocument(prompt=prompt, lang="eng_Latn"))
    lease = store.claim(document.id, "test", 60.0)
    rng = np.random.default_rng(1)

    def vectors(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.standard_normal((*shape, SPACE.dim)).astype(np.float32)

    with store.fenced(lease, space=SPACE) as tx:
        outline_id = tx.create_outline(
            [
                NewPlanItem(
                    path=str(number),
                    heading=f"Heading {number}" if headings is None else headings[number - 1],
                    lead=vectors(),
                    gist=vectors(),
                    planned_length=len(texts),
                )
                for number, texts in enumerate(sentences, 1)
            ]
        )
        ids = list(tx.get_item_ids(outline_id).values())
        (unit,) = tx.plan_units("write", [UnitSpec(item_ids=tuple(ids))])
        tx.commit_concepts(
            unit.id,
            [
                ItemConcepts(item_id=i, vectors=vectors(len(texts)), stop_reason="length", similarity=0.42)
                for i, texts in zip(ids, sentences, strict=True)
            ],
        )
    todo = store.get_undecoded(document.id, "eng_Latn")
    flat = [text for texts in sentences for text in texts]
    known = {item.id: item.heading for item in store.get_outline(document.id).items}
    with store.fenced(lease) as tx:
        spec = UnitSpec(item_ids=todo.item_ids, concept_ids=todo.concept_ids)
        (unit,) = tx.plan_units("decode", [spec], lang="eng_Latn")
        tx.commit_renderings(
            unit.id,
            [NewRendering(text=known[i] or "", item_id=i, score=1.0) for i in todo.item_ids]
            + [
                NewRendering(
                    text=text, concept_id=i, score=scores[n % len(scores)], block=blocks[n % len(blocks)]
                )
                for n, (i, text) in enumerate(zip(todo.concept_ids, flat, strict=True))
            ],
        )
    store.release(lease, "done")
    return document.id


def test_an_empty_database_says_what_to_do(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "There are no documents yet" in answer.text


def test_steps_are_numbered_and_bullets_marked(client: TestClient, store: Store) -> None:
    document_id = written(
        store,
        "Tea",
        [["You need:", "Tea.", "Then:", "Boil.", "Slowly.", "Pour.", "Or wait."], ["Plain.", "Text."]],
        blocks=("paragraph", "bullet", "paragraph", "step", None, "step", "paragraph"),
    )
    for path in (f"/documents/{document_id}", f"/documents/{document_id}/languages"):
        page = parse(client.get(path).text)
        marks = [node.text() for node in page.css(".list-mark")]
        assert marks[:3] == ["•", "1.", "2."], path
    page = parse(client.get(f"/documents/{document_id}").text)
    words = [found.text() for found in page.css(".sentences .words")]
    assert words[:6] == ["You need:", "• Tea.", "Then:", "1. Boil.", "Slowly.", "2. Pour."]
    kinds = [set((found.attributes["class"] or "").split()) for found in page.css(".sentences li")]
    assert "paragraph" in kinds[0] and "step" in kinds[3] and not kinds[4] & {"step", "paragraph"}


def test_a_poem_is_shown_with_its_lines(client: TestClient, store: Store) -> None:
    lines = ["Roses are red,", "violets & blue.", "Hope", "springs.", "So he said."]
    document_id = written(store, "Poem", [lines], blocks=("verse", None, "verse", None, "paragraph"))
    page = parse(client.get(f"/documents/{document_id}/read").text)
    verses = page.css("article.prose p.verse")
    assert [verse.text() for verse in verses] == ["Roses are red,\nviolets & blue.", "Hope\nsprings."]
    assert [len(verse.css("br")) for verse in verses] == [1, 1]
    page = parse(client.get(f"/documents/{document_id}").text)
    assert [found.text() for found in page.css(".sentences .words")] == lines
    kinds = [set((found.attributes["class"] or "").split()) for found in page.css(".sentences li")]
    assert ["verse" in kind for kind in kinds] == [True, False, True, False, False]


def test_the_list_filters_and_pages(client: TestClient, store: Store) -> None:
    for number in range(60):
        lang = "deu_Latn" if number % 2 else "eng_Latn"
        store.create_document(NewDocument(prompt=f"Tea number {number}", lang=lang))
    cancelled = store.create_document(NewDocument(prompt="50% milk_", lang="eng_Latn")).id
    store.cancel_document(cancelled)

    def titles(path: str) -> list[str]:
        return [found.text() for found in parse(client.get(path).text).css("tbody th a")]

    assert len(titles("/")) == 50
    assert len(titles("/?page=2")) == 11
    assert titles("/?page=99") == titles("/?page=2")
    assert titles("/?status=cancelled") == ["50% milk_"]
    assert len(titles("/?lang=deu_Latn")) == 30
    assert titles("/?text=NUMBER+17") == ["Tea number 17"]
    # Signs that mean something to LIKE are what was typed.
    assert titles("/?text=%25") == ["50% milk_"]
    assert titles("/?text=_") == ["50% milk_"]
    assert titles("/?text=nothing") == []
    page = parse(client.get("/?lang=deu_Latn&text=tea").text)
    assert [option.text() for option in page.css("#lang option[selected]")] == ["deu_Latn (30)"]
    assert node(page, "#text").attributes["value"] == "tea"
    following = node(parse(client.get("/?text=tea").text), ".pager a[rel=next]").attributes["href"]
    assert following == "/?text=tea&page=2"


def test_the_document_page_links_sentences_to_their_plan(client: TestClient, store: Store) -> None:
    document_id = written(store, "Tea", [["Boil water.", "Wait."], ["Drink it."]], scores=(0.91, 0.3, 0.6))
    page = parse(client.get(f"/documents/{document_id}").text)
    weak = node(page, "#s-1-2")
    assert "weak" in (weak.attributes["class"] or "")
    assert "0.30" in weak.text()
    assert node(page, "#s-1-2 a.item").attributes["href"] == "#i-1"
    assert [node(page, f"#s-{at}").attributes["class"] for at in ("1-1", "2-1")] == ["good", "fair"]
    # Every place that the page leads to is there.
    for found in page.css("a[href^='#']"):
        node(page, f"[id='{(found.attributes['href'] or '')[1:]}']")
    item = " ".join(node(page, "#i-1").text().split())
    assert item == "1 Heading 1 2 of 2 sentences, stopped by length, plan 0.42, text 0.60, 1 weak"
    assert "Wait." in node(page, ".weakest li").text()
    short = client.get(f"/documents/{document_id[:8]}?lang=eng_Latn", follow_redirects=False)
    assert short.headers["location"] == f"/documents/{document_id}?lang=eng_Latn"


def test_a_section_shows_what_it_is_written_from(client: TestClient, store: Store) -> None:
    document_id = written(store, "Tea", [["Boil water.", "Wait."], ["Drink it."]])
    first, _ = store.get_outline(document_id).leaves()
    notes = [
        Note(text=text, title=EVIL, heading="Water", score=0.61) for text in ("Boil water.", "Soft water.")
    ]
    lease = store.claim(document_id, "test", 60.0)
    with store.fenced(lease) as tx:
        tx.set_notes({first.id: notes})
    store.release(lease, "done")
    text = client.get(f"/documents/{document_id}").text
    assert "<script>alert" not in text
    page = parse(text)
    assert len(page.css(".notes")) == 1
    said, other = (" ".join(found.text().split()) for found in page.css(".notes li"))
    assert said == f"Boil water. {EVIL}: Water, 0.61, word by word"
    assert other == f"Soft water. {EVIL}: Water, 0.61"


def test_everything_that_people_or_models_wrote_is_escaped(
    client: TestClient, store: Store, searcher: NoSearcher
) -> None:
    document_id = written(store, EVIL, [[EVIL, "Fine."]], headings=[EVIL])
    lease = store.claim(document_id, "o<script>", 60.0)
    store.record_attempt(lease, "write", started_at=1.0, outcome="failed", error=EVIL)
    store.release(lease)
    searcher.matches = (
        Match(
            document_id=document_id,
            place="sentences",
            path="1",
            ordinal=0,
            heading=EVIL,
            text=EVIL,
            lang="eng_Latn",
            similarity=1.0,
            found_by=("meaning",),
        ),
    )
    pages = ("", "/edit", "/versions", "/languages", "/attempts", "/progress")
    paths = [f"/documents/{document_id}{page}" for page in pages]
    paths += [
        "/",
        f"/?text={EVIL}",
        f"/search?q={EVIL}",
        f"/documents/{EVIL}",
        f"/{EVIL}",
        f"/?status={EVIL}",
    ]
    for path in paths:
        text = client.get(path).text
        assert "<script>" not in text, path
        assert "alert" not in "".join(found.html or "" for found in parse(text).css("script")), path
        assert not re.search(r" (style|on\w+)=", text.replace(EVIL, "")), f"{path}: the policy would stop it"
    assert "&lt;script&gt;alert" in client.get(f"/documents/{document_id}").text


def test_a_long_document_comes_in_parts(client: TestClient, store: Store) -> None:
    per_section = 40
    num_sections = 3 * SENTENCES_PER_PART // per_section
    texts = [[f"Sentence {n} of {s}." for n in range(per_section)] for s in range(num_sections)]
    document_id = written(store, "Much tea", texts)
    seen: list[str] = []
    page = parse(client.get(f"/documents/{document_id}").text)
    while True:
        words = [found.text() for found in page.css(".sentences .words")]
        assert 0 < len(words) <= SENTENCES_PER_PART
        seen += words
        assert len(page.css(".outline li")) == num_sections
        following = page.css_first(".pager a[rel=next]")
        if following is None:
            break
        page = parse(client.get(following.attributes["href"] or "").text)
    assert seen == [text for section in texts for text in section]
    last = parse(client.get(f"/documents/{document_id}?item={num_sections}").text)
    node(last, f"#s-{num_sections}-1")
    assert client.get(f"/documents/{document_id}?part=99").status_code == 404


def test_versions_are_shown_and_compared(client: TestClient, run, store: Store) -> None:
    assert run("write", "tea").exit_code == 0
    (document,) = store.list_documents()
    assert client.get(f"/documents/{document.id}/compare").status_code == 404
    assert run("outline", document.id, "--set", "2=Green tea").exit_code == 0
    assert run("resume", document.id).exit_code == 0
    old = parse(client.get(f"/documents/{document.id}?version=1").text)
    assert "Heading 2" in node(old, "#s-2").text()
    assert "not the one in use" in node(old, ".note").text()
    assert "Green tea" in node(parse(client.get(f"/documents/{document.id}").text), "#s-2").text()
    (link,) = [a.attributes["href"] for a in old.css("a[download]") if a.text() == "md"]
    assert b"Heading 2" in client.get(link).content
    assert b"Green tea" in client.get(f"/documents/{document.id}/export?format=md").content
    assert client.get(f"/documents/{document.id}/export?format=md&version=9").status_code == 404
    compared = parse(client.get(f"/documents/{document.id}/compare?old=1&new=2").text)
    changed = " ".join(node(compared, ".changes .changed").text().split())
    assert "Heading 2 Green tea renamed, new text" in changed
    assert len(compared.css(".changed .beside li")) == 6
    assert len(compared.css(".changes .same")) == 1
    assert client.get(f"/documents/{document.id}/compare?old=1&new=9").status_code == 404


def test_languages_stand_side_by_side(client: TestClient, run, store: Store) -> None:
    assert run("write", "tea").exit_code == 0
    (document,) = store.list_documents()
    assert "longhand translate" in client.get(f"/documents/{document.id}/languages").text
    assert run("translate", document.id, "--lang", "deu_Latn").exit_code == 0
    page = parse(client.get(f"/documents/{document.id}/languages").text)
    row = node(page, "tbody tr:nth-child(2)")
    assert [cell.text().split() for cell in row.css("td")] == [
        ["Sentence", "1", "is", "here.", "0.90"],
        ["Satz", "1."],
    ]
    assert [span.attributes["lang"] for span in row.css("td > span[lang]")] == ["en", "de"]
    alone = parse(client.get(f"/documents/{document.id}/languages?lang=deu_Latn").text)
    assert len(alone.css("thead th")) == 2
    assert client.get(f"/documents/{document.id}?lang=deu_Latn").text.count("Satz") >= 6
    assert client.get(f"/documents/{document.id}?lang=fra_Latn").status_code == 400


def test_attempts_show_time_and_errors(client: TestClient, store: Store) -> None:
    document = store.create_document(NewDocument(prompt="tea", lang="eng_Latn"))
    lease = store.claim(document.id, "test", 60.0)
    timing = {"model_s": 1.5, "num_sentences": 3}
    for number in range(101):
        store.record_attempt(
            lease,
            "write",
            started_at=100.0 + number,
            finished_at=102.5 + number,
            outcome="done",
            timing=timing,
        )
    store.record_attempt(lease, "write", started_at=999.0, outcome="failed", error="out of tea")
    page = parse(client.get(f"/documents/{document.id}/attempts").text)
    newest = node(page, "h2 ~ .scroll:last-of-type tbody tr")
    assert "out of tea" in newest.text()
    second = page.css("tbody tr")[4].text()
    assert "2.5 s" in second
    assert "model_s 1.5, num_sentences 3" in second
    assert len(parse(client.get(f"/documents/{document.id}/attempts?page=2").text).css("tbody tr")) == 3 + 2


@pytest.mark.parametrize("name", ["md", "json", "html", "docx", "pdf", "epub"])
def test_files_are_saved_and_never_shown_in_place(
    client: TestClient, store: Store, name: str, tmp_path
) -> None:
    document_id = written(store, "Tée", [["Boil water."]])
    answer = client.get(f"/documents/{document_id}/export?format={name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="{document_id}-t-e.eng_Latn.{name}"; '
        f"filename*=UTF-8''{document_id}-t%C3%A9e.eng_Latn.{name}"
    )
    if name in ("docx", "epub"):
        (tmp_path / "file").write_bytes(answer.content)
        assert is_zipfile(tmp_path / "file")
    elif name == "pdf":
        assert answer.content.startswith(b"%PDF-")
    else:
        assert b"Boil water." in answer.content


def test_search_leads_to_the_sentence(client: TestClient, store: Store, searcher: NoSearcher) -> None:
    document_id = written(store, "Tea", [["Boil water.", "Wait."]])
    found = {"lang": "eng_Latn", "place": "sentences", "path": "1", "heading": "Heading 1", "text": "Wait."}
    searcher.matches = (
        Match(document_id=document_id, ordinal=1, similarity=0.87, found_by=("meaning",), **found),  # type: ignore[arg-type]
        Match(document_id="gone", ordinal=0, similarity=None, found_by=("words",), **found),  # type: ignore[arg-type]
    )
    page = parse(client.get("/search?q=be+patient&in=sentences&lang=eng_Latn").text)
    assert searcher.asked == [
        {
            "words": "be patient",
            "ways": ("meaning", "words"),
            "places": ("sentences",),
            "limit": 30,
            "lang": "eng_Latn",
        }
    ]
    target = node(page, ".matches a").attributes["href"] or ""
    assert target == f"/documents/{document_id}?item=1#s-1-2"
    node(parse(client.get(target).text), "#s-1-2")
    assert "sentence 2 of section 1 “Heading 1” in" in node(page, ".matches .soft").text()
    assert "gone" in page.css(".matches li")[1].text()
    assert [near.text() for near in page.css(".matches .near")] == ["0.87", "words"]
    assert client.get("/search").status_code == 200
    assert len(searcher.asked) == 1
    searcher.matches = ()
    page = parse(client.get("/search?q=tea&by=words").text)
    assert searcher.asked[-1]["ways"] == ("words",)
    assert node(page, ".empty").text() == "No text in use holds these words."


def test_a_running_document_shows_how_far_it_is(client: TestClient, store: Store, run, runner) -> None:
    runner.fail_at = "decoding"
    assert run("write", "tea").exit_code == 130
    (document,) = store.list_documents()
    page = parse(client.get(f"/documents/{document.id}").text)
    assert "interrupted (decoding)" in node(page, ".head .status").text()
    assert node(page, "script").attributes["src"] == "/static/live.js"
    assert node(page, "#progress-written").attributes["value"] == "2"
    fragment = parse(client.get(f"/documents/{document.id}/progress").text)
    assert node(fragment, "#progress").attributes["data-running"] == "yes"
    before = node(fragment, "#progress").attributes["data-stamp"]
    runner.fail_at = None
    assert run("resume", document.id).exit_code == 0
    after = node(parse(client.get(f"/documents/{document.id}/progress").text), "#progress").attributes
    assert after["data-running"] == "no"
    assert after["data-stamp"] != before
    assert parse(client.get(f"/documents/{document.id}").text).css_first("script") is None


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/documents/zzzz", 404, "no document has the id"),
        ("/documents/zzzz/edit", 404, "no document has the id"),
        ("/nothing", 404, "there is no page /nothing"),
        ("/?page=0", 400, "page is '0': give a number from 1"),
        ("/?page=9999999999999999999999", 400, "give a number from 1"),
        ("/?status=lost", 400, "expected one of queued"),
        ("/?lang=xx", 400, "lang is 'xx'"),
        ("/?text=%00", 422, "NUL"),
        ("/documents/ID?version=7", 404, "no outline version 7"),
        ("/documents/ID/export?format=odt", 400, "expected one of md"),
    ],
)  # fmt: skip
def test_wrong_addresses_are_one_line(
    client: TestClient, store: Store, path: str, status: int, reason: str
) -> None:
    document_id = written(store, "Tea", [["Boil water."]])
    answer = client.get(path.replace("ID", document_id))
    assert answer.status_code == status
    shown = node(parse(answer.text), "[role=alert]").text()
    assert reason in shown
    assert "\n" not in shown


def test_a_database_that_fails_and_a_bug_of_ours_are_pages(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(error: Exception) -> None:
        def raise_(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(store, "count_documents", raise_)

    fail(StorageError("another process has kept it locked"))
    answer = client.get("/")
    assert (answer.status_code, "kept it locked" in answer.text) == (503, True)
    assert capsys.readouterr().err == ""
    fail(ZeroDivisionError("secret"))
    answer = client.get("/")
    assert answer.status_code == 500
    assert "unexpected ZeroDivisionError" in answer.text
    assert "secret" not in answer.text
    assert "ZeroDivisionError: secret" in capsys.readouterr().err


@pytest.mark.parametrize("name", STATIC_FILES)
def test_files_of_the_pages_are_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(STATIC_FILES[name])
    assert len(answer.content) > 100
