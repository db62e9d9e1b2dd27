"""The command `longhand`: check its installation, then run the application.

No room is imported before the check, so that the error names a foreign package of the same name instead of
failing somewhere inside it.
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

TORCH_LOG_LEVEL = "TORCH_CPP_LOG_LEVEL"
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Environment variables that set how an OpenMP runtime's threads wait for each other."""


def main(early_handler: Callable[[int, FrameType | None], None] | None = None) -> NoReturn:
    """Run the command line of this process and exit; `early_handler`: the present SIGINT handler, to be replaced."""
    interrupts.watch(early_handler)
    try:
        # Imported modules stay. Collecting garbage among them every 700 objects, and again at the end, costs
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
    """End this process with `code`, whatever its threads do.

    A daemon thread that loads models, or one of Prefect's, may be inside torch: if the interpreter ends under it, C++
    aborts (SIGABRT, SIGSEGV). Waiting for gigabytes of unneeded weights is no better. So with such a thread the
    process ends right after the exit handlers, with its output flushed.
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
    """Let torch's threads sleep while they wait for each other, unless the environment sets how they wait.

    Their runtime lets them spin for milliseconds. Beside other work, a spinning thread keeps the thread that it waits
    for from running, at every operation, and a document takes about twice as long (benchmarks/bench_busy.py). The
    runtime reads the environment when torch is imported; child processes inherit it.
    """
    if not any(name in os.environ for name in _WAITING):
        os.environ[_WAITING[0]] = "passive"


def drop_warnings() -> None:
    """Hide libraries' warnings, unless Python was asked for warnings (`-W`, PYTHONWARNINGS).

    Libraries silence their own with filters, which `warnings.catch_warnings` in another thread removes again: while
    models load, a warning is silent in one run and shown in the next. Users could do nothing about them. torch's C++
    code reads its level on import; at its usual level a helper prints a stack if its leader is killed.
    """
    if not sys.warnoptions:
        warnings.showwarning = _drop
        os.environ.setdefault(TORCH_LOG_LEVEL, "ERROR")


def _drop(*_: object, **__: object) -> None:
    """Replace `warnings.showwarning`."""


def replace_closed_streams() -> None:
    """Replace a missing stdin, stdout or stderr (`>&-`) of this process.

    Otherwise the database would get their file numbers, and a library's prints would go into it. Input is empty and
    remarks are dropped; output fails as on a full disk, so that nobody takes it for written.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        # open takes the lowest free number, which is this one.
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)
        setattr(sys, name, open(number, mode, encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115


def _speak_unicode() -> None:
    """Prevent encoding errors in output: write UTF-8 to files and pipes, and `?` for what a terminal cannot show."""
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
