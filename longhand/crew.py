"""Commands that run models, under `accelerate launch` or `torchrun`: process 0 runs them, the others help it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import typer

from concepts.errors import UsageError

if TYPE_CHECKING:
    from flows.crew import Crew
    from storage import Store

P = ParamSpec("P")
EXIT_ERROR, EXIT_INTERRUPTED = 1, 130


def shared(command: Callable[P, None], *, repeatable: bool = True) -> Callable[P, None]:
    """Return the command for any process of a launch; where there is only one it is the command itself.

    `repeatable`: whether a launcher that starts dead processes again may run it once more.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        if os.environ.get("WORLD_SIZE", "1") == "1":
            command(*args, **kwargs)
            return
        from flows.crew import RESTARTS_VARIABLE, join, led, place_of_process, use_device_of_rank
        from flows.errors import CrewError
        from longhand.commands.documents import open_store

        place = place_of_process()
        if place.rank == 0 and not repeatable and os.environ.get(RESTARTS_VARIABLE, "0") != "0":
            raise UsageError(
                "the launcher has started this command again, which would do it twice: see longhand ls, "
                "and launch `longhand resume ID` instead"
            )
        with open_store() as store:
            try:
                crew = join(store, place)
            except CrewError as error:
                if place.rank == 0:
                    raise
                raise typer.Exit(EXIT_ERROR) from error  # process 0 says it
            if crew.rank == 0:
                with led(crew):
                    use_device_of_rank()
                    command(*args, **kwargs)
            else:
                use_device_of_rank()
                help_leader(store, crew)

    return run


def help_leader(store: Store, crew: Crew) -> None:
    """Do units of the leader's documents until it has ended; nothing is printed but what goes wrong."""
    from flows.crew import Helper
    from flows.device import SharedModels
    from longhand.terminal import say

    def tell(line: str) -> None:
        say(f"longhand: process {crew.rank} {line}")

    models = SharedModels(stages=("decode", "write"))
    try:
        Helper(store, models, crew.leader, is_over=crew.is_over, tell=tell).run()
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None  # process 0 says it
