"""Edits of stored outlines: each edit makes a new version, so that nothing is ever lost.

An edit stores the user's changes, without any model, and the remaining work: one plan unit for the items whose
heading or place in the tree changed, and pending sections for all that must be written again. `longhand resume` (or
a worker) does exactly this work, under its lease, as it would after a crash. Items that an edit does not touch keep
their vectors, text and renderings in every language:

- another heading: the lead is encoded from it, the gist planned again; the length stays;
- another length: lead and gist stay, the section is written again;
- another place: everything stays;
- a section that gets sections below it holds no text any more, and one that loses all of them is
  planned a length and written.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from concepts.errors import InputError
from longhand.formats.export import short_title
from longhand.outline.draft_markdown import find_origin, parse_draft
from longhand.outline.drafts import Draft, DraftItem, Edit, apply_edits, check_complete, one_line
from storage.records import DocumentStatus, NewPlanItem, PlanItemRecord, UnitSpec

if TYPE_CHECKING:
    from storage import DocumentRecord, Lease, OutlineRecord, Store, Transaction


def edit_outline(
    store: Store,
    document_id: str,
    edits: Sequence[Edit],
    *,
    version: int | None = None,
    approve: bool = False,
) -> OutlineRecord:
    """Do edits in order and return the new active version, or the old one if nothing changed.

    `document_id`: a full id. `version`: the active version that the user has seen (None: any). `approve`: also
    approve an outline that awaits review. Raises EditError (an InputError that names the edit, or its line, and
    the reason), Busy if somebody works on the document, NotFoundError.
    """
    with _held(store, document_id) as lease:
        outline = _active(store, document_id, version)
        return _store(store, lease, outline, apply_edits(outline, edits), approve=approve)


def edit_markdown(
    store: Store,
    document_id: str,
    text: str,
    *,
    name: str = "the outline",
    version: int | None = None,
    approve: bool = False,
) -> OutlineRecord:
    """Store the user's edited text of `format_draft`; `name`: for messages.

    `version` None: the one named in the text's first comment, if that is still there.
    Other arguments, result and errors as for `edit_outline`.
    """
    origin, said = find_origin(text) or (document_id, None)
    if origin != document_id:
        raise InputError(f"{name} is the outline of {origin}, not of {document_id}: name that document")
    with _held(store, document_id) as lease:
        outline = _active(store, document_id, said if version is None else version)
        return _store(store, lease, outline, parse_draft(text, outline, name=name), approve=approve)


def rewrite_item(
    store: Store, document_id: str, path: str, *, seed: int | None = None, version: int | None = None
) -> OutlineRecord:
    """Store a version in which one section waits to be rewritten, and return it.

    `seed`: of the new text; None: one that no version of this document has used. `version`: as for `edit_outline`.
    Raises InputError if the item is not a written section, another section is not written yet, or the document
    awaits review.
    """
    with _held(store, document_id) as lease:
        document = store.get_document(document_id)
        if document.status == "awaiting_review":
            raise InputError(
                f"{document_id} waits for review: see longhand outline {document_id}, "
                f"then longhand approve {document_id}"
            )
        outline = _active(store, document_id, version)
        check_complete(outline)
        item = next((item for item in outline.items if item.path == path), None)
        if item is None:
            known = ", ".join(leaf.path for leaf in outline.leaves())
            raise InputError(f"version {outline.version} has no item {path}: its sections are {known}")
        if not item.is_leaf:
            below = ", ".join(child.path for child in outline.children(path))
            raise InputError(f"item {path} is a part and has no text: rewrite one of its sections {below}")
        unwritten = [leaf.path for leaf in outline.leaves() if leaf.status == "pending"]
        if unwritten:
            raise InputError(
                f"item {unwritten[0]} is not written yet: longhand resume {document_id}, then rewrite"
            )
        number = store.list_outlines(document_id)[-1].version + 1
        seed = (document.seed + number) % 2**63 if seed is None else seed
        return _store(
            store,
            lease,
            outline,
            Draft(items=tuple(_as_draft(item) for item in outline.items)),
            seeds={path: seed},
            note=f"item {path} again with seed {seed}",
        )


def restore_version(store: Store, document_id: str, version: int) -> OutlineRecord:
    """Make an older version active again, with its text; later versions are kept."""
    with _held(store, document_id) as lease:
        document = store.get_document(document_id)
        outline = store.get_outline(document_id, version)
        if outline.id == document.active_outline_id:
            return outline
        is_written = all(
            item.heading and (item.status == "decoded" or not item.is_leaf) for item in outline.items
        )
        with store.fenced(lease) as tx:
            tx.activate_outline(outline.id)
            tx.set_status(_next_status(document, is_written=is_written, is_approved=False))
            _note(tx, "restore")
        return outline


def approve_document(store: Store, document_id: str) -> DocumentRecord:
    """Approve and queue a document that awaits review; raise InputError for any other."""
    with _held(store, document_id) as lease:
        document = store.get_document(document_id)
        if document.status != "awaiting_review":
            raise InputError(
                f"{document_id} does not wait for review (status: {document.status}): "
                f"see longhand show {document_id}"
            )
        with store.fenced(lease) as tx:
            _approve(tx, document)
            tx.set_status("queued")
            _note(tx, "approve")
    return store.get_document(document_id)


@contextmanager
def _held(store: Store, document_id: str) -> Iterator[Lease]:
    """Hold a document's lease during an edit; Busy if somebody works on it."""
    from flows.leases.lease import claim

    lease = claim(store, document_id)
    try:
        yield lease
    finally:
        store.release(lease)


def _active(store: Store, document_id: str, version: int | None) -> OutlineRecord:
    outline = store.get_outline(document_id, vectors=True)
    if version is not None and outline.version != version:
        raise InputError(
            f"the outline of {document_id} was changed meanwhile: version {outline.version} is in use, "
            f"the edit is of version {version}; look at it with longhand outline {document_id}"
        )
    return outline


def _as_draft(item: PlanItemRecord) -> DraftItem:
    return DraftItem(path=item.path, heading=one_line(item.heading), base=item.path)


def _store(
    store: Store,
    lease: Lease,
    outline: OutlineRecord,
    draft: Draft,
    *,
    approve: bool = False,
    seeds: Mapping[str, int] | None = None,
    note: str | None = None,
) -> OutlineRecord:
    """Store a draft as a new version in one transaction, with the edit's own units.

    `seeds`: seeds of unchanged sections that are to be rewritten, by path.
    """
    document = store.get_document(lease.document_id)
    is_approved = approve and document.status == "awaiting_review"
    seeds = dict(seeds or {})
    base = {item.path: item for item in outline.items}
    items = _new_items(draft, base, frozenset(seeds))
    is_kept = [
        old.base is not None and new.content_hash == base[old.base].content_hash
        for old, new in zip(draft.items, items, strict=True)
    ]
    is_written = all(is_kept) and all(
        base[item.base].status == "decoded" for item in draft.items if item.base and base[item.base].is_leaf
    )
    is_same = all(is_kept) and [item.base for item in draft.items] == [item.path for item in outline.items]
    # An untitled document is shown and edited under its prompt's first line.
    shown_title = one_line(document.title or short_title(document.prompt))
    title = draft.title if draft.title not in (None, shown_title) else None
    if is_same and title is None and not is_approved:
        return outline
    if not is_same:
        open_seeds = _open_seeds(store, outline)
        for item, kept in zip(draft.items, is_kept, strict=True):
            if kept and item.base in open_seeds:
                seeds[item.path] = open_seeds[item.base]
    with store.fenced(lease, space=document.space) as tx:
        if title is not None:
            tx.set_title(title)
        if not is_same:
            outline_id = tx.create_outline_version(items, note=note)
            _plan_units(tx, tx.get_item_ids(outline_id), items, seeds)
        if is_approved:
            _approve(tx, document)
        tx.set_status(_next_status(document, is_written=is_written, is_approved=is_approved))
        _note(tx, "edit")
    return store.get_outline(document.id)


def _new_items(
    draft: Draft, base: Mapping[str, PlanItemRecord], rewritten: frozenset[str]
) -> list[NewPlanItem]:
    """Return the items to store; an item that keeps its text keeps its content hash."""
    parents = {item.path.rpartition(".")[0] for item in draft.items}
    return [
        _new_item(
            item, base.get(item.base or ""), is_leaf=item.path not in parents, again=item.path in rewritten
        )
        for item in draft.items
    ]


def _new_item(item: DraftItem, old: PlanItemRecord | None, *, is_leaf: bool, again: bool) -> NewPlanItem:
    if old is None:
        length = (item.length or 0) if is_leaf else 0
        return NewPlanItem(path=item.path, heading=item.heading, planned_length=length, is_leaf=is_leaf)
    length, gist = old.planned_length, old.gist
    if is_leaf and item.length is not None:
        length = item.length
    elif is_leaf and not old.is_leaf:
        length = 0  # a part's planned length is a number of sections
    is_renamed = item.heading != one_line(old.heading)
    is_kept = not is_renamed and not again and (length, is_leaf) == (old.planned_length, old.is_leaf)
    return NewPlanItem(
        path=item.path,
        heading=item.heading,
        lead=None if is_renamed else old.lead,
        gist=None if is_renamed else gist,
        planned_length=length,
        is_leaf=is_leaf,
        # A rewritten section gets a new hash, so that nothing is copied to it.
        content_hash=old.content_hash if is_kept else secrets.token_hex(32),
        lineage=old.origin,
    )


def _plan_units(
    tx: Transaction, ids: Mapping[str, int], items: Sequence[NewPlanItem], seeds: Mapping[str, int]
) -> None:
    unplanned = [
        item.path
        for item in items
        if item.lead is None or item.gist is None or (item.is_leaf and not item.planned_length)
    ]
    if unplanned:
        tx.plan_units(
            "plan", [UnitSpec(item_ids=tuple(ids[path] for path in unplanned), extra={"fill": True})]
        )
    # A section with its own seed is its own unit; the others are grouped when they are written.
    tx.plan_units(
        "write", [UnitSpec(item_ids=(ids[path],), extra={"seed": seed}) for path, seed in seeds.items()]
    )


def _open_seeds(store: Store, outline: OutlineRecord) -> dict[str, int]:
    """Return the seeds of sections that still wait to be rewritten, by path."""
    path_of = {item.id: item.path for item in outline.items}
    return {
        path_of[item_id]: int(str(unit.extra["seed"]))
        for unit in store.pending_units(outline.document_id, "write")
        for item_id in unit.item_ids
        if "seed" in unit.extra
    }


def _next_status(document: DocumentRecord, *, is_written: bool, is_approved: bool) -> DocumentStatus:
    if is_approved:
        return "queued"
    if document.status in ("awaiting_review", "queued", "paused"):
        return document.status
    return "done" if is_written else "planned"


def _approve(tx: Transaction, document: DocumentRecord) -> None:
    tx.set_params(dict(document.params) | {"review": False, "plan_only": False})


def _note(tx: Transaction, stage: str) -> None:
    now = time.time()
    tx.record_attempt(stage, started_at=now, finished_at=now, outcome="done")
