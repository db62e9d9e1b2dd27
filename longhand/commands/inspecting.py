"""`inspect`: the web inspector."""

from __future__ import annotations

from typing import Annotated

import typer

from concepts.errors import UsageError
from longhand.asking.options import SpaceName
from longhand.commands.documents import open_store
from longhand.interrupts import interrupts
from longhand.showing.terminal import print_text, say

DEFAULT_PORT = 8765


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("inspect")(inspect)


def inspect(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs the printed token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: a free one.")] = DEFAULT_PORT,
    token: Annotated[
        bool, typer.Option("--token", help="Let in only who has the printed address, on this machine too.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open a browser.")] = False,
    space: SpaceName = None,
) -> None:
    """Look at stored documents in a browser: text, plan, versions, maps; edit and approve outlines."""
    if not 0 <= port <= 65535:
        raise UsageError(f"--port is {port}: give a number from 1 to 65535, or 0 for a free one")
    from longhand.web.guard import is_loopback
    from longhand.web.server import serve

    shown: list[str] = []

    def show(url: str) -> None:
        print_text(url)
        shown.append(url)
        if not is_loopback(host):
            say("who has this address may read and change every document; the way there is not encrypted")
        say("end it with Ctrl-C")

    with open_store() as store:
        try:
            serve(
                store,
                host=host,
                port=port,
                with_token=token,
                open_browser=open_browser,
                space=space,
                on_ready=show,
            )
        except KeyboardInterrupt:
            if not shown:  # it never ran
                raise
            interrupts.forget()
            say("ended")
