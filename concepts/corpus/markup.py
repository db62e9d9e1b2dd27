"""Markdown, HTML, Word and plain text to headings and blocks of text; fonts are forgotten, the form stays.

A block is a paragraph, a step (item of an ordered list), a bullet or a note. Quotes are paragraphs; tables and code
blocks are left out (they are no sentences).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from concepts.corpus.elements import Collector, Element, to_sections
from concepts.corpus.records import BlockKind, Section

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.text.paragraph import Paragraph
    from selectolax.lexbor import LexborNode


@dataclass(frozen=True)
class Outline:
    """What a file says: its first top heading ("" if none) and its sections."""

    title: str
    sections: tuple[Section, ...]


def to_outline(elements: Sequence[Element]) -> Outline:
    """Return the sections that have text; a heading before everything else is the title."""
    title = ""
    if elements and elements[0].level is not None:
        title, elements = elements[0].text, elements[1:]
    return Outline(title, to_sections(elements))


def read_markdown(text: str) -> Outline:
    """Read CommonMark: headings open sections, front matter is skipped, code and HTML blocks too."""
    return to_outline(markdown_blocks(text))


def read_html(text: str) -> Outline:
    """Read the body of an HTML page; navigation, scripts, tables and code blocks are left out."""
    return to_outline(html_blocks(text))


def read_text(text: str) -> Outline:
    """Read plain text: blank lines part paragraphs, a first short line without a full stop is the title."""
    return to_outline(text_blocks(text))


def markdown_blocks(text: str) -> list[Element]:
    """Return the headings and paragraphs of CommonMark; front matter, code and HTML blocks are skipped."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\r?\n.*?\n---\r?\n", "", text, flags=re.DOTALL)
    collector = Collector()
    level: int | None = None
    in_table = 0
    lists: list[BlockKind] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type in ("table_open", "table_close"):
            in_table += 1 if token.type == "table_open" else -1
        elif token.type in ("ordered_list_open", "bullet_list_open"):
            lists.append("step" if token.type == "ordered_list_open" else "bullet")
        elif token.type in ("ordered_list_close", "bullet_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            collector.open(lists[-1])
        elif token.type == "list_item_close":
            collector.close()
        elif token.type == "inline" and not in_table:
            words = "".join(
                " " if child.type in ("softbreak", "hardbreak") else child.content
                for child in token.children or ()
                if child.type in ("text", "code_inline", "softbreak", "hardbreak")
            )
            if level is not None:
                collector.heading(words, level)
                level = None
            elif alert := _ALERT.match(words):
                collector.text(words[alert.end() :], "note")
            else:
                collector.text(words)
    return collector.elements


_ALERT = re.compile(r"\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*")
"""Begins a quote that GitHub shows as a note."""
_SKIPPED_TAGS = frozenset(
    (
        "script",
        "style",
        "nav",
        "header",
        "footer",
        "pre",
        "table",
        "form",
        "noscript",
        "svg",
        "template",
        "head",
        "aside",
        "iframe",
        "button",
        "select",
        "figure",
    )
)
_BLOCK_TAGS = frozenset(
    (
        "p",
        "li",
        "dt",
        "dd",
        "blockquote",
        "div",
        "section",
        "article",
        "main",
        "body",
        "ul",
        "ol",
        "dl",
        "br",
        "hr",
        "html",
        "summary",
        "details",
        "address",
        "center",
    )
)


_NOTE_CLASSES = frozenset(
    ("note", "tip", "hint", "important", "warning", "caution", "danger", "admonition", "notice")
)


def html_blocks(text: str) -> list[Element]:
    """Return the headings and paragraphs of a page's body, under its title where no heading comes first."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    elements = node_elements(tree.body)
    title = tree.css_first("title")
    if title is not None and title.text().strip() and not (elements and elements[0].level is not None):
        elements.insert(0, Element(" ".join(title.text().split()), 0))
    return elements


def node_elements(body: LexborNode | None) -> list[Element]:
    """Return the headings and blocks of text below a node of a parsed page."""
    collector = Collector()
    words: list[str] = []
    term = ""

    def flush() -> None:
        collector.text("".join(words))
        words.clear()

    # An explicit stack: pages with thousands of nested tags would exhaust recursion.
    stack: list[tuple[LexborNode | None, bool]] = [(body, False)]
    while stack:
        node, leaving = stack.pop()
        if node is None:
            continue
        tag = node.tag or ""
        if leaving:
            flush()
            if _item_kind(node) is not None:
                collector.close()
            continue
        if tag == "-text":
            words.append(node.text_content or "")
            continue
        if (tag in _SKIPPED_TAGS and not _lays_out(node)) or tag.startswith(("_", "!", "-")):
            continue
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            flush()
            collector.heading(node.text(deep=True), int(tag[1]))
            continue
        if tag == "dt":
            flush()
            term = node.text(deep=True)
            continue
        kind = _item_kind(node)
        if tag in _BLOCK_TAGS or kind is not None:
            flush()
            stack.append((node, True))
        if kind is not None:
            collector.open(kind, term if tag == "dd" else "")
            term = ""
        children: list[LexborNode] = []
        child = node.child
        while child is not None:
            children.append(child)
            child = child.next
        stack += [(child, False) for child in reversed(children)]
    flush()
    return collector.elements


def _lays_out(node: LexborNode) -> bool:
    """Whether a node is the table that sets a note beside its picture, as older stylesheets do."""
    return node.tag == "table" and node.parent is not None and _item_kind(node.parent) == "note"


def _item_kind(node: LexborNode) -> BlockKind | None:
    """Return the kind of block that a node is, or None where its own paragraphs are the blocks."""
    tag = node.tag
    if tag == "li":
        return "step" if node.parent is not None and node.parent.tag == "ol" else "bullet"
    if tag == "dd":
        return "bullet"
    if tag == "div" and _NOTE_CLASSES.intersection((node.attributes.get("class") or "").lower().split()):
        return "note"
    return None


_MARK = re.compile(r"(?:[-*+\u2022\u2013]|\d{1,2}[.)])\s+(?=\S)")
"""Begins an item of a list in plain text."""


def text_blocks(text: str) -> list[Element]:
    """Return the blocks of plain text; blank lines and marks of lists part them, a first short one without a full
    stop is a title."""
    collector = Collector()
    parts = [
        [line.strip() for line in part.splitlines() if line.strip()] for part in re.split(r"\n\s*\n", text)
    ]
    parts = [part for part in parts if part]
    first = " ".join(parts[0]) if parts else ""
    if (
        len(parts) > 1
        and len(first) <= 80
        and not first.endswith((".", "!", "?", ":"))
        and not _MARK.match(first)
    ):
        collector.heading(first, 0)
        parts.pop(0)
    for part in parts:
        _text_part(part, collector)
    return collector.elements


def _text_part(lines: list[str], collector: Collector) -> None:
    marks = [_MARK.match(line) for line in lines]
    # One mark inside a paragraph may be a dash or a date.
    if marks[0] is None and sum(mark is not None for mark in marks) < 2:
        collector.text(" ".join(lines))
        return
    items: list[tuple[BlockKind | None, list[str]]] = []
    for line, mark in zip(lines, marks, strict=True):
        if mark is None and items:
            items[-1][1].append(line)
        elif mark is None:
            items.append((None, [line]))
        else:
            items.append(("step" if mark[0].strip()[0].isdigit() else "bullet", [line[mark.end() :]]))
    for kind, texts in items:
        collector.text(" ".join(texts), kind)


def word_blocks(data: bytes) -> list[Element]:
    """Return the headings and paragraphs of a Word file (.docx); raises ValueError where it is none."""
    import io
    import zipfile
    import zlib

    import docx
    from docx.opc.exceptions import OpcError

    try:
        document = docx.Document(io.BytesIO(data))
    except (
        OpcError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        RuntimeError,
        KeyError,
        SyntaxError,
    ) as error:
        # lxml's XMLSyntaxError is a SyntaxError; a zip without Word's parts is a KeyError or an OpcError, a damaged one
        # any of the others
        raise ValueError(f"no Word file ({error})") from error
    collector = Collector()
    for paragraph in document.paragraphs:
        style = (paragraph.style.name if paragraph.style is not None else None) or ""
        kind, _, number = style.rpartition(" ")
        if style == "Title":
            collector.heading(paragraph.text, 0)
        elif kind == "Heading" and number.isdigit():
            collector.heading(paragraph.text, int(number))
        else:
            collector.text(paragraph.text, _word_kind(style, paragraph, document))
    return collector.elements


def _word_kind(style: str, paragraph: Paragraph, document: WordDocument) -> BlockKind | None:
    """Return "step" or "bullet" for a list item, None for other text: by its style, else by its numbering."""
    if style.startswith(("List Number", "List Bullet")):
        return "step" if style.startswith("List Number") else "bullet"
    numbers = paragraph._p.xpath("./w:pPr/w:numPr/w:numId/@w:val")
    if not numbers:
        return None
    levels = paragraph._p.xpath("./w:pPr/w:numPr/w:ilvl/@w:val") or ["0"]
    try:
        numbering = document.part.numbering_part.element
        abstract = numbering.xpath(f"./w:num[@w:numId={int(numbers[0])}]/w:abstractNumId/@w:val")
        path = f"./w:abstractNum[@w:abstractNumId={int(abstract[0])}]/w:lvl[@w:ilvl={int(levels[0])}]/w:numFmt/@w:val"
        formats = numbering.xpath(path)
    except (AttributeError, NotImplementedError, KeyError, IndexError, ValueError):
        return "bullet"  # a list, whose numbering is not in the file
    return "bullet" if not formats or formats[0] in ("bullet", "none") else "step"
