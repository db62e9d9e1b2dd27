"""A document as EPUB 3: a title page, one chapter for each top section, and the contents list.

The container is three small files around XHTML, so zipfile and templates suffice. The usual library, EbookLib, is
under the AGPL, which would bind everything that installs Longhand.
"""

from __future__ import annotations

import io
import time
import uuid
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from longhand.formats.templating import render

if TYPE_CHECKING:
    from storage import ExportedDocument, ExportedSection

MEDIA_TYPE = "application/epub+zip"


def to_epub(document: ExportedDocument) -> bytes:
    """Return the document as .epub; the same stored document gives the same bytes."""
    files = {section.path: f"chapter-{section.path}.xhtml" for section in document.sections}
    of_path = {
        inner.path: files[section.path] for section in document.sections for inner in _with_children(section)
    }
    made_at = time.gmtime(max(document.updated_at, 315_532_800.0))[:6]
    # A new edition of the same document in the same language is the same book.
    identifier = uuid.uuid5(uuid.NAMESPACE_URL, f"longhand:{document.id}:{document.lang}").urn
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, text: str, compression: int = zipfile.ZIP_DEFLATED) -> None:
            entry = zipfile.ZipInfo(name, made_at)
            entry.compress_type = compression
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)

        # Readers recognize the file by these bytes, which must come first and uncompressed.
        add("mimetype", MEDIA_TYPE, zipfile.ZIP_STORED)
        add("META-INF/container.xml", render("epub/container.xml", document))
        add("EPUB/package.opf", render("epub/package.opf", document, files=files, identifier=identifier))
        add("EPUB/nav.xhtml", render("epub/nav.xhtml", document, files=of_path))
        add("EPUB/title.xhtml", render("epub/title.xhtml", document))
        add("EPUB/style.css", render("epub/style.css", document))
        for section in document.sections:
            add(f"EPUB/{files[section.path]}", render("epub/chapter.xhtml", document, section=section))
    return out.getvalue()


def _with_children(section: ExportedSection) -> Iterator[ExportedSection]:
    yield section
    for child in section.children:
        yield from _with_children(child)
