"""`up` and `down`: a Prefect server with its UI and a worker, for one machine."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from concepts.errors import UsageError
from longhand.commands.queue import (
    Batch,
    LogFormat,
    MetricsPort,
    Together,
    check_batch,
    check_log_format,
    check_metrics_port,
)
from longhand.showing.terminal import print_json, say

if TYPE_CHECKING:
    from flows.station.supervisor import Station

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    port: Annotated[int, typer.Option(help="Port of the server and its UI, on this machine alone.")] = 4200,
    batch: Batch = 2,
    together: Together = False,
    log_format: LogFormat = "text",
    metrics_port: MetricsPort = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and end with this command.")
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open Prefect's pages in a browser, signed in.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a Prefect server and one worker on this machine; `down` ends them."""
    from flows.station.supervisor import (
        StationSettings,
        is_first_start,
        run_station,
        running_station,
        start_station,
        station_folder,
    )

    if not 1024 <= port <= 65535:
        raise UsageError(f"--port is {port}: give a number from 1024 to 65535")
    check_batch(batch, together=together)
    check_log_format(log_format)
    check_metrics_port(metrics_port)
    if metrics_port == port:
        raise UsageError(f"--metrics-port is {port}, as --port: give two numbers")
    settings = StationSettings(
        port=port,
        batch=batch,
        together=together,
        log_format=log_format,
        metrics_port=metrics_port,
    )

    is_first = is_first_start()

    def show(station: Station) -> None:
        if as_json:
            shown = {"ui_url": station.ui_url, "api_url": station.api_url, "pid": station.pid}
            print_json(shown | {"logs": str(station_folder())})
        else:
            say(f"up: {station.ui_url} shows what happens; logs are in {station_folder()}")
            if is_first and not foreground:  # elsewhere it would end in a log
                say(f"sign in there once, with this address and with no other: {station.sign_in_url}")
            else:
                say(f"it asks for what is in {station_folder() / 'secret'}, or: longhand up --open")
            say("queue documents with longhand submit or longhand schedule, end all with longhand down")

    if foreground:
        run_station(settings, on_ready=show)
    else:
        if open_browser and (station := running_station()) is not None:
            webbrowser.open(station.sign_in_url)
            say(f"up already: {station.ui_url}")
            return
        say("starting the server and the worker ...")
        station = start_station(settings)
        show(station)
        if open_browser:
            webbrowser.open(station.sign_in_url)


def down() -> None:
    """End the server and the worker that `up` started; documents in work are given back."""
    from flows.station.supervisor import stop_station

    say("nothing is up" if stop_station() is None else "down")
