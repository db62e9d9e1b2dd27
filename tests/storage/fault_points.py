"""The points that a process passes on its way through the database, and what may happen to it there.

`arm` hooks SQLAlchemy and `storage.Transaction` from outside: the product knows nothing of it. Points are
`statement.before`, `statement.after`, `commit.before`, `commit.after` (reading transactions count, too),
`any` (all four, counted together), and `<method>.before`, `<method>.after` around each method of a
fenced transaction (`commit_concepts.before`).
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from storage import Transaction

VARIABLE = "LONGHAND_TEST_FAULT"
DATABASE_POINTS = ("statement.before", "statement.after", "commit.before", "commit.after")

passed: Counter[str] = Counter()
"""How often each point was passed since `arm`."""
_receiver: Callable[[str, int], None] | None = None
_installed = False


def die() -> None:
    """End this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, number: int, act: Callable[[], None] = die) -> None:
    """Do `act` at the `number`-th passing (from 1) of a point from now on; a number of 0 only counts."""

    def receive(name: str, count: int) -> None:
        if name == point and count == number:
            act()

    watch(receive)


def arm_from_environment() -> None:
    """Kill this process where the variable says so, as `point:number`."""
    if wanted := os.environ.get(VARIABLE):
        point, _, number = wanted.partition(":")
        arm(point, int(number or "1"))


def watch(receive: Callable[[str, int], None] | None) -> None:
    """Call `receive(point, number)` at every point; None: nothing any more."""
    global _receiver
    _install()
    passed.clear()
    _receiver = receive


def _pass(name: str) -> None:
    if _receiver is None:
        return
    names = (name, "any") if name in DATABASE_POINTS else (name,)
    for each in names:
        passed[each] += 1
        _receiver(each, passed[each])


def _install() -> None:
    global _installed
    if _installed:
        return
    _installed = True
    event.listen(Engine, "before_cursor_execute", lambda *_: _pass("statement.before"))
    event.listen(Engine, "after_cursor_execute", lambda *_: _pass("statement.after"))
    DefaultDialect.do_commit = _around("commit", DefaultDialect.do_commit)  # type: ignore[method-assign]
    for name, method in vars(Transaction).copy().items():
        if callable(method) and not name.startswith("_"):
            setattr(Transaction, name, _around(name, method))


def _around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _pass(f"{name}.before")
        result = function(*args, **kwargs)
        _pass(f"{name}.after")
        return result

    return wrapped
