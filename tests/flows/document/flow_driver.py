"""Write or resume one document with the fake engine: the process that tests and benchmarks kill.

    python tests/flows/document/flow_driver.py URL new|ID [--seed N] [--sections N] [--delay S]
        [--plan-only] [--api URL]
    python tests/flows/document/flow_driver.py URL ID --steps

Prints the id of the document as soon as it is stored, and every event as JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from concepts.errors import LonghandError
from flows.document.asked.options import WritingOptions
from flows.document.job.events import Event
from flows.document.job.job import Job
from flows.leases.lease import claim
from flows.prefect.api import PrefectApi
from flows.run import resume_document, write_document
from storage import NewDocument, Store
from tests.flows.document.step_runner import run_steps
from tests.flows.flow_fakes import FakeEngine
from tests.storage.fault_points import arm_from_environment


def show(event: Event) -> None:
    print(json.dumps(dataclasses.asdict(event)), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("document")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--api", default=None)
    parser.add_argument("--auth", default=None)
    parser.add_argument("--plan-only", action="store_true")
    parser.add_argument("--steps", action="store_true", help="without Prefect")
    args = parser.parse_args()
    api = None if args.api is None else PrefectApi(args.api, args.auth)
    arm_from_environment()
    engine = FakeEngine(delay_s=args.delay)
    try:
        if args.document == "new":
            options = WritingOptions(sections=args.sections, texts_per_unit=8)
            with Store.open(args.url) as store:
                new = NewDocument(
                    prompt="How to share a folder.",
                    lang="eng_Latn",
                    seed=args.seed,
                    params=options.to_params(),
                )
                document = store.create_document(new)
            print(document.id, flush=True)
            timings = write_document(
                args.url,
                document.id,
                engine=engine,
                on_event=show,
                plan_only=args.plan_only,
                prefect_api=api,
            )
        elif args.steps:
            engine.start_loading(("plan", "write", "decode"))
            with Store.open(args.url) as store:
                run_steps(Job(store, claim(store, args.document), engine))
            return 0
        else:
            timings = resume_document(args.url, args.document, engine=engine, on_event=show, prefect_api=api)
    except LonghandError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(json.dumps({"timings": timings.to_dict(), "calls": engine.calls}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
