"""What runs in a host: a worker with the fake models, and what puts documents back into the queue."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

from storage import Store

CALL_S = 0.3
"""Seconds of a fake model's call."""
SECRET = "longhand:of-several-hosts"
"""Secret of Prefect's server."""


def be_worker(name: str, folder: Path, clock_s: float, arguments: list[str]) -> int:
    """Be `longhand worker` with the fake models, which wait where the file `hold-NAME` says so.

    Its first line names where: `model` in the second section unit from then on, `transaction` after the results of a
    unit are written and before they are committed. `held-NAME` says that it waits, until `hold-NAME` is gone.
    """
    import flows.models.sharing
    from longhand import cli
    from tests.flows.flow_fakes import FakeEngine
    from tests.storage import fault_points

    hold, held = folder / f"hold-{name}", folder / f"held-{name}"
    num_asked = 0

    def wait(place: str) -> None:
        nonlocal num_asked
        if not hold.exists() or hold.read_text() != place:
            return
        num_asked += 1
        if num_asked == 2:
            held.touch()
            while hold.exists():
                time.sleep(0.02)
            held.unlink()
            num_asked = 0

    def before_call(method: str, _: int) -> None:
        if method == "write":
            wait("model")

    def at_point(point: str, _: int) -> None:
        if point == "commit_concepts.after":
            wait("transaction")

    fault_points.watch(at_point)
    engine = FakeEngine(delay_s=CALL_S, before=before_call)
    flows.models.sharing.SharedModels = partial(flows.models.sharing.SharedModels, lambda names: engine)  # type: ignore[assignment,misc]
    real = time.time
    time.time = lambda: real() + clock_s
    return cli.run(["worker", "--log-format", "json", *arguments])


def put_back(api_url: str) -> None:
    """Make the work pool on Prefect's server, and a flow run for each document that waits."""
    from flows.prefect import work_pool
    from flows.prefect.api import PrefectApi

    with PrefectApi(api_url, SECRET) as api, Store.open(os.environ.get("LONGHAND_DATABASE_URL")) as store:
        work_pool.prepare(api)
        work_pool.put_back_lost(api, store)
