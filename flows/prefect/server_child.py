"""A process that serves Prefect's API: to one run (it ends with its parent, however that ends), or to `longhand up`.

    server_child.py run FOLDER TEMPLATE     any free port, no UI and no services; prints the port; a TEMPLATE of ""
                                            leaves the database to the server's settings
    server_child.py station PORT            with the UI and the services that make and follow runs

Of our code it imports only `flows.prefect_repair`. A run's server uses a copy of a migrated template database, since
migrating takes many seconds. Both servers listen on this machine only and refuse requests under other host names and
from pages of other origins.
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
"""Accepted host names; any other comes from a page whose name was made to resolve to this machine."""


def end_with_parent(folder: Path) -> None:
    """Exit when standard input, which the parent holds open, ends; a thread waits for that."""

    def wait() -> None:
        # Not through sys.stdin: its lock, held here, makes Python abort where the server ends by itself.
        while os.read(0, 1024):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        # Nobody reads this database again, so no orderly shutdown is needed.
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def prepare_database(database: Path, template: Path) -> None:
    """Copy the template; if there is none, migrate a new database and keep a copy as the template."""
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
        fresh.unlink(missing_ok=True)  # without a copy, on a full or read-only disk, the next start is slow


SIGN_IN = "/longhand/sign-in"
SIGN_IN_PAGE = b"""<!doctype html><title>Longhand</title><script>
localStorage.setItem("prefect-password", btoa(location.hash.slice(1)));
location.replace("/");
</script>"""
"""Gives Prefect's pages the secret from the address's fragment (#), which browsers never send."""


class Guard:
    """Refuses requests under another host name or from a page of another origin.

    Browsers send the page's origin with every request that could do harm, whatever CORS allows the page to read.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer 403 (or close the socket), or pass the request on."""
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
    """Serve Prefect's API on a port (0: a free one, which is printed) until the process ends."""
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
    # Imported modules stay: collecting garbage among them again and again takes a sixth of the start.
    gc.disable()
    # Runs hold prompts and titles: only the owner may read Prefect's files.
    os.umask(0o077)
    if sys.argv[1] == "station":
        serve(int(sys.argv[2]), is_station=True)
        return
    folder, template = Path(sys.argv[2]), sys.argv[3]
    end_with_parent(folder)
    # The slow imports come last: a parent that dies meanwhile must not leave us behind.
    if template:
        prepare_database(folder / "prefect.db", Path(template))
    serve(0, is_station=False)


if __name__ == "__main__":
    main()
