"""Changes of an outline from one version to another.

An edited item names its predecessor. In versions without lineage (stored before the fourth schema, or not by an edit)
items are paired by the same plan and text (content hash), then the same lead, the same heading, the same place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concepts.counting import counted

if TYPE_CHECKING:
    from storage import OutlineRecord, PlanItemRecord


@dataclass(frozen=True, kw_only=True)
class Change:
    """One item of either version and its change."""

    old_path: str | None
    """None: it was added."""
    new_path: str | None
    """None: it was removed."""
    old_heading: str | None
    new_heading: str | None
    old_length: int | None
    """Planned sentences of a section; None for a part."""
    new_length: int | None
    is_moved: bool
    """Whether it moved; a new number that follows from other changes does not count."""
    keeps_text: bool
    """Whether the section keeps its sentences."""
    is_new_text: bool
    """Whether the section has, or will get, a different text."""

    @property
    def is_added(self) -> bool:
        """Whether only the new version has it."""
        return self.old_path is None

    @property
    def is_dropped(self) -> bool:
        """Whether only the old version has it."""
        return self.new_path is None

    @property
    def is_renamed(self) -> bool:
        """Whether both have it, with another heading."""
        return not self.is_added and not self.is_dropped and self.old_heading != self.new_heading


def compare_outlines(old: OutlineRecord, new: OutlineRecord) -> tuple[Change, ...]:
    """Return the change of each item: the new version's items in reading order, then the removed ones.

    Both outlines must have been read with their vectors.
    """
    old_of = _pair(old.items, new.items)
    moved = _moved(old_of, new)
    changes = [_change(old_of.get(item.path), item, is_moved=item.path in moved) for item in new.items]
    kept = {item.path for item in old_of.values()}
    return tuple(changes + [_change(item, None) for item in old.items if item.path not in kept])


def _pair(old: Sequence[PlanItemRecord], new: Sequence[PlanItemRecord]) -> dict[str, PlanItemRecord]:
    """Return the old item of each new path, if it has one."""
    keys: tuple[Callable[[PlanItemRecord], Hashable], ...] = (
        lambda item: ("origin", item.origin),
        lambda item: (item.content_hash, item.path),
        lambda item: item.content_hash,
        lambda item: None if item.lead is None else item.lead.tobytes(),
        lambda item: item.heading,
        lambda item: item.path,
    )
    if any(item.lineage is not None for item in (*old, *new)):
        keys = keys[:1]
    found: dict[str, PlanItemRecord] = {}
    taken: set[str] = set()
    for key in keys:
        waiting: defaultdict[Hashable, list[PlanItemRecord]] = defaultdict(list)
        for item in old:
            if item.path not in taken and key(item) is not None:
                waiting[key(item)].append(item)
        for item in new:
            if item.path not in found and waiting[key(item)]:
                found[item.path] = waiting[key(item)].pop(0)
                taken.add(found[item.path].path)
    return found


def _moved(old_of: dict[str, PlanItemRecord], new: OutlineRecord) -> set[str]:
    """Return the new paths of the items with another parent, or in another order, than before.

    Of reordered siblings as few as possible count as moved: all except the longest subsequence in the old order.
    """
    moved: set[str] = set()
    for parent in (None, *(item.path for item in new.items if not item.is_leaf)):
        above = None if parent is None else old_of.get(parent)
        old_parent = None if above is None else above.path
        stayed: list[tuple[int, str]] = []
        for item in new.children(parent):
            before = old_of.get(item.path)
            if before is None:
                continue
            if (parent is None) != (before.parent_path is None) or before.parent_path != old_parent:
                moved.add(item.path)
            else:
                stayed.append((before.ordinal, item.path))
        in_order = _longest_rise([ordinal for ordinal, _ in stayed])
        moved |= {path for place, (_, path) in enumerate(stayed) if place not in in_order}
    return moved


def _longest_rise(values: Sequence[int]) -> set[int]:
    """Return the indices of a longest increasing subsequence (patience sorting)."""
    tops: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for place, value in enumerate(values):
        pile = bisect_left(tops, value)
        before.append(last[pile - 1] if pile else None)
        tops[pile : pile + 1] = [value]
        last[pile : pile + 1] = [place]
    found: set[int] = set()
    at = last[-1] if last else None
    while at is not None:
        found.add(at)
        at = before[at]
    return found


def _change(old: PlanItemRecord | None, new: PlanItemRecord | None, *, is_moved: bool = False) -> Change:
    def length(item: PlanItemRecord | None) -> int | None:
        return item.planned_length if item is not None and item.is_leaf else None

    is_same = old is not None and new is not None and old.content_hash == new.content_hash
    return Change(
        old_path=None if old is None else old.path,
        new_path=None if new is None else new.path,
        old_heading=None if old is None else old.heading,
        new_heading=None if new is None else new.heading,
        old_length=length(old),
        new_length=length(new),
        is_moved=is_moved,
        keeps_text=is_same and old is not None and old.is_leaf and old.status != "pending",
        is_new_text=old is not None and new is not None and new.is_leaf and not is_same,
    )


def describe_change(change: Change) -> str:
    """Return an item's change in a few words; empty if nothing changed."""
    if change.is_added:
        return "added" + (f", {counted(change.new_length, 'sentence')}" if change.new_length else "")
    if change.is_dropped:
        return "dropped"
    words = ["moved"] if change.is_moved else []
    if change.is_renamed:
        words.append("renamed")
    if change.old_length != change.new_length:
        words.append(
            "a part now" if change.new_length is None
            else "a section now" if change.old_length is None
            else f"{change.new_length or '?'} instead of {counted(change.old_length, 'sentence')}"
        )  # fmt: skip
    if change.is_new_text:
        words.append("new text")
    elif words and change.keeps_text:
        words.append("keeps its text")
    return ", ".join(words)
