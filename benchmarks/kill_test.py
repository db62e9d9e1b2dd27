"""Kill `longhand write` with SIGKILL at random moments, resume it, and compare with a calm run.

    python benchmarks/kill_test.py --kills 20            # the shipped models, through the command line
    python benchmarks/kill_test.py --kills 20 --fake     # the fake engine of the tests: the machinery alone

Every document gets the same prompt and seed, so that all texts must be equal. Each is killed once and
resumed: every fourth at a moment drawn from the whole calm run, the others from the part of it in which
units ran (most of a short run is start-up, where there is nothing to lose). Prints one line per kill and
a summary; exits with 1 where a text differs, a row is doubled, or a kill cost more than one unit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storage import Store  # noqa: E402

PROMPT = "How to share a folder on the network"


@dataclass(frozen=True)
class Killed:
    """What one kill did."""

    after_s: float
    stage: str
    is_same: bool
    num_double: int
    num_redone: int
    resume_s: float


class Program:
    """The command lines of the program under test."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self._args = args
        self._folder = folder

    def url(self, name: str) -> str:
        """Return the database URL of one trial."""
        return f"sqlite:///{self._folder / name}.db"

    def start(self, url: str, document_id: str | None) -> subprocess.Popen[bytes]:
        """Start writing a new document, or resuming one."""
        args = self._args
        if args.fake:
            driver = str(ROOT / "tests" / "flows" / "flow_driver.py")
            command = [driver, url, document_id or "new", "--seed", str(args.seed)]
            command += ["--sections", str(args.sections), "--delay", str(args.delay)]
        elif document_id is None:
            command = [
                "-m",
                "longhand",
                "write",
                PROMPT,
                "--seed",
                str(args.seed),
                "--sections",
                str(args.sections),
            ]
        else:
            command = ["-m", "longhand", "resume", document_id]
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "LONGHAND_DATABASE_URL": url},
        )

    def finish(self, url: str, document_id: str | None) -> float:
        """Run to the end and return the seconds it took; stop the benchmark where it fails."""
        started = time.perf_counter()
        process = self.start(url, document_id)
        _, errors = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"the run ended with {process.returncode}: {errors.decode(errors='replace')}")
        return time.perf_counter() - started


def read_texts(store: Store) -> tuple[str, list[object]]:
    """Return the only document's id, and everything a reader sees of it, with the vectors behind it."""
    (document,) = store.list_documents()
    outline = store.get_outline(document.id, vectors=True)
    concepts = store.get_concepts([item.id for item in outline.items])
    seen: list[object] = [document.title]
    for item in outline.items:
        lead = b"" if item.lead is None else item.lead.tobytes()
        seen.append((item.path, item.heading, item.stop_reason, lead, concepts[item.id].vectors.tobytes()))
    seen += [(r.text, r.score) for r in store.get_renderings(document.id, document.lang)]
    return document.id, seen


def count_doubles(store: Store, document_id: str, lang: str) -> int:
    """Return how many renderings, items or commits of units there are beyond one each."""
    renderings = Counter((r.concept_id, r.item_id) for r in store.get_renderings(document_id, lang))
    paths = Counter(item.path for item in store.get_outline(document_id).items)
    done = Counter(a.unit_id for a in store.get_attempts(document_id) if a.unit_id and a.outcome == "done")
    versions = len(store.list_outlines(document_id)) - 1
    return versions + sum(n - 1 for counted in (renderings, paths, done) for n in counted.values())


def count_redone(store: Store, document_id: str) -> int:
    """Return how many units were started more often than once."""
    started = [a.unit_id for a in store.get_attempts(document_id) if a.unit_id and a.outcome == "started"]
    return sum(n - 1 for n in Counter(started).values())


def kill_once(program: Program, name: str, after_s: float, calm: list[object]) -> Killed | None:
    """Kill a fresh run after some seconds and resume it; None where no document was stored by then."""
    url = program.url(name)
    process = program.start(url, None)
    try:
        process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with Store.open(url) as store:
        documents = store.list_documents()
        if not documents:
            return None
        document = documents[0]
        resume_s = 0.0 if document.status == "done" else program.finish(url, document.id)
        _, seen = read_texts(store)
        return Killed(
            after_s=after_s,
            stage=document.status,
            is_same=seen == calm,
            num_double=count_doubles(store, document.id, document.lang),
            num_redone=count_redone(store, document.id),
            resume_s=resume_s,
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--fake", action="store_true", help="the fake engine instead of the shipped models")
    parser.add_argument("--sections", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds per call of the fake engine")
    parser.add_argument("--moments-seed", type=int, default=0, help="draws the moments of the kills")
    args = parser.parse_args()
    moments = random.Random(args.moments_seed)
    results: list[Killed] = []
    with tempfile.TemporaryDirectory() as folder:
        program = Program(args, Path(folder))
        began_at = time.time()
        calm_s = program.finish(program.url("calm"), None)
        with Store.open(program.url("calm")) as store:
            calm_id, calm = read_texts(store)
            attempts = [a for a in store.get_attempts(calm_id) if a.unit_id]
        first_s = attempts[0].started_at - began_at
        last_s = (attempts[-1].finished_at or attempts[-1].started_at) - began_at
        print(f"calm run: {calm_s:.1f} s, units from {first_s:.1f} s to {last_s:.1f} s, {len(calm)} rows\n")
        print(
            f"{'kill':>4} {'after':>7} {'stage':<10} {'same text':<10} {'double rows':>11} {'redone':>7} {'resume':>8}"
        )
        trial = 0
        while len(results) < args.kills:
            trial += 1
            after_s = moments.uniform(0.0, calm_s) if trial % 4 == 0 else moments.uniform(first_s, last_s)
            killed = kill_once(program, f"kill{trial}", after_s, calm)
            if killed is None:
                continue  # killed before there was anything to resume
            results.append(killed)
            print(
                f"{len(results):>4} {killed.after_s:>6.1f}s {killed.stage:<10} "
                f"{'yes' if killed.is_same else 'NO':<10} {killed.num_double:>11} {killed.num_redone:>7} "
                f"{killed.resume_s:>7.1f}s",
                flush=True,
            )
    num_same = sum(killed.is_same for killed in results)
    num_double = sum(killed.num_double for killed in results)
    most_redone = max((killed.num_redone for killed in results), default=0)
    print(
        f"\n{num_same} of {len(results)} texts are those of the calm run; double rows: {num_double}; "
        f"at most {most_redone} unit(s) redone; {trial - len(results)} kills came before anything was stored"
    )
    return 0 if num_same == len(results) and num_double == 0 and most_redone <= 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
