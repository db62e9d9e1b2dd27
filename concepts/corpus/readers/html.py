"""HTML to headings and blocks of text: what a reader of the page sees, without what surrounds the text.

Markdown is read through here too (markdown.py makes HTML of it), so there is one place that decides what is text.
trafilatura and readability were tried on pages of documentation: the first lost captions and kept permalinks, the
second lost the page's header with its first line, and neither says what it left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from concepts.corpus.readers.elements import Collector, Element
from concepts.corpus.readers.prose import looks_like_prose
from concepts.corpus.readers.reading import Metadata, Reading
from concepts.corpus.readers.typed import typed_lines, typed_structure
from concepts.corpus.records import BlockKind

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_SILENT_TAGS = frozenset(
    (
        "script",
        "style",
        "template",
        "head",
        "link",
        "meta",
        "input",
        "wbr",
        "rt",
        "rp",
        "col",
        "colgroup",
        "datalist",
    )
)
"""What shows no text of its own."""
_COUNTED_TAGS = {
    "nav": "navigation list",
    "table": "table",
    "pre": "code block",
    "img": "picture",
    "svg": "picture",
    "picture": "picture",
    "video": "video",
    "audio": "recording",
    "iframe": "embedded page",
    "object": "embedded page",
    "canvas": "picture",
    "math": "formula",
    "aside": "aside",
    "noscript": "hidden passage",
    "textarea": "form field",
    "select": "form field",
    "button": "button",
    "del": "struck-out passage",
    "s": "struck-out passage",
    "strike": "struck-out passage",
}
_STRONG_TAGS = frozenset(("b", "strong"))
_ALWAYS_COUNTED = frozenset(("img", "svg", "picture", "video", "audio", "iframe", "object", "canvas", "math"))
"""Left out by name even where they hold no words."""
_BLOCK_TAGS = frozenset(
    """
    p li dt dd blockquote div section article main body ul ol dl hr html summary details address center figure
    figcaption header footer form fieldset legend table tbody thead tfoot tr td th caption pre hgroup menu label
    """.split()  # noqa: SIM905  # a list of tags reads better so
)
_PAGE_PARTS = ("article", "main", "section", "blockquote")
"""Inside these a header or footer is the text's own, not the page's."""
_NOTE_CLASSES = frozenset(
    (
        "note",
        "tip",
        "hint",
        "important",
        "warning",
        "caution",
        "danger",
        "admonition",
        "notice",
        "markdown-alert",
    )
)
_TITLE_OF_NOTE = frozenset(("admonition-title", "markdown-alert-title"))
_PERMALINK_CLASSES = frozenset(
    (
        "headerlink",
        "anchor",
        "permalink",
        "footnote-backref",
        "mw-editsection",
        "anchorjs-link",
        "hash-link",
        "heading-link",
    )
)
_REFERENCE_CLASSES = frozenset(("footnote-ref", "reference", "noteref"))
_HIDDEN_CLASSES = frozenset(
    ("sr-only", "visually-hidden", "screen-reader-text", "hidden", "d-none", "is-hidden")
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])"
)
_COOKIES = re.compile(r"(?:^|[\s_-])(?:cookie|consent|gdpr|onetrust)", re.IGNORECASE)
_CONTENTS_NAME = re.compile(
    r"(?:^|[\s_-])(?:toc|table-?of-?contents|contents-list)(?:$|[\s_-])", re.IGNORECASE
)
_NAVIGATION_NAME = re.compile(
    r"(?:^|\s)(?:nav|navbar|navigation|menu|main-menu|sidebar|breadcrumbs?|pagination|pager|site-header|site-footer|"
    r"skip-link|skip-to-content|share-buttons|social-links)(?:$|\s)",
    re.IGNORECASE,
)
_CONTENTS_HEADING = re.compile(
    r"(?:table of )?contents?|toc|on this page|in this (?:article|guide)|inhalt(?:sverzeichnis|sübersicht)?|"
    r"sommaire|table des matières|índice|contenidos?|tabla de contenidos?",
    re.IGNORECASE,
)
_CONTENTS_MARK = re.compile(r"\[\[?_?toc_?\]?\]|\{:toc\}|\.\. contents::", re.IGNORECASE)
_PERMALINK_END = re.compile(r"\s*[\u00b6\u00a7\U0001f517](?:\ufe0f)?\s*$")
_ALERT = re.compile(r"\s*\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION|INFO|DANGER|HINT)\][-+]?\s*", re.IGNORECASE)
_SITE_NAME = re.compile(r"\s+[|\u2013\u2014\u00b7:-]{1,2}\s+")
_LINE_BREAK = "\u2028"
_LONGEST_SITE_NAME = 60
MAX_NESTING = 2000
"""Browsers take 512 levels. The parser looks through all open tags at each new one: 200,000 levels take minutes."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)(?:[^<>]*(/)(?=>))?")
_CLOSES_ITSELF = frozenset(
    """
    a area base body br button col colgroup dd dt embed form h1 h2 h3 h4 h5 h6 head hr html img input li link meta
    nobr optgroup option p param rp rt source tbody td tfoot th thead tr track wbr
    """.split()  # noqa: SIM905
)
"""Without an end tag, or often written without one: these do not nest because they were left open."""


def read_html(text: str, *, is_markdown: bool = False) -> Reading:
    """Return what a page says; its <title> is metadata, for it is written for the browser's tab.

    `is_markdown` says that the page was made of Markdown: an <aside> is the author's there, and marks are read already.

    Raises ValueError for tags that are nested deeper than `MAX_NESTING`.
    """
    from selectolax.lexbor import LexborHTMLParser

    _check_nesting(text)
    tree = LexborHTMLParser(text)
    walk = _Walk(tree.body, is_markdown=is_markdown)
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
                raise ValueError(f"tags are nested deeper than {MAX_NESTING}")
        elif num_open[tag]:
            # What was left open inside it is closed with it.
            while stack:
                num_open[stack[-1]] -= 1
                if stack.pop() == tag:
                    break


def node_elements(body: LexborNode | None) -> list[Element]:
    """Return the headings and blocks of text below a node of a parsed page of a manual, whose scripts show hidden
    text."""
    if body is not None:
        for node in body.css("[hidden]"):
            del node.attrs["hidden"]
    return _Walk(body).collector.elements


def _page_title(title: str, elements: Sequence[Element]) -> str:
    """Return a page's <title> without the name of the site where a heading or its length tells them apart."""
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

    def __init__(self, body: LexborNode | None, *, is_markdown: bool = False) -> None:
        self.collector = Collector()
        self._is_markdown = is_markdown
        self._num_strong = 0
        """Bold elements that are open."""
        self._has_plain = False
        """Whether the block at hand has words that are not bold."""
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._term = ""
        self._notes: dict[str, str] = {}
        """Text of each footnote by the name of its anchor."""
        self._due: list[str] = []
        """Footnotes that are referred to in the block or list at hand."""
        self._open: list[BlockKind] = []
        """List items and notes that are open."""
        if body is not None:
            self._main = self._find_main(body)
            self._gather_notes(body)
            self._run(self._main)
            self._finish(body)

    def _find_main(self, body: LexborNode) -> LexborNode:
        mains = [node for node in body.css("main, [role=main]") if not _is_hidden(node)]
        if len(mains) != 1 or mains[0].css_first("h1, h2, h3, p, li") is None:
            return body
        return mains[0]

    def _gather_notes(self, body: LexborNode) -> None:
        for block in body.css(".footnotes, [role=doc-endnotes], ol.references"):
            for node in block.css("[id]"):
                name = node.attributes.get("id") or ""
                if node.tag in ("li", "p", "aside", "div") and name and name not in self._notes:
                    self._notes[name] = " ".join(_text_of(node).split())

    def _finish(self, body: LexborNode) -> None:
        self._due += [text for text in self._notes.values() if text]
        self._notes.clear()
        self._say_notes()
        if self._main is body:
            return
        # Around the main part stands what belongs to the site; a heading above it is the page's.
        top = next((node for node in body.css("h1") if not _is_inside(node, self._main)), None)
        elements = self.collector.elements
        if top is not None and not any(element.level == 1 for element in elements):
            elements.insert(0, Element(_heading_text(top), 1))
        for child in _children(body):
            if child.tag == "-text" or _is_inside(self._main, child):
                continue
            if _has_words(child) and (child.tag or "") not in _SILENT_TAGS:
                self.left_out[_name_of_surrounding(child)] += 1

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
            stack += [(child, False) for child in reversed(list(_children(node)))]
        self._flush()
        self._say_notes()

    def _enter(self, node: LexborNode) -> bool:
        """Take what a node says itself; return whether to go into it."""
        tag = node.tag or ""
        if tag == "-text":
            self._words.append(node.text_content or "")
            self._has_plain |= not self._num_strong and bool((node.text_content or "").strip(" \t\n:"))
            return False
        if tag == "br":
            self._words.append(_LINE_BREAK)
            return False
        if tag in _SILENT_TAGS or tag.startswith(("_", "!", "-")):
            return False
        classes = _classes(node)
        if classes & _PERMALINK_CLASSES or _is_bare_anchor(node):
            return False
        if _is_reference(node, classes):
            self._refer(node)
            return False
        if classes & _TITLE_OF_NOTE and node.text(deep=True).strip().casefold() in _NOTE_CLASSES:
            return False
        name = self._name_if_left_out(node, tag, classes)
        if name is not None:
            if name and (tag in _ALWAYS_COUNTED or _has_words(node)):
                self.left_out[name] += 1
            return False
        level = _heading_level(node, tag)
        if level is not None:
            self._flush()
            self._say_notes()
            for inner in node.css("img"):
                if not inner.attributes.get("alt"):
                    self.left_out["picture"] += 1
            if self._open and self._open[-1] == "note":
                self.collector.text(_heading_text(node))  # the note's own title
            else:
                self.collector.heading(_heading_text(node), level)
            return False
        if tag == "dt":
            self._flush()
            self._term = _text_of(node)
            return False
        if tag == "q":
            self._words.append('"')
        self._num_strong += tag in _STRONG_TAGS
        kind = self._kind(node)
        if tag in _BLOCK_TAGS or kind is not None:
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
        if (node.tag or "") in _BLOCK_TAGS or kind is not None:
            self._flush()
        if kind is not None:
            self.collector.close()
            self._open.pop()
        if node.tag in ("ul", "ol", "dl", "menu", "p", "div") and not self._open:
            self._say_notes()

    def _kind(self, node: LexborNode) -> BlockKind | None:
        return "note" if self._is_markdown and node.tag == "aside" else _item_kind(node)

    def _name_if_left_out(self, node: LexborNode, tag: str, classes: frozenset[str]) -> str | None:
        """Return by which name a node is left out, "" for one without a word of its own, None for text."""
        attributes = node.attributes
        role = (attributes.get("role") or "").lower()
        own = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        if "footnotes" in classes or role == "doc-endnotes" or (tag == "ol" and "references" in classes):
            return ""  # said where they are referred to
        if "footnotes-sep" in classes:
            return ""
        if _COOKIES.search(own) and tag in ("div", "section", "aside", "dialog", "footer", "form"):
            return "cookie banner"
        if _is_hidden(node):
            return "hidden passage"
        if _is_contents(node, tag, own, role):
            self._flush()
            self._drop_contents_heading()
            return "contents list"
        if role in ("navigation", "search") or (
            tag in ("div", "ul", "section", "a", "p") and _NAVIGATION_NAME.search(own)
        ):
            return "navigation list"
        if tag in ("header", "footer") and role != "main":
            if any(ancestor in _PAGE_PARTS for ancestor in _ancestors(node)):
                return None
            return None if tag == "header" and node.css_first("h1") is not None else f"page {tag}"
        if tag == "table":
            return None if _lays_out(node) else "table"
        if tag == "pre":
            return None if looks_like_prose(node.text(deep=True)) else "code block"
        if tag == "aside" and (self._is_markdown or classes & _NOTE_CLASSES):
            return None
        if tag == "form":
            return None if node.css_first("h1, h2, h3, p, article, main") is not None else "form"
        if tag == "label" and "form" in set(_ancestors(node)):
            return "form field"
        return _COUNTED_TAGS.get(tag)

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

    def _flush(self) -> None:
        text = "".join(self._words)
        self._words.clear()
        is_strong, self._has_plain = not self._has_plain, False
        if not text.strip():
            return
        if _CONTENTS_MARK.fullmatch(text.strip()):
            self._drop_contents_heading()
            self.left_out["contents list"] += 1
            return
        for part, kind in _split_lines(text):
            alert = _ALERT.match(part)
            part = part[alert.end() :] if alert else part
            self.collector.text(part, "note" if alert else kind, is_strong=is_strong)

    def _say_notes(self) -> None:
        if self._open:
            return
        due, self._due = self._due, []
        for text in due:
            self.collector.text(text, "note")


def _split_lines(text: str) -> list[tuple[str, BlockKind | None]]:
    """Return the lines that <br> makes, with their kinds where they were typed as a list.

    Three and more that end without a mark are lines, others are one paragraph.
    """
    if _LINE_BREAK not in text:
        return [(text, None)]
    # An empty line between two breaks parts paragraphs.
    found: list[tuple[str, BlockKind | None]] = []
    for paragraph in re.split(rf"{_LINE_BREAK}\s*{_LINE_BREAK}", text):
        lines = [line.strip() for line in paragraph.split(_LINE_BREAK) if line.strip()]
        typed = typed_lines(lines)
        if typed is not None:
            found += [(line, None if kind == "paragraph" else kind) for line, kind in typed]
            continue
        are_lines = len(lines) > 2 and not any(
            line.endswith((".", "!", "?", ",", ";", ":")) for line in lines[:-1]
        )
        found += [(line, None) for line in lines] if are_lines else [(" ".join(lines), None)]
    return found


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


def _ancestors(node: LexborNode) -> Iterator[str]:
    parent = node.parent
    while parent is not None:
        yield parent.tag or ""
        parent = parent.parent


def _is_inside(node: LexborNode, outer: LexborNode) -> bool:
    current: LexborNode | None = node
    while current is not None:
        if current == outer:
            return True
        current = current.parent
    return False


def _classes(node: LexborNode) -> frozenset[str]:
    return frozenset((node.attributes.get("class") or "").lower().split())


def _has_words(node: LexborNode) -> bool:
    return any(char.isalnum() for char in _text_of(node))


def _text_of(node: LexborNode) -> str:
    """Return the text of a node without permalinks, scripts and what is hidden."""
    words: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current.tag or ""
        if tag == "-text":
            words.append(current.text_content or "")
            continue
        if tag == "br":
            words.append(" ")
            continue
        if current is not node:
            if tag in _SILENT_TAGS or tag.startswith(("_", "!", "-")):
                continue
            classes = _classes(current)
            if classes & _PERMALINK_CLASSES or _is_bare_anchor(current) or _is_reference(current, classes):
                continue
            if _is_hidden(current):
                continue
        if tag in _BLOCK_TAGS:
            words.append(" ")
        stack += reversed(list(_children(current)))
    return "".join(words)


def _heading_text(node: LexborNode) -> str:
    text = _text_of(node)
    if not text.strip():
        text = " ".join(image.attributes.get("alt") or "" for image in node.css("img"))
    return _PERMALINK_END.sub("", " ".join(text.split()))


def _heading_level(node: LexborNode, tag: str) -> int | None:
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return int(tag[1])
    if (node.attributes.get("role") or "") == "heading":
        level = node.attributes.get("aria-level") or "2"
        return int(level) if level.isdecimal() and 0 < int(level) < 10 else 2
    return None


def _is_bare_anchor(node: LexborNode) -> bool:
    """Whether a node is a link to its own place that shows a sign ("¶", "#") and no word."""
    if node.tag != "a" or not (node.attributes.get("href") or "").startswith("#"):
        return False
    return not any(char.isalnum() for char in node.text(deep=True))


def _is_reference(node: LexborNode, classes: frozenset[str]) -> bool:
    role = (node.attributes.get("role") or "").lower()
    if role in ("doc-noteref", "doc-backlink") or (
        classes & _REFERENCE_CLASSES and node.tag in ("sup", "a", "span")
    ):
        return True
    if node.tag != "sup":
        return False
    link = node.css_first("a")
    return link is not None and (link.attributes.get("href") or "").startswith("#")


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true":
        return True
    if node.tag == "dialog" and "open" not in attributes:
        return True
    if _classes(node) & _HIDDEN_CLASSES:
        return True
    return _HIDDEN_STYLE.search((attributes.get("style") or "").lower()) is not None


def _is_contents(node: LexborNode, tag: str, own: str, role: str) -> bool:
    """Whether a node lists the headings of its own page."""
    if role == "doc-toc" or (
        tag in ("div", "nav", "ul", "ol", "aside", "section") and _CONTENTS_NAME.search(own)
    ):
        return True
    if tag not in ("ul", "ol"):
        return False
    items = [child for child in _children(node) if child.tag == "li"]
    if len(items) < 2:
        return False
    for item in items:
        links = item.css("a")
        if not links or not all((link.attributes.get("href") or "").startswith("#") for link in links):
            return False
        linked = sum(len("".join(link.text(deep=True).split())) for link in links)
        if linked * 10 < len("".join(item.text(deep=True).split())) * 8:
            return False
    return True


def _lays_out(table: LexborNode) -> bool:
    """Whether a table places text rather than showing data: a note beside its picture, the columns of an old page."""
    if table.parent is not None and _item_kind(table.parent) == "note":
        return True
    if (table.attributes.get("role") or "").lower() in ("presentation", "none"):
        return True
    if table.css_first("h1, h2, h3, article, main") is not None:
        return True
    cells = table.css("td, th")
    return len(cells) == 1 and looks_like_prose(cells[0].text(deep=True))


def _name_of_surrounding(node: LexborNode) -> str:
    own = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
    if _COOKIES.search(own):
        return "cookie banner"
    if _is_hidden(node):
        return "hidden passage"
    tag = node.tag or ""
    if tag in ("header", "footer"):
        return f"page {tag}"
    return _COUNTED_TAGS.get(
        tag, "passage around the main part" if tag not in ("nav", "ul") else "navigation list"
    )


def _item_kind(node: LexborNode) -> BlockKind | None:
    """Return the kind of block that a node is, or None where its own paragraphs are the blocks."""
    tag = node.tag
    if tag == "li":
        return "step" if node.parent is not None and node.parent.tag == "ol" else "bullet"
    if tag == "dd":
        return "bullet"
    if tag in ("div", "aside", "section") and _NOTE_CLASSES & _classes(node):
        return "note"
    return None
