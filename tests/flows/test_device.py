"""Turns on a device: asks of one kind share a call, the oldest first; an error or an interrupt loses no other's ask."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from flows.device import Bill, Device, Kind, billed

TIMEOUT_S = 20.0


class Shop:
    """A device, threads that ask it for doubled numbers, and the calls that were made."""

    def __init__(self, most_rows: int = 8) -> None:
        self.device = Device(most_rows)
        self.pool = ThreadPoolExecutor(16)
        self.calls: list[list[int]] = []
        self.spoil: Callable[[Sequence[int]], None] = lambda numbers: None
        """Called at the start of each call."""
        self._gate = threading.Event()

    def close(self) -> None:
        """Keep the device busy until `open`."""
        self.pool.submit(self.device.call, lambda: self._gate.wait(TIMEOUT_S))
        wait_until(lambda: self.device._is_busy)

    def open(self) -> None:
        self._gate.set()

    def double(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        self.spoil(numbers)
        return [2 * number for number in numbers]

    def buy(self, number: int, key: str | None = "a", num_rows: int = 1) -> int:
        """Ask in this thread; a key of None shares no call."""
        kind = None if key is None else Kind(key, self.double)
        return self.device.ask(number, lambda n: self.double([n])[0], num_rows=num_rows, kind=kind)

    def send(self, number: int, key: str | None = "a", num_rows: int = 1) -> Future[int]:
        """Ask in a thread of its own; returns once it waits, so that asks have an order."""
        before = len(self.device._waiting)
        future = self.pool.submit(self.buy, number, key, num_rows)
        wait_until(lambda: len(self.device._waiting) > before)
        return future


def wait_until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    made.close()
    yield made
    made.open()
    made.pool.shutdown()
    assert not made.device._waiting and not made.device._is_busy


def results(futures: Sequence[Future[int]]) -> list[int | str]:
    found: list[int | str] = []
    for future in futures:
        error = future.exception(TIMEOUT_S)
        found.append(future.result() if error is None else repr(error))
    return found


def test_what_waits_is_answered_by_one_call(shop: Shop) -> None:
    futures = [shop.send(number) for number in range(5)]
    shop.open()
    assert results(futures) == [0, 2, 4, 6, 8]
    assert shop.calls == [[0, 1, 2, 3, 4]]
    assert (shop.device.num_calls, shop.device.num_answers) == (2, 6)  # with the one that kept it busy


def test_only_asks_of_one_kind_share_a_call_and_the_oldest_is_first(shop: Shop) -> None:
    asks = [(1, "a"), (2, "b"), (3, None), (4, "a"), (5, None), (6, "b"), (7, "a")]
    futures = [shop.send(number, key) for number, key in asks]
    shop.open()
    assert results(futures) == [2, 4, 6, 8, 10, 12, 14]
    assert shop.calls == [[1, 4, 7], [2, 6], [3], [5]]


def test_a_call_takes_no_more_rows_than_it_may(shop: Shop) -> None:
    rows = [3, 4, 2, 1, 20, 0]
    futures = [shop.send(number, num_rows=num_rows) for number, num_rows in enumerate(rows)]
    shop.open()
    assert results(futures) == [0, 2, 4, 6, 8, 10]
    assert shop.calls == [[0, 1], [2, 3], [4], [5]]  # the small one does not overtake those before it


def test_an_error_meets_only_who_causes_it(shop: Shop) -> None:
    def spoil(numbers: Sequence[int]) -> None:
        if 2 in numbers:
            raise RuntimeError(f"out of memory for {list(numbers)}")

    shop.spoil = spoil
    futures = [shop.send(number) for number in (1, 2)] + [shop.send(9, "b"), shop.send(3)]
    shop.open()
    assert results(futures) == [2, "RuntimeError('out of memory for [2]')", 18, 6]
    assert shop.calls == [[1, 2, 3], [1], [2], [9], [3]]  # still the oldest first


def test_a_call_that_brings_too_few_answers_is_made_alone(shop: Shop) -> None:
    short = Kind("short", lambda numbers: shop.double(numbers)[:1])
    futures = [
        shop.pool.submit(shop.device.ask, number, lambda n: 2 * n, num_rows=1, kind=short)
        for number in (4, 5)
    ]
    wait_until(lambda: len(shop.device._waiting) == 2)
    shop.open()
    assert results(futures) == [8, 10]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_call_loses_nobody_elses_ask(shop: Shop, interrupt: BaseException) -> None:
    def spoil(numbers: Sequence[int]) -> None:
        if len(shop.calls) == 1:
            raise interrupt

    shop.spoil = spoil
    futures = [shop.send(number) for number in (1, 2, 3)]
    shop.open()
    assert futures[0].exception(TIMEOUT_S) is interrupt
    assert results(futures[1:]) == [4, 6]
    assert shop.calls == [[1, 2, 3], [2, 3]]


def test_who_wakes_while_another_calls_for_it_waits_on(shop: Shop) -> None:
    def spoil(numbers: Sequence[int]) -> None:
        for ask in asks:
            ask.wake()
        time.sleep(0.05)

    shop.spoil = spoil
    futures = [shop.send(number) for number in (1, 2)]
    asks = list(shop.device._waiting)
    shop.open()
    assert results(futures) == [2, 4]
    assert shop.calls == [[1, 2]]


@pytest.mark.parametrize("ends_wait", [True, False])
def test_who_is_interrupted_while_waiting_keeps_nobody_waiting(shop: Shop, ends_wait: bool) -> None:
    """Also by a signal that another thread of the process gets, which does not end the wait by itself."""

    def interrupt() -> None:
        wait_until(lambda: len(shop.device._waiting) == 1)
        time.sleep(0.05)  # until it waits
        thread = threading.main_thread().ident if ends_wait else threading.get_ident()
        signal.pthread_kill(thread or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell put aside
    try:
        interrupter = shop.pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            shop.buy(1)
        interrupter.result(TIMEOUT_S)
    finally:
        signal.signal(signal.SIGINT, before)
    future = shop.send(2)
    shop.open()
    assert results([future]) == [4]
    assert shop.calls == [[2]]


def test_an_interrupt_on_the_way_to_waiting_keeps_nobody_waiting(shop: Shop) -> None:
    for moment in range(4):  # these come before it waits
        num_left = moment

        def step(frame: FrameType, event: str, _: object) -> Any:
            """Called where Python may raise an interrupt, at calls and returns, and at lines, where it does not."""
            nonlocal num_left
            if event != "line" and Path(frame.f_code.co_filename).name in ("device.py", "threading.py"):
                num_left -= 1
                if num_left < 0:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return step

        sys.settrace(step)
        try:
            with pytest.raises(KeyboardInterrupt):
                shop.buy(1)
        finally:
            sys.settrace(None)
        assert not shop.device._waiting
    future = shop.send(2)
    shop.open()
    assert results([future]) == [4]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> SimpleNamespace:
    """A clock that only the shop's calls move, by two seconds each."""
    found = SimpleNamespace(now=100.0, perf_counter=lambda: found.now)
    monkeypatch.setattr("flows.device.time", found)

    def spend(numbers: Sequence[int]) -> None:
        found.now += 2
        if numbers == [1, 2]:
            raise MemoryError

    shop.spoil = spend
    return found


def test_the_seconds_of_a_call_are_parted_by_rows(shop: Shop, clock: SimpleNamespace) -> None:
    futures = [shop.send(3, num_rows=3), shop.send(4, num_rows=1), shop.send(1, "b"), shop.send(2, "b")]
    asks = list(shop.device._waiting)
    shop.open()
    assert results(futures) == [6, 8, 2, 4]
    # of the two that raised together each pays half, and then for its own
    assert [(ask.share_s, ask.company) for ask in asks] == [(1.5, 2), (0.5, 2), (3, 1), (3, 1)]
    assert clock.now == 108 and sum(ask.share_s for ask in asks) == 8


def test_a_bill_says_what_was_waited(shop: Shop, clock: SimpleNamespace) -> None:
    def buy() -> Bill:
        with billed() as bill:
            shop.buy(7)
        return bill

    future = shop.pool.submit(buy)
    wait_until(lambda: shop.device._waiting)
    clock.now += 5
    shop.open()
    assert future.result(TIMEOUT_S) == Bill(waited_s=5, company=1)
