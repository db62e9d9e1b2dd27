"""Command line options, made from the table of wishes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from flows.document.asked.wishes import WISHES, Wish
from longhand.asking.completion import Complete, complete_choices, complete_languages, complete_models

if TYPE_CHECKING:
    from concepts.models.card import Kind

COMMON = ("sections", "depth", "length", "lang", "prompt_lang", "seed", "goal", "outline")
KINDS_OF_MODEL: tuple[Kind, ...] = ("space", "planner", "writer", "voice", "library")
MODELS = (*KINDS_OF_MODEL, "steps", "guidance")
Command = TypeVar("Command", bound=Callable[..., None])


def option_of(wish: Wish) -> Any:
    """Return a wish's Typer option, for an `Annotated` type."""
    return typer.Option(wish.flag, help=wish.help, metavar=wish.metavar, autocompletion=_completion_of(wish))


def _completion_of(wish: Wish) -> Complete | None:
    if wish.kind == "language":
        return complete_languages
    if kind := next((kind for kind in KINDS_OF_MODEL if kind == wish.name), None):
        return complete_models(kind)
    return complete_choices(*wish.choices) if wish.choices else None


def choice_option(flag: str, choices: Sequence[str], help: str) -> Any:
    """Return the Typer option of one of some words, for an `Annotated` type."""
    return typer.Option(flag, metavar="|".join(choices), help=help, autocompletion=complete_choices(*choices))


def out_option(help: str) -> Any:
    """Return the Typer option of an output file, for an `Annotated` type; - is stdout, as if there were none."""
    return typer.Option("--out", "-o", help=help, callback=lambda path: None if path == Path("-") else path)


SpaceName = Annotated[str | None, option_of(WISHES["space"])]


def asks(*names: str, before: str, table: Mapping[str, Wish] = WISHES) -> Callable[[Command], Command]:
    """Add an option for each wish to a command, before its parameter `before`; the command takes them as `**wishes`."""

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
    # An outline is a file here, but text in a line of prompts; for a number with decimals the first type is enough.
    kind = Path if wish.kind == "outline" else wish.types[0]
    annotation = Annotated[bool if kind is bool else kind | None, option_of(wish)]  # type: ignore[valid-type]
    return inspect.Parameter(
        wish.name, inspect.Parameter.KEYWORD_ONLY, default=wish.default, annotation=annotation
    )
