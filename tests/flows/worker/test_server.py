"""Prefect's server as we start it: what it answers to Prefect's pages, and what it says where it cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.server import PrivateServer


def test_a_work_queue_is_paused_and_goes_on(api: PrefectApi) -> None:
    """Prefect reads by a second session inside the transaction that writes."""
    work_pool.prepare(api)
    path = f"/work_pools/{work_pool.POOL}/queues/{work_pool.LATER}"
    for is_paused in (True, False):
        api.call("PATCH", path, {"is_paused": is_paused})  # an error if it takes 15 s
        assert (api.get(path) or {})["is_paused"] is is_paused


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/nowhere/prefect.db"
    with (
        PrivateServer(database=database) as server,
        pytest.raises(FlowError, match="unable to open database file"),
    ):
        server.ready.result()
