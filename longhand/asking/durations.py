"""Durations and points in time as people type them."""

from __future__ import annotations

from datetime import datetime

from concepts.errors import UsageError

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
MAX_DAYS = 36600


def parse_duration(option: str, typed: str, example: str) -> float:
    """Return seconds; raise UsageError, naming the option, unless `typed` is a number with s, m, h, d or w."""
    number, unit = typed[:-1].strip(), typed[-1:]
    is_number = number.isascii() and number.isdecimal()
    seconds = float(number) * SECONDS[unit] if is_number and unit in SECONDS else 0.0
    if not 0 < seconds <= MAX_DAYS * SECONDS["d"]:
        raise UsageError(f"{option} is {typed!r}: give a number with s, m, h, d or w, such as {example}")
    return seconds


def parse_time(option: str, typed: str, now: float) -> float:
    """Return epoch seconds of a date, a date with time, or a duration before `now`; raise UsageError otherwise.

    A date without a zone is in the user's time zone.
    """
    try:
        return datetime.fromisoformat(typed.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return now - parse_duration(option, typed, "7d")
    except UsageError:
        raise UsageError(
            f"{option} is {typed!r}: give a date such as 2026-11-28 or 2026-11-28T14:30, or how long ago, such as 7d"
        ) from None
