"""Points: what a section of the user's outline must say, from the plan to the text.

A point is a concept of its section like those that the writer draws: it takes the place of the drawn one that
says nearly the same (`place_points`). The voice reads the points behind the heading, and a point that its text
does not show is said in its own words (`cover_points`). Pure functions of what is stored, so that a redo gives
the same text. Legend: S sentences, P points, D concept dim. All vectors raw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from concepts.segment import normalize_text
from flows.document.checks import check_vectors
from flows.document.options import WritingOptions
from storage import NewPlanItem

if TYPE_CHECKING:
    from flows.document.engine import Engine, Text
    from storage import OutlineRecord
    from storage.records import Vector

SENTENCES_PER_POINT = 2
"""Sentences planned for a point: itself and one that says more."""
MOST_SENTENCES = 40
"""Longest section that is planned and written."""
SHOWN_SHARE = 0.6
"""Share of a point's words that its section's text must hold for the point to be shown."""
_LONGEST_HEADING = 160
_FEWEST_LETTERS = 4
"""Shorter words say little about what a point is about."""
_STEM = 5
"""Letters that the forms of a word have in common ("baking", "baked")."""
_EVENNESS = 0.05
"""What a place away from an even spread costs, in cosine, for each share of the section's length."""
_WORD = re.compile(r"[^\W_]+")


def points_of(options: WritingOptions, outline: OutlineRecord) -> dict[int, tuple[str, ...]]:
    """Return the points of an outline's sections by item id; a heading that was moved keeps them."""
    if not options.points:
        return {}
    heading_of = dict(options.outline)
    by_place = {(path, heading_of.get(path, "").strip()): points for path, points in options.points}
    by_heading: dict[str, list[tuple[str, ...]]] = {}
    for (_, heading), points in by_place.items():
        by_heading.setdefault(heading, []).append(points)
    found: dict[int, tuple[str, ...]] = {}
    for item in outline.leaves():
        heading = (item.heading or "").strip()
        same = by_heading.get(heading, [])
        points = by_place.get((item.path, heading)) or (same[0] if len(same) == 1 else ())
        if points:
            found[item.id] = points
    return found


def point_vectors(engine: Engine, options: WritingOptions, lang: str, points: Sequence[str]) -> Vector:
    """Return the concepts (P, D) of points; (0, D) for none. Raises what the engine raises."""
    if not points:
        return np.empty((0, engine.space.dim), dtype=np.float32)
    typed_in = options.outline_lang or options.prompt_lang or lang
    vectors = engine.encode([normalize_text(point) for point in points], typed_in)
    return check_vectors(
        vectors, (len(points), engine.space.dim), f"the points from space {engine.space.name}"
    )


def point_gists(engine: Engine, options: WritingOptions, lang: str) -> Mapping[str, Vector]:
    """Return the gist (D,) of each section with points, by path: the mean of their concepts."""
    return {
        path: point_vectors(engine, options, lang, points).mean(axis=0)
        for path, points in options.points
        if points
    }


def with_room(items: Sequence[NewPlanItem], options: WritingOptions) -> list[NewPlanItem]:
    """Return the items with the lengths that were asked for, and with room for their points."""
    asked = dict(options.lengths)
    num_points = {path: len(points) for path, points in options.points}
    parents = {item.path.rpartition(".")[0] for item in items}
    found = []
    for item in items:
        least = num_points.get(item.path, 0)
        wanted = asked.get(item.path) or max(item.planned_length, least * SENTENCES_PER_POINT)
        room = min(MOST_SENTENCES, max(wanted, least))
        found.append(item if item.path in parents or room < 1 else replace(item, planned_length=room))
    return found


def place_points(vectors: Vector, points: Vector) -> Vector:
    """Return a section's concepts (max(S, P), D) with those of its points (P, D) among them, in their order.

    Each point replaces a drawn concept that is near to it; places that are spread evenly are preferred.
    """
    num, most = len(points), len(vectors)
    if num >= most:
        return points
    center = vectors.mean(axis=0)
    likeness = _unit(points - center) @ _unit(vectors - center).T  # (P, S)
    even = (np.arange(num) * most / num)[:, None]
    score = likeness - _EVENNESS * np.abs(even - np.arange(most)) / most * num
    best = np.full((num + 1, most + 1), -np.inf)
    best[0] = 0.0
    for p in range(1, num + 1):
        for s in range(p, most + 1):
            best[p, s] = max(best[p, s - 1], best[p - 1, s - 1] + score[p - 1, s - 1])
    places: list[int] = []
    s = most
    for p in range(num, 0, -1):
        while s > p and best[p, s] == best[p, s - 1]:
            s -= 1
        s -= 1
        places.append(s)
    placed = vectors.copy()
    placed[places[::-1]] = points
    return placed


def heading_with_points(heading: str, points: Sequence[str]) -> str:
    """Return a heading as the voice reads it: with what its section is to say."""
    kept: list[str] = []
    for point in points:
        if len(heading) + sum(len(other) + 2 for other in kept) + len(point) > _LONGEST_HEADING:
            break
        kept.append(point.rstrip(" ."))
    return f"{heading}: {', '.join(kept)}" if kept else heading


def cover_points(texts: Sequence[Text], vectors: Vector, points: Sequence[str], own: Vector) -> list[Text]:
    """Return a section's texts in which every point is shown: one that is not stands where its concept does.

    `vectors` (S, D) are the concepts of `texts`, `own` (P, D) those of the points; a point whose concept is not among
    them belongs to another unit.
    """
    found = list(texts)
    place_of = _places_of(vectors, own)
    # A point that is said in its own words may take the sentence that showed another one: looked at again then.
    while True:
        said = " ".join(text.text for text in found)
        hidden = [p for p, place in place_of.items() if found[place].text != as_sentence(points[p])]
        lacking = next((p for p in hidden if not is_shown(points[p], said)), None)
        if lacking is None:
            return found
        place = place_of[lacking]
        found[place] = replace(found[place], text=as_sentence(points[lacking]), score=1.0)


def _places_of(vectors: Vector, own: Vector) -> dict[int, int]:
    """Return which of a section's concepts (S, D) is that of each point (P, D), by point; each is that of one."""
    place_of: dict[int, int] = {}
    for p, vector in enumerate(own):
        distance = np.abs(vectors - vector).max(axis=1, initial=0.0)
        distance[list(place_of.values())] = np.inf
        if not len(vectors) or not np.isfinite(distance).any():
            break
        place = int(distance.argmin())
        if distance[place] <= 1e-3 * max(1.0, float(np.abs(vector).max())):
            place_of[p] = place
    return place_of


def is_shown(point: str, text: str) -> bool:
    """Whether a text holds enough of a point's words, in whatever form."""
    words = [word.casefold() for word in _WORD.findall(point)]
    telling = [word for word in words if len(word) >= _FEWEST_LETTERS] or words
    held = {word.casefold()[:_STEM] for word in _WORD.findall(text)}
    num = sum(word[:_STEM] in held for word in telling)
    return num >= SHOWN_SHARE * len(telling)


def as_sentence(point: str) -> str:
    """Return a point as a sentence: a capital at its start and a stop at its end."""
    text = " ".join(point.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":", "\u2026")) else f"{text}."


def _unit(vectors: Vector) -> Vector:
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vector = (vectors / np.maximum(sizes, 1e-12)).astype(np.float32)
    return unit
