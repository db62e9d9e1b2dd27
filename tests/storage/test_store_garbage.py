"""Deleting by age: what goes, what stays whatever its age, and an interruption in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select, update

from concepts.errors import UsageError
from storage import DOCUMENT_STATUSES, FINAL, NewDocument, Store
from storage.database.tables import Attempt, Concept, Rendering

DAY_S = 86400.0
Author = Any
Clock = Any


def count(store: Store, table: Table) -> int:
    with store._database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def test_only_old_finished_documents_go(store: Store, author: Author, clock: Clock) -> None:
    for status in DOCUMENT_STATUSES:
        lease = author.finished(f"old {status}")
        store.release(lease, status)
    held = author.finished("old held")
    with store.fenced(held) as tx:
        tx.set_status("done")
    clock.now += 31 * DAY_S
    held = store.claim(held.document_id, "worker-2", 60)  # somebody translates it
    store.release(author.finished("new done"), "done")
    before = count(store, Concept)

    counted = store.collect_garbage(30 * DAY_S, dry_run=True)
    assert (counted.num_documents, counted.num_concepts) == (3, 3 * before // 12)
    assert count(store, Concept) == before
    assert store.collect_garbage(30 * DAY_S) == counted
    left = {document.prompt for document in store.list_documents(limit=99)}
    waiting = {f"old {status}" for status in DOCUMENT_STATUSES if status not in FINAL}
    assert left == waiting | {"old held", "new done"}
    assert count(store, Concept) == before - counted.num_concepts
    assert store.collect_garbage(30 * DAY_S).num_documents == 0
    assert store.reclaim_space()
    assert store.size_bytes() > 0


def test_a_given_text_and_headings_are_weighed(store: Store, author: Author, clock: Clock) -> None:
    store.release(author.finished("plain"), "done")
    clock.now += 2 * DAY_S
    plain = store.collect_garbage(DAY_S)
    new = NewDocument(prompt="p" * 500, title="t" * 300, lang="eng_Latn", source={"text": "x" * 10_000})
    lease = store.claim(store.create_document(new).id, "worker", 60)
    store.release(lease, "cancelled")
    clock.now += 2 * DAY_S
    assert 10_800 <= store.collect_garbage(DAY_S).num_bytes < 11_000
    heading = "h" * 5_000
    lease = author.finished("plain")
    with store._database.write() as connection:
        connection.execute(
            update(Rendering).where(Rendering.c.plan_item_id.is_not(None)).values(text=heading)
        )
    number = count(store, Rendering) - count(store, Concept)
    store.release(lease, "done")
    clock.now += 2 * DAY_S
    assert store.collect_garbage(DAY_S).num_bytes > plain.num_bytes + number * 4_900


def test_only_the_statuses_that_were_named(store: Store, author: Author, clock: Clock) -> None:
    for status in FINAL:
        store.release(author.finished(status), status)
    clock.now += 2 * DAY_S
    assert store.collect_garbage(DAY_S, statuses=["failed"]).num_documents == 1
    assert {document.status for document in store.list_documents()} == {"done", "cancelled"}
    assert store.collect_garbage(DAY_S, statuses=[]).num_documents == 0
    with pytest.raises(UsageError, match="documents that are queued are never deleted by age"):
        store.collect_garbage(DAY_S, statuses=["queued"])


def test_old_attempts_of_documents_that_stay(store: Store, author: Author, clock: Clock) -> None:
    done, running = author.finished("done"), author.finished("running")
    for lease in (done, running):
        store.record_attempt(lease, "run", started_at=clock.now, outcome="started")
    store.release(done, "done")
    clock.now += 2 * DAY_S
    done = store.claim(done.document_id, "worker-2", 60)
    store.record_attempt(done, "run", started_at=clock.now, outcome="started")
    store.release(done, "done")
    assert store.collect_garbage(DAY_S).num_attempts == 1
    assert count(store, Attempt) == 2
    (left,) = store.get_attempts(done.document_id)
    assert left.started_at == clock.now


def test_superseded_outlines_lose_their_sentences_and_can_be_written_again(
    store: Store, author: Author, clock: Clock, space: Any
) -> None:
    lease = author.finished()
    document_id = lease.document_id
    first = store.get_outline(document_id)
    text = store.export_document(document_id)
    store.create_outline_version(lease, [author.item("1"), author.item("2", seed=99)], space=space)
    author.write(lease)
    author.decode(lease)
    store.release(lease, "done")
    second = store.export_document(document_id)
    clock.now += 2 * DAY_S
    author.new("touches nothing")
    num_concepts, num_renderings = count(store, Concept), count(store, Rendering)

    assert store.collect_garbage(DAY_S, statuses=[]).num_versions == 0, "only with versions"
    found = store.collect_garbage(DAY_S, statuses=[], versions=True)
    assert (found.num_documents, found.num_versions, found.num_concepts) == (0, 1, 6)
    assert count(store, Concept) == num_concepts - 6
    assert count(store, Rendering) == num_renderings - 6
    assert store.export_document(document_id) == second
    assert store.collect_garbage(DAY_S, statuses=[], versions=True).num_versions == 0

    # The plan is still there; what was deleted is written again by the same units.
    lease = store.claim(document_id, "worker-2", 60)
    with store.fenced(lease) as tx:
        tx.activate_outline(first.id)
    (unit,) = store.pending_units(document_id, "write")
    assert [item.path for item in store.get_outline(document_id).items] == [i.path for i in first.items]
    with store.fenced(lease, space=space) as tx:
        assert tx.commit_concepts(unit.id, author.concepts(lease, unit.id))
    author.decode(lease)
    again = store.export_document(document_id)
    assert again.num_missing == 0
    assert [s.heading for s in again.sections] == [s.heading for s in text.sections]


def test_an_interruption_leaves_whole_documents(
    store: Store, author: Author, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.upkeep import garbage

    for number in range(5):
        clock.now += 1
        store.release(author.finished(f"{number}"), "done")
    clock.now += 2 * DAY_S
    monkeypatch.setattr(garbage, "DOCUMENTS_PER_TRANSACTION", 2)
    real, calls = garbage._delete_documents, []

    def interrupted(connection: Any, ids: Any) -> None:
        real(connection, ids)
        calls.append(ids)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(garbage, "_delete_documents", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.collect_garbage(DAY_S)
    left = store.list_documents()
    assert [document.prompt for document in left] == ["4", "3", "2"]
    for document in left:
        assert store.export_document(document.id).num_missing == 0
    assert store.collect_garbage(DAY_S).num_documents == 3


def test_space_goes_back_to_the_disk(tmp_path: Path, author: Author, clock: Clock, store: Store) -> None:
    if not store._database.is_sqlite:
        pytest.skip("PostgreSQL keeps it for new rows")
    for number in range(20):
        store.release(author.finished(f"{number}"), "done")
    with store._database.write() as connection:
        connection.execute(update(Concept).values(vector=b"\0" * 20_000))
    store.reclaim_space()
    before = store.size_bytes()
    clock.now += 2 * DAY_S
    found = store.collect_garbage(DAY_S)
    assert found.num_bytes > 20_000 * found.num_concepts
    assert store.reclaim_space()
    assert store.size_bytes() < before - found.num_bytes
