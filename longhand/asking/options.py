"""Options of the command line, made of the table of wishes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from flows.document.wishes import WISHES, Wish
from longhand.asking.completion import complete_languages

COMMON = ("sections", "depth", "length", "lang", "prompt_lang", "seed", "goal", "outline")
MODELS = ("space", "planner", "writer", "voice", "library", "steps", "guidance")
Command = TypeVar("Command", bound=Callable[..., None])


def option_of(wish: Wish) -> Any:
    """Return what Typer is to know of a wish; for an `Annotated` type."""
    completion = complete_languages if wish.kind == "language" else None
    return typer.Option(wish.flag, help=wish.help, metavar=wish.metavar, autocompletion=completion)


SpaceName = Annotated[str | None, option_of(WISHES["space"])]


def asks(*names: str, before: str, table: Mapping[str, Wish] = WISHES) -> Callable[[Command], Command]:
    """Give a command an option for each wish, before its own parameter `before`; it takes them as `**wishes`."""

    def add(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        place = [parameter.name for parameter in own].index(before)
        last = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own[place:]]
        parameters = [*own[:place], *(_parameter_of(table[name]) for name in names), *last]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return add


def _parameter_of(wish: Wish) -> inspect.Parameter:
    # A file for what a line of prompts holds as text; of a number with decimals the whole ones are some, too.
    kind = Path if wish.kind == "outline" else wish.types[0]
    annotation = Annotated[bool if kind is bool else kind | None, option_of(wish)]  # type: ignore[valid-type]
    return inspect.Parameter(
        wish.name, inspect.Parameter.KEYWORD_ONLY, default=wish.default, annotation=annotation
    )
