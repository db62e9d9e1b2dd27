"""A worker of the queue in this process, on the tests' Prefect server, with the fake engine."""

from __future__ import annotations

import asyncio
from typing import Any

from concepts.errors import NotFoundError
from flows.models.sharing import SharedModels
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.isolation import import_prefect, our_settings
from storage import Store
from tests.flows.flow_fakes import FakeEngine


def make_worker(store: Store, engine: Any = None, *, models: Any = None, **options: Any) -> Any:
    """Return a worker that ends when nothing waits any more."""
    import_prefect()
    from flows.worker import LonghandWorker

    engine = FakeEngine() if engine is None else engine
    models = SharedModels(lambda names: engine) if models is None else models
    values = {"drain": True, "name": f"worker of {id(store)}", **options}
    return LonghandWorker(work_pool.POOL, store=store, models=models, **values)


def run(worker: Any, api: PrefectApi, store: Store) -> dict[str, int]:
    """Run a worker until it has finished; return how many documents ended how."""
    from flows.worker import run_worker

    forget_others(api, store)
    with our_settings(api.url, api.auth):
        asyncio.run(run_worker(worker))
    return dict(worker.tally)


def drain(store: Store, api: PrefectApi, engine: Any = None, **options: Any) -> dict[str, int]:
    """Write all documents that wait in a store; return how many ended how."""
    return run(make_worker(store, engine, **options), api, store)


def forget_others(api: PrefectApi, store: Store) -> None:
    """Delete the runs that wait for documents of other tests."""
    waiting = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}}
    for found in api.pages("/flow_runs/filter", {"flow_runs": waiting}):
        try:
            store.get_document(found["parameters"].get("document_id") or "none")
        except NotFoundError:
            api.call("DELETE", f"/flow_runs/{found['id']}")


def state_of(api: PrefectApi, store: Store, document_id: str) -> Any:
    """Return the state of a document's flow run."""
    found = work_pool.find_run(api, store.get_document(document_id))
    return None if found is None else found["state"]
