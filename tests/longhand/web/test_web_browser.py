"""The inspector in a real browser: nothing is refused or overflows, all is legible, and a running document lives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from flows.document.job.events import ignore
from longhand.doing.searching import Searcher
from longhand.web.app import make_app
from longhand.web.guard import Guard
from longhand.web.server import listen
from storage import NewDocument, Store
from tests.longhand.web.chromium import Browser, find_browser

PATH = find_browser()
pytestmark = pytest.mark.skipif(PATH is None, reason="needs Chromium: apt-get install chromium")

# Everything that a reader sees must stand out from what is behind it (WCAG 2.2, 1.4.3; large text may less).
FAINT = """
(() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const found = numbers(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg, .off")) continue;
    const [one, other] = [numbers(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${texts.currentNode.data.trim().slice(0, 40)}: ${contrast.toFixed(1)}`);
  }
  return faint;
})()
"""
NAMELESS = """
[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href]")]
  .filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim()) && !e.closest("[aria-hidden]"))
  .map((e) => e.outerHTML.slice(0, 120))
"""


class NoSearcher(Searcher):
    """Knows two languages, and has no encoder."""

    def languages(self) -> tuple[str, ...]:
        return ("eng_Latn", "deu_Latn")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PATH is not None
    opened = Browser(PATH, tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def base(store: Store) -> Iterator[str]:
    """The address of an inspector that runs for the test."""
    with listen("127.0.0.1", 0) as listening:
        yield from _serve(store, listening)


def _serve(store: Store, listening: socket.socket) -> Iterator[str]:
    port = listening.getsockname()[1]
    app = make_app(store, guard=Guard(port=port), searcher=NoSearcher())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(60)


@pytest.fixture
def document_id(run, store: Store) -> str:
    """A document with two versions and two languages."""
    assert run("write", "How to make tea " + "from long words " * 8, "--sections", "3").exit_code == 0
    found = store.list_documents()[0].id
    assert run("outline", found, "--set", "2=Green tea, and how long it stays in warm water").exit_code == 0
    assert run("resume", found).exit_code == 0
    assert run("translate", found, "--lang", "deu_Latn").exit_code == 0
    return found


def test_every_page_is_whole_legible_and_fits(browser: Browser, base: str, document_id: str) -> None:
    pages = ("", "/read", "/edit", "/versions", "/compare", "/languages", "/map", "/attempts")
    paths = [
        "/",
        "/search",
        "/new",
        "/queue",
        "/nothing",
        *(f"/documents/{document_id}{page}" for page in pages),
    ]
    for dark in (False, True):
        for width in (1200, 360):
            browser.show(width=width, dark=dark)
            for path in paths:
                browser.open(base + path)
                where = f"{path}, {width} wide, {'dark' if dark else 'light'}"
                complaints = [said for said in browser.complaints if path != "/nothing" or "404" not in said]
                assert complaints == [], where
                assert browser.ask("document.documentElement.scrollWidth") <= width, where
                assert browser.ask(FAINT) == [], where
                assert browser.ask(NAMELESS) == [], where
    browser.open(f"{base}/documents/{document_id}/map")
    assert (
        browser.ask("[...document.images].map((i) => i.decode().then(() => i.naturalWidth > 0))[0]") is True
    )


def test_an_attempts_times_are_no_column_of_single_words(
    browser: Browser, base: str, document_id: str, store: Store
) -> None:
    lease = store.claim(document_id, "machine.example/a52a5506:15495:196521", 60)
    timing = {f"work_{number}": 8.139 for number in range(7)}
    store.record_attempt(lease, "run", started_at=1.0, finished_at=9.0, outcome="done", timing=timing)
    browser.show(width=360)
    browser.open(f"{base}/documents/{document_id}/attempts")
    heights = browser.ask("[...document.querySelectorAll('tbody tr')].map((row) => row.offsetHeight)")
    assert max(heights) < 130


def test_the_keyboard_leads_past_the_head_and_shows_where_it_is(
    browser: Browser, base: str, document_id: str
) -> None:
    browser.show()
    browser.open(f"{base}/documents/{document_id}")
    browser.press("Tab", 9)
    assert browser.ask("document.activeElement.textContent") == "Skip to the content"
    assert browser.ask("document.activeElement.getBoundingClientRect().left >= 0") is True
    assert browser.ask("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2") is True
    browser.press("Enter", 13)
    browser.wait_for(lambda: browser.ask("document.activeElement.id") == "main")
    browser.press("Tab", 9)
    assert browser.ask("document.getElementById('main').contains(document.activeElement)") is True


def test_an_outline_is_edited_without_javascript(
    browser: Browser, base: str, document_id: str, store: Store
) -> None:
    browser.show(script=False)
    browser.open(f"{base}/documents/{document_id}/edit")
    browser.ask("document.querySelector('[name=heading-1]').value = 'Black tea'")
    browser.ask("document.querySelector('form[action$=\"/edit/rows\"] button').click()")
    browser.wait_for(lambda: "done=edited" in browser.ask("location.href"))
    assert store.get_outline(document_id).items[0].heading == "Black tea"
    browser.show()


def test_a_running_document_shows_its_end_by_itself(
    browser: Browser, base: str, store: Store, runner
) -> None:
    document = store.create_document(NewDocument(prompt="milk", lang="eng_Latn"))
    browser.show()
    browser.open(f"{base}/documents/{document.id}")
    assert "Nothing is planned yet" in browser.text()
    runner.fail_at, runner.error = "decoding", RuntimeError("stopped on the way")
    with pytest.raises(RuntimeError):
        runner.run(store, document.id, plan_only=False, resume=False, on_event=ignore)
    browser.wait_for(lambda: "written 2 of 2 sections" in browser.text())
    browser.wait_for(lambda: "Heading 1" in browser.text("#live-text"))
    runner.fail_at = None
    runner.run(store, document.id, plan_only=False, resume=True, on_event=ignore)
    browser.wait_for(lambda: "Sentence 1 is here." in browser.text())
    assert browser.ask("document.getElementById('progress')") is None
    assert browser.complaints == []


def test_the_queue_shows_a_change_by_itself_but_not_under_the_pointer(
    browser: Browser, base: str, store: Store
) -> None:
    document = store.create_document(NewDocument(prompt="milk", lang="eng_Latn"))
    browser.show()
    browser.open(f"{base}/queue")
    assert "Nothing has failed, stopped" in browser.text("#live-queue")
    browser.ask("document.querySelector('#live-queue button').focus()")
    store.pause_document(document.id)
    browser.wait_for(
        lambda: browser.ask(
            "performance.getEntriesByType('resource').filter(e => e.name.includes('part=live')).length > 1"
        )
    )
    assert "Nothing has failed, stopped" in browser.text("#live-queue")
    browser.ask("document.activeElement.blur()")
    browser.wait_for(lambda: "Resume" in browser.text("#live-queue"))
    browser.follow(lambda: browser.ask("document.querySelector('#live-queue button.queue').click()"))
    assert "Queued: a worker goes on" in browser.text(".done")
    assert store.get_document(document.id).status == "queued"
    assert browser.complaints == []


def test_paper_gets_the_text_alone(browser: Browser, base: str, document_id: str) -> None:
    browser.show()
    browser.open(f"{base}/documents/{document_id}/read")
    assert browser.text(".tabs")
    browser.call("Emulation.setEmulatedMedia", media="print")
    seen = browser.text().splitlines()
    browser.call("Emulation.setEmulatedMedia", media="")
    assert seen[0].startswith("How to make tea from long words")
    assert "Search" not in " ".join(seen) and "Text and plan" not in seen
