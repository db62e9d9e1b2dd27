"""The device slot: at most so many workers use devices as Prefect's global concurrency limit allows.

The slot is held by a lease on the server, renewed while documents are in work; a dead worker's slot is
free when its lease ends. It is strict: without the limit no worker starts, and who cannot renew the lease
in time leaves the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from flows.errors import FlowError
from flows.prefect_link import PrefectLink

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

LIMIT_NAME = "longhand-device"
LEASE_S = 60.0
"""Prefect allows no less."""
TURN_S = 300.0
"""After so long a worker lets others have the device, if it is asked for."""
PATIENCE_S = 5.0
"""How long to wait before asking again."""
LOCKED = 423


class DeviceSlot:
    """One worker's slot; for one thread."""

    def __init__(self, link: PrefectLink, clock: Callable[[], float] = time.monotonic) -> None:
        self._link, self._clock = link, clock
        self._lease_id: UUID | None = None
        self._held_since = self._renewed_at = self._next_try = 0.0

    def check(self) -> None:
        """Raise FlowError where the limit does not exist or the server cannot be reached."""

        def read(client: SyncPrefectClient) -> None:
            from prefect.exceptions import ObjectNotFound

            try:
                client.read_global_concurrency_limit_by_name(LIMIT_NAME)
            except ObjectNotFound:
                raise _missing(self._link.api_url) from None

        self._link.call(read)

    def ask(self) -> bool:
        """Return whether the slot is ours: renew it, or try to get it. Raises FlowError where there is no limit."""
        now = self._clock()
        if self._lease_id is None:
            if now >= self._next_try:
                self._acquire()
        elif now - self._renewed_at >= LEASE_S / 3:
            self._renew(self._lease_id)
        return self._lease_id is not None

    def _acquire(self) -> None:
        import httpx

        now = self._clock()
        try:
            answer = self._link.call(
                lambda client: client.increment_concurrency_slots_with_lease(
                    names=[LIMIT_NAME], slots=1, mode="concurrency", lease_duration=LEASE_S
                )
            )
        except (httpx.HTTPStatusError, FlowError):
            # Most often 423: all slots are taken.
            self._next_try = now + PATIENCE_S
            return
        found = answer.json()
        if not found["limits"]:
            raise _missing(self._link.api_url)
        self._lease_id = UUID(found["lease_id"])
        self._held_since = self._renewed_at = now

    def _renew(self, lease_id: UUID) -> None:
        import httpx

        now = self._clock()
        try:
            self._link.call(lambda client: client.renew_concurrency_lease(lease_id, LEASE_S))
        except httpx.HTTPStatusError:
            self._lease_id = None  # the lease is over: the slot may be another's by now
        except FlowError:
            if now - self._renewed_at >= LEASE_S * 2 / 3:
                self._lease_id = None
        else:
            self._renewed_at = now

    def is_turn_over(self) -> bool:
        """Return whether we have had the slot for a whole turn."""
        return self._lease_id is not None and self._clock() - self._held_since >= TURN_S

    def end_turn(self) -> None:
        """Give the slot back and ask for it again only after all others that wait have asked."""
        self.give_back()
        self._next_try = self._clock() + 2 * PATIENCE_S

    def give_back(self) -> None:
        """Release the slot; where the server does not answer, its lease ends by itself."""
        import httpx

        lease_id, self._lease_id = self._lease_id, None
        if lease_id is not None:
            try:
                self._link.call(lambda client: client.release_concurrency_slots_with_lease(lease_id))
            except (httpx.HTTPStatusError, FlowError):
                return


def _missing(api_url: str) -> FlowError:
    return FlowError(
        f"the Prefect server at {api_url} has no concurrency limit {LIMIT_NAME!r}: make it with "
        f"`prefect gcl create {LIMIT_NAME} --limit N`, N being the number of devices"
    )
