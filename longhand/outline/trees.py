"""An outline as rows for JSON and as a tree for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from concepts.counting import counted

if TYPE_CHECKING:
    from storage import ExportedDocument, ExportedSection, OutlineRecord


DETAILS = ("SENTENCES", "STATUS", "STOPPED BY", "SIMILARITY")
"""Columns beside the headings, the most important first."""
LEAST_HEADING = 30
"""Least width of headings in cells; other columns are left out for it."""


class OutlineRow(TypedDict):
    """One item of an outline."""

    path: str
    heading: str | None
    is_leaf: bool
    planned_length: int
    num_sentences: int | None
    """Written sentences; None if unknown for this version."""
    status: str
    stop_reason: str | None
    similarity: float | None


def outline_rows(outline: OutlineRecord, exported: ExportedDocument | None) -> list[OutlineRow]:
    """Return an outline's items in reading order; `exported` supplies the written sentences."""
    num_sentences: dict[str, int] = {}
    stack: list[ExportedSection] = list(exported.sections) if exported is not None else []
    while stack:
        section = stack.pop()
        num_sentences[section.path] = len(section.sentences) + section.num_missing
        stack.extend(section.children)
    return [
        OutlineRow(
            path=item.path,
            heading=item.heading,
            is_leaf=item.is_leaf,
            planned_length=item.planned_length,
            num_sentences=num_sentences.get(item.path),
            status=item.status,
            stop_reason=item.stop_reason,
            similarity=item.similarity,
        )
        for item in outline.items
    ]


def format_outline(rows: Sequence[OutlineRow]) -> str:
    """Return one line for each item, indented by depth: path, heading, planned length."""
    lines = []
    for row in rows:
        planned = (
            f"  ({counted(row['planned_length'], 'sentence')})"
            if row["is_leaf"] and row["planned_length"]
            else ""
        )
        indent = "   " * row["path"].count(".")
        lines.append(f"{indent}{row['path']}. {row['heading'] or '(not decoded yet)'}{planned}")
    return "\n".join(lines)


def print_outline(title: str, rows: Sequence[OutlineRow]) -> None:
    """Print the outline on stdout as a tree, with details of each section in columns beside it.

    A narrow window drops the last columns instead of breaking headings into syllables.
    """
    from rich.table import Table
    from rich.text import Text

    from longhand.formats.export import short_title
    from longhand.showing.terminal import make_console

    console = make_console()
    shown = list(DETAILS)
    while shown and console.width - sum(len(name) + 1 for name in shown) < LEAST_HEADING:
        shown.pop()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(short_title(title)), overflow="fold")
    for name in shown:
        # In a narrow window headings are wrapped, these columns are not.
        table.add_column(name, no_wrap=True, min_width=len(name), style="dim")
    for row, guide in zip(rows, _guides([row["path"] for row in rows]), strict=True):
        item = Table.grid()
        item.add_column(no_wrap=True)
        item.add_column(overflow="fold")
        heading = row["heading"] or "(not decoded yet)"
        item.add_row(Text(f"{guide}{row['path']}  "), Text(heading))
        table.add_row(item, *(_details(row)[: len(shown)] if row["is_leaf"] else ()))
    console.print(table)


def _guides(paths: Sequence[str]) -> list[str]:
    """Return the branch lines before each item, as in `tree`."""
    last: dict[str, str] = {}
    for path in paths:
        last[path.rpartition(".")[0]] = path
    found = []
    for path in paths:
        above, guide = path.rpartition(".")[0], "└─ " if last[path.rpartition(".")[0]] == path else "├─ "
        while above:
            parent = above.rpartition(".")[0]
            guide = ("   " if last[parent] == above else "│  ") + guide
            above = parent
        found.append(guide)
    return found


def _details(row: OutlineRow) -> tuple[str, str, str, str]:
    # A section added without a length has none until the planner sets it.
    planned = str(row["planned_length"] or "?")
    return (
        f"{row['num_sentences'] or 0} of {planned}",
        row["status"],
        row["stop_reason"] or "",
        "" if row["similarity"] is None else f"{row['similarity']:.2f}",
    )
