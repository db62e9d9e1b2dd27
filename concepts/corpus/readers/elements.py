"""The common output of all readers: a file's headings and blocks of text in reading order.

A reader tells a `Collector` what opens and closes; the collector decides the kind of each block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from concepts.blocks import join_block
from concepts.corpus.records import Block, BlockKind, Section

FEWEST_LINES = 2
"""Fewest lines of a verse."""
_MAX_TERM_CHARS = 60
"""A term of a definition list longer than this is a sentence of its own."""
_NOTE = re.compile(
    r"(?:note|tip|hint|warning|caution|important|hinweis|tipp|warnung|achtung|vorsicht|remarque|astuce|attention|"
    r"avertissement|nota|consejo|advertencia|aviso|atención)\s?[:!]\s",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Element:
    """One heading or block of text of a file."""

    text: str
    """The lines of a verse are joined by line breaks; any other text is one line."""
    level: int | None
    """1 for a top heading, 0 for a marked title; None for a block of text."""
    kind: BlockKind = "paragraph"
    """Kind of block; a heading has the default."""
    continues: bool = False
    """Whether the text is a further paragraph of the list item or note before it."""
    is_strong: bool = False
    """Whether all of the block is bold."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of a verse; any other text as one."""
        return tuple(self.text.split("\n"))


@dataclass
class _Frame:
    kind: BlockKind
    term: str = ""
    last: int = -1
    """Index of the last element of this item; -1 before the first."""


class Collector:
    """Gathers headings and blocks in reading order; empty ones are left out."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self._frames: list[_Frame] = []

    def heading(self, text: str, level: int) -> None:
        """Add a heading; `level` as in `Element`."""
        if text := " ".join(text.split()):
            self.elements.append(Element(text, level))

    def text(self, text: str, kind: BlockKind | None = None, *, is_strong: bool = False) -> None:
        """Add a paragraph; inside an item or note it belongs to that one, unless `kind` is given."""
        text = " ".join(text.split())
        if not text:
            return
        frame = self._frames[-1] if self._frames else None
        if kind is not None or frame is None:
            if (kind or "paragraph") == "paragraph" and _NOTE.match(text):
                kind = "note"
            self.elements.append(Element(text, None, kind or "paragraph", is_strong=is_strong))
            return
        if frame.last == -1:
            if frame.term:
                text, frame.term = f"{frame.term}: {text}", ""
            self.elements.append(Element(text, None, frame.kind))
        elif frame.last == len(self.elements) - 1:
            self.elements.append(Element(text, None, frame.kind, continues=True))
        else:
            # A nested list came between: more of the item, but no item of its own.
            self.elements.append(Element(text, None))
        frame.last = len(self.elements) - 1

    def verse(self, lines: Sequence[str]) -> None:
        """Add a stanza; inside an item or note, and with fewer than two lines, it is running text."""
        lines = [line for line in (" ".join(line.split()) for line in lines) if line]
        if self._frames or len(lines) < FEWEST_LINES:
            self.text(" ".join(lines))
        else:
            self.elements.append(Element(join_block("verse", lines), None, "verse"))

    def open(self, kind: BlockKind, term: str = "") -> None:
        """Begin a list item or note; `term`, from a definition list, is put before its first text."""
        term = " ".join(term.split()).strip(" :>,;")
        if len(term) > _MAX_TERM_CHARS:
            self.text(term, "paragraph")
            term = ""
        self._frames.append(_Frame(kind, term))

    def close(self) -> None:
        """End the list item or note that was opened last."""
        self._frames.pop()

    @contextmanager
    def inside(self, kind: BlockKind, term: str = "") -> Iterator[None]:
        """Open a list item or note and close it."""
        self.open(kind, term)
        yield
        self.close()


def to_sections(elements: Sequence[Element]) -> tuple[Section, ...]:
    """Return the sections that have text; text before the first heading gets the heading ""."""
    sections: list[Section] = []
    heading, level, blocks = "", 1, list[Block]()
    for element in (*elements, Element("", 1)):
        if element.level is None:
            if element.continues and blocks:
                blocks[-1] = replace(blocks[-1], sentences=(*blocks[-1].sentences, element.text))
            else:
                blocks.append(Block(element.lines, element.kind))
            continue
        if blocks:
            sections.append(Section(heading, tuple(blocks), level))
        heading, level, blocks = element.text, max(element.level, 1), []
    return tuple(sections)


@dataclass(frozen=True)
class Outline:
    """A file's first top heading ("" if none) and its sections."""

    title: str
    sections: tuple[Section, ...]


def to_outline(elements: Sequence[Element]) -> Outline:
    """Return the sections that have text; a heading before everything else is the title."""
    title = ""
    if elements and elements[0].level is not None:
        title, elements = elements[0].text, elements[1:]
    return Outline(title, to_sections(elements))
