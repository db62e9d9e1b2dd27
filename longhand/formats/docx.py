"""A document as a Word file with real heading styles, so that an outline and a contents list come free."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from longhand.export import clean, runs, title_of
from longhand.languages import language_tag, text_direction

if TYPE_CHECKING:
    from docx.document import Document as WordDocument

    from storage import ExportedDocument

MAX_LEVEL = 9
"""Word has this many heading styles."""
MAX_PROPERTY_CHARS = 255
"""Longer core properties are refused by Word."""


def to_docx(document: ExportedDocument) -> bytes:
    """Return the document as .docx: title, headings, paragraphs, language, properties."""
    word = Document()
    title = title_of(document)
    _set_language(word, document.lang)
    _set_properties(word, document, title)
    word.add_paragraph(title, style="Title")
    for section in document.sections:
        for kind, members in runs(section):
            block = members[0]
            if kind == "heading":
                word.add_paragraph(block.text, style=f"Heading {min(block.level, MAX_LEVEL)}")
            elif kind == "paragraph":
                word.add_paragraph(block.text)
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


def _add_steps(word: WordDocument, texts: list[str]) -> None:
    """Add a list that counts from 1: all paragraphs of the style alone would be one list."""
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
    # The template's own say "python-docx" and a day in 2013.
    properties.author = clean(document.author)[:MAX_PROPERTY_CHARS] or "Longhand"
    properties.last_modified_by = "Longhand"
    properties.comments = ""
    properties.created = properties.modified = modified


def _set_language(word: WordDocument, lang: str) -> None:
    """Give all styles the language, for spelling and speech, and the direction of its script."""
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
