"""Savings of a worker whose documents share model calls (`longhand worker --together`), and changes in its results.

    python benchmarks/bench_together.py --documents 8 --sections 4 --batch 4 --rounds 3
    OMP_NUM_THREADS=1 nice -n 5 python benchmarks/bench_together.py     # on a machine that does other things

Queues the same documents again and again and lets one worker write them with the shipped models, in turns without
and with `--together`, in one process and in new databases. Prints of both the median wall clock time, processor
time and time inside the models, documents a minute, model calls, and how many documents a call that could be shared
was for; then how many texts and vectors of the documents differ between the two, and between two runs without.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flows.document.asked.options import WritingOptions
from flows.document.job.events import WorkerEvent
from flows.models.engine import ModelEngine
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from flows.prefect.server import PrivateServer
from storage import NewDocument, Store
from tests.flows import queue_runner

Vector = NDArray[np.float32]
PROMPTS = (
    "How to share a folder on the network",
    "Bread for beginners",
    "Printing a document",
    "How to set up a mail account",
    "A vegetable soup for cold days",
    "How to choose a good password",
    "Making a backup of your files",
    "How to install an application",
)


@dataclass(frozen=True)
class Drained:
    """The costs of writing all documents, and their contents in the order of the queue."""

    wall_s: float
    cpu_s: float
    model_s: float
    num_calls: int
    companies: list[int]
    """Documents that shared the calls of each written or decoded unit."""
    texts: list[str]
    """Headings and sentences."""
    sections: list[Vector]
    """Raw concepts."""


def drain(engine: ModelEngine, args: argparse.Namespace, *, together: bool) -> Drained:
    """Queue the documents in a new database and let a worker write them."""
    models = SharedModels(lambda _: engine, together=together)
    companies: list[int] = []

    def note(event: WorkerEvent) -> None:
        if event.kind == "unit" and event.stage in ("write", "decode"):
            companies.append(event.company)

    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/longhand.db") as store:
        params = WritingOptions(sections=args.sections).to_params()
        prompts = [PROMPTS[n % len(PROMPTS)] for n in range(args.documents)]
        news = [
            NewDocument(prompt=prompt, lang="eng_Latn", seed=seed, params=params)
            for seed, prompt in enumerate(prompts)
        ]
        ids = [found.id for found in store.submit_documents(news)]
        wall, cpu = time.perf_counter(), time.process_time()
        tally = queue_runner.drain(store, args.api, models=models, limit=args.batch, on_work=note)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert tally == {"done": args.documents}, tally
        texts: list[str] = []
        sections: list[Vector] = []
        for document_id in ids:
            items = store.get_outline(document_id).items
            written = store.get_concepts([item.id for item in items])
            sections += [written[item.id].vectors for item in items if item.id in written]
            for found in store.get_renderings(document_id, "eng_Latn"):
                texts.append(found.text)
    return Drained(wall, cpu, models.device.busy_s, models.device.num_calls, companies, texts, sections)


def difference(one: Drained, other: Drained) -> str:
    """Return how many texts and sections differ, and the difference between sections of equal length."""
    texts = sum(a != b for a, b in zip(one.texts, other.texts, strict=False))
    texts += abs(len(one.texts) - len(other.texts))
    pairs = list(zip(one.sections, other.sections, strict=True))
    alike = [(a, b) for a, b in pairs if a.shape == b.shape]
    bits = sum(not np.array_equal(a, b) for a, b in alike)
    far = max((float(np.abs(a - b).max()) for a, b in alike if a.size), default=0.0)
    return (
        f"{texts} of {len(one.texts)} texts differ, the vectors of {bits} of {len(pairs)} sections "
        f"(a number by up to {far:.2g}), the length of {len(pairs) - len(alike)}"
    )


def report(name: str, runs: Sequence[Drained], num_documents: int) -> tuple[float, float, float]:
    """Print the medians of some runs and return wall clock, processor and model seconds."""
    seconds = [[run.wall_s for run in runs], [run.cpu_s for run in runs], [run.model_s for run in runs]]
    wall_s, cpu_s, model_s = map(statistics.median, seconds)
    calls = statistics.median(run.num_calls for run in runs)
    # A unit of n documents in a call counts as an n-th of the call.
    mean = statistics.median(len(run.companies) / sum(1 / n for n in run.companies) for run in runs)
    print(
        f"{name}: {wall_s:.1f} s of wall clock, {cpu_s:.1f} s of processors, {model_s:.1f} s in models; "
        f"{60 * num_documents / wall_s:.1f} documents a minute; {calls:.0f} model calls, "
        f"{mean:.2f} documents a call that writes or decodes",
        flush=True,
    )
    return wall_s, cpu_s, model_s


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--sections", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4, help="documents in work at once")
    parser.add_argument("--rounds", type=int, default=3, help="of each of the two")
    parser.add_argument("--space", help="of the models; else the one that ships")
    args = parser.parse_args()
    with PrivateServer() as server, PrefectApi(server.ready.result(), server.auth) as api:
        args.api = api
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Write the documents in turns without and with sharing, and print the savings."""
    engine = ModelEngine(space=args.space)
    engine.start_loading(("decode", "plan", "write"))
    for stage in ("decode", "plan", "write"):
        engine.prepare(stage)  # type: ignore[arg-type]
    print(
        f"{args.documents} documents of {args.sections} sections, batch {args.batch}, "
        f"{torch.get_num_threads()} threads of torch, {os.cpu_count()} cores"
    )
    alone: list[Drained] = []
    shared: list[Drained] = []
    drain(engine, argparse.Namespace(**{**vars(args), "documents": args.batch}), together=True)  # warms up
    for _ in range(args.rounds):
        alone.append(drain(engine, args, together=False))
        shared.append(drain(engine, args, together=True))
    before = report("alone", alone, args.documents)
    after = report("together", shared, args.documents)
    for name, a, b in zip(("wall clock", "processor", "model"), before, after, strict=True):
        print(f"  {name} time: {b / a:.2f} of it")
    print(f"alone and together: {difference(alone[-1], shared[-1])}")
    if args.rounds > 1:
        print(f"alone and alone: {difference(alone[0], alone[-1])}")
        print(f"together and together: {difference(shared[0], shared[-1])}")


if __name__ == "__main__":
    main()
