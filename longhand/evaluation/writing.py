"""Longhand in this process: a document's steps on a temporary database, without Prefect."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from concepts.corpus.records import Block
from longhand.evaluation.texts import DocumentText, SectionText

if TYPE_CHECKING:
    from flows.document.engine import Engine
    from storage import ExportedDocument, NewDocument, Store


def write_document(store: Store, engine: Engine, new: NewDocument) -> DocumentText:
    """Plan, write and decode a document in `store`; return its text with planned lengths."""
    from flows.document.job.job import Job
    from flows.document.order import steps_left
    from flows.leases.lease import HeldLease, claim, create_own

    document_id = create_own(store, new)
    # On a busy machine a document may take longer than a lease.
    with HeldLease(store, claim(store, document_id)) as held:
        job = Job(store, held.lease, engine)
        for step in steps_left(job):
            step.do(job)
        held.release()
    planned = {item.path: item.planned_length for item in store.get_outline(document_id).leaves()}
    return text_of_export(store.export_document(document_id), planned)


@contextmanager
def temporary_store() -> Iterator[Store]:
    """Yield a store whose database is deleted after the `with` block."""
    from storage import Store

    with (
        tempfile.TemporaryDirectory(prefix="longhand-evaluation-") as folder,
        Store.open(f"sqlite:///{Path(folder) / 'longhand.db'}") as store,
    ):
        yield store


def text_of_export(
    document: ExportedDocument, planned: dict[str, int | None] | dict[str, int]
) -> DocumentText:
    """Return a stored document's text; `planned` maps section paths to planned sentences."""
    sections: list[SectionText] = []
    waiting = [(section, 1) for section in reversed(document.sections)]
    while waiting:
        section, level = waiting.pop()
        blocks: list[Block] = []
        for sentence in section.sentences:
            if not sentence.text.strip():
                continue
            if sentence.block is not None or not blocks:
                blocks.append(Block(kind=sentence.block or "paragraph", sentences=(sentence.text,)))
            else:
                blocks[-1] = replace(blocks[-1], sentences=(*blocks[-1].sentences, sentence.text))
        sections.append(
            SectionText(
                heading=section.heading or "",
                blocks=tuple(blocks),
                level=level,
                num_planned=planned.get(section.path),
            )
        )
        waiting += [(child, level + 1) for child in reversed(section.children)]
    return DocumentText(title=document.title or document.prompt, sections=tuple(sections))
