"""Tables: what gives way in a narrow window, wide characters, and text that would move the cursor."""

from __future__ import annotations

import io

import pytest

from longhand import cli
from longhand.showing import terminal

HEADER = ("MODEL", "KIND", "FIGURES")
ROW = ("outline-mini@530132ba58fa", "planner", "loss 0.5431 tokens 4.439 stop_accuracy 0.8926")


@pytest.fixture
def printed(monkeypatch, capsys):
    def print_rows(width, *rows, header=HEADER, flexible="FIGURES"):
        monkeypatch.setattr(terminal, "WIDTH_WITHOUT_TERMINAL", width)
        terminal.print_table(header, rows, flexible=flexible)
        return capsys.readouterr().out.splitlines()

    return print_rows


def test_a_wide_window_shows_all(printed):
    assert printed(100, ROW) == [
        "MODEL                      KIND     FIGURES",
        "outline-mini@530132ba58fa  planner  loss 0.5431 tokens 4.439 stop_accuracy 0.8926",
    ]


def test_the_flexible_column_is_cut(printed):
    assert printed(61, ROW)[1] == "outline-mini@530132ba58fa  planner  loss 0.5431 tokens 4.439…"


def test_where_nothing_would_be_left_of_it_it_stands_below(printed):
    assert printed(40, ROW) == [
        "MODEL                      KIND",
        "    FIGURES",
        "outline-mini@530132ba58fa  planner",
        "    loss 0.5431 tokens 4.439 stop_accur…",
    ]


@pytest.mark.parametrize("width", range(1, 100, 7))
def test_no_other_column_ever_gives_way(printed, width):
    lines = printed(width, ROW, ("writer", "writer", ""))
    assert any(line.startswith("outline-mini@530132ba58fa  planner") for line in lines)
    assert max(map(len, lines)) <= max(width, len("outline-mini@530132ba58fa  planner"))


def test_a_flexible_column_in_the_middle_keeps_the_next_in_line(printed):
    header, rows = ("NAME", "RULE", "NEXT"), [("a", "FREQ=WEEKLY;" * 5, "today"), ("b", "short", "never")]
    assert printed(40, *rows, header=header, flexible="RULE") == [
        "NAME  RULE                         NEXT",
        "a     FREQ=WEEKLY;FREQ=WEEKLY;FR…  today",
        "b     short                        never",
    ]


def test_wide_characters_take_two_cells(printed):
    lines = printed(40, ("文書", "x", "一" * 40), ("ab", "x", "two"))
    assert lines[0] == "MODEL  KIND  FIGURES"
    assert lines[1].startswith("文書   x     一一")
    assert lines[2] == "ab     x     two"


def test_no_cell_moves_the_cursor(printed):
    assert printed(80, ("a\x1b[2Jb\nc", "x", "y\r\x07z"))[1] == "a [2Jb c  x     y  z"


def test_the_header_is_bold_in_a_terminal_alone(monkeypatch, printed, capsys):
    assert "\x1b" not in printed(80, ROW)[0]
    monkeypatch.setattr(terminal.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    assert printed(80, ROW)[0].startswith("\x1b[1mMODEL")
    monkeypatch.setenv("TERM", "dumb")
    assert printed(80, ROW)[0].startswith("MODEL")


@pytest.mark.parametrize(
    ("encoding", "is_terminal", "shown"),
    [
        ("latin-1", False, "├─ Ä".encode()),
        ("ascii", False, "├─ Ä".encode()),
        ("utf-8", False, "├─ Ä".encode()),
        ("latin-1", True, b"?? \xc4"),
    ],
)
def test_no_output_fails_for_its_encoding(monkeypatch, encoding, is_terminal, shown):
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding)
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr("sys.stdout", stream)
    cli._speak_unicode()
    stream.write("├─ Ä")
    stream.flush()
    assert written.getvalue() == shown
