"""Queues for slow work, each with its own threads, so that pages that only read never wait."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from concepts.counting import counted
from longhand.web.errors import CrowdedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MAX_WAIT_S = 30.0
"""Requests that wait longer are refused for now: browsers and people give up soon after."""
FIRST_GUESS_S = 5.0
"""Estimated time of one request before the first is done, including loading models."""


class WorkQueue:
    """Answers some requests at a time, in order of arrival, and refuses requests that would wait too long."""

    def __init__(
        self,
        what: str,
        *,
        num_workers: int = 1,
        max_waiting: int = 32,
        max_wait_s: float = MAX_WAIT_S,
        is_shared: bool = False,
        is_light: Callable[[Request], bool] = lambda request: False,
    ) -> None:
        """`what`: plural, for the message of a refusal.

        `is_shared`: simultaneous requests for the same address get one answer, which must not be a stream.
        `is_light`: which requests are not slow, and are answered like any page.
        """
        self._what = what
        self._limiter = CapacityLimiter(num_workers)
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s
        self._is_shared = is_shared
        self._is_light = is_light
        self._num_inside = 0
        self._mean_s = FIRST_GUESS_S
        self._shared: dict[object, tuple[asyncio.Task[Response], list[Request]]] = {}

    def queued(self, handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint that answers through this queue."""

        async def endpoint(request: Request) -> Response:
            if self._is_light(request):
                return await run_in_threadpool(handler, request)
            if not self._is_shared:
                return await self._answer(handler, [request])
            key = (request.method, request.scope["path"], request.scope["query_string"])
            if key in self._shared:
                task, requests = self._shared[key]
                requests.append(request)
            else:
                requests = [request]
                task = asyncio.create_task(self._answer_shared(handler, requests, key))
                self._shared[key] = task, requests
            return await asyncio.shield(task)

        return endpoint

    async def _answer_shared(
        self, handler: Callable[[Request], Response], requests: list[Request], key: object
    ) -> Response:
        try:
            return await self._answer(handler, requests)
        finally:
            del self._shared[key]  # before anybody can join what is over

    async def _answer(self, handler: Callable[[Request], Response], requests: list[Request]) -> Response:
        """Answer several equal requests when it is their turn."""
        if self._num_inside >= self._max_waiting + self._limiter.total_tokens:
            raise self._crowded()
        self._num_inside += 1
        turn = object()
        try:
            try:
                with fail_after(self._max_wait_s):
                    await self._limiter.acquire_on_behalf_of(turn)
            except TimeoutError:
                raise self._crowded() from None
            try:
                # Clients that reloaded or left the page need no answer.
                if all([await request.is_disconnected() for request in requests]):
                    raise ClientDisconnect
                started = time.monotonic()
                try:
                    return await to_thread.run_sync(handler, requests[0], limiter=CapacityLimiter(1))
                finally:
                    self._mean_s += (time.monotonic() - started - self._mean_s) / 4
            finally:
                self._limiter.release_on_behalf_of(turn)
        finally:
            self._num_inside -= 1

    def _crowded(self) -> CrowdedError:
        num_waiting = max(1, self._num_inside - int(self._limiter.total_tokens))
        seconds = math.ceil((num_waiting + 1) * self._mean_s / self._limiter.total_tokens)
        seconds = min(max(seconds, 1), int(MAX_WAIT_S))
        return CrowdedError(
            f"busy: {num_waiting} {self._what} are waiting; try again in {counted(seconds, 'second')}",
            retry_after_s=seconds,
        )
