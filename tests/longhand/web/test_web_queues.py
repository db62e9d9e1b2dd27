"""Heavy work in queues of its own, websockets that are refused, and clients that hang up, on the real server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from longhand.doing.searching import Searcher
from longhand.web.app import make_app
from longhand.web.errors import CrowdedError
from longhand.web.pages import mapping
from longhand.web.queues import MAX_WAIT_S, WorkQueue
from longhand.web.server import listen
from storage import Match, Store

BASE = "http://127.0.0.1"


class SlowSearcher:
    """Answers nothing until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.num_done = 0

    def languages(self) -> tuple[str, ...]:
        return ("eng_Latn",)

    def find(self, *arguments: object, **more: object) -> tuple[Match, ...]:
        self.begun.release()
        assert self.go_on.wait(60)
        self.num_done += 1
        return ()


@pytest.fixture
def slow() -> SlowSearcher:
    return SlowSearcher()


@pytest.fixture
def app(store: Store, slow: SlowSearcher) -> Starlette:
    return make_app(store, searcher=cast("Searcher", slow))


def test_reading_pages_do_not_wait_behind_searches(app: Starlette, slow: SlowSearcher) -> None:
    """Sixty searches at once once kept the list waiting: all threads of the server were theirs."""

    async def visit() -> tuple[list[int], list[httpx.Response], list[httpx.Response]]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            searches = [asyncio.create_task(client.get(f"/search?q=tea+{n}")) for n in range(60)]
            assert await asyncio.to_thread(slow.begun.acquire, timeout=60)
            refused = [await search for search in searches[9:]]  # at once
            pages = [(await client.get(page)).status_code for page in ("/", "/", "/search", "/search?q=+")]
            slow.go_on.set()
            return pages, refused, [await search for search in searches[:9]]

    pages, refused, answered = asyncio.run(visit())
    assert pages == [200] * 4
    # One is at work and as many wait as are let in; the others are told to come again.
    assert [answer.status_code for answer in answered] == [200] * 9
    assert slow.num_done == 9
    for answer in refused:
        assert answer.status_code == 503
        seconds = int(answer.headers["retry-after"])
        assert 1 <= seconds <= MAX_WAIT_S
        assert f"busy: 8 searches are waiting; try again in {seconds} seconds" in answer.text
        assert "Too much at once" in answer.text
        assert "database" not in answer.text


def test_the_same_search_at_the_same_time_is_done_once(app: Starlette, slow: SlowSearcher) -> None:
    async def visit() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            searches = [
                asyncio.create_task(client.get(f"/search{suffix}?q=tea"))
                for suffix in ("", ".json", ".csv")
                for _ in range(20)
            ]
            assert await asyncio.to_thread(slow.begun.acquire, timeout=60)
            slow.go_on.set()
            return list(await asyncio.gather(*searches))

    answers = asyncio.run(visit())
    assert [answer.status_code for answer in answers] == [200] * 60
    assert slow.num_done == 3
    assert [len({answer.text for answer in answers[at : at + 20]}) for at in (0, 20, 40)] == [1, 1, 1]
    asyncio.run(visit())
    assert slow.num_done == 6  # nothing is kept


def test_who_waits_too_long_is_told_to_come_again() -> None:
    go_on = threading.Event()

    def handler(request: Request) -> Response:
        assert go_on.wait(60)
        return Response("done")

    queue = WorkQueue("drafts", max_wait_s=0.05)
    app = Starlette(
        routes=[Route("/", queue.queued(handler))],
        exception_handlers={CrowdedError: lambda request, error: Response(str(error), 503)},
    )

    async def visit() -> list[str]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            first = asyncio.create_task(client.get("/"))
            await asyncio.sleep(0.01)
            late = [answer.text for answer in await asyncio.gather(client.get("/"), client.get("/"))]
            go_on.set()
            return [*late, (await first).text, (await client.get("/")).text]

    *late, first, after = asyncio.run(visit())
    assert all("drafts are waiting; try again in" in text for text in late)
    assert (first, after) == ("done", "done")


@contextmanager
def serving(app: Starlette) -> Iterator[int]:
    """Serve an application as the command does, and yield its port."""
    with listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(60)


def test_websockets_and_clients_that_hang_up_are_no_trouble(
    app: Starlette, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(app) as port:
        upgrade = {
            "connection": "upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        assert httpx.get(f"{BASE}:{port}/", headers=upgrade).status_code == 403
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(
                b"POST /documents/x/act/pause HTTP/1.1\r\nhost: 127.0.0.1\r\n"
                b"content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\nform_token=a"
            )
        assert httpx.get(f"{BASE}:{port}/").status_code == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_picture_is_drawn_once_until_its_document_changes(
    run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from longhand.web.pages import plots

    drawn: list[str] = []
    real = plots.draw_map
    monkeypatch.setattr(plots, "draw_map", lambda *given: drawn.append(given[2]) or real(*given))
    monkeypatch.setattr(mapping, "MAX_KEPT", 2)
    assert run("write", "tea").exit_code == 0
    address = f"/documents/{store.list_documents()[0].id}/map.svg"
    app = make_app(store)

    async def visit() -> list[bytes]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as client:
            return [(await client.get(f"{address}?theme={theme}")).content for theme in themes]

    themes = ["light", "dark", "light", "dark"]
    first, second, again, _ = asyncio.run(visit())
    assert drawn == ["light", "dark"]
    assert first == again != second
    assert run("rewrite", store.list_documents()[0].id, "--item", "1").exit_code == 0
    themes = ["light"]
    asyncio.run(visit())
    assert drawn == ["light", "dark", "light"]
