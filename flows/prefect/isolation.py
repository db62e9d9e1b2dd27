"""Prefect with our settings only, without the user's profile, environment and running services."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from concepts.private import make_private_folder
from flows.errors import FlowError
from flows.prefect.server import foreign_variables, prefect_home, settings_variables

_environment = threading.Lock()


@contextmanager
def _scoped_environment(variables: dict[str, str]) -> Iterator[None]:
    """Hide all Prefect variables except ours inside the block; Prefect reads them on demand."""
    with _environment:
        hidden = {name: os.environ.pop(name) for name in foreign_variables()}
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            os.environ.update(hidden)
            # Stays: Prefect reads it much later, in the background.
            os.environ["DO_NOT_TRACK"] = "1"


def _usable_home() -> Path:
    home = prefect_home()
    try:
        make_private_folder(home)
    except OSError:
        import tempfile

        return Path(tempfile.gettempdir())
    return home


def import_prefect(*, logs: bool = False) -> None:
    """Import Prefect and our flow, which is slow, without the user's profile; FlowError if that fails.

    `logs`: whether the server keeps the logs of runs; Prefect's log levels are set at its import.
    """
    variables = settings_variables(_usable_home(), logs=logs)
    try:
        # If Prefect is imported already (for a caller's own flows), keep the caller's settings.
        if "prefect" in sys.modules:
            import flows.prefect.flow
        else:
            with _scoped_environment(variables):
                import flows.prefect.flow  # noqa: F401
        share_certificates()
    except ImportError:
        raise
    except Exception as error:
        raise FlowError(_refused(error)) from error


def share_certificates() -> None:
    """Let all of Prefect's clients in this process share one TLS context.

    Each client would make its own, even for a server without TLS, and read all certificates for it: 28 ms of processor
    time, six times for each document.
    """
    import ssl

    from prefect.client import orchestration

    names = vars(orchestration)
    if names["ssl"] is ssl:
        shared = cache(ssl.create_default_context)
        names["ssl"] = SimpleNamespace(**{**vars(ssl), "create_default_context": shared})


def _refused(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return (
        f"Prefect refuses its settings ({first[0] if first else type(error).__name__}): "
        f"check prefect.toml, pyproject.toml and .env in {Path.cwd()}"
    )


@contextmanager
def our_settings(api_url: str, auth: str | None = None, *, logs: bool = False) -> Iterator[None]:
    """Use only our own Prefect settings inside the block, in the current thread or task.

    `auth`: the server's secret, if it has one. `logs`: whether it keeps the logs of runs.
    """
    from prefect.context import SettingsContext
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, Profile, Settings, temporary_settings

    try:
        variables = settings_variables(_usable_home(), api_url, auth=auth, logs=logs)
        with _scoped_environment(variables):
            settings = Settings()
    except Exception as error:
        raise FlowError(_refused(error)) from error
    with (
        SettingsContext(profile=Profile(name="longhand", settings={}), settings=settings),
        # Prefect's heartbeat thread costs a second at the end of each flow; our lease is the heartbeat.
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
