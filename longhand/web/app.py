"""The web application: routes, files and error handling."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from concepts.errors import LonghandError
from longhand.doing.refining import Refiner
from longhand.doing.running import tell_prefect
from longhand.doing.searching import Searcher
from longhand.web.errors import BUSY_TITLE, TITLES, CrowdedError, status_of
from longhand.web.guard import Guard, GuardMiddleware
from longhand.web.pages.changing import Changes, TellPrefect, changing
from longhand.web.pages.creating import Creating
from longhand.web.pages.documents import Pages
from longhand.web.pages.listing import Listing
from longhand.web.pages.mapping import Mapping
from longhand.web.pages.queue import PrefectServer, QueuePage
from longhand.web.pages.refining import Refining
from longhand.web.plain import SUFFIX, json_response, plainly
from longhand.web.queues import WorkQueue
from longhand.web.templating import render

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from storage import Store

Handler = Callable[[Request], Response]

MAX_SEARCHES = 8
"""Most searches for different words that wait at a time; each takes about a second, and the first loads the encoder."""
STATIC_FILES = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}


def make_app(
    store: Store,
    *,
    guard: Guard | None = None,
    searcher: Searcher | None = None,
    refiner: Refiner | None = None,
    tell_prefect: TellPrefect = tell_prefect,
    server: PrefectServer | None = None,
) -> Starlette:
    """Return the inspector of a store; the caller closes the store.

    `guard` None: one for 127.0.0.1, without an access token. `searcher` None: one that loads the shipped space at the
    first search. `refiner` None: one that loads a document's models on demand. `tell_prefect`: see `TellPrefect`.
    `server`: source of the queue page's workers and schedules; None: the known Prefect server.
    """
    guard = Guard() if guard is None else guard
    pages = Pages(store, guard, Searcher() if searcher is None else searcher)
    changes = Changes(pages, tell_prefect)
    mapping = Mapping(pages)
    refining = Refining(pages, Refiner() if refiner is None else refiner)
    # One encoder, one set of voices, and the state of matplotlib that belongs to the whole process: one at a time.
    searches = WorkQueue("searches", max_waiting=MAX_SEARCHES, is_shared=True, is_light=_asks_nothing)
    drafts, pictures = WorkQueue("drafts"), WorkQueue("pictures")
    exports, servers = WorkQueue("files", num_workers=2), WorkQueue("questions to the server", num_workers=2)
    listing, creating = Listing(pages), Creating(pages, tell_prefect)
    queue = QueuePage(pages, PrefectServer() if server is None else server)
    page = "/documents/{id}"
    # Pages, each also as JSON; before routes with an id, which may end in .json.
    shown: list[tuple[str, Handler, WorkQueue | None]] = [
        ("/documents", listing.page, None),
        ("/search", pages.search, searches),
        ("/new", creating.form, None),
        ("/queue", queue.page, servers),
        (page, pages.document, None),
        (f"{page}/read", pages.read, None),
        (f"{page}/progress", pages.progress, None),
        (f"{page}/languages", pages.languages, None),
        (f"{page}/versions", pages.versions, None),
        (f"{page}/compare", pages.compare, None),
        (f"{page}/attempts", pages.attempts, None),
        (f"{page}/map", mapping.page, pictures),
        (f"{page}/refine", refining.page, drafts),
        (f"{page}/edit", changes.show, None),
    ]
    routes = [
        Route("/", listing.page),
        Route("/documents.csv", exports.queued(listing.table)),
        Route("/queue.csv", exports.queued(queue.table)),
        Route("/search.csv", searches.queued(pages.search_table)),
        Route(f"{page}/attempts.csv", exports.queued(pages.attempts_table)),
        *(_page_route(path + SUFFIX, plainly(handler), work) for path, handler, work in shown),
        *(_page_route(path, handler, work) for path, handler, work in shown),
        Route(f"{page}/export", exports.queued(pages.export)),
        Route(f"{page}/map.svg", pictures.queued(mapping.map_picture)),
        Route(f"{page}/similarity.svg", pictures.queued(mapping.heat_picture)),
        *(
            Route(path, changing(pages, handler), methods=["POST"])
            for path, handler in (
                (f"{page}/edit/rows", changes.edit),
                (f"{page}/edit/markdown", changes.edit_markdown),
                (f"{page}/edit/rewrite", changes.rewrite),
                (f"{page}/restore", changes.restore),
                (f"{page}/act/{{action}}", changes.act),
                ("/create", creating.create),
                ("/schedules/{action}", queue.act),
            )
        ),
        *(Route(f"/static/{name}", _static(name, kind)) for name, kind in STATIC_FILES.items()),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(GuardMiddleware, guard=guard, refuse=show_error),
            Middleware(TroubleMiddleware),
        ],
        exception_handlers={LonghandError: _show_known_error, HTTPException: _show_http_error},
    )


def _asks_nothing(request: Request) -> bool:
    return not request.query_params.get("q", "").strip()


def _page_route(path: str, handler: Handler, work: WorkQueue | None) -> Route:
    return Route(path, handler if work is None else work.queued(handler))


def show_error(request: Request, status: int, reason: str, title: str | None = None) -> Response:
    """Return a page with a one-line error."""
    title = title or TITLES.get(status, "That did not work")
    if request.url.path.endswith(SUFFIX):
        return json_response({"status": status, "title": title, "reason": reason}, status=status)
    return HTMLResponse(
        render("parts/error.html", status=status, title=title, reason=reason), status_code=status
    )


def _show_known_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LonghandError)
    if isinstance(error, CrowdedError):
        answer = show_error(request, status_of(error), str(error), BUSY_TITLE)
        answer.headers["retry-after"] = str(error.retry_after_s)
        return answer
    return show_error(request, status_of(error), str(error))


def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reasons = {
        404: f"there is no page {request.url.path[:200]}",
        405: f"{request.method} is not understood at {request.url.path[:200]}",
    }
    return show_error(request, error.status_code, reasons.get(error.status_code, error.detail))


class TroubleMiddleware:
    """Shows a bug of ours as a page, and its traceback in the server's terminal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_started = False

        async def watched(message: Message) -> None:
            nonlocal is_started
            is_started = is_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return  # the client is gone
        except Exception as error:
            if is_started:
                raise
            traceback.print_exception(error, file=sys.stderr)
            reason = f"unexpected {type(error).__name__}: the terminal of longhand inspect says more"
            await show_error(Request(scope), 500, reason)(scope, receive, send)


def _static(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    content = files("longhand.web").joinpath("static", name).read_bytes()

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return endpoint
