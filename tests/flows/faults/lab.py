"""The processes that faults are tried on, and a calm run to compare with."""

from __future__ import annotations

import gc
import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from concepts.errors import LonghandError
from flows import run as flow_run
from flows.document.asked.options import WritingOptions
from flows.prefect.api import PrefectApi
from storage import NewDocument, Store
from tests.flows.faults.comparison import Failed, count_redone, difference, look
from tests.flows.faults.databases import Database
from tests.flows.flow_fakes import FakeEngine
from tests.flows.forks import import_everything
from tests.storage import fault_points

PROMPT = "How to share a folder."
SEED = 7
OPTIONS = WritingOptions(sections=6, items_per_unit=2, texts_per_unit=8)
LEASE_S = 60.0
PATIENCE_S = 100.0
"""After this a process under test counts as stuck; machines may be slow."""
SILENCE = "nothing was said"
EXIT_DONE, EXIT_KNOWN_ERROR, EXIT_BUG = 0, 1, 70


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


class FaultLab:
    """A database, a calm run on it to compare with, and the processes that write."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        draw: random.Random,
        *,
        api: PrefectApi,
        like: FaultLab | None = None,
    ) -> None:
        """Run a document calmly, to compare with; `like` has done so already. `api`: where flow runs are kept."""
        import_everything()
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

    def _at_some_call(self, act: Callable[[], None]) -> Callable[[str, int], None]:
        wanted = self._draw.choice(("encode", "plan", "write", "write", "say_headings", "say", "say"))
        number = self._draw.randint(1, 2) if wanted in ("write", "say") else 1

        def before(method: str, count: int) -> None:
            if (method, count) == (wanted, number):
                act()

        return before
