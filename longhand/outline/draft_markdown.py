"""Converts an outline to Markdown for editing, and back: headings, order, nesting and lengths.

Each heading ends with Longhand's attributes in braces: `## The dough {#2 length=5}` is item 2 of the edited version,
with 5 planned sentences. Each heading is one line, so that every error has a line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from concepts.errors import InputError
from flows.document.asked.prompts import MAX_LENGTH, MAX_OUTLINE_DEPTH, check_decodable
from longhand.outline.drafts import Draft, EditError, Node, check_complete, finish_draft, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import OutlineRecord

HELP = """\
<!--
Outline of {document_id}, version {version}. Save and close to store it as a new version.

## Heading {{#2 length=5}}
   ##          a section; ### is a section of the ## above it, which then only holds others
   #2          the item's number in version {version}: wherever the line goes, its text goes with it
   length=5    planned sentences, 1 to {most}; another number, or another heading, has it written again

Move lines to move sections, remove lines to drop them, add lines without a number for new ones
(without a length the planner chooses one). The first line with a single # is the title.
Comments like this one are left alone.
-->
"""
_ORIGIN = re.compile(r"^Outline of (\w+), version (\d{1,9})\.", re.MULTILINE)
MAX_LEVELS = 100
"""Deeper than any outline; `finish_draft` checks the levels that a document may have."""
_HEADING = re.compile(r"(#+)(?:[ \t]+(.*))?")
# Braces at the end of a heading are ours if they look like our attributes; others belong to the heading.
_BRACES = re.compile(r"(?:^|\s)\{((?:\s*#|[^{}]*=)[^{}]*)\}$")


def format_draft(outline: OutlineRecord, title: str) -> str:
    """Return an outline as Markdown for editing; raise InputError if headings are missing."""
    check_complete(outline)
    intro = HELP.format(document_id=outline.document_id, version=outline.version, most=MAX_LENGTH)
    lines = [intro, f"# {one_line(title)}", ""]
    for item in outline.items:
        length = f" length={item.planned_length}" if item.is_leaf and item.planned_length else ""
        lines.append(f"#{'#' * item.depth} {one_line(item.heading)} {{#{item.path}{length}}}")
    return "\n".join(lines) + "\n"


def find_origin(text: str) -> tuple[str, int] | None:
    """Return the document and the version named in an edited outline; None if it names none."""
    found = _ORIGIN.search(text)
    return None if found is None else (found[1], int(found[2]))


def parse_draft(text: str, outline: OutlineRecord, *, name: str = "the outline") -> Draft:
    """Read an edited outline; `name` stands in messages. Raises EditError with line and reason."""
    check_complete(outline)
    known = {item.path for item in outline.items}
    line_of: dict[str, int] = {}
    title: str | None = None
    branch: list[Node] = []
    top: list[Node] = []
    listed_from = 0
    """Number of headings above the current list; 0: no list."""
    lines = _visible_lines(text, name)
    if lines and not any(line.startswith("#") for _, line in lines):
        seen = {number for number, _ in lines}
        rows = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").split("\n")
        # Blank out comments, so that line numbers stay right.
        text = "\n".join(row if number in seen else "" for number, row in enumerate(rows, 1))
        return finish_draft(_nodes_of_list(text, name), outline, name=name)
    for number, line in lines:

        def fail(reason: str, number: int = number) -> EditError:
            return EditError(f"{name}, line {number}", reason, number)

        item = _list_item(line)
        if item is not None and branch:
            # A bullet or number below a heading is a section of it.
            parent = branch[listed_from - 1] if listed_from else branch[-1]
            listed_from = listed_from or len(branch)
            del branch[listed_from:]
            node = _read_heading(one_line(item), number, fail)
            parent.children.append(node)
            branch.append(node)
            continue
        listed_from = 0
        found = _HEADING.fullmatch(line)
        if found is None:
            raise fail(f"{line[:40]!r} is neither a heading nor a comment: begin a heading with ##")
        level, words = len(found[1]) - 1, one_line(found[2])
        if level == 0:
            if title is not None or top:
                raise fail("a single # is the title and stands first: begin a section with ##")
            if not words:
                raise fail("the title has no text: write one, or remove the line")
            title = words
            continue
        if level > MAX_LEVELS:
            raise fail(f"an outline has at most {MAX_LEVELS} levels: begin it with fewer #")
        if level > len(branch) + 1:
            above = "#" * level
            raise fail(f"{found[1]} has no {above} above it: begin it with {above}, or add a {above} heading")
        node = _read_heading(words, number, fail)
        if node.base is not None:
            if node.base not in known:
                raise fail(f"version {outline.version} has no item {node.base}: remove #{node.base}")
            if node.base in line_of:
                raise fail(
                    f"item {node.base} is there already (line {line_of[node.base]}): "
                    f"remove #{node.base} to add a new section"
                )
            line_of[node.base] = number
        del branch[level - 1 :]
        (branch[-1].children if branch else top).append(node)
        branch.append(node)
    return finish_draft(top, outline, title=title, name=name)


def _list_item(line: str) -> str | None:
    """Return the text of a line that is a list item, else None."""
    from concepts.corpus.readers.listing import parse_list

    if line.startswith("#"):
        return None
    items = parse_list([line], only_marked=True)
    return items[0].text if items else None


def _nodes_of_list(text: str, name: str) -> list[Node]:
    """Return the sections of a pasted outline without any #."""
    from longhand.outline.outlines import parse_outline

    top: list[Node] = []
    at: dict[str, Node] = {}
    try:
        headings = parse_outline(text, name=name).headings
    except InputError as error:
        where, _, reason = str(error).partition(": ")
        raise EditError(where, reason) from error
    for heading in headings:
        node = Node(heading.text, line=heading.line, length=heading.length)
        parent = at.get(heading.path.rpartition(".")[0])
        (top if parent is None else parent.children).append(node)
        at[heading.path] = node
        if heading.points:
            raise EditError(
                f"{name}, line {heading.line}",
                f"{heading.text!r} has levels below it that are not written: an outline has at most "
                f"{MAX_OUTLINE_DEPTH} levels",
                heading.line,
            )
    return top


def _visible_lines(text: str, name: str) -> list[tuple[int, str]]:
    """Return the lines that are neither blank nor comments, numbered from 1."""
    found = []
    opened: int | None = None
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}, line {number}"
        try:
            check_decodable(line, "the line")
        except InputError as error:
            raise EditError(where, str(error), number) from error
        line = line.strip()
        if opened is None and line.startswith("<!--"):
            opened = number
        if opened is not None:
            if line.endswith("-->"):
                opened = None
            elif "-->" in line:
                raise EditError(where, "text follows the end of a comment: begin a new line", number)
            continue
        if line:
            found.append((number, line))
    if opened is not None:
        raise EditError(f"{name}, line {opened}", "the comment that begins here has no end: add -->", opened)
    return found


def _read_heading(words: str, number: int, fail: Callable[[str], EditError]) -> Node:
    braces = _BRACES.search(words)
    if braces is None:
        return Node(words, line=number)
    node = Node(words[: braces.start()].strip(), line=number)
    for word in braces[1].split():
        name, is_pair, value = word.partition("=")
        if word.startswith("#") and len(word) > 1 and node.base is None:
            node.base = word[1:]
        elif name == "length" and is_pair and node.length is None:
            if not re.fullmatch(r"\d{1,9}", value):
                raise fail(f"the length is {value!r}: give a number of sentences")
            node.length = int(value)
        else:
            raise fail(f"{word!r} is not understood: expected {{#ITEM length=SENTENCES}}")
    return node
