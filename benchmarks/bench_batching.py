"""Does it matter which concepts share a model call? Alone, in the unit they belong to, and beside another unit.

    python benchmarks/bench_batching.py --texts 32 --rounds 3

Prints, for the decoder and for the writer of the shipped models, how far the results differ from those of the
unit by itself, and the seconds for each sentence. Units of two documents may share a call only where nothing differs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from flows.engine import LeafPlan, ModelEngine, Section

T = TypeVar("T")
Vector = NDArray[np.float32]
SENTENCES = (
    "Open the folder that you want to share.",
    "Click the button and choose a name for it.",
    "Other users of the network can now see the files.",
    "Bring the water to the boil, add the salt and stir.",
    "Press the key to select all items of the list.",
)


def timed(work: Callable[[], T], rounds: int) -> tuple[float, T]:
    """Return the median seconds of some rounds, and the result."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), found


def make_units(engine: ModelEngine, size: int) -> tuple[Vector, Vector]:
    """Return two units of concepts near to those of real sentences, (S, D) each."""
    known = engine.encode(SENTENCES, "eng_Latn")
    noise = np.random.default_rng(5)
    weights = noise.dirichlet(np.full(len(SENTENCES), 0.3), 2 * size).astype(np.float32)
    both = weights @ known
    return both[:size], both[size:]


def plan_of(engine: ModelEngine, prompt: str, seed: int) -> LeafPlan:
    """Return what the writer sees of a planned document."""
    vector = engine.encode([prompt], "eng_Latn")
    items = engine.plan(vector, goal=None, num_sections=8, depth=1, seed=seed)
    return LeafPlan(
        prompt=vector,
        goal=None,
        paths=tuple(item.path for item in items),
        leads=np.stack([item.lead for item in items if item.lead is not None]),
        gists=np.stack([item.gist for item in items if item.gist is not None]),
        num_sentences=tuple(item.planned_length for item in items),
    )


def furthest(one: list[Section], other: list[Section]) -> float:
    """Return the largest difference of a vector's number; infinite where a length differs."""
    found = 0.0
    for a, b in zip(one, other, strict=True):
        if a.vectors.shape != b.vectors.shape:
            return float("inf")
        if a.vectors.size:
            found = max(found, float(np.abs(a.vectors - b.vectors).max()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=32, help="concepts of a decode unit")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    engine = ModelEngine()
    engine.start_loading(("decode", "plan", "write"))
    for stage in ("decode", "plan", "write"):
        engine.prepare(stage)  # type: ignore[arg-type]

    first, second = make_units(engine, args.texts)
    alone_s, alone = timed(lambda: engine.render(first, "eng_Latn", beam_size=1), args.rounds)
    both = np.concatenate((first, second))
    both_s, shared = timed(lambda: engine.render(both, "eng_Latn", beam_size=1), args.rounds)
    _, singles = timed(lambda: [engine.render(row[None], "eng_Latn", beam_size=1)[0] for row in first], 1)
    print(f"decoder, {args.texts} concepts a unit: {alone_s / args.texts:.4f} s a sentence alone, ", end="")
    print(f"{both_s / (2 * args.texts):.4f} s beside a second unit")
    for name, found in (("beside a second unit", shared[: args.texts]), ("one by one", singles)):
        texts = sum(a.text != b.text for a, b in zip(alone, found, strict=True))
        scores = sum(a.score != b.score for a, b in zip(alone, found, strict=True))
        print(f"  {name}: {texts} texts and {scores} scores of {args.texts} differ")

    plan = plan_of(engine, "How to share a folder on the network.", 7)
    paths = plan.paths[:4]
    alone_s, sections = timed(lambda: engine.write(plan, paths, seed=7), args.rounds)
    all_s, every = timed(lambda: engine.write(plan, plan.paths, seed=7), args.rounds)
    num_alone, num_all = (sum(len(s.vectors) for s in found) for found in (sections, every))
    print(f"writer, 4 sections a unit: {alone_s / num_alone:.4f} s a sentence alone, ", end="")
    print(f"{all_s / num_all:.4f} s beside {len(plan.paths) - 4} others")
    print(f"  beside others: a number of a vector differs by up to {furthest(sections, every[:4]):.2g}")


if __name__ == "__main__":
    main()
