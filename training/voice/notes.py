"""Training notes for a voice: sentences from other documents, and some of the section's own.

Other documents rarely say the same as a section, so with their sentences alone a voice learns to ignore notes; a
section's own sentences among them teach it to use the notes that fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from concepts.library.encode import Encode
from concepts.library.library import Library
from concepts.library.notes import NoteOptions, find_notes, stands_alone
from training.voice.data import SpokenDocument, SpokenSection

NO_NOTES_SHARE = 0.2
"""Share of the sections without notes."""
OWN_NOTES_SHARE = 0.25
"""Share of the sections with some of their own sentences among the notes."""
OWN_SHARE = 0.6
"""Share of such a section's sentences that are among its notes."""


def add_notes(
    documents: Sequence[SpokenDocument],
    library: Library,
    encode: Encode,
    *,
    is_training: bool,
    options: NoteOptions | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[SpokenDocument]:
    """Return the documents with notes for each section, from other documents of `library`.

    With `is_training` some sections get none, some fewer, and some get their own sentences too.
    """
    options = options or NoteOptions()
    found = []
    for number, document in enumerate(documents):
        headings = [section.heading for section in document.sections]
        notes = find_notes(
            library, encode, document.title, headings, options=options, without={document.title}
        )
        rng = np.random.default_rng(int(hashlib.sha256(document.title.encode()).hexdigest()[:12], 16))
        sections = []
        for section, own in zip(document.sections, notes, strict=True):
            texts = [note.text for note in own]
            if is_training:
                texts = _varied(texts, section, rng, options)
            sections.append(replace(section, notes=tuple(texts)))
        found.append(replace(document, sections=tuple(sections)))
        on_progress(number + 1, len(documents))
    return found


def _varied(
    texts: list[str], section: SpokenSection, rng: np.random.Generator, options: NoteOptions
) -> list[str]:
    """Return a random variation of the notes for training."""
    kind = rng.random()
    if kind < NO_NOTES_SHARE:
        return []
    if kind < NO_NOTES_SHARE + OWN_NOTES_SHARE:
        own = [said.text for said in section.sentences if stands_alone(said.text, options)]
        kept = [text for text in own if rng.random() < OWN_SHARE][: options.most_notes]
        others = [text for text in texts if text not in kept][: options.most_notes - len(kept)]
        mixed = [*kept, *others]
        return [mixed[place] for place in rng.permutation(len(mixed))]
    return texts[: int(rng.integers(1, options.most_notes + 1))]
