"""Break writing processes in every way we know, resume, compare with a calm run; count what survives.

    python benchmarks/faults/fault_fuzz.py --minutes 10                        # SQLite, the fake engine of the tests
    python benchmarks/faults/fault_fuzz.py --minutes 10 --database postgresql  # a server of its own
    python benchmarks/faults/fault_fuzz.py --every-point                       # SIGKILL at each statement and commit
    python benchmarks/faults/fault_fuzz.py --kind kill_at_point --trials 500   # one kind of fault
    python benchmarks/faults/fault_fuzz.py --shipped --trials 20               # so many kills of `longhand write`
    nice -n 5 python benchmarks/faults/fault_fuzz.py --kills 500 --tally t.json  # until so many processes were killed

With `--tally FILE` every trial is added to the file at once, and the next run goes on where this one stopped,
on the same or the other database; without `--kills`, `--trials` or `--minutes` it only prints the table.

A trial has survived where the document ends as in the calm run, byte for byte and row for row, with at most
one unit redone for each fault. Prints a table of the kinds and exits with 1 where a trial did not survive;
the line of such a trial names its seed, and `--seed S --trials 1 --kind K` tries it again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILLS_EACH = 4
"""How often a document of the shipped models is killed."""
sys.path.insert(0, str(ROOT))

from flows.prefect.api import PrefectApi  # noqa: E402
from flows.prefect.server import PrivateServer  # noqa: E402
from storage import Store  # noqa: E402
from tests.flows.faults.comparison import Failed, count_redone, difference, look  # noqa: E402
from tests.flows.faults.databases import PostgreSQL, Sqlite  # noqa: E402
from tests.flows.faults.lab import PROMPT  # noqa: E402
from tests.flows.faults.trials import KINDS, Kind, Trials, kinds_for  # noqa: E402


@dataclass
class Tally:
    """The trials of one kind of fault on one database."""

    tried: int = 0
    survived: int = 0
    kills: int = 0
    """Processes killed by SIGKILL in survived trials."""
    most_redone: int = 0
    failures: list[str] = field(default_factory=list)


class Tallies:
    """The trials of all kinds, of this run and of earlier runs in the tally file."""

    def __init__(self, path: Path | None, first_seed: int) -> None:
        """`path` None: keep nothing. No seed is tried twice: the file stores the next one."""
        self._path = path
        self.next_seed = first_seed
        self.of: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        """By kind and database."""
        if path is not None and path.exists():
            stored = json.loads(path.read_text())
            self.next_seed = stored["next_seed"]
            for row in stored["tallies"]:
                key = (row.pop("kind"), row.pop("database"))
                self.of[key] = Tally(**row)

    def save(self) -> None:
        """Write the file anew."""
        if self._path is None:
            return
        rows = [
            {"kind": kind, "database": database, **asdict(tally)}
            for (kind, database), tally in sorted(self.of.items())
        ]
        draft = self._path.with_name(self._path.name + ".new")
        draft.write_text(json.dumps({"next_seed": self.next_seed, "tallies": rows}, indent=1))
        draft.replace(self._path)

    def total(self, name: str, database: str | None = None) -> int:
        """Return the sum of a field."""
        return sum(getattr(tally, name) for (_, on), tally in self.of.items() if database in (None, on))

    def report(self) -> int:
        """Print the table and return the exit code."""
        print(
            f"\n{'fault':<26} {'database':<11} {'tried':>6} {'survived':>9} {'kills':>6} {'most units redone':>18}"
        )
        for (name, database), tally in sorted(self.of.items()):
            print(
                f"{name:<26} {database:<11} {tally.tried:>6} {tally.survived:>9} {tally.kills:>6} "
                f"{tally.most_redone:>18}"
            )
        tried, survived, kills = map(self.total, ("tried", "survived", "kills"))
        print(f"{'in all':<26} {'':<11} {tried:>6} {survived:>9} {kills:>6}")
        return 0 if survived == tried else 1


class Fuzz:
    """Runs trials on one database and counts them."""

    def __init__(self, trials: Trials, tallies: Tallies) -> None:
        self._trials = trials
        self._tallies = tallies

    def draw(self, kinds: list[tuple[Kind, float]]) -> None:
        """Try one fault, drawn with the next seed."""
        seed = self._tallies.next_seed
        self._trials._draw = random.Random(seed)
        kind = random.Random(seed).choices([k for k, _ in kinds], [weight for _, weight in kinds])[0]
        self.count(kind, lambda: kind(self._trials))

    def count(self, kind: Kind, trial: Callable[[], int]) -> None:
        """Run a trial of a kind and count it."""
        tally = self._tallies.of[kind.__name__, self._trials.database.kind]
        num_kills = self._trials.num_kills
        try:
            redone = trial()
        except Failed as error:
            tally.failures.append(f"seed {self._tallies.next_seed}: {error}")
            print(f"{kind.__name__} with seed {self._tallies.next_seed}: {error}", flush=True)
        else:
            tally.survived += 1
            tally.kills += self._trials.num_kills - num_kills
            tally.most_redone = max(tally.most_redone, redone)
        tally.tried += 1
        self._tallies.next_seed += 1
        self._tallies.save()


def fuzz(args: argparse.Namespace, folder: Path, tallies: Tallies) -> int:
    """Try faults on the fake engine."""
    database = PostgreSQL(folder / "pg") if args.database == "postgresql" else Sqlite(folder)
    server = PrivateServer()
    server.start()
    try:
        api = PrefectApi(server.ready.result(), server.auth)
        trials = Trials(database, folder, random.Random(args.seed), api=api)
        print(
            f"{database.kind}: a calm run takes {trials.calm_s:.2f} s and passes {trials.num_points} points "
            f"(before and after {trials.num_points // 2} statements and commits)",
            flush=True,
        )
        fuzz = Fuzz(trials, tallies)
        kinds = [(kind, weight) for kind, weight in kinds_for(database) if args.kind in (None, kind.__name__)]
        if not kinds:
            raise SystemExit(f"{args.kind} cannot be tried on {database.kind} here (small disks need root)")
        started = time.monotonic()
        num_tried = tallies.total("tried")

        def is_over() -> bool:
            """Return whether every given limit is reached; kills include the file's."""
            return (
                tallies.total("tried") - num_tried >= args.trials
                and tallies.total("kills", database.kind) >= args.kills
                and time.monotonic() - started >= args.minutes * 60
            )

        if args.every_point:
            for number in range(1, trials.num_points + 1):
                fuzz.count(Trials.kill_at_point, lambda n=number: trials.kill_at_point(n))  # type: ignore[misc]
        else:
            while not is_over():
                fuzz.draw(kinds)
        database.check()
        print(f"\n{time.monotonic() - started:.0f} s")
        return tallies.report()
    finally:
        database.close()
        server.stop()


def run_shipped(url: str, document_id: str | None, args: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start `longhand write`, or `longhand resume`, with the shipped models."""
    command = ["write", PROMPT, "--seed", str(args.seed), "--sections", str(args.sections)]
    if document_id is not None:
        command = ["resume", document_id]
    return subprocess.Popen(
        [sys.executable, "-m", "longhand", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "LONGHAND_DATABASE_URL": url},
    )


def finish_shipped(url: str, document_id: str | None, args: argparse.Namespace) -> None:
    """Run to the end."""
    process = run_shipped(url, document_id, args)
    _, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the run ended with {process.returncode}: {errors.decode(errors='replace')}")


def count_attempts(path: Path) -> int:
    """Return how often units of the only document were begun or done; 0 where there is no database yet."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            query = "SELECT count(*) FROM attempts WHERE unit_id IS NOT NULL"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return 0


def kill_shipped(args: argparse.Namespace, folder: Path) -> int:
    """Kill `longhand write`, then `longhand resume`, at random moments; finish the document and compare.

    Moments are drawn from the part of a run in which units run: most of a short run is start-up, with nothing to
    lose. Each document is killed several times before it may finish.
    """
    draw = random.Random(args.seed)
    finish_shipped(f"sqlite:///{folder}/calm.db", None, args)
    with Store.open(f"sqlite:///{folder}/calm.db") as store:
        (document,) = store.list_documents()
        calm = look(store, document.id)
    num_attempts = count_attempts(folder / "calm.db")
    print(f"a calm run notes {num_attempts} starts and ends of units", flush=True)
    num_same = num_documents = num_kills = most_redone = 0
    stages: defaultdict[str, int] = defaultdict(int)
    while num_kills < args.trials:
        num_documents += 1
        path = folder / f"{num_documents}.db"
        url, document_id, kills = f"sqlite:///{path}", None, 0
        for moment in sorted(draw.sample(range(1, num_attempts), min(KILLS_EACH, num_attempts - 1))):
            process = run_shipped(url, document_id, args)
            while process.poll() is None and count_attempts(path) < moment + kills:
                time.sleep(0.05)
            time.sleep(draw.uniform(0.0, 1.0))
            process.kill()
            process.communicate()
            with Store.open(url) as store:
                (document,) = store.list_documents()
                document_id = document.id
            if document.status == "done":
                break
            kills += process.returncode == -signal.SIGKILL
            stages[document.status] += 1
        if document.status != "done":
            finish_shipped(url, document_id, args)
        with Store.open(url) as store:
            assert document_id is not None
            seen, redone = look(store, document_id), count_redone(store, document_id)
        num_kills += kills
        num_same += seen == calm and redone <= kills
        most_redone = max(most_redone, redone)
        print(
            f"document {num_documents}, killed {kills} times: {redone} units redone, "
            f"differs {difference(seen, calm)}; {num_kills} kills in all",
            flush=True,
        )
    where = ", ".join(f"{number} {stage}" for stage, number in stages.items())
    print(
        f"\n{num_kills} kills ({where}): {num_same} of {num_documents} documents are the calm one, "
        f"with at most one unit redone for each kill ({most_redone} in one document)"
    )
    return 0 if num_same == num_documents else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument(
        "--kills", type=int, default=0, help="until so many processes were killed, and survived"
    )
    parser.add_argument("--tally", type=Path, help="JSON file that is read first and added to")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--kind", choices=[kind.__name__ for kind, _ in KINDS])
    parser.add_argument(
        "--every-point", action="store_true", help="SIGKILL once at each statement and commit"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the first trial; each further one adds 1")
    parser.add_argument("--shipped", action="store_true", help="the shipped models through the command line")
    parser.add_argument("--sections", type=int, default=8, help="of a document of the shipped models")
    args = parser.parse_args()
    if args.shipped and not args.trials:
        parser.error("--shipped needs --trials")
    tallies = Tallies(args.tally, args.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the server is to end, too
    if not (args.minutes or args.trials or args.kills or args.every_point):
        return tallies.report()
    # In memory if possible: a killed process loses nothing that the kernel already has, so waiting for a disk would
    # only make fewer trials. And a short path, as Unix sockets require.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="lh-", dir=memory if memory.is_dir() else None) as folder:
        Path(folder).chmod(0o755)  # the database's server may be another user's
        return kill_shipped(args, Path(folder)) if args.shipped else fuzz(args, Path(folder), tallies)


if __name__ == "__main__":
    raise SystemExit(main())
