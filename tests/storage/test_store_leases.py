"""Who may write: claims, fences, and what a process that lost its lease can still do (nothing)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from concepts.errors import LostLease, NotFoundError, StorageError
from storage import Busy, Lease, NewDocument, SpaceRef, Store
from storage.database.clock import ServerClock

if TYPE_CHECKING:
    from .conftest import Author, Clock

START = 1_800_000_000.0


def test_a_held_document_is_busy_until_the_lease_is_over(author: Author, clock: Clock) -> None:
    store = author.store
    document = author.new()
    first = store.claim(document.id, "worker-1", 60)
    assert (first.epoch, first.lease_until) == (1, clock.now + 60)
    with pytest.raises(
        Busy, match=r"held by worker-1 until 2027-01-15 08:01:00 UTC \(60 s from now\)"
    ) as caught:
        store.claim(document.id, "worker-2", 60)
    assert (caught.value.owner, caught.value.lease_until) == ("worker-1", clock.now + 60)
    clock.now += 60
    assert store.claim(document.id, "worker-2", 60).epoch == 2


def test_force_takes_from_oneself_and_steal_from_anyone(author: Author) -> None:
    store = author.store
    document = author.new()
    store.claim(document.id, "worker-1", 60)
    with pytest.raises(Busy):
        store.claim(document.id, "worker-1", 60)
    assert store.claim(document.id, "worker-1", 60, force=True).epoch == 2
    with pytest.raises(Busy):
        store.claim(document.id, "worker-2", 60, force=True)
    assert store.claim(document.id, "worker-2", 60, steal=True).epoch == 3


def test_claim_of_an_unknown_document(store: Store) -> None:
    with pytest.raises(NotFoundError):
        store.claim("nothing", "worker-1", 60)


@pytest.mark.parametrize(("owner", "lease_s"), [("", 60), ("w", 0), ("w", -1), ("w", float("nan"))])
def test_a_lease_needs_an_owner_and_a_time(author: Author, owner: str, lease_s: float) -> None:
    with pytest.raises(StorageError, match="a lease needs"):
        author.store.claim(author.new().id, owner, lease_s)


def test_renew_extends_and_release_gives_back(author: Author, clock: Clock) -> None:
    store = author.store
    lease = author.claim(author.new())
    clock.now += 50
    lease = store.renew(lease, 60)
    clock.now += 50
    with pytest.raises(Busy):
        store.claim(lease.document_id, "worker-2", 60)
    with store.fenced(lease, renew_s=100):
        pass
    assert store.get_document(lease.document_id).lease_until == clock.now + 100
    assert store.release(lease, "done")
    found = store.get_document(lease.document_id)
    assert (found.owner, found.lease_until, found.status, found.epoch) == (None, None, "done", 1)
    assert not store.release(lease, "failed")
    assert store.get_document(lease.document_id).status == "done"


def _expire(store: Store, lease: Lease) -> None:
    store.claim(lease.document_id, "worker-2", 60, steal=True)


def _release(store: Store, lease: Lease) -> None:
    store.release(lease)


def _cancel(store: Store, lease: Lease) -> None:
    store.cancel_document(lease.document_id)


def _delete(store: Store, lease: Lease) -> None:
    store.delete_document(lease.document_id, force=True)


def _same_owner_again(store: Store, lease: Lease) -> None:
    store.claim(lease.document_id, lease.owner, 60, force=True)


@pytest.mark.parametrize(
    ("lose", "message"),
    [
        (_expire, "was taken over by worker-2 (epoch 2, ours was 1)"),
        (_same_owner_again, "was taken over by worker-1 (epoch 2, ours was 1)"),
        (_release, "was released"),
        (_cancel, "was released (cancelled)"),
        (_delete, "was deleted"),
    ],
)
def test_a_lost_lease_writes_nothing(
    author: Author, space: SpaceRef, lose: Callable[[Store, Lease], None], message: str
) -> None:
    store = author.store
    lease = author.claim(author.new())
    lose(store, lease)
    with pytest.raises(LostLease) as caught, store.fenced(lease, space=space) as tx:
        tx.set_title("never stored")
    assert message in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(LostLease):
        store.renew(lease, 60)
    assert all(document.title is None for document in store.list_documents())


def test_an_error_inside_the_block_writes_nothing(author: Author) -> None:
    store = author.store
    lease = author.claim(author.new())
    with pytest.raises(RuntimeError), store.fenced(lease) as tx:  # noqa: PT012  # the block is what is undone
        tx.set_title("never stored")
        raise RuntimeError
    assert store.get_document(lease.document_id).title is None


def test_cancel_requeue_and_delete_respect_the_holder(author: Author) -> None:
    store = author.store
    lease = author.claim(author.new())
    with pytest.raises(Busy, match="being worked on by worker-1"):
        store.requeue_document(lease.document_id)
    with pytest.raises(Busy, match="cancel it first"):
        store.delete_document(lease.document_id)
    store.cancel_document(lease.document_id)
    assert store.get_document(lease.document_id).status == "cancelled"
    store.requeue_document(lease.document_id)
    assert store.get_document(lease.document_id).status == "queued"
    done = author.claim(author.new())
    store.release(done, "done")
    with pytest.raises(StorageError, match="is done"):
        store.cancel_document(done.document_id)
    for action in (store.cancel_document, store.requeue_document):
        with pytest.raises(NotFoundError):
            action("nothing")


def _together(*jobs: Callable[[], object]) -> list[object]:
    """Run jobs at the same moment in threads and return what each returned or raised."""
    barrier = threading.Barrier(len(jobs))
    results: list[object] = [None] * len(jobs)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = jobs[index]()
        except StorageError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_one_of_many_claimants_wins(author: Author, open_store: Callable[[], Store]) -> None:
    document = author.new()
    stores = [open_store() for _ in range(4)]
    results = _together(*[lambda s=s, n=n: s.claim(document.id, f"w{n}", 60) for n, s in enumerate(stores)])
    assert sum(isinstance(result, Lease) for result in results) == 1
    assert sum(isinstance(result, Busy) for result in results) == 3
    assert author.store.get_document(document.id).epoch == 1


def test_one_idempotency_key_makes_one_document(author: Author, open_store: Callable[[], Store]) -> None:
    from storage import NewDocument

    new = NewDocument(prompt="a", lang="eng_Latn", idempotency_key="k")
    stores = [open_store() for _ in range(4)]
    results = _together(*[lambda s=s: s.create_document(new).id for s in stores])
    assert len(set(results)) == 1 and isinstance(results[0], str)


def test_two_commits_of_one_unit_at_once(
    author: Author, space: SpaceRef, open_store: Callable[[], Store]
) -> None:
    lease = author.claim(author.new())
    author.plan(lease)
    unit_id = author.plan_write(lease)
    written = author.concepts(lease, unit_id)

    def commit(store: Store) -> bool:
        with store.fenced(lease, space=space) as tx:
            return tx.commit_concepts(unit_id, written)

    results = _together(*[lambda s=s: commit(s) for s in [open_store() for _ in range(3)]])
    assert sorted(map(bool, results)) == [False, False, True]
    assert len(author.store.get_undecoded(lease.document_id, "eng_Latn").concept_ids) == 6


def test_a_claim_waits_for_the_open_transaction_and_fences_the_next(
    author: Author, open_store: Callable[[], Store]
) -> None:
    lease = author.claim(author.new())
    other = open_store()
    entered = threading.Event()

    def write() -> str:
        with author.store.fenced(lease) as tx:
            entered.set()
            tx.set_title("written under the lease")
        return "written"

    def steal() -> Lease:
        entered.wait()
        return other.claim(lease.document_id, "worker-2", 60, steal=True)

    assert _together(write, steal)[0] == "written"
    assert author.store.get_document(lease.document_id).title == "written under the lease"
    with pytest.raises(LostLease), author.store.fenced(lease) as tx:
        tx.set_title("never stored")


def test_a_paused_holder_does_not_wait_for_ever(store: Store) -> None:
    """PostgreSQL ends the transaction of a process that was stopped inside it."""
    if store._database.is_sqlite:
        pytest.skip("SQLite's lock goes with its process: others wait for the busy timeout")
    with store._database.read() as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "45s"


def test_a_clock_set_back_keeps_no_document_out_of_reach(author: Author, clock: Clock) -> None:
    store = author.store
    document = author.new()
    clock.now += 3600
    dead = store.claim(document.id, "worker-1", 60)
    with store.fenced(dead) as tx:
        tx.set_status("writing")
    clock.now -= 3600
    with pytest.raises(Busy, match=r"held by worker-1 until .* \(60 s from now\)"):
        store.claim(document.id, "worker-2", 60)
    clock.now += 60
    assert store.claim(document.id, "worker-2", 60).epoch == dead.epoch + 1
    with pytest.raises(LostLease), store.fenced(dead):
        pass


def test_a_living_holder_survives_a_clock_set_back(author: Author, clock: Clock) -> None:
    store = author.store
    lease = store.claim(author.new().id, "worker-1", 60)
    clock.now -= 3600
    with pytest.raises(Busy):
        store.claim(lease.document_id, "worker-2", 60)
    clock.now += 20
    store.renew(lease, 60)
    clock.now += 50
    with pytest.raises(Busy):
        store.claim(lease.document_id, "worker-2", 60)
    with store.fenced(lease):
        pass


def test_a_clock_set_ahead_lets_one_write(author: Author, clock: Clock) -> None:
    """The lease looks over: another may take the document, and the first holder writes nothing more."""
    store = author.store
    lease = store.claim(author.new().id, "worker-1", 60)
    clock.now += 3600
    with store.fenced(lease) as tx:
        tx.set_title("nobody has taken it yet")
    taken = store.claim(lease.document_id, "worker-2", 60)
    with pytest.raises(LostLease), store.fenced(lease) as tx:
        tx.set_title("never stored")
    with store.fenced(taken):
        pass
    assert store.get_document(lease.document_id).title == "nobody has taken it yet"


def test_machines_with_different_clocks_agree_on_postgresql(
    url: str, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's clock counts: one whose own is an hour ahead does not take what is held."""
    with Store.open(url) as store:
        document = author.new()
        store.claim(document.id, "worker-1", 60)
        monkeypatch.setattr(time, "time", lambda real=time.time: real() + 3600)
        with Store.open(url) as other:
            if store._database.is_sqlite:  # one machine, one clock
                assert other.claim(document.id, "worker-2", 60).epoch == 2
            else:
                with pytest.raises(Busy):
                    other.claim(document.id, "worker-2", 60)


def test_the_servers_clock_is_looked_up_now_and_then() -> None:
    ticks, epoch_s, asked = [100.0], [START], [0]

    def ask() -> float:
        asked[0] += 1
        ticks[0] += 0.5  # on the way there
        found = epoch_s[0]
        ticks[0] += 0.5
        return found

    server = ServerClock(ask, lambda: ticks[0])
    assert server() == START + 0.5
    ticks[0] += 5
    epoch_s[0] -= 3600  # set back: seen at the next look
    assert (server(), asked[0]) == (START + 5.5, 1)
    ticks[0] += 5
    assert (server(), asked[0]) == (START - 3600 + 0.5, 2)


@pytest.mark.parametrize("write", ["fenced", "renew", "attempt"])
def test_the_fence_is_the_first_statement(author: Author, write: str) -> None:
    store = author.store
    lease = author.claim(author.new())
    statements: list[str] = []
    event.listen(
        store._database.engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: statements.append(statement),
    )
    if write == "fenced":
        with store.fenced(lease) as tx:
            tx.set_title("x")
    elif write == "renew":
        store.renew(lease, 60)
    else:
        with store.fenced(lease) as tx:
            tx.record_attempt("write", started_at=0.0, outcome="started")
    first = next(s for s in statements if not s.startswith("BEGIN"))
    assert first.startswith("UPDATE documents") and "epoch = " in first and "owner = " in first


def test_a_flow_run_twice_writes_once(author: Author, space: SpaceRef) -> None:
    """The same run in two processes: the second is told who holds the document, and so is a late commit."""
    store = author.store
    first = author.claim(author.new(flow_run_id="run"))
    author.plan(first)
    unit_id = author.plan_write(first)
    written = author.concepts(first, unit_id)
    with pytest.raises(Busy):
        store.claim(first.document_id, "the same run elsewhere", 60)
    second = store.claim(first.document_id, "the same run elsewhere", 60, steal=True)
    with store.fenced(second, space=space) as tx:
        assert tx.commit_concepts(unit_id, written)
    with pytest.raises(LostLease), store.fenced(first, space=space) as tx:
        tx.commit_concepts(unit_id, written)
    assert len(store.get_undecoded(first.document_id, "eng_Latn").concept_ids) == 6


def test_a_document_made_for_somebody_is_nobody_elses_for_a_while(author: Author, clock: Clock) -> None:
    store = author.store
    new = NewDocument(prompt="tea", lang="eng_Latn")
    own = store.create_document(new, owner="me", lease_s=60)
    with pytest.raises(Busy, match="held by me until"):
        store.claim(own.id, "worker-1", 60)
    lease = store.claim(own.id, "me", 60)
    assert lease.epoch == 1
    with pytest.raises(Busy):  # once
        store.claim(own.id, "me", 60)
    left = store.create_document(new, owner="me", lease_s=60)
    clock.now += 61
    assert store.release(lease)
    assert [store.claim(document.id, "worker-1", 60).epoch for document in (own, left)] == [2, 1]
