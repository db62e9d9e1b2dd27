"""What is for paper: sheets by the language's region, PDF, and tables of contents of long documents."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from docx import Document
from docx.oxml.ns import qn
from pypdf import PdfReader

from concepts.errors import UsageError
from longhand.formats import FORMATS
from longhand.formats.contents import NUM_OF_LONG, is_long, list_headings
from longhand.formats.paper import A4, LETTER, paper_of
from storage import BlockKind, ExportedDocument, ExportedSection, ExportedSentence


def section(path: str, *children: ExportedSection, said: str = "Warm the pot.") -> ExportedSection:
    blocks: tuple[BlockKind, ...] = ("paragraph", "step", "step", "bullet")
    return ExportedSection(
        path=path,
        heading=f"Heading {path}",
        heading_score=None,
        sentences=tuple(
            ExportedSentence(ordinal=n, text=f"{said} ({path}, {n})", score=None, block=block)
            for n, block in enumerate(blocks)
        ),
        num_missing=0,
        is_leaf=not children,
        status="decoded",
        stop_reason="end",
        children=children,
    )


def document(num: int, lang: str = "eng_Latn", said: str = "Warm the pot.") -> ExportedDocument:
    first, *others = (section(str(n), said=said) for n in range(1, num))
    return ExportedDocument(
        id="2q5abc",
        title="Tea, coffee & „Kakao“",
        prompt="tea",
        lang=lang,
        status="done",
        updated_at=1_790_000_000.0,
        outline_version=1,
        sections=(replace(first, children=(section("1.1", said=said),), is_leaf=False), *others),
        num_missing=0,
    )


LONG, SHORT = document(NUM_OF_LONG), document(NUM_OF_LONG - 1)


@pytest.mark.parametrize(
    ("lang", "paper"),
    [
        ("eng_Latn", LETTER),
        ("deu_Latn", A4),
        ("fra_Latn", A4),
        ("spa_Latn", A4),
        ("fil_Latn", LETTER),
        ("jpn_Jpan", A4),
        ("toy", A4),
        ("", A4),
    ],
)
def test_a_language_is_printed_on_the_paper_of_its_region(lang: str, paper) -> None:
    assert paper_of(lang) == paper


@pytest.mark.parametrize(("lang", "inches"), [("eng_Latn", (8.5, 11.0)), ("deu_Latn", (8.27, 11.69))])
def test_all_files_for_paper_have_its_size(lang: str, inches: tuple[float, float]) -> None:
    found = document(3, lang)
    word = Document(io.BytesIO(FORMATS["docx"].render(found))).sections[0]
    assert (word.page_width.inches, word.page_height.inches) == pytest.approx(inches, abs=0.01)
    box = PdfReader(io.BytesIO(FORMATS["pdf"].render(found))).pages[0].mediabox
    assert (box.width / 72, box.height / 72) == pytest.approx(inches, abs=0.01)
    name = "letter" if lang == "eng_Latn" else "A4"
    assert f"@page {{ size: {name}; margin: 25mm; }}" in FORMATS["html"].render(found).decode()


def test_a_pdf_holds_the_text_its_bookmarks_and_page_numbers() -> None:
    content = FORMATS["pdf"].render(LONG)
    assert content == FORMATS["pdf"].render(LONG)
    reader = PdfReader(io.BytesIO(content))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == (LONG.title, "Longhand")
    assert reader.trailer["/Root"]["/Lang"] == "en"
    pages = [page.extract_text() for page in reader.pages]
    text = "\n".join(pages)
    for heading in list_headings(LONG):
        assert f"Warm the pot. ({heading.path}, 0)" in text
        assert heading.text in text
    assert "1." in text and "•" in text
    assert all(str(number) in page.splitlines() for number, page in enumerate(pages, 1))
    top = [entry["/Title"] for entry in reader.outline if not isinstance(entry, list)]
    assert top == [section.heading for section in LONG.sections]


def test_a_long_pdf_begins_with_its_contents_and_a_short_one_with_its_text() -> None:
    reader = PdfReader(io.BytesIO(FORMATS["pdf"].render(LONG)))
    first = reader.pages[0].extract_text()
    assert "Warm the pot" not in first
    lines = [line for line in first.splitlines() if line.startswith("Heading")]
    assert len(lines) == NUM_OF_LONG
    for line, heading in zip(lines, list_headings(LONG), strict=True):
        number = int(line.rpartition(" ")[2])
        assert heading.text in reader.pages[number - 1].extract_text().splitlines()
    short = PdfReader(io.BytesIO(FORMATS["pdf"].render(SHORT))).pages[0].extract_text()
    assert "Warm the pot" in short


def test_what_a_pdf_cannot_show_is_refused_and_not_left_out(run, store, monkeypatch) -> None:
    for lang, said, reason in (
        ("eng_Latn", "お茶 is tea.", "2 signs that the font of PDFs lacks, such as 'お'"),
        ("arb_Arab", "شاي", "which no PDF is made in: take --format docx"),
    ):
        with pytest.raises(UsageError, match="2q5abc") as raised:
            FORMATS["pdf"].render(document(3, lang, said))
        assert reason in str(raised.value)


def test_a_document_without_a_plan_is_a_pdf_that_says_so() -> None:
    empty = replace(LONG, sections=())
    assert (
        "(nothing is planned yet)"
        in PdfReader(io.BytesIO(FORMATS["pdf"].render(empty))).pages[0].extract_text()
    )


def test_export_writes_a_pdf(run, store, tmp_path) -> None:
    assert run("write", "tea").exit_code == 0
    document_id = store.list_documents()[0].id
    for arguments in (
        ("--out", str(tmp_path / "tea.pdf")),
        ("--format", "pdf", "--out-dir", str(tmp_path / "all")),
    ):
        result = run("export", document_id, *arguments)
        assert result.exit_code == 0, result.stderr
    for path in (tmp_path / "tea.pdf", *(tmp_path / "all").iterdir()):
        assert "Sentence 1 is here." in PdfReader(path).pages[0].extract_text()


def test_a_long_word_file_has_a_contents_field_whose_links_lead_to_its_headings() -> None:
    word = Document(io.BytesIO(FORMATS["docx"].render(LONG)))
    body = word.element.body
    links = [link.get(qn("w:anchor")) for link in body.iter(qn("w:hyperlink"))]
    marks = {
        mark.get(qn("w:name")): "".join(text.text or "" for text in mark.getparent().iter(qn("w:t")))
        for mark in body.iter(qn("w:bookmarkStart"))
    }
    assert [marks[link] for link in links] == [heading.text for heading in list_headings(LONG)]
    kinds = [char.get(qn("w:fldCharType")) for char in body.iter(qn("w:fldChar"))]
    assert kinds == ["begin", "separate", "end"]
    (instruction,) = body.iter(qn("w:instrText"))
    assert instruction.text.strip() == r'TOC \o "1-3" \h \z \u'
    styles = [paragraph.style.name for paragraph in word.paragraphs]
    assert styles[0] == "Title" and styles[1:3] == ["toc 1", "toc 2"]
    assert len({mark.get(qn("w:id")) for mark in body.iter(qn("w:bookmarkStart"))}) == len(links)


def test_a_short_word_file_has_none() -> None:
    assert is_long(LONG) and not is_long(SHORT)
    word = Document(io.BytesIO(FORMATS["docx"].render(SHORT)))
    assert list(word.element.body.iter(qn("w:fldChar"))) == []


@pytest.mark.parametrize("name", ["html", "epub"])
def test_html_and_epub_list_all_headings(name: str) -> None:
    content = FORMATS[name].render(LONG)
    if name == "epub":
        import zipfile

        content = zipfile.ZipFile(io.BytesIO(content)).read("EPUB/nav.xhtml")
    text = content.decode()
    links = text[text.index("<nav") : text.index("</nav>")]
    assert links.count("<a href=") == NUM_OF_LONG
