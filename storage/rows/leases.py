"""Leases: who may write to a document, and until when.

A claim is one UPDATE that also raises the document's epoch; holders of an older epoch can write nothing more,
whatever the machines' clocks say. The clock only decides when a silent lease holder may be replaced.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from concepts.errors import LostLease, StorageError
from storage.database.tables import Document
from storage.errors import Busy
from storage.records import DocumentStatus, Lease

AT_WORK: tuple[DocumentStatus, ...] = ("planning", "writing", "decoding")
"""A document in such a status without a living owner was interrupted; anyone may take it."""
MAX_AHEAD_S = 5.0
"""If a holder's last renewal lies further in the future than this, our clock was set back."""


def held_until(lease_until: float | None, now: float) -> str:
    """Return the end of a lease for people: the time (UTC) and the remaining seconds."""
    if lease_until is None:
        return "it is released"
    moment = datetime.fromtimestamp(lease_until, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{moment} ({max(0, math.ceil(lease_until - now))} s from now)"


def _free(now: float) -> ColumnElement[bool]:
    return or_(Document.c.owner.is_(None), Document.c.lease_until <= now)


def move_to_now(connection: Connection, now: float, document_id: str) -> None:
    """Make a document's lease that was taken in the future begin now.

    Otherwise a clock that was set back would keep a dead holder's document locked until the clock has caught up. The
    lease keeps its length, so that a living holder has time to renew it.
    """
    length = Document.c.lease_until - Document.c.updated_at
    connection.execute(
        update(Document)
        .where(
            Document.c.id == document_id,
            Document.c.owner.is_not(None),
            Document.c.updated_at > now + MAX_AHEAD_S,
        )
        .values(lease_until=now + length, updated_at=now)
    )


def _check(owner: str, lease_s: float) -> None:
    if not owner or not lease_s > 0:
        raise StorageError(f"a lease needs an owner and a time above 0 s, got {owner!r} and {lease_s}")


def claim(
    connection: Connection,
    document_id: str,
    owner: str,
    lease_s: float,
    now: float,
    *,
    force: bool,
    steal: bool,
) -> Lease | None:
    """Claim a document and return the lease; None if the document is missing or held.

    A document reserved for `owner` (`create_document`) can be claimed once.
    """
    _check(owner, lease_s)
    allowed = or_(_free(now), and_(Document.c.owner == owner, Document.c.epoch == 0))
    if force:
        allowed = or_(allowed, Document.c.owner == owner)
    statement = update(Document).where(Document.c.id == document_id)
    if not steal:
        statement = statement.where(allowed)
    epoch = connection.scalar(
        statement.values(
            owner=owner, lease_until=now + lease_s, epoch=Document.c.epoch + 1, updated_at=now
        ).returning(Document.c.epoch)
    )
    return None if epoch is None else Lease(document_id, owner, epoch, now + lease_s)


def busy(connection: Connection, document_id: str, now: float) -> Busy | None:
    """Return an error that names a document's lease holder; None if the document does not exist."""
    row = connection.execute(
        select(Document.c.owner, Document.c.lease_until).where(Document.c.id == document_id)
    ).one_or_none()
    if row is None:
        return None
    return Busy(
        f"document {document_id} is held by {row.owner or 'another process'} until "
        f"{held_until(row.lease_until, now)}: wait for it, or cancel the document",
        owner=row.owner or "",
        lease_until=row.lease_until or now,
    )


def _still_ours(lease: Lease) -> ColumnElement[bool]:
    return and_(
        Document.c.id == lease.document_id, Document.c.epoch == lease.epoch, Document.c.owner == lease.owner
    )


def fence(connection: Connection, lease: Lease, now: float, renew_s: float | None) -> None:
    """Lock the document's row for this transaction; raise LostLease if another process has the lease now."""
    values: dict[str, object] = {"updated_at": now}
    if renew_s is not None:
        values["lease_until"] = now + renew_s
    if connection.execute(update(Document).where(_still_ours(lease)).values(**values)).rowcount == 0:
        raise lost(connection, lease)


def lost(connection: Connection, lease: Lease) -> LostLease:
    """Return an error that names the document's present holder."""
    row = connection.execute(
        select(Document.c.owner, Document.c.epoch, Document.c.status).where(
            Document.c.id == lease.document_id
        )
    ).one_or_none()
    if row is None:
        reason = "was deleted"
    elif row.owner is None:
        reason = f"was released ({row.status})"
    else:
        reason = f"was taken over by {row.owner} (epoch {row.epoch}, ours was {lease.epoch})"
    return LostLease(f"document {lease.document_id} {reason}: {lease.owner} stops and writes nothing more")


def renew(connection: Connection, now: float, lease: Lease, lease_s: float) -> Lease:
    """Extend a lease from now; raise LostLease."""
    _check(lease.owner, lease_s)
    fence(connection, lease, now, lease_s)
    return Lease(lease.document_id, lease.owner, lease.epoch, now + lease_s)


def release(connection: Connection, now: float, lease: Lease, status: DocumentStatus | None = None) -> bool:
    """Release a document and set `status` if given; return False if the lease was lost already."""
    values: dict[str, object] = {"owner": None, "lease_until": None, "updated_at": now}
    if status is not None:
        values["status"] = status
    return connection.execute(update(Document).where(_still_ours(lease)).values(**values)).rowcount > 0
