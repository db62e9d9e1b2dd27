"""`status --follow`: what changes is shown again, what only ticks is not, and Ctrl-C ends it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

import pytest

from storage import NewDocument, Store

Steps = Callable[[Sequence[Callable[[], object]]], None]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Takes what happens in each pause between two looks at the queue; after the last one comes Ctrl-C."""

    def take(actions: Sequence[Callable[[], object]]) -> None:
        waiting = iter(actions)

        def sleep(seconds: float) -> None:
            action = next(waiting, None)
            if action is None:
                raise KeyboardInterrupt
            action()

        monkeypatch.setattr("longhand.showing.following.time.sleep", sleep)

    return take


def submit(store: Store, prompt: str) -> str:
    return store.create_document(NewDocument(prompt=prompt, lang="eng_Latn")).id


def test_each_change_is_printed_once_below_the_last_one(run, store: Store, steps) -> None:
    def begin() -> None:
        lease = store.claim(store.list_documents()[0].id, "far/12345678:1:1", 60)
        with store.fenced(lease) as tx:
            tx.set_status("writing")

    steps([lambda: None, lambda: submit(store, "How to make tea"), lambda: None, begin])
    result = run("status", "--follow")
    assert (result.exit_code, result.stderr) == (130, "")
    looks = result.stdout.split("\n\nqueued ")
    assert len(looks) == 3
    assert "RUNNING" not in looks[1] and "How to make tea" in looks[2]


def test_for_machines_each_change_is_an_object_on_a_line(run, store: Store, steps) -> None:
    steps([lambda: submit(store, "tea"), lambda: None, lambda: submit(store, "milk")])
    lines = [json.loads(line) for line in run("status", "-f", "--json").stdout.splitlines()]
    assert [line["queued"] for line in lines] == [0, 1, 2]
    assert lines[-1]["running_documents"] == []


def test_a_terminal_shows_one_picture_that_changes(run, store: Store, steps, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    steps([lambda: submit(store, "tea")])
    result = run("status", "--follow")
    assert result.exit_code == 130
    assert "queued        0" in result.stdout and "queued        1" in result.stdout
    assert "Ctrl-C ends it" in result.stdout
    # The cursor goes up to where the picture begins.
    assert "\x1b[1A" in result.stdout


def test_a_prefect_server_that_is_away_is_complained_of_once(run, store: Store, steps, monkeypatch) -> None:
    monkeypatch.setenv("LONGHAND_PREFECT_API", "http://127.0.0.1:9/api")
    monkeypatch.setattr("longhand.showing.following.ASK_PREFECT_EVERY_S", 0.0)
    submit(store, "tea")
    steps([lambda: submit(store, "milk"), lambda: None])
    result = run("status", "--follow")
    assert result.exit_code == 130
    assert len(result.stderr.splitlines()) == 1 and "127.0.0.1:9" in result.stderr
