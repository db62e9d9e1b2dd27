"""The queue at a glance: waiting and running documents, lease holders, speed, failures."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from storage.database.tables import Attempt, Document
from storage.records import DOCUMENT_STATUSES
from storage.results import FailedDocument, HeldDocument, Overview
from storage.rows.leases import AT_WORK


def get_overview(
    connection: Connection, now: float, window_s: float = 600.0, *, num_failures: int = 5
) -> Overview:
    """Return the queue's state, and the work done in the last `window_s` seconds."""
    counts = connection.execute(select(Document.c.status, func.count()).group_by(Document.c.status))
    num_unheld = connection.scalar(
        select(func.count()).where(Document.c.status.in_(AT_WORK), Document.c.owner.is_(None))
    )
    lately = (Attempt.c.finished_at > now - window_s, Attempt.c.outcome == "done")
    num_documents = connection.scalar(select(func.count()).where(*lately, Attempt.c.stage == "run"))
    num_sentences = connection.scalar(
        select(func.sum(Attempt.c.timing["num_sentences"].as_integer())).where(
            *lately, Attempt.c.stage == "decode"
        )
    )
    failures = connection.execute(
        select(Document.c.id, Document.c.error, Document.c.updated_at.label("failed_at"))
        .where(Document.c.status == "failed")
        .order_by(Document.c.updated_at.desc())
        .limit(num_failures)
    )
    return Overview(
        counts={status: number for status, number in counts if status in DOCUMENT_STATUSES},
        held=list_held(connection),
        num_unheld=num_unheld or 0,
        window_s=window_s,
        num_documents_done=num_documents or 0,
        num_sentences_done=num_sentences or 0,
        failures=tuple(FailedDocument(**row._mapping) for row in failures),
    )


def list_held(connection: Connection) -> tuple[HeldDocument, ...]:
    """Return the documents that have an owner, ordered by the end of their leases."""
    rows = connection.execute(
        select(Document.c.id, Document.c.status, Document.c.owner, Document.c.lease_until)
        .where(Document.c.owner.is_not(None))
        .order_by(Document.c.lease_until)
    )
    return tuple(HeldDocument(**row._mapping) for row in rows)
