"""The command `longhand`: checks its own installation, then runs the application.

Nothing of the rooms is imported before the check, so that a foreign package of the same name is
named instead of failing somewhere inside.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from longhand.checks import RoomError, check_rooms


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    try:
        check_rooms()
    except RoomError as error:
        print(f"longhand: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    from longhand.app import run_app

    return run_app(arguments)
