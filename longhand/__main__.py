"""Entry point of `longhand`, as a console script or as `python -m longhand`.

Ctrl-C ends the process with exit code 130 from the first line on. So this module imports only `os` and `signal` until
the handler is set (`import longhand` imports nothing).
"""

import os
import signal

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line of this process and exit."""
    # If SIGINT is ignored (a shell's background job) or somebody else handles it, leave it so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
    from longhand.cli import main as run_command_line

    run_command_line(end_at_once)


def end_at_once(number: int, frame: object) -> None:
    """End the process, which has done nothing yet; an exception might get lost between imports or print a traceback."""
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
