"""The queue on one page: running, waiting and stopped documents, workers and schedules."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response

from concepts.errors import LonghandError, NotFoundError
from longhand.showing.overviews import describe_overview, find_running
from longhand.showing.states import is_held
from longhand.web.pages.documents import DONE, actions_of
from longhand.web.pages.listing import CSV_HEADER, document_row
from longhand.web.plain import csv_response

if TYPE_CHECKING:
    from starlette.requests import Request

    from flows.prefect.api import PrefectApi
    from flows.prefect.schedules import ScheduleRecord
    from flows.prefect.work_pool import WorkerRecord
    from longhand.web.asking import Form
    from longhand.web.pages.documents import Pages
    from storage import DocumentRecord, DocumentStatus, Overview

NUM_SHOWN = 50
EVERY = 2**31 - 1
"""A limit that leaves out no document."""
WINDOW_S = 600.0
ANSWER_TIMEOUT_S = 3.0
LONGEST_OFFLINE_S = 3600.0
"""How long a worker that has ended is shown."""
STOPPED: tuple[DocumentStatus, ...] = ("failed", "paused", "planned", "awaiting_review")
AT_WORK: tuple[DocumentStatus, ...] = ("planning", "writing", "decoding")
SCHEDULE_ACTIONS = ("pause", "resume", "run", "remove")


class PrefectServer:
    """The Prefect server known at the time of a call.

    Raises NotFoundError if none is known, FlowError if it does not answer.
    """

    def list_workers(self) -> list[WorkerRecord]:
        """Return the queue's workers that the server knows, by name."""
        from flows.prefect.work_pool import list_workers

        with self._api() as api:
            return list_workers(api)

    def list_schedules(self) -> list[ScheduleRecord]:
        """Return all schedules by name."""
        from flows.prefect.schedules import list_schedules

        with self._api() as api:
            return list_schedules(api)

    def change_schedule(self, name: str, action: str) -> None:
        """Pause a schedule, let it go on (resume), write its documents now (run), or remove it; NotFoundError."""
        from flows.prefect.schedules import pause_schedule, remove_schedule, run_now

        with self._api() as api:
            if action == "run":
                run_now(api, name)
            elif action == "remove":
                remove_schedule(api, name)
            else:
                pause_schedule(api, name, is_paused=action == "pause")

    @contextmanager
    def _api(self) -> Iterator[PrefectApi]:
        from flows.prefect.api import PrefectApi
        from flows.station.known import known_api

        api = known_api()
        if api is None:
            raise NotFoundError("no Prefect server is known: start one with longhand up")
        with PrefectApi(api.url, api.auth, timeout_s=ANSWER_TIMEOUT_S) as asked:
            yield asked


@dataclass(frozen=True)
class QueuePage:
    """Shows the queue and changes schedules; documents are changed by the forms of their own pages."""

    pages: Pages
    server: PrefectServer

    def page(self, request: Request) -> Response:
        """Show the queue; with `part=live` only the changing part, without asking the server."""
        values = self._stored()
        if request.query_params.get("part") == "live":
            return self.pages.page("parts/queue_live.html", **values)
        values["done"] = DONE.get(request.query_params.get("done", ""))
        return self.pages.page("queue.html", **values, **self._served())

    def table(self, request: Request) -> Response:
        """Send all documents of the queue as CSV, in the page's order."""
        running, waiting, stopped = self._documents(self.pages.store.get_overview(WINDOW_S), EVERY)
        parts = {"running": running, "waiting": waiting, "stopped": stopped}
        rows = (
            (part, *document_row(document), document.owner if is_held(document) else None, document.error)
            for part, documents in parts.items()
            for document in documents
        )
        return csv_response("queue", ("queue", *CSV_HEADER, "owner", "error"), rows)

    def act(self, request: Request, form: Form) -> Response:
        """Pause a schedule, let it go on, write its documents now, or remove it."""
        action = request.path_params["action"]
        if action not in SCHEDULE_ACTIONS:
            raise NotFoundError(
                f"nothing is called {action[:40]!r} here: a schedule is paused, resumed, run or removed"
            )
        self.server.change_schedule(form.get("name"), action)
        return RedirectResponse(f"/queue?done=schedule-{action}", status_code=303)

    def _stored(self) -> dict[str, Any]:
        """Return the store's data."""
        overview = self.pages.store.get_overview(WINDOW_S)
        running, waiting, stopped = self._documents(overview, NUM_SHOWN)
        return {
            "queue": describe_overview(overview, time.time()),
            "running": running,
            "waiting": waiting,
            "stopped": stopped,
            "most": NUM_SHOWN,
            "actions": {document.id: actions_of(document) for document in (*running, *waiting, *stopped)},
        }

    def _documents(self, overview: Overview, limit: int) -> tuple[Sequence[DocumentRecord], ...]:
        """Return the running, waiting and stopped documents, at most `limit` of a status."""
        store = self.pages.store
        running = find_running(store, overview, time.time())
        at_work = {document.id for document in running}
        waiting = [d for d in store.list_documents("queued", limit=limit) if d.id not in at_work]
        left = [d for d in store.list_documents(AT_WORK, limit=limit) if not is_held(d)]
        stopped = [*left, *store.list_documents(STOPPED, sort="updated", limit=limit)]
        return running, waiting, stopped

    def _served(self) -> dict[str, Any]:
        """Return the server's data, or the reason why it did not answer."""
        try:
            return {
                "workers": [w for w in self.server.list_workers() if w.is_online or _is_recent(w)],
                "schedules": self.server.list_schedules(),
                "trouble": "",
            }
        except LonghandError as error:
            return {"workers": [], "schedules": [], "trouble": str(error)}


def _is_recent(worker: WorkerRecord) -> bool:
    return worker.heard_at is not None and time.time() - worker.heard_at < LONGEST_OFFLINE_S
