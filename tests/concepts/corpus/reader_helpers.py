"""What the tests of readers share: reading text and Word files in memory, and showing what came out."""

from __future__ import annotations

import io
import zipfile

from concepts.corpus.readers import Reading, read_data

SPACES = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="x"'
WORD = f"<w:document {SPACES}><w:body>{{}}</w:body></w:document>"


def read(text: str, suffix: str = ".md") -> Reading:
    return read_data(text.encode(), suffix)


def shown(reading: Reading) -> list[tuple[int | str, str]]:
    """Return level or kind, and text, of each element."""
    return [(e.kind if e.level is None else e.level, e.text) for e in reading.elements]


def word(body: str, **parts: str) -> Reading:
    """Read a Word file of a body and other parts, all in XML."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("word/document.xml", WORD.format(body))
        for name, text in parts.items():
            archive.writestr(f"word/{name}.xml", text)
    return read_data(data.getvalue(), ".docx")


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def paragraph(text: str, properties: str = "", of_run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{run(text, of_run)}</w:p>"
