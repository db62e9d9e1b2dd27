"""The clock for leases: the server's time on PostgreSQL, the machine's on SQLite.

The epoch decides who may write, never a clock. Clocks only decide when a silent lease holder may be replaced, so all
processes on a database must share one: on SQLite they share the machine's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from storage.database.pool import Database

LOOK_EVERY_S = 10.0


def clock_of(database: Database) -> Callable[[], float]:
    """Return the clock that all processes on a database share; it returns epoch seconds."""
    if database.is_sqlite:
        return time.time

    def ask() -> float:
        with database.read() as connection:
            return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)

    return ServerClock(ask)


def _ticks() -> float:
    """Return the seconds of a clock that nobody can set and that goes on while the machine sleeps."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class ServerClock:
    """A server's time, queried now and then; a clock that nobody can set fills the time in between."""

    def __init__(self, ask: Callable[[], float], ticks: Callable[[], float] = _ticks) -> None:
        """`ask` returns the server's epoch seconds; calls raise its errors."""
        self._ask = ask
        self._ticks = ticks
        self._known: tuple[float, float] | None = None

    def __call__(self) -> float:
        """Return epoch seconds."""
        before = self._ticks()
        known = self._known
        if known is None or not 0 <= before - known[0] < LOOK_EVERY_S:
            asked = self._ask()
            after = self._ticks()
            # The server read its clock about half way between question and answer.
            known = self._known = (after, asked + (after - before) / 2)
            before = after
        ticks, epoch_s = known
        return epoch_s + (before - ticks)
