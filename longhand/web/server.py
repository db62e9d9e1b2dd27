"""Listening: bind a socket before printing an address, then run uvicorn on it until Ctrl-C."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from concepts.errors import InputError
from longhand.web.guard import ANY_ADDRESS, LOOPBACK, TOKEN, Guard, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Store


def serve(
    store: Store,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    with_token: bool = False,
    open_browser: bool = False,
    space: str | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the inspector until Ctrl-C; `on_ready` gets the address when the server is ready.

    `port` 0: a free one. `with_token`: require the token in the printed address; always on outside loopback. `space`:
    the space to search; None: the one that ships. Raises InputError if it cannot listen on the address.
    """
    import uvicorn

    from longhand.doing.searching import Searcher
    from longhand.web.app import make_app

    with listen(host, port) as listening:
        found_port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24) if with_token or not is_loopback(host) else None
        guard = Guard(host=host, port=found_port, access_token=token)
        app = make_app(store, guard=guard, searcher=Searcher(space))
        url = address(host, found_port, token)
        config = uvicorn.Config(
            app,
            # A client that speaks no HTTP, such as https:// typed by mistake, is no trouble of ours.
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            proxy_headers=False,
        )
        on_ready(url)
        if open_browser:
            webbrowser.open(url)
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise InputError."""
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"the host {host!r} is not known: give an address of this machine") from error
    family, _, _, _, place = infos[0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Reuse the port of a server that just ended; on Windows the option would share a live one.
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is taken: name another one with --port, or --port 0 for a free one"
            ) from error
        raise InputError(
            f"{host}, port {port} cannot be listened on ({error.strerror}): name others with --host and --port"
        ) from error
    return listening


def address(host: str, port: int, token: str | None) -> str:
    """Return the address to open in a browser."""
    name = socket.gethostname() if host in ANY_ADDRESS else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?{urlencode({TOKEN: token})}" if token else "")
