"""Questions about the XML of Word files (WordprocessingML): children, format switches, cells of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concepts.corpus.readers.prose import looks_like_prose

if TYPE_CHECKING:
    from lxml.etree import _Element

_OFF = ("0", "false", "off")


def local_name(element: _Element) -> str:
    """Return the name of an element without its namespace; "" for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: _Element | None, name: str = "val") -> str:
    """Return an attribute by its local name; "" where there is none."""
    if element is None:
        return ""
    return next((str(v) for key, v in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


def child_of(element: _Element | None, *names: str) -> _Element | None:
    """Return the first child of a name, its first child of the next name, and so on; None where one is missing."""
    for name in names:
        if element is None:
            return None
        element = next((child for child in element if local_name(child) == name), None)
    return element


def list_of(properties: _Element | None) -> tuple[str, str] | None:
    """Return the id of the list that a paragraph or style is in, and the level in it."""
    number = child_of(properties, "numId")
    return None if number is None else (attribute(number), attribute(child_of(properties, "ilvl")) or "0")


def first_alternative(node: _Element) -> list[_Element]:
    """Return the first alternative of a node; the others show the same in older programs. Empty if there is none."""
    ways = [child for name in ("Choice", "Fallback") for child in node if local_name(child) == name]
    return ways[:1]


def num_field_ends(root: _Element) -> int:
    """Return how many fields end below an element."""
    return sum(
        local_name(node) == "fldChar" and attribute(node, "fldCharType") == "end" for node in root.iter()
    )


def is_on(mark: _Element | None) -> bool:
    """Return whether a format switch (bold, hidden) is present and not off."""
    return mark is not None and attribute(mark) not in _OFF


def is_carried_on(paragraph: _Element) -> bool:
    """Whether the next paragraph continues this one: its end was deleted or moved, or it is a drop cap."""
    properties = child_of(paragraph, "pPr")
    mark = child_of(properties, "rPr")
    if child_of(mark, "del") is not None or child_of(mark, "moveFrom") is not None:
        return True
    return attribute(child_of(properties, "framePr"), "dropCap") in ("drop", "margin")


def is_placeholder(control: _Element) -> bool:
    """Whether a content control shows its placeholder, not typed text."""
    return is_on(child_of(control, "sdtPr", "showingPlcHdr"))


def name_of_field(control: _Element) -> str | None:
    """Return the name under which an inline content control is left out ("": uncounted), None if it is text."""
    if is_placeholder(control):
        return "empty field"
    return "" if child_of(control, "sdtPr", "checkbox") is not None else None


def cells_of(table: _Element) -> list[_Element]:
    """Return the cells of a table, without cells of nested tables."""
    found: list[_Element] = []
    stack = list(reversed(table))
    while stack:
        node = stack.pop()
        if local_name(node) == "tc":
            found.append(node)
        elif local_name(node) != "tbl":
            stack += reversed(node)
    return found


def lays_out(table: _Element) -> bool:
    """Whether a table places running text, as in a curriculum vitae, rather than showing data."""
    cells = [text for cell in cells_of(table) if (text := plain_text(cell))]
    if len(cells) > 1 and all(map(looks_like_prose, cells)):
        return True  # columns of text
    for cell in cells_of(table):
        texts = [plain_text(node) for node in cell if local_name(node) == "p"]
        texts = [text for text in texts if text]
        if any(local_name(node) == "tbl" for node in cell) or (
            len(texts) > 1 and sum(looks_like_prose(text) for text in texts) * 2 >= len(texts)
        ):
            return True
    return False


def plain_text(parent: _Element) -> str:
    """Return all text of a paragraph or cell, hidden or not."""
    return "".join(node.text or "" for node in parent.iter() if local_name(node) == "t").strip()
