"""HTML to headings and blocks of text: the visible main text of a page, without its furniture.

Markdown is read here too (markdown.py converts it to HTML), so that one module decides what counts as text.
trafilatura and readability were tried on pages of documentation: the first lost captions and kept permalinks, the
second lost the page's header with its first line, and neither reports what it left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from concepts.corpus.readers.dialects import is_remark
from concepts.corpus.readers.elements import Collector, Element
from concepts.corpus.readers.html.furniture import is_cookie_banner, name_of_furniture
from concepts.corpus.readers.html.nodes import (
    BLOCK_TAGS,
    COUNTED_TAGS,
    NOTE_CLASSES,
    PERMALINK_CLASSES,
    SILENT_TAGS,
    ancestors_of,
    children_of,
    classes_of,
    element_after,
    element_before,
    has_epub_type,
    has_words,
    heading_level,
    heading_text,
    is_bare_anchor,
    is_contents_line,
    is_hidden,
    is_inside,
    is_list_of_contents,
    is_page_break,
    is_reference,
    item_kind,
    lays_out,
    leads_to_top,
    name_of_surrounding,
    own_name,
    text_of,
)
from concepts.corpus.readers.prose import looks_like_prose
from concepts.corpus.readers.reading import Metadata, NestingError, Reading
from concepts.corpus.readers.typed import typed_lines, typed_structure
from concepts.corpus.readers.verse import LINE_BREAK, are_verse, split_stanzas
from concepts.corpus.records import BlockKind

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_NO_FURNITURE = frozenset(
    ("html", "body", "main", "article", "h1", "h2", "h3", "h4", "h5", "h6", "li", "tr", "td")
)
"""Tags that are never furniture: their classes often describe the whole page."""
_STRONG_TAGS = frozenset(("b", "strong"))
_ALWAYS_COUNTED = frozenset(("img", "svg", "picture", "video", "audio", "iframe", "object", "canvas", "math"))
"""Tags that are counted as left out even without words."""
_PAGE_PARTS = ("article", "main", "section", "blockquote")
"""Tags inside which a header or footer belongs to the text, not to the page."""
_TITLE_OF_NOTE = frozenset(("admonition-title", "markdown-alert-title"))
_CONTENTS_HEADING = re.compile(
    r"(?:table of )?contents?|toc|on this page|in this (?:article|guide)|inhalt(?:sverzeichnis|sübersicht)?|"
    r"sommaire|table des matières|índice|contenidos?|tabla de contenidos?",
    re.IGNORECASE,
)
_CONTENTS_MARK = re.compile(r"\[\[?_?toc_?\]?\]|\{:toc\}|\.\. contents::", re.IGNORECASE)
_ALERT = re.compile(r"\s*\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION|INFO|DANGER|HINT)\][-+]?\s*", re.IGNORECASE)
_SITE_NAME = re.compile(r"\s+[|\u2013\u2014\u00b7:-]{1,2}\s+")
VERSE_CLASS = "verse"
"""Class of a paragraph whose lines are verse, however long; our own pages have it."""
RUNNING_CLASS = "running"
"""Class of a paragraph whose line breaks say nothing; the reader of Markdown sets it."""
_VERSE_TAGS = ("p", "address")
_LONGEST_SITE_NAME = 60
MAX_NESTING = 2000
"""Browsers accept 512 levels. The parser scans all open tags at each new one: 200,000 levels take minutes."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)(?:[^<>]*(/)(?=>))?")
_XHTML = re.compile(
    r"<\?xml\b|xmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml|-//W3C//DTD XHTML", re.IGNORECASE
)
_HEAD_CHARS = 4_096
_SELF_CLOSED = re.compile(r"<([a-zA-Z][\w:-]*)((?:\s[^<>]*)?)/>")
_VOID_TAGS = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905
_CLOSES_ITSELF = frozenset(
    """
    a area base body br button col colgroup dd dt embed form h1 h2 h3 h4 h5 h6 head hr html img input li link meta
    nobr optgroup option p param rp rt source tbody td tfoot th thead tr track wbr
    """.split()  # noqa: SIM905
)
"""Tags with optional end tags: an open one before a new one is not nesting."""


def read_html(text: str, *, is_markdown: bool = False) -> Reading:
    """Read a page; its <title> is metadata, since it is written for the browser's tab.

    `is_markdown`: the page was made from Markdown, so an <aside> is the author's and typed marks are read already.

    Raises NestingError for tags that are nested deeper than `MAX_NESTING`.
    """
    from selectolax.lexbor import LexborHTMLParser

    _check_nesting(text)
    if _XHTML.search(text[:_HEAD_CHARS]) is not None:
        text = _SELF_CLOSED.sub(_closed, text)
    tree = LexborHTMLParser(text)
    walk = _Walk(tree.body, is_markdown=is_markdown, has_verse=True)
    elements = typed_structure(walk.collector.elements, has_marks=not is_markdown)
    title = tree.css_first("title")
    root = tree.css_first("html")
    attributes = root.attributes if root is not None else {}
    metadata = Metadata(
        title=_page_title("" if title is None else title.text(), elements),
        author=_meta(tree.css("meta"), "author", "article:author", "dc.creator"),
        lang=attributes.get("lang") or attributes.get("xml:lang") or "",
        date=_meta(tree.css("meta"), "date", "article:published_time", "dc.date"),
    )
    return Reading(elements=elements, metadata=metadata, left_out=walk.left_out)


def _closed(found: re.Match[str]) -> str:
    """Return an empty XHTML element as HTML: in HTML `<span/>` opens an element that swallows the rest of the page."""
    return found.group() if found[1].lower() in _VOID_TAGS else f"<{found[1]}{found[2]}></{found[1]}>"


def _check_nesting(text: str) -> None:
    stack: list[str] = []
    num_open: Counter[str] = Counter()
    for found in _TAG.finditer(text):
        tag = found[2].lower()
        if tag in _CLOSES_ITSELF or (found[3] and (num_open["svg"] or num_open["math"])):
            continue
        if not found[1]:
            stack.append(tag)
            num_open[tag] += 1
            if len(stack) > MAX_NESTING:
                raise NestingError(
                    f"its tags are nested deeper than {MAX_NESTING:,}; copy its text from the browser into a "
                    ".txt file, and give that file"
                )
        elif num_open[tag]:
            # An end tag also closes the open tags inside its element.
            while stack:
                num_open[stack[-1]] -= 1
                if stack.pop() == tag:
                    break


def node_elements(body: LexborNode | None) -> list[Element]:
    """Return the headings and blocks of text below a node of a manual's page; its hidden text counts, since scripts
    show it, and it has no verse."""
    if body is not None:
        for node in body.css("[hidden]"):
            del node.attrs["hidden"]
    return _Walk(body).collector.elements


def _page_title(title: str, elements: Sequence[Element]) -> str:
    """Return a page's <title> without the site's name, if a heading or the length tells them apart."""
    title = " ".join(title.split())
    parts = _SITE_NAME.split(title)
    headings = {element.text.casefold() for element in elements if element.level is not None}
    for part in parts:
        if part.casefold() in headings:
            return part
    return parts[0] if len(parts) > 1 and len(title) > _LONGEST_SITE_NAME else title


def _meta(nodes: list[LexborNode], *names: str) -> str:
    for node in nodes:
        name = (node.attributes.get("name") or node.attributes.get("property") or "").lower()
        if name in names and (content := node.attributes.get("content")):
            return " ".join(content.split())
    return ""


class _Walk:
    """One pass over a page in the order of its text."""

    def __init__(
        self, body: LexborNode | None, *, is_markdown: bool = False, has_verse: bool = False
    ) -> None:
        self.collector = Collector()
        self._is_markdown = is_markdown
        self._has_verse = has_verse
        self._num_strong = 0
        """Number of open bold elements."""
        self._has_plain = False
        """Whether the current block has words that are not bold."""
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._term = ""
        self._notes: dict[str, str] = {}
        """Text of each footnote by the name of its anchor."""
        self._due: list[str] = []
        """Footnotes referred to in the current block or list."""
        self._open: list[BlockKind] = []
        """Open list items and notes."""
        self._num_words: int | None = None
        if body is not None:
            self._body = body
            self._num_top_headings = len(body.css("h1"))
            self._main = self._find_main(body)
            self._gather_notes(body)
            self._run(self._main)
            self._finish(body)

    def _find_main(self, body: LexborNode) -> LexborNode:
        for selector in ("main, [role=main]", "article"):
            nodes = [node for node in body.css(selector) if not is_hidden(node)]
            if len(nodes) != 1 or nodes[0].css_first("h1, h2, h3, p, li") is None:
                continue
            if selector != "article" or not self._is_small(nodes[0]):
                return nodes[0]
        return body

    def _gather_notes(self, body: LexborNode) -> None:
        self._pair_anchors(body)
        for node in body.css("aside, div, section, li, p"):
            if has_epub_type(node, "footnote", "endnote", "rearnote") and (name := node.attributes.get("id")):
                self._notes[name] = " ".join(text_of(node).split())
                node.attrs["role"] = "doc-endnotes"
        for block in body.css(".footnotes, [role=doc-endnotes], ol.references"):
            for node in block.css("[id]"):
                name = node.attributes.get("id") or ""
                if node.tag in ("li", "p", "aside", "div") and name and name not in self._notes:
                    self._notes[name] = " ".join(text_of(node).split())

    def _pair_anchors(self, body: LexborNode) -> None:
        """Find notes by pairs of links to each other, as word processors write them: [1] in the text, [1] below."""
        anchors: dict[str, LexborNode] = {}
        for link in body.css("a[href^='#'][id], a[href^='#'][name]"):
            own, there = own_name(link), (link.attributes.get("href") or "")[1:]
            first = anchors.get(there)
            if first is None or (first.attributes.get("href") or "")[1:] != own:
                anchors.setdefault(own, link)
                continue
            block = link.parent
            while block is not None and block.tag not in ("p", "li", "aside", "div", "body"):
                block = block.parent
            if block is None or block.tag == "body" or is_inside(first, block):
                continue
            link.attrs["role"] = "doc-backlink"
            first.attrs["role"] = "doc-noteref"
            text = " ".join(text_of(block).split())
            block.attrs["role"] = "doc-endnotes"
            if own.startswith("cmnt"):
                self.left_out["comment"] += 1
            elif own and own not in self._notes:
                self._notes[own] = text

    def _finish(self, body: LexborNode) -> None:
        self._due += [text for text in self._notes.values() if text]
        self._notes.clear()
        self._say_notes()
        if self._main is body:
            return
        # Text around the main part belongs to the site, but a heading above it is the page's.
        top = next((node for node in body.css("h1") if not is_inside(node, self._main)), None)
        elements = self.collector.elements
        if top is not None and not any(element.level == 1 for element in elements):
            elements.insert(0, Element(heading_text(top), 1))
        for child in children_of(body):
            if child.tag == "-text" or is_inside(self._main, child):
                continue
            if has_words(child) and (child.tag or "") not in SILENT_TAGS:
                self.left_out[name_of_surrounding(child)] += 1

    def _run(self, root: LexborNode) -> None:
        # An explicit stack: pages with thousands of nested tags would exhaust recursion.
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
                continue
            if not self._enter(node):
                continue
            stack.append((node, True))
            stack += [(child, False) for child in reversed(list(children_of(node)))]
        self._flush()
        self._say_notes()

    def _enter(self, node: LexborNode) -> bool:
        """Read a node's own content; return whether to visit its children."""
        tag = node.tag or ""
        if tag == "-text":
            self._words.append(node.text_content or "")
            self._has_plain |= not self._num_strong and bool((node.text_content or "").strip(" \t\n:"))
            return False
        if tag == "br":
            self._words.append(LINE_BREAK)
            return False
        if tag == "-comment" and not self._is_markdown:  # the reader of Markdown has counted them
            self.left_out["comment"] += is_remark(node.comment_content or "")
        if tag in SILENT_TAGS or tag.startswith(("_", "!", "-")):
            return False
        classes = classes_of(node)
        if classes & PERMALINK_CLASSES or is_bare_anchor(node):
            return False
        if is_reference(node, classes):
            self._refer(node)
            return False
        if classes & _TITLE_OF_NOTE and node.text(deep=True).strip().casefold() in NOTE_CLASSES:
            return False
        name = self._name_if_left_out(node, tag, classes)
        if name is not None:
            if name and (tag in _ALWAYS_COUNTED or has_words(node)):
                self.left_out[name] += 1
            return False
        level = heading_level(node, tag)
        if level is not None:
            self._flush()
            self._say_notes()
            for inner in node.css("img"):
                if not inner.attributes.get("alt"):
                    self.left_out["picture"] += 1
            self.left_out["button"] += sum(map(has_words, node.css("button")))
            if self._open and self._open[-1] == "note":
                self.collector.text(heading_text(node))  # the note's own title
            else:
                self.collector.heading(heading_text(node), level)
            return False
        if tag == "dt":
            self._flush()
            self._term = text_of(node)
            return False
        if tag == "q":
            self._words.append('"')
        self._num_strong += tag in _STRONG_TAGS
        kind = self._kind(node)
        if tag in BLOCK_TAGS or kind is not None:
            self._flush()
        if kind is not None:
            self._open.append(kind)
            self.collector.open(kind, self._term if tag == "dd" else "")
            self._term = ""
        return True

    def _leave(self, node: LexborNode) -> None:
        if node.tag == "q":
            self._words.append('"')
        self._num_strong -= node.tag in _STRONG_TAGS
        kind = self._kind(node)
        if (node.tag or "") in BLOCK_TAGS or kind is not None:
            self._flush(node)
        if kind is not None:
            self.collector.close()
            self._open.pop()
        if node.tag in ("ul", "ol", "dl", "menu", "p", "div") and not self._open:
            self._say_notes()

    def _kind(self, node: LexborNode) -> BlockKind | None:
        return "note" if self._is_markdown and node.tag == "aside" else item_kind(node)

    def _name_if_left_out(self, node: LexborNode, tag: str, classes: frozenset[str]) -> str | None:
        """Return the name under which a node is left out, "" for one that is not counted, None for text."""
        attributes = node.attributes
        role = (attributes.get("role") or "").lower()
        own = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        if "footnotes" in classes or role == "doc-endnotes" or (tag == "ol" and "references" in classes):
            return ""  # said where they are referred to
        if "footnotes-sep" in classes:
            return ""
        if is_cookie_banner(own) and tag in ("div", "section", "aside", "dialog", "footer", "form"):
            return "cookie banner"
        if is_hidden(node):
            return "hidden passage"
        if is_list_of_contents(node, tag, own, role):
            self._flush()
            self._drop_contents_heading()
            return "contents list"
        if is_contents_line(node):
            if is_contents_line(element_before(node)):
                return ""  # counted with the first one
            if is_contents_line(element_after(node)):
                self._flush()
                self._drop_contents_heading()
                return "contents list"
        if role in ("navigation", "search"):
            return "navigation list"
        furniture = None if tag in _NO_FURNITURE else name_of_furniture(own)
        if furniture is None and is_page_break(node):
            furniture = "page number"
        if furniture is not None and self._is_small(node):
            return furniture
        if tag in ("header", "footer") and role != "main":
            if any(ancestor in _PAGE_PARTS for ancestor in ancestors_of(node)):
                return None
            return None if tag == "header" and self._has_only_heading(node) else f"page {tag}"
        if tag == "table":
            return None if lays_out(node) else "table"
        if tag == "pre":
            return None if looks_like_prose(node.text(deep=True)) else "code block"
        if tag == "aside" and (self._is_markdown or classes & NOTE_CLASSES):
            return None
        if tag in ("p", "div") and leads_to_top(node):
            return "navigation list"
        if tag == "form":
            return None if node.css_first("h1, h2, h3, p, article, main") is not None else "form"
        if tag == "label" and "form" in set(ancestors_of(node)):
            return "form field"
        return COUNTED_TAGS.get(tag)

    def _is_small(self, node: LexborNode) -> bool:
        """Whether a node has at most half of the page's words."""
        if self._num_words is None:
            self._num_words = len(text_of(self._body).split())
        return len(text_of(node).split()) * 2 <= self._num_words

    def _has_only_heading(self, node: LexborNode) -> bool:
        """Whether a page's header holds its only top heading."""
        num = len(node.css("h1"))
        return num > 0 and num == self._num_top_headings

    def _drop_contents_heading(self) -> None:
        elements = self.collector.elements
        while elements and _CONTENTS_HEADING.fullmatch(elements[-1].text.strip(" :")):
            elements.pop()

    def _refer(self, node: LexborNode) -> None:
        for link in (node, *node.css("a")):
            href = link.attributes.get("href") or ""
            text = self._notes.pop(href[1:], None) if href.startswith("#") else None
            if text:
                self._due.append(text)

    def _flush(self, ended: LexborNode | None = None) -> None:
        """Add the text so far as blocks; `ended` is the element that ends with it, None where another one begins."""
        text = "".join(self._words)
        self._words.clear()
        is_strong, self._has_plain = not self._has_plain, False
        if not text.strip():
            return
        if _CONTENTS_MARK.fullmatch(text.strip()):
            self._drop_contents_heading()
            self.left_out["contents list"] += 1
            return
        lays_lines = self._has_verse and not self._open and ended is not None and ended.tag in _VERSE_TAGS
        classes = classes_of(ended) if ended is not None and lays_lines else frozenset()
        for lines in split_stanzas(text):
            is_verse = VERSE_CLASS in classes or (
                RUNNING_CLASS not in classes
                and not is_strong
                and _ALERT.match(lines[0]) is None
                and are_verse(lines)
            )
            if lays_lines and is_verse:
                self.collector.verse(lines)
            else:
                self._say_lines(lines, is_strong=is_strong)

    def _say_lines(self, lines: list[str], *, is_strong: bool) -> None:
        for part, kind in _join_lines(lines):
            alert = _ALERT.match(part)
            part = part[alert.end() :] if alert else part
            self.collector.text(part, "note" if alert else kind, is_strong=is_strong)

    def _say_notes(self) -> None:
        if self._open:
            return
        due, self._due = self._due, []
        for text in due:
            self.collector.text(text, "note")


def _join_lines(lines: list[str]) -> list[tuple[str, BlockKind | None]]:
    """Return the lines between <br> as blocks, with their kinds if they were typed as a list.

    Three or more lines without an end mark stay lines; otherwise they are one paragraph.
    """
    typed = typed_lines(lines)
    if typed is not None:
        return [(line, None if kind == "paragraph" else kind) for line, kind in typed]
    are_lines = len(lines) > 2 and not any(
        line.endswith((".", "!", "?", ",", ";", ":")) for line in lines[:-1]
    )
    return [(line, None) for line in lines] if are_lines else [(" ".join(lines), None)]
