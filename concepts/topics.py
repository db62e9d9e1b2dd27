"""Sections in a text that has no headings: where the topic of its sentences' concepts changes.

Legend: N sentences, D concept dim. Numpy only; vectors may be raw, they are centred here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

SENTENCES_PER_SECTION = 8
"""Sentences per section if the number of sections is not given."""
FEWEST_SENTENCES = 3
"""Sentences of the shortest section."""
MOST_SENTENCES = 40
"""Sentences of the longest section: also the longest that is planned and written."""
MOST_SECTIONS = 200


def directions(vectors: Vectors) -> Vectors:
    """Return unit vectors (N, D) of the concepts' deviations from their mean."""
    centred = vectors - vectors.mean(axis=0, keepdims=True)
    sizes = np.linalg.norm(centred, axis=1, keepdims=True)
    result: Vectors = (centred / np.maximum(sizes, 1e-12)).astype(np.float32)
    return result


def split_topics(
    vectors: Vectors,
    num_parts: int | None = None,
    *,
    shortest: int = FEWEST_SENTENCES,
    longest: int | None = None,
) -> list[int]:
    """Return where `num_parts` contiguous groups of the concepts (N, D) begin, the first at 0.

    The groups maximise the summed length of their summed unit vectors, found exactly by dynamic
    programming (Alemi and Ginsparg 2015, arXiv 1503.05543, sections 3.2 and 4.2); deviations: the concepts
    are centred, groups have `shortest` to `longest` members (None: any number; more or fewer where N and
    `num_parts` leave no choice), and the number is fixed: None takes one for each `SENTENCES_PER_SECTION`,
    at most `MOST_SECTIONS`. Time and memory grow with N times the number of groups.
    """
    num = len(vectors)
    if num == 0:
        return []
    wanted = min(MOST_SECTIONS, round(num / SENTENCES_PER_SECTION)) if num_parts is None else num_parts
    wanted = max(1, min(wanted, num))
    least = max(1, min(shortest, num // wanted))
    most = num if longest is None else max(longest, -(-num // wanted), least)
    sums = np.concatenate(
        [np.zeros((1, vectors.shape[1])), np.cumsum(directions(vectors), axis=0, dtype=np.float64)]
    )
    best = np.full((wanted + 1, num + 1), -np.inf)
    came_from = np.zeros((wanted + 1, num + 1), dtype=np.int64)
    best[0, 0] = 0.0
    for end in range(least, num + 1):
        starts = np.arange(max(0, end - most), end - least + 1)
        gains = np.linalg.norm(sums[end] - sums[starts], axis=1)
        scores = best[:-1, starts] + gains
        chosen = scores.argmax(axis=1)
        came_from[1:, end] = starts[chosen]
        best[1:, end] = scores[np.arange(wanted), chosen]
    bounds, end = [], num
    for part in range(wanted, 0, -1):
        end = int(came_from[part, end])
        bounds.append(end)
    return bounds[::-1]


def medoid(vectors: Vectors) -> int:
    """Return the row of the concept nearest to the mean of `vectors` (N, D) by cosine: the most typical one."""
    mean = vectors.mean(axis=0)
    sizes = np.linalg.norm(vectors, axis=1) * np.linalg.norm(mean)
    return int((vectors @ mean / np.maximum(sizes, 1e-12)).argmax())


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """Return integers of at least 1 that sum to `total` (at least their count), about in proportion to `weights`.

    Each gets 1; the rest is shared by the largest-remainder method.
    """
    rest = max(0, total - len(weights))
    exact = [rest * weight / sum(weights) for weight in weights]
    shares = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for i in order[: rest - sum(shares)]:
        shares[i] += 1
    return [1 + share for share in shares]


def extract(vectors: Vectors, sections: Sequence[int], num_sentences: int) -> list[list[int]]:
    """Return the most typical sentences of each section: `num_sentences` rows of (N, D) in all.

    `sections` is where each begins. A section's sentences are cut into as many contiguous groups as it may
    keep (by its length), and the medoid of each is kept: the extractive baseline of a summary.
    """
    ends = [*sections[1:], len(vectors)]
    lengths = [end - start for start, end in zip(sections, ends, strict=True)]
    kept = []
    for start, end, share in zip(sections, ends, share_out(num_sentences, lengths), strict=True):
        own = vectors[start:end]
        starts = split_topics(own, min(share, len(own)), shortest=1)
        groups = zip(starts, [*starts[1:], len(own)], strict=True)
        kept.append([start + first + medoid(own[first:last]) for first, last in groups])
    return kept
