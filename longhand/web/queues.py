"""Queues for work that takes long, each with threads of its own: pages that only read never wait behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect

from longhand.web.errors import CrowdedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class WorkQueue:
    """Answers some requests at a time, in the order in which they came, and refuses what would wait too long."""

    def __init__(self, what: str, *, num_workers: int = 1, max_waiting: int = 32) -> None:
        """`what`: plural, for the message to whoever is refused."""
        self._what = what
        self._limiter = CapacityLimiter(num_workers)
        self._max_waiting = max_waiting
        self._num_inside = 0

    def queued(self, handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint that answers through this queue."""

        async def endpoint(request: Request) -> Response:
            if self._num_inside >= self._max_waiting + self._limiter.total_tokens:
                raise CrowdedError(f"{self._max_waiting} {self._what} wait already: try again in a moment")
            self._num_inside += 1
            try:
                async with self._limiter:
                    # Who reloaded the page, or left, wants no answer any more.
                    if await request.is_disconnected():
                        raise ClientDisconnect
                    return await to_thread.run_sync(handler, request, limiter=CapacityLimiter(1))
            finally:
                self._num_inside -= 1

        return endpoint
