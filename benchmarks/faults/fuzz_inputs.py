"""Feed Longhand's readers with made-up outlines, prompts, documents, URLs and schedules for minutes; count what breaks.

    python benchmarks/faults/fuzz_inputs.py --minutes 10
    python benchmarks/faults/fuzz_inputs.py --minutes 2 --kind html --kind word --seed 7

Each kind gets its share of the time in a process of its own. It prints how many inputs were tried, the slowest in
seconds and the most memory in MB; an input that gives a traceback, takes longer than 10 s, or needs more than 1 GB is
printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.longhand.asking.fuzz_inputs import FUZZES, MAX_S, Fuzz  # noqa: E402

MAX_BYTES = 1_000_000_000
PER_ROUND = 200


def run_kind(fuzz: Fuzz, seconds: float, seed: int) -> int:
    """Try inputs of one kind; print a line, and return 1 where one breaks a promise."""
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    num_tried, slowest = 0, 0.0

    def try_(data: st.DataObject) -> None:
        nonlocal num_tried, slowest
        given_ = data.draw(fuzz.inputs)
        if time.monotonic() > end:
            return
        started = time.process_time()
        fuzz.check(given_)
        spent = time.process_time() - started
        num_tried, slowest = num_tried + 1, max(slowest, spent)
        assert spent < MAX_S, f"{spent:.1f} s for {given_!r:.300}"
        assert _peak_bytes() < MAX_BYTES, f"{_peak_bytes():,} bytes for {given_!r:.300}"

    status = "ok"
    # Hypothesis shrinks a failure to the smallest input that breaks something.
    rounds = settings(
        max_examples=PER_ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    try:
        while time.monotonic() < end:
            with_seed(rng.randrange(2**32))(rounds(given(data=st.data())(try_)))()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        status = f"BROKEN: {type(error).__name__}: {str(error)[:500]}"
        for note in getattr(error, "__notes__", ()):
            status += f"\n  {note[:1000]}"
    print(
        f"{fuzz.name:<10} {num_tried:8,} inputs {slowest:7.2f} s {_peak_bytes() / 1e6:7.0f} MB  {status}",
        flush=True,
    )
    return int(status != "ok")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [fuzz.name for fuzz in FUZZES]
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument(
        "--kind", action="append", choices=names, help="only this one; may be given several times"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kinds = options.kind or names
    seconds = options.minutes * 60 / len(kinds)
    if len(kinds) == 1:
        warnings.simplefilter("ignore")
        (fuzz,) = [fuzz for fuzz in FUZZES if fuzz.name == kinds[0]]
        return run_kind(fuzz, seconds, options.seed)
    codes = [
        subprocess.run(
            [
                sys.executable,
                __file__,
                "--minutes",
                str(seconds / 60),
                "--kind",
                kind,
                "--seed",
                str(options.seed),
            ],
            check=False,
        ).returncode
        for kind in kinds
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
