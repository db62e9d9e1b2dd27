"""A line to a running Prefect server: one thread that holds a client with our settings and nobody else's.

Prefect's settings belong to a thread, and importing it takes seconds; both happen once, in that thread,
while the caller goes on. Nothing here knows a document.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from concepts.errors import UsageError
from flows.errors import FlowError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

T = TypeVar("T")
API_VARIABLE = "LONGHAND_PREFECT_API"
CALL_TIMEOUT_S = 15.0
START_TIMEOUT_S = 120.0
"""The first call imports Prefect."""


def known_api(typed: str | None = None) -> str | None:
    """Return the URL of the Prefect API to use: the argument, else the variable, else `longhand up`'s.

    None where there is none; then documents are written all the same, and nothing shows them.
    Raises UsageError where what was named is no such URL.
    """
    from flows.station import running_station

    if url := typed or os.environ.get(API_VARIABLE):
        return check_api(url)
    station = running_station()
    return None if station is None else station.api_url


def check_api(url: str) -> str:
    """Return the URL without a slash at its end; raise UsageError where it is none."""
    if not _is_api(url):
        raise UsageError(
            f"{url!r} is not the URL of a Prefect API: expected one like http://127.0.0.1:4200/api"
        )
    return url.rstrip("/")


def _is_api(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        # What is no port is noticed only where it is read.
        is_port = parts.port != 0
    except ValueError:
        return False
    is_place = parts.scheme in ("http", "https") and parts.hostname is not None and is_port
    return is_place and bool(parts.path.strip("/"))


class PrefectLink:
    """Calls functions with a Prefect client, one after the other."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prefect")
        self._client: SyncPrefectClient | None = None
        self._is_started = False

    def call(self, function: Callable[[SyncPrefectClient], T], *, timeout_s: float = CALL_TIMEOUT_S) -> T:
        """Return what `function` returns for the client.

        Raises FlowError where the server cannot be reached in time; what the function raises otherwise
        (a Prefect exception) comes as it is.
        """
        future: Future[T] = self._pool.submit(self._run, function)
        try:
            return future.result(timeout_s if self._is_started else START_TIMEOUT_S)
        except FutureTimeout:
            future.cancel()
            raise FlowError(f"Prefect's server at {self.api_url} does not answer: is it running?") from None

    def _run(self, function: Callable[[SyncPrefectClient], T]) -> T:
        import httpx

        try:
            if self._client is None:
                self._client = self._connect()
            return function(self._client)
        except httpx.TransportError as error:
            raise FlowError(f"Prefect's server at {self.api_url} cannot be reached ({error})") from error

    def _connect(self) -> SyncPrefectClient:
        from flows.isolation import import_prefect, our_settings

        if not self._is_started:
            import_prefect()
            self._stack.enter_context(our_settings(self.api_url))
            self._is_started = True
        from prefect.client.orchestration import get_client

        client = get_client(httpx_settings={"timeout": CALL_TIMEOUT_S / 2}, sync_client=True)
        try:
            return self._stack.enter_context(client)
        except RuntimeError as error:
            # Prefect raises it for whatever goes wrong while it asks the server's version.
            first = (str(error).splitlines() or [""])[0]
            raise FlowError(f"Prefect's server at {self.api_url} cannot be reached ({first})") from error

    def close(self) -> None:
        """Close the client and end the thread."""
        self._pool.submit(self._stack.close)
        self._pool.shutdown(wait=True)

    def __enter__(self) -> PrefectLink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
