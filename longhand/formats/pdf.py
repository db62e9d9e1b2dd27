"""A document as PDF: title, table of contents if it is long, numbered pages, bookmarks, one embedded font.

The font is DejaVu Serif from matplotlib: Latin, Greek, Cyrillic and more, but neither joined Arabic letters nor
Chinese. If a character is missing, the document is refused instead of printed with gaps.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fpdf import FPDF, XPos, YPos
from fpdf.enums import Align
from fpdf.fonts import TTFFont
from fpdf.outline import TableOfContents

from concepts.blocks import LIST_KINDS
from concepts.errors import UsageError
from longhand.formats.contents import is_long
from longhand.formats.export import clean, runs, title_of
from longhand.formats.languages import language_tag, text_direction
from longhand.formats.paper import Paper, paper_of

if TYPE_CHECKING:
    from storage import ExportedDocument, ExportedSection

FONT = "DejaVu Serif"
FONT_FILES = {"": "DejaVuSerif.ttf", "B": "DejaVuSerif-Bold.ttf", "I": "DejaVuSerif-Italic.ttf"}
TEXT_PT, LINE_MM = 11.0, 5.6
TITLE_PT, HEADING_PT = 22.0, (16.0, 13.0, 11.0)
INDENT_MM = 8.0


def to_pdf(document: ExportedDocument) -> bytes:
    """Return the document as .pdf on the paper of its language's region.

    Raises UsageError for a right-to-left script, and for a character that the font lacks.
    """
    if text_direction(document.lang) == "rtl":
        raise UsageError(
            f"{document.id} is in {document.lang}, which no PDF is made in: take --format docx, epub or html"
        )
    pdf = _Pdf(paper_of(document.lang))
    try:
        _write(pdf, document, title_of(document))
        pdf.check_signs(document.id)
        return bytes(pdf.output())
    finally:
        pdf.close_fonts()


def _write(pdf: _Pdf, document: ExportedDocument, title: str) -> None:
    _set_properties(pdf, document, title)
    pdf.add_page()
    pdf.write_title(title)
    if is_long(document):
        pdf.set_font(FONT, size=TEXT_PT)
        contents = TableOfContents(ignore_pages_before_toc=False)
        pdf.insert_toc_placeholder(contents.render_toc, allow_extra_pages=True, reset_page_indices=False)
    for section in document.sections:
        _write_section(pdf, section)
    if not document.sections:
        pdf.write_note("nothing is planned yet")


def _write_section(pdf: _Pdf, section: ExportedSection) -> None:
    for kind, members in runs(section):
        block = members[0]
        if kind == "heading":
            pdf.write_heading(block.text, block.level)
        elif kind in ("paragraph", "verse"):
            pdf.write_paragraph(block.text)
        elif kind in LIST_KINDS:
            pdf.write_list([(f"{item.number}." if kind == "step" else "•", item.text) for item in members])
        else:
            pdf.write_note(block.text)


def _set_properties(pdf: FPDF, document: ExportedDocument, title: str) -> None:
    pdf.set_title(title)
    pdf.set_lang(language_tag(document.lang))
    pdf.set_author(clean(document.author) or "Longhand")
    pdf.set_subject(clean(" ".join(document.prompt.split())))
    pdf.set_creator("Longhand")
    # The same stored document gives the same bytes.
    pdf.set_creation_date(datetime.fromtimestamp(int(document.updated_at), UTC))


class _Pdf(FPDF):
    """Numbered pages with a document's blocks."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(format=(paper.width_mm, paper.height_mm))
        from matplotlib import get_data_path

        # It logs the subsetting of fonts in detail.
        logging.getLogger("fontTools").setLevel(logging.ERROR)
        folder = Path(get_data_path()) / "fonts" / "ttf"
        for style, name in FONT_FILES.items():
            self.add_font(FONT, style, folder / name)
        self.set_margin(paper.margin_mm)
        self.set_auto_page_break(True, paper.margin_mm)
        self._said: set[str] = set()

    def footer(self) -> None:
        """Print the page number."""
        self.set_y(-15)
        self.set_font(FONT, size=9)
        self.cell(0, 5, str(self.page_no()), align=Align.C)

    def write_title(self, text: str) -> None:
        """Print the title."""
        self._write(text, "B", TITLE_PT, below_mm=6.0)

    def write_heading(self, text: str, level: int) -> None:
        """Print a heading on one page with the lines below it, and add it to bookmarks and contents."""
        size = HEADING_PT[min(level, len(HEADING_PT)) - 1]
        if self.will_page_break(size + 3 * LINE_MM):
            self.add_page()
        else:
            self.ln(4.0)
        self.start_section(text, level - 1)
        self._write(text, "B", size, below_mm=1.5)

    def write_paragraph(self, text: str) -> None:
        """Print a paragraph."""
        self._write(text, "", TEXT_PT, below_mm=2.5)

    def write_list(self, items: list[tuple[str, str]]) -> None:
        """Print list items, each after its mark."""
        for mark, text in items:
            self.set_font(FONT, size=TEXT_PT)
            if self.will_page_break(LINE_MM):
                self.add_page()
            self.cell(INDENT_MM, LINE_MM, mark)
            left = self.l_margin
            self.set_left_margin(left + INDENT_MM)
            self._write(text, "", TEXT_PT, below_mm=0.8)
            self.set_left_margin(left)
            self.set_x(left)
        self.ln(1.7)

    def write_note(self, text: str) -> None:
        """Print a note about missing text."""
        self._write(f"({text})", "I", TEXT_PT, below_mm=2.5)

    def _write(self, text: str, style: str, size: float, *, below_mm: float) -> None:
        self._said.update(text)
        self.set_font(FONT, style, size)
        self.multi_cell(0, LINE_MM * size / TEXT_PT, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(below_mm)

    def close_fonts(self) -> None:
        """Close the font files."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def check_signs(self, document_id: str) -> None:
        """Raise UsageError if the font lacks a printed character."""
        font = self.fonts[FONT.lower()]
        assert isinstance(font, TTFFont)
        known = font.cmap
        missing = sorted(sign for sign in self._said if ord(sign) not in known and not sign.isspace())
        if missing:
            raise UsageError(
                f"{document_id} holds {len(missing)} signs that the font of PDFs lacks, such as {missing[0]!r}: "
                "take --format docx, epub or html"
            )
