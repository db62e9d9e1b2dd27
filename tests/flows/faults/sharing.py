"""Faults where several processes want the same documents: rivals, workers, crews, and processes that pause."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from flows.crew import Helper
from flows.leases.owner import is_dead, owner_of
from flows.models.sharing import SharedModels
from flows.prefect.api import PrefectApi
from storage import Busy, Store
from storage.database.pool import IDLE_TIMEOUT_S
from tests.flows.faults.comparison import Failed, look
from tests.flows.faults.databases import PostgreSQL
from tests.flows.faults.lab import EXIT_DONE, EXIT_KNOWN_ERROR, SILENCE, Child, FaultLab
from tests.flows.flow_fakes import FakeEngine
from tests.flows.queue_runner import drain as drain_queue
from tests.storage import fault_points

SHORT_LEASE_S = 0.6
NUM_STANDSTILLS = 4
"""How often in a row the machine may stand still for longer than a short lease."""


class SharingTrials(FaultLab):
    """Several processes want the same documents; each method is one kind of fault and returns the units redone."""

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
