"""Points that a section of the user's outline must make, from the plan to the text.

A point becomes a concept of its section: it replaces a drawn concept near to it (`place_points`).
The voice reads the points behind the heading; if its text does not show a point, the point's own words are added
(`cover_points`). Pure functions of stored data, so that a redo gives the same text.
Legend: S sentences, P points, D concept dim. All vectors raw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from concepts.segment import normalize_text
from flows.document.asked.options import WritingOptions
from flows.document.checks import check_vectors
from storage import NewPlanItem

if TYPE_CHECKING:
    from flows.document.engine import Engine, Text
    from storage import OutlineRecord
    from storage.records import Vector

SENTENCES_PER_POINT = 2
"""Sentences planned for a point: the point and one that elaborates it."""
MOST_SENTENCES = 40
"""Longest section, in sentences."""
SHOWN_SHARE = 0.6
"""Least share of a point's words in its section's text for the point to count as shown."""
_LONGEST_HEADING = 160
_FEWEST_LETTERS = 4
"""Shorter words are ignored: they say little about a point's subject."""
_STEM = 5
"""First letters that the forms of a word share ("baking", "baked")."""
_EVENNESS = 0.05
"""Cost, in cosine, of a place that is one even gap between points away from an even spread."""
_WORD = re.compile(r"[^\W_]+")
_STOP = re.compile(r"(?<=[.!?])\s+")


def language_of_points(options: WritingOptions, lang: str) -> str:
    """Return the language that the points are written in; `lang` is the document's."""
    return options.outline_lang or options.prompt_lang or lang


def points_of(options: WritingOptions, outline: OutlineRecord, lang: str) -> dict[int, tuple[str, ...]]:
    """Return the points of an outline's sections by item id; a moved heading keeps its points.

    Headings that were typed in another language than the document's `lang` are said anew: there the place decides.
    """
    if not options.points:
        return {}
    is_translated = language_of_points(options, lang) != lang
    by_path = dict(options.points) if is_translated else {}
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
        points = points or by_path.get(item.path, ())
        if points:
            found[item.id] = points
    return found


def point_vectors(engine: Engine, options: WritingOptions, lang: str, points: Sequence[str]) -> Vector:
    """Return the concepts (P, D) of points; (0, D) for none. Raises the engine's errors."""
    if not points:
        return np.empty((0, engine.space.dim), dtype=np.float32)
    typed_in = language_of_points(options, lang)
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
    """Return the items with the requested lengths and with room for their points."""
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
    """Return a section's concepts (max(S, P), D) with its points' concepts (P, D) among them, in order.

    Each point replaces a drawn concept near to it; an even spread over the section is preferred.
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
    """Return a heading as the voice reads it, with its section's points."""
    kept: list[str] = []
    for point in points:
        if len(heading) + sum(len(other) + 2 for other in kept) + len(point) > _LONGEST_HEADING:
            break
        kept.append(point.rstrip(" ."))
    return f"{heading}: {', '.join(kept)}" if kept else heading


def cover_points(texts: Sequence[Text], vectors: Vector, points: Sequence[str], own: Vector) -> list[Text]:
    """Return a section's texts that show every point: a missing point's own words replace its concept's sentence.

    `vectors` (S, D) are the concepts of `texts`, `own` (P, D) the points' concepts. A point whose concept is not in
    `vectors` belongs to another unit.
    """
    found = list(texts)
    place_of = _places_of(vectors, own)
    # A point may replace the sentence that showed another point: check all of them again then.
    while True:
        said = " ".join(text.text for text in found)
        hidden = [p for p, place in place_of.items() if found[place].text != as_sentence(points[p])]
        lacking = next((p for p in hidden if not is_shown(points[p], said)), None)
        if lacking is None:
            return found
        place = place_of[lacking]
        found[place] = replace(found[place], text=as_sentence(points[lacking]), score=1.0)


def _places_of(vectors: Vector, own: Vector) -> dict[int, int]:
    """Return the index of each point's concept (P, D) among a section's concepts (S, D), by point; none twice."""
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
    """Return whether two neighbouring sentences of a text hold enough of a point's words, in any form, and all its
    numbers."""
    words = [word.casefold() for word in _WORD.findall(point)]
    numbers = {word for word in words if word[0].isdecimal()}
    telling = [word for word in words if len(word) >= _FEWEST_LETTERS and word not in numbers] or words
    sentences = [{word.casefold() for word in _WORD.findall(part)} for part in _STOP.split(text)]
    span = 1 + max(1, len(_STOP.split(point)))
    for start in range(max(1, len(sentences) - span + 1)):
        held = set().union(*sentences[start : start + span])
        stems = {word[:_STEM] for word in held}
        if numbers <= held and sum(word[:_STEM] in stems for word in telling) >= SHOWN_SHARE * len(telling):
            return True
    return False


def as_sentence(point: str) -> str:
    """Return a point as a sentence: a capital at its start and a stop at its end."""
    text = " ".join(point.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", ":", "\u2026")) else f"{text}."


def _unit(vectors: Vector) -> Vector:
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vector = (vectors / np.maximum(sizes, 1e-12)).astype(np.float32)
    return unit
