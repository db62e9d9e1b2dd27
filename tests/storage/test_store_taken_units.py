"""Units shared by several processes: who is at one, for how long, and that this never decides who may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from concepts.errors import LostLease
from storage import Lease, SpaceRef
from storage.rows.units import LONGEST_TAKE_S

if TYPE_CHECKING:
    from .conftest import Author, Clock


@pytest.fixture
def lease(author: Author) -> Lease:
    """Of a document that is being written."""
    found = author.claim(author.new())
    author.plan(found)
    with author.store.fenced(found) as tx:
        tx.set_status("writing")
    return found


def take(author: Author, lease: Lease, unit_id: int, taker: str, **options: str) -> bool:
    with author.store.fenced(lease) as tx:
        return tx.take_unit(unit_id, taker, 60, **options)


def takers(author: Author, owner: str = "worker-1") -> list[str | None]:
    return [unit.taken_by for unit in author.store.list_open_units(owner)]


def test_a_unit_is_taken_by_one_until_its_time_is_over(author: Author, clock: Clock, lease: Lease) -> None:
    unit_id = author.plan_write(lease)
    assert takers(author) == [None]
    assert take(author, lease, unit_id, "a") and not take(author, lease, unit_id, "b")
    assert take(author, lease, unit_id, "a")  # again, after an error
    assert takers(author) == ["a"]
    clock.now += 40
    with author.store.fenced(lease) as tx:
        tx.keep_units("a", 60)
        tx.keep_units("b", 600)
    clock.now += 59
    assert not take(author, lease, unit_id, "b")
    clock.now += 1
    assert takers(author) == [None]
    assert take(author, lease, unit_id, "b")


def test_a_unit_is_free_again_where_its_taker_leaves_it_is_dead_or_lost_the_document(
    author: Author, clock: Clock, lease: Lease
) -> None:
    unit_id = author.plan_write(lease)
    assert take(author, lease, unit_id, "a")
    assert take(author, lease, unit_id, "b", instead_of="a")
    with author.store.fenced(lease) as tx:
        tx.leave_unit(unit_id, "a")  # it is b's by now
    assert takers(author) == ["b"]
    with author.store.fenced(lease) as tx:
        tx.leave_unit(unit_id, "b")
    assert takers(author) == [None]
    assert take(author, lease, unit_id, "a")
    clock.now += 60
    other = author.claim(author.store.get_document(lease.document_id), "worker-2")
    assert takers(author, "worker-2") == [None]
    with pytest.raises(LostLease):
        take(author, lease, unit_id, "a")
    assert take(author, other, unit_id, "c")


def test_a_clock_that_was_set_back_keeps_no_unit_out_of_reach(
    author: Author, clock: Clock, lease: Lease
) -> None:
    unit_id = author.plan_write(lease)
    assert take(author, lease, unit_id, "a")
    clock.now -= LONGEST_TAKE_S
    assert take(author, lease, unit_id, "b")


def test_only_one_of_two_commits_counts_whoever_has_taken_the_unit(
    author: Author, clock: Clock, lease: Lease, space: SpaceRef
) -> None:
    unit_id = author.plan_write(lease)
    assert take(author, lease, unit_id, "a")
    clock.now += 60
    assert take(author, lease, unit_id, "b")
    with author.store.fenced(lease, space=space) as tx:
        assert tx.commit_concepts(unit_id, author.concepts(lease, unit_id))
    with author.store.fenced(lease, space=space) as tx:
        assert not tx.commit_concepts(unit_id, author.concepts(lease, unit_id))
    assert not take(author, lease, unit_id, "c")
    assert author.store.find_open_unit(unit_id) is None


def test_open_units_are_those_of_the_stage_and_of_the_holder(author: Author, lease: Lease) -> None:
    unit_id = author.plan_write(lease)
    assert [unit.lease for unit in author.store.list_open_units("worker-1")] == [lease]
    assert author.store.list_open_units("worker-2") == ()
    with author.store.fenced(lease) as tx:
        tx.set_status("planning")
    assert author.store.find_open_unit(unit_id) is None


def test_a_database_is_known_by_more_than_its_url(author: Author, url: str) -> None:
    from storage import Store

    with Store.open(url.replace("sqlite:////", "sqlite://///")) as again:
        assert again.identity() == author.store.identity()
