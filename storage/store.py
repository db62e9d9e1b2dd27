"""The store: the only truth about documents, behind one object.

Anyone may read. Writing to a document takes a lease: `claim` it, then write inside
`with store.fenced(lease) as tx`. The store knows no model and no flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from storage import documents, export, leases, notes, outlines, overview, units, writing
from storage.clock import clock_of
from storage.database import Database, resolve_busy_timeout_s, resolve_url
from storage.records import (
    FINAL,
    PLACES,
    AttemptRecord,
    DatasetRow,
    DocumentRecord,
    DocumentStatus,
    ExportedDocument,
    Garbage,
    HeldDocument,
    JsonObject,
    Lease,
    Match,
    NewDocument,
    NewPlanItem,
    NoteRecord,
    OpenUnit,
    OutlineRecord,
    Overview,
    Place,
    PromptConcept,
    RenderingRecord,
    Sort,
    Source,
    SpaceRef,
    Stage,
    StoredConcepts,
    Submission,
    Undecoded,
    UnitRecord,
    UnitStatus,
    Wanted,
)
from storage.schema import bring_up_to_date
from storage.transaction import Transaction

if TYPE_CHECKING:
    from storage.records import Vector


def restore_backup(path: str | Path, url: str | None = None, *, force: bool = False) -> int:
    """Replace the content of a database by a backup's (see `storage.backup.restore_backup`)."""
    from storage import backup

    return backup.restore_backup(Path(path), url, force=force)


SUBMISSION_STEP_S = 1e-6
"""Documents queued together differ by this in age, so that they keep their order."""


class Store:
    """An open database; safe to use from several threads, and to inherit over a fork."""

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
        data folder. `clock` returns epoch seconds; None: see `storage.clock`. `busy_timeout_s`: how long a
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
        """The URL with its password: what opens this database once more."""
        return self._database.engine.url.render_as_string(hide_password=False)

    def identity(self) -> str:
        """Return what tells this database from any other, however its URL is spelled on a machine."""
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

        Raises InputError for a path that cannot be used, StorageError where copying fails.
        """
        from storage.backup import write_backup

        return write_backup(self._database, Path(path))

    def collect_garbage(
        self,
        older_than_s: float,
        *,
        statuses: Sequence[DocumentStatus] = FINAL,
        versions: bool = False,
        dry_run: bool = False,
    ) -> Garbage:
        """Delete finished documents by age, and old attempts of those that stay; return what went.

        `statuses`: among those of finished documents. `versions`: also the sentences of superseded outlines
        of finished documents; their plans stay. `dry_run` only counts. What is running, queued, paused or
        awaits review is never touched. May be interrupted: what is deleted so far is deleted whole.
        """
        from storage import garbage

        return garbage.collect(
            self._database, self._clock(), older_than_s, statuses, versions=versions, dry_run=dry_run
        )

    def reclaim_space(self) -> bool:
        """Give space that deleted rows have left back to the disk; False where others kept it locked.

        PostgreSQL keeps it for new rows.
        """
        from storage import garbage

        return garbage.reclaim(self._database)

    def size_bytes(self) -> int:
        """Return what the database takes on its disk."""
        from storage import garbage

        return garbage.size_bytes(self._database)

    # Documents

    def create_document(
        self, new: NewDocument, *, owner: str | None = None, lease_s: float = 0.0
    ) -> DocumentRecord:
        """Queue a document; where its idempotency key is known, return the first one instead.

        With `owner` it is kept for that one's `claim`, for `lease_s` seconds: no worker takes it in between.
        """
        now = self._clock()
        with self._database.write() as connection:
            document_id = documents.insert_document(connection, new, now, owner=owner, lease_s=lease_s).id
            return documents.get_document(connection, document_id)

    def submit_documents(self, news: Sequence[NewDocument]) -> tuple[Submission, ...]:
        """Queue all documents in one transaction, or none; workers take equals in this order."""
        now = self._clock()
        with self._database.write() as connection:
            return tuple(
                documents.insert_document(connection, new, now + number * SUBMISSION_STEP_S)
                for number, new in enumerate(news)
            )

    def get_document(self, id_or_prefix: str) -> DocumentRecord:
        """Return the one document whose id begins so; raise NotFoundError (with the candidates)."""
        with self._database.read() as connection:
            return documents.find_document(connection, id_or_prefix)

    def list_documents(
        self,
        status: DocumentStatus | Sequence[DocumentStatus] | None = None,
        *,
        lang: str | None = None,
        text: str | None = None,
        since: float | None = None,
        until: float | None = None,
        sort: Sort = "created",
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[DocumentRecord, ...]:
        """Return documents with their progress; `lang`, `text`, `since` and `until` as in `Wanted`."""
        statuses = (status,) if isinstance(status, str) else status
        wanted = Wanted(status=statuses, lang=lang, text=text, since=since, until=until)
        with self._database.read() as connection:
            return documents.list_documents(connection, wanted, limit, offset, sort)

    def count_documents(
        self,
        status: DocumentStatus | Sequence[DocumentStatus] | None = None,
        *,
        lang: str | None = None,
        text: str | None = None,
    ) -> int:
        """Return how many documents `list_documents` would list without a limit."""
        wanted = Wanted(status=(status,) if isinstance(status, str) else status, lang=lang, text=text)
        with self._database.read() as connection:
            return documents.count_documents(connection, wanted)

    def list_document_languages(self) -> tuple[str, ...]:
        """Return the languages that documents are in."""
        with self._database.read() as connection:
            return documents.list_document_languages(connection)

    def list_document_ids(self) -> tuple[str, ...]:
        """Return the ids of all documents, oldest first."""
        with self._database.read() as connection:
            return documents.list_document_ids(connection)

    def delete_document(self, document_id: str, *, force: bool = False) -> None:
        """Delete a document and all that belongs to it; Busy where it is held, unless forced."""
        now = self._clock()
        with self._database.write() as connection:
            documents.delete_document(connection, document_id, now, force=force)

    def cancel_document(self, document_id: str) -> None:
        """Cancel a document; its holder gets LostLease at the next write."""
        now = self._clock()
        with self._database.write() as connection:
            documents.stop_document(connection, document_id, now, "cancelled")

    def pause_document(self, document_id: str) -> None:
        """Take a document out of the queue until it is resumed; its holder gets LostLease as well."""
        now = self._clock()
        with self._database.write() as connection:
            documents.stop_document(connection, document_id, now, "paused")

    def set_priority(self, document_id: str, priority: int) -> None:
        """Set which documents workers take first: the higher, the earlier."""
        with self._database.write() as connection:
            documents.set_priority(connection, document_id, priority)

    def requeue_document(self, document_id: str) -> None:
        """Queue a failed, paused, cancelled or interrupted document; Busy where someone is at work."""
        now = self._clock()
        with self._database.write() as connection:
            documents.requeue_document(connection, document_id, now)

    def get_overview(self, window_s: float = 600.0, *, num_failures: int = 5) -> Overview:
        """Return the state of the queue, with what was done in the last `window_s` seconds."""
        now = self._clock()
        with self._database.read() as connection:
            return overview.get_overview(connection, now, window_s, num_failures)

    # Leases

    def claim(
        self, document_id: str, owner: str, lease_s: float, *, force: bool = False, steal: bool = False
    ) -> Lease:
        """Take a document that nobody holds, or whose lease is over.

        `force` also takes it from a living lease of the same owner, `steal` from anyone. Raises Busy
        (who, until when) or NotFoundError.
        """
        now = self._clock()
        with self._database.write() as connection:
            leases.move_to_now(connection, now, document_id)
            lease = leases.claim(connection, document_id, owner, lease_s, now, force=force, steal=steal)
            busy = None if lease is not None else leases.busy(connection, document_id, now)
        # Only here: an error inside would undo what `move_to_now` did.
        if lease is None:
            raise busy or documents.unknown(document_id)
        return lease

    def list_held(self) -> tuple[HeldDocument, ...]:
        """Return the documents that have an owner, the lease that ends first first."""
        with self._database.read() as connection:
            return overview.list_held(connection)

    def renew(self, lease: Lease, lease_s: float) -> Lease:
        """Extend a lease from now; raise LostLease."""
        now = self._clock()
        with self._database.write() as connection:
            return leases.renew(connection, lease, lease_s, now)

    def release(self, lease: Lease, status: DocumentStatus | None = None) -> bool:
        """Give a document back, setting its status where given; False where it was lost already."""
        now = self._clock()
        with self._database.write() as connection:
            return leases.release(connection, lease, now, status)

    @contextmanager
    def fenced(
        self, lease: Lease, *, space: SpaceRef | None = None, renew_s: float | None = None
    ) -> Iterator[Transaction]:
        """Yield a transaction that commits only while the lease is ours; raise LostLease.

        A lease whose time is over still counts until someone else claims the document: the epoch
        decides, not the clock.
        `space` is that of the vectors to be written: it must be the document's (SpaceMismatchError) and
        becomes it where the document has none. `renew_s` extends the lease along the way.
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

    def record_attempt(
        self,
        lease: Lease,
        stage: str,
        *,
        started_at: float,
        outcome: str,
        unit_id: int | None = None,
        finished_at: float | None = None,
        error: str | None = None,
        timing: JsonObject | None = None,
    ) -> int:
        """Add an attempt without the fence, so that one who lost the lease can still report it."""
        with self._database.write() as connection:
            return units.insert_attempt(
                connection,
                lease,
                stage=stage,
                unit_id=unit_id,
                started_at=started_at,
                finished_at=finished_at,
                outcome=outcome,
                error=error,
                timing=timing,
            )

    # Reading; document ids are whole ids here, `get_document` finds one by prefix

    def get_prompt(self, document_id: str) -> tuple[PromptConcept, ...]:
        """Return the prompt's concepts, then the goal's, with vectors."""
        with self._database.read() as connection:
            return writing.get_prompt(connection, document_id)

    def get_notes(self, document_id: str, outline_id: int | None = None) -> dict[int, tuple[NoteRecord, ...]]:
        """Return the notes of an outline's sections (None: the active one's) by item id; absent: nobody looked."""
        with self._database.read() as connection:
            return notes.get_notes(connection, document_id, outline_id)

    def get_source(self, document_id: str) -> JsonObject | None:
        """Return the text that the document is made of; None where it has only a prompt."""
        with self._database.read() as connection:
            return documents.get_source(connection, document_id)

    def get_title(self, document_id: str, lang: str) -> str | None:
        """Return the title as it was translated into a language; None where it was not."""
        with self._database.read() as connection:
            return documents.get_title(connection, document_id, lang)

    def get_outline(
        self, document_id: str, version: int | None = None, *, vectors: bool = False
    ) -> OutlineRecord:
        """Return one outline version (None: the active one), its items in reading order."""
        with self._database.read() as connection:
            return outlines.get_outline(connection, document_id, version, vectors=vectors)

    def list_outlines(self, document_id: str) -> tuple[OutlineRecord, ...]:
        """Return all outline versions, oldest first, without items."""
        with self._database.read() as connection:
            return outlines.list_versions(connection, document_id)

    def next_unit(self, document_id: str, stage: Stage, lang: str = "") -> UnitRecord | None:
        """Return the first pending unit of a stage in the active outline, or None."""
        found = self.get_units(document_id, stage, lang, status="pending", limit=1)
        return found[0] if found else None

    def pending_units(self, document_id: str, stage: Stage, lang: str = "") -> tuple[UnitRecord, ...]:
        """Return all pending units of a stage in the active outline."""
        return self.get_units(document_id, stage, lang, status="pending")

    def get_units(
        self,
        document_id: str,
        stage: Stage,
        lang: str = "",
        *,
        status: UnitStatus | None = None,
        limit: int | None = None,
        outline_id: int | None = None,
    ) -> tuple[UnitRecord, ...]:
        """Return the units of a stage in an outline (None: the active one), by ordinal."""
        with self._database.read() as connection:
            if outline_id is not None:
                return units.get_units(connection, outline_id, stage, lang, status=status, limit=limit)
            return units.get_active_units(connection, document_id, stage, lang, status, limit)

    def get_unit(self, document_id: str, unit_id: int) -> UnitRecord:
        """Return one unit; raise NotFoundError."""
        with self._database.read() as connection:
            return units.get_unit(connection, document_id, unit_id)

    def list_open_units(self, owner: str) -> tuple[OpenUnit, ...]:
        """Return what is to be written or decoded of the documents that `owner` holds, last units first."""
        now = self._clock()
        with self._database.read() as connection:
            return units.open_units(connection, now, owner=owner)

    def find_open_unit(self, unit_id: int) -> OpenUnit | None:
        """Return a unit with who is at it; None where it is done, or its document is nobody's."""
        now = self._clock()
        with self._database.read() as connection:
            found = units.open_units(connection, now, unit_id=unit_id)
        return found[0] if found else None

    def get_concepts(self, item_ids: Sequence[int]) -> dict[int, StoredConcepts]:
        """Return the sentence vectors of each item, (S, D), raw."""
        with self._database.read() as connection:
            return writing.get_concepts(connection, item_ids)

    def get_owners(self, concept_ids: Sequence[int]) -> dict[int, int]:
        """Return the id of the item of each concept, for those that there are."""
        with self._database.read() as connection:
            return writing.get_owners(connection, concept_ids)

    def get_concept_vectors(self, concept_ids: Sequence[int]) -> Vector:
        """Return the vectors (S, D), raw, of concepts in the given order; raise NotFoundError."""
        with self._database.read() as connection:
            return writing.get_concept_vectors(connection, concept_ids)

    def get_renderings(self, document_id: str, lang: str) -> tuple[RenderingRecord, ...]:
        """Return the active outline's texts in one language, in reading order."""
        with self._database.read() as connection:
            outline_id = outlines.active_outline_id(connection, document_id)
            return () if outline_id is None else writing.get_renderings(connection, outline_id, lang)

    def get_undecoded(self, document_id: str, lang: str) -> Undecoded:
        """Return which headings and sentences of the active outline have no text in `lang` yet."""
        with self._database.read() as connection:
            outline_id = outlines.active_outline_id(connection, document_id)
            if outline_id is None:
                return Undecoded(item_ids=(), concept_ids=())
            return writing.get_undecoded(connection, outline_id, lang)

    def list_languages(self, document_id: str) -> dict[str, int]:
        """Return how many sentences of the active outline are decoded in each language."""
        with self._database.read() as connection:
            outline_id = outlines.active_outline_id(connection, document_id)
            return {} if outline_id is None else export.list_languages(connection, outline_id)

    def search(
        self,
        query_D: Vector,
        space: SpaceRef,
        *,
        places: Sequence[Place] = PLACES,
        limit: int = 10,
    ) -> tuple[Match, ...]:
        """Return the plan items and sentences nearest to a vector (D,), raw, best first.

        Looks at the outlines in use of all documents of `space`. Raises StorageError where the database
        cannot search (no sqlite-vec, no pgvector), SpaceMismatchError for a vector of another length.
        """
        # Only this needs what it imports.
        from storage import search

        return search.search(self._database, query_D, space, places, limit)

    def check_can_search(self) -> str:
        """Return what computes distances between vectors here; raise StorageError where nothing does."""
        from storage import search

        return search.check_can_search(self._database)

    def search_words(
        self, words: str, *, lang: str = "eng_Latn", places: Sequence[Place] = PLACES, limit: int = 10
    ) -> tuple[Match, ...]:
        """Return the plan items and sentences that hold the most, and the rarest, of the words, best first.

        Looks at the outlines in use of all documents, at the texts of every language. Words in double quotes count
        only side by side. `lang`: of the words; its commonest ones count only where there are no others.
        """
        from storage.words import search_words

        return search_words(self._database, words, lang, places, limit)

    def get_attempts(self, document_id: str) -> tuple[AttemptRecord, ...]:
        """Return all attempts, oldest first."""
        with self._database.read() as connection:
            return units.get_attempts(connection, document_id)

    def export_document(
        self, document_id: str, lang: str | None = None, *, version: int | None = None
    ) -> ExportedDocument:
        """Return the document as text in one language (None: its own), as far as it is decoded.

        `version` is that of an outline; None means the active one.
        """
        with self._database.read() as connection:
            return export.export_document(connection, document_id, lang, version)

    def dataset_rows(self, document_id: str) -> Iterator[DatasetRow]:
        """Yield all concepts of the active outline with their texts and vectors, a few items at a time."""
        with self._database.read() as connection:
            yield from export.dataset_rows(connection, document_id)
