"""Checks that all rooms come from this installation, before any of them is imported.

The rooms have everyday names (`storage`, `writer`), so another package, or the folder in which Python starts, can
shadow one. The result is an ImportError far away, or worse, no error.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOMS = ("concepts", "planner", "writer", "training", "flows", "storage", "longhand")


class RoomError(Exception):
    """A room is missing, or a foreign package has taken its name; the text is one line."""


def check_rooms(home: Path | None = None) -> Path:
    """Return the folder that holds all rooms; raise RoomError, naming the first foreign package.

    `home`: the expected folder; None means beside this file's package.
    """
    home = (home or Path(__file__).parent.parent).resolve()
    for room in ROOMS:
        found = find_room(room)
        if found is None:
            raise RoomError(
                f"the package {room!r} is missing beside {home / 'longhand'}: reinstall Longhand "
                "(in its clone: python3.11 -m longhand.setup install)"
            )
        if found != home / room:
            raise RoomError(
                f"the package {room!r} is taken from {found}, which is not Longhand's ({home / room}): "
                "start elsewhere, or uninstall it, or use a virtual environment of its own"
            )
    return home


def find_room(room: str) -> Path | None:
    """Return the folder (or file) that `import room` would use, or None; imports nothing."""
    try:
        spec = importlib.util.find_spec(room)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is not None:
        # A folder without __init__.py has no origin, but it has locations.
        locations = list(spec.submodule_search_locations)
        return Path(locations[0]).resolve() if locations else None
    return None if spec.origin is None else Path(spec.origin).resolve()
