"""A draft: an edited outline before it is stored, checked like a typed outline.

Items keep their numbers of the edited version throughout: after `Drop("2")` the third item is still "3".
This module does not use a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from concepts.errors import InputError
from flows.document.asked.prompts import MAX_LENGTH, MAX_OUTLINE_DEPTH, check_decodable, has_words
from flows.document.asked.wishes import MAX_SECTIONS
from longhand.outline.outlines import MAX_HEADING_CHARS

if TYPE_CHECKING:
    from storage import OutlineRecord, PlanItemRecord

MAX_DIGITS = 9
"""Most digits of a typed number; longer ones mean nothing here, and Python refuses to parse very long ones."""


class EditError(InputError):
    """An invalid edit; `line`: of the edited text, if there is one."""

    def __init__(self, where: str, reason: str, line: int | None = None) -> None:
        super().__init__(f"{where}: {reason}")
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class SetHeading:
    """Change an item's heading; its text is written again."""

    item: str
    heading: str


@dataclass(frozen=True)
class SetLength:
    """Change a section's planned number of sentences; its text is written again."""

    item: str
    length: int


@dataclass(frozen=True)
class Move:
    """Move an item, with all items below it, to another one's place (`to`), or after the last item of a part."""

    item: str
    to: str


@dataclass(frozen=True)
class Drop:
    """Remove an item, with all items below it."""

    item: str


@dataclass(frozen=True)
class Add:
    """Add a section: after item `after`, or as the last one under item `under`, or at the end."""

    heading: str
    after: str | None = None
    under: str | None = None
    length: int | None = None
    """Sentences; None: the planner chooses."""


Edit: TypeAlias = SetHeading | SetLength | Move | Drop | Add


@dataclass(frozen=True, kw_only=True)
class DraftItem:
    """The wished state of one item."""

    path: str
    heading: str
    base: str | None
    """Its number in the edited version; None: it is new."""
    length: int | None = None
    """Sentences; None: unchanged; for a new item the planner chooses."""
    line: int | None = None
    """Line of the edited text."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A checked outline in reading order."""

    items: tuple[DraftItem, ...]
    title: str | None = None
    """None: unchanged."""


@dataclass
class Node:
    """An item whose place is not final yet."""

    heading: str
    base: str | None = None
    length: int | None = None
    line: int | None = None
    children: list[Node] = field(default_factory=list)


def one_line(text: str | None) -> str:
    """Return a heading on one line with single blanks."""
    return " ".join((text or "").split())


def check_complete(outline: OutlineRecord) -> None:
    """Raise InputError if some headings of an outline are not known yet."""
    missing = [item.path for item in outline.items if not one_line(item.heading)]
    if missing or not outline.items:
        what = f"the heading of item {missing[0]}" if missing else "the outline"
        raise InputError(f"{what} is not there yet: longhand resume {outline.document_id}")


def apply_edits(outline: OutlineRecord, edits: Sequence[Edit]) -> Draft:
    """Return the outline after all edits in order; raise EditError, naming the edit."""
    check_complete(outline)
    top, node_of = _nodes(outline)
    added_behind: dict[str | None, Node] = {}
    for edit in edits:
        _apply(edit, top, node_of, added_behind)
    return finish_draft(top, outline)


def _nodes(outline: OutlineRecord) -> tuple[list[Node], dict[str, Node]]:
    top: list[Node] = []
    node_of: dict[str, Node] = {}
    for item in outline.items:
        node = node_of[item.path] = Node(one_line(item.heading), base=item.path)
        (top if item.parent_path is None else node_of[item.parent_path].children).append(node)
    return top, node_of


def _apply(
    edit: Edit, top: list[Node], node_of: Mapping[str, Node], added_behind: dict[str | None, Node]
) -> None:
    where = describe_edit(edit)

    def find(path: str) -> tuple[Node, list[Node]]:
        node = node_of.get(path)
        siblings = None if node is None else _siblings(node, top)
        if node is None or siblings is None:
            known = ", ".join(path for path, n in node_of.items() if _siblings(n, top) is not None)
            raise EditError(where, f"there is no item {path}: known are {known or 'none'}")
        return node, siblings

    match edit:
        case SetHeading(path, heading):
            find(path)[0].heading = one_line(heading)
        case SetLength(path, length):
            node = find(path)[0]
            if node.children:
                raise EditError(where, f"item {path} holds other items: set the length of one of those")
            node.length = length
        case Drop(path):
            node, siblings = find(path)
            siblings.remove(node)
        case Add(heading, after, under, length):
            node = Node(one_line(heading), length=length)
            if after is not None and under is not None:
                raise EditError(where, "after and under exclude each other: give one of them")
            if under is not None:
                find(under)[0].children.append(node)
            elif after is None:
                top.append(node)
            else:
                anchor, siblings = find(after)
                # Several items added after the same one keep the order of their edits.
                last = added_behind.get(after, anchor)
                last = last if any(last is sibling for sibling in siblings) else anchor
                siblings.insert(_index(last, siblings) + 1, node)
                added_behind[after] = node
        case Move(path, to):
            node, siblings = find(path)
            _move(node, siblings, to, top, node_of, where)


def _move(
    node: Node, siblings: list[Node], to: str, top: list[Node], node_of: Mapping[str, Node], where: str
) -> None:
    target = node_of.get(to)
    if target is node:
        return
    row = None if target is None else _siblings(target, top)
    if target is not None and row is not None:
        if row is not siblings and _holds(node, target):
            raise EditError(where, "an item cannot stand below itself")
        is_downward = row is siblings and _index(node, siblings) < _index(target, siblings)
        siblings.remove(node)
        row.insert(_index(target, row) + is_downward, node)
        return
    parent_path, _, last = to.rpartition(".")
    parent = node_of.get(parent_path)
    if parent_path and (parent is None or _siblings(parent, top) is None):
        raise EditError(where, f"there is no item {to} and no item {parent_path}: name a place that exists")
    row = top if parent is None else parent.children
    # A number after the last one of the edited version, or of the added items, means the end.
    most = max(
        (int(path.rpartition(".")[2]) for path in node_of if path.rpartition(".")[0] == parent_path),
        default=0,
    )
    if not (last.isdecimal() and len(last) <= MAX_DIGITS) or not most < int(last) <= max(most, len(row)) + 1:
        raise EditError(where, f"there is no place {to}: name an item, or the number behind the last one")
    if parent is not None and (parent is node or _holds(node, parent)):
        raise EditError(where, "an item cannot stand below itself")
    siblings.remove(node)
    row.append(node)


def _index(node: Node, row: Sequence[Node]) -> int:
    return next(i for i, other in enumerate(row) if other is node)


def _holds(node: Node, other: Node) -> bool:
    return any(child is other or _holds(child, other) for child in node.children)


def _siblings(node: Node, row: list[Node]) -> list[Node] | None:
    """Return the list that holds `node` now; None if it was removed."""
    if any(other is node for other in row):
        return row
    return next((found for other in row if (found := _siblings(node, other.children)) is not None), None)


def describe_edit(edit: Edit) -> str:
    """Return an edit as a user would type it, for messages."""
    match edit:
        case SetHeading(item, heading):
            return f'set {item}="{heading}"'
        case SetLength(item, length):
            return f"length {item}={length}"
        case Move(item, to):
            return f"move {item} {to}"
        case Drop(item):
            return f"drop {item}"
        case Add(heading):
            return f'add "{heading}"'


def finish_draft(
    top: Sequence[Node], outline: OutlineRecord, *, title: str | None = None, name: str = "the outline"
) -> Draft:
    """Number the nodes and check the changes; messages put `name` before line numbers.

    The planner's items are not checked: users can only fix their own text.
    """
    items = tuple(_number(top, ""))
    base = {item.path: item for item in outline.items}
    if not items:
        raise EditError(name, "no heading is left: an outline has at least one")
    most = max(MAX_SECTIONS, len(base))
    if len(items) > most:
        raise _error(items[most], name, f"more than {most} headings: split the document")
    max_depth = max([MAX_OUTLINE_DEPTH, *(item.depth for item in outline.items)])
    parents = {item.path.rpartition(".")[0] for item in items}
    seen: dict[tuple[str, str], DraftItem] = {}
    for item in items:
        _check_item(item, base, name, max_depth, is_leaf=item.path not in parents)
        key = (item.path.rpartition(".")[0], item.heading.casefold())
        twin = seen.setdefault(key, item)
        if twin is not item and not (is_unchanged(item, base) and is_unchanged(twin, base)):
            raise _error(item, name, f"the heading {item.heading!r} is there already: rename one")
    return Draft(items=items, title=title)


def is_unchanged(item: DraftItem, base: Mapping[str, PlanItemRecord]) -> bool:
    """Return whether an item keeps its heading."""
    return item.base is not None and one_line(base[item.base].heading) == item.heading


def _number(row: Sequence[Node], prefix: str) -> Iterator[DraftItem]:
    for ordinal, node in enumerate(row, 1):
        path = f"{prefix}{ordinal}"
        yield DraftItem(path=path, heading=node.heading, base=node.base, length=node.length, line=node.line)
        yield from _number(node.children, f"{path}.")


def _where(item: DraftItem, name: str) -> str:
    if item.line is not None:
        return f"{name}, line {item.line}"
    return f"item {item.base}" if item.base is not None else f"the new item {item.path}"


def _error(item: DraftItem, name: str, reason: str) -> EditError:
    return EditError(_where(item, name), reason, item.line)


def _check_item(
    item: DraftItem, base: Mapping[str, PlanItemRecord], name: str, max_depth: int, *, is_leaf: bool
) -> None:
    if item.path.count(".") + 1 > max_depth:
        raise _error(
            item,
            name,
            f"{item.heading!r} is nested too deep (level {item.path.count('.') + 1}): "
            f"an outline has at most {max_depth} levels",
        )
    old = None if item.base is None else base[item.base].planned_length
    # A given document's section may be longer: accept unchanged lengths.
    if is_leaf and item.length not in (None, old) and not 1 <= (item.length or 0) <= MAX_LENGTH:
        raise _error(item, name, f"the length is {item.length}: give 1 to {MAX_LENGTH} sentences")
    if is_unchanged(item, base):
        return
    try:
        check_decodable(item.heading, "the heading")
    except InputError as error:
        raise _error(item, name, str(error)) from error
    if not item.heading:
        raise _error(item, name, "the heading has no text: write one, or leave the item out")
    if not has_words(item.heading):
        raise _error(item, name, f"the heading {item.heading!r} holds no word")
    if len(item.heading) > MAX_HEADING_CHARS:
        raise _error(
            item,
            name,
            f"the heading has {len(item.heading)} characters, at most {MAX_HEADING_CHARS} are read: "
            "shorten it",
        )
