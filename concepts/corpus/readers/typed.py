"""Structure typed by hand instead of marked up: bullets, numbers, labels, bold headings.

Knows elements and lines, no file format. A mark counts only beside similar marks; a glyph such as "●" always does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from concepts.corpus.readers.elements import Element
from concepts.corpus.readers.listing import GLYPHS, ListLine, parse_list
from concepts.corpus.records import BlockKind

_GLYPH = re.compile(rf"[{GLYPHS}][ \u00a0]?(?=\S)")
_LABELLED = re.compile(r"(?:\[[^\]\n]{3,30}\][ \t]*)?[^\W\d_][\w .'&/-]{0,24}:(?:[ \t]|$)")
"""Matches the label of a line such as "Author: Jo", "A: Yes." or "[12:30] Ann: Hello"."""
_LONGEST_ITEM = 300
_LONGEST_HEADING = 80
_NO_HEADING_ENDS = (".", ",", ";", "!", "\u2026")
_FEWEST = 2


def typed_lines(lines: Sequence[str]) -> list[tuple[str, BlockKind]] | None:
    """Return lines that are list items or labelled ("Author: Jo") as blocks of their own; None for wrapped text."""
    if len(lines) < _FEWEST:
        return None
    items = parse_list(lines)
    if sum(item.mark != "" for item in items) >= _FEWEST and not _is_talk(items):
        return [(item.text, _kind(item)) for item in items if item.text]
    if all(_LABELLED.match(line.strip()) for line in lines):
        return [(line.strip(), "paragraph") for line in lines]
    return None


def typed_structure(elements: Sequence[Element], *, has_marks: bool = True) -> tuple[Element, ...]:
    """Return elements in which hand-typed list items and headings are marked as such.

    `has_marks` False ignores numbers and dashes: in Markdown an escaped one ("1\\.") is no item.
    """
    return tuple(_strong_headings(_typed_items(elements, has_marks=has_marks)))


def _kind(item: ListLine) -> BlockKind:
    return "step" if item.mark == "number" else "bullet" if item.mark == "bullet" else "paragraph"


def _is_talk(items: Sequence[ListLine]) -> bool:
    """Whether dashes begin the dialogue of a story (whole sentences), not list items."""
    dashed = [item.text for item in items if item.mark == "bullet"]
    return bool(dashed) and all(text.endswith((".", "!", "?", '"', "\u2026", "\u00bb")) for text in dashed)


def _typed_items(elements: Sequence[Element], *, has_marks: bool) -> list[Element]:
    found: list[Element] = []
    run: list[Element] = []
    for element in (*elements, Element("", 1)):
        if element.level is None and element.kind == "paragraph" and not element.continues:
            run.append(element)
            continue
        found += _items_of_run(run, has_marks=has_marks)
        run = []
        found.append(_unglyphed(element) if element.kind == "note" else element)
    return found[:-1]


def _unglyphed(element: Element) -> Element:
    """Return a block that begins with a glyph as a list item, any other unchanged."""
    glyph = _GLYPH.match(element.text)
    return element if glyph is None else replace(element, text=element.text[glyph.end() :], kind="bullet")


def _items_of_run(run: Sequence[Element], *, has_marks: bool) -> list[Element]:
    """Return a run of paragraphs in which the marked ones are list items."""
    found = [_unglyphed(element) for element in run]
    if not has_marks:
        return found
    items = parse_list([element.text for element in run], wraps=False)
    if len(items) != len(run):
        return found
    marks = [item.mark if len(item.text) <= _LONGEST_ITEM and item.text else "" for item in items]
    start = 0
    while start < len(run):
        end = start + 1
        while end < len(run) and marks[end] == marks[start]:
            end += 1
        group = items[start:end]
        is_list = marks[start] == "number" or (marks[start] == "bullet" and not _is_talk(group))
        if is_list and len(group) >= _FEWEST:
            for place in range(start, end):
                found[place] = replace(run[place], text=items[place].text, kind=_kind(items[place]))
        start = end
    return found


def _strong_headings(elements: list[Element]) -> list[Element]:
    """Turn bold paragraphs into headings if a file has no others."""
    places = [place for place, element in enumerate(elements) if _is_bold_heading(element)]
    has_heading = any(element.level is not None for element in elements)
    if has_heading or len(places) < _FEWEST or len(places) * 3 > len(elements) * 2:
        return elements
    if places[-1] == len(elements) - 1:
        return elements  # a bold line at the end heads nothing
    is_titled = places[:2] == [0, 1]
    found = list(elements)
    for place in places:
        level = 1 if is_titled and place == 0 else 2
        found[place] = Element(elements[place].text.rstrip(" :"), level)
    return found


def _is_bold_heading(element: Element) -> bool:
    return (
        element.is_strong
        and element.level is None
        and element.kind == "paragraph"
        and len(element.text) <= _LONGEST_HEADING
        and not element.text.endswith(_NO_HEADING_ENDS)
    )
