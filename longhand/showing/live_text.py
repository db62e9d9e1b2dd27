"""A document's text while it is decoded: each section as soon as it and all sections before it are said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from longhand.formats.export import section_markdown, title_markdown
from storage import ExportedSentence

if TYPE_CHECKING:
    from flows.document.job.events import Event, Said
    from storage import ExportedDocument, ExportedSection, Store


class LiveText:
    """Turns a run's events into Markdown to print piece by piece.

    All pieces together form the exported document, unless a unit failed after its sentences were said and its second
    attempt says others: the caller compares `printed` with the stored text.
    """

    def __init__(self, store: Store, document_id: str) -> None:
        self._store, self._document_id = store, document_id
        self._exported: ExportedDocument | None = None
        self._said: dict[tuple[str, int], Said] = {}
        self._num_sections = 0
        """Number of printed sections, in reading order."""
        self.printed = ""
        """All pieces so far."""

    def take(self, event: Event) -> str:
        """Return the text to print after an event, with a line end; empty if nothing is new."""
        if event.kind == "said" and event.said is not None:
            self._said[event.said.path, event.said.ordinal] = event.said
        elif event.kind == "retry":
            self._said.clear()
        elif event.kind in ("decoding", "done"):
            self._exported = self._store.export_document(self._document_id)
        else:
            return ""
        if self._exported is None:
            return ""
        pieces = list(self._new_pieces(self._exported))
        if not pieces:
            return ""
        text = "\n".join(pieces) if not self.printed else "\n" + "\n".join(pieces)
        self.printed += text
        return text

    def _new_pieces(self, document: ExportedDocument) -> Iterator[str]:
        """Yield the title and the complete sections that are not printed yet, each with one line end."""
        for number, (level, section) in enumerate(_flat(document.sections)):
            if number < self._num_sections:
                continue
            whole = self._whole(section)
            if whole is None:
                return
            if not self._num_sections:
                yield f"{title_markdown(document)}\n"
            self._num_sections += 1
            yield section_markdown(whole, level)

    def _whole(self, section: ExportedSection) -> ExportedSection | None:
        """Return a section, without subsections, with all its sentences; None while one is missing."""
        if section.heading is None or (section.is_leaf and section.status == "pending"):
            return None
        known = {sentence.ordinal: sentence for sentence in section.sentences}
        for ordinal in range(len(known) + section.num_missing):
            said = self._said.get((section.path, ordinal))
            if ordinal not in known and said is not None:
                known[ordinal] = ExportedSentence(
                    ordinal=ordinal, text=said.text, score=None, block=said.block
                )
        if len(known) < len(section.sentences) + section.num_missing:
            return None
        sentences = tuple(known[ordinal] for ordinal in sorted(known))
        return replace(section, sentences=sentences, num_missing=0, children=())


def _flat(sections: tuple[ExportedSection, ...], level: int = 1) -> Iterator[tuple[int, ExportedSection]]:
    for section in sections:
        yield level, section
        yield from _flat(section.children, level + 1)
