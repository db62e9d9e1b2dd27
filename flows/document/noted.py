"""The concepts of a section that is written from notes: those of its notes, and drawn ones where there are few.

Legend: S sentences, N notes, D concept dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from concepts.languages import ENGLISH
from flows.document.checks import check_vectors

if TYPE_CHECKING:
    from flows.document.engine import Engine
    from storage import Note
    from storage.records import Vector

ENOUGH = 2
"""A section with so many notes gets no drawn concept."""
FEWEST_PROSE = 6
"""Sentences that a section has room for where nobody named its length."""
FEWEST_BESIDE = 2
"""Sentences that a section has room for beside a list, however long the list is."""
KEPT_SHARE = 0.6
"""Share of the notes that stay, no fewer than `ENOUGH`, when a section is to be written again differently."""


def note_vectors(engine: Engine, notes: Sequence[Note]) -> Vector:
    """Return the concepts (N, D) of notes."""
    if not notes:
        return np.zeros((0, engine.space.dim), dtype=np.float32)
    vectors = engine.encode([note.text for note in notes], ENGLISH)
    return check_vectors(vectors, (len(notes), engine.space.dim), "the notes of a section")


def place_notes(
    drawn_SD: Vector,
    notes_ND: Vector,
    notes: Sequence[Note],
    *,
    seed: int | None = None,
    least_room: int | None = 1,
    is_filled: bool = False,
) -> Vector:
    """Return a section's concepts: its best notes in their order, then drawn ones where the notes are few.

    A section has room for as many as were planned, at least for `least_room`, None for any number; a list comes whole.
    With `ENOUGH` notes and without `is_filled` it ends where the notes end. `seed` chooses notes that are left out.
    """
    groups = _groups(notes)
    lists = [group for group in groups if notes[group[0]].block != "paragraph"]
    prose = sorted((g for g in groups if g not in lists), key=lambda group: -notes[group[0]].score)
    if seed is not None:
        rng = np.random.default_rng(seed)
        num = max(ENOUGH, round(len(prose) * KEPT_SHARE))
        prose = [prose[n] for n in rng.permutation(len(prose))[:num]]
    planned = len(notes) if least_room is None else max(len(drawn_SD), least_room)
    room = max(planned - sum(map(len, lists)), FEWEST_BESIDE if lists else 1)
    kept = [n for group in lists for n in group]
    for group in prose:
        if room >= len(group):
            kept += group
            room -= len(group)
    kept.sort()
    if len(kept) >= ENOUGH and not is_filled:
        return notes_ND[kept]
    return np.concatenate([notes_ND[kept], drawn_SD[len(kept) :]])


def is_passage(notes: Sequence[Note]) -> bool:
    """Return whether notes are a passage that was taken whole: one that begins with its first sentence."""
    return bool(notes) and notes[0].begins and len({(note.title, note.heading) for note in notes}) == 1


def _groups(notes: Sequence[Note]) -> list[list[int]]:
    """Return the places of notes that go together: a list, and a sentence with those that lean on it."""
    from concepts.library.notes import NoteOptions, stands_alone

    options = NoteOptions()
    groups: list[list[int]] = []
    for n, note in enumerate(notes):
        last = notes[groups[-1][-1]] if groups else None
        is_item = note.block != "paragraph"
        goes_on = last is not None and (last.block, last.title, last.heading) == (
            note.block,
            note.title,
            note.heading,
        )
        if goes_on and (is_item or not stands_alone(note.text, options)):
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups
