"""The Typer application: its commands and the handling of their errors.

Only the called command's module is imported, and Typer reads only its options. Command modules import only what is
cheap enough for `longhand ls`; commands that need torch, Prefect or alembic import them inside.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from concepts.errors import LonghandError, UsageError, shorten
from longhand import __version__
from longhand.interrupts import EXIT_INTERRUPTED, interrupts
from longhand.showing.helping import MAX_WIDTH, Group, add_help

EXIT_ERROR, EXIT_USAGE = 1, 2
MAX_WORD_CHARS, MAX_MESSAGE_CHARS = 300, 2000
"""Limits of an error message: longer ones echo typed text or a file, and keep only beginning and end."""
DEBUG_OPTION = "--debug"
COMMANDS = {
    "writing": ("write", "resume", "translate"),
    "given": ("plan", "summarize", "expand"),
    "queue": ("submit", "worker", "status", "requeue", "cancel", "pause", "priority"),
    "schedules": ("schedule", "schedules"),
    "station": ("up", "down"),
    "documents": ("ls", "show", "rm"),
    "editing": ("outline", "approve", "rewrite", "diff"),
    "inspecting": ("inspect",),
    "refining": ("refine",),
    "search": ("search",),
    "exporting": ("export",),
    "upkeep": ("backup", "restore", "gc"),
    "corpus": ("corpus",),
    "models": ("train", "evaluate", "models"),
    "health": ("doctor",),
}
"""Modules of `longhand.commands` and what they register (a test compares)."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"longhand {__version__}")
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG_OPTION, help="Show tracebacks (anywhere on the line).")
    ] = False,
) -> None:
    """Plan and write long documents in a sentence-embedding space."""


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the called command, or with all commands if none is called."""
    app = typer.Typer(
        name="longhand",
        cls=Group,
        help="Plan and write long documents in a sentence-embedding space.",
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": MAX_WIDTH},
    )
    app.callback()(options)
    called = [module for module, names in COMMANDS.items() if arguments and arguments[0] in names]
    for module in called or COMMANDS:
        import_module(f"longhand.commands.{module}").register(app)
    add_help(app)
    return app


def run_app(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; print every error as one line on stderr."""
    arguments, debug = _take_debug(arguments)
    try:
        app = make_app(arguments)
        interrupts.check()
        code = app(args=list(arguments) or ["--help"], prog_name="longhand", standalone_mode=False)
        # Flush here, so that a full disk behind stdout is our error instead of one at the interpreter's exit.
        sys.stdout.flush()
        if not code:
            interrupts.check()
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        if debug:
            raise
        command = _command_of(error)
        _complain(f"{error.format_message().rstrip('.')} (see {command} --help)")
        return error.exit_code
    except LonghandError as error:
        if debug:
            raise
        _complain(str(error))
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR
    except (typer.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno == errno.EPIPE:
            _silence_stdout()
            return EXIT_ERROR
        if debug:
            raise
        if error.errno in (errno.ENOSPC, errno.EBADF):
            _silence_stdout()
        if error.errno == errno.EBADF:
            _complain("standard output is closed: let it go to a file or a pipe")
            return EXIT_ERROR
        _complain(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return EXIT_ERROR
    except Exception as error:
        if debug:
            raise
        _complain(
            f"unexpected {type(error).__name__}: {error} (run again with {DEBUG_OPTION} for a traceback)"
        )
        return EXIT_ERROR


def _take_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    # Typer accepts the application's options only before the command; people add this one at the end.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != DEBUG_OPTION]
    return kept + list(arguments[end:]), len(kept) < end or bool(os.environ.get("LONGHAND_DEBUG"))


def _command_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context is not None else "longhand"


def _complain(message: str) -> None:
    words = [shorten(word, MAX_WORD_CHARS) for word in message.split()]
    print(f"longhand: {shorten(' '.join(words), MAX_MESSAGE_CHARS)}", file=sys.stderr)


def _silence_stdout() -> None:
    # The interpreter flushes stdout again at exit and would print its own error.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
