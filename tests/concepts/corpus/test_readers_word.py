"""Word files as Word, Google Docs and scripts write them: what a page shows is read once, what it hides is counted."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pytest

from concepts.corpus.importers import Unreadable, read_bytes
from concepts.corpus.readers import NestingError, read_data
from concepts.counting import count_phrase
from tests.concepts.corpus.reader_helpers import SPACES, WORD, paragraph, run, shown, word

HIDDEN_RUN = '<w:rStyle w:val="HidC"/>'


def field(kind: str, instruction: str = "") -> str:
    inner = f"<w:instrText>{instruction}</w:instrText>" if instruction else ""
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r><w:r>{inner}</w:r>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The end of a paragraph that was deleted or moved; a drop cap.
        (
            paragraph("The cat sat on ", "<w:rPr><w:del/></w:rPr>") + paragraph("the mat. It slept."),
            ["The cat sat on the mat. It slept."],
        ),
        (paragraph("One, ", "<w:rPr><w:moveFrom/></w:rPr>") + paragraph("two."), ["One, two."]),
        (paragraph("O", '<w:framePr w:dropCap="drop"/>') + paragraph("nce upon a time."), ["Once upon a time."]),
        (paragraph("Only this, ", "<w:rPr><w:del/></w:rPr>"), ["Only this,"]),
        # Signs inside runs.
        (f'<w:p>{run("Go")}<w:r><w:sym w:char="F0E0"/></w:r>{run("on.")}</w:p>', ["Go\u2192on."]),
        (f"<w:p><w:ruby><w:rt>{run('kan')}</w:rt><w:rubyBase>{run('Base.')}</w:rubyBase></w:ruby></w:p>", ["Base."]),
        (
            f"<w:p><w:sdt><w:sdtPr><w:checkbox/></w:sdtPr>{run('☒')}</w:sdt>{run(' I agree.')}</w:p>",
            ["I agree."],
        ),
        # Fields that never end.
        (f"<w:p>{field('begin', 'TOC')}{run('First.')}</w:p>{paragraph('Second.')}", ["First.", "Second."]),
        (
            f"<w:p>{field('begin', 'XE a')}{field('end')}{field('begin', 'INDEX')}</w:p>{paragraph('Text.')}",
            ["Text."],
        ),
        (f"<w:p>{field('end')}{run('Odd end.')}</w:p>", ["Odd end."]),
    ],
)  # fmt: skip
def test_paragraphs_as_the_page_shows_them(body: str, expected: list[str]) -> None:
    assert [text for _, text in shown(word(body))] == expected


@pytest.mark.parametrize(
    ("body", "left_out"),
    [
        (paragraph("Secret.", '<w:pStyle w:val="Hid"/>'), "1 hidden passage"),
        (f"<w:p>{run('Secret.', HIDDEN_RUN)}</w:p>", "1 hidden passage"),
        (paragraph("Secret.", '<w:pStyle w:val="Below"/>'), "1 hidden passage"),
        (
            f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr>{paragraph('Click to enter text.')}</w:sdt>",
            "1 empty field",
        ),
        (
            f"<w:p><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr>{run('Choose an item.')}</w:sdt></w:p>",
            "1 empty field",
        ),
    ],
)
def test_what_the_page_hides_is_counted(body: str, left_out: str) -> None:
    styles = (
        f'<w:styles {SPACES}><w:style w:styleId="Hid"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="HidC"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="Below"><w:basedOn w:val="Hid"/></w:style></w:styles>'
    )
    reading = word(body + paragraph("Open."), styles=styles)
    assert shown(reading) == [("paragraph", "Open.")]
    assert count_phrase(reading.left_out) == left_out


def test_a_run_that_shows_what_its_style_hides_is_read() -> None:
    styles = f'<w:styles {SPACES}><w:style w:styleId="H"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
    shown_again = '<w:rStyle w:val="H"/><w:vanish w:val="0"/>'
    body = f"<w:p>{run('Open.', shown_again)}</w:p>"
    assert shown(word(body, styles=styles)) == [("paragraph", "Open.")]


def cell(*texts: str) -> str:
    return f"<w:tc>{''.join(map(paragraph, texts))}</w:tc>"


def test_tables_that_place_text_are_read_and_data_is_counted() -> None:
    prose = ("I bake bread. I have done so for long.", "I also teach. My pupils like it.")
    columns = f"<w:tbl><w:tr>{cell('Jane Doe')}{cell(*prose)}</w:tr></w:tbl>"
    assert [text for _, text in shown(word(columns))] == ["Jane Doe", *prose]
    nested = f"<w:tbl><w:tr>{cell('Side')}<w:tc><w:tbl><w:tr>{cell('Framed.')}</w:tr></w:tbl></w:tc></w:tr></w:tbl>"
    assert [text for _, text in shown(word(nested))] == ["Side", "Framed."]
    data = word(paragraph("Text.") + f"<w:tbl><w:tr>{cell('Bread')}{cell('3 euros')}</w:tr></w:tbl>")
    assert (shown(data), data.left_out) == ([("paragraph", "Text.")], {"table": 1})


BOLD = "<w:b/>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            paragraph("Garlic", of_run=BOLD) + paragraph("When", of_run=BOLD) + paragraph("In autumn.")
            + paragraph("How:", of_run=BOLD) + paragraph("Push it in."),
            [(1, "Garlic"), (2, "When"), ("paragraph", "In autumn."), (2, "How"), ("paragraph", "Push it in.")],
        ),
        (
            paragraph("When", of_run=BOLD) + paragraph("In autumn.") + paragraph("This is bold text.", of_run=BOLD)
            + paragraph("More."),
            [("paragraph", t) for t in ("When", "In autumn.", "This is bold text.", "More.")],
        ),
        (
            paragraph("Head", '<w:outlineLvl w:val="0"/>') + paragraph("Bold", of_run=BOLD) + paragraph("Text.")
            + paragraph("Bold", of_run=BOLD) + paragraph("Text."),
            [(1, "Head"), *(("paragraph", t) for t in ("Bold", "Text.", "Bold", "Text."))],
        ),
    ],
)  # fmt: skip
def test_bold_paragraphs_are_headings_where_there_are_no_others(
    body: str, expected: list[tuple[int | str, str]]
) -> None:
    assert shown(word(body)) == expected


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (("\u2022 a", "\u2022 b"), ["bullet", "bullet"]),
        (("1. Mix it.", "2. Bake it."), ["step", "step"]),
        (("- flour", "- water", "Then."), ["bullet", "bullet", "paragraph"]),
        (("- Who is there?", "- It is me."), ["paragraph", "paragraph"]),
        (("1984. A novel", "Text."), ["paragraph", "paragraph"]),
        (("1. Alone.", "Text."), ["paragraph", "paragraph"]),
    ],
)
def test_marks_that_were_typed_make_lists(texts: tuple[str, ...], kinds: list[str]) -> None:
    assert [kind for kind, _ in shown(word("".join(map(paragraph, texts))))] == kinds


def test_two_columns_of_prose_are_text() -> None:
    cell = "<w:tc>{}</w:tc>"
    left = paragraph("The left column tells of tulips, which bloom in April and in May.")
    right = paragraph("The right column is about roses, which bloom in June and later.")
    number = paragraph("12")
    row = "<w:tbl><w:tr>{}</w:tr></w:tbl>"
    columns = word(row.format(cell.format(left) + cell.format(right)))
    assert [text[:9] for _, text in shown(columns)] == ["The left ", "The right"]
    data = word(row.format(cell.format(left) + cell.format(number)))
    assert shown(data) == [] and data.left_out == {"table": 1}


def test_files_of_another_kind_say_which() -> None:
    with pytest.raises(Unreadable, match=r"it is a \.doc file or has a password"):
        read_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".docx", "a.docx")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("content.xml", "<x/>")
    with pytest.raises(Unreadable, match="it is an OpenDocument file"):
        read_bytes(data.getvalue(), ".docx", "a.docx")


def test_the_date_of_a_script_s_template_is_no_date() -> None:
    data = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("Text.")
    document.save(data)
    assert (read_data(data.getvalue(), ".docx").metadata.date) == ""
    document.core_properties.author = "Jo"
    document.save(data)
    metadata = read_data(data.getvalue(), ".docx").metadata
    assert (metadata.author, metadata.date) == ("Jo", "2013-12-23")


def test_nested_lists_and_tables_of_word_are_read_or_refused() -> None:
    """The message had been libxml2's own."""
    levels = range(3000)
    items = "".join(
        paragraph(f"Step {n}.", f'<w:numPr><w:ilvl w:val="{n}"/><w:numId w:val="1"/></w:numPr>')
        for n in levels
    )
    assert [text for _, text in shown(word(items))] == [f"Step {n}." for n in levels]
    for opening, closing in (("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"), ("<w:sdt>", "</w:sdt>")):
        nested = f"{opening * 3000}{paragraph('Text.')}{closing * 3000}"
        with pytest.raises(NestingError, match="its tables and fields are nested deeper than 256 levels"):
            word(nested)


def test_a_word_file_of_a_few_kilobytes_that_unpacks_to_hundreds_of_megabytes_is_refused_by_its_size() -> (
    None
):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(60_000_000))
    with pytest.raises(
        Unreadable, match=r"word/document\.xml has 60 MB unpacked, at most 50 MB are read"
    ) as error:
        read_bytes(data.getvalue(), ".docx", "a.docx")
    assert error.value.reason == "too large"


@pytest.mark.parametrize("tag", ["document", "foo"])
def test_a_word_file_without_a_body_is_refused(tag: str) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", "<nonsense/>")
        archive.writestr("word/document.xml", f"<w:{tag} {SPACES}/>")
    with pytest.raises(Unreadable, match="its markup is broken"):
        read_bytes(data.getvalue(), ".docx", "a.docx")


def test_alternatives_of_a_word_file_without_any_end() -> None:
    """An empty one was read for ever."""
    body = f"<mc:AlternateContent/><w:p><mc:AlternateContent/>{run('Hello.')}</w:p>"
    fallback = (
        f"<mc:AlternateContent><mc:Fallback><w:p>{run('Old.')}</w:p></mc:Fallback></mc:AlternateContent>"
    )
    assert shown(word(body + fallback)) == [("paragraph", "Hello."), ("paragraph", "Old.")]


NOTES = (
    '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
    '<w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t>Only in spring.</w:t></w:r></w:p></w:footnote>'
    "</w:footnotes>"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"<w:p>{run('Kept ')}<w:ins>{run('inserted.')}</w:ins></w:p>", [("paragraph", "Kept inserted.")]),
        (f"<w:p><w:moveTo>{run('Moved.')}</w:moveTo></w:p>", [("paragraph", "Moved.")]),
        (
            f"<w:sdt><w:sdtContent><w:p>{run('Control.')}</w:p></w:sdtContent></w:sdt>",
            [("paragraph", "Control.")],
        ),
        (f"<w:p><w:smartTag>{run('Tagged.')}</w:smartTag></w:p>", [("paragraph", "Tagged.")]),
        (f"<w:p><w:fldSimple>{run('Field.')}</w:fldSimple></w:p>", [("paragraph", "Field.")]),
        (
            f"<w:p>{run('Beside.')}<w:r><mc:AlternateContent><mc:Choice><w:drawing><w:txbxContent>"
            f"<w:p>{run('In a box.')}</w:p></w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict>"
            f"<w:txbxContent><w:p>{run('In a box.')}</w:p></w:txbxContent></w:pict></mc:Fallback>"
            "</mc:AlternateContent></w:r></w:p>",
            [("paragraph", "Beside."), ("paragraph", "In a box.")],
        ),
        (
            f'<w:p>{run("Cut it.")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p><w:p>{run("Wait.")}</w:p>',
            [("paragraph", "Cut it."), ("note", "Only in spring."), ("paragraph", "Wait.")],
        ),
        (
            f'<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr>{run("Head")}</w:p><w:p>{run("Text.")}</w:p>',
            [(1, "Head"), ("paragraph", "Text.")],
        ),
        (f"<w:tbl><w:tr><w:tc><w:p>{run('Framed.')}</w:p></w:tc></w:tr></w:tbl>", [("paragraph", "Framed.")]),
    ],
)
def test_word_text_is_read_once(body: str, expected: list[tuple[int | str, str]]) -> None:
    reading = word(body, footnotes=NOTES if "footnoteReference" in body else "<x/>")
    assert shown(reading) == expected
    assert not reading.left_out


def test_word_that_is_left_out_is_counted() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    reading = word(
        f"<w:p>{run('Text.')}{hidden}<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
        f"<w:tbl><w:tr><w:tc><w:p>{run('1')}</w:p></w:tc><w:tc><w:p>{run('2')}</w:p></w:tc></w:tr></w:tbl>",
        header1=WORD.format(f"<w:p>{run('Page head')}</w:p>"),
    )
    assert shown(reading) == [("paragraph", "Text.")]
    assert count_phrase(reading.left_out) == "1 hidden passage, 1 deleted passage, 1 table, 1 page header"


def test_word_contents_by_field_are_no_text() -> None:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    begin = f"{mark('begin')}<w:r><w:instrText> TOC \\o </w:instrText></w:r>{mark('separate')}"
    reading = word(
        f"<w:p>{begin}{run('A 1')}</w:p><w:p>{run('B 2')}{mark('end')}</w:p><w:p>{run('Text.')}</w:p>"
    )
    assert (shown(reading), reading.left_out) == ([("paragraph", "Text.")], {"contents list": 1})


def test_word_style_that_stands_on_a_heading_is_one(tmp_path: Path) -> None:
    document = docx.Document()
    own = document.styles.add_style("My chapter", 1)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("Care", style="My chapter")
    document.add_paragraph("Text is here.")
    document.save(str(tmp_path / "a.docx"))
    assert shown(read_data((tmp_path / "a.docx").read_bytes(), ".docx")) == [
        (2, "Care"),
        ("paragraph", "Text is here."),
    ]


ROSES, VIOLETS = "Roses are red,", "violets are blue."
LONG = "The harbour was closed on Saturday, because the storm had torn two boats from their ropes."
LISTED = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
BREAK, PAGE = "<w:r><w:br/></w:r>", '<w:r><w:br w:type="page"/></w:r>'


def broken(*lines: str, by: str = BREAK, properties: str = "", of_run: str = "") -> str:
    """Return a paragraph with breaks between its lines."""
    runs = by.join(run(line, of_run) for line in lines)
    return f"<w:p><w:pPr>{properties}</w:pPr>{runs}</w:p>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (broken(ROSES, VIOLETS), [("verse", f"{ROSES}\n{VIOLETS}")]),
        (broken(ROSES, VIOLETS, by="<w:r><w:cr/></w:r>"), [("verse", f"{ROSES}\n{VIOLETS}")]),
        (broken(ROSES, VIOLETS, "", "Hope"), [("verse", f"{ROSES}\n{VIOLETS}"), ("paragraph", "Hope")]),
        # Running text with a break in it, a page's end, an item, a typed list, a heading, bold text.
        (broken(LONG, LONG), [("paragraph", f"{LONG} {LONG}")]),
        (broken(ROSES, "", VIOLETS), [("paragraph", f"{ROSES} {VIOLETS}")]),
        (broken(ROSES, VIOLETS, by=PAGE), [("paragraph", f"{ROSES} {VIOLETS}")]),
        (broken(ROSES, VIOLETS, properties=LISTED), [("bullet", f"{ROSES} {VIOLETS}")]),
        (broken("1. Mix.", "2. Rest."), [("paragraph", "1. Mix. 2. Rest.")]),
        (broken("Of", "roses", properties='<w:outlineLvl w:val="0"/>'), [(1, "Of roses")]),
        (broken("Of", "roses,", of_run="<w:b/>"), [("paragraph", "Of roses,")]),
    ],
)
def test_lines_of_a_paragraph_are_verse(body: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(word(body)) == expected
