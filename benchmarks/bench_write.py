"""Wall time and peak memory of `longhand write`, by stage, cold and warm; and the time of `longhand ls`.

    python benchmarks/bench_write.py [--sections 8] [--warm 3] [--json FILE]

Cold: an empty data folder (the first run also migrates Prefect's database) and, if the machine allows it, dropped
disk caches. Warm: the runs after it. Stage times are the ones that the run stores with the document
(`flows.timings`); `start` is the time around them: Python, imports of the command line, storage, the end. Peaks are
given for the largest process and for all processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from concepts.models.wheels import FETCHED_VARIABLE, models_dir  # noqa: E402
from storage import Store  # noqa: E402

PROMPT = "How to share a folder on the network"
STAGES = (
    "start",
    "prefect_import",
    "prefect_wait",
    "model_wait",
    "planning",
    "writing",
    "decoding",
    "storage",
    "steps",
)
AROUND = ("prefect_import", "prefect_wait", "steps")
"""Stages that follow each other; the others are within `steps`."""
SAMPLE_S = 0.05


def drop_caches() -> bool:
    """Empty the page cache if allowed; return whether that worked."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def sum_memory(pid: int) -> float:
    """Return the proportional set size, in MiB, of a process and its descendants (0 without /proc)."""
    total, waiting = 0.0, [pid]
    while waiting:
        current = waiting.pop()
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{current}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
            for line in Path(f"/proc/{current}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
    return total


def run_timed(command: list[str], variables: dict[str, str]) -> tuple[float, float]:
    """Run a command; return its seconds, and the peak MiB of all its processes together."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **variables},
    )
    peak = 0.0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(SAMPLE_S):
            peak = max(peak, sum_memory(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    ended.set()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(
            f"{' '.join(command)} ended with {process.returncode}: {errors.decode(errors='replace')}"
        )
    return seconds, peak


def write_once(url: str, variables: dict[str, str], sections: int) -> dict[str, float]:
    """Write one document and return its times and memory."""
    command = ["-m", "longhand", "write", PROMPT, "--sections", str(sections), "--seed", "7"]
    wall_s, peak_mib = run_timed(command, variables)
    with Store.open(url) as store:
        newest = store.list_documents(limit=1)[0]
        run = [a for a in store.get_attempts(newest.id) if a.stage == "run"][-1]
    found = {name: float(str(seconds)) for name, seconds in run.timing.items()}
    found["start"] = wall_s - sum(found.get(name, 0.0) for name in AROUND)
    return {"wall": wall_s, "peak_mib": peak_mib, **{name: found.get(name, 0.0) for name in STAGES}}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--warm", type=int, default=3, help="number of warm runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/longhand.db"
        variables = {
            "XDG_DATA_HOME": folder,
            "LONGHAND_DATABASE_URL": url,
            FETCHED_VARIABLE: str(models_dir()),  # else they would be looked for in the empty folder
        }
        was_dropped = drop_caches()
        runs = {"cold": write_once(url, variables, args.sections)}
        for number in range(args.warm):
            runs[f"warm {number + 1}"] = write_once(url, variables, args.sections)
        largest_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        ls = [run_timed(["-m", "longhand", "ls"], variables)[0] for _ in range(5)]
    print(
        f"{args.sections} sections, {os.cpu_count()} cores, disk cache dropped: {'yes' if was_dropped else 'no'}\n"
    )
    print(f"{'seconds':<16}" + "".join(f"{name:>10}" for name in runs))
    for name in ("wall", *STAGES):
        print(f"{name:<16}" + "".join(f"{run[name]:>10.2f}" for run in runs.values()))
    print(f"{'peak MiB, all':<16}" + "".join(f"{run['peak_mib']:>10.0f}" for run in runs.values()))
    print(f"\nlargest process: {largest_mib:.0f} MiB; longhand ls: {min(ls):.2f} s (best of {len(ls)})")
    if args.json is not None:
        figures = {"runs": runs, "largest_mib": largest_mib, "ls_s": min(ls), "caches_dropped": was_dropped}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
