"""A document as a Word file with real heading styles, which Word uses for outline and table of contents."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from longhand.formats.contents import Entry, is_long, list_headings
from longhand.formats.export import clean, runs, title_of
from longhand.formats.languages import language_tag, text_direction
from longhand.formats.paper import Paper, paper_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docx.document import Document as WordDocument
    from docx.oxml.xmlchemy import BaseOxmlElement
    from docx.text.paragraph import Paragraph

    from storage import ExportedDocument

MAX_LEVEL = 9
"""Word has this many heading styles."""
CONTENTS_LEVELS = 3
"""Levels of headings that a table of contents lists."""
MAX_PROPERTY_CHARS = 255
"""Word refuses longer core properties."""


def to_docx(document: ExportedDocument) -> bytes:
    """Return the document as .docx: title, headings, paragraphs, language, properties."""
    word = Document()
    title = title_of(document)
    _set_language(word, document.lang)
    _set_properties(word, document, title)
    _set_paper(word, paper_of(document.lang))
    word.add_paragraph(title, style="Title")
    marks = _add_contents(word, list_headings(document)) if is_long(document) else {}
    for section in document.sections:
        for kind, members in runs(section):
            block = members[0]
            if kind == "heading":
                heading = word.add_paragraph(block.text, style=f"Heading {min(block.level, MAX_LEVEL)}")
                if block.path in marks:
                    _add_bookmark(heading, *marks[block.path])
            elif kind in ("paragraph", "verse"):
                word.add_paragraph(block.text)  # a line end is a line break
            elif kind == "step":
                _add_steps(word, [step.text for step in members])
            elif kind == "bullet":
                for bullet in members:
                    word.add_paragraph(bullet.text, style="List Bullet")
            else:
                word.add_paragraph().add_run(f"({block.text})").italic = True
    if not document.sections:
        word.add_paragraph().add_run("(nothing is planned yet)").italic = True
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


def _add_contents(word: WordDocument, entries: Sequence[Entry]) -> dict[str, tuple[int, str]]:
    """Add a table of contents; return the number and name of each heading's future bookmark, by path.

    It is a field that Word fills with page numbers when it opens the file; until then, and in other programs, it
    shows the headings as links.
    """
    shown = [entry for entry in entries if entry.level <= CONTENTS_LEVELS]
    marks = {entry.path: (number, f"_Toc{number:08}") for number, entry in enumerate(shown, 1)}
    for level in sorted({entry.level for entry in shown}):
        style = word.styles.add_style(f"toc {level}", WD_STYLE_TYPE.PARAGRAPH, builtin=True)
        style.base_style = word.styles["Normal"]
        style.paragraph_format.left_indent = Mm(6 * (level - 1))
        style.paragraph_format.space_after = Pt(2)
    paragraphs = []
    for entry in shown:
        paragraph = word.add_paragraph(style=f"toc {entry.level}")
        link = OxmlElement("w:hyperlink")
        link.set(qn("w:anchor"), marks[entry.path][1])
        link.append(paragraph.add_run(entry.text)._r)
        paragraph._p.append(link)
        paragraphs.append(paragraph._p)
    first, last = paragraphs[0], paragraphs[-1]
    instruction = OxmlElement("w:instrText")
    instruction.set(qn("xml:space"), "preserve")
    instruction.text = f' TOC \\o "1-{CONTENTS_LEVELS}" \\h \\z \\u '
    begin = [_field_run("begin"), _run_of(instruction), _field_run("separate")]
    at = list(first).index(first.find(qn("w:hyperlink")))
    for offset, run in enumerate(begin):
        first.insert(at + offset, run)
    last.append(_field_run("end"))
    return marks


def _field_run(kind: str) -> BaseOxmlElement:
    char = OxmlElement("w:fldChar")
    char.set(qn("w:fldCharType"), kind)
    if kind == "begin":
        char.set(qn("w:dirty"), "true")
    return _run_of(char)


def _run_of(inner: BaseOxmlElement) -> BaseOxmlElement:
    run = OxmlElement("w:r")
    run.append(inner)
    return run


def _add_bookmark(paragraph: Paragraph, number: int, name: str) -> None:
    """Put a bookmark on a paragraph's whole text."""
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    for element in (start, end):
        element.set(qn("w:id"), str(number))
    start.set(qn("w:name"), name)
    properties = paragraph._p.pPr
    paragraph._p.insert(0 if properties is None else 1, start)
    paragraph._p.append(end)


def _set_paper(word: WordDocument, paper: Paper) -> None:
    for part in word.sections:
        part.page_width, part.page_height = Mm(paper.width_mm), Mm(paper.height_mm)
        part.left_margin = part.right_margin = part.top_margin = part.bottom_margin = Mm(paper.margin_mm)


def _add_steps(word: WordDocument, texts: list[str]) -> None:
    """Add a list that counts from 1: by style alone all steps of the document would form one list."""
    numbering = word.part.numbering_part.element
    style = word.styles["List Number"].element
    template = numbering.num_having_numId(style.pPr.numPr.numId.val).abstractNumId.val
    num = numbering.add_num(template)
    num.add_lvlOverride(0).add_startOverride(1)
    for text in texts:
        numbered = word.add_paragraph(text, style="List Number")._p.get_or_add_pPr().get_or_add_numPr()
        numbered.get_or_add_ilvl().val = 0
        numbered.get_or_add_numId().val = num.numId


def _set_properties(word: WordDocument, document: ExportedDocument, title: str) -> None:
    properties = word.core_properties
    modified = datetime.fromtimestamp(document.updated_at, UTC).replace(microsecond=0, tzinfo=None)
    properties.title = title[:MAX_PROPERTY_CHARS]
    properties.subject = clean(" ".join(document.prompt.split()))[:MAX_PROPERTY_CHARS]
    properties.language = language_tag(document.lang)
    properties.identifier = document.id
    # The template's properties say "python-docx" and a day in 2013.
    properties.author = clean(document.author)[:MAX_PROPERTY_CHARS] or "Longhand"
    properties.last_modified_by = "Longhand"
    properties.comments = ""
    properties.created = properties.modified = modified


def _set_language(word: WordDocument, lang: str) -> None:
    """Set the language of all styles, for spelling and speech, and its script's direction."""
    tag = language_tag(lang)
    defaults = word.styles.element.find(qn("w:docDefaults"))
    languages = [] if defaults is None else list(defaults.iter(qn("w:lang")))
    for element in languages:
        for name in ("w:val", "w:eastAsia", "w:bidi"):
            element.set(qn(name), tag)
    if text_direction(lang) == "rtl":
        normal = word.styles["Normal"].element
        normal.get_or_add_pPr().append(OxmlElement("w:bidi"))
        normal.get_or_add_rPr().append(OxmlElement("w:rtl"))
