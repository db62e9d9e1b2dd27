"""The text of a document on a terminal while it is decoded: in order, once, and in the end what is stored."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import pytest

from concepts.errors import ModelError
from flows.document.job.events import Event, Said
from longhand.formats.export import to_markdown
from longhand.showing.live_text import LiveText
from longhand.showing.progress import WritingProgress
from storage import Store

SENTENCES = [(path, ordinal) for path in ("1", "2.1", "2.2") for ordinal in range(3)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Returns what turns both streams of the test into one terminal, as far as a command can tell."""

    def turn() -> None:
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)

    monkeypatch.setenv("TERM", "dumb")
    return turn


@pytest.fixture
def written(run, runner, store: Store, tmp_path) -> str:
    """A document of three sections whose texts nobody has said yet."""
    (tmp_path / "plan.md").write_text("- Buying\n- Brewing\n  - Water\n  - Leaves\n")
    runner.fail_at, runner.error = "said", ModelError("the voice is hoarse")
    assert run("write", "tea", "--depth", "2", "--outline", str(tmp_path / "plan.md")).exit_code == 1
    runner.fail_at = None
    return store.list_documents()[0].id


def said(path: str, ordinal: int, document_id: str) -> Event:
    text = f"Sentence {SENTENCES.index((path, ordinal)) + 1} is here."
    return Event(
        kind="said", document_id=document_id, said=Said(path=path, ordinal=ordinal, text=text, block=None)
    )


def test_sections_come_whole_and_in_order_however_they_are_said(run, runner, store: Store, written) -> None:
    orders = [SENTENCES, SENTENCES[::-1], sorted(SENTENCES, key=lambda place: place[1]), SENTENCES[3:]]
    found = []
    for order in orders:
        live = LiveText(store, written)
        events = [Event(kind="decoding", document_id=written), *(said(*place, written) for place in order)]
        pieces = [live.take(event) for event in events]
        assert "".join(pieces) == live.printed
        headings = [line for line in live.printed.splitlines() if line.startswith("##")]
        assert headings == ["## Buying", "## Brewing", "### Water", "### Leaves"][: len(headings)]
        assert all(piece.count("Sentence") % 3 == 0 for piece in pieces)
        found.append(live.printed)
    assert run("resume", written).exit_code == 0
    text = to_markdown(store.export_document(written))
    assert found == [text, text, text, ""]


def test_what_was_stored_before_is_shown_first_and_a_second_try_forgets_the_first(
    run, store: Store, written
) -> None:
    live = LiveText(store, written)
    live.take(Event(kind="decoding", document_id=written))
    wrong = Said(path="1", ordinal=0, text="Never stored.", block=None)
    assert live.take(Event(kind="said", document_id=written, said=wrong)) == ""
    assert live.take(Event(kind="retry", document_id=written)) == ""
    for place in SENTENCES:
        live.take(said(*place, written))
    assert run("resume", written).exit_code == 0
    text = to_markdown(store.export_document(written))
    assert live.printed == text
    again = LiveText(store, written)
    assert again.take(Event(kind="decoding", document_id=written)) == text


def test_on_a_terminal_the_text_is_printed_while_it_is_said_and_not_again(
    run, runner, store: Store, terminal
) -> None:
    terminal()
    result = run("write", "How to share a folder")
    text = to_markdown(store.export_document(store.list_documents()[0].id))
    assert result.exit_code == 0
    assert [result.stdout.count(line) for line in text.splitlines() if line] == [1] * 5
    assert "changed" not in result.stderr


def test_where_the_voice_said_something_else_in_the_end_what_is_stored_is_printed(
    run, runner, store: Store, terminal
) -> None:
    runner.said = "Wrong words {}."
    terminal()
    result = run("write", "How to share a folder")
    text = to_markdown(store.export_document(store.list_documents()[0].id))
    assert "Wrong words 1." in result.stdout and result.stdout.endswith(text)
    assert "the text was changed after it was said; this is what is stored:" in result.stderr


@pytest.mark.parametrize("options", [["--json"], ["--out", "tea.md"], ["--plan-only"], ["--review"]])
def test_no_text_is_shown_on_the_way_where_none_is_the_result(
    run, runner, terminal, tmp_path, monkeypatch, options
) -> None:
    terminal()
    monkeypatch.chdir(tmp_path)
    runner.said = "Only said {}."
    assert "Only said" not in run("write", "tea", *options).stdout


def test_a_bar_counts_models_and_says_what_is_left(terminal, capsys, monkeypatch) -> None:
    terminal()
    # One second for each look at the clock.
    clock = itertools.count()
    monkeypatch.setattr("rich.console.monotonic", lambda: float(next(clock)))
    with WritingProgress() as progress:
        for done in range(3):
            progress.show(Event(kind="starting", document_id="x", done=done, total=4))
        assert progress._bars is not None
        (task,) = progress._bars.tasks
        assert (task.completed, task.total, task.fields["count"]) == (2, 4, "2/4")
        progress.show(Event(kind="decoding", document_id="x", done=2, total=20))
        heard = Said(path="1", ordinal=0, text="A.", block=None)
        for _ in range(4):
            progress.show(Event(kind="said", document_id="x", said=heard))
        decoding = progress._bars.tasks[-1]
        assert decoding.fields["count"] == "6/20" and decoding.time_remaining
        *_, left = progress._bars.columns
        assert str(left(decoding)).startswith("about ") and str(left(decoding)).endswith(" left")
        progress.show(Event(kind="decoding", document_id="x", done=20, total=20))
        assert [t.fields["count"] for t in progress._bars.tasks] == ["4/4", "20/20"]
        assert str(left(progress._bars.tasks[-1])) == ""
