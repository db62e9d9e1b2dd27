"""Ctrl-C while a document runs in place: between two steps it never meets Prefect, within one it breaks it off."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from flows.errors import FlowError
from flows.run import _Foreground


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0)  # the signal is handled in the next bytecodes


def run(foreground: _Foreground, coroutine: Coroutine[Any, Any, None]) -> float:
    """Run, expect Ctrl-C to come out and its handler to be gone; return the seconds."""
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        foreground.run(coroutine, "doc")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return time.monotonic() - started


def test_outside_a_step_nothing_is_raised_in_the_midst_of_others_code() -> None:
    seen: list[BaseException] = []

    async def body() -> None:
        try:
            interrupt()
            seen.append(RuntimeError("went on to the next await"))
            await asyncio.sleep(30)
        except BaseException as error:  # noqa: BLE001  # shown by what was raised
            seen.append(error)
            raise ValueError("Task run is not set") from None  # as Prefect does where it meets one too early

    assert run(_Foreground(), body()) < 5
    assert [type(error) for error in seen] == [RuntimeError, asyncio.CancelledError]


def test_within_a_step_it_is_raised_at_once() -> None:
    foreground = _Foreground()

    async def body() -> None:
        with foreground.step():
            interrupt()
            time.sleep(30)

    assert run(foreground, body()) < 5


def test_an_interrupt_that_is_swallowed_ends_the_run_before_its_next_step() -> None:
    foreground = _Foreground()
    steps: list[int] = []

    async def body() -> None:
        try:
            interrupt()
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            pass
        with foreground.step():
            steps.append(1)

    assert run(foreground, body()) < 5
    assert not steps


def test_one_that_cannot_be_cancelled_is_left_after_a_moment_or_a_second_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def body() -> None:
        interrupt()
        while True:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                asyncio.get_running_loop().call_soon(another)

    another = interrupt
    assert run(_Foreground(), body()) < 10  # the second is said once more while it is broken off
    monkeypatch.setattr("flows.run.STOP_TIMEOUT_S", 0.1)
    another = lambda: None  # noqa: E731
    assert run(_Foreground(), body()) < 5


def test_what_is_left_in_its_midst_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Prefect's generators cannot be closed from outside; asyncio would log each with its traceback."""

    async def context() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise ValueError("was created in a different Context")

    async def body() -> None:
        async for _ in context():
            interrupt()
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(30)

    monkeypatch.setattr("flows.run.STOP_TIMEOUT_S", 0.0)
    assert run(_Foreground(), body()) < 5
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_run_whose_server_is_gone_does_not_wait_until_prefect_has_given_up() -> None:
    foreground = _Foreground()

    async def body() -> None:
        try:
            foreground.abandon(FlowError("the server is gone"))
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(30)  # as Prefect's client does, which tries again

    started = time.monotonic()
    with pytest.raises(FlowError, match="the server is gone"):
        foreground.run(body(), "doc")
    assert time.monotonic() - started < 10


def test_a_run_that_is_over_when_it_comes_is_over() -> None:
    async def body() -> None:
        interrupt()

    _Foreground().run(body(), "doc")


class Noting:
    """Stands for the handler of the command: raises, and keeps in mind that one came."""

    def __init__(self, is_noted: bool = False) -> None:
        self.is_noted = is_noted

    def note(self) -> None:
        self.is_noted = True

    def check(self) -> None:
        if self.is_noted:
            raise KeyboardInterrupt

    def __call__(self, number: int, frame: object) -> None:
        raise AssertionError("a run handles it itself")


@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_handler_that_notes_is_told_and_asked(is_lost_before: bool) -> None:
    noting, steps = Noting(is_lost_before), []
    before = signal.signal(signal.SIGINT, noting)
    foreground = _Foreground()

    async def body() -> None:
        with foreground.step():
            steps.append(1)
            interrupt()

    try:
        with pytest.raises(KeyboardInterrupt):
            foreground.run(body(), "doc")
        assert signal.getsignal(signal.SIGINT) is noting
    finally:
        signal.signal(signal.SIGINT, before)
    assert noting.is_noted
    assert steps == ([] if is_lost_before else [1])
