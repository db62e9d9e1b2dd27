"""A process that serves Prefect's API: to one run (it ends with its parent, however that ends), or to `longhand up`.

    server_child.py run FOLDER TEMPLATE     any free port, no UI and no services; prints the port; a TEMPLATE of ""
                                            leaves the database to the server's settings
    server_child.py station PORT            with the UI and the services that make and follow runs

Of our rooms it imports `flows.prefect_repair` alone. The database of a run's server is a copy of an already migrated
template: migrating costs many seconds. Both listen on this machine alone and answer nobody who comes under another
name or from a page of another origin.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
NAMES = ("127.0.0.1", "localhost")
"""Names under which the server is asked; any other is a page's that had it resolve to this machine."""


def end_with_parent(folder: Path) -> None:
    """Wait in a thread for the end of standard input, which the parent holds open, then exit."""

    def wait() -> None:
        sys.stdin.buffer.read()
        shutil.rmtree(folder, ignore_errors=True)
        # Nobody reads this database again, so there is nothing to shut down in order.
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def prepare_database(database: Path, template: Path) -> None:
    """Copy the template; where there is none, migrate a fresh database and keep a copy of it."""
    if template.exists():
        shutil.copyfile(template, database)
        return
    from prefect.server.database import provide_database_interface

    async def migrate() -> None:
        interface = provide_database_interface()
        await interface.create_db()
        await (await interface.engine()).dispose()

    asyncio.run(migrate())
    fresh = template.with_name(f"{template.name}.{os.getpid()}.partial")
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        source, target = sqlite3.connect(database), sqlite3.connect(fresh)
        source.backup(target)
        target.close()
        source.close()
        os.replace(fresh, template)
    except (OSError, sqlite3.Error):
        fresh.unlink(missing_ok=True)  # a full or read-only disk only costs time at the next start


SIGN_IN = "/longhand/sign-in"
SIGN_IN_PAGE = b"""<!doctype html><title>Longhand</title><script>
localStorage.setItem("prefect-password", btoa(location.hash.slice(1)));
location.replace("/");
</script>"""
"""Hands the secret, which stands behind the # of the address and is never sent, to Prefect's pages."""


class Guard:
    """Refuses requests under another host name, and those that a page of another origin has sent.

    A browser names the page's origin for everything that could do harm, whatever CORS then lets the page read.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer 403 (or close the socket), or hand the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        port = (scope.get("server") or (HOST, 0))[1]
        own = {f"{name}:{port}" for name in NAMES}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if scope["type"] == "http" and scope["path"] == SIGN_IN and host in own:
            await _answer(send, 200, b"text/html", SIGN_IN_PAGE)
        elif host in own and (origin is None or origin in {f"http://{name}" for name in own}):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = b'{"exception_message": "This server answers its own pages and programs of this machine alone."}'
            await _answer(send, 403, b"application/json", body)


async def _answer(send: Any, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(port: int, *, is_station: bool) -> None:
    """Serve Prefect's API on a port (0: a free one, which is printed) until the process is ended."""
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.prefect_repair import repair

    repair()

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
            await super().startup(sockets)  # type: ignore[arg-type]
            if self.started and not is_station:
                port = self.servers[0].sockets[0].getsockname()[1]
                print(port, flush=True)

    app = create_app(ephemeral=not is_station, final=True)
    gc.freeze()
    gc.enable()
    config = uvicorn.Config(
        Guard(app),
        host=HOST,
        port=port,
        log_level="error",
        lifespan="on",
        access_log=False,
        timeout_keep_alive=10,
    )
    Announcing(config).run()


def main() -> None:
    """Serve until the parent ends, or until SIGTERM."""
    # What is imported stays: to look through it for garbage, again and again, takes a sixth of the start.
    gc.disable()
    # Runs hold prompts and titles: what Prefect writes is for its owner alone.
    os.umask(0o077)
    if sys.argv[1] == "station":
        serve(int(sys.argv[2]), is_station=True)
        return
    folder, template = Path(sys.argv[2]), sys.argv[3]
    end_with_parent(folder)
    # Only now the slow imports: a parent that dies meanwhile must not leave us behind.
    if template:
        prepare_database(folder / "prefect.db", Path(template))
    serve(0, is_station=False)


if __name__ == "__main__":
    main()
