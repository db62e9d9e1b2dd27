"""Faults of a run with a Prefect server of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.flows.document import flow_driver
from tests.flows.faults.comparison import Failed
from tests.flows.faults.lab import EXIT_DONE, EXIT_KNOWN_ERROR, PATIENCE_S, FaultLab
from tests.flows.forks import Fork, Process

BREAK_OFF_S = 10.0
"""How long Ctrl-C may take: less than five seconds, but on machines that are busy with other tests."""


class PrefectTrials(FaultLab):
    """Each method is one kind of fault and returns the units redone.

    They start whole processes, each with a Prefect server of its own, so they take seconds.
    """

    def interrupted(self) -> int:
        """Ctrl-C at any instant: the run says one word and ends soon, whatever Prefect is at."""
        document_id = self._new_document()
        process = self._start_driver(document_id)
        self._wait_for(process, ("starting", "planning", "outline", "writing", "decoding"))
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=BREAK_OFF_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # says where each thread is
            _, errors = process.communicate()
            raise Failed(f"still there {BREAK_OFF_S:g} s after Ctrl-C: {errors[-2000:]}") from None
        if (process.returncode, errors) not in ((130, "interrupted\n"), (EXIT_DONE, "")):
            raise Failed(f"Ctrl-C ended the run with {process.returncode}: {errors[-400:]}")
        return self.finish(document_id)

    def writer_and_server_killed(self) -> int:
        """The writing process and its Prefect server are killed in the same moment."""
        # What a process that is killed says at its end is nothing: a fork of this one will do.
        process = Fork(flow_driver.main, self._driver_arguments(document_id := self._new_document()), {})
        return self._with_prefect(document_id, process, lambda server: [process.pid, server])

    def prefect_killed(self) -> int:
        """Prefect's server is killed alone: the run ends by itself, soundly, or reaches its end."""
        process = self._start_driver(document_id := self._new_document())
        return self._with_prefect(document_id, process, lambda server: [server])

    def _with_prefect(self, document_id: str, process: Process, choose: Callable[[int], list[int]]) -> int:
        import psutil

        self._wait_for(process, ("planning", "outline", "writing"))
        children = psutil.Process(process.pid).children()
        (server,) = [child.pid for child in children if "server_child" in str(child.cmdline())]
        for pid in choose(server):
            with suppress(ProcessLookupError):  # it may have come to its end
                os.kill(pid, signal.SIGKILL)
                self._count_kill()
        _, errors = process.communicate(timeout=PATIENCE_S)
        if process.returncode not in (EXIT_DONE, EXIT_KNOWN_ERROR, -signal.SIGKILL) or "Traceback" in errors:
            raise Failed(f"the run ended with {process.returncode}: {errors[-400:]}")
        deadline = time.monotonic() + 10
        while psutil.pid_exists(server) and psutil.Process(server).status() != "zombie":
            if time.monotonic() > deadline:
                raise Failed("Prefect's server outlives the run")
            time.sleep(0.05)
        return self.finish(document_id)

    def _driver_arguments(self, document_id: str) -> tuple[str, ...]:
        return self.database.url, document_id, "--delay", "0.1"

    def _start_driver(self, document_id: str) -> subprocess.Popen[str]:
        driver = Path(flow_driver.__file__)
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(driver), *self._driver_arguments(document_id)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background jobs ignore SIGINT, and their children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def _wait_for(self, process: Process, kinds: Sequence[str]) -> None:
        """Wait for an event of one of the kinds, drawn, and a moment more."""
        assert process.stdout is not None
        kind = self._draw.choice(kinds)
        for line in process.stdout:
            if f'"{kind}"' in line:
                break
        time.sleep(self._draw.uniform(0.0, 0.5))
