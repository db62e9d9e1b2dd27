"""Numbers that people write before the headings of an outline: "## 1. Flour", "### A. White", "## 1.1 Scope"."""

from __future__ import annotations

from collections.abc import Sequence

_INDENT = 4


def without_numbers(headings: Sequence[tuple[int, str]]) -> list[str]:
    """Return the texts of headings, given as (level, text), without numbers that fit their neighbours.

    Where headings of one level would become the same ("1. Advent", "2. Advent"), their numbers stay.
    """
    from concepts.corpus.readers.listing import parse_list
    from longhand.outline.pasted import bare_numbers

    if not headings:
        return []
    top = min(level for level, _ in headings)
    lines = [f"{' ' * _INDENT * (level - top)}{text}" for level, text in headings]
    items = parse_list(bare_numbers(lines), wraps=False)
    found = [text for _, text in headings]
    for item in items:
        if item.mark == "number" and item.text:
            found[item.line - 1] = item.text
    for level in {level for level, _ in headings}:
        places = [at for at, (other, _) in enumerate(headings) if other == level]
        before, after = ({texts[at] for at in places} for texts in ([text for _, text in headings], found))
        if len(after) < len(before):
            for at in places:
                found[at] = headings[at][1]
    return found
