"""Reads DocBook, the format of KDE's manuals and of GNOME's older ones.

https://docbook.org: procedures and ordered lists are steps, other lists are bullets, admonitions are notes. A short
manual is one document; in a long one each chapter is a document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from concepts.corpus.readers.elements import Collector, Element
from concepts.corpus.records import BlockKind
from training.sources.xml import FRAGMENT, InlineText, Node, read_mixed, tag_of

MAX_WHOLE_BLOCKS = 60
"""A book with more blocks is split into chapters: nobody reads it from cover to cover."""

_CHAPTERS = frozenset(("chapter", "preface", "appendix", "article", "reference"))
_SECTIONS = _CHAPTERS | frozenset(
    ("book", "part", "sect1", "sect2", "sect3", "sect4", "sect5", "section", "simplesect", "sidebar")
)
_NOTES = frozenset(("note", "tip", "warning", "caution", "important"))
_PARAGRAPHS = frozenset(("para", "simpara"))
_PLAIN = frozenset(
    ("formalpara", "example", "informalexample", "abstract", "blockquote", "epigraph", "answer", "glosslist",
     "glossary", "glossdiv", "qandaset", "qandadiv", "highlights", "partintro", "listitem", "glossdef")
)  # fmt: skip
_LISTS = frozenset(
    (
        "itemizedlist",
        "orderedlist",
        "procedure",
        "substeps",
        "variablelist",
        "simplelist",
        "qandaentry",
        "glossentry",
    )
)
_SKIPPED = frozenset(
    ("title", "titleabbrev", "subtitle", "figure", "informalfigure", "screenshot", "mediaobject", "mediaobjectco",
     "graphic", "table", "informaltable", "programlisting", "programlistingco", "screen", "screenco", "literallayout",
     "synopsis", "cmdsynopsis", "funcsynopsis", "classsynopsis", "indexterm", "remark", "toc", "index", "lot",
     "bibliography", "footnote", "anchor", "refentry", "legalnotice", "revhistory", "calloutlist", "segmentedlist",
     "equation", "informalequation", "info", "bookinfo", "articleinfo", "chapterinfo", "prefaceinfo", "appendixinfo",
     "sect1info", "sect2info", "sect3info", "sectioninfo", "objectinfo", "setinfo", "refmeta", "address",
     "authorgroup", "include", "attribution", "colophon", "dedication")
)  # fmt: skip
_INLINE_SKIPPED = frozenset(
    ("indexterm", "inlinemediaobject", "inlinegraphic", "mediaobject", "footnote", "footnoteref", "anchor", "remark",
     "shortcut", "co", "inlineequation", "guiicon", "email", "titleabbrev")
)  # fmt: skip
_BLOCKS = (
    _SECTIONS
    | _NOTES
    | _PARAGRAPHS
    | _PLAIN
    | _LISTS
    | (_SKIPPED - frozenset(("anchor", "footnote", "remark")))
)

_LEGAL_IDS = ("credits", "license", "credit", "authors", "legal")


def read_docbook(root: Node, titles: Mapping[str, str]) -> Iterator[tuple[str, list[Element]]]:
    """Yield (name, elements with the title first) for each part of a parsed file; the name of the whole is "".

    `titles` are the texts of empty cross-references, by target id.
    """
    reader = _Reader(titles)
    if tag_of(root) == FRAGMENT:
        for number, node in enumerate(root, 1):
            if tag_of(node) in _SECTIONS:
                yield node.get("id") or f"part{number}", reader.read(node)
        return
    whole = reader.read(root)
    chapters = [node for node in root.iter() if tag_of(node) in _CHAPTERS and node is not root]
    if tag_of(root) not in ("book", "set") or len(chapters) < 2 or len(whole) <= MAX_WHOLE_BLOCKS:
        yield "", whole
        return
    for number, chapter in enumerate(chapters, 1):
        name = chapter.get("id") or f"chapter{number}"
        yield name, reader.read(chapter)


def docbook_titles(root: Node) -> dict[str, str]:
    """Return the titles of a file's chapters, sections and figures by id."""
    inline = _inline({})
    found: dict[str, str] = {}
    for node in root.iter():
        name = node.get("id")
        title = node.find("title") if name else None
        if name and title is not None:
            found[name] = " ".join(inline(title).split())
    return found


def _inline(titles: Mapping[str, str]) -> InlineText:
    return InlineText(
        _INLINE_SKIPPED,
        frozenset(("menuchoice",)),
        frozenset(("keycombo",)),
        frozenset(("quote",)),
        lambda node: titles.get(node.get("linkend", ""), "") if tag_of(node) in ("xref", "link") else "",
    )


class _Reader:
    def __init__(self, titles: Mapping[str, str]) -> None:
        self._inline = _inline(titles)
        self._out = Collector()
        self._level = 0

    def read(self, root: Node) -> list[Element]:
        self._out, self._level = Collector(), 0
        self._out.heading(self._title(root), 0)
        self._blocks(root)
        return self._out.elements

    def _title(self, node: Node) -> str:
        title = node.find("title")
        if title is None:
            title = next(
                (t for info in node if tag_of(info).endswith("info") for t in info.findall("title")), None
            )
        return "" if title is None else self._inline(title)

    def _blocks(self, node: Node) -> None:
        for child in node:
            self._block(child)

    def _block(self, node: Node) -> None:
        tag = tag_of(node)
        if not tag or tag in _SKIPPED:
            return
        if tag in _SECTIONS:
            if node.get("id", "").lower().startswith(_LEGAL_IDS):
                return
            self._level += 1
            self._out.heading(self._title(node), self._level)
            self._blocks(node)
            self._level -= 1
        elif tag in _PARAGRAPHS:
            read_mixed(node, self._out, _BLOCKS, self._inline, self._block)
        elif tag in _NOTES:
            with self._out.inside("note"):
                self._blocks(node)
        elif tag in _LISTS:
            self._list(node, tag)
        elif tag in _PLAIN:
            self._blocks(node)

    def _list(self, node: Node, tag: str) -> None:
        if tag == "qandaentry":
            question = node.find("question")
            if question is not None:
                self._out.heading(" ".join(self._inline(child) for child in question), self._level + 1)
            for answer in node.findall("answer"):
                self._blocks(answer)
            return
        if tag == "glossentry":
            for definition in node.findall("glossdef"):
                self._item(definition, "bullet", node.find("glossterm"))
            return
        kind: BlockKind = "step" if tag in ("orderedlist", "procedure", "substeps") else "bullet"
        for child in node:
            name = tag_of(child)
            if name in ("listitem", "step", "member"):
                self._item(child, kind, None)
            elif name == "varlistentry":
                for item in child.findall("listitem"):
                    self._item(item, "bullet", child.find("term"))
            elif name == "stepalternatives":
                for item in child:
                    self._item(item, "bullet", None)
            else:
                self._block(child)

    def _item(self, node: Node, kind: BlockKind, term: Node | None) -> None:
        with self._out.inside(kind, "" if term is None else self._inline(term)):
            read_mixed(node, self._out, _BLOCKS, self._inline, self._block)
