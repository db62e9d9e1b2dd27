"""User help of GNOME, MATE and KDE: Mallard and DocBook pages of Debian packages to documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from concepts.corpus.drops import DropReport
from concepts.corpus.readers.elements import Element, to_outline
from concepts.corpus.records import LANG_CODES, Document
from training.sources.archives import iter_deb, package_name
from training.sources.docbook import docbook_titles, read_docbook
from training.sources.mallard import mallard_title, read_mallard
from training.sources.xml import Node, parse_xml, read_entities

_PAGE = re.compile(
    r"usr/share/(?:help/(C|de|fr|es)|doc/(?:kf5/|kde/)?HTML/(en|de|fr|es))/(.+\.(?:page|docbook|xml))$"
)
_ENTITY_FILE = re.compile(
    r"usr/share/kf5/kdoctools/customization/(?:(en|de|fr|es)/|entities/)[\w.-]+\.entities$"
)


def kde_entities(kdoctools: Path, code: str) -> dict[str, str]:
    """Return the entities of KDE's manuals in a language (en, de, fr or es), from the package `kdoctools5`."""
    entities: dict[str, str] = {}
    for name, data in iter_deb(kdoctools, lambda name: _ENTITY_FILE.match(name) is not None):
        match = _ENTITY_FILE.match(name)
        if match is not None and match[1] in (None, code):
            entities |= read_entities(data.decode("utf-8", "replace"))
    return entities


def iter_help(
    deb: Path, entities: Mapping[str, Mapping[str, str]], drops: DropReport | None = None
) -> Iterator[Document]:
    """Yield the raw documents of one help package, sorted by language and page.

    `entities` are KDE's, by two-letter code; only these languages are read. Files that are no page are counted.
    """
    drops = DropReport() if drops is None else drops
    folders: dict[tuple[str, str], dict[str, str]] = {}
    for name, data in iter_deb(deb, lambda name: _PAGE.match(name) is not None):
        match = _PAGE.match(name)
        assert match is not None
        code = "en" if match[1] == "C" else match[1] or match[2]
        if code in entities:
            folder = str(PurePosixPath(match[3]).parent)
            folders.setdefault((code, folder), {})[match[3]] = data.decode("utf-8", "replace")
    for (code, _), pages in sorted(folders.items()):
        yield from _read_folder(package_name(deb), code, pages, entities[code], drops)


def _read_folder(
    package: str, code: str, pages: dict[str, str], entities: Mapping[str, str], drops: DropReport
) -> Iterator[Document]:
    own = dict(entities)
    for text in pages.values():
        own |= read_entities(text)
    roots: dict[str, Node] = {}
    titles: dict[str, str] = {}
    for name, text in sorted(pages.items()):
        try:
            root = parse_xml(text, own)
        except ValueError:
            drops["unreadable: broken markup"] += 1
            continue
        if root.get("type") != "xref" and root.tag != "refentry":
            roots[name] = root
            titles |= docbook_titles(root)
            if root.tag == "page":
                titles[root.get("id") or PurePosixPath(name).stem] = mallard_title(root)
    for name, root in roots.items():
        parts: Iterator[tuple[str, list[Element]]] | list[tuple[str, list[Element]]]
        parts = [("", read_mallard(root, titles))] if root.tag == "page" else read_docbook(root, titles)
        for part, elements in parts:
            outline = to_outline(elements)
            if outline.title and outline.sections:
                page = f"{name}#{part}" if part else name
                yield Document(outline.title, outline.sections, LANG_CODES[code], package, page)
