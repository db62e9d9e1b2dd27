"""The command `longhand`: checks its own installation, then runs the application.

Nothing of the rooms is imported before the check, so that a foreign package of the same name is
named instead of failing somewhere inside.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from longhand.checks import RoomError, check_rooms
from longhand.interrupts import EXIT_INTERRUPTED, interrupts

_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Environment variables by which an OpenMP runtime is told how its threads wait for each other."""


def main(early_handler: Callable[[int, FrameType | None], None] | None = None) -> NoReturn:
    """Run the command line of this process and exit; `early_handler` is what handles SIGINT so far, to be replaced."""
    interrupts.watch(early_handler)
    try:
        # What is imported stays. To look through it for garbage every 700 objects, and once more at the end, costs
        # `longhand ls` a fifth of its time.
        gc.set_threshold(10_000)
        replace_closed_streams()
        _speak_unicode()
        let_threads_sleep()
        drop_warnings()
        code = run(sys.argv[1:])
        gc.freeze()
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    leave(code)


def leave(code: int) -> NoReturn:
    """End this process with `code`, whatever its threads are doing.

    A daemon thread that loads models, or Prefect's, may be inside torch: where the interpreter ends under it, C++
    aborts (SIGABRT, SIGSEGV). To wait for gigabytes of weights that nobody needs any more would be no better. So
    with such a thread the process ends at once, after the exit handlers, with everything it printed.
    """
    code = interrupts.end(code)
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if not any(thread.daemon for thread in others):
        sys.exit(code)
    try:
        for thread in others:
            if not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def let_threads_sleep() -> None:
    """Let torch's threads sleep while they wait for each other, unless the environment says how they are to wait.

    Their runtime lets them spin for milliseconds: beside other work each then keeps the one that it waits for from
    running, at every operation, and a document takes about twice as long (benchmarks/bench_busy.py). It reads the
    environment when torch is imported; processes that are started inherit it.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ[_WAITING[0]] = "passive"


def drop_warnings() -> None:
    """Show no warning of a library, unless Python was asked for warnings (`-W`, PYTHONWARNINGS).

    Libraries silence their own by filters, which `warnings.catch_warnings` in another thread takes away again: while
    models load, what is silent in one run is shown in the next. A user could do nothing about any of them.
    """
    if not sys.warnoptions:
        warnings.showwarning = _drop


def _drop(*_: object, **__: object) -> None:
    """Take the place of `warnings.showwarning`."""


def replace_closed_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr (`>&-`) something in their places.

    Else the database would be opened under their numbers, and what a library prints would be written into it. Input
    is empty and remarks are dropped; output fails as it does on a full disk, so that nobody takes it for written.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        # The lowest free number, and so this one.
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
        setattr(sys, name, open(number, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115


def _speak_unicode() -> None:
    """Let no output fail for its encoding: a file or pipe gets UTF-8, a terminal `?` for what it cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    try:
        check_rooms()
        from longhand.app import run_app
    except RoomError as error:
        print(f"longhand: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return run_app(arguments)
