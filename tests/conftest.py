"""For all tests, before torch is imported: its threads sleep while they wait, and share the cores with other tests."""

import fcntl
import gc
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from concepts.models.wheels import FETCHED_VARIABLE, models_dir
from flows.prefect.server import PrivateServer, template_path
from longhand.cli import TORCH_LOG_LEVEL, let_threads_sleep

let_threads_sleep()
os.environ.setdefault(TORCH_LOG_LEVEL, "ERROR")  # as the command does
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


@pytest.fixture(scope="session")
def server_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The empty database of a Prefect server, migrated once for all processes of the suite: that takes 15 seconds.

    `LONGHAND_TEST_DATA` names a folder that keeps it for the next suite.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    home = Path(os.environ.get("LONGHAND_TEST_DATA") or shared / "prefect-home")
    home.mkdir(parents=True, exist_ok=True)
    path = template_path(home)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with PrivateServer(home) as server:
                while not path.exists():
                    time.sleep(0.05)
                    assert path.exists() or not server.ready.done(), server.ready.exception()
    return path


@pytest.fixture(scope="session")
def lay_template(server_template: Path) -> Callable[[Path], None]:
    """Return a function that lays the template into a user's data folder (XDG_DATA_HOME), as a first run leaves it."""

    def lay(data: Path) -> None:
        home = data / "longhand" / "prefect"
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(server_template, home / server_template.name)

    return lay
