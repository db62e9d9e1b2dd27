"""Sums of a run's seconds by name; several threads may add to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timings:
    """A sum of seconds for each name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}

    def add(self, name: str, seconds: float) -> None:
        """Add seconds to a name."""
        with self._lock:
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Add the duration of the `with` block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - started)

    def get(self, name: str) -> float:
        """Return the seconds of a name; 0 if it never ran."""
        with self._lock:
            return self._seconds.get(name, 0.0)

    def to_dict(self) -> dict[str, float]:
        """Return all sums, rounded to a tenth of a millisecond."""
        with self._lock:
            return {name: round(seconds, 4) for name, seconds in self._seconds.items()}
