"""Markdown, HTML, Word and plain text to headings and paragraphs; layout is forgotten, prose stays.

List items and quotes are paragraphs, tables and code blocks are left out (they are no sentences).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from concepts.corpus.records import Section


@dataclass(frozen=True)
class Outline:
    """What a file says: its first top heading ("" if none) and its sections."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Block:
    """One heading or paragraph of a file."""

    text: str
    level: int | None
    """1 for a top heading, 0 for a title that is marked as such; None for a paragraph."""


class _Collector:
    """Gathers headings and paragraphs in reading order; empty ones are left out."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def heading(self, text: str, level: int) -> None:
        if text := " ".join(text.split()):
            self.blocks.append(Block(text, level))

    def paragraph(self, text: str) -> None:
        if text := " ".join(text.split()):
            self.blocks.append(Block(text, None))


def to_outline(blocks: Sequence[Block]) -> Outline:
    """Return the sections that have text; a heading before everything else is the title."""
    title = ""
    if blocks and blocks[0].level is not None:
        title, blocks = blocks[0].text, blocks[1:]
    sections: list[Section] = []
    heading, level, paragraphs = "", 1, list[tuple[str, ...]]()
    for block in (*blocks, Block("", 1)):
        if block.level is None:
            paragraphs.append((block.text,))
            continue
        if paragraphs:
            sections.append(Section(heading, tuple(paragraphs), level))
        heading, level, paragraphs = block.text, max(block.level, 1), []
    return Outline(title, tuple(sections))


def read_markdown(text: str) -> Outline:
    """Read CommonMark: headings open sections, front matter is skipped, code and HTML blocks too."""
    return to_outline(markdown_blocks(text))


def read_html(text: str) -> Outline:
    """Read the body of an HTML page; navigation, scripts, tables and code blocks are left out."""
    return to_outline(html_blocks(text))


def read_text(text: str) -> Outline:
    """Read plain text: blank lines part paragraphs, a first short line without a full stop is the title."""
    return to_outline(text_blocks(text))


def markdown_blocks(text: str) -> list[Block]:
    """Return the headings and paragraphs of CommonMark; front matter, code and HTML blocks are skipped."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\r?\n.*?\n---\r?\n", "", text, flags=re.DOTALL)
    collector = _Collector()
    level: int | None = None
    in_table = 0
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type in ("table_open", "table_close"):
            in_table += 1 if token.type == "table_open" else -1
        elif token.type == "inline" and not in_table:
            words = "".join(
                " " if child.type in ("softbreak", "hardbreak") else child.content
                for child in token.children or ()
                if child.type in ("text", "code_inline", "softbreak", "hardbreak")
            )
            if level is not None:
                collector.heading(words, level)
                level = None
            else:
                collector.paragraph(words)
    return collector.blocks


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


def html_blocks(text: str) -> list[Block]:
    """Return the headings and paragraphs of a page's body, under its title where no heading comes first."""
    from selectolax.lexbor import LexborHTMLParser, LexborNode

    tree = LexborHTMLParser(text)
    collector = _Collector()
    words: list[str] = []

    def flush() -> None:
        collector.paragraph("".join(words))
        words.clear()

    # An explicit stack: pages with thousands of nested tags would exhaust recursion.
    stack: list[tuple[LexborNode | None, bool]] = [(tree.body, False)]
    while stack:
        node, leaving = stack.pop()
        if node is None:
            continue
        tag = node.tag or ""
        if leaving:
            flush()
            continue
        if tag == "-text":
            words.append(node.text_content or "")
            continue
        if tag in _SKIPPED_TAGS or tag.startswith(("_", "!", "-")):
            continue
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            flush()
            collector.heading(node.text(deep=True), int(tag[1]))
            continue
        if tag in _BLOCK_TAGS:
            flush()
            stack.append((node, True))
        children: list[LexborNode] = []
        child = node.child
        while child is not None:
            children.append(child)
            child = child.next
        stack += [(child, False) for child in reversed(children)]
    flush()
    blocks = collector.blocks
    title = tree.css_first("title")
    if title is not None and title.text().strip() and not (blocks and blocks[0].level is not None):
        blocks.insert(0, Block(" ".join(title.text().split()), 0))
    return blocks


def text_blocks(text: str) -> list[Block]:
    """Return the paragraphs of plain text; blank lines part them, a first short one without a full stop is a
    title."""
    collector = _Collector()
    parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    parts = [part for part in parts if part]
    if len(parts) > 1 and len(parts[0]) <= 80 and not parts[0].endswith((".", "!", "?", ":")):
        collector.heading(parts.pop(0), 0)
    for part in parts:
        collector.paragraph(part)
    return collector.blocks


def word_blocks(data: bytes) -> list[Block]:
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
    collector = _Collector()
    for paragraph in document.paragraphs:
        style = (paragraph.style.name if paragraph.style is not None else None) or ""
        kind, _, number = style.rpartition(" ")
        if style == "Title":
            collector.heading(paragraph.text, 0)
        elif kind == "Heading" and number.isdigit():
            collector.heading(paragraph.text, int(number))
        else:
            collector.paragraph(paragraph.text)
    return collector.blocks
