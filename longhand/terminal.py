"""What commands print: text and JSON on stdout, tables, and everything about progress on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 200


def print_text(text: str) -> None:
    """Print `text` on stdout with exactly one line end."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Print `value` as indented JSON on stdout."""
    print_text(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """Print one remark on stderr, where it does not mix with a document."""
    print(text, file=sys.stderr, flush=True)


def make_console(*, stderr: bool = False) -> Console:
    """Return a console that takes text as it is: no markup, no emoji codes, no guessed colours."""
    # Imported here: commands with --json need none of it.
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: str | None = None) -> None:
    """Print rows under a header on stdout; the `flexible` column gives way where the terminal is narrow."""
    from rich.cells import cell_len
    from rich.table import Table

    shown = [tuple(row) for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(header):
        if name == flexible:
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        else:
            widest = max(cell_len(text) for text in (name, *(row[number] for row in shown)))
            # Without a least width all columns give way, and cut ids cannot be typed.
            least = widest if flexible is not None else None
            table.add_column(name, no_wrap=True, overflow="fold", min_width=least)
    for row in shown:
        table.add_row(*row)
    make_console().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values as two columns on stdout; empty values are left out."""
    width = max((len(name) for name in facts), default=0)
    print_text("\n".join(f"{name:<{width}}  {value}" for name, value in facts.items() if value))


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
