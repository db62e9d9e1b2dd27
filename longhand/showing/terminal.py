"""Output of commands: text, JSON and tables on stdout, progress and remarks on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from longhand.formats.times import format_iso

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 200
LEAST_FLEXIBLE = 24
"""Least width in cells of a column that is cut."""
GAP, INDENT = "  ", "    "
TIME_ENDINGS = ("_at", "_until")
"""Endings of the names of fields that hold a point in time."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def print_text(text: str) -> None:
    """Print `text` on stdout with exactly one line end."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Print `value` as indented JSON on stdout, with times as in `with_times`."""
    print_text(json.dumps(with_times(value), indent=2, ensure_ascii=False))


def with_times(value: object) -> object:
    """Return JSON values in which fields that end in _at or _until hold ISO 8601 instead of epoch seconds."""
    if isinstance(value, Mapping):
        return {
            key: format_iso(inner)
            if isinstance(inner, float) and str(key).endswith(TIME_ENDINGS)
            else with_times(inner)
            for key, inner in value.items()
        }
    return [with_times(inner) for inner in value] if isinstance(value, list | tuple) else value


def say(text: str) -> None:
    """Print a remark on stderr, so that it does not mix with a document."""
    print(text, file=sys.stderr, flush=True)


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text unchanged: no markup, emoji codes or guessed colours."""
    # Imported here: commands with --json do not need it.
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: str | None = None) -> None:
    """Print rows under a header on stdout; see `format_table`."""
    print_text(format_table(header, rows, flexible=flexible))


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: str | None = None) -> str:
    """Return rows under a header, as wide as stdout, without a line end after the last row.

    In a narrow terminal the `flexible` column is cut, or moved below its row if hardly any of it would be left. No
    other column is cut: a part of an id would be useless.
    """
    # Not rich's table, which would cost `longhand ls` as much time as reading the documents.
    from rich.cells import cell_len

    lines = [tuple(_CONTROLS.sub(" ", cell) for cell in row) for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    place = None if flexible is None else header.index(flexible)
    below = None
    if place is not None:
        room = _width() - sum(width + len(GAP) for width in widths) + widths[place] + len(GAP)
        if room < min(widths[place], LEAST_FLEXIBLE):
            below = place
            room = max(_width() - len(INDENT), LEAST_FLEXIBLE)
        widths[place] = min(widths[place], room)
    printed = []
    for line in lines:
        cells = [_fit(cell, width) for cell, width in zip(line, widths, strict=True)]
        under = "" if below is None else cells.pop(below).rstrip()
        printed.append(GAP.join(cells).rstrip() + (f"\n{INDENT}{under}" if under else ""))
    if _is_styled():
        printed[0] = f"\x1b[1m{printed[0]}\x1b[0m"
    return "\n".join(printed)


def _fit(text: str, width: int) -> str:
    """Return a text of exactly `width` terminal cells, cut or padded."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + "…"
    return set_cell_size(text, width)


def _width() -> int:
    """Return the terminal's width in cells."""
    from shutil import get_terminal_size

    return get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL


def _is_styled() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb", "unknown")


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values as two columns on stdout, without empty values."""
    print_text(format_facts(facts))


def format_facts(facts: Mapping[str, str]) -> str:
    """Return names and values as two columns, without empty values and without a final line end."""
    width = max((len(name) for name in facts), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items() if value)


def format_time(epoch_s: float) -> str:
    """Return a point in time in the user's time zone, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch_s))


def format_duration(seconds: float) -> str:
    """Return a duration in the units that people read: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def format_bytes(number: float) -> str:
    """Return a size in the unit that people read."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
