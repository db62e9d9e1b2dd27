"""Who holds a document: owners that died here are replaced at once, the living and the far are not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from concepts.errors import LostLease
from flows.leases.lease import HeldLease, claim
from flows.leases.owner import current_owner, is_dead
from storage import Busy, Store

Make = Callable[..., Any]


def test_a_living_process_is_not_dead() -> None:
    assert current_owner() == current_owner()
    assert not is_dead(current_owner())


def test_a_process_that_ended_is_dead(dead_owner: str) -> None:
    assert is_dead(dead_owner)


def test_a_reused_pid_is_dead() -> None:
    assert is_dead(current_owner().rpartition(":")[0] + ":1")


@pytest.mark.parametrize(
    "owner",
    ["far/12345678:1:1", "worker", "", "a:b:c", pytest.param(current_owner() + "x/y", id="no start time")],
)
def test_of_others_nothing_is_known(owner: str) -> None:
    assert not is_dead(owner)


def test_a_dead_holder_is_replaced_at_once(store: Store, new_document: Make, dead_owner: str) -> None:
    document_id = new_document(store)
    old = store.claim(document_id, dead_owner, 3600)
    lease = claim(store, document_id)
    assert lease.owner == current_owner()
    with pytest.raises(LostLease), store.fenced(old):
        pass


def test_a_living_holder_is_not_robbed(store: Store, new_document: Make) -> None:
    document_id = new_document(store)
    held = claim(store, document_id)
    with pytest.raises(Busy, match=f"held by {held.owner}"):
        claim(store, document_id)
    with store.fenced(held):
        pass


def test_a_far_holder_is_waited_for(store: Store, new_document: Make) -> None:
    document_id = new_document(store)
    store.claim(document_id, "far/12345678:1:1", 3600)
    with pytest.raises(Busy, match="held by far"):
        claim(store, document_id)


def test_a_held_lease_renews_itself(store: Store, new_document: Make) -> None:
    document_id = new_document(store)
    first = claim(store, document_id, lease_s=1.5)
    with HeldLease(store, first, 1.5) as held:
        time.sleep(2.5)
        document = store.get_document(document_id)
        assert document.lease_until is not None
        assert document.lease_until > first.lease_until
        assert document.epoch == first.epoch
        assert held.release("planned")
    assert store.get_document(document_id).owner is None


def test_renewing_ends_where_the_lease_is_lost(store: Store, new_document: Make) -> None:
    document_id = new_document(store)
    with HeldLease(store, claim(store, document_id, lease_s=0.3), 0.3) as held:
        taken = store.claim(document_id, "another", 60, steal=True)
        time.sleep(0.4)
        assert not held.release()
    document = store.get_document(document_id)
    assert (document.owner, document.epoch) == ("another", taken.epoch)
