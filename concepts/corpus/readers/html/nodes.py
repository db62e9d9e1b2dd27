"""Questions about nodes of a parsed page: their text, kind and visibility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from concepts.corpus.readers.html.furniture import is_contents, is_cookie_banner, name_of_furniture
from concepts.corpus.readers.prose import looks_like_prose
from concepts.corpus.records import BlockKind

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

SILENT_TAGS = frozenset(
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
"""Tags that show no text of their own."""
_SILENT_IN_HEADINGS = SILENT_TAGS | {"button"}
COUNTED_TAGS = {
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
_TO_TOP = frozenset(
    ("back to top", "top", "return to top", "nach oben", "haut de page", "volver arriba", "arriba")
)
BLOCK_TAGS = frozenset(
    """
    p li dt dd blockquote div section article main body ul ol dl hr html summary details address center figure
    figcaption h1 h2 h3 h4 h5 h6 header footer form fieldset legend table tbody thead tfoot tr td th caption pre hgroup
    menu label
    """.split()  # noqa: SIM905  # a list of tags reads better so
)
NOTE_CLASSES = frozenset(
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
_DATA_CLASSES = frozenset(
    ("infobox", "wikitable", "docutils", "datatable", "data", "sortable", "table-striped")
)
_TITLE_CLASSES = frozenset(("title", "msotitle"))
"""Classes that Google Docs and Word give to the paragraph of a document's title."""
_SUBTITLE = re.compile(r"(?:^|-)(?:subtitle|subheading|tagline|deck|standfirst)(?:-|$)", re.IGNORECASE)
"""Classes of the sentence below a title, which many sites mark as a heading."""
PERMALINK_CLASSES = frozenset(
    (
        "headerlink",
        "anchor",
        "permalink",
        "footnote-backref",
        "mw-editsection",
        "mw-cite-backlink",
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
_PERMALINK_END = re.compile(r"\s*[\u00b6\u00a7\U0001f517](?:\ufe0f)?\s*$")


def children_of(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the children of a node in order, texts too."""
    child = node.child
    while child is not None:
        yield child
        child = child.next


def ancestors_of(node: LexborNode) -> Iterator[str]:
    """Yield the tags around a node, the nearest first."""
    parent = node.parent
    while parent is not None:
        yield parent.tag or ""
        parent = parent.parent


def is_inside(node: LexborNode, outer: LexborNode) -> bool:
    """Whether a node is another one or stands below it."""
    current: LexborNode | None = node
    while current is not None:
        if current.mem_id == outer.mem_id:  # equality compares the HTML of both
            return True
        current = current.parent
    return False


def classes_of(node: LexborNode) -> frozenset[str]:
    """Return the classes of a node in small letters."""
    return frozenset((node.attributes.get("class") or "").lower().split())


def has_words(node: LexborNode) -> bool:
    """Whether a node shows a letter or digit."""
    return any(char.isalnum() for char in text_of(node))


def text_of(node: LexborNode, *, silent: frozenset[str] = SILENT_TAGS) -> str:
    """Return the visible text of a node without permalinks and scripts."""
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
            if tag in silent or tag.startswith(("_", "!", "-")):
                continue
            classes = classes_of(current)
            if classes & PERMALINK_CLASSES or is_bare_anchor(current) or is_reference(current, classes):
                continue
            if is_hidden(current):
                continue
        if tag in BLOCK_TAGS:
            words.append(" ")
        stack += reversed(list(children_of(current)))
    return "".join(words)


def heading_text(node: LexborNode) -> str:
    """Return the text of a heading without permalinks; for a picture alone, its alternative text."""
    text = text_of(node, silent=_SILENT_IN_HEADINGS)
    if not text.strip():
        text = " ".join(image.attributes.get("alt") or "" for image in node.css("img"))
    return _PERMALINK_END.sub("", " ".join(text.split()))


def heading_level(node: LexborNode, tag: str) -> int | None:
    """Return the level of a heading as in `Element`, None for other nodes."""
    if tag == "p" and classes_of(node) & _TITLE_CLASSES:
        return 0
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return None if any(_SUBTITLE.search(name) for name in classes_of(node)) else int(tag[1])
    if (node.attributes.get("role") or "") == "heading":
        level = node.attributes.get("aria-level") or "2"
        return int(level) if level.isdecimal() and 0 < int(level) < 10 else 2
    return None


def is_bare_anchor(node: LexborNode) -> bool:
    """Whether a node is a permalink that shows only a sign ("¶", "#")."""
    if node.tag != "a" or not (node.attributes.get("href") or "").startswith("#"):
        return False
    return not any(char.isalnum() for char in node.text(deep=True))


def is_reference(node: LexborNode, classes: frozenset[str]) -> bool:
    """Whether a node refers to a note, or from a note back to the text."""
    role = (node.attributes.get("role") or "").lower()
    if (
        role in ("doc-noteref", "doc-backlink")
        or has_epub_type(node, "noteref", "backlink")
        or (classes & _REFERENCE_CLASSES and node.tag in ("sup", "a", "span"))
    ):
        return True
    if node.tag != "sup":
        return False
    link = node.css_first("a")
    return link is not None and (link.attributes.get("href") or "").startswith("#")


def leads_to_top(node: LexborNode) -> bool:
    """Whether a block is only a link to the top of its page."""
    links = node.css("a[href^='#']")
    if len(links) != 1:
        return False
    words = links[0].text(deep=True).strip(" ()\u2191\u2b06\ufe0f").casefold()
    return words in _TO_TOP and node.text(deep=True).strip(" \n()\u2191\u2b06\ufe0f").casefold() == words


def own_name(link: LexborNode) -> str:
    """Return an anchor's name, the target of links; "" if it has none."""
    return link.attributes.get("id") or link.attributes.get("name") or ""


def has_epub_type(node: LexborNode, *types: str) -> bool:
    """Whether a node of an EPUB book has one of these types."""
    return bool(frozenset(types) & frozenset((node.attributes.get("epub:type") or "").split()))


def is_page_break(node: LexborNode) -> bool:
    """Whether a node is the number of a printed page."""
    return (node.attributes.get("role") or "") == "doc-pagebreak" or has_epub_type(node, "pagebreak")


def is_hidden(node: LexborNode) -> bool:
    """Whether a browser shows nothing of a node."""
    attributes = node.attributes
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").lower() == "true":
        return True
    if node.tag == "dialog" and "open" not in attributes:
        return True
    if classes_of(node) & _HIDDEN_CLASSES:
        return True
    return _HIDDEN_STYLE.search((attributes.get("style") or "").lower()) is not None


def is_list_of_contents(node: LexborNode, tag: str, own: str, role: str) -> bool:
    """Whether a node lists the headings of its own page."""
    if role == "doc-toc" or (tag in ("div", "nav", "ul", "ol", "aside", "section", "p") and is_contents(own)):
        return True
    if tag not in ("ul", "ol"):
        return False
    items = [child for child in children_of(node) if child.tag == "li"]
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


def element_before(node: LexborNode) -> LexborNode | None:
    """Return the element before a node, None for none; text without words does not count."""
    other = node.prev
    while other is not None and (other.tag or "").startswith(("-", "_")) and not has_words(other):
        other = other.prev
    return other


def element_after(node: LexborNode) -> LexborNode | None:
    """Return the element behind a node, likewise."""
    other = node.next
    while other is not None and (other.tag or "").startswith(("-", "_")) and not has_words(other):
        other = other.next
    return other


def is_contents_line(node: LexborNode | None) -> bool:
    """Whether a paragraph is nothing but a link to a place in its own page, as in contents lists of Google Docs."""
    if node is None or node.tag != "p":
        return False
    links = node.css("a")
    if len(links) != 1 or not (links[0].attributes.get("href") or "").startswith("#"):
        return False
    text, linked = ("".join(part.text(deep=True).split()) for part in (node, links[0]))
    return bool(linked) and len(linked) * 10 >= len(text) * 8


def lays_out(table: LexborNode) -> bool:
    """Whether a table places text rather than showing data: a note beside its picture, the columns of an old page."""
    if table.parent is not None and item_kind(table.parent) == "note":
        return True
    if (table.attributes.get("role") or "").lower() in ("presentation", "none"):
        return True
    if table.css_first(".tr-caption") is not None:
        return True  # Blogger's picture with its caption
    if table.css_first("th, thead, caption") is not None or holds_data(table):
        return False
    # A node's own selectors find the node, too.
    if table.css_first("h1, h2, h3, article, main") is not None or len(table.css("table")) > 1:
        return True
    cells = table.css("td")
    if len(cells) == 1 and cells[0].text(deep=True).strip().endswith((".", "!", "?")):
        return True  # a frame around text
    has_prose = any(looks_like_prose(cell.text(deep=True)) for cell in cells)
    is_row = len(table.css("tr")) < 2
    return has_prose and (is_row or any(len(cell.css("p, ul, ol, br")) > 1 for cell in cells))


def holds_data(table: LexborNode) -> bool:
    """Whether the class of a table says that it holds data."""
    return bool(classes_of(table) & _DATA_CLASSES)


def name_of_surrounding(node: LexborNode) -> str:
    """Return the name under which a node around the main part is counted as left out."""
    own = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
    if is_cookie_banner(own):
        return "cookie banner"
    if is_hidden(node):
        return "hidden passage"
    tag = node.tag or ""
    if tag in ("header", "footer"):
        return f"page {tag}"
    if (furniture := name_of_furniture(own)) is not None:
        return furniture
    return COUNTED_TAGS.get(
        tag, "passage around the main part" if tag not in ("nav", "ul") else "navigation list"
    )


def item_kind(node: LexborNode) -> BlockKind | None:
    """Return a node's kind of block, or None if the paragraphs inside it are the blocks."""
    tag = node.tag
    if tag == "li":
        return "step" if node.parent is not None and node.parent.tag == "ol" else "bullet"
    if tag == "dd":
        return "bullet"
    if tag in ("div", "aside", "section") and NOTE_CLASSES & classes_of(node):
        return "note"
    return None
