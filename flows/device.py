"""Turns on a device: one call at a time, the oldest first; asks of one kind may be answered by one call.

No timers: asks gather while the device works. When it is free, the thread whose ask is the oldest makes a call
for it, and for all others of its kind that wait and fit. Where that call raises, each of them is answered alone,
by its own thread, so that an error meets only who causes it; where the calling thread is interrupted, the others
wait on as before. What is asked is not known here: an ask is any value, and so is its answer.
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
"""A waiting thread looks up so often: an interrupt that another thread of the process gets does not end its wait."""


@dataclass
class Bill:
    """What the turns of one thread came to."""

    waited_s: float = 0.0
    """Seconds in which the device worked for others: before a turn, and for their rows of a shared call."""
    company: int = 1
    """Asks that the largest call answered."""


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
    """None: it shares no call."""
    asked_at: float
    answers: list[R] = field(default_factory=list)
    """Its answer, once a call has brought it."""
    share_s: float = 0.0
    """Its rows' share of the seconds of the calls made for it."""
    company: int = 1
    woken: threading.Lock = field(default_factory=threading.Lock)
    """Released by who changed what it waits for. A plain lock: an interrupt in the midst of a
    `threading.Condition`, which is Python, leaves it locked for ever."""

    def __post_init__(self) -> None:
        self.woken.acquire()

    def wake(self) -> None:
        """Called by one thread at a time."""
        if self.woken.locked():
            self.woken.release()


class Device:
    """Works for one thread at a time."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """`most_rows`: of a call that is shared."""
        self._most_rows = most_rows
        self._lock = threading.Lock()
        self._waiting: list[_Ask[Any, Any]] = []
        self._is_busy = False
        self.busy_s = 0.0
        """Seconds that it has worked."""
        self.num_calls = 0
        """Calls, those included that raised."""
        self.num_answers = 0
        """Asks that were answered."""

    def call(self, work: Callable[[], R]) -> R:
        """Return what `work` returns, in turn."""
        return self.ask(None, lambda _: work(), num_rows=1)

    def ask(self, what: A, alone: Callable[[A], R], *, num_rows: int, kind: Kind[A, R] | None = None) -> R:
        """Return the answer to an ask of `num_rows` rows, in turn: what `alone` returns, or a call for several.

        `kind` None: it shares no call. Raises what `alone` raises.
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
        """Wait until another thread has brought the answer, or make the call that may bring it."""
        group: list[_Ask[A, R]] = []
        answers: Sequence[R] = ()
        started = 0.0
        try:
            while not group:
                with self._lock:
                    if mine.answers:
                        return
                    # Busy first: where another makes a call for `mine`, the queue may be empty.
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
        """Take an ask out of the queue, with the next ones of its kind that fit into a call with it."""
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
        """Hand out what a call has brought, and leave the device to the next."""
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
