"""A worker's log: lines for people, or JSON objects for machines, on stderr or in a file."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.errors import InputError
from concepts.private import open_private
from longhand.showing.terminal import format_duration

if TYPE_CHECKING:
    from flows.document.job.events import OnWorkerEvent, WorkerEvent
    from storage import Store

FOR_MACHINES = ("unit",)
"""Kinds of events that are too frequent for people."""
LEVELS = {
    "failed": logging.ERROR,
    "unit-failed": logging.WARNING,
    "retry": logging.WARNING,
    "trouble": logging.WARNING,
    "lost": logging.WARNING,
}


class WorkLog:
    """Writes a worker's events and remarks to one handler of `logging`."""

    def __init__(self, handler: logging.Handler, *, is_json: bool, rank: int | None = None) -> None:
        """`rank`: of this process in a launch; None: the worker's own process."""
        self._is_json, self._rank = is_json, rank
        # A separate logger, independent of Prefect's configuration and the root's handlers.
        self._logger = logging.Logger("longhand.worker", logging.INFO)
        self._logger.addHandler(handler)

    def say(self, event: str, text: str) -> None:
        """Log a remark that concerns no document."""
        self._log(logging.INFO, text, event=event)

    def show(self, event: WorkerEvent) -> None:
        """Log an event."""
        if not self._is_json and event.kind in FOR_MACHINES:
            return
        self._log(
            LEVELS.get(event.kind, logging.INFO),
            event.message if self._is_json else _line(event),
            event=event.kind,
            document_id=event.document_id or None,
            flow_run_id=event.flow_run_id,
            epoch=event.epoch,
            stage=event.stage,
            unit=event.unit_id,
            duration_s=event.seconds or None,
            model_s=event.model_s or None,
            company=event.company if event.company > 1 else None,
        )

    def _log(self, level: int, text: str, **fields: object) -> None:
        fields |= {"rank": self._rank, "pid": os.getpid()}
        known = {name: value for name, value in fields.items() if value is not None}
        if self._rank is not None and not self._is_json:
            text = f"process {self._rank}: {text}"
        self._logger.log(level, "%s", text, extra=known)


def _line(event: WorkerEvent) -> str:
    unit = "" if event.unit_id is None else f"in {event.stage} unit {event.unit_id}"
    after = f"after {format_duration(event.seconds)}" if event.seconds else ""
    line = " ".join(part for part in (event.kind, event.document_id, unit, after) if part)
    return f"{line}: {event.message}" if event.message else line


class _PrivateFileHandler(logging.handlers.WatchedFileHandler):
    """Writes a file that only its owner can read; an existing file keeps its permissions."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, opener=open_private)


@contextmanager
def open_log(log_format: str, path: Path | None, *, rank: int | None = None) -> Iterator[WorkLog]:
    """Yield the log; `log_format`: text or json; `path` None: stderr. Raises InputError.

    If the file was moved away, as by logrotate, a new one is opened. `rank`: see `WorkLog`.
    """
    handler: logging.Handler
    if path is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            handler = _PrivateFileHandler(path, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"the log {path} cannot be written ({error.strerror}): name another --log-file"
            ) from error
    is_json = log_format == "json"
    if is_json:
        from pythonjsonlogger.json import JsonFormatter

        handler.setFormatter(
            JsonFormatter("%(levelname)s %(message)s", rename_fields={"levelname": "level"}, timestamp="time")
        )
    elif path is not None:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    try:
        yield WorkLog(handler, is_json=is_json, rank=rank)
    finally:
        handler.close()


def telling(*listeners: OnWorkerEvent) -> OnWorkerEvent:
    """Return a listener that passes each event to all listeners."""

    def tell(event: WorkerEvent) -> None:
        for listen in listeners:
            listen(event)

    return tell


@contextmanager
def serving_metrics(store: Store, host: str, port: int | None, log: WorkLog) -> Iterator[OnWorkerEvent]:
    """Serve metrics if `port` is given, and yield a listener that counts the worker's events."""
    if port is None:
        yield lambda event: None
        return
    from longhand.showing.metrics import Metrics

    metrics = Metrics(store)
    with metrics.serve(host, port) as url:
        log.say("metrics", f"metrics at {url}")
        yield metrics.count
