"""One machine's own service: a Prefect server with its UI, and a worker.

A supervisor starts both, restarts a child that ends by itself, and ends them in turn. While it lives it holds a
file lock (the kernel frees it in any case) and one end of a pipe to each child (`flows.station.child`): if it is
killed, the children end by themselves. The server listens on loopback only, with its own PREFECT_HOME, and requires
this installation's secret, which is in a file that only its user may read.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from concepts.models.card import MODELS_VARIABLE
from concepts.private import make_private_file, make_private_folder, open_private
from flows.errors import FlowError
from flows.leases.owner import is_dead, owner_of
from flows.prefect import work_pool
from flows.prefect.api import PrefectApi
from flows.prefect.server import (
    START_TIMEOUT_S,
    foreign_variables,
    last_words,
    prefect_home,
    settings_variables,
    template_path,
)
from flows.prefect.server_child import SIGN_IN

DEFAULT_PORT = 4200
HOST = "127.0.0.1"
POLL_S = 0.2
LOOK_S = 1.0
"""How long a starting supervisor waits for processes that check whether one runs."""
LONGEST_BACKOFF_S = 30.0
CALM_S = 60.0
"""A child that lived this long is restarted at once."""
GRACE_S = {"server": 5.0, "worker": 60.0}
"""How long a child may take to end: a worker finishes its running units."""
MAX_LOG_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class StationSettings:
    """Options of `longhand up`."""

    port: int
    """Port of the server."""
    batch: int = 2
    """Documents in work at once."""
    together: bool = False
    """Whether they share model calls."""
    log_format: str = "text"
    """Format of the worker's log: text or json."""
    metrics_port: int | None = None
    """Port of the worker's metrics; None serves none, 0 takes a free port."""

    def worker_options(self) -> list[str]:
        """Return the options of the worker's command."""
        options = ["--batch", str(self.batch), "--log-format", self.log_format]
        if self.together:
            options.append("--together")
        return options if self.metrics_port is None else [*options, "--metrics-port", str(self.metrics_port)]

    def check_ports(self) -> None:
        """Raise FlowError if a port is taken."""
        check_port(self.port, "--port")
        if self.metrics_port:
            check_port(self.metrics_port, "--metrics-port")


@dataclass(frozen=True, kw_only=True)
class Station:
    """A running station."""

    pid: int
    port: int
    is_ready: bool = False
    children: dict[str, str] = field(default_factory=dict)
    """Owner (`flows.leases.owner`) by name."""

    @property
    def api_url(self) -> str:
        """URL of the Prefect API."""
        return f"http://{HOST}:{self.port}/api"

    @property
    def ui_url(self) -> str:
        """URL of Prefect's UI."""
        return f"http://{HOST}:{self.port}"

    @property
    def sign_in_url(self) -> str:
        """Address that opens Prefect's UI signed in; it contains the secret."""
        return f"{self.ui_url}{SIGN_IN}#{read_secret()}"

    def api(self) -> PrefectApi:
        """Return the Prefect API, with our secret."""
        return PrefectApi(self.api_url, read_secret())


def station_folder() -> Path:
    """Return the folder of the station's lock, state, logs and server database."""
    return prefect_home() / "station"


def is_first_start() -> bool:
    """Return whether there is no secret yet, so that nobody can have seen it."""
    return not (station_folder() / "secret").exists()


def read_secret() -> str:
    """Return the server's secret, created at the first call, in a file that only its user may read.

    Raises FlowError if others can read the file.
    """
    path = station_folder() / "secret"
    with suppress(FileExistsError):
        make_private_folder(station_folder())
        fresh = path.with_name(f"secret.{os.getpid()}")
        with open(fresh, "w", opener=open_private) as file:
            file.write(f"longhand:{secrets.token_urlsafe(24)}")
        try:
            os.link(fresh, path)
        finally:
            fresh.unlink()
    if path.stat().st_mode & 0o077:
        raise FlowError(
            f"{path} can be read by others: `longhand down`, remove it, and `longhand up` draws another one"
        )
    return path.read_text()


def running_station() -> Station | None:
    """Return the running station of this machine and user; None if there is none."""
    with _lock(station_folder(), is_shared=True) as is_free:
        return None if is_free else _read_state()


def _read_state() -> Station | None:
    try:
        return Station(**json.loads((station_folder() / "state.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def _lock(folder: Path, *, is_shared: bool) -> Iterator[bool]:
    """Try to take the supervisor's lock and yield whether that worked; the block holds it.

    A process that only checks takes the lock shared, for an instant that a supervisor waits out; checks do not block
    each other.
    """
    path = folder / "lock"
    if not path.exists():
        yield True
        return
    deadline = time.monotonic() + (0.0 if is_shared else LOOK_S)
    with open(path, "a+") as file:
        while not (is_taken := _flock(file, is_shared)) and time.monotonic() < deadline:
            time.sleep(LOOK_S / 20)
        yield is_taken


def _flock(file: IO[str], is_shared: bool) -> bool:
    """Lock a file until it is closed and return whether that worked; does not wait."""
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class _Child:
    """One of the supervisor's child processes, restarted if it ends by itself."""

    def __init__(self, name: str, command: list[str], variables: dict[str, str], folder: Path) -> None:
        self.name = name
        self._command, self._variables, self._folder = command, variables, folder
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = self._start_again_at = 0.0
        self._backoff_s = 1.0

    def start(self) -> None:
        self._started_at = time.monotonic()
        with _open_log(self._folder / f"{self.name}.log") as log:
            self.process = subprocess.Popen(
                # -P: keep the script's folder, with our modules, off Prefect's import path.
                [
                    sys.executable,
                    "-P",
                    str(Path(__file__).with_name("child.py")),
                    str(GRACE_S[self.name]),
                    *self._command,
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._variables,
                # The user's working folder may hold a prefect.toml or .env that is not meant for us.
                cwd=self._folder,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def keep_alive(self) -> bool:
        """Restart the process if it has ended, with growing pauses; return whether it was started."""
        if self.is_alive:
            return False
        now = time.monotonic()
        if self._start_again_at == 0.0:
            self._backoff_s = (
                1.0 if now - self._started_at >= CALM_S else min(self._backoff_s * 2, LONGEST_BACKOFF_S)
            )
            self._start_again_at = now + self._backoff_s
        if now < self._start_again_at:
            return False
        self._start_again_at = 0.0
        self.start()
        return True

    def ask_to_end(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def end(self) -> None:
        if self.process is None:
            return
        self.ask_to_end()
        try:
            self.process.wait(GRACE_S[self.name] + 5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _open_log(path: Path) -> IO[bytes]:
    with suppress(OSError):
        if path.stat().st_size > MAX_LOG_BYTES:
            os.replace(path, path.with_suffix(".log.old"))
    return open(path, "ab", opener=open_private)


def _placed_environment() -> dict[str, str]:
    """Return the user's environment for a process in another folder, with relative paths made absolute."""
    from storage.database.pool import URL_VARIABLE, resolve_url

    kept = dict(os.environ)
    if kept.get(URL_VARIABLE):
        kept[URL_VARIABLE] = resolve_url(None).render_as_string(hide_password=False)
    if kept.get(MODELS_VARIABLE):
        folders = [str(Path(entry).absolute()) for entry in kept[MODELS_VARIABLE].split(os.pathsep) if entry]
        kept[MODELS_VARIABLE] = os.pathsep.join(folders)
    return kept


def _variables(folder: Path, api_url: str) -> dict[str, str]:
    """Return the children's environment: the user's, with only our Prefect settings."""
    kept = {name: value for name, value in _placed_environment().items() if name not in foreign_variables()}
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [kept.get("PYTHONPATH", "")])]
    return {
        **kept,
        **settings_variables(folder, api_url, auth=read_secret()),
        "PREFECT_SERVER_API_AUTH_STRING": read_secret(),
        # Pages of the server's own origin need no permission, and others get none.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": api_url.removesuffix("/api"),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/prefect.db",
        "PREFECT_SERVER_UI_API_URL": api_url,
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def check_port(port: int, option: str = "--port") -> None:
    """Raise FlowError if a port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise FlowError(
                f"port {port} cannot be used ({error.strerror}): name another one with {option}"
            ) from error


def run_station(
    settings: StationSettings, *, on_ready: Callable[[Station], None] = lambda station: None
) -> None:
    """Run the station until SIGTERM or Ctrl-C, then end all its children.

    Raises FlowError if a station runs already, the port is taken, or the server does not start.
    """
    folder = station_folder()
    make_private_folder(folder)
    make_private_file(folder / "lock")
    stopping = threading.Event()
    with _lock(folder, is_shared=False) as is_free:
        if not is_free:
            raise _running_already()
        # Children of a killed supervisor end by themselves; until then they use the port and the database.
        if (earlier := _read_state()) is not None:
            _wait_for_end(tuple(earlier.children.values()))
            # Nobody must take the old state for ours, which is not ready yet.
            (folder / "state.json").unlink(missing_ok=True)
        settings.check_ports()
        before = {
            number: signal.signal(number, lambda *_: stopping.set())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            _supervise(folder, settings, stopping, on_ready)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            (folder / "state.json").unlink(missing_ok=True)


def _supervise(
    folder: Path,
    settings: StationSettings,
    stopping: threading.Event,
    on_ready: Callable[[Station], None],
) -> None:
    port = settings.port
    station = Station(pid=os.getpid(), port=port)
    variables = _variables(folder, station.api_url)
    server = _Child("server", ["flows.prefect.server_child", "station", str(port)], variables, folder)
    worker = _Child("worker", ["longhand", "worker", *settings.worker_options()], variables, folder)
    started: list[_Child] = []
    try:
        _copy_template(folder)
        server.start()
        started.append(server)
        _write_state(station, started)
        if not _wait_until_healthy(station, server, stopping):
            return
        with station.api() as api:
            work_pool.prepare(api)
        station = Station(pid=station.pid, port=port, is_ready=True)
        _write_state(station, started)
        worker.start()
        started.append(worker)
        _write_state(station, started)
        on_ready(station)
        while not stopping.wait(POLL_S):
            num_started = sum(child.keep_alive() for child in started)
            if num_started:
                _write_state(station, started)
    finally:
        for child in started:
            if child is not server:
                child.ask_to_end()
        for child in reversed(started):
            child.end()


def _copy_template(folder: Path) -> None:
    """Copy the migrated database that `longhand write` left; without one the server migrates its own."""
    database, fresh, template = (
        folder / "prefect.db",
        folder / "prefect.db.fresh",
        template_path(prefect_home()),
    )
    if template.exists() and not database.exists():
        with suppress(OSError):
            make_private_file(fresh)
            shutil.copyfile(template, fresh)
            os.replace(fresh, database)


def _write_state(station: Station, children: list[_Child]) -> None:
    owners = {
        child.name: owner_of(child.process.pid)
        for child in children
        if child.process is not None and child.is_alive
    }
    path = station_folder() / "state.json"
    fresh = path.with_suffix(".fresh")
    with open(fresh, "w", opener=open_private) as file:
        json.dump({**asdict(station), "children": owners}, file)
    os.replace(fresh, path)


def _wait_until_healthy(station: Station, server: _Child, stopping: threading.Event) -> bool:
    """Wait until the server answers; False if we must stop. Raises FlowError if the server ends."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stopping.wait(POLL_S):
        if not server.is_alive or time.monotonic() > deadline:
            words = last_words(station_folder() / "server.log")
            raise FlowError(f"Prefect's server did not start: {words}; see {station_folder()}")
        with (
            suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(f"{station.api_url}/health", timeout=2) as answer,
        ):
            if answer.status == 200:
                return True
    return False


def _running_already() -> FlowError:
    station = _read_state()
    where = "" if station is None else f" at {station.ui_url}"
    return FlowError(f"a server and a worker are up already{where}: end them with longhand down")


def start_station(settings: StationSettings) -> Station:
    """Start the station in the background and return it when it is ready. Raises FlowError."""
    if running_station() is not None:
        raise _running_already()
    settings.check_ports()
    folder = station_folder()
    make_private_folder(folder)
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH", "")])]
    command = ["longhand", "up", "--foreground", "--port", str(settings.port), *settings.worker_options()]
    log_path = folder / "supervisor.log"
    log_path.unlink(missing_ok=True)
    with open(log_path, "wb", opener=open_private) as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**_placed_environment(), "PYTHONPATH": os.pathsep.join(paths)},
            cwd=folder,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            station = running_station()
            if station is not None and station.is_ready and station.pid == process.pid:
                return station
            time.sleep(POLL_S)
    except BaseException:
        process.terminate()
        raise
    words = last_words(log_path).removeprefix("longhand: ")
    raise FlowError(words if process.returncode == 1 else f"the server and the worker did not start: {words}")


def stop_station() -> Station | None:
    """End this machine's station and all its children and return it; None if none runs.

    Waits until the last process is gone, also for the children of a killed supervisor, which end by themselves.
    """
    station = running_station()
    left = _read_state() if station is None else station
    owners = [] if left is None else list(left.children.values())
    if station is not None:
        owners.append(owner_of(station.pid))
        with suppress(ProcessLookupError):
            os.kill(station.pid, signal.SIGTERM)
        deadline = time.monotonic() + sum(GRACE_S.values()) + 30
        while running_station() is not None:
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(station.pid, signal.SIGKILL)
                break
            time.sleep(POLL_S)
    _wait_for_end(owners)
    return station


def _wait_for_end(owners: Sequence[str]) -> None:
    """Wait until a supervisor that was told to end, and its children, are gone."""
    deadline = time.monotonic() + max(GRACE_S.values()) + 10
    while left := [owner for owner in owners if not is_dead(owner)]:
        if time.monotonic() > deadline:
            raise FlowError(f"processes of an earlier `longhand up` do not end: {', '.join(left)}")
        time.sleep(POLL_S)
