"""Kill this process at a chosen point, so that tests can prove that a crash there loses nothing.

`LONGHAND_FAILPOINT=name:n` sends SIGKILL to the process at the n-th hit (from 1) of that point. The
points are `statement.before`, `statement.after` (each statement of a fenced transaction; the fence is
the first), `commit.before` and `commit.after`; and `<method>.before`, `<method>.after` around each
method of the transaction (`commit_concepts.before`). Without the variable a hit costs one look-up.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "LONGHAND_FAILPOINT"
_hits = {"count": 0}


def armed() -> bool:
    """Return whether any point is to kill."""
    return VARIABLE in os.environ


def hit(name: str) -> None:
    """Pass the point `name`; the process ends here where the variable says so."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, number = wanted.partition(":")
    if point != name:
        return
    _hits["count"] += 1
    if _hits["count"] == int(number or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
