"""Prefect's background services in a process that runs flows: they must end before their server does.

Prefect waits for its services when the interpreter ends. Without this, a service that is still sending (an event, a
log, a request for a concurrency slot that Ctrl-C cut off) retries for half a minute against a server that is gone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

SEND_TIMEOUT_S = 1.0
"""How long Prefect may go on sending its queue."""
CANCEL_TIMEOUT_S = 1.0
"""How long a cancelled service may take to close its connections."""
_QUEUES = (
    "APILogWorker",
    "ConcurrencySlotAcquisitionService",
    "ConcurrencySlotAcquisitionWithLeaseService",
    "EventsWorker",
)
"""Loggers of the services: at exit each logs how much is left to send."""


def end_services() -> None:
    """Let Prefect's services send their queues for a moment, then cancel the unfinished ones."""
    for name in _QUEUES:
        logging.getLogger(name).setLevel(logging.ERROR)
    module = sys.modules.get("prefect._internal.concurrency.services")
    if module is None:
        return  # the run ended before Prefect was imported
    services = [service for service in list(module._active_services) if service._done_event is not None]
    # Prefect forgets the task of a service that it tells to stop.
    tasks = [(service._loop, service._task) for service in services]
    with suppress(RuntimeError):  # the loop has ended, and with it all of them
        wait([service._drain() for service in services], timeout=SEND_TIMEOUT_S)
        late = [(loop, task) for loop, task in tasks if task is not None and not task.done()]
        wait([_cancel(loop, task) for loop, task in late], timeout=CANCEL_TIMEOUT_S)


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> Future[Any]:
    async def cancel() -> None:
        task.cancel()
        await asyncio.wait([task])

    body: Coroutine[Any, Any, None] = cancel()
    return asyncio.run_coroutine_threadsafe(body, loop)
