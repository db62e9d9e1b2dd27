"""Does it matter which concepts share a model call, and what would be saved? A unit alone, and beside another one.

    python benchmarks/bench_batching.py --rounds 3
    nice -n 10 python benchmarks/bench_batching.py --cpu --threads 1     # on a machine that does other things

Prints for each kind of call of the shipped models (sentences said one after the other, headings decoded,
sections written) the seconds a sentence of one document's unit by itself and of the units of two documents in
one call, and how far the results differ. Units of two documents may share a call only where nothing differs, here and
in every other company.

"A place for two" is what a document alone would pay where calls always had the size of two documents, so that a row's
result could not depend on what stands in the others.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from flows.device import MAX_SHARED_ROWS
from flows.engine import LeafPlan, ModelEngine, Section, SectionConcepts, Text
from writer.decoding import BEAM_SIZE, TAUGHT_LANG

T = TypeVar("T")
Vector = NDArray[np.float32]


class Clock:
    """Seconds of some work: of a wall clock, or of the processors that this process used."""

    def __init__(self, rounds: int, is_cpu: bool) -> None:
        self._rounds = rounds
        self._now = time.process_time if is_cpu else time.perf_counter

    def compare(self, *works: Callable[[], T]) -> tuple[list[float], list[T]]:
        """Return the median seconds of each work, done in turns, and what each returned."""
        seconds: list[list[float]] = [[] for _ in works]
        found: list[T] = []
        for number in range(self._rounds + 1):
            found.clear()
            for taken, work in zip(seconds, works, strict=True):
                started = self._now()
                found.append(work())
                if number:  # the first round warms up
                    taken.append(self._now() - started)
        return [statistics.median(taken) for taken in seconds], found


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


def to_say(plan: LeafPlan, sections: Sequence[Section]) -> list[SectionConcepts]:
    """Return written sections as they are decoded, every sentence of them."""
    found = []
    for section in sections:
        here = plan.paths.index(section.path)
        places = tuple(range(len(section.vectors)))
        found.append(
            SectionConcepts(
                heading=plan.leads[here], gist=plan.gists[here], vectors=section.vectors, places=places
            )
        )
    return found


def say_together(
    engine: ModelEngine, units: Sequence[Sequence[SectionConcepts]], prompt: Vector, beam_size: int
) -> list[Text]:
    """Return the texts of units whose sentences are decoded together, as a worker does it for several documents."""
    talks = [engine.begin_talk(unit, prompt, TAUGHT_LANG, beam_size=beam_size) for unit in units]
    found = [talk for talk in talks if talk is not None]
    while at_work := [talk for talk in found if talk.num_rows]:
        engine.take_turn(at_work)
    return [text for talk in found for section in talk.result() for text in section]


def say_in_turns(engine: ModelEngine, sections: Sequence[SectionConcepts], beam_size: int) -> list[Text]:
    """Return the texts of sections, sentence after sentence, by a decoder that reads nothing else."""
    found: list[list[Text]] = [[] for _ in sections]
    for turn in range(max(len(section.vectors) for section in sections)):
        rows = [n for n, section in enumerate(sections) if turn < len(section.vectors)]
        vectors = np.stack([sections[n].vectors[turn] for n in rows])
        for n, text in zip(rows, engine.render(vectors, "eng_Latn", beam_size=beam_size), strict=True):
            found[n].append(text)
    return [text for section in found for text in section]


def count_differences(alone: Sequence[Text], shared: Sequence[Text]) -> str:
    """Return how many texts and scores differ."""
    texts = sum(a.text != b.text for a, b in zip(alone, shared, strict=True))
    scores = sum(a.score != b.score for a, b in zip(alone, shared, strict=True))
    return f"{texts} texts and {scores} scores of {len(alone)} differ"


def report(what: str, seconds: Sequence[float], numbers: Sequence[int], difference: str) -> None:
    """Print what two units cost one after the other and in one call; `numbers`: sentences of the three calls."""
    first_s, second_s, both_s = seconds
    apart = (first_s + second_s) / (numbers[0] + numbers[1])
    shared = both_s / numbers[2]
    print(
        f"{what}: {apart:.4f} s a sentence alone, {shared:.4f} s in one call: {1 - shared / apart:.0%} saved;"
    )
    print(
        f"  a place for two costs one alone {both_s / ((first_s + second_s) / 2):.2f} times as much; {difference}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, default=BEAM_SIZE)
    parser.add_argument("--sections", type=int, default=4, help="of a unit")
    parser.add_argument("--space", help="of the models; else the one that ships")
    parser.add_argument(
        "--turns",
        action="store_true",
        help="say sentence after sentence also where the decoder reads no context",
    )
    parser.add_argument(
        "--cpu", action="store_true", help="measure processor time instead of the wall clock's"
    )
    parser.add_argument("--threads", type=int, help="of torch")
    args = parser.parse_args()
    if args.threads is not None:
        import torch

        torch.set_num_threads(args.threads)
    engine = ModelEngine(space=args.space)
    engine.start_loading(("decode", "plan", "write"))
    for stage in ("decode", "plan", "write"):
        engine.prepare(stage)  # type: ignore[arg-type]
    clock = Clock(args.rounds, args.cpu)

    prompts = ("How to share a folder on the network.", "Bread for beginners.")
    plans = [plan_of(engine, prompt, seed) for seed, prompt in enumerate(prompts, start=7)]
    # As many sections of one document as two documents have in one call: the engine takes no two plans at once.
    paths = [plan.paths[: args.sections] for plan in plans]
    wide = plans[0].paths[: 2 * args.sections]
    seconds, written = clock.compare(
        lambda: engine.write(plans[0], paths[0], seed=7),
        lambda: engine.write(plans[0], wide[args.sections :], seed=7),
        lambda: engine.write(plans[0], wide, seed=7),
    )
    numbers = [sum(len(section.vectors) for section in sections) for sections in written]
    far = furthest(written[0], written[2][: args.sections])
    report("write", seconds, numbers, f"a number of a vector differs by up to {far:.2g}")

    first = to_say(plans[0], written[0])
    second = to_say(plans[1], engine.write(plans[1], paths[1], seed=8))

    def say(*units: Sequence[SectionConcepts]) -> list[Text]:
        if args.turns:
            return say_in_turns(engine, [section for unit in units for section in unit], args.beams)
        return say_together(engine, units, plans[0].prompt, args.beams)

    if not args.turns:
        started = time.perf_counter()
        talk = engine.begin_talk(first, plans[0].prompt, TAUGHT_LANG, beam_size=args.beams)
        if talk is None:
            parser.error(
                "the decoder of this space reads no context: measure with --turns, or name a --space"
            )
        least = engine.least_company(talk, MAX_SHARED_ROWS)
        took_s = time.perf_counter() - started
        print(
            f"the decoder's rows come out the same in batches from {least} on (looked at for {took_s:.1f} s)"
        )
    seconds, texts = clock.compare(lambda: say(first), lambda: say(second), lambda: say(first, second))
    num_first = len(texts[0])
    report("say", seconds, [len(t) for t in texts], count_differences(texts[0], texts[2][:num_first]))

    headings = [np.concatenate((plan.leads, plan.leads))[:16] for plan in plans]

    def render(vectors: Vector) -> list[Text]:
        return engine.render(vectors, "eng_Latn", beam_size=args.beams)

    seconds, texts = clock.compare(
        lambda: render(headings[0]), lambda: render(headings[1]), lambda: render(np.concatenate(headings))
    )
    report("headings", seconds, [len(t) for t in texts], count_differences(texts[0], texts[2][:16]))


if __name__ == "__main__":
    main()
