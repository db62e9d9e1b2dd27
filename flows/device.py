"""Turns on a device: one call at a time, the oldest first; one call may answer several asks of one kind.

No timers: asks queue up while the device works. When it is free, the thread with the oldest ask makes a call
for it and for all waiting asks of its kind that fit. If that call raises, each thread then makes its own call,
so that an error reaches only the ask that causes it; if the calling thread is interrupted, the others go on
waiting. Asks and answers are any values; this module does not look inside them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")
MOST_ROWS = 64
"""Rows (sections) of a shared call."""
LOOK_S = 0.5
"""How often a waiting thread wakes up: an interrupt in another thread of the process does not end its wait."""


@dataclass
class Bill:
    """Costs of one thread's turns."""

    waited_s: float = 0.0
    """Seconds that the device worked for others: before a turn, and on their rows of a shared call."""
    company: int = 1
    """Asks answered by the largest call."""


_bill: ContextVar[Bill | None] = ContextVar("bill", default=None)


@contextmanager
def billed() -> Iterator[Bill]:
    """Yield the bill of this thread's turns inside the block."""
    bill = Bill()
    token = _bill.set(bill)
    try:
        yield bill
    finally:
        _bill.reset(token)


@dataclass(frozen=True)
class Kind(Generic[A, R]):
    """Asks that one call can answer: those with the same key."""

    key: Hashable
    together: Callable[[Sequence[A]], Sequence[R]]
    """Returns an answer for each of several asks."""


@dataclass(eq=False)
class _Ask(Generic[A, R]):
    what: A
    num_rows: int
    kind: Kind[A, R] | None
    """None: the ask shares no call."""
    asked_at: float
    answers: list[R] = field(default_factory=list)
    """Its answer, once a call has returned it."""
    share_s: float = 0.0
    """Its rows' share of the seconds of the calls made for it."""
    company: int = 1
    woken: threading.Lock = field(default_factory=threading.Lock)
    """Released to wake the waiting thread. A plain lock: an interrupt inside `threading.Condition`, which is
    Python code, would leave it locked for ever."""

    def __post_init__(self) -> None:
        self.woken.acquire()

    def wake(self) -> None:
        """Called by one thread at a time."""
        if self.woken.locked():
            self.woken.release()


class Device:
    """Works for one thread at a time."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """`most_rows`: limit of a shared call."""
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._waiting: list[_Ask[Any, Any]] = []
        self._is_busy = False
        self.busy_s = 0.0
        """Seconds at work."""
        self.num_calls = 0
        """Calls, failed ones included."""
        self.num_answers = 0
        """Asks that were answered."""

    def call(self, work: Callable[[], R]) -> R:
        """Return what `work` returns, in turn."""
        return self.ask(None, lambda _: work(), num_rows=1)

    def ask(self, what: A, alone: Callable[[A], R], *, num_rows: int, kind: Kind[A, R] | None = None) -> R:
        """Return the answer to an ask of `num_rows` rows, in turn: from `alone`, or from a shared call.

        `kind` None: the ask shares no call. Raises the errors of `alone`.
        """
        mine = _Ask(what, max(1, num_rows), kind, time.perf_counter())
        try:
            with self._lock:
                self._waiting.append(mine)
            while not mine.answers:
                self._take_turn(mine, alone)
        finally:
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    self._wake_oldest()
            if (bill := _bill.get()) is not None:
                bill.waited_s += time.perf_counter() - mine.asked_at - mine.share_s
                bill.company = max(bill.company, mine.company)
        return mine.answers[0]

    def _take_turn(self, mine: _Ask[A, R], alone: Callable[[A], R]) -> None:
        """Wait until another thread has the answer, or make the call for it."""
        group: list[_Ask[A, R]] = []
        answers: Sequence[R] = ()
        started = 0.0
        try:
            while not group:
                with self._lock:
                    if mine.answers:
                        return
                    # Busy first: if another thread makes the call for `mine`, the queue may be empty.
                    if not self._is_busy and self._waiting[0] is mine:
                        group = self._gather(mine)
                        self._is_busy = True
                if not group:
                    mine.woken.acquire(timeout=LOOK_S)
            started = time.perf_counter()
            if mine.kind is None or len(group) == 1:
                answers = (alone(mine.what),)
            else:
                found = mine.kind.together([ask.what for ask in group])
                assert len(found) == len(group), f"{len(found)} answers to {len(group)} asks"
                answers = found
        except Exception:
            if len(group) < 2:
                raise
            for ask in group:
                ask.kind = None  # alone from here on
        finally:
            if group:
                self._end_turn(group, answers, time.perf_counter() - started)

    def _gather(self, oldest: _Ask[A, R]) -> list[_Ask[A, R]]:
        """Take an ask out of the queue, with the next ones of its kind that fit into the same call."""
        group, num_rows = [oldest], oldest.num_rows
        for ask in self._waiting[1:]:
            if oldest.kind is None or ask.kind is None or ask.kind.key != oldest.kind.key:
                continue
            num_rows += ask.num_rows
            if num_rows > self._most_rows:
                break
            group.append(ask)
        self._waiting = [ask for ask in self._waiting if ask not in group]
        return group

    def _end_turn(self, group: Sequence[_Ask[A, R]], answers: Sequence[R], seconds: float) -> None:
        """Hand out the answers of a call, and free the device for the next one."""
        with self._lock:
            num_rows = sum(ask.num_rows for ask in group)
            for ask in group:
                ask.share_s += seconds * ask.num_rows / num_rows
            for ask, answer in zip(group, answers, strict=False):
                ask.answers.append(answer)
                ask.company = len(group)
                ask.wake()
            self._waiting += [ask for ask in group if not ask.answers]
            self._waiting.sort(key=lambda ask: ask.asked_at)
            self.busy_s += seconds
            self.num_calls += 1
            self.num_answers += len(answers)
            self._is_busy = False
            self._wake_oldest()

    def _wake_oldest(self) -> None:
        if self._waiting and not self._is_busy:
            self._waiting[0].wake()
