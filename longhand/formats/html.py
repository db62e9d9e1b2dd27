"""A document as one self-contained HTML file: no script, no font, nothing fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longhand.formats.paper import paper_of
from longhand.formats.templating import render

if TYPE_CHECKING:
    from storage import ExportedDocument


def to_html(document: ExportedDocument) -> str:
    """Return the document as a page with a table of contents, for light, dark and paper."""
    return render("document.html", document, paper=paper_of(document.lang))
