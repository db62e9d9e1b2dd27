"""A fenced transaction: all writes of a lease holder, committed together or not at all.

Its first statement is the fence (see `leases`). Each method may be called again after a crash: results of a unit
are committed once (a second call returns False and writes nothing), and rows with a path or an ordinal are found
again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from concepts.errors import NotFoundError, SpaceMismatchError, StorageError
from storage.database.queries import of_document, of_lease, of_lease_at
from storage.database.tables import Document
from storage.records import (
    DOCUMENT_STATUSES,
    STAGES,
    CardRef,
    DocumentStatus,
    ItemConcepts,
    ItemText,
    JsonObject,
    Lease,
    NewPlanItem,
    NewRendering,
    PromptConcept,
    Source,
    SpaceRef,
    Stage,
    UnitRecord,
    UnitSpec,
)
from storage.rows import documents, notes, outlines, units, writing
from storage.rows.documents import card_columns, space_columns
from storage.texts import check_json


class Transaction:
    """The open transaction of `Store.fenced`; its methods write, the end of the `with` block commits."""

    def __init__(self, connection: Connection, lease: Lease, now: float, space: SpaceRef | None) -> None:
        self.lease = lease
        self.document_id = lease.document_id
        self.now = now
        self.connection = connection
        self._space = None if space is None else self._adopt_space(space)

    def _adopt_space(self, space: SpaceRef) -> SpaceRef:
        """Return `space` if it is the document's, or set it for a document that has none."""
        row = self.connection.execute(
            select(Document.c.space_card, Document.c.space_checksum, Document.c.space_dim).where(
                Document.c.id == self.document_id
            )
        ).one()
        if row.space_card is None:
            self._update(**space_columns(space))
            return space
        stored = SpaceRef(name=row.space_card, checksum=row.space_checksum, dim=row.space_dim)
        if stored != space:
            raise SpaceMismatchError(
                f"document {self.document_id} holds concepts of the space {stored}, got the space {space}: "
                f"use {stored.name}, or start a new document"
            )
        return stored

    def _dim(self) -> int:
        if self._space is None:
            raise SpaceMismatchError(
                f"vectors for document {self.document_id} came without their space: "
                "open the transaction with fenced(lease, space=...)"
            )
        return self._space.dim

    def _update(self, **values: object) -> None:
        self.connection.execute(update(Document).where(Document.c.id == self.document_id).values(**values))

    def _active_outline(self) -> int:
        outline_id = outlines.active_outline_id(self.connection, self.document_id)
        if outline_id is None:
            raise NotFoundError(f"document {self.document_id} has no outline yet: plan it first")
        return outline_id

    # The document

    def set_status(self, status: DocumentStatus, error: str | None = None) -> None:
        """Set the status and the error (None clears an older one)."""
        if status not in DOCUMENT_STATUSES:
            raise StorageError(f"{status!r} is no status: expected one of {', '.join(DOCUMENT_STATUSES)}")
        self._update(status=status, error=error)

    set_title = of_document(documents.set_title)

    def set_lang(self, lang: str) -> None:
        """Set the language that the document is written in; nothing may be decoded yet."""
        self._update(lang=lang)

    def set_params(self, params: JsonObject) -> None:
        """Replace the document's options."""
        self._update(params=check_json("the parameters of the document", params))

    def set_flow_run(self, flow_run_id: str | None) -> None:
        """Store the id of the flow run that works on the document."""
        self._update(flow_run_id=flow_run_id)

    def set_cards(self, *, planner: CardRef | None = None, writer: CardRef | None = None) -> None:
        """Store the models in use; None keeps the stored one."""
        values = {**card_columns("planner", planner), **card_columns("writer", writer)}
        if values:
            self._update(**values)

    def save_prompt(self, concepts: Sequence[PromptConcept]) -> bool:
        """Store the prompt's (and goal's) concepts in order; False if a prompt is stored already."""
        return writing.insert_prompt(self.connection, self.document_id, concepts, self._dim())

    # The outline

    def _dim_of(self, items: Sequence[NewPlanItem]) -> int | None:
        has_vectors = any(item.lead is not None or item.gist is not None for item in items)
        return self._dim() if has_vectors else None

    def create_outline(
        self,
        items: Sequence[NewPlanItem] = (),
        *,
        source: Source = "model",
        note: str | None = None,
        activate: bool = True,
    ) -> int:
        """Store a new version (empty, or with items) and return its id; `activate` makes it the active one."""
        outline_id = outlines.insert_outline(self.connection, self.document_id, source, note, self.now)
        outlines.insert_items(self.connection, outline_id, items, self._dim_of(items))
        if activate:
            self._update(active_outline_id=outline_id)
        return outline_id

    def create_outline_version(
        self, items: Sequence[NewPlanItem], *, source: Source = "user", note: str | None = None
    ) -> int:
        """Store an edited outline as the new active version and return its id.

        Items whose content hash occurs in the active version keep their concepts and renderings (as
        copies) and their status; the others are pending. Units are to be planned anew.
        """
        old_outline_id = self._active_outline()
        outline_id = outlines.insert_outline(self.connection, self.document_id, source, note, self.now)
        outlines.insert_items(self.connection, outline_id, items, self._dim_of(items))
        outlines.copy_unchanged(self.connection, old_outline_id, outline_id)
        self._update(active_outline_id=outline_id)
        return outline_id

    def get_item_ids(self, outline_id: int) -> dict[str, int]:
        """Return the id of each path of an outline of this document."""
        outlines.check_owner(self.connection, self.document_id, outline_id)
        return outlines.find_items(self.connection, outline_id)

    def fill_plan_items(self, unit_id: int, items: Sequence[NewPlanItem]) -> bool:
        """Store the planner's results for items of an edited outline, by path, and set the plan unit to done.

        Lead, gist, planned length and content hash are stored; heading and place stay as they are.
        Returns False and writes nothing if the unit was done already.
        """
        dim = self._dim()
        unit = units.get_unit(self.connection, self.document_id, unit_id)
        if not units.finish_unit(self.connection, self.document_id, unit_id):
            return False
        outlines.fill_items(self.connection, self.document_id, items, unit.outline_id, dim)
        return True

    activate_outline = of_document(outlines.activate)

    def add_plan_items(
        self, items: Sequence[NewPlanItem], *, unit_id: int | None = None, outline_id: int | None = None
    ) -> dict[str, int]:
        """Add items to an outline (None: the active one) and return the id of each path.

        With `unit_id` the plan unit is set to done; if it was done already, nothing is written and the stored ids are
        returned. Parents stop being leaves.
        """
        if outline_id is None:
            outline_id = self._active_outline()
        else:
            outlines.check_owner(self.connection, self.document_id, outline_id)
        if unit_id is not None and not units.finish_unit(self.connection, self.document_id, unit_id):
            return outlines.find_items(self.connection, outline_id, [item.path for item in items])
        return outlines.insert_items(self.connection, outline_id, items, self._dim_of(items))

    set_headings = of_document(outlines.set_headings)
    set_notes = of_document(notes.set_notes)

    # Units

    def plan_units(
        self,
        stage: Stage,
        specs: Sequence[UnitSpec],
        *,
        lang: str = "",
        first_ordinal: int | None = 0,
        outline_id: int | None = None,
    ) -> tuple[UnitRecord, ...]:
        """Store units of a stage at ordinals from `first_ordinal` (None: after the last one).

        Stored units are returned unchanged; StorageError if their members differ.
        """
        if stage not in STAGES:
            raise StorageError(f"{stage!r} is no stage: expected one of {', '.join(STAGES)}")
        if outline_id is None:
            outline_id = self._active_outline()
        else:
            outlines.check_owner(self.connection, self.document_id, outline_id)
        return units.plan_units(
            self.connection, self.document_id, outline_id, stage, specs, lang, first_ordinal
        )

    finish_unit = of_document(units.finish_unit)
    take_unit = of_lease_at(units.take_unit)
    leave_unit = of_lease(units.leave_unit)
    keep_units = of_lease_at(units.keep_units)

    def commit_concepts(self, unit_id: int, written: Sequence[ItemConcepts]) -> bool:
        """Store the sentences of all items of a write unit and set it to done.

        Returns False and writes nothing if the unit was done already. Raises StorageError if the items differ from
        the unit's.
        """
        dim = self._dim()
        unit = units.get_unit(self.connection, self.document_id, unit_id)
        if not units.finish_unit(self.connection, self.document_id, unit_id):
            return False
        writing.check_members(self.connection, self.document_id, unit)
        writing.insert_concepts(self.connection, unit, written, dim)
        return True

    def commit_renderings(
        self, unit_id: int, renderings: Sequence[NewRendering], *, decoder: str | None = None
    ) -> bool:
        """Store the texts of all headings and sentences of a decode unit and set it to done.

        The language is the unit's. In the document's own language headings are copied to the items,
        and items without a missing sentence become `decoded`. Returns and raises as `commit_concepts`.
        """
        unit = units.get_unit(self.connection, self.document_id, unit_id)
        if not units.finish_unit(self.connection, self.document_id, unit_id):
            return False
        writing.check_members(self.connection, self.document_id, unit)
        writing.insert_renderings(self.connection, unit, renderings, decoder)
        return True

    def store_text(self, given: Sequence[ItemText], *, lang: str) -> None:
        """Store given sentences for items of any outline of this document, with their concepts.

        The items must be pending; they become `decoded`, or `written` if `lang` is not the document's.
        """
        writing.insert_text(self.connection, self.document_id, given, lang, self._dim())

    def commit_title(self, unit_id: int, title: str) -> bool:
        """Store the title in a decode unit's language and set the unit to done; False if it was done already."""
        unit = units.get_unit(self.connection, self.document_id, unit_id)
        if not units.finish_unit(self.connection, self.document_id, unit_id):
            return False
        writing.insert_title(self.connection, unit, title)
        return True

    record_attempt = of_lease(units.insert_attempt)
