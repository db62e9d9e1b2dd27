"""A driver in a fork of this process, which has imported everything already: that costs a process of its own seconds.

For what is done to a process, such as SIGKILL. How a process starts, and what it says while it ends, is tested with
real ones: a fork ends at once, without handlers of the interpreter's end.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from threading import Timer

from accelerate.state import AcceleratorState

from flows.prefect.isolation import import_prefect


def import_everything() -> None:
    """Import what a run of a document imports on its way, once and not in each fork."""
    import_prefect()
    import encodings.idna  # noqa: F401  # of every host name

    import numpy.random  # noqa: F401
    import prefect._internal.observers
    import prefect.flow_engine
    import prefect.task_engine
    import prefect.utilities.visualization  # noqa: F401

    import concepts.library.notes  # noqa: F401
    import flows.prefect.work_pool  # noqa: F401


class Fork:
    """What tests use of `subprocess.Popen`, for a driver's `main`; `stdout` is a pipe."""

    def __init__(
        self, main: Callable[[], int], arguments: tuple[str, ...], variables: dict[str, str]
    ) -> None:
        """Run `main` with these arguments, and these variables beside those of this process."""
        import_everything()
        reading, writing = os.pipe()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by `communicate`
        # A finalizer of the parent's garbage may import within an import (`faults.lab.FaultLab._fork`).
        gc.freeze()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(writing, 1)
            os.dup2(self._errors.fileno(), 2)
            _run(main, arguments, variables)
        gc.unfreeze()
        os.close(writing)
        self.stdout = open(reading, encoding="utf-8")  # noqa: SIM115  # closed by `communicate`
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, which nobody has waited for yet."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 200.0) -> tuple[str, str]:
        """Wait for the end; return the rest of stdout, and all of stderr. One that is stuck is killed, and fails."""
        stuck: list[str] = []

        def end() -> None:
            stuck.append(f"stuck for {timeout:g} s")
            self.kill()

        guard = Timer(timeout, end)
        guard.start()
        output = self.stdout.read()
        _, status = os.waitpid(self.pid, 0)
        guard.cancel()
        assert not stuck, stuck[0]
        self.returncode = os.waitstatus_to_exitcode(status)
        self.stdout.close()
        self._errors.seek(0)
        errors = self._errors.read()
        self._errors.close()
        return output, errors


Process = Fork | subprocess.Popen[str]


def _run(main: Callable[[], int], arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    """Be a process of one's own; a fork must never return into its parent's code."""
    code = 70
    try:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        AcceleratorState._reset_state(reset_partial_state=True)
        # To pytest every warning is an error; Python ignores these.
        warnings.resetwarnings()
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        os.environ.update(variables)
        sys.argv = ["driver", *arguments]
        code = main()
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
