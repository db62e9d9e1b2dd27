"""Which library document covers a prompt's subject, and whether the prompt gets its outline from it.

    .venv/bin/python benchmarks/library/bench_outlines.py
    .venv/bin/python benchmarks/library/bench_outlines.py --hidden 500
    .venv/bin/python benchmarks/library/bench_outlines.py --graded

For each general prompt of the evaluation the library holds one document that answers it (its page is `asked/NNNN`, the
prompt's number). Prints for each prompt whether that document is the nearest by title or prompt alone, and by the full
score, and how many headings the outline has; then the sums. Takes some minutes on two cores.

With `--hidden N`: takes the prompts of N random documents, hides the prompts from the search, and prints for how many
the document itself is the nearest, and among the nearest three.

With `--graded`: prints the mean grade of the nearest document of narrow prompts, for several weights of the score's
parts. A reader of titles and headings graded up to nine documents for each prompt (`graded_prompts.jsonl`): 3 gladly
taken, 2 useful, 1 a neighbouring subject, 0 of no use. Documents without a grade are skipped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import lzma
import random
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from concepts.codecs.spaces import load_codec
from concepts.corpus.split import ASKED
from concepts.library.encode import Encode
from concepts.library.library import Library
from concepts.library.outline import (
    NAME_WEIGHT,
    OTHER_KIND_WEIGHT,
    UNSAID_WEIGHT,
    find_candidates,
    find_outline,
)
from concepts.library.stored import DOCUMENTS_FILE, load_library
from concepts.models.card import find_name_in_space
from concepts.models.installed import find_card
from flows.document.titles import derive_title, subject_of

GRADED = Path(__file__).with_name("graded_prompts.jsonl")
FOLDS = 5
USEFUL = 2
IN_USE = np.array((NAME_WEIGHT, 1 - NAME_WEIGHT, -UNSAID_WEIGHT, -OTHER_KIND_WEIGHT))
"""Weights of the features as the library uses them."""
FIT_STEPS, RIDGE = 2000, 0.005


def main() -> None:
    """Print a row for each prompt, and the sums."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hidden", type=int, default=0, metavar="N")
    parser.add_argument("--graded", action="store_true")
    asked = parser.parse_args()
    codec = load_codec(None)

    def encode(texts: list[str]) -> torch.Tensor:
        return codec.encode(texts, "eng_Latn")

    library = load_library(None, space_id=codec.space_id, encode=encode)
    if asked.hidden:
        _count_hidden(library, encode, asked.hidden)
        return
    if asked.graded:
        _grade(library, encode)
        return
    prompts = (files("longhand.evaluation") / "prompts" / "general.txt").read_text().splitlines()
    prompts = [prompt for prompt in prompts if prompt.strip()]
    card = find_card("library", find_name_in_space("library", codec.space_id))
    answers = _answers(card.path(DOCUMENTS_FILE))
    by_title = by_all = with_outline = 0
    for number, prompt in enumerate(prompts, 1):
        answer = answers[number]
        alone = library.titles[int(library.document_likeness(encode([prompt])[0]).argmax())]
        found = find_candidates(library, encode, [prompt])
        best = found[0].passages[0].title if found else ""
        outline = find_outline(library, encode, [prompt])
        by_title, by_all = by_title + (alone == answer), by_all + (best == answer)
        with_outline += bool(outline)
        shown = f"{found[0].likeness:.2f} {best}" if found else "none"
        print(
            f"{prompt[:50]:50} {alone == answer!s:5} {best == answer!s:5} {len(outline)}  {shown}", flush=True
        )
    print(
        f"nearest by title or prompt: {by_title} of {len(prompts)}; by all: {by_all}; outlines: {with_outline}"
    )


def _count_hidden(library: Library, encode: Encode, num: int) -> None:
    """Print for how many prompts of random documents, hidden from the search, the document is found."""
    typed = {p.title: p.prompt for p in library.passages if p.prompt not in ("", p.title) and not p.is_asked}
    wanted = dict(random.Random(1).sample(sorted(typed.items()), num))
    passages = [dataclasses.replace(p, prompt="") if p.title in wanted else p for p in library.passages]
    subjects, titles, prompts = library.codes
    is_hidden = np.array([title in wanted for title in library.titles])[:, None]
    hidden = Library(passages, subjects, titles, np.where(is_hidden, titles, prompts))
    first = among_three = 0
    for title, prompt in wanted.items():
        nearest = [found.passages[0].title for found in find_candidates(hidden, encode, [prompt])[:3]]
        first, among_three = first + (nearest[:1] == [title]), among_three + (title in nearest)
    print(f"of {num} hidden prompts: document nearest {first}, among the nearest three {among_three}")


def _grade(library: Library, encode: Encode) -> None:
    rows = [json.loads(line) for line in GRADED.read_text().splitlines()]
    asked: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for row in rows:
        subject = subject_of(row["prompt"], "eng_Latn")
        found = find_candidates(library, encode, [derive_title(subject, "eng_Latn"), subject])
        graded = [c for c in found if c.passages[0].title in row["grades"]]
        if graded:
            features = [
                (f.named, f.telling, f.unsaid, c.is_of_kind is False) for c in graded for f in (c.features,)
            ]
            grades = [row["grades"][c.passages[0].title] for c in graded]
            asked.append((np.array(features, dtype=float), np.array(grades, dtype=float)))
    best = sum(max(grades) for _, grades in asked) / len(asked)
    print(
        f"{len(asked)} prompts with {sum(len(grades) for _, grades in asked)} graded documents; the best {best:.3f}"
    )
    weights = {
        "in use": tuple(IN_USE),
        "sections first": (0.4, 0.6, -0.15, -0.08),
        "title or prompt alone": (1.0, 0.0, 0.0, 0.0),
        "fitted": tuple(_fit(asked)),
    }
    for name, weight in weights.items():
        print(f"{name:22} {np.round(weight, 3)} mean grade of the nearest {_mean_grade(asked, weight):.3f}")
    cut = [(asked[n::FOLDS], [a for m, a in enumerate(asked) if m % FOLDS != n]) for n in range(FOLDS)]
    _show_bands(asked)
    held_out = sum(_mean_grade(test, _fit(train)) * len(test) for test, train in cut) / len(asked)
    print(f"fitted on four fifths, measured on the other: {held_out:.3f}")


def _show_bands(asked: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> None:
    """Print how many of the nearest documents are useful, by their likeness."""
    nearest = [
        (best, grades[best], features)
        for features, grades in asked
        for best in ((features @ IN_USE).argmax(),)
    ]
    likeness = np.array([features[best, :3] @ IN_USE[:3] for best, _, features in nearest])
    useful = np.array([grade >= USEFUL for _, grade, _ in nearest])
    for least, most in pairwise((-1.0, 0.5, 0.6, 0.7, 2.0)):
        band = useful[(likeness >= least) & (likeness < most)]
        print(f"likeness {least:4} to {most:4}: {band.sum()} of {len(band)} useful")


def _mean_grade(
    asked: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], weights: Sequence[float]
) -> float:
    return float(np.mean([grades[(features @ np.array(weights)).argmax()] for features, grades in asked]))


def _fit(asked: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> list[float]:
    """Fit weights by logistic regression on pairs of a prompt's documents; the first two sum to 1.

    A pair's weight is the difference of its grades; every prompt has the same total weight.
    """
    pairs, counts = [], []
    for features, grades in asked:
        better, worse = np.nonzero(grades[:, None] > grades)
        pairs.append(features[better] - features[worse])
        counts.append((grades[better] - grades[worse]) / len(grades) ** 2)
    x, count = np.concatenate(pairs), np.concatenate(counts) / np.concatenate(counts).sum()
    scale = x.std(axis=0) + 1e-6
    weights = np.zeros(x.shape[1])
    for _ in range(FIT_STEPS):
        wrong = 1 / (1 + np.exp(x / scale @ weights))
        weights += (x / scale * (wrong * count)[:, None]).sum(axis=0) - RIDGE * weights
    weights /= scale
    return [float(weight) for weight in weights / weights[:2].sum()]


def _answers(path: Path) -> dict[int, str]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pages = {row["title"]: row.get("page") or "" for row in rows}
    return {int(page.removeprefix(ASKED)): title for title, page in pages.items() if page.startswith(ASKED)}


if __name__ == "__main__":
    main()
