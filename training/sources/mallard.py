"""Reads a Mallard page (`.page`), the format of GNOME's help.

https://projectmallard.org/1.0/: steps and numbered lists are steps, other lists and terms are bullets.
"""

from __future__ import annotations

from collections.abc import Mapping

from concepts.corpus.readers.elements import Collector, Element
from concepts.corpus.records import BlockKind
from training.sources.xml import InlineText, Node, read_mixed, tag_of

_SKIPPED = frozenset(
    (
        "info",
        "links",
        "media",
        "figure",
        "table",
        "code",
        "screen",
        "listing",
        "synopsis",
        "comment",
        "tree",
        "desc",
    )
)
"""Skipped elements: pictures with their captions, tables, code, and mere links."""
_INLINE_SKIPPED = frozenset(("media", "comment", "info"))
_BLOCKS = frozenset(
    (
        "p", "steps", "list", "terms", "item", "note", "section", "example", "quote", "div", "title", "subtitle",
        "cite", "choose", "when", "else", "if", "include", *(_SKIPPED - {"code"}),
    )
)  # fmt: skip


def read_mallard(root: Node, titles: Mapping[str, str]) -> list[Element]:
    """Return the elements of a parsed page, its title first; `titles` are page titles, the texts of empty links."""
    return _Page(titles).read(root)


def mallard_title(root: Node) -> str:
    """Return a page's title as text."""
    title = root.find("title")
    return "" if title is None else " ".join(_inline({})(title).split())


def _inline(titles: Mapping[str, str]) -> InlineText:
    return InlineText(
        _INLINE_SKIPPED,
        frozenset(("guiseq",)),
        frozenset(("keyseq",)),
        frozenset(("quote",)),
        lambda node: titles.get(node.get("xref", "").partition("#")[0], ""),
    )


class _Page:
    def __init__(self, titles: Mapping[str, str]) -> None:
        self._inline = _inline(titles)
        self._out = Collector()
        self._level = 0

    def read(self, root: Node) -> list[Element]:
        self._out.heading(mallard_title(root), 0)
        self._blocks(root)
        return self._out.elements

    def _blocks(self, node: Node) -> None:
        for child in node:
            self._block(child)

    def _block(self, node: Node) -> None:
        tag = tag_of(node)
        if not tag or tag in _SKIPPED or tag.startswith("foreign-"):
            return
        if tag == "p":
            read_mixed(node, self._out, _BLOCKS, self._inline, self._block)
        elif tag == "section":
            self._level += 1
            title = node.find("title")
            if title is not None:
                self._out.heading(self._inline(title), self._level)
            self._blocks(node)
            self._level -= 1
        elif tag == "steps" or (tag == "list" and node.get("type", "") in ("numbered", "decimal")):
            self._items(node, "step")
        elif tag in ("list", "terms"):
            self._items(node, "bullet")
        elif tag == "note":
            with self._out.inside("note"):
                self._blocks(node)
        elif tag == "choose":
            # Most readers see the first case; the others are for other desktops.
            cases = list(node)
            if cases:
                self._blocks(cases[0])
        elif tag not in ("title", "subtitle", "cite", "include"):
            self._blocks(node)

    def _items(self, node: Node, kind: BlockKind) -> None:
        for item in node:
            if tag_of(item) == "item":
                term = item.find("title")
                with self._out.inside(kind, "" if term is None else self._inline(term)):
                    read_mixed(item, self._out, _BLOCKS, self._inline, self._block)
            else:
                self._block(item)
