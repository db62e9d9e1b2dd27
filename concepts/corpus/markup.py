"""Markdown, HTML and plain text to a title and sections; layout is forgotten, prose stays.

List items and quotes are paragraphs, tables and code blocks are left out (they are no sentences).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from concepts.corpus.records import Section


@dataclass(frozen=True)
class Outline:
    """What a file says: its first top heading ("" if none) and its sections."""

    title: str
    sections: tuple[Section, ...]


class _Collector:
    """Gathers headings and paragraphs in reading order."""

    def __init__(self) -> None:
        self.title = ""
        self._sections: list[Section] = []
        self._heading = ""
        self._level = 1
        self._paragraphs: list[tuple[str, ...]] = []

    def heading(self, text: str, level: int) -> None:
        text = " ".join(text.split())
        if not self.title and not self._sections and not self._paragraphs and not self._heading:
            self.title = text
            return
        self._close()
        self._heading, self._level = text, max(level, 1)

    def paragraph(self, text: str) -> None:
        text = " ".join(text.split())
        if text:
            self._paragraphs.append((text,))

    def _close(self) -> None:
        if self._paragraphs:
            self._sections.append(Section(self._heading, tuple(self._paragraphs), self._level))
        self._paragraphs = []

    def outline(self) -> Outline:
        self._close()
        return Outline(self.title, tuple(self._sections))


def read_markdown(text: str) -> Outline:
    """Read CommonMark: headings open sections, front matter is skipped, code and HTML blocks too."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
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
    return collector.outline()


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


def read_html(text: str) -> Outline:
    """Read the body of an HTML page; navigation, scripts, tables and code blocks are left out."""
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
    outline = collector.outline()
    if not outline.title:
        title = tree.css_first("title")
        return Outline(" ".join(title.text().split()) if title is not None else "", outline.sections)
    return outline


def read_text(text: str) -> Outline:
    """Read plain text: blank lines part paragraphs, a first short line without a full stop is the title."""
    collector = _Collector()
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text)]
    blocks = [block for block in blocks if block]
    if len(blocks) > 1 and len(blocks[0]) <= 80 and not blocks[0].endswith((".", "!", "?", ":")):
        collector.heading(blocks.pop(0), 1)
    for block in blocks:
        collector.paragraph(block)
    return collector.outline()
