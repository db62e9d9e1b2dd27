"""Shared parts of the Mallard and DocBook readers: entities, namespaces and the text inside a paragraph."""

from __future__ import annotations

import html
import html.entities
import re
from collections.abc import Callable, Mapping
from xml.etree import ElementTree

from concepts.corpus.readers.elements import Collector

Node = ElementTree.Element

_DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.:-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
_REFERENCE = re.compile(r"&([A-Za-z_][\w.:-]*);")
_PREDEFINED = frozenset(("amp", "lt", "gt", "quot", "apos"))
_DECLARATION = re.compile(r"<\?xml\b.*?\?>")
FRAGMENT = "fragment"
"""Name of the root element put around a file that has several."""
_MAX_NESTING = 8
_MAX_CHARS = 5_000_000
"""Limit of expanded text, longer than any page: nested entities could grow without end."""


def read_entities(text: str) -> dict[str, str]:
    """Return the text of the entities that a DTD or DOCTYPE defines; entities that refer to a file are left out."""
    return {match[1]: match[2] or match[3] or "" for match in _ENTITY.finditer(_COMMENT.sub("", text))}


def parse_xml(text: str, entities: Mapping[str, str]) -> Node:
    """Parse a page with entities from `entities` or its own DOCTYPE; unknown ones are dropped.

    Raises ValueError if the page is not well-formed XML.
    """
    text = _COMMENT.sub("", text)
    known = {**entities, **read_entities(text)}
    text = _DOCTYPE.sub("", text, count=1)
    for _ in range(_MAX_NESTING):
        resolved = _REFERENCE.sub(lambda match: _resolve(match[1], known), text)
        if resolved == text or len(resolved) > _MAX_CHARS:
            break
        text = resolved
    text = text[text.index("<") :]
    try:
        root = ElementTree.fromstring(text.encode())
    except ElementTree.ParseError as error:
        # Several root elements: sections that a book includes by an entity.
        declaration = _DECLARATION.match(text)
        body = text[declaration.end() :] if declaration is not None else text
        try:
            root = ElementTree.fromstring(f"<{FRAGMENT}>{body}</{FRAGMENT}>".encode())
        except ElementTree.ParseError:
            raise ValueError(str(error)) from error
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = _local(node.tag)
    return root


def _resolve(name: str, entities: Mapping[str, str]) -> str:
    if name in _PREDEFINED:
        return f"&{name};"
    if name in entities:
        return entities[name]
    return html.escape(html.unescape(f"&{name};")) if f"{name};" in html.entities.html5 else ""


def _local(tag: str) -> str:
    space, _, name = tag.rpartition("}")
    return name if not space or any(known in space for known in _KNOWN_SPACES) else f"foreign-{name}"


_KNOWN_SPACES = ("projectmallard.org/1.0", "projectmallard.org/if", "docbook", "XInclude")


def tag_of(node: Node) -> str:
    """Return a node's name; "" for a comment or an instruction."""
    return node.tag if isinstance(node.tag, str) else ""


class InlineText:
    """Writes the text inside a paragraph: menus joined by >, keys by +, empty links by their target's title."""

    def __init__(
        self,
        skipped: frozenset[str],
        menus: frozenset[str],
        keys: frozenset[str],
        quotes: frozenset[str],
        target: Callable[[Node], str],
    ) -> None:
        self._skipped = skipped
        self._menus = menus
        self._keys = keys
        self._quotes = quotes
        self._target = target

    def __call__(self, node: Node) -> str:
        """Return the text of an inline element, without its tail."""
        tag = tag_of(node)
        if not tag or tag in self._skipped or tag.startswith("foreign-"):
            return ""
        if tag in self._menus or tag in self._keys:
            parts = [" ".join(self(child).split()) for child in node]
            parts = [part for part in parts if part]
            if parts:
                return (" > " if tag in self._menus else "+").join(parts)
        text = (node.text or "") + "".join(self(child) + (child.tail or "") for child in node)
        if tag in self._quotes:
            return f'"{text.strip()}"'
        return text if text.strip() else self._target(node)


def read_mixed(
    node: Node,
    collector: Collector,
    blocks: frozenset[str],
    inline: InlineText,
    on_block: Callable[[Node], None],
) -> None:
    """Read a node with text and blocks: text between two blocks is a paragraph."""
    words = [node.text or ""]
    for child in node:
        if tag_of(child) in blocks:
            collector.text("".join(words))
            words.clear()
            on_block(child)
        else:
            words.append(inline(child))
        words.append(child.tail or "")
    collector.text("".join(words))
