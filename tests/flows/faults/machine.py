"""Faults of the database's machine and of disks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from storage import Store
from tests.flows.document import flow_driver
from tests.flows.faults.comparison import Failed
from tests.flows.faults.databases import PostgreSQL
from tests.flows.faults.lab import EXIT_DONE, EXIT_KNOWN_ERROR, PATIENCE_S, FaultLab
from tests.flows.faults.resources import DISK_KB, fill, small_disk
from tests.storage import fault_points

ROOT = Path(__file__).resolve().parents[3]


class MachineTrials(FaultLab):
    """The database or a disk fails; each method is one kind of fault and returns the units redone."""

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
            trials = type(self)(database, self._folder, self._draw, api=self._api, like=self)
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
            driver = Path(flow_driver.__file__)
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
