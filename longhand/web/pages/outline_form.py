"""The outline form with a row for each item: its fields' values, and the edits that they mean.

Fields are named by the item's number in the edited version (`heading-2.1`), as on the command line. An unchanged
field is not an edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from longhand.outline.drafts import Add, Drop, Edit, EditError, Move, SetHeading, SetLength, one_line
from longhand.outline.outlines import plain_heading

if TYPE_CHECKING:
    from concepts.errors import LonghandError
    from longhand.web.asking import Form
    from storage import OutlineRecord, PlanItemRecord

NUM_NEW_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class ItemRow:
    """An item's fields, with typed or else stored values."""

    path: str
    depth: int
    stored_heading: str
    heading: str
    length: str
    is_leaf: bool
    move: str
    is_dropped: bool


@dataclass(frozen=True, kw_only=True)
class NewRow:
    """The fields of a section to add."""

    number: int
    heading: str
    length: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Rows:
    """All rows of the form."""

    items: tuple[ItemRow, ...]
    new: tuple[NewRow, ...]
    places: tuple[tuple[str, str], ...]
    """Places for a new section: the field's value and its label."""
    wrong: frozenset[str]
    """Names of the fields with the error."""

    def is_wrong(self, path: str) -> bool:
        """Return whether a field of this item has the error."""
        return any(f"{kind}-{path}" in self.wrong for kind in ("heading", "length", "move", "drop"))


def make_rows(outline: OutlineRecord, typed: Form | None, error: LonghandError | None) -> Rows:
    """Return an outline's form, with the values of `typed` if it was submitted (None: not yet)."""
    return Rows(
        items=tuple(_item_row(item, typed) for item in outline.items),
        new=tuple(
            NewRow(
                number=number,
                heading="" if typed is None else typed.get(f"new-heading-{number}"),
                length="" if typed is None else typed.get(f"new-length-{number}"),
                place="end" if typed is None else typed.get(f"new-place-{number}", "end"),
            )
            for number in range(1, NUM_NEW_ROWS + 1)
        ),
        places=_places(outline),
        wrong=frozenset() if error is None or typed is None else frozenset(_wrong_fields(str(error), typed)),
    )


def _wrong_fields(message: str, typed: Form) -> Iterator[str]:
    """Yield the names of the fields that a refusal is about; none if it is about the whole outline."""
    where, _, reason = message.partition(": ")
    if found := re.match(r"(set|length|move|drop) (\d[\d.]*)", where):
        yield f"{'heading' if found[1] == 'set' else found[1]}-{found[2]}"
    elif found := re.fullmatch(r"item (\d[\d.]*)", where):
        kind = "length" if "the length" in reason else "move" if "nested" in reason else "heading"
        yield f"{kind}-{found[1]}"
    elif found := re.fullmatch(r"new section (\d)", where):
        yield f"new-{'place' if 'place' in reason else 'length'}-{found[1]}"
    elif where.startswith(("the new item", "add ")):
        yield from _wrong_new_fields(message, reason, typed)


def _wrong_new_fields(message: str, reason: str, typed: Form) -> Iterator[str]:
    """Yield the fields of the new sections that a refusal quotes; it knows no row."""
    for number in range(1, NUM_NEW_ROWS + 1):
        heading = plain_heading(typed.get(f"new-heading-{number}"))
        length = typed.get(f"new-length-{number}").strip()
        if reason.startswith("the length"):
            if length and f"the length is {length.lstrip('0') or '0'}:" in reason:
                yield f"new-length-{number}"
        elif message.startswith("add ") and heading:
            if f'add "{one_line(heading)}"' in message:
                yield f"new-place-{number}"
        elif "no text" in reason:
            if length and not heading:
                yield f"new-heading-{number}"
        elif heading and (repr(one_line(heading)) in reason or "characters" in reason):
            yield f"new-heading-{number}"


def _item_row(item: PlanItemRecord, typed: Form | None) -> ItemRow:
    path, heading = item.path, one_line(item.heading)
    length = str(item.planned_length or "") if item.is_leaf else ""
    return ItemRow(
        path=path,
        depth=item.depth,
        stored_heading=heading,
        heading=heading if typed is None else typed.get(f"heading-{path}", heading),
        length=length if typed is None else typed.get(f"length-{path}", length),
        is_leaf=item.is_leaf,
        move="" if typed is None else typed.get(f"move-{path}"),
        is_dropped=typed is not None and typed.has(f"drop-{path}"),
    )


def _places(outline: OutlineRecord) -> tuple[tuple[str, str], ...]:
    behind = [(f"after:{item.path}", f"after {_name(item)}") for item in outline.items]
    below = [(f"under:{item.path}", f"below {_name(item)}, as its last") for item in outline.items]
    return (("end", "at the end"), *behind, *below)


def _name(item: PlanItemRecord) -> str:
    heading = one_line(item.heading)
    return f"{item.path} {heading if len(heading) <= 40 else heading[:39] + '…'}"


def read_edits(form: Form, outline: OutlineRecord) -> list[Edit]:
    """Return a form's edits, in the order of the command line; raise EditError."""
    renamed: list[Edit] = []
    lengths: list[Edit] = []
    moves: list[Edit] = []
    drops: list[Edit] = []
    for item in outline.items:
        path, heading = item.path, one_line(item.heading)
        if form.has(f"drop-{path}"):
            drops.append(Drop(path))
        if one_line(typed := form.get(f"heading-{path}", heading)) != heading:
            renamed.append(SetHeading(path, typed))
        if (typed := form.get(f"length-{path}").strip()) and typed != str(item.planned_length or ""):
            lengths.append(SetLength(path, _number(typed, f"length {path}={typed[:20]}")))
        if to := form.get(f"move-{path}").strip():
            moves.append(Move(path, to))
    # Removals come last, so that other edits may still name the removed items.
    return [*renamed, *lengths, *moves, *_read_new(form), *drops]


def _read_new(form: Form) -> list[Edit]:
    added: list[Edit] = []
    for number in range(1, NUM_NEW_ROWS + 1):
        heading, typed = form.get(f"new-heading-{number}"), form.get(f"new-length-{number}").strip()
        if not heading.strip() and not typed:
            continue
        where = f"new section {number}"
        length = _number(typed, where) if typed else None
        place, _, path = form.get(f"new-place-{number}", "end").partition(":")
        if place not in ("end", "after", "under"):
            raise EditError(where, f"there is no place {place[:20]!r}: choose one of the list")
        added.append(
            Add(
                plain_heading(heading),
                after=path if place == "after" else None,
                under=path if place == "under" else None,
                length=length,
            )
        )
    return added


def _number(typed: str, where: str) -> int:
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 9):
        raise EditError(where, f"the length is {typed[:20]!r}: give a number of sentences")
    return int(typed)
