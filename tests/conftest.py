"""For all tests, before torch is imported: its threads sleep while they wait, and share the cores with other tests."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from concepts.models.wheels import FETCHED_VARIABLE, models_dir
from longhand.cli import let_threads_sleep

let_threads_sleep()
if num_processes := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // num_processes)))

# Beside other tests a machine may be slow for a while.
settings.register_profile("suite", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# Tests have a data folder of their own; models that were fetched once serve them all.
os.environ.setdefault(FETCHED_VARIABLE, str(models_dir()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Collect the connections that Prefect has left while warnings of them are ignored, not in a later test."""
    try:
        yield
    finally:
        if any("ResourceWarning" in str(mark.args) for mark in item.iter_markers("filterwarnings")):
            gc.collect()
