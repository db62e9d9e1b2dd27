"""Points in time as text."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def format_iso(epoch_s: float) -> str:
    """Return a point in time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


def format_utc(epoch_s: float) -> str:
    """Return a point in time as ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_s))
