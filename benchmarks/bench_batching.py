"""What does a shared model call of several units save, and does the batch change a row's result?

    python benchmarks/bench_batching.py --rounds 3
    nice -n 10 python benchmarks/bench_batching.py --cpu --threads 1     # on a machine that does other things

For each kind of call of the shipped models (writing sections, saying sentences in order, decoding headings) it prints
the seconds per sentence of two units in two calls and in one, and whether a vector, a text or a score differs. "A
place for two" is the cost of a single unit if every call had room for two.

Then it decodes rows together, in reverse, and in batches of other sizes, and compares every token and score of every
beam with the first result. Units of two documents may share a call by default only if not a bit differs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from concepts.codecs.codec import BEAM_SIZE, Codec
from flows.document.engine import LeafPlan, Section, SectionConcepts, Text
from flows.models.engine import ModelEngine

if TYPE_CHECKING:
    from fairseq2.generation import Hypothesis

T = TypeVar("T")
Vector = NDArray[np.float32]
LANG = "eng_Latn"
COMPANIES = (12, 8, 6, 5, 4, 3, 2, 1)
NUM_ROWS = 16
SENTENCES = (
    "Open.",
    "Click the button and choose a name for it.",
    "Bring the water to the boil, add the salt and stir until it has dissolved.",
    "Other users of the network can now see the files in the folder, but they cannot change or delete them.",
    "If the list is long, press the key to select all items, then hold it down and click those that may stay.",
)


class Clock:
    """Measures seconds, of wall-clock time or of this process's processor time."""

    def __init__(self, rounds: int, is_cpu: bool) -> None:
        self._rounds = rounds
        self._now = time.process_time if is_cpu else time.perf_counter

    def compare(self, *works: Callable[[], T]) -> tuple[list[float], list[T]]:
        """Return the median seconds of each work, run in turns, and their results."""
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
    """Return the writer's input for a planned document."""
    vector = engine.encode([prompt], LANG)
    items = engine.plan(vector, goal=None, num_sections=8, depth=1, seed=seed)
    return LeafPlan(
        prompt=vector,
        goal=None,
        paths=tuple(item.path for item in items),
        leads=np.stack([item.lead for item in items if item.lead is not None]),
        gists=np.stack([item.gist for item in items if item.gist is not None]),
        num_sentences=tuple(item.planned_length for item in items),
    )


def furthest(one: Sequence[Section], other: Sequence[Section]) -> float:
    """Return the largest difference between vector components; infinite if a length differs."""
    found = 0.0
    for a, b in zip(one, other, strict=True):
        if a.vectors.shape != b.vectors.shape:
            return float("inf")
        if a.vectors.size:
            found = max(found, float(np.abs(a.vectors - b.vectors).max()))
    return found


def to_say(plan: LeafPlan, sections: Sequence[Section]) -> list[SectionConcepts]:
    """Return written sections for decoding, with every sentence."""
    found = []
    for section in sections:
        here = plan.paths.index(section.path)
        found.append(
            SectionConcepts(
                heading=plan.leads[here],
                gist=plan.gists[here],
                vectors=section.vectors,
                places=tuple(range(len(section.vectors))),
            )
        )
    return found


def say_in_turns(engine: ModelEngine, sections: Sequence[SectionConcepts], beam_size: int) -> list[Text]:
    """Return the texts of sections, sentence by sentence, from a decoder without other context."""
    found: list[list[Text]] = [[] for _ in sections]
    for turn in range(max(len(section.vectors) for section in sections)):
        rows = [n for n, section in enumerate(sections) if turn < len(section.vectors)]
        vectors = np.stack([sections[n].vectors[turn] for n in rows])
        for n, text in zip(rows, engine.render(vectors, LANG, beam_size=beam_size), strict=True):
            found[n].append(text)
    return [text for section in found for text in section]


def count_differences(alone: Sequence[Text], shared: Sequence[Text]) -> str:
    """Return how many texts and scores differ."""
    texts = sum(a.text != b.text for a, b in zip(alone, shared, strict=True))
    scores = sum(a.score != b.score for a, b in zip(alone, shared, strict=True))
    return f"{texts} texts and {scores} scores of {len(alone)} differ"


def report(what: str, seconds: Sequence[float], numbers: Sequence[int], difference: str) -> None:
    """Print the cost of two units in two calls and in one; `numbers`: sentences of the three calls."""
    first_s, second_s, both_s = seconds
    apart = (first_s + second_s) / (numbers[0] + numbers[1])
    shared = both_s / numbers[2]
    print(
        f"{what}: {apart:.4f} s a sentence alone, {shared:.4f} s in one call: {1 - shared / apart:.0%} saved;"
    )
    cost = both_s / ((first_s + second_s) / 2)
    print(f"  a place for two costs one alone {cost:.2f} times as much; {difference}", flush=True)


def compare_companies(codec: Codec, beam_size: int) -> None:
    """Print how many rows differ, in a bit and in a token, from decoding all rows together."""
    known = codec.encode(SENTENCES, LANG)
    # Between sentences, as a writer's concepts are, nearer to one or the other.
    weights = torch.rand(NUM_ROWS, len(known), generator=torch.Generator().manual_seed(5)).pow(4)
    rows = weights / weights.sum(dim=1, keepdim=True) @ known
    together = codec.hypotheses(rows, LANG, beam_size)

    def show(name: str, found: Sequence[Sequence[Hypothesis]]) -> None:
        bits = tokens = 0
        for beams, others in zip(together, found, strict=True):
            is_same = [a.seq.tolist() for a in beams] == [b.seq.tolist() for b in others]
            tokens += not is_same
            bits += not is_same or any(
                not torch.equal(a.step_scores, b.step_scores)
                for a, b in zip(beams, others, strict=True)
                if a.step_scores is not None and b.step_scores is not None
            )
        print(f"  {name}: {bits} of {NUM_ROWS} rows differ in a bit, {tokens} in a token", flush=True)

    print(f"companies of decoded rows beside {NUM_ROWS}, {torch.get_num_threads()} threads:")
    show("backwards", codec.hypotheses(rows.flip(0), LANG, beam_size)[::-1])
    for size in COMPANIES:
        found: list[list[Hypothesis]] = []
        while len(found) < NUM_ROWS:
            # The last company overlaps the one before it, so that no row is in a smaller one.
            first = min(len(found), NUM_ROWS - size)
            found[first:] = codec.hypotheses(rows[first : first + size], LANG, beam_size)
        show(f"in companies of {size}", found)


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
        torch.set_num_threads(args.threads)
    engine = ModelEngine(space=args.space)
    engine.start_loading(("decode", "plan", "write"))
    for stage in ("decode", "plan", "write"):
        engine.prepare(stage)  # type: ignore[arg-type]
    clock = Clock(args.rounds, args.cpu)

    prompts = ("How to share a folder on the network.", "Bread for beginners.")
    plans = [plan_of(engine, prompt, seed) for seed, prompt in enumerate(prompts, start=7)]
    paths = [plan.paths[: args.sections] for plan in plans]
    # As many sections of one document as two documents would have in one call.
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

    def say(*sections: SectionConcepts) -> list[Text]:
        if args.turns:
            return say_in_turns(engine, sections, args.beams)
        said = engine.say(sections, plans[0].prompt, LANG, beam_size=args.beams)
        return [text for section in said for text in section]

    seconds, texts = clock.compare(lambda: say(*first), lambda: say(*second), lambda: say(*first, *second))
    num_first = len(texts[0])
    report("say", seconds, [len(t) for t in texts], count_differences(texts[0], texts[2][:num_first]))

    headings = [np.concatenate((plan.leads, plan.leads))[:16] for plan in plans]

    def render(vectors: Vector) -> list[Text]:
        return engine.render(vectors, LANG, beam_size=args.beams)

    seconds, texts = clock.compare(
        lambda: render(headings[0]), lambda: render(headings[1]), lambda: render(np.concatenate(headings))
    )
    report("headings", seconds, [len(t) for t in texts], count_differences(texts[0], texts[2][:16]))
    compare_companies(Codec.load(args.space or "sonar-mini"), args.beams)


if __name__ == "__main__":
    main()
