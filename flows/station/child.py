"""Runs a module like `python -m`, in a process that ends with its parent, together with all processes it started.

`flows/station/supervisor.py` runs it by path: child.py GRACE_S MODULE [ARGUMENT...]. Standard input is a pipe that
the parent holds open; when it ends, the process gets SIGTERM, and after the grace period its whole group gets
SIGKILL. The process leads its own group, so that no process it started stays behind.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time


def end_with_parent(grace_s: float) -> None:
    """End this process and its group when standard input ends; a thread waits for that."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Run the module named in the arguments; afterwards end the processes that it left running."""
    grace_s, module = float(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    end_with_parent(grace_s)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    main()
