"""Model commands under `accelerate launch` or `torchrun`: process 0 runs the command, the others help it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from concepts.errors import UsageError
from longhand.interrupts import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from flows.crew import Crew
    from storage import Store

P = ParamSpec("P")
EXIT_ERROR = 1


def shared(command: Callable[P, None], *, repeatable: bool = True) -> Callable[P, None]:
    """Return the command for any process of a launch; without other processes it is the command itself.

    `repeatable`: whether a launcher that restarts dead processes may run it again.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        if os.environ.get("WORLD_SIZE", "1") == "1":
            command(*args, **kwargs)
            return
        from flows.crew import RESTARTS_VARIABLE, join, led, place_of_process, use_device_of_rank
        from flows.errors import CrewError
        from storage import Store

        place = place_of_process()
        options: dict[str, Any] = dict(kwargs)
        if place.rank == 0 and not repeatable and os.environ.get(RESTARTS_VARIABLE, "0") != "0":
            raise UsageError(
                "the launcher has started this command again, which would do it twice: see longhand ls, "
                "and launch `longhand resume ID` instead"
            )
        with Store.open() as store:
            try:
                check_ports(options.get("metrics_port"), place.size)
                crew = join(store, place)
            except (CrewError, UsageError) as error:
                if place.rank == 0:
                    raise
                raise typer.Exit(EXIT_ERROR) from error  # process 0 reports it
            if crew.rank == 0:
                with led(crew):
                    use_device_of_rank(place)
                    command(*args, **kwargs)
            else:
                use_device_of_rank(place)
                help_leader(store, crew, **options)

    return run


def check_ports(metrics_port: int | None, num_processes: int) -> None:
    """Raise UsageError if some process of a launch would have no port for its metrics."""
    if metrics_port is not None and not 0 <= metrics_port <= 65536 - num_processes:
        raise UsageError(
            f"--metrics-port is {metrics_port}, and {num_processes} processes need one each from there on: "
            f"give a number from 1024 to {65536 - num_processes}, or 0 for free ones"
        )


def help_leader(
    store: Store,
    crew: Crew,
    *,
    log_format: str = "text",
    log_file: Path | None = None,
    metrics_host: str = "127.0.0.1",
    metrics_port: int | None = None,
    **_: object,
) -> None:
    """Do units of the leader's documents until it ends, and report them like the leader's own.

    Takes the options of any model command and uses only a worker's log and metrics options.
    """
    from flows.crew import Helper
    from flows.models.sharing import SharedModels
    from longhand.showing.worklog import open_log, serving_metrics, telling

    models = SharedModels(stages=("decode", "write"))
    port = metrics_port and metrics_port + crew.rank  # 0: each takes a free one
    try:
        with (
            open_log(log_format, log_file, rank=crew.rank) as log,
            serving_metrics(store, metrics_host, port, log) as count,
        ):
            on_event = telling(log.show, count)
            Helper(store, models, crew.leader, is_over=crew.is_over, on_event=on_event).run()
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None  # process 0 reports it
