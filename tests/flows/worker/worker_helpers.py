"""What the tests of workers share: marks, and waiting for what a worker does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

PREFECT_WARNINGS = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of tests in whose process Prefect runs flows: its warnings are not ours to mend."""
WORKER_MARKS = [*PREFECT_WARNINGS, pytest.mark.usefixtures("quick_worker")]
"""Marks of tests of workers that look for what users want every few moments."""


def wait_for(found: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come")
