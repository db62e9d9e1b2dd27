"""A private Prefect API server for one run, with its own port, database and settings instead of the user's.

Prefect's own ephemeral server outlives a killed parent, picks a random port and shares one SQLite file with every
other process; several `longhand write` at once would lock each other. Its run records are thrown away: our storage
has the truth. To keep and see runs, name a running server instead.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from flows.errors import FlowError

START_TIMEOUT_S = 600.0
"""The first start migrates a database, which takes seconds, but minutes on a busy machine."""
LOG_LINES_SHOWN = 3
_ERROR_LINE = re.compile(r"[\w.]+(Error|Exception)\b.*:")
"""The line of a traceback that says what was raised."""


def prefect_home() -> Path:
    """Return our PREFECT_HOME in the user's data folder; the user's `~/.prefect` is never touched."""
    from platformdirs import user_data_dir

    return Path(user_data_dir("longhand", appauthor=False)) / "prefect"


def template_path(home: Path) -> Path:
    """Return the path, in our PREFECT_HOME, of an empty migrated database for the next server."""
    return home / f"server-{version('prefect')}.db"


def settings_variables(
    home: Path, api_url: str | None = None, *, auth: str | None = None, logs: bool = False
) -> dict[str, str]:
    """Return the Prefect environment variables of server and clients; they inherit no others.

    `auth`: the server's secret, if it has one. `logs`: whether the server keeps the logs of runs.
    """
    variables = {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_CLIENT_METRICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        # CSRF protection costs one more request per client, and no client gets in without the secret anyway.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        # Workers poll again by themselves when a slot is free; this is for runs that come while they wait.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    if api_url is not None:
        variables["PREFECT_API_URL"] = api_url
    if auth is not None:
        variables["PREFECT_API_AUTH_STRING"] = auth
    if logs:
        variables |= {
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_LOGGING_TO_API_ENABLED": "true",
            # Runs log to the server, not to the console of their caller.
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        }
    return variables


def foreign_variables() -> set[str]:
    """Return the names of the user's own Prefect settings in the environment."""
    return {name for name in os.environ if name.upper().startswith("PREFECT_")}


def last_words(log: Path) -> str:
    """Return the last error of a log, or its last lines, as one line."""
    try:
        lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    errors = [place for place, line in enumerate(lines) if _ERROR_LINE.match(line)]
    start = errors[-1] if errors else -LOG_LINES_SHOWN
    said = " | ".join(line.strip() for line in lines[start:][:LOG_LINES_SHOWN])
    return said or f"it said nothing (is there room in {log.parent}?)"


class PrivateServer:
    """A server in a child process; `start` returns at once, `ready` becomes the API's URL, `stop` ends it."""

    def __init__(
        self,
        home: Path | None = None,
        on_death: Callable[[], None] = lambda: None,
        *,
        database: str | None = None,
    ) -> None:
        """Keep the migrated template database in `home` (None: our folder in the user's data folder).

        `database`: URL of a database that the server migrates and uses; None: a new SQLite file.

        `on_death` is called, in a thread, if a ready server ends before `stop`.
        """
        self.auth = f"longhand:{secrets.token_urlsafe(24)}"
        """The server's secret."""
        self.ready: Future[str] = Future()
        # A cancelled waiter would cancel this future too; a running future cannot be cancelled.
        self.ready.set_running_or_notify_cancel()
        self._on_death = on_death
        self._database = database
        self._home = prefect_home() if home is None else home
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the child process; raise FlowError if that fails."""
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="longhand-prefect-"))
            kept = {name: value for name, value in os.environ.items() if name not in foreign_variables()}
            environment = {
                **kept,
                **settings_variables(self._folder),
                "PREFECT_API_DATABASE_CONNECTION_URL": self._database
                or f"sqlite+aiosqlite:///{self._folder}/prefect.db",
                "PREFECT_API_DATABASE_MIGRATE_ON_START": "false" if self._database is None else "true",
                "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
                "PREFECT_UI_ENABLED": "false",
                # Only the same user can read a process's environment: nobody else on this machine gets in.
                "PREFECT_SERVER_API_AUTH_STRING": self.auth,
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
            }
            # "" copies no template: the server migrates a named database by itself.
            template = template_path(self._home) if self._database is None else ""
            with open(self._folder / "log", "wb") as log:
                self._process = subprocess.Popen(
                    # -P: keep the script's folder, with our modules, off Prefect's import path.
                    [
                        sys.executable,
                        "-P",
                        str(Path(__file__).with_name("server_child.py")),
                        "run",
                        self._folder,
                        template,
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    # The user's working folder may hold a prefect.toml or .env that is not meant for us.
                    cwd=self._folder,
                    # Ctrl-C in a terminal reaches a whole group; the server must outlive our run.
                    start_new_session=True,
                )
        except OSError as error:
            self.stop()
            raise FlowError(f"Prefect's server cannot be started ({error}): free some disk space") from error
        threading.Thread(
            target=self._watch, args=(self._process, timeout_s), name="prefect-server", daemon=True
        ).start()

    def _watch(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        """Set `ready` to the API's URL, or to a FlowError if the child ends or is too slow."""
        assert process.stdout is not None
        assert self._folder is not None
        started = time.monotonic()
        guard = threading.Timer(timeout_s, process.kill)
        guard.daemon = True
        guard.start()
        try:
            line = process.stdout.readline().strip()
        except (OSError, ValueError):
            line = b""  # `stop` closed the pipe meanwhile
        guard.cancel()
        if line.isdigit():
            self.ready.set_result(f"http://127.0.0.1:{int(line)}/api")
            process.wait()
            if self._process is process:
                self._on_death()
        else:
            is_late = time.monotonic() - started >= timeout_s
            what = f"did not start within {timeout_s:g} s" if is_late else "ended while it started"
            self.ready.set_exception(
                FlowError(
                    f"Prefect's server {what}: {last_words(self._folder / 'log')}; run `longhand doctor`"
                )
            )

    def stop(self) -> None:
        """End the server and remove its folder; may be called at any time and again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> PrivateServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
