"""Lets Prefect's server run its schedules on SQLAlchemy 2.1, and write to SQLite in turn.

Prefect 3.8.8 inserts a schedule's runs with values for its own hybrid properties (`FlowRun.state`,
`FlowRunState.data`). SQLAlchemy 2.0 ignored them; 2.1 refuses such an insert unless the property defines how
to store the value ("please supply a bulk_dml decorated function"). The server goes on, but no schedule ever
makes a run. This module makes the properties ignore the value, as before.

A server in our environment loads it by the entry point `prefect.collections`; `longhand up` runs this module,
which acts as the command `prefect`: python -m flows.prefect_repair server start.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

MODELS = "prefect.server.database.orm_models"
CONFIGURATIONS = "prefect.server.database.configurations"


def ignore_value(cls: type[Any], mapping: MutableMapping[str, Any], value: Any) -> None:
    """Leave a row for insertion unchanged: the hybrid property has no column."""


def begin_immediately() -> None:
    """Make every transaction of the server on SQLite take the write lock when it begins.

    Prefect begins them as readers. A reader that starts to write fails at once if another one has written meanwhile;
    then the server answers 503 and its clients wait for 2, 4, 8 seconds: most of the time with a few parallel runs.

    Prefect keeps the mode of `BEGIN` in a context variable, so a session that is opened inside a transaction inherits
    it; pausing a work queue opens one. It must begin as a reader: it would wait a minute for the lock of the outer
    transaction, which waits for it.
    """
    import importlib

    configurations = importlib.import_module(CONFIGURATIONS)
    config, mode = configurations.AioSqliteConfiguration, configurations.SQLITE_BEGIN_MODE
    begin = config.begin_transaction

    @asynccontextmanager
    async def begin_transaction(self: Any, session: Any, with_for_update: bool = False) -> AsyncIterator[Any]:
        async with begin(self, session, with_for_update=True) as transaction:
            await session.connection()  # sends BEGIN
            token = mode.set("DEFERRED")
            try:
                yield transaction
            finally:
                mode.reset(token)

    if not getattr(begin, "is_ours", False):
        begin_transaction.is_ours = True  # type: ignore[attr-defined]
        config.begin_transaction = begin_transaction


def repair() -> list[str]:
    """Do all repairs, in a process that serves Prefect's API; return the repaired properties."""
    begin_immediately()
    return repair_inserts()


def repair_inserts() -> list[str]:
    """Make inserts ignore the hybrid properties of Prefect's tables; return the changed properties' names."""
    import importlib

    from sqlalchemy.ext.hybrid import hybrid_property

    if not hasattr(hybrid_property, "bulk_dml"):
        return []
    changed = []
    for model in vars(importlib.import_module(MODELS)).values():
        if not isinstance(model, type) or model.__module__ != MODELS:
            continue
        for name, attribute in vars(model).items():
            if isinstance(attribute, hybrid_property) and attribute.bulk_dml_setter is None:
                attribute.inplace.bulk_dml(ignore_value)
                changed.append(f"{model.__name__}.{name}")
    return changed


if MODELS in sys.modules:
    # A server loads this through the entry point; workers and clients do not need it.
    repair()


if __name__ == "__main__":
    from prefect.cli import app

    repair()
    app()
