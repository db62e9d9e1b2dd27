"""Plans of documents made from a given text: kept as it is, summarized, or expanded.

Plain functions from text and vectors to the items of an outline; `flows.document.planning` stores what they return.
Legend: N sentences, D concept dim. All vectors raw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from concepts.counting import counted
from concepts.errors import InputError
from concepts.given import GivenDocument
from concepts.segment import MAX_CHARS, cut_long, headline
from concepts.topics import (
    MOST_SENTENCES,
    SENTENCES_PER_SECTION,
    extract,
    medoid,
    share_out,
    split_topics,
)
from flows.document.asked.options import WritingOptions
from flows.document.checks import check_paths, check_vectors
from flows.document.engine import Engine
from storage import BlockKind, NewPlanItem

if TYPE_CHECKING:
    from storage.records import Vector

LONGEST_ENCODED = 2 * MAX_CHARS
"""Characters of a sentence that any encoder reads; spaces are trained on half as many."""
MOST_PIECES = 40
"""Most leading pieces of a sentence that make its concept; a longer text is no sentence."""
MAX_HEADING_CHARS = 60
"""Longest heading made from a sentence; longer ones are cut."""

Rows = tuple[int, ...]
"""Numbers of sentences of the given text, from 0."""


@dataclass(frozen=True)
class GivenItem:
    """One item of the outline before it has vectors."""

    path: str
    heading: str
    rows: Rows
    """Its sentences; a part has the sentences of its sections."""
    is_leaf: bool


@dataclass(frozen=True, kw_only=True)
class GivenPlan:
    """Items to store, in reading order, and sentences by path."""

    items: list[NewPlanItem]
    texts: dict[str, Rows] = field(default_factory=dict)
    """Given sentences that form a leaf's text, by path."""
    extracts: dict[str, Rows] = field(default_factory=dict)
    """The most typical sentences of each leaf: the baseline for a summary."""


def plan_kept(engine: Engine, given: GivenDocument, vectors: Vector, lang: str) -> GivenPlan:
    """Return a plan with a document's own outline and its own sentences as text.

    A section's gist is the mean of its sentences. Raises the engine's errors.
    """
    items = own_items(given, vectors)
    leaves = {item.path: item.rows for item in items if item.is_leaf}
    lengths = {item.path: _num_children(items, item) or len(item.rows) for item in items}
    return GivenPlan(items=_with_vectors(engine, given, vectors, items, lengths, lang), texts=leaves)


def plan_summary(
    engine: Engine, given: GivenDocument, vectors: Vector, num_sentences: int, lang: str
) -> GivenPlan:
    """Return an outline of the document's sections whose lengths add up to `num_sentences`.

    Each section's share is proportional to its length. If there are more sections than sentences, only top sections
    are used; if these are too many as well, the text is divided anew into as many sections as sentences.
    """
    items = own_items(given, vectors)
    leaves = [item for item in items if item.is_leaf]
    if len(leaves) > num_sentences:
        items = leaves = [
            GivenItem(item.path, item.heading, item.rows, is_leaf=True)
            for item in items
            if "." not in item.path
        ]
    if len(leaves) > num_sentences:
        items = leaves = found_items(given, vectors, split_topics(vectors, num_sentences, shortest=1))
    shares = share_out(num_sentences, [len(item.rows) for item in leaves])
    lengths = {item.path: _num_children(items, item) for item in items}
    lengths |= {item.path: share for item, share in zip(leaves, shares, strict=True)}
    kept = extract(vectors, [item.rows[0] for item in leaves], num_sentences)
    return GivenPlan(
        items=_with_vectors(engine, given, vectors, items, lengths, lang),
        extracts={item.path: tuple(rows) for item, rows in zip(leaves, kept, strict=True)},
    )


def plan_expansion(
    engine: Engine,
    given: GivenDocument,
    vectors: Vector,
    options: WritingOptions,
    lang: str,
    *,
    prompt: Vector,
    goal: Vector | None,
    seed: int,
) -> GivenPlan:
    """Return an outline with an item for each point of the notes; the planner chooses the lengths.

    A point's gist is its own concept (the mean of several sentences): sections written from the planner's gists
    lose the point (docs/from-documents.md). A heading without text gets the planner's gist.
    """
    items = note_items(given, vectors, options.sections, options.depth or 1)
    leads = _encode_headings(engine, given, items)
    headings = _headings_in(engine, given, items, lang)
    paths = [item.path for item in items]
    filled = engine.fill(
        prompt, list(zip(paths, leads, strict=True)), goal=goal, seed=seed, drawing=options.drawing
    )
    check_paths([item.path for item in filled], paths, f"planner {engine.planner.name}")
    return GivenPlan(
        items=[
            NewPlanItem(
                path=item.path,
                heading=heading,
                lead=lead,
                gist=vectors[list(item.rows)].mean(axis=0) if item.rows else planned.gist,
                planned_length=_num_children(items, item) or planned.planned_length,
            )
            for item, heading, lead, planned in zip(items, headings, leads, filled, strict=True)
        ]
    )


def own_items(given: GivenDocument, vectors: Vector) -> list[GivenItem]:
    """Return the document's own outline, or sections found in its concepts if it has no headings."""
    if not given.has_headings:
        return found_items(given, vectors, split_topics(vectors, longest=MOST_SENTENCES))
    return _own_items(given)


def _own_items(given: GivenDocument) -> list[GivenItem]:
    rows_of: dict[str, list[int]] = {section.path: [] for section in given.sections}
    parents = {section.path.rpartition(".")[0] for section in given.sections}
    row = 0
    for section in given.sections:
        rows = range(row, row + len(section.sentences))
        row = rows.stop
        path = section.path
        while path:
            rows_of[path] += rows
            path = path.rpartition(".")[0]
    return [
        GivenItem(
            section.path, section.heading, tuple(rows_of[section.path]), is_leaf=section.path not in parents
        )
        for section in given.sections
    ]


def found_items(given: GivenDocument, vectors: Vector, starts: Sequence[int]) -> list[GivenItem]:
    """Return a section for each group of sentences, headed by its most typical sentence."""
    ends = [*starts[1:], len(vectors)]
    return [
        GivenItem(
            str(number),
            _heading_of(given, vectors, tuple(range(start, end))),
            tuple(range(start, end)),
            is_leaf=True,
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def note_items(
    given: GivenDocument, vectors: Vector, num_sections: int | None, depth: int
) -> list[GivenItem]:
    """Return the points of notes as items, on one level or under headings.

    Without headings every sentence is a point; `num_sections` groups them by topic (into sections of the
    first level), and so does depth 2. With headings, the top ones are the items of depth 1, and at depth 2
    each sentence below one is a section of it.
    """
    if given.has_headings:
        items = _own_items(given)
        if depth == 1:
            return [
                GivenItem(item.path, item.heading, item.rows, is_leaf=True)
                for item in items
                if "." not in item.path
            ]
        top = items
    elif num_sections is None and depth == 1:
        return _points(given, vectors, tuple(range(len(vectors))), "")
    else:
        top = found_items(given, vectors, split_topics(vectors, num_sections, shortest=1))
        if depth == 1:
            return top
    found = []
    for item in top:
        is_part = item.is_leaf and "." not in item.path and len(item.rows) > 1
        found.append(GivenItem(item.path, item.heading, item.rows, is_leaf=item.is_leaf and not is_part))
        if is_part:
            found += _points(given, vectors, item.rows, f"{item.path}.")
    return found


def _points(given: GivenDocument, vectors: Vector, rows: Rows, prefix: str) -> list[GivenItem]:
    return [
        GivenItem(f"{prefix}{number}", _heading_of(given, vectors, (row,)), (row,), is_leaf=True)
        for number, row in enumerate(rows, 1)
    ]


def _heading_of(given: GivenDocument, vectors: Vector, rows: Rows) -> str:
    typical = rows[medoid(vectors[list(rows)])]
    return headline(given.sentences[typical], MAX_HEADING_CHARS)


def _num_children(items: Sequence[GivenItem], item: GivenItem) -> int:
    return 0 if item.is_leaf else sum(other.path.rpartition(".")[0] == item.path for other in items)


def _encode_headings(engine: Engine, given: GivenDocument, items: Sequence[GivenItem]) -> Vector:
    return check_vectors(
        engine.encode([item.heading for item in items], given.lang),
        (len(items), engine.space.dim),
        f"the headings from space {engine.space.name}",
    )


def _headings_in(
    engine: Engine, given: GivenDocument, items: Sequence[GivenItem], lang: str
) -> list[str | None]:
    """Return the headings in the document's language; None if a translation is empty: it will be said anew."""
    if lang == given.lang:
        return [item.heading for item in items]
    found = engine.translate([item.heading for item in items], given.lang, lang)
    return [text.text.strip() or None for text in found]


def _with_vectors(
    engine: Engine,
    given: GivenDocument,
    vectors: Vector,
    items: Sequence[GivenItem],
    lengths: dict[str, int],
    lang: str,
) -> list[NewPlanItem]:
    leads = _encode_headings(engine, given, items)
    return [
        NewPlanItem(
            path=item.path,
            heading=heading,
            lead=lead,
            gist=vectors[list(item.rows)].mean(axis=0),
            planned_length=lengths[item.path],
        )
        for item, heading, lead in zip(items, _headings_in(engine, given, items, lang), leads, strict=True)
    ]


def encode_given(engine: Engine, given: GivenDocument) -> Vector:
    """Return the concepts (N, D) of all sentences of a given text; raise the engine's errors."""
    sentences = given.sentences
    if not sentences:
        import numpy as np

        return np.empty((0, engine.space.dim), dtype=np.float32)
    pieces = [cut_long(sentence, LONGEST_ENCODED)[:MOST_PIECES] for sentence in sentences]
    found = check_vectors(
        engine.encode([piece for own in pieces for piece in own], given.lang),
        (sum(map(len, pieces)), engine.space.dim),
        f"the given text from space {engine.space.name}",
    )
    if len(found) == len(sentences):
        return found
    import numpy as np

    # Encoders cut long sentences: the concept of a long one is the mean of its pieces, scaled to their mean norm.
    means = np.empty((len(sentences), found.shape[1]), dtype=np.float32)
    row = 0
    for place, own in enumerate(pieces):
        rows = found[row : row + len(own)]
        row += len(own)
        mean = rows.mean(axis=0)
        size = float(np.linalg.norm(rows, axis=1).mean())
        means[place] = rows[0] if len(own) == 1 else mean * size / max(float(np.linalg.norm(mean)), 1e-12)
    return means


def begun_blocks(given: GivenDocument) -> tuple[BlockKind | None, ...]:
    """Return the block that each sentence begins: None continues the previous block, a note counts as a paragraph.

    All None for a text stored by a version that did not store kinds of blocks.
    """
    begun: list[BlockKind | None] = []
    for section in given.sections:
        for kind, num in section.form or ((None, len(section.sentences)),):
            begun += [("paragraph" if kind == "note" else kind), *[None] * (num - 1)] if num else []
    return tuple(begun)


def blocks_of_rows(begun: Sequence[BlockKind | None], rows: Sequence[int]) -> list[BlockKind | None]:
    """Return the block that each sentence of a section begins; `begun` is the result of `begun_blocks`.

    A section that begins inside a stanza, and one with a few sentences of the text, has its lines in a verse, too, and
    no other sentence there.
    """
    kinds: list[BlockKind | None] = []
    for kind in begun:
        kinds.append(kind or (kinds[-1] if kinds else None))
    found: list[BlockKind | None] = []
    for n, row in enumerate(rows):
        before = kinds[rows[n - 1]] if n else None
        is_other = kinds[row] != before and "verse" in (kinds[row], before)
        found.append(begun[row] or (kinds[row] if is_other else None))
    return found


def check_notes(given: GivenDocument, num_sections: int | None, depth: int, most: int) -> None:
    """Raise InputError if notes cannot be expanded with these options; reads no vectors."""
    num_points = len(given.sentences)
    if num_sections is not None and given.has_headings:
        raise InputError("the notes have headings, which are the sections: leave --sections out")
    if num_sections is not None and num_sections > num_points:
        raise InputError(
            f"the notes have {counted(num_points, 'point')}, too few for {counted(num_sections, 'section')}: "
            f"give --sections 1 to {num_points}"
        )
    items = [section for section in given.sections if section.heading]
    deepest = max((section.path.count(".") + 1 for section in items), default=1)
    if deepest > 2 and depth == 2:
        raise InputError(
            f"the notes are nested too deep (level {deepest}): an outline has at most 2 levels; "
            "with --depth 1 the top headings are the sections"
        )
    num_items = _count_items(given, num_sections, depth)
    if num_items > most:
        raise InputError(
            f"the notes make {num_items:,} sections, at most {most} are written: group them with --sections, "
            "take --depth 1, or give them in parts"
        )


def _count_items(given: GivenDocument, num_sections: int | None, depth: int) -> int:
    """Return the largest number of items that `note_items` may return."""
    num_points = len(given.sentences)
    if not given.has_headings:
        num_groups = num_sections or max(1, round(num_points / SENTENCES_PER_SECTION))
        return num_points + num_groups if depth == 2 else num_sections or num_points
    top = [section for section in given.sections if "." not in section.path]
    if depth == 1:
        return len(top)
    return len(given.sections) + sum(len(s.sentences) for s in top if len(s.sentences) > 1)
