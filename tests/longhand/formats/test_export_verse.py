"""A poem keeps its lines in every format, and our own readers read them again."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from pypdf import PdfReader
from selectolax.lexbor import LexborHTMLParser

import longhand
from concepts.corpus.readers import read_data
from longhand.evaluation.texts import parse_markdown
from longhand.evaluation.writing import text_of_export
from longhand.formats import FORMATS
from longhand.formats.export import join_blocks, to_json, to_markdown
from storage import BlockKind, ExportedDocument, ExportedSection, ExportedSentence, Store

SAID: list[tuple[BlockKind | None, str]] = [
    ("paragraph", "He wrote:"),
    (None, "it rhymes."),
    ("verse", "Roses are red,"),
    (None, "# violets are blue"),
    (None, ": 1. sugar is sweet\\"),
    (None, " - and | so * are you."),
    ("verse", "Hope"),
    (None, ""),
    (None, "springs."),
    ("step", "Read it."),
]
POEM = ExportedDocument(
    id="2q5abc",
    title="A poem",
    prompt="poem",
    lang="eng_Latn",
    status="done",
    updated_at=1_790_000_000.0,
    outline_version=1,
    sections=(
        ExportedSection(
            path="1",
            heading="Roses",
            heading_score=None,
            sentences=tuple(
                ExportedSentence(ordinal=n, text=text, score=None, block=kind)
                for n, (kind, text) in enumerate(SAID)
            ),
            num_missing=0,
            is_leaf=True,
            status="decoded",
            stop_reason="end",
            children=(),
        ),
    ),
    num_missing=0,
)
LINES = ["Roses are red,", "# violets are blue", ": 1. sugar is sweet\\", "- and | so * are you."]
STANZAS = ["\n".join(LINES), "Hope\nsprings."]


def test_lines_of_a_verse_stay_lines():
    assert join_blocks(POEM.sections[0].sentences) == [
        ("paragraph", "He wrote: it rhymes."),
        ("verse", STANZAS[0]),
        ("verse", STANZAS[1]),
        ("step", "Read it."),
    ]
    assert to_markdown(POEM).split("\n\n", 3)[3] == (
        "Roses are red,  \n\\# violets are blue  \n\\: 1. sugar is sweet\\\\  \n\\- and \\| so \\* are you.\n\n"
        "Hope  \nsprings.\n\n1. Read it.\n"
    )
    blocks = json.loads(to_json(POEM))["sections"][0]["blocks"]
    assert [block["text"] for block in blocks if block["kind"] == "verse"] == STANZAS


@pytest.mark.parametrize("name", ["md", "html", "docx"])
def test_a_verse_is_read_as_it_was_exported(name: str):
    reading = read_data(FORMATS[name].render(POEM), f".{name}")
    assert [element.text for element in reading.elements if element.kind == "verse"] == STANZAS


def test_a_verse_has_line_breaks_in_epub_and_pdf():
    epub = zipfile.ZipFile(io.BytesIO(FORMATS["epub"].render(POEM)))
    page = LexborHTMLParser(epub.read("EPUB/chapter-1.xhtml").decode())
    assert [verse.text() for verse in page.css("p.verse")] == STANZAS
    assert [len(verse.css("br")) for verse in page.css("p.verse")] == [3, 1]
    (sheet,) = PdfReader(io.BytesIO(FORMATS["pdf"].render(POEM))).pages
    assert set(LINES) <= set(map(str.strip, sheet.extract_text().splitlines()))


def test_a_terminal_and_a_notebook_show_the_lines(run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "export_document", lambda *_, **__: POEM)
    assert run("write", "tea").stdout == to_markdown(POEM)
    (document,) = store.list_documents()
    assert to_markdown(POEM) in run("show", document.id).stdout
    with longhand.open() as opened:
        assert opened.get(document.id)._repr_html_().count("<br />\n") == 4


def test_an_evaluation_reads_a_verse_in_a_stored_document_and_in_markdown() -> None:
    (section,) = text_of_export(POEM, {}).sections
    found = [block.sentences for block in section.blocks if block.kind == "verse"]
    assert ["\n".join(map(str.strip, lines)) for lines in found] == STANZAS
    text = "# A\n\n## B\n\nHope\\\nsprings. It does.\n\nOne.\\\\\nTwo.\n"
    blocks = parse_markdown(text).sections[0].blocks
    assert [(block.kind, block.sentences) for block in blocks] == [
        ("verse", ("Hope", "springs. It does.")),
        ("paragraph", ("One.\\", "Two.")),
    ]
