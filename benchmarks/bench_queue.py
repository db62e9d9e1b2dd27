"""How much of the workers' time for a queue is not model time?

    python benchmarks/bench_queue.py [--documents 1000] [--workers 2] [--batch 4] [--model-s 1.0]

The models are the tests' fakes: they sleep for a given time and answer from hashes, so that the rest is our overhead:
Prefect (its server, and a flow run with its task runs for each document), claiming, storing, Python.
`--model-s` is the time of all model calls of a document together; how many calls that is, is counted by writing one
without Prefect first. The shipped models need more (bench_write.py); a smaller
figure is harder on us. Prints the share of the workers' time, from the first claim to the last commit, in which no
model worked; how busy the machine was meanwhile; and for each document processor time, requests to Prefect's server
and transactions.

A Prefect server on SQLite is started for it, or on PostgreSQL with `--prefect-database`, an empty database (whose
server needs the extension pg_trgm); Longhand's own database is `--url`:

    createdb longhand_bench
    createdb prefect_bench
    python benchmarks/bench_queue.py --url postgresql+psycopg://user@127.0.0.1/longhand_bench \
        --prefect-database postgresql+asyncpg://user@127.0.0.1/prefect_bench
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from concepts.errors import LonghandError, UsageError  # noqa: E402
from flows.document.asked.options import WritingOptions  # noqa: E402
from flows.document.job.events import WorkerEvent  # noqa: E402
from flows.prefect import work_pool  # noqa: E402
from flows.prefect.api import PrefectApi  # noqa: E402
from flows.prefect.server import PrivateServer  # noqa: E402
from flows.prefect.work_pool import POOL  # noqa: E402
from storage import NewDocument, Store  # noqa: E402


def count_calls_of_one(num_sections: int) -> int:
    """Return how many calls of models a document needs, by writing one without Prefect and without delay."""
    from flows.document.job.job import Job
    from flows.leases.lease import claim
    from tests.flows.document.step_runner import run_steps
    from tests.flows.flow_fakes import FakeEngine

    engine = FakeEngine()
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/one.db") as store:
        (document,) = store.submit_documents([new_document(0, num_sections)])
        engine.start_loading(("plan", "decode", "write"))
        run_steps(Job(store, claim(store, document.id), engine))
    return len(engine.calls)


def new_document(number: int, num_sections: int) -> NewDocument:
    """Return one of the documents to queue."""
    params = WritingOptions(sections=num_sections).to_params()
    return NewDocument(prompt=f"How to share folder {number}.", lang="eng_Latn", params=params)


def be_worker(url: str, batch: int, call_s: float, api: PrefectApi) -> None:
    """Drain the queue in this process; print a line at the first claim, and one of figures at the end."""
    import asyncio

    from flows.models.sharing import SharedModels
    from flows.prefect.isolation import import_prefect, our_settings
    from tests.flows.flow_fakes import FakeEngine

    import_prefect(logs=True)
    from flows.worker import LonghandWorker, run_worker

    models = SharedModels(lambda names: FakeEngine(delay_s=call_s))
    counts: Counter[str] = Counter()
    count_calls(counts)
    first = cpu_s = 0.0

    def note(event: WorkerEvent) -> None:
        nonlocal first, cpu_s
        if event.kind == "claimed" and not first:
            counts.clear()
            first, cpu_s = time.time(), time.process_time()
            print("claimed", flush=True)
        elif event.kind == "trouble":
            print(event.message, file=sys.stderr)

    with Store.open(url) as store, our_settings(api.url, api.auth, logs=True):
        worker = LonghandWorker(POOL, store=store, models=models, limit=batch, drain=True, on_work=note)
        asyncio.run(run_worker(worker))
    now = time.time()
    found = Figures(
        # If the others were faster, this one had nothing to do.
        first=first or now,
        last=now,
        model_s=models.device.busy_s,
        num_calls=models.device.num_calls,
        cpu_s=time.process_time() - cpu_s if first else 0.0,
        counts=dict(counts),
    )
    print(json.dumps(asdict(found)))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A worker's use of resources since its first claim."""

    first: float
    """When it claimed its first document, and when it ended: seconds since the epoch."""
    last: float
    model_s: float
    num_calls: int
    """Model calls."""
    cpu_s: float
    counts: dict[str, int]
    """Requests to Prefect's server, and transactions of Longhand's database."""


def count_calls(counts: Counter[str]) -> None:
    """Count this process's requests to Prefect's server and transactions of its database from now on."""
    import httpx
    from sqlalchemy import Engine, event

    for kind in (httpx.Client, httpx.AsyncClient):
        build = kind.build_request

        def build_request(self: Any, *args: Any, build: Any = build, **kwargs: Any) -> Any:
            counts["requests"] += 1
            return build(self, *args, **kwargs)

        kind.build_request = build_request  # type: ignore[method-assign]

    @event.listens_for(Engine, "commit")
    def note_commit(connection: object) -> None:
        counts["transactions"] += 1


def run_workers(command: list[str], num: int, on_first: Callable[[], None]) -> list[Figures]:
    """Run some workers to their end and return their figures; `on_first` is called at the first claim of all."""
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(num)]
    lines: Queue[str] = Queue()

    def read(process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put("")

    for process in processes:
        Thread(target=read, args=(process,), daemon=True).start()
    found: list[Figures] = []
    num_ended = 0
    is_begun = False
    while num_ended < num:
        line = lines.get().strip()
        if line == "claimed" and not is_begun:
            is_begun = True
            on_first()
        elif line.startswith("{"):
            found.append(Figures(**json.loads(line)))
        elif not line:
            num_ended += 1
    if len(found) < num:
        sys.exit("a worker ended without its figures: see above")
    return found


def cpu_of(server: PrivateServer) -> float:
    """Return the processor seconds that the server has used."""
    import psutil

    assert server._process is not None
    spent = psutil.Process(server._process.pid).cpu_times()
    return float(spent.user + spent.system)


def idle_s() -> float:
    """Return the idle seconds, since the machine's start, of the processors that this process may use."""
    import psutil

    usable = psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else None
    times = psutil.cpu_times(percpu=True)
    return float(sum(times[number].idle for number in usable or range(len(times))))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=positive, default=1000)
    parser.add_argument("--sections", type=positive, default=8)
    parser.add_argument("--workers", type=positive, default=2)
    parser.add_argument("--batch", type=positive, default=4, help="documents in work at once in each worker")
    parser.add_argument("--model-s", type=float, default=1.0, help="model time of one document")
    parser.add_argument("--url", help="an empty database; else a SQLite file that is deleted afterwards")
    parser.add_argument("--prefect-database", help="an empty database of Prefect's; else a SQLite file")
    parser.add_argument("--call-s", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--api", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_worker:
        be_worker(args.url, args.batch, args.call_s, PrefectApi(*args.api))
        return 0
    try:
        return measure(args)
    except LonghandError as error:
        print(f"bench_queue.py: {error}", file=sys.stderr)
        return 1


def positive(typed: str) -> int:
    """Return a whole number from 1 on."""
    if not typed.isdecimal() or int(typed) < 1:
        raise argparse.ArgumentTypeError(f"{typed!r} is no whole number from 1 on")
    return int(typed)


def measure(args: argparse.Namespace) -> int:
    """Queue the documents, drain the queue and print the costs; return the exit code."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(PrivateServer(database=args.prefect_database))
        api = PrefectApi(server.ready.result(), server.auth)
        url = args.url or f"sqlite:///{folder}/longhand.db"
        queue_documents(url, api, args.documents, args.sections)
        command = [sys.executable, __file__, "--as-worker", "--url", url, "--batch", str(args.batch)]
        call_s = args.model_s / count_calls_of_one(args.sections)
        command += ["--call-s", str(call_s), "--api", api.url, str(api.auth)]
        before: list[float] = []
        started = time.time()
        found = run_workers(command, args.workers, lambda: before.extend((cpu_of(server), idle_s())))
        server_s, free_s = cpu_of(server) - before[0], idle_s() - before[1]
        with Store.open(url) as store:
            num_done = store.get_overview().counts.get("done", 0)
    report(args, found, started, num_done, server_s, free_s)
    return 0 if num_done == args.documents else 1


def queue_documents(url: str, api: PrefectApi, num: int, num_sections: int) -> None:
    """Store documents and make their flow runs."""
    with Store.open(url) as store:
        if store.get_overview().counts:
            raise UsageError("the database given by --url holds documents: name an empty one")
        work_pool.prepare(api)
        began = time.perf_counter()
        documents = store.submit_documents([new_document(number, num_sections) for number in range(num)])
        work_pool.submit(api, [store.get_document(document.id) for document in documents])
        print(f"queued {num} documents in {time.perf_counter() - began:.2f} s", flush=True)


def report(
    args: argparse.Namespace,
    found: Sequence[Figures],
    started: float,
    num_done: int,
    server_s: float,
    free_s: float,
) -> None:
    """Print the measurements."""
    num = args.documents
    first, last = min(f.first for f in found), max(f.last for f in found)
    wall_s, model_s = last - first, sum(f.model_s for f in found)
    counts = sum((Counter(f.counts) for f in found), Counter[str]())
    spent_s = sum(f.cpu_s for f in found)
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    others_s = max(0.0, num_cores * wall_s - free_s - spent_s - server_s)
    print(f"{num_done} of {num} documents done by {args.workers} workers, batch {args.batch}")
    print(f"wall: {wall_s:.1f} s from the first claim, {last - started:.1f} s with the workers' start")
    print(
        f"{num_cores} of {os.cpu_count()} cores for this: idle for {free_s / (num_cores * wall_s):.0%} of it, at "
        f"something else for {others_s / (num_cores * wall_s):.0%}"
    )
    print(f"a document: {model_s / num:.2f} s of models, {sum(f.num_calls for f in found) / num:.1f} calls")
    print(
        f"a document: {counts['requests'] / num:.1f} requests to Prefect's server, "
        f"{counts['transactions'] / num:.1f} transactions of Longhand's database"
    )
    print(
        f"a document: {spent_s / num * 1000:.0f} ms of processor time in the workers, "
        f"{server_s / num * 1000:.0f} ms in Prefect's server"
    )
    share = 1 - model_s / (args.workers * wall_s)
    spare_ms = args.workers * wall_s * share / num * 1000
    print(f"orchestration: {share:.1%} of the workers' time, {spare_ms:.0f} ms a document")


if __name__ == "__main__":
    raise SystemExit(main())
