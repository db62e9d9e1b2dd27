"""The queue in `longhand status`, once or repeatedly."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from concepts.errors import LonghandError
from longhand.showing.overviews import describe_overview, find_running
from longhand.showing.states import progress_of
from longhand.showing.terminal import (
    format_duration,
    format_facts,
    format_table,
    format_time,
    make_console,
    print_json,
    print_text,
    say,
    with_times,
)

if TYPE_CHECKING:
    from storage import DocumentRecord, DocumentStatus, Overview, Store

FOLLOW_EVERY_S = 2.0
ASK_PREFECT_EVERY_S = 30.0
"""How often to ask Prefect's server for lost runs while following the queue."""
SHOWN_STATUSES: tuple[DocumentStatus, ...] = (
    "planned",
    "awaiting_review",
    "paused",
    "done",
    "failed",
    "cancelled",
)


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    """The queue at one moment."""

    overview: Overview
    running: tuple[DocumentRecord, ...]
    lost: tuple[str, ...]
    """Waiting documents without a flow run."""
    now: float

    def to_dict(self) -> dict[str, Any]:
        """Return the values for `--json`."""
        running = [
            {
                "id": document.id,
                "title": document.title,
                "status": document.status,
                "num_items": document.progress.num_items,
                "num_written": document.progress.num_written,
                "num_decoded": document.progress.num_decoded,
                "owner": document.owner,
            }
            for document in self.running
        ]
        return describe_overview(self.overview, self.now) | {
            "without_run": list(self.lost),
            "running_documents": running,
        }


def read_status(
    store: Store,
    window_s: float,
    lost: tuple[str, ...] | None = None,
    *,
    on_trouble: Callable[[str], None] = say,
) -> QueueStatus:
    """Return the queue's status; the rate covers the last `window_s` seconds.

    `lost` None: ask the known Prefect server; `on_trouble` gets the reason if that fails.
    """
    now = time.time()
    overview = store.get_overview(window_s)
    if lost is None:
        may_be_lost = overview.counts.get("queued") or overview.num_unheld
        lost = _find_lost(store, on_trouble) if may_be_lost else ()
    return QueueStatus(overview=overview, running=find_running(store, overview, now), lost=lost, now=now)


def print_status(status: QueueStatus, *, as_json: bool) -> None:
    """Print the queue on stdout."""
    if as_json:
        print_json(status.to_dict())
    else:
        print_text(format_status(status))


def follow_queue(store: Store, window_s: float, *, as_json: bool) -> None:
    """Print the queue whenever it changes, until KeyboardInterrupt.

    A terminal shows one changing picture; elsewhere each change is printed below the last one, with `as_json` as
    one JSON object a line.
    """
    status = read_status(store, window_s)
    if sys.stdout.isatty() and not as_json:
        _follow_in_terminal(store, window_s, status)
        return
    before: object = None
    asked_at = status.now
    while True:
        if (shown := _without_clock(status)) != before:
            if as_json:
                print_text(json.dumps(with_times(status.to_dict()), ensure_ascii=False))
            else:
                print_text(("" if before is None else "\n") + format_status(status))
            before = shown
        status, asked_at = _next(store, window_s, status, asked_at)


def _follow_in_terminal(store: Store, window_s: float, status: QueueStatus) -> None:
    from rich.live import Live
    from rich.text import Text

    asked_at = status.now
    with Live(console=make_console(), auto_refresh=False) as live:
        while True:
            line = f"{time.strftime('%H:%M:%S', time.localtime(status.now))}  Ctrl-C ends it"
            live.update(Text.from_ansi(f"{format_status(status)}\n\n{line}"), refresh=True)
            status, asked_at = _next(store, window_s, status, asked_at)


def _next(store: Store, window_s: float, status: QueueStatus, asked_at: float) -> tuple[QueueStatus, float]:
    """Return the queue a moment later, and the time of the last query for lost runs."""
    time.sleep(FOLLOW_EVERY_S)
    is_due = status.now - asked_at >= ASK_PREFECT_EVERY_S
    # Errors of the server were reported at the start; here they would spoil the picture.
    later = read_status(store, window_s, None if is_due else status.lost, on_trouble=lambda text: None)
    return later, later.now if is_due else asked_at


def _without_clock(status: QueueStatus) -> dict[str, Any]:
    """Return the queue without values that change even if nothing happens."""
    shown = status.to_dict()
    lease = shown["oldest_lease"]
    return shown | {"oldest_lease": lease and (lease["id"], lease["status"], lease["owner"])}


def format_status(status: QueueStatus) -> str:
    """Return the queue as text for people, without a line end after the last line."""
    overview, shown = status.overview, status.to_dict()
    rate = f"{shown['documents_per_min']:.1f} documents, {shown['sentences_per_min']:.1f} sentences a minute"
    lost = f"{len(status.lost)}; put them back with longhand requeue" if status.lost else ""
    facts: dict[str, str] = {
        "queued": str(shown["queued"]),
        "running": str(shown["running"]),
        "interrupted": str(shown["interrupted"]),
        **{name: str(overview.counts[name]) for name in SHOWN_STATUSES if overview.counts.get(name)},
        "rate": f"{rate} in the last {format_duration(overview.window_s)}",
        "oldest lease": _lease_line(shown["oldest_lease"]),
        "without run": lost,
    }
    parts = [format_facts(facts)]
    if status.running:
        from longhand.formats.export import short_title

        rows = [(d.id, d.status, progress_of(d), short_title(d.title or d.prompt)) for d in status.running]
        parts.append(format_table(("RUNNING", "STATUS", "SECTIONS", "TITLE"), rows, flexible="TITLE"))
    if overview.failures:
        failed = [(f.id, format_time(f.failed_at), f.error or "") for f in overview.failures]
        parts.append(format_table(("FAILED", "AT", "ERROR"), failed, flexible="ERROR"))
    return "\n\n".join(parts)


def _lease_line(lease: Mapping[str, Any] | None) -> str:
    if lease is None:
        return ""
    return f"{lease['id']} ({lease['status']}) by {lease['owner']}, ends in {lease['ends_in_s']:.0f} s"


def _find_lost(store: Store, on_trouble: Callable[[str], None]) -> tuple[str, ...]:
    """Return the waiting documents that no worker would take; none if no Prefect server answers."""
    from flows.prefect.work_pool import lost_documents
    from flows.station.known import known_api

    try:
        api = known_api()
        if api is None:
            return ()
        with api:
            return tuple(document.id for document in lost_documents(api, store))
    except LonghandError as error:
        on_trouble(str(error))
        return ()
