"""Many documents at once, priorities, pausing, and the queue at a glance; on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from concepts.errors import LostLease, NotFoundError, StorageError
from storage import NewDocument, Store

if TYPE_CHECKING:
    from .conftest import Author, Clock


def new(prompt: str, **options: object) -> NewDocument:
    return NewDocument(prompt=prompt, lang="eng_Latn", **options)  # type: ignore[arg-type]


def test_documents_are_queued_together_in_order_or_not_at_all(store: Store, clock: Clock) -> None:
    submitted = store.submit_documents([new(str(n), idempotency_key=f"k{n}") for n in range(20)])
    clock.now += 1
    again = store.submit_documents([new("other", idempotency_key="k3"), new("last")])
    assert [s.is_new for s in again] == [False, True]
    assert again[0].id == submitted[3].id
    stored = [document.id for document in store.list_documents("queued")]
    assert stored[::-1] == [s.id for s in submitted] + [again[1].id]
    with pytest.raises(StorageError):
        store.submit_documents(_spoiled())
    assert store.get_overview().counts == {"queued": 21}


def _spoiled() -> list[NewDocument]:
    bad = new("bad")
    object.__setattr__(bad, "lang", None)
    return [new("fine"), bad]


def test_a_priority_is_one_documents(author: Author) -> None:
    first, second = author.new("first"), author.new("second")
    author.store.set_priority(second.id, 1)
    with pytest.raises(NotFoundError):
        author.store.set_priority("nothing", 1)
    assert [author.store.get_document(d.id).priority for d in (first, second)] == [0, 1]


def test_a_paused_document_is_left_alone_and_its_holder_stops(author: Author, clock: Clock) -> None:
    store = author.store
    document = author.new()
    lease = author.claim(document)
    store.pause_document(document.id)
    with pytest.raises(LostLease, match=r"was released \(paused\)"), store.fenced(lease):
        pass
    clock.now += 3600
    assert store.get_document(document.id).status == "paused"
    store.requeue_document(document.id)
    assert store.get_document(document.id).status == "queued"
    assert [a.outcome for a in store.get_attempts(document.id)] == ["requeued"]


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_what_is_at_its_end_cannot_be_paused(author: Author, status: str) -> None:
    document = author.new()
    author.store.release(author.claim(document), status)  # type: ignore[arg-type]
    with pytest.raises(StorageError, match=f"is {status}: there is nothing to pause"):
        author.store.pause_document(document.id)


def test_a_done_document_is_not_queued_again(author: Author) -> None:
    lease = author.claim(author.new())
    author.store.release(lease, "done")
    with pytest.raises(StorageError, match="is done: there is nothing to go on with"):
        author.store.requeue_document(lease.document_id)


def test_the_overview_counts_what_was_done_lately(author: Author, clock: Clock) -> None:
    store = author.store
    author.new()
    lease = author.claim(author.new("held"), "worker-1")
    for ago, sentences in ((700, 100), (500, 20), (1, 5)):
        store.record_attempt(
            lease,
            "decode",
            started_at=0.0,
            finished_at=clock.now - ago,
            outcome="done",
            timing={"num_sentences": sentences},
        )
    store.record_attempt(lease, "run", started_at=0.0, finished_at=clock.now, outcome="done")
    store.record_attempt(lease, "run", started_at=0.0, finished_at=clock.now, outcome="failed")
    broken = author.claim(author.new("broken"))
    with store.fenced(broken) as tx:
        tx.set_status("failed", "NaN")
    store.release(broken)
    left = author.claim(author.new("left"))
    store.release(left, "writing")
    seen = store.get_overview(600)
    assert seen.counts == {"queued": 2, "failed": 1, "writing": 1}
    assert [(h.id, h.owner) for h in seen.held] == [(lease.document_id, "worker-1")]
    assert (seen.num_unheld, seen.num_documents_done, seen.num_sentences_done) == (1, 1, 25)
    assert [(f.id, f.error) for f in seen.failures] == [(broken.document_id, "NaN")]
