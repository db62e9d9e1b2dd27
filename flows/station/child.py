"""Runs a module as `python -m` would, in a process that ends with its parent, and with all it started.

Run by path (`flows/station/supervisor.py` does): child.py GRACE_S MODULE [ARGUMENT...]. Standard input is a
pipe that the parent holds open; at its end the process gets SIGTERM, and after the grace its whole group
SIGKILL. It is the leader of a group of its own, so that nothing it has started stays behind.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time


def end_with_parent(grace_s: float) -> None:
    """Wait in a thread for the end of standard input, then end this process and its group."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Run the module that the arguments name; afterwards end what it has left running."""
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
