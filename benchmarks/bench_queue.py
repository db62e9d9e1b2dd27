"""How much of the time that workers need for a queue is not model time.

    python benchmarks/bench_queue.py [--documents 1000] [--workers 2] [--batch 2] [--model-s 1.0]

The models are the tests' fake ones: they sleep for a stated time and answer from hashes, so that what is
left is ours: Prefect (its server, and a flow run with its task runs for each document), claiming, storing, Python.
Each document of eight sections needs six calls: one to encode, one to plan, two to write, one for the
headings and one for the texts; `--model-s` is the time of all its calls together, a sixth of it a call. The
shipped models need 4.8 s for such a document on two CPU cores (bench_write.py); a smaller figure is harder on
us. Prints the share of the workers' time, from the first claim to the last commit, in which no model worked;
and the same for each worker with its start. A Prefect server on SQLite is started for it, or on PostgreSQL with
`--prefect-database`; Longhand's own database is `--url`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests" / "flows"))

from flows.document.options import WritingOptions  # noqa: E402
from flows.events import WorkerEvent  # noqa: E402
from flows.prefect import work_pool  # noqa: E402
from flows.prefect.api import PrefectApi  # noqa: E402
from flows.prefect.server import PrivateServer  # noqa: E402
from flows.prefect.work_pool import POOL  # noqa: E402
from storage import NewDocument, Store  # noqa: E402

CALLS_PER_DOCUMENT = 6


def be_worker(url: str, batch: int, model_s: float, api: PrefectApi) -> None:
    """Drain the queue in this process; print when the first document was claimed and how long models worked."""
    import asyncio

    from flow_fakes import FakeEngine

    from flows.device import SharedModels
    from flows.prefect.isolation import import_prefect, our_settings

    import_prefect(logs=True)
    from flows.worker import LonghandWorker, run_worker

    engine = FakeEngine(delay_s=model_s / CALLS_PER_DOCUMENT)
    models = SharedModels(lambda names: engine)
    claims: list[float] = []

    def note(event: WorkerEvent) -> None:
        if event.kind == "claimed":
            claims.append(time.time())
        elif event.kind == "trouble":
            print(event.message, file=sys.stderr)

    cpu_s = time.process_time()
    with Store.open(url) as store, our_settings(api.url, api.auth, logs=True):
        worker = LonghandWorker(POOL, store=store, models=models, limit=batch, drain=True, on_work=note)
        asyncio.run(run_worker(worker))
    # Where the others were faster, this one had nothing to do.
    first = claims[0] if claims else time.time()
    print(
        json.dumps(
            {
                "first": first,
                "last": time.time(),
                "model_s": models.device.busy_s,
                "cpu_s": time.process_time() - cpu_s,
                "tally": worker.tally,
            }
        )
    )


def cpu_of(server: PrivateServer) -> float:
    """Return the processor seconds that the server has used."""
    import psutil

    assert server._process is not None
    spent = psutil.Process(server._process.pid).cpu_times()
    return float(spent.user + spent.system)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2, help="documents in work at once in each worker")
    parser.add_argument("--model-s", type=float, default=1.0, help="model time of one document")
    parser.add_argument("--url", help="an empty database; else a SQLite file that is deleted afterwards")
    parser.add_argument("--prefect-database", help="an empty database of Prefect's; else a SQLite file")
    parser.add_argument("--api", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--as-worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_worker:
        be_worker(args.url, args.batch, args.model_s, PrefectApi(*args.api))
        return 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = stack.enter_context(PrivateServer(database=args.prefect_database))
        api = PrefectApi(server.ready.result(), server.auth)
        url = args.url or f"sqlite:///{folder}/longhand.db"
        params = WritingOptions(sections=args.sections).to_params()
        with Store.open(url) as store:
            work_pool.prepare(api)
            began = time.perf_counter()
            found_ids = store.submit_documents(
                [
                    NewDocument(prompt=f"How to share folder {n}.", lang="eng_Latn", params=params)
                    for n in range(args.documents)
                ]
            )
            work_pool.submit(api, [store.get_document(found.id) for found in found_ids])
            print(f"queued {args.documents} documents in {time.perf_counter() - began:.2f} s")
        command = [sys.executable, __file__, "--as-worker", "--url", url, "--batch", str(args.batch)]
        command += ["--model-s", str(args.model_s), "--api", api.url, str(api.auth)]
        started = time.time()
        processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(args.workers)
        ]
        before_s = cpu_of(server)
        found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        server_s = (cpu_of(server) - before_s) / args.documents
        with Store.open(url) as store:
            num_done = store.get_overview().counts.get("done", 0)
            num_calls = (
                args.documents and sum(f["model_s"] for f in found) * CALLS_PER_DOCUMENT / args.model_s
            )
    first, last = min(f["first"] for f in found), max(f["last"] for f in found)
    model_s = sum(f["model_s"] for f in found)
    print(f"{num_done} of {args.documents} documents done by {args.workers} workers, batch {args.batch}")
    print(
        f"model time of a document: {model_s / args.documents:.2f} s ({num_calls / args.documents:.1f} calls)"
    )
    print(f"wall: {last - first:.1f} s from the first claim, {last - started:.1f} s with the workers' start")
    cpu_s = sum(f["cpu_s"] for f in found) / args.documents
    print(
        f"processor time of a document: {cpu_s * 1000:.0f} ms in the workers, "
        f"{server_s * 1000:.0f} ms in Prefect's server"
    )
    share = 1 - model_s / (args.workers * (last - first))
    print(f"orchestration: {share:.1%} of the workers' time ({os.cpu_count()} cores)")
    print(
        f"a document: {args.workers * (last - first) * share / args.documents * 1000:.0f} ms in which no model worked"
    )
    return 0 if num_done == args.documents else 1


if __name__ == "__main__":
    raise SystemExit(main())
