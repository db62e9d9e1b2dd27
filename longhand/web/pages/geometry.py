"""A document's concepts as points, distances and pairs, for the map, the heat map and their descriptions.

Shapes: S sentences, I plan items, D concept dim. Vectors are float32 in the raw concept space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from storage import OutlineRecord, Store

    Floats = NDArray[np.float32]

MAX_POINTS = 2000
"""More sentences than this are thinned out evenly, so that a picture stays legible and small."""
MAX_ROWS = 400
"""Most sentences that a heat map shows one by one; longer documents are shown by section."""
NUM_PAIRS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Concepts:
    """One outline version's sentences and plan items that have a vector."""

    vectors_SD: Floats
    places: tuple[tuple[str, int], ...]
    """Item path and ordinal (from 0) of each sentence, in reading order."""
    gists_ID: Floats
    paths: tuple[str, ...]
    """Path of each leaf that has a gist, in reading order."""
    num_left_out: int
    """Number of sentences thinned out."""

    @property
    def sections(self) -> tuple[str, ...]:
        """The paths of sections with sentences, in reading order."""
        return tuple(dict.fromkeys(path for path, _ in self.places))

    def rows_of(self, path: str) -> list[int]:
        """Return the indices of an item's sentences."""
        return [row for row, (place, _) in enumerate(self.places) if place == path]


def read_concepts(store: Store, outline: OutlineRecord) -> Concepts:
    """Return the concepts of an outline, which must have been read with its vectors."""
    leaves = outline.leaves()
    found = store.get_concepts([leaf.id for leaf in leaves])
    places = [
        (leaf.path, ordinal)
        for leaf in leaves
        if leaf.id in found
        for ordinal in range(len(found[leaf.id].concept_ids))
    ]
    vectors = [found[leaf.id].vectors for leaf in leaves if leaf.id in found and len(found[leaf.id].vectors)]
    planned = [leaf for leaf in leaves if leaf.gist is not None]
    gists = [leaf.gist for leaf in planned if leaf.gist is not None]
    dim = len(gists[0]) if gists else vectors[0].shape[1] if vectors else 0
    all_SD = np.concatenate(vectors) if vectors else np.zeros((0, dim), dtype=np.float32)
    kept = list(range(len(places)))
    if len(places) > MAX_POINTS:
        kept = sorted({round(i * (len(places) - 1) / (MAX_POINTS - 1)) for i in range(MAX_POINTS)})
    return Concepts(
        vectors_SD=all_SD[kept],
        places=tuple(places[row] for row in kept),
        gists_ID=np.stack(gists) if gists else np.zeros((0, dim), dtype=np.float32),
        paths=tuple(leaf.path for leaf in planned),
        num_left_out=len(places) - len(kept),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Sentences and plan items in the plane, each axis from 0 to 1."""

    sentences_S2: Floats
    items_I2: Floats
    explained: float
    """Share of the variance in the plane, 0 to 1."""


def project(concepts: Concepts) -> Projection:
    """Return the first two principal components (by SVD of the centred vectors) of sentences and gists."""
    both = np.concatenate([concepts.vectors_SD, concepts.gists_ID]).astype(np.float64)
    num_sentences = len(concepts.vectors_SD)
    plane = np.zeros((len(both), 2))
    explained = 1.0
    if len(both) > 1:
        centred = both - both.mean(axis=0)
        left, scale, _ = np.linalg.svd(centred, full_matrices=False)
        # The sign of an axis is arbitrary; this choice does not depend on the library.
        signs = np.sign(left[np.abs(left).argmax(axis=0), range(left.shape[1])])
        components = (left * scale * signs)[:, :2]
        plane[:, : components.shape[1]] = components
        total = float((scale**2).sum())
        explained = float((scale[:2] ** 2).sum()) / total if total > 0 else 1.0
    low, high = plane.min(axis=0, initial=0.0), plane.max(axis=0, initial=0.0)
    # One scale for both axes: a distance is a distance in any direction.
    reach = max(float((high - low).max()), 1e-9)
    shown = ((plane - (low + high) / 2) / reach + 0.5).astype(np.float32)
    return Projection(sentences_S2=shown[:num_sentences], items_I2=shown[num_sentences:], explained=explained)


def normalize(vectors: Floats) -> Floats:
    """Return vectors (N, D) scaled to length 1; a zero vector stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Likeness:
    """Cosines between sentences, or between section means if the document is long."""

    cosines_NN: Floats
    bounds: tuple[tuple[str, int, int], ...]
    """Section path, first row, and the row after its last."""
    is_by_section: bool


def compare(concepts: Concepts) -> Likeness:
    """Return the cosines in reading order."""
    sections = concepts.sections
    if len(concepts.places) + concepts.num_left_out > MAX_ROWS:
        means = np.stack([concepts.vectors_SD[concepts.rows_of(path)].mean(axis=0) for path in sections])
        rows = normalize(means)
        bounds = tuple((path, row, row + 1) for row, path in enumerate(sections))
        return Likeness(cosines_NN=rows @ rows.T, bounds=bounds, is_by_section=True)
    rows = normalize(concepts.vectors_SD)
    spans = [(path, concepts.rows_of(path)) for path in sections]
    bounds = tuple((path, found[0], found[-1] + 1) for path, found in spans)
    return Likeness(cosines_NN=rows @ rows.T, bounds=bounds, is_by_section=False)


def most_alike(concepts: Concepts) -> list[tuple[float, tuple[str, int], tuple[str, int]]]:
    """Return the pairs of sentences of different sections with the highest cosines, the highest first."""
    rows = normalize(concepts.vectors_SD)
    section = np.unique([path for path, _ in concepts.places], return_inverse=True)[1]
    cosines = np.where(np.triu(section[:, None] != section[None, :]), rows @ rows.T, -np.inf)
    count = min(NUM_PAIRS, int(np.isfinite(cosines).sum()))
    if count == 0:
        return []
    best = np.argpartition(cosines, -count, axis=None)[-count:]
    best = best[np.argsort(-cosines.flat[best], kind="stable")]
    return [
        (float(cosines.flat[at]), concepts.places[at // len(rows)], concepts.places[at % len(rows)])
        for at in best.tolist()
    ]


@dataclass(frozen=True, kw_only=True)
class SectionShape:
    """One section's numbers behind the pictures."""

    path: str
    num_sentences: int
    tightness: float | None
    """Mean cosine of its sentences with their mean; None if it has no sentences."""
    nearest: str | None
    """The section with the nearest mean."""
    nearest_cosine: float | None
    farthest: int | None
    """Index, from 0, of the sentence least like the others."""


def section_shapes(concepts: Concepts) -> list[SectionShape]:
    """Return one entry for each plan item, and each section without a plan, in reading order."""
    sections = concepts.sections
    rows = normalize(concepts.vectors_SD)
    means = (
        normalize(np.stack([rows[concepts.rows_of(path)].mean(axis=0) for path in sections]))
        if sections
        else rows
    )
    between = means @ means.T
    np.fill_diagonal(between, -2.0)
    shapes = []
    for path in dict.fromkeys((*concepts.paths, *sections)):
        if path not in sections:
            shapes.append(
                SectionShape(
                    path=path,
                    num_sentences=0,
                    tightness=None,
                    nearest=None,
                    nearest_cosine=None,
                    farthest=None,
                )
            )
            continue
        number = sections.index(path)
        members = concepts.rows_of(path)
        own = rows[members] @ means[number]
        other = int(between[number].argmax())
        shapes.append(
            SectionShape(
                path=path,
                num_sentences=len(members),
                tightness=float(own.mean()),
                nearest=sections[other] if len(sections) > 1 else None,
                nearest_cosine=float(between[number, other]) if len(sections) > 1 else None,
                farthest=concepts.places[members[int(own.argmin())]][1],
            )
        )
    return shapes
