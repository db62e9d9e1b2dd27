"""Ctrl-C in a process of the command: it is never lost, and never ends with exit code 0.

Python raises KeyboardInterrupt wherever the main thread is. Inside a finalizer, a weak reference's callback (the
import system has one for every module) or a callback from C, Python prints and drops it; a library's `except:`
swallows it. So the handler also records it, and the command checks the record before its work and before its exit.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

EXIT_INTERRUPTED = 130
REPEAT_AFTER_S = 0.05


class Interrupts:
    """The SIGINT handler: records it and raises KeyboardInterrupt; while the process ends it only records it."""

    def __init__(self) -> None:
        self.is_noted = False
        self._is_watching = False
        self._code: int | None = None

    def watch(self, early_handler: Callable[[int, FrameType | None], None] | None = None) -> None:
        """Handle SIGINT from now on, unless this process ignores it or has another handler; main thread only.

        `early_handler`: the handler during the command's import.
        """
        if signal.getsignal(signal.SIGINT) not in (signal.default_int_handler, early_handler):
            return
        self._is_watching = True
        signal.signal(signal.SIGINT, self)
        before = sys.unraisablehook

        def hook(lost: UnraisableHookArgs) -> None:
            if not issubclass(lost.exc_type, KeyboardInterrupt):
                before(lost)
            elif self.is_noted and self._code is None:
                # A bare thread: this one was interrupted anywhere and may hold any lock.
                _thread.start_new_thread(_repeat, ())

        sys.unraisablehook = hook
        # The first registered function is called last.
        atexit.register(self._insist)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle one SIGINT."""
        is_second = self.is_noted
        self.note()
        if self._code is None:
            raise KeyboardInterrupt
        if is_second:
            os._exit(self._code or EXIT_INTERRUPTED)

    def note(self) -> None:
        """Record a Ctrl-C that another handler handles."""
        self.is_noted = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a Ctrl-C came and ended nothing."""
        if self.is_noted:
            raise KeyboardInterrupt

    def forget(self) -> None:
        """Treat the recorded Ctrl-C as this command's normal end."""
        self.is_noted = False

    def end(self, code: int) -> int:
        """Return the process's exit code; from now on SIGINT only changes a 0."""
        self._code = code
        if self.is_noted and code == 0:
            self._code = EXIT_INTERRUPTED
        if self._is_watching and self._code:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self._code

    def _insist(self) -> None:
        """End the process with Ctrl-C's exit code if one came after the command had returned 0."""
        if self._code != 0:
            return
        # The rest of the interpreter's exit runs no handlers: let the signal itself end it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if self.is_noted:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(EXIT_INTERRUPTED)


def _repeat() -> None:
    """Send SIGINT to the main thread again, after it has left the code that lost the last one."""
    time.sleep(REPEAT_AFTER_S)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


interrupts = Interrupts()
"""This process's handler; only `longhand.cli.main` activates it."""
