"""The concepts of a section written from notes: the notes' own, and drawn ones if there are few notes.

Legend: S sentences, N notes, D concept dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from concepts.languages.codes import ENGLISH
from flows.document.checks import check_vectors

if TYPE_CHECKING:
    from flows.document.engine import Engine
    from storage import Note
    from storage.records import Vector

ENOUGH = 2
"""A section with this many notes gets no drawn concept."""
FEWEST_PROSE = 6
"""Least room of a section, in sentences, if the user gave no length."""
FEWEST_BESIDE = 2
"""Least room of a section, in sentences, beside a list of any length."""
KEPT_SHARE = 0.6
"""Share of the notes that stay, at least `ENOUGH`, when a section is rewritten with another seed."""


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
    """Return a section's concepts: its best notes in their order, then drawn ones if the notes are few.

    A section has room for the planned number of sentences, at least for `least_room` (None: for any number); a list
    or poem is never cut. With `ENOUGH` notes and without `is_filled` it ends after the notes. `seed` chooses dropped
    notes.
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
    """Return whether notes are a whole passage, one that begins with its first sentence."""
    return bool(notes) and notes[0].begins and len({(note.title, note.heading) for note in notes}) == 1


def _groups(notes: Sequence[Note]) -> list[list[int]]:
    """Return the indices of notes that belong together: a list, the stanzas of a poem, or a sentence with the ones that
    refer back to it."""
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
