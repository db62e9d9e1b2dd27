"""An outline as rows for JSON and as a tree for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from storage import ExportedDocument, ExportedSection, OutlineRecord


class OutlineRow(TypedDict):
    """One item of an outline."""

    path: str
    heading: str | None
    is_leaf: bool
    planned_length: int
    num_sentences: int | None
    """Written sentences; None where they are not known for this version."""
    status: str
    stop_reason: str | None
    similarity: float | None


def outline_rows(outline: OutlineRecord, exported: ExportedDocument | None) -> list[OutlineRow]:
    """Return the items of an outline in reading order; `exported` tells how much is written."""
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
    """Return one line an item, indented by depth: path, heading, planned length."""
    lines = []
    for row in rows:
        planned = f"  ({row['planned_length']} sentences)" if row["is_leaf"] and row["planned_length"] else ""
        indent = "   " * row["path"].count(".")
        lines.append(f"{indent}{row['path']}. {row['heading'] or '(not decoded yet)'}{planned}")
    return "\n".join(lines)


def print_outline(title: str, rows: Sequence[OutlineRow]) -> None:
    """Print the outline on stdout as a tree with what is known of each item."""
    from rich.text import Text
    from rich.tree import Tree

    from longhand.export import short_title
    from longhand.terminal import make_console

    root = Tree(Text(short_title(title), style="bold"))
    nodes = {"": root}
    for row in rows:
        label = Text(f"{row['path']}  {row['heading'] or '(not decoded yet)'}")
        if row["is_leaf"]:
            label.append(f"  {_details(row)}", style="dim")
        nodes[row["path"]] = nodes[row["path"].rpartition(".")[0]].add(label)
    make_console().print(root)


def _details(row: OutlineRow) -> str:
    written = row["num_sentences"]
    # A section that was added without a length has none until the planner gives it one.
    length = f"{row['planned_length'] or 'no'} sentences planned"
    if written:
        length = f"{written} of {length}"
    parts = [length, row["status"]]
    if row["stop_reason"]:
        parts.append(f"stopped by {row['stop_reason']}")
    if row["similarity"] is not None:
        parts.append(f"similarity {row['similarity']:.2f}")
    return ", ".join(parts)
