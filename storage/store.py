"""The store: the only source of truth about documents, behind one object.

Anyone may read. Writing to a document takes a lease: `claim` it, then write inside
`with store.fenced(lease) as tx`. The store knows no model and no flow.

Most methods are queries of other modules (`storage.database.queries`), which document arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from storage.database.clock import clock_of
from storage.database.pool import Database, resolve_busy_timeout_s, resolve_url
from storage.database.queries import reads, reads_at, writes, writes_at
from storage.database.schema import bring_up_to_date
from storage.records import (
    FINAL,
    PLACES,
    DocumentStatus,
    Lease,
    NewPlanItem,
    OutlineRecord,
    Place,
    Source,
    SpaceRef,
)
from storage.results import DatasetRow, Garbage, Match
from storage.rows import documents, leases, notes, outlines, overview, units, writing
from storage.transaction import Transaction
from storage.upkeep import export

if TYPE_CHECKING:
    from storage.records import Vector


def restore_backup(path: str | Path, url: str | None = None, *, force: bool = False) -> int:
    """Replace a database's content with a backup (see `storage.upkeep.backup.restore_backup`)."""
    from storage.upkeep import backup

    return backup.restore_backup(Path(path), url, force=force)


class Store:
    """An open database; safe to use from several threads and after a fork."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        clock: Callable[[], float] | None = None,
        busy_timeout_s: float | None = None,
    ) -> Store:
        """Open a database and bring its schema up to date.

        `url`: a SQLAlchemy URL; None means `LONGHAND_DATABASE_URL`, else a SQLite file in the user's
        data folder. `clock` returns epoch seconds; None: see `storage.database.clock`. `busy_timeout_s`: how long a
        write waits for another process; None means `LONGHAND_BUSY_TIMEOUT_S`, else the default. Raises
        StorageError.
        """
        database = Database(resolve_url(url), resolve_busy_timeout_s(busy_timeout_s))
        try:
            bring_up_to_date(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock_of(database) if clock is None else clock)

    @property
    def location(self) -> str:
        """The file, or the URL without its password."""
        return self._database.name

    @property
    def url(self) -> str:
        """The URL with its password, for opening this database again."""
        return self._database.engine.url.render_as_string(hide_password=False)

    def identity(self) -> str:
        """Return a string that identifies this database, whatever the spelling of its URL."""
        return self._database.identity()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def backup(self, path: str | Path) -> int:
        """Copy the database to a new file while others use it and return its size in bytes.

        Raises InputError for an unusable path, StorageError if copying fails.
        """
        from storage.upkeep.backup import write_backup

        return write_backup(self._database, Path(path))

    def collect_garbage(
        self,
        older_than_s: float,
        *,
        statuses: Sequence[DocumentStatus] = FINAL,
        versions: bool = False,
        dry_run: bool = False,
    ) -> Garbage:
        """Delete old finished documents, and old attempts at documents that stay; return the deleted numbers.

        `statuses`: final statuses of the documents to delete. `versions`: also delete the sentences of finished
        documents' superseded outlines; their plans stay. `dry_run` only counts. Running, queued and paused documents,
        and documents that await review, are never touched. An interruption leaves nothing half deleted.
        """
        from storage.upkeep import garbage

        return garbage.collect(
            self._database, self._clock(), older_than_s, statuses, versions=versions, dry_run=dry_run
        )

    def reclaim_space(self) -> bool:
        """Give the space of deleted rows back to the disk; False if others kept the database locked.

        PostgreSQL keeps the space for new rows.
        """
        from storage.upkeep import garbage

        return garbage.reclaim(self._database)

    def size_bytes(self) -> int:
        """Return the database's size on disk in bytes."""
        from storage.upkeep import garbage

        return garbage.size_bytes(self._database)

    # Documents

    create_document = writes_at(documents.create_document)
    submit_documents = writes_at(documents.submit_documents)
    get_document = reads(documents.find_document)
    list_documents = reads(documents.list_documents)
    count_documents = reads(documents.count_documents)
    list_document_languages = reads(documents.list_document_languages)
    list_document_ids = reads(documents.list_document_ids)
    delete_document = writes_at(documents.delete_document)
    cancel_document = writes_at(documents.cancel_document)
    pause_document = writes_at(documents.pause_document)
    set_priority = writes(documents.set_priority)
    requeue_document = writes_at(documents.requeue_document)
    get_overview = reads_at(overview.get_overview)

    # Leases

    def claim(
        self, document_id: str, owner: str, lease_s: float, *, force: bool = False, steal: bool = False
    ) -> Lease:
        """Claim a document that nobody holds, or whose lease has expired.

        `force` also takes it from an unexpired lease of the same owner, `steal` from anyone. Raises Busy
        (who, until when) or NotFoundError.
        """
        now = self._clock()
        with self._database.write() as connection:
            leases.move_to_now(connection, now, document_id)
            lease = leases.claim(connection, document_id, owner, lease_s, now, force=force, steal=steal)
            busy = None if lease is not None else leases.busy(connection, document_id, now)
        # Raise only here: an error inside the transaction would roll back `move_to_now`.
        if lease is None:
            raise busy or documents.unknown(document_id)
        return lease

    list_held = reads(overview.list_held)
    renew = writes_at(leases.renew)
    release = writes_at(leases.release)

    @contextmanager
    def fenced(
        self, lease: Lease, *, space: SpaceRef | None = None, renew_s: float | None = None
    ) -> Iterator[Transaction]:
        """Yield a transaction that commits only while the lease is ours; raise LostLease.

        An expired lease still counts until another process claims the document: the epoch decides, not the clock.
        `space`: of the vectors to be written; it must equal the document's space (SpaceMismatchError), and becomes
        the space of a document that has none. `renew_s` also extends the lease.
        """
        now = self._clock()
        with self._database.write() as connection:
            leases.fence(connection, lease, now, renew_s)
            yield Transaction(connection, lease, now, space)

    def create_outline_version(
        self,
        lease: Lease,
        items: Sequence[NewPlanItem],
        *,
        source: Source = "user",
        note: str | None = None,
        space: SpaceRef | None = None,
    ) -> OutlineRecord:
        """Store an edited outline (see `Transaction.create_outline_version`) and return it."""
        with self.fenced(lease, space=space) as tx:
            tx.create_outline_version(items, source=source, note=note)
        return self.get_outline(lease.document_id)

    # Without the fence, so that a process that lost the lease can still record that.
    record_attempt = writes(units.insert_attempt)

    # Reading; document ids are whole ids here, `get_document` finds one by prefix

    get_prompt = reads(writing.get_prompt)
    get_notes = reads(notes.get_notes)
    get_source = reads(documents.get_source)
    get_title = reads(documents.get_title)
    get_outline = reads(outlines.get_outline)
    list_outlines = reads(outlines.list_versions)
    next_unit = reads(units.next_unit)
    pending_units = reads(units.pending_units)
    get_units = reads(units.get_units)
    get_unit = reads(units.get_unit)
    list_open_units = reads_at(units.list_open_units)
    find_open_unit = reads_at(units.find_open_unit)
    get_concepts = reads(writing.get_concepts)
    get_owners = reads(writing.get_owners)
    get_concept_vectors = reads(writing.get_concept_vectors)
    get_renderings = reads(writing.get_renderings)
    get_undecoded = reads(writing.get_undecoded)
    list_languages = reads(export.list_languages)

    def search(
        self,
        query_D: Vector,
        space: SpaceRef,
        *,
        places: Sequence[Place] = PLACES,
        limit: int = 10,
    ) -> tuple[Match, ...]:
        """Return the plan items and sentences nearest to a vector (D,), raw, best first.

        Searches the active outlines of all documents in `space`. Raises StorageError if the database
        cannot search (no sqlite-vec, no pgvector), SpaceMismatchError for a vector of another length.
        """
        # Imported here: only this method needs its imports.
        from storage.search import nearest

        return nearest.search(self._database, query_D, space, places, limit)

    def check_can_search(self) -> str:
        """Return the name of the software that computes distances here; raise StorageError if there is none."""
        from storage.search import nearest

        return nearest.check_can_search(self._database)

    def search_words(
        self, words: str, *, lang: str = "eng_Latn", places: Sequence[Place] = PLACES, limit: int = 10
    ) -> tuple[Match, ...]:
        """Return the plan items and sentences that hold the most and the rarest of the words, best first.

        Searches the active outlines of all documents, in every language. Words in double quotes must stand side by
        side. `lang`: of the words; its commonest words count only if there are no others.
        """
        from storage.search.words import search_words

        return search_words(self._database, words, lang, places, limit)

    get_attempts = reads(units.get_attempts)
    export_document = reads(export.export_document)

    def dataset_rows(self, document_id: str) -> Iterator[DatasetRow]:
        """Yield all concepts of the active outline with their texts and vectors, a few items at a time."""
        with self._database.read() as connection:
            yield from export.dataset_rows(connection, document_id)
