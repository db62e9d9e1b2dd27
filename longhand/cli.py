"""The command `longhand`: checks its own installation, then runs the application.

Nothing of the rooms is imported before the check, so that a foreign package of the same name is
named instead of failing somewhere inside.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

from longhand.checks import RoomError, check_rooms


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    # What is imported stays. To look through it for garbage every 700 objects, and once more at the end, costs
    # `longhand ls` a fifth of its time.
    gc.set_threshold(10_000)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    try:
        check_rooms()
        from longhand.app import run_app
    except RoomError as error:
        print(f"longhand: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return run_app(arguments)
