"""Word files (.docx) to headings and blocks of text: every visible run, once.

The XML is walked in reading order. Tracked insertions, content controls, links, fields' results, text boxes, footnotes
and endnotes are text; tracked deletions, hidden runs, comments, page headers, tables and pictures are left out and
counted. Headings are those of Word's navigation pane: paragraphs with an outline level, their own or their style's, or
with a style based on a built-in heading. mammoth was tried (right for insertions, content controls and notes; reads
outline levels, custom heading styles and contents lists as text), and docx2python (no headings at all).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concepts.corpus.readers.elements import Collector
from concepts.corpus.readers.reading import (
    DEEPEST_XML,
    Metadata,
    NestingError,
    Reading,
    TooLargeError,
    is_too_deep,
)
from concepts.corpus.readers.typed import typed_structure
from concepts.corpus.readers.verse import LINE_BREAK, are_verse, split_stanzas
from concepts.corpus.readers.word.wordml import (
    attribute,
    cells_of,
    child_of,
    first_alternative,
    is_carried_on,
    is_on,
    is_placeholder,
    lays_out,
    list_of,
    local_name,
    name_of_field,
    num_field_ends,
)
from concepts.corpus.records import BlockKind

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_PART_BYTES = 50_000_000
"""Largest part inside the archive: no author writes more text, and its tree would take a gigabyte."""
_DEEPEST_STYLE = 20
_HEADING_LEVELS = 9
_BODY_LEVEL = 9
"""Word's outline level of running text."""
_CONTENTS_STYLES = ("toc ", "toc heading", "table of figures", "table of authorities", "index ")
_CONTENTS_FIELDS = ("TOC", "INDEX", "TOA")
_REMOVED = {"del": "deleted passage", "moveFrom": "deleted passage"}
_ARROWS = {"F0E0": "\u2192", "F0DF": "\u2190", "F0E1": "\u2191", "F0E2": "\u2193", "F0E8": "\u2192"}
"""Characters of the font Wingdings that Word uses for arrows."""
_TEMPLATE_DATE = "2013-12-23"
"""Date of python-docx's template, which the files that it writes wrongly give as their own."""
_LEGACY = b"\xd0\xcf\x11\xe0"
_SILENT = frozenset(
    ("pPr", "rPr", "sectPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "delText", "instrText",
    "proofErr", "bookmarkStart", "bookmarkEnd", "annotationRef", "footnoteRef", "endnoteRef", "rt",
    "separator", "continuationSeparator")
)  # fmt: skip


def read_word(data: bytes) -> Reading:
    """Read a Word file; raises NestingError for elements nested deeper than `DEEPEST_XML`, TooLargeError for more text
    than `MAX_PART_BYTES`, ValueError for other data, with the reason if it is clear."""
    if data.startswith(_LEGACY):
        raise KindError(
            "it is a .doc file or has a password, not a .docx; open it in Word and save it as .docx"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _Word(archive).reading()
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        KeyError,
        SyntaxError,
        NotImplementedError,
    ) as error:
        # lxml's XMLSyntaxError is a SyntaxError; an archive without Word's parts is a KeyError.
        raise ValueError(f"no Word file ({error})") from error


@dataclass(frozen=True)
class _Style:
    name: str
    parent: str
    level: int | None
    """Outline level, 0 for the highest."""
    numbering: tuple[str, str] | None
    """Id of the list and level in it."""
    is_hidden: bool


class KindError(ValueError):
    """A file whose content does not match its suffix; the message names its real kind and what to do."""


class _Word:
    """One pass over a file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.collector = Collector()
        self.left_out: Counter[str] = Counter()
        if "content.xml" in archive.namelist():
            raise KindError("it is an OpenDocument file; open it in its program and save it as .docx")
        document = self._part(self._main_part())
        if document is None:
            raise KeyError("word/document.xml")
        self._body = child_of(document, "body")
        if self._body is None:
            raise KeyError("the document's body")
        self._styles = self._read_styles()
        self._formats = self._read_numbering()
        self._due: list[str] = []
        """Notes referred to in the current paragraph or list."""
        self._own_from = 0
        """Index of the current paragraph's first note among them."""
        self._fields: list[str] = []
        """Instructions of the open fields; a blank follows each complete one."""
        self._num_ends = num_field_ends(self._body)
        """Field ends still ahead: a field without an end would swallow the rest of the text."""
        self._in_contents = False
        self._carried = ""
        """Text that the next paragraph continues: a drop cap, or a paragraph whose end was deleted."""
        self._num_bold = self._num_plain = 0
        """Bold and other characters of the current paragraph."""
        self._notes: dict[str, dict[str, str]] = {}
        for kind in ("footnote", "endnote"):
            self._notes[kind] = self._read_notes(f"word/{kind}s.xml", kind)

    def reading(self) -> Reading:
        assert self._body is not None
        self._blocks(self._body)
        if self._carried.strip():
            self.collector.text(self._carried)
        self._say_notes()
        for notes in self._notes.values():
            for text in notes.values():
                self.collector.text(text, "note")
        self._count_surroundings()
        return Reading(
            elements=typed_structure(self.collector.elements),
            metadata=self._metadata(),
            left_out=self.left_out,
        )

    def _main_part(self) -> str:
        relations = self._part("_rels/.rels")
        for relation in relations if relations is not None else ():
            if attribute(relation, "Type").endswith("/officeDocument"):
                return attribute(relation, "Target").lstrip("/")
        return "word/document.xml"

    def _part(self, name: str) -> _Element | None:
        from lxml import etree

        try:
            info = self._archive.getinfo(name)
        except KeyError:
            return None
        if info.file_size > MAX_PART_BYTES:
            raise TooLargeError(
                f"its part {name} has {info.file_size / 1e6:,.0f} MB unpacked, at most "
                f"{MAX_PART_BYTES // 1_000_000} MB are read; give the document in parts"
            )
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True
        )
        try:
            return etree.fromstring(self._archive.read(name), parser)
        except etree.XMLSyntaxError as error:
            if not is_too_deep(error):
                raise
            raise NestingError(
                f"its tables and fields are nested deeper than {DEEPEST_XML} levels; give its text in fewer"
            ) from None

    def _read_styles(self) -> dict[str, _Style]:
        root = self._part("word/styles.xml")
        styles: dict[str, _Style] = {}
        for style in root if root is not None else ():
            if local_name(style) != "style":
                continue
            level = attribute(child_of(style, "pPr", "outlineLvl"))
            styles[attribute(style, "styleId")] = _Style(
                name=attribute(child_of(style, "name")).lower(),
                parent=attribute(child_of(style, "basedOn")),
                level=int(level) if level.isdecimal() else None,
                numbering=list_of(child_of(style, "pPr", "numPr")),
                is_hidden=is_on(child_of(style, "rPr", "vanish")),
            )
        return styles

    def _read_numbering(self) -> dict[tuple[str, str], str]:
        """Return the form of each list's numbers by its id and level: "bullet", "decimal", ..."""
        root = self._part("word/numbering.xml")
        abstract: dict[str, dict[str, str]] = {}
        formats: dict[tuple[str, str], str] = {}
        for entry in root if root is not None else ():
            if local_name(entry) == "abstractNum":
                abstract[attribute(entry, "abstractNumId")] = {
                    attribute(level, "ilvl"): attribute(child_of(level, "numFmt"))
                    for level in entry
                    if local_name(level) == "lvl"
                }
            elif local_name(entry) == "num":
                for level, form in abstract.get(attribute(child_of(entry, "abstractNumId")), {}).items():
                    formats[attribute(entry, "numId"), level] = form
        return formats

    def _read_notes(self, name: str, kind: str) -> dict[str, str]:
        root = self._part(name)
        notes: dict[str, str] = {}
        self._num_ends += 0 if root is None else num_field_ends(root)
        for note in root if root is not None else ():
            if local_name(note) == kind and attribute(note, "type") in ("", "normal"):
                texts = [self._text(paragraph) for paragraph in note.iter() if local_name(paragraph) == "p"]
                if text := " ".join(" ".join(texts).split()):
                    notes[attribute(note, "id")] = text
        return notes

    def _blocks(self, parent: _Element) -> None:
        """Read the blocks below an element, which may be wrapped in controls, insertions and the like."""
        for child in parent:
            tag = local_name(child)
            if tag == "p":
                self._paragraph(child)
            elif tag == "tbl":
                self._table(child)
            elif tag in _REMOVED:
                self._count_words(child, _REMOVED[tag])
            elif tag == "altChunk":
                self.left_out["inserted document"] += 1
            elif tag == "sdt" and attribute(
                child_of(child, "sdtPr", "docPartObj", "docPartGallery")
            ).lower().startswith("table of contents"):
                self._contents_line()
            elif tag == "sdt" and is_placeholder(child):
                self.left_out["empty field"] += 1
            elif tag == "AlternateContent":
                for way in first_alternative(child):
                    self._blocks(way)
            elif tag not in _SILENT:
                self._blocks(child)

    def _table(self, table: _Element) -> None:
        cells = cells_of(table)
        if len(cells) == 1 or lays_out(table):
            for cell in cells:  # a layout table: a frame around text, or its columns
                self._blocks(cell)
        elif any(local_name(node) == "t" and (node.text or "").strip() for node in table.iter()):
            self.left_out["table"] += 1

    def _contents_line(self) -> None:
        if not self._in_contents:
            self.left_out["contents list"] += 1
        self._in_contents = True

    def _paragraph(self, paragraph: _Element) -> None:
        is_field_open = self._in_contents_field()
        boxes: list[_Element] = []
        text = self._carried + self._text(paragraph, boxes)
        self._carried = ""
        style = attribute(child_of(paragraph, "pPr", "pStyle"))
        names = [entry.name for entry in self._chain(style)]
        if (
            is_field_open
            or self._in_contents_field()
            or any(n.startswith(_CONTENTS_STYLES) for n in names[:1])
        ):
            self._contents_line()
        elif is_carried_on(paragraph):
            self._carried = text
        elif text.strip() and any(entry.is_hidden for entry in self._chain(style)):
            self.left_out["hidden passage"] += 1
        elif text.strip():
            self._in_contents = False
            level = self._level(paragraph, style, names)
            if level is not None:
                self._say_notes_before_heading()
                self.collector.heading(text, level)
            else:
                kind = self._kind(paragraph, style, names)
                if kind is None:
                    self._say_notes_before_heading()
                self._say(text, kind, is_strong=self._num_bold > 0 == self._num_plain)
                if kind is None:
                    self._say_notes()
        for box in boxes:
            self._blocks(box)

    def _say(self, text: str, kind: BlockKind | None, *, is_strong: bool) -> None:
        stanzas = split_stanzas(text)
        if (
            kind is None
            and not is_strong
            and any(map(are_verse, stanzas))
            and all(len(lines) == 1 or are_verse(lines) for lines in stanzas)
        ):
            for lines in stanzas:
                self.collector.verse(lines)
        else:
            self.collector.text(text, kind, is_strong=is_strong)

    def _say_notes_before_heading(self) -> None:
        # The notes of the list that has just ended; the paragraph's own notes come behind it.
        held, self._due = self._due[self._own_from :], self._due[: self._own_from]
        self._say_notes()
        self._due = held

    def _say_notes(self) -> None:
        for text in self._due:
            self.collector.text(text, "note")
        self._due = []

    def _text(self, paragraph: _Element, boxes: list[_Element] | None = None) -> str:
        """Return a paragraph's text, `LINE_BREAK` for each break in it; text boxes anchored in it go to `boxes`."""
        self._own_from = len(self._due)
        self._num_bold = self._num_plain = 0
        words: list[str] = []
        stack: list[Iterator[_Element]] = [iter(paragraph)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            tag = local_name(node)
            if tag == "r":
                if self._is_hidden(node):
                    self._count_words(node, "hidden passage")
                    continue
                self._weigh(node)
                stack.append(iter(node))
            elif tag == "sdt" and (name := name_of_field(node)) is not None:
                self.left_out[name] += name != ""
            elif tag == "sym":
                words.append(_ARROWS.get(attribute(node, "char").upper(), " "))
            elif tag == "fldChar":
                self._field(attribute(node, "fldCharType"))
            elif tag == "instrText":
                if self._fields:
                    self._fields[-1] += node.text or ""
            elif tag == "t":  # of a run, or of a formula
                if not self._in_instruction():
                    words.append(node.text or "")
            elif tag == "cr" or (tag == "br" and attribute(node, "type") in ("", "textWrapping")):
                words.append(LINE_BREAK)
            elif tag in ("tab", "br", "ptab"):
                words.append(" ")
            elif tag == "noBreakHyphen":
                words.append("-")
            elif tag in ("footnoteReference", "endnoteReference"):
                note = self._notes[tag.removesuffix("Reference")].pop(attribute(node, "id"), "")
                if note:
                    self._due.append(note)
            elif tag in _REMOVED:
                self._count_words(node, _REMOVED[tag])
            elif tag == "AlternateContent":
                stack.append(iter(first_alternative(node)))
            elif tag == "txbxContent":
                if boxes is not None:
                    boxes.append(node)
            elif tag in ("drawing", "pict", "object"):
                inside = [local_name(inner) for inner in node.iter()]
                if "txbxContent" not in inside:
                    self.left_out["embedded object" if tag == "object" else "picture"] += 1
                else:
                    stack.append(iter(node))
            elif tag not in _SILENT:
                stack.append(iter(node))
        return "".join(words)

    def _is_hidden(self, run: _Element) -> bool:
        own = child_of(run, "rPr", "vanish")
        if own is not None:
            return is_on(own)
        return any(entry.is_hidden for entry in self._chain(attribute(child_of(run, "rPr", "rStyle"))))

    def _weigh(self, run: _Element) -> None:
        num = sum(len((node.text or "").strip()) for node in run if local_name(node) == "t")
        style = attribute(child_of(run, "rPr", "rStyle"))
        if is_on(child_of(run, "rPr", "b")) or any(
            entry.name == "strong" for entry in self._chain(style)[:1]
        ):
            self._num_bold += num
        else:
            self._num_plain += num

    def _field(self, what: str) -> None:
        if what == "begin":
            if self._num_ends > len(self._fields):
                self._fields.append("")
        elif what == "separate" and self._fields:
            self._fields[-1] = f"{self._fields[-1].strip()} "
        elif what == "end" and self._fields:
            self._fields.pop()
            self._num_ends -= 1

    def _in_instruction(self) -> bool:
        return bool(self._fields) and not self._fields[-1].endswith(" ")

    def _in_contents_field(self) -> bool:
        return any(field.split()[:1] and field.split()[0] in _CONTENTS_FIELDS for field in self._fields)

    def _chain(self, style: str) -> list[_Style]:
        """Return a style and the styles it is based on."""
        found: list[_Style] = []
        while style in self._styles and len(found) < _DEEPEST_STYLE:
            found.append(self._styles[style])
            style = found[-1].parent
        return found

    def _level(self, paragraph: _Element, style: str, names: list[str]) -> int | None:
        """Return the level of a heading as in `Element`, None for running text."""
        own = attribute(child_of(paragraph, "pPr", "outlineLvl"))
        if own.isdecimal():
            return int(own) + 1 if int(own) < _BODY_LEVEL else None
        if not names and style.lower().startswith("heading") and style[7:].isdecimal():
            return int(style[7:])
        for entry in self._chain(style):
            if entry.name == "title":
                return 0
            if entry.level is not None:
                return entry.level + 1 if entry.level < _BODY_LEVEL else None
            kind, _, number = entry.name.rpartition(" ")
            if kind == "heading" and number.isdecimal():
                return min(int(number), _HEADING_LEVELS)
        return None

    def _kind(self, paragraph: _Element, style: str, names: list[str]) -> BlockKind | None:
        """Return "step" or "bullet" for a list item, None for other text."""
        numbering = list_of(child_of(paragraph, "pPr", "numPr"))
        named = next((name for name in names if name.startswith(("list number", "list bullet"))), "")
        if numbering is None and named:
            return "step" if named.startswith("list number") else "bullet"
        if numbering is None:
            numbering = next((entry.numbering for entry in self._chain(style) if entry.numbering), None)
        if numbering is None or numbering[0] in ("", "0"):
            return None
        form = self._formats.get(numbering)
        if form is None and numbering[0] not in {number for number, _ in self._formats}:
            return "bullet"  # a list, whose numbering is not in the file
        return "bullet" if form in (None, "", "bullet", "none") else "step"

    def _count_words(self, node: _Element, name: str) -> None:
        if any(local_name(inner) in ("t", "delText") and (inner.text or "").strip() for inner in node.iter()):
            self.left_out[name] += 1

    def _count_surroundings(self) -> None:
        for name in self._archive.namelist():
            kind = next((k for k in ("header", "footer", "comments") if name.startswith(f"word/{k}")), None)
            if kind is None or not name.endswith(".xml"):
                continue
            root = self._part(name)
            if root is None:
                continue
            if kind == "comments":
                if name == "word/comments.xml":
                    self.left_out["comment"] += sum(local_name(child) == "comment" for child in root)
            elif any(local_name(node) == "t" and (node.text or "").strip() for node in root.iter()):
                self.left_out[f"page {kind}"] += 1

    def _metadata(self) -> Metadata:
        root = self._part("docProps/core.xml")
        values = (
            {local_name(child): " ".join((child.text or "").split()) for child in root}
            if root is not None
            else {}
        )
        author, created = values.get("creator", ""), values.get("created", "")[:10]
        is_template = author == "python-docx"
        return Metadata(
            title=values.get("title", ""),
            author="" if is_template else author,
            lang=values.get("language", ""),
            date="" if is_template and created == _TEMPLATE_DATE else created,
        )
