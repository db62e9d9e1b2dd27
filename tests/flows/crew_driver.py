"""One process of a launch, with the fake engine: rank 0 writes the documents that wait, the others help it.

    accelerate launch --multi_gpu --num_processes 2 tests/flows/crew_driver.py URL [--delay S]
    RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=PORT python tests/flows/crew_driver.py URL [--delay S]

`--api` and `--auth` name a Prefect server that runs; without them the leader starts its own.
Kills itself where `LONGHAND_TEST_FAULT` says so, see `fault_points`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flows.crew import Helper, join, led, place_of_process, use_device_of_rank
from flows.errors import CrewError
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from flows.run import write_document
from storage import Store
from tests.flows.flow_fakes import FakeEngine
from tests.storage.fault_points import arm_from_environment


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--api", default=None)
    parser.add_argument("--auth", default=None)
    args = parser.parse_args()
    api = None if args.api is None else PrefectApi(args.api, args.auth)
    models = SharedModels(lambda _: FakeEngine(delay_s=args.delay))
    with Store.open(args.url) as store:
        try:
            place = place_of_process()
            crew = join(store, place)
        except CrewError as error:
            print(error, file=sys.stderr)
            return 1
        arm_from_environment()
        use_device_of_rank(place)
        if crew.rank == 0:
            with led(crew):
                waiting = store.list_documents(("queued", "planning", "writing", "decoding"))
                for document in reversed(waiting):
                    engine = FakeEngine(delay_s=args.delay)
                    write_document(args.url, document.id, engine=engine, prefect_api=api)
                print({"done": len(waiting)})
        else:
            Helper(
                store,
                models,
                crew.leader,
                is_over=crew.is_over,
                on_event=lambda event: print(event.message, end="", file=sys.stderr),
            ).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
