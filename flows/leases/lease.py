"""Claiming a document, and a thread that renews the lease while a unit runs."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType

from concepts.errors import LostLease, NotFoundError, StorageError
from flows.errors import FinishedError
from flows.leases.owner import current_owner, is_dead
from storage import Busy, DocumentRecord, DocumentStatus, Lease, NewDocument, Store
from storage.rows.leases import held_until

LEASE_S = 60.0
"""How long others wait for a silent lease holder on another machine."""
NUM_CLAIMS = 3


def claim(store: Store, document_id: str, *, owner: str | None = None, lease_s: float = LEASE_S) -> Lease:
    """Claim a document that is free, whose lease has expired, or whose holder died on this machine.

    Raises Busy (who, until when) and NotFoundError.
    """
    owner = current_owner() if owner is None else owner
    for _ in range(NUM_CLAIMS):
        try:
            return store.claim(document_id, owner, lease_s)
        except Busy as error:
            if not is_dead(error.owner):
                raise
            busy = error
        # In the dead holder's name: if another process was faster, the name no longer matches, so a living
        # holder never loses its lease.
        try:
            store.release(store.claim(document_id, busy.owner, lease_s, force=True))
        except Busy:
            continue
    return store.claim(document_id, owner, lease_s)


def check_unfinished(document: DocumentRecord) -> None:
    """Raise FinishedError if a document is done."""
    if document.status == "done":
        raise FinishedError(f"document {document.id} is done: read it with `longhand export {document.id}`")


def check_free(document: DocumentRecord) -> None:
    """Raise Busy if another living process holds a document, as far as this machine can tell.

    A later claim checks again: this only saves the work before the claim.
    """
    now = time.time()
    if document.owner is None or (document.lease_until or 0.0) <= now or document.updated_at > now:
        return
    if document.owner != current_owner() and not is_dead(document.owner):
        raise Busy(
            f"document {document.id} is held by {document.owner} until {held_until(document.lease_until, now)}: "
            "wait for it, or cancel the document",
            owner=document.owner,
            lease_until=document.lease_until or now,
        )


def create_own(store: Store, new: NewDocument, *, lease_s: float = LEASE_S) -> str:
    """Store a document that this process is about to run and return its id; no worker takes it before."""
    return store.create_document(new, owner=current_owner(), lease_s=lease_s).id


def release_dead(store: Store) -> int:
    """Release the documents whose holders died on this machine; return how many.

    Other machines must wait for these leases to expire; this one can see that the holders are dead.
    """
    num_released = 0
    for held in store.list_held():
        if is_dead(held.owner):
            with suppress(Busy, NotFoundError):
                # In the dead holder's name, as above: a living holder never loses its lease.
                num_released += store.release(store.claim(held.id, held.owner, LEASE_S, force=True))
    return num_released


class HeldLease:
    """A lease that renews itself, and the units taken under it, every third of its time until `with` ends.

    A helper renews only its units: if the lease holder falls silent, the document must become free.
    """

    def __init__(
        self, store: Store, lease: Lease, lease_s: float = LEASE_S, *, shared_by: str | None = None
    ) -> None:
        """`shared_by`: the helper that works under another process's lease."""
        self.lease = lease
        self._store = store
        self._lease_s = lease_s
        self._taker = lease.owner if shared_by is None else shared_by
        self._is_ours = shared_by is None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def _keep(self) -> None:
        while not self._stop.wait(self._lease_s / 3):
            try:
                with self._store.fenced(self.lease, renew_s=self._lease_s if self._is_ours else None) as tx:
                    tx.keep_units(self._taker, self._lease_s)
            except LostLease:
                return  # the next fenced write raises it in the right place
            except StorageError:
                continue  # locked for now; the fence, not the clock, keeps others out

    def __enter__(self) -> HeldLease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def release(self, status: DocumentStatus | None = None) -> bool:
        """Stop renewing and release the document; False if the lease was lost already."""
        self._stop.set()
        return self._store.release(self.lease, status)
