"""Commands in a process that a launcher started: process 0 does the work, the others only help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows import crew as crews
from flows.crew import Crew
from flows.errors import CrewError
from flows.owner import current_owner
from storage import Store


class Board:
    """A leader that has ended already."""

    def set(self, key: str, value: str) -> None:
        self.last = key

    def check(self, keys: list[str]) -> bool:
        return True


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    found = Board()

    def join(_: Store, place: crews.Place) -> Crew:
        return Crew(place.rank, found, current_owner())  # type: ignore[arg-type]

    monkeypatch.setattr(crews, "join", join)
    monkeypatch.setattr(crews, "use_device_of_rank", lambda: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    return found


def test_the_first_process_writes_and_tells_the_others_when_it_has_ended(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    assert run("write", "Tea").exit_code == 0
    assert board.last.endswith("/end")
    assert run("resume", "no-such-id").exit_code == 1


@pytest.mark.parametrize("command", [("write", "Tea"), ("worker", "--drain"), ("resume", "no-such-id")])
def test_the_others_make_and_print_nothing(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RANK", "1")
    done = run(*command)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    monkeypatch.delenv("WORLD_SIZE")
    assert run("ls", "--json").stdout.strip() == "[]"


def test_an_error_of_all_is_said_once(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    def join(_: Store, place: crews.Place) -> Crew:
        raise CrewError("two databases")

    monkeypatch.setattr(crews, "join", join)
    for rank, said in enumerate(["longhand: two databases\n", ""]):
        monkeypatch.setenv("RANK", str(rank))
        done = run("worker", "--drain")
        assert (done.exit_code, done.stderr) == (1, said)


def test_a_launcher_that_starts_again_makes_no_second_document(
    run: Callable[..., Any], board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    done = run("write", "Tea")
    assert done.exit_code == 2
    assert "longhand resume ID" in done.stderr
    assert run("ls", "--json").stdout.strip() == "[]"
