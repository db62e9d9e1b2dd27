"""Reading HTML manuals such as GIMP's, LibreOffice's and the Debian handbook: selecting the text on their pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from concepts.corpus.readers.elements import Element, to_outline
from concepts.corpus.readers.html.page import node_elements
from concepts.corpus.records import LANG_CODES, Document
from training.sources.archives import iter_deb, package_name


@dataclass(frozen=True, kw_only=True)
class Manual:
    """An HTML manual of one Debian package for each language, or of one for all."""

    packages: dict[str, str]
    """Package by two-letter code."""
    licence: str
    """Licence in `Document.source`, after the package."""
    pages: str
    """Regular expression of a page's path; the group `page` names it, the same in all languages."""
    root: str
    """CSS selector of the part of the page with its text."""
    removed: str
    """CSS selector of removed parts: navigation, pictures, captions, indexes, code examples."""
    parent: str = ""
    """CSS selector of the chapter's title, put before a page's title if several pages share it."""
    notes: str = ""
    """CSS selector of remarks that are not marked as notes by their class."""


_LANGUAGE_FOLDERS = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES"}

_DOCBOOK_REMOVED = (
    ".navheader, .navfooter, .figure, .mediaobject, .informalfigure, .screenshot, .caption, .toc, .footnotes, "
    ".footnote, .indexterm, .reportbug, .table, .informaltable, .biblioentry, .index, .segmentedlist, .guiicon, "
    ".author, .releaseinfo, .revhistory, .legalnotice, .note > h3, .tip > h3, .warning > h3, .caution > h3, "
    ".important > h3, th, p.title"
)
_DOCBOOK_PARENT = ".navheader tr:nth-child(2) th"

MANUALS: dict[str, Manual] = {
    "gimp": Manual(
        packages={code: f"gimp-help-{code}" for code in LANG_CODES},
        licence="GFDL-1.3",
        pages=r"usr/share/gimp/2\.0/help/{code}/(?P<page>[\w.-]+\.html)$",
        root="body",
        removed=_DOCBOOK_REMOVED,
        parent=_DOCBOOK_PARENT,
    ),
    "lohelp": Manual(
        packages={code: f"libreoffice-help-{'en-us' if code == 'en' else code}" for code in LANG_CODES},
        licence="MPL-2.0",
        pages=r"usr/share/libreoffice/help/{locale}/text/(?P<page>.+\.html)$",
        root="#DisplayArea",
        # A switch between systems or programs shows its default case, which is hidden without scripts.
        removed='[hidden]:not([id^="default"]), '
        ".relatedtopics, .howtoget, .noteicon, .icontable, .debug, .bascode, .pycode, .code, .related, "
        ".smathcode, p.embedded, #SearchFrame, #DonationFrame, footer",
    ),
    "handbook": Manual(
        packages=dict.fromkeys(LANG_CODES, "debian-handbook"),
        licence="GPL-2+ or CC-BY-SA-3.0",
        pages=r"usr/share/doc/debian-handbook/html/{folder}/(?P<page>[\w.-]+\.html)$",
        root="body",
        removed="#banner, #title, .docnav, .toc, .figure, .mediaobject, .indexterm, .table, .calloutlist, .url, "
        ".author, .legalnotice, .example, .informalexample, .sidebar > .titlepage, .footnotes, "
        ".footnote, .admonition_header",
        notes=".sidebar",
    ),
    "gnucash": Manual(
        packages=dict.fromkeys(("en", "de"), "gnucash-docs"),
        licence="GFDL-1.1+",
        pages=r"usr/share/doc/gnucash-docs/gnucash-guide-{code}/(?P<page>[\w.-]+\.html)$",
        root="body",
        removed=_DOCBOOK_REMOVED,
        parent=_DOCBOOK_PARENT,
    ),
    "skylore": Manual(
        packages=dict.fromkeys(LANG_CODES, "stellarium-data"),
        licence="GPL-2+",
        pages=r"usr/share/stellarium/skycultures/(?P<page>[\w-]+/description)\.{code}\.utf8$",
        root="body",
        removed="sup, table",
    ),
}
_PAGES_OF_LISTS = re.compile(r"(?:^|/)(?:index|ix\d*|bi\d+|toc|titlepage|main_transform|fdl[\w-]*)\.html$")
"""Tables of contents, indexes, bibliographies and licences."""
_NUMBER = re.compile(r"^(?:[A-Za-zí]+ )?[\dA-Z]+(?:\.\d+)*\. ")
"""Matches the beginning of a chapter's title: "Chapter 8. Loans"."""


def iter_manual(deb: Path, name: str, code: str) -> Iterator[Document]:
    """Yield the raw documents of an HTML manual (a key of `MANUALS`) in a language, sorted by page."""
    manual = MANUALS[name]
    locale = "en-US" if code == "en" else code
    pattern = re.compile(
        manual.pages.replace("{code}", code)
        .replace("{locale}", locale)
        .replace("{folder}", _LANGUAGE_FOLDERS[code])
    )
    pages: dict[str, str] = {}
    for path, data in iter_deb(deb, lambda path: pattern.match(path) is not None):
        match = pattern.match(path)
        if match is not None and not _PAGES_OF_LISTS.search(match["page"]):
            pages[match["page"]] = data.decode("utf-8", "replace")
    outlines = {page: to_outline(read_page(text, manual)) for page, text in sorted(pages.items())}
    num_pages = Counter(_NUMBER.sub("", outline.title) for outline in outlines.values())
    source = f"{package_name(deb)} {manual.licence}"
    for page, outline in outlines.items():
        title = _NUMBER.sub("", outline.title)
        if num_pages[title] > 1 and manual.parent and (chapter := _chapter(pages[page], manual)):
            title = f"{chapter}: {title}"
        if title and outline.sections:
            yield Document(title, outline.sections, LANG_CODES[code], source, page)


def _chapter(text: str, manual: Manual) -> str:
    from selectolax.lexbor import LexborHTMLParser

    node = LexborHTMLParser(text).css_first(manual.parent)
    return "" if node is None else _NUMBER.sub("", " ".join(node.text().split()))


def read_page(text: str, manual: Manual) -> list[Element]:
    """Return a page's elements, its title first; sections directly below the title have level 1."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    root = tree.css_first(manual.root)
    if root is None:
        return []
    for node in root.css(manual.removed):
        node.decompose()
    for node in root.css(manual.notes) if manual.notes else ():
        node.attrs["class"] = "note"
    elements = node_elements(root)
    if not elements or elements[0].level is None:
        title = tree.css_first("title")
        elements.insert(0, Element(" ".join(title.text().split()) if title is not None else "", 0))
    top = elements[0].level or 0
    return [
        element if element.level is None else replace(element, level=max(element.level - top, 1 if n else 0))
        for n, element in enumerate(elements)
    ]
