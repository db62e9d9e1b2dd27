"""One document on a busy machine: threads that sleep while they wait against threads that spin.

    python benchmarks/bench_busy.py [--busy 0 --busy 1] [--rounds 2]

Beside N processes that keep a core busy each, `longhand write` runs in turns with sleeping threads, its default
(longhand/cli.py), and with spinning ones, torch's default (libgomp's spin count). Times cover the steps without
loading.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = ("-m", "longhand", "write", "How to share a folder on the network", "--sections", "6", "--timings")
SPINNING = {"GOMP_SPINCOUNT": "300000"}
"""libgomp's documented default without a policy."""


def main() -> None:
    """Print the medians of both ways and their ratio, for each number of busy processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--busy", type=int, action="append", help="processes that keep a core busy; else 0 and 1"
    )
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, {asked.rounds} rounds")
    for num_busy in asked.busy or (0, 1):
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(num_busy)]
        try:
            rounds = [(steps_s({}), steps_s(SPINNING)) for _ in range(asked.rounds)]
        finally:
            for other in others:
                other.kill()
                other.wait()
        sleeping, spinning = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = spinning / sleeping
        print(
            f"{num_busy} busy: sleeping {sleeping:.1f} s, spinning {spinning:.1f} s, ratio {ratio:.2f}",
            flush=True,
        )


def steps_s(environment: dict[str, str]) -> float:
    """Return the seconds that the steps of a document took, written into a database of its own."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))
    }
    with tempfile.TemporaryDirectory() as folder:
        place = {"LONGHAND_DATABASE_URL": f"sqlite:///{Path(folder) / 'longhand.db'}"}
        done = subprocess.run(
            [sys.executable, *COMMAND],
            env=own | place | environment,
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"^steps +([\d.]+) s", done.stderr, re.MULTILINE)
    assert found is not None, done.stderr
    return float(found[1])


if __name__ == "__main__":
    main()
