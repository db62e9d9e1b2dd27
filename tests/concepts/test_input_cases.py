"""Files that people gave and that came out wrong once (tests/cases), each with what is right; and their relatives.

`test_input_cases_cli.py` holds what the commands do with them.
"""

from __future__ import annotations

import codecs
import io
import sys
import zipfile
from pathlib import Path

import docx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from reader_helpers import SPACES, WORD, paragraph, read, run, shown, word

from concepts.corpus.importers import Unreadable, read_bytes
from concepts.corpus.readers import Element, NestingError, read_data
from concepts.corpus.readers.markdown import MAX_BLOCK_LEVELS
from concepts.counting import count_phrase
from concepts.errors import InputError
from concepts.given import GivenDocument, arrange, read_given
from concepts.languages import detect_language, foreign_language
from concepts.segment import normalize_text, split_sentences

CASES = Path(__file__).parents[1] / "cases"
LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")


def case(name: str) -> GivenDocument:
    return read_given(CASES / name, LANGS)


def headings(document: GivenDocument) -> list[tuple[str, str]]:
    return [(section.path, section.heading) for section in document.sections]


# The cases.


@pytest.mark.parametrize("name", ["bom_front.md", "toml_front.md", "yaml_dots.md"])
def test_case_front_matter(name: str) -> None:
    found = case(name)
    assert (found.title, headings(found)) == ("Bread", [("1", "Flour"), ("2", "Water")])
    assert found.sentences == ("Buy good flour.", "Keep it dry.", "Use cold water.", "It slows the dough.")
    assert (found.author, found.date) == {
        "bom_front.md": ("", ""),
        "toml_front.md": ("", "2024-05-01"),
        "yaml_dots.md": ("Someone", ""),
    }[name]


def test_case_readme_project() -> None:
    found = case("readme_project.md")
    assert found.title == "Saplink"
    assert [heading for _, heading in headings(found)] == [
        *("Overview", "Install", "Use", "Overview", "Options", "Options", "Questions", "License"),
    ]
    text = " ".join(found.sentences)
    for mark in ("[!NOTE]", "[x]", "[ ]", "{#", "[^1]", "Table of contents", "pip install"):
        assert mark not in text
    assert "Saplink is young." in found.sentences
    assert "The wiki is kept by volunteers." in found.sentences
    assert "Ask Dr. Smith et al. at https://example.org/very/long?path=1&x=2." in found.sentences
    assert '"Is it safe?" he asked.' in found.sentences
    assert found.told == ("left out: 2 pictures, 1 contents list, 1 code block, 1 table",)


def test_case_story_indented() -> None:
    found = case("story_indented.txt")
    assert found.title == "The lamp"
    assert found.sentences == (
        "The keeper climbed the stairs.",
        "He was late, and the sea was loud.",
        "- Who is there? he called.",
        "Nobody answered.",
        "The wind took the door.",
        "1. he wrote into the book that evening, and no more.",
        "The lamp burned until morning.",
    )
    assert found.told == ()


def test_case_readme_underlined() -> None:
    found = case("readme_underlined.txt")
    assert found.title == "Bread for beginners"
    assert headings(found)[1:] == [("2", "What you need"), ("3", "The oven")]
    assert "=" not in " ".join(found.sentences) and len(found.sentences) == 6


def test_case_pond() -> None:
    found = case("pond.docx")
    assert found.title == "Care of a garden pond"
    assert headings(found) == [
        ("1", "Overview"),
        ("2", "1 The site"),
        ("3", "2 The water"),
        ("4", "3 The fish"),
        ("4.1", "Overview"),
        ("4.2", "Winter care"),
        ("4.3", "Spring care"),
    ]
    assert found.sentences == (
        "A short guide",
        "Choose a place with six hours of sun.",
        "Keep away from trees, e.g. willows.",
        "Dig the hole",
        "Lay the liner",
        "Fill it slowly",
        "Figure 1: The hole",
        "Rain water is best.",
        "Tap water needs three days to settle.",
        "Read more at the pond page before you begin.",
        "The pump has forty watts and runs all day.",
        "Begin with three fish.",
        "Feed them little.",
        "Take the pump out.",
        "Leave a hole in the ice.",
        "Clean the filter first.",
    )
    assert found.told == ("left out: 1 contents list, 1 table, 1 deleted passage",)


def test_case_page() -> None:
    found = case("page.html")
    assert found.title == "Mending a coat"
    assert [heading for _, heading in headings(found)] == ["Overview", "What you need", "Steps", "Afterwards"]
    assert found.sentences[:3] == (
        "By a tailor, in ten minutes.",
        "Find the hole.",
        "Turn the coat inside out.",
    )
    assert found.sentences[-2:] == ("Press the seam - with a cloth...", "Don't burn it.")
    for hidden in ("cookies", "Hidden", "form text", "Copyright", "scissors", "Home", "Do not read"):
        assert hidden not in " ".join(found.sentences)
    (told,) = found.told
    for name in (
        "table",
        "navigation list",
        "cookie banner",
        "hidden passage",
        "form field",
        "aside",
        "page footer",
    ):
        assert f"1 {name}" in told


def test_case_encodings() -> None:
    assert (case("utf16.md").title, headings(case("utf16.md"))) == (
        "Bread",
        [("1", "Flour"), ("2", "Water"), ("3", "Oven")],
    )
    found = case("cp1252.md")
    assert (found.title, headings(found)) == ("Brot für Anfänger", [("1", "Mehl"), ("2", "Öfen")])
    assert "read as windows-1252" in found.told[0]


@pytest.mark.parametrize(("name", "language"), [("arabic.md", "Arabic"), ("cjk.md", "Chinese")])
def test_case_other_scripts(name: str, language: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"reads as {language}, the space knows English, German"):
        case(name)
    (tmp_path / "one.md").write_text((CASES / name).read_text().splitlines()[0])
    with pytest.raises(InputError, match=f"reads as {language}"):
        read_given(tmp_path / "one.md", LANGS)


def test_case_longurl() -> None:
    (url,) = [word for word in (CASES / "longurl.md").read_text().split() if word.startswith("http")]
    assert case("longurl.md").sentences == (f"See {url} for more.", "It is long.")


def test_case_splitting() -> None:
    assert [section.sentences for section in case("splitting.md").sections] == [
        (
            "We met Mr. Jones Jr. at 5 p.m. in St. Louis, Mo. on Jan. 5.",
            "The U.S. team left at 6 a.m.",
            "Then it rained.",
            "See Fig. 3 and Eq. 2, pp. 12-14, vol. 3, no. 4.",
            "He has a Ph.D. in biology.",
            "Use a screen of approx. 10 in. by 8 in. only.",
        ),
        (
            '"Where are you going?" she said.',
            '"Home!"',
            "He left.",
            "(It was late.)",
            'He said "No."',
            "Then he slept.",
            "What?!",
            "Really...",
            "Yes.",
        ),
        (
            "Version 2.0 is out.",
            "It costs $3.50.",
            "Take 1 1/2 cups.",
            "On 3.12.2024 it changed.",
            "The file is a.txt.",
            "Use .NET, Node.js or C++.",
            "Go to www.example.org.",
            "Write to a.b@example.org.",
            "It grew by 3.5%.",
            "Then it fell.",
        ),
        ("Do three things: 1. open it, 2. read it and 3. close it.", "Steps: (a) look; (b) leap."),
        (
            *("J. R. R. Tolkien wrote it.", "Vitamin C.", "It helps.", "Plan B.", "We use it."),
            *("Do you use Yahoo! Mail?", "I do."),
        ),
    ]


# 1. Text that was lost.


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("A day\n\n\tThe sun rose over it.\n\n\tThe dog barked at it.\n", 2),
        ("   It was a dark night.\nThe rain fell.\n   She ran home.\nNobody saw her.\n", 2),
        ("Notes\n\n        Far in, but it is prose, you see.\n\nAnd this is not far in.\n", 2),
        ("# Head\n\n    Indented below a Markdown heading, it is text.\n\nNot indented.\n", 2),
    ],
)
def test_indented_paragraphs_of_text_files_are_text(text: str, paragraphs: int) -> None:
    reading = read(text, ".txt")
    assert sum(element.level is None for element in reading.elements) == paragraphs
    assert not reading.left_out


def test_indented_prose_in_markdown_is_text_and_indented_code_is_counted() -> None:
    reading = read("# A\n\n    We went home, and it was late. Nobody saw us.\n\n    x = f(1);\n    y = {}\n")
    assert shown(reading) == [(1, "A")] or shown(reading)[1][1].startswith("We went home")
    reading = read("# A\n\n    x = f(1);\n    y = {}\n\nText.\n")
    assert reading.left_out == {"code block": 1}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<article><header><p>First line.</p></header><p>Text.</p></article>", ["First line.", "Text."]),
        ("<main><section><header><h2>A</h2></header><p>Text.</p></section></main>", ["A", "Text."]),
        ("<blockquote><p>Quoted.</p><footer>By somebody.</footer></blockquote>", ["Quoted.", "By somebody."]),
        (
            "<form><h2>A</h2><p>The whole page is a form.</p><input></form>",
            ["A", "The whole page is a form."],
        ),
        ("<details><summary>More</summary><p>Inside.</p></details>", ["More", "Inside."]),
        ("<table role=presentation><tr><td><p>Laid out.</p></td></tr></table>", ["Laid out."]),
        (
            "<p>Line one.<br>Line two.</p><p>flour<br>water<br>salt</p>",
            ["Line one. Line two.", "flour", "water", "salt"],
        ),
        ("<p>He said <q>No</q>.</p>", ['He said "No".']),
    ],
)
def test_html_that_is_text(html: str, expected: list[str]) -> None:
    reading = read(html, ".html")
    assert [element.text for element in reading.elements] == expected
    assert not reading.left_out


@pytest.mark.parametrize(
    ("html", "left_out"),
    [
        ('<p class="sr-only">Skip to it</p>', "1 hidden passage"),
        ('<p style="visibility: hidden">x</p><p aria-hidden="true">y</p>', "2 hidden passages"),
        ('<div id="onetrust-banner">We use them.</div>', "1 cookie banner"),
        ('<div class="navbar"><a href="/">Home</a></div>', "1 navigation list"),
        (
            '<h2>Contents</h2><ul><li><a href="#a">A</a></li><li><a href="#b">B</a></li></ul>',
            "1 contents list",
        ),
        ('<div role="doc-toc"><p>A 1</p></div>', "1 contents list"),
        ("<p>a <del>was</del> b</p>", "1 struck-out passage"),
        (
            "<table><tr><td>1</td><td>2</td></tr></table><pre>x = 1</pre><img src=x>",
            "1 table, 1 code block, 1 picture",
        ),
    ],
)
def test_html_that_is_left_out_is_counted(html: str, left_out: str) -> None:
    reading = read(f"<body><p>Text.</p>{html}</body>", ".html")
    assert count_phrase(reading.left_out) == left_out
    assert "Contents" not in [element.text for element in reading.elements]


def test_what_stands_around_main_is_counted_and_its_heading_kept() -> None:
    reading = read(
        "<body><header><h1>The page</h1></header><div class=x>Menu</div><main><h2>A</h2><p>Text.</p></main>"
        "<div>More of the site.</div></body>",
        ".html",
    )
    assert shown(reading) == [(1, "The page"), (2, "A"), ("paragraph", "Text.")]
    assert count_phrase(reading.left_out) == "1 page header, 2 passages around the main part"


def test_html_headings_inside_markdown() -> None:
    reading = read('<h1 align="center">A</h1>\n\nText.\n\n<h2>B <a href="#b">#</a></h2>\n\n<p>More.</p>\n')
    assert shown(reading) == [(1, "A"), ("paragraph", "Text."), (2, "B"), ("paragraph", "More.")]


def test_what_front_matter_says_beside_the_title_is_counted() -> None:
    for front in (
        "---\ntitle: A\ntags: [a, b]\nsummary: This is it.\n---\n",
        '+++\ntitle = "A"\n[extra]\nb = 1\n+++\n',
    ):
        reading = read(f"{front}\nText.\n")
        assert reading.metadata.title == "A" and reading.left_out["value of the front matter"] > 0
    assert read("---\ntitle: A\nauthor: B\n---\n\nText.\n").left_out == {}


def test_tags_are_nested_as_deep_as_pages_are_and_no_deeper() -> None:
    """The parser looks through all open tags at each new one: 200,000 took over a minute."""
    for opening in ("<div>", "<DIV class=a>", "<b><div/>", "<svg><g>"):
        with pytest.raises(Unreadable, match=r"a\.html cannot be read: its tags are nested deeper"):
            read_bytes(f"{opening * 200_000}Text.".encode(), ".html", "a.html")
    flat = "<p>One.<td>Two.<li>Three.<br><div><b>Left open.</div><svg><path d='m 0'/></svg>" * 3000
    assert len(read(flat, ".html").elements) == 3 * 3000
    assert shown(read("<div>" * 500 + "Text.", ".html")) == [("paragraph", "Text.")]


@pytest.mark.parametrize("indent", ["- {inner}", "  1. {inner}", "> {inner}", "- > {inner}", ": {inner}"])
@pytest.mark.parametrize("depth", [12, 3000])
def test_what_is_nested_in_markdown_is_read_or_refused(indent: str, depth: int) -> None:
    """The parser had dropped whatever stood deeper than 20 levels: nine sentences of a list 3,000 deep were left."""
    text = f"Term.\n{indent.format(inner='') * depth}The last one.\n\nThe end."
    if depth > MAX_BLOCK_LEVELS and indent[0] != ":":
        with pytest.raises(Unreadable, match="its lists and quotations are nested deeper than 50"):
            read_bytes(text.encode(), ".md", "a.md")
        return
    assert [
        part for part in ("Term.", "The last one.", "The end.") if part not in str(shown(read(text)))
    ] == []


def test_nested_items_are_all_read_and_a_rule_of_marks_is_no_nesting() -> None:
    steps = [f"Step number {n} of many." for n in range(40)]
    nested = "\n".join(f"{'  ' * n}- {step}" for n, step in enumerate(steps))
    assert shown(read(nested)) == [("bullet", step) for step in steps]
    for depth in (1, MAX_BLOCK_LEVELS - 1):
        assert read(f"{'>' * depth} Said.\n").elements[0].text == "Said."
    assert shown(read(f"One.\n\n{'>' * 500}\n\n{'- ' * 500}\n\nTwo.\n")) == [
        ("paragraph", "One."),
        ("paragraph", "Two."),
    ]


@pytest.mark.parametrize(
    "opening",
    ["<blockquote>", "<ul><li>", "<ol><li>", "<table><tr><td>", "<div>", "<section>", "<dl><dd>", "<span>"],
)
def test_nested_html_is_read_or_refused(opening: str) -> None:
    texts = [f"Sentence number {n} stands here." for n in range(1990)]
    found = read("".join(f"{opening}{text} " for text in texts), ".html")
    assert " ".join(element.text for element in found.elements).split(" ") == " ".join(texts).split(" ")
    with pytest.raises(Unreadable, match="its tags are nested deeper than 2000"):
        read_bytes(f"{opening * 3000}Text.".encode(), ".html", "a.html")


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


# 3. Markup.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> [!WARNING]\n> Hot.\n>\n> Very.\n", [("note", "Hot."), ("note", "Very.")]),
        ("::: tip Careful\nHot.\n:::\n", [("note", "Careful"), ("note", "Hot.")]),
        ('!!! note "Careful"\n    Hot.\n', [("note", "Careful"), ("note", "Hot.")]),
        (
            "Text[^a].\n\nMore.\n\n[^a]: A note.\n",
            [("paragraph", "Text."), ("note", "A note."), ("paragraph", "More.")],
        ),
        ("## A {: .wide #a }\n\nText.\n", [(2, "A"), ("paragraph", "Text.")]),
        ("## Set {x}\n\nText.\n", [(2, "Set {x}"), ("paragraph", "Text.")]),
        ("- [x] a\n- [ ] b\n", [("bullet", "a"), ("bullet", "b")]),
        ("Term\n: What it is.\n", [("bullet", "Term: What it is.")]),
        ("A ~~b~~ c ~5 or ~6.\n", [("paragraph", "A c ~5 or ~6.")]),
    ],
)
def test_markup_of_markdown(text: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(read(text)) == expected


@pytest.mark.parametrize(
    ("text", "title", "author"),
    [
        ("---\ntitle: 'A: b'\nauthor: [X, Y]\n---\nText.\n", "A: b", "X, Y"),
        ("---\r\ntitle: A: b: c\r\nauthor:\r\n  name: X\r\n---\r\nText.\r\n", "A: b: c", ""),
        ('+++\ntitle = "A"\n[author]\nname = "X"\n+++\nText.\n', "A", "X"),
        ("\ufeff---\ntitle: A\n...\nText.\n", "A", ""),
    ],
)
def test_front_matter_is_metadata(text: str, title: str, author: str) -> None:
    reading = read(text)
    assert (reading.metadata.title, reading.metadata.author) == (title, author)
    assert shown(reading) == [("paragraph", "Text.")]


def test_a_rule_above_text_is_no_front_matter() -> None:
    assert shown(read("---\n\nText is here.\n\n---\n\nMore.\n")) == [
        ("paragraph", "Text is here."),
        ("paragraph", "More."),
    ]


def test_front_matter_tells_the_language(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nlang: de\n---\n\n# Tee\n\nTee ist gut.\n")
    assert read_given(tmp_path / "a.md", LANGS).lang == "deu_Latn"


@pytest.mark.parametrize("signs", ["=-", "~^", "*#"])
def test_underlined_headings_of_text_files(signs: str) -> None:
    above, below = signs
    text = f"Title\n{above * 5}\n\nText is here.\n\nPart\n{below * 4}\n\nMore is here.\n"
    assert shown(read(text, ".txt")) == [
        (1, "Title"),
        ("paragraph", "Text is here."),
        (2, "Part"),
        ("paragraph", "More is here."),
    ]


# 4. Encodings.

GERMAN = "# Brot für Anfänger\n\nMan nehme Mehl, Wasser und ein wenig Öl für die Schüssel.\n"


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + GERMAN.encode(),
        GERMAN.encode("utf-16"),
        codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"),
        GERMAN.encode("utf-32"),
        GERMAN.encode("utf-16-le"),
        GERMAN.encode("cp1252"),
        GERMAN.encode("latin-1"),
    ],
    ids=["bom", "utf-16", "utf-16-be", "utf-32", "utf-16 without a mark", "cp1252", "latin-1"],
)
def test_encodings(data: bytes) -> None:
    assert read_data(data, ".md").elements[0].text == "Brot für Anfänger"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">', "cp1250"),
        ('<?xml version="1.0" encoding="iso-8859-2"?>', "iso-8859-2"),
        ('<meta charset="koi8-r">', "koi8-r"),
    ],
)
def test_declared_encodings(head: str, encoding: str) -> None:
    text = {"cp1252": "café “x”", "koi8-r": "Привет"}.get(encoding, "Łódź")
    reading = read_data(f"{head}<p>{text}</p>".encode(encoding), ".html")
    assert (reading.elements[0].text, reading.remarks) == (text, ())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        ("你好".encode("gb18030"), "not UTF-8 text"),
        (b"caf\x81\x8d", "not UTF-8 text"),
        (codecs.BOM_UTF8 + b"\xff\xff", "its first bytes say UTF-8"),
    ],
)
def test_no_encoding_is_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as error:
        read_bytes(data, ".txt", "a.txt")
    assert "\n" not in str(error.value) and "save it as" in str(error.value)


# 5. Sentences.


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ('"Stop!" John shouted. He ran.', "eng_Latn", ['"Stop!" John shouted.', "He ran."]),
        ('"Where?" I asked. "Here."', "eng_Latn", ['"Where?" I asked.', '"Here."']),
        (
            "„Wohin gehst du?“, fragte sie. Er ging.",
            "deu_Latn",
            ['"Wohin gehst du?", fragte sie.', "Er ging."],
        ),
        (
            "« Où vas-tu ? » demanda-t-elle. Il part.",
            "fra_Latn",
            ['"Où vas-tu ?" demanda-t-elle.', "Il part."],
        ),
        (
            "Am 3. Oktober fuhr er. Der 2. Weltkrieg war aus.",
            "deu_Latn",
            ["Am 3. Oktober fuhr er.", "Der 2. Weltkrieg war aus."],
        ),
        ("Er kam am 12. Dann ging er.", "deu_Latn", ["Er kam am 12.", "Dann ging er."]),
        ("Ludwig XIV. war König. Er starb.", "deu_Latn", ["Ludwig XIV. war König.", "Er starb."]),
        (
            "Smith et al. (2020) found it. Others did not.",
            "eng_Latn",
            ["Smith et al. (2020) found it.", "Others did not."],
        ),
        ("It is 5 ft. 3 in. tall. See pp. 3-4.", "eng_Latn", ["It is 5 ft. 3 in. tall.", "See pp. 3-4."]),
        ("He said no. Then he left.", "eng_Latn", ["He said no.", "Then he left."]),
        ("See Sec. IV of it. J. K. Rowling did.", "eng_Latn", ["See Sec. IV of it.", "J. K. Rowling did."]),
        (
            "Open a.b.txt. See https://x.org/a?b=1. Go.",
            "eng_Latn",
            ["Open a.b.txt.", "See https://x.org/a?b=1.", "Go."],
        ),
        ("Véase pág. 12 y fig. 3. El Sr. Gil va.", "spa_Latn", ["Véase pág. 12 y fig. 3.", "El Sr. Gil va."]),
    ],
)
def test_sentences(text: str, lang: str, expected: list[str]) -> None:
    assert split_sentences(normalize_text(text), lang) == expected


def test_a_long_sentence_stays_one() -> None:
    text = "We " + "walk and " * 400 + "stop."
    assert split_sentences(text) == [text]


# 7. Languages.


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Как испечь хлеб", "Russian"),
        ("パンの焼き方", "Japanese"),
        ("빵 굽기", "Korean"),
        ("איך לאפות לחם", "Hebrew"),
        ("ᏣᎳᎩ", "a language in Cherokee letters"),
        ("ޕާން", "a language in Thaana letters"),
        ("ⴰⵖⵔⵓⵎ", "a language in Tifinagh letters"),
        ("∀x ∈ ℝ", None),
        ("Come fare il pane", "Italian"),
        ("Hur man bakar bröd", "Swedish"),
        ("Ekmek nasıl yapılır", "Turkish"),
        ("Docker and Kubernetes", None),
        ("Sushi", None),
        ("Crème brûlée", None),
        ("How to say 你好 in a letter", None),
        ("Wie man Brot backt", None),
        ("2 + 2 = 4", None),
        ("Das Brot.", None),
        ("Il pane.", "Italian"),
        ("O pão.", "Portuguese"),
        ("Het brood.", "Dutch"),
        ("La Paz and Titicaca.", None),
        ("Is it on?", None),
        ("Die hard.", None),
        ("A test.", None),
    ],
)
def test_languages_however_short(text: str, language: str | None) -> None:
    assert foreign_language(text, LANGS) == language


@pytest.mark.parametrize(
    ("text", "code", "language"),
    [
        ("Das Brot.", "deu_Latn", "German"),
        ("Ein Garten ist schön.", "deu_Latn", "German"),
        ("Le pain.", "fra_Latn", "French"),
        ("El pan.", "spa_Latn", "Spanish"),
        ("The bread.", "eng_Latn", None),
        ("Das Boot", "eng_Latn", None),  # a title may be a name
    ],
)
def test_two_words_of_a_sentence_tell_its_language(text: str, code: str, language: str | None) -> None:
    assert detect_language(text, LANGS, "eng_Latn") == code
    assert foreign_language(text, ("eng_Latn",)) == language


def test_a_short_document_is_refused_by_name_or_taken_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Das Brot.\n", encoding="utf-8")
    assert read_given(tmp_path / "a.txt", LANGS).lang == "deu_Latn"
    with pytest.raises(InputError, match="reads as German, the space knows English"):
        read_given(tmp_path / "a.txt", ("eng_Latn",))


@pytest.mark.parametrize(
    ("lang", "heading"),
    [
        ("deu_Latn", "Überblick"),
        ("ita_Latn", "Introduzione"),
        ("pol_Latn", "Wprowadzenie"),
        ("rus_Cyrl", "Введение"),
    ],
)
def test_text_above_the_first_heading_has_a_heading_of_its_language(lang: str, heading: str) -> None:
    elements = [Element("X", 1), Element("A b.", None), Element("Y", 2), Element("C d.", None)]
    assert arrange(elements, lang, "x").sections[0].heading == heading


def test_a_space_that_knows_a_script_takes_it() -> None:
    assert foreign_language("Хлеб", ("eng_Latn", "rus_Cyrl")) is None
    assert foreign_language("パンの焼き方", ("jpn_Jpan",)) is None


def test_mixed_documents_say_what_was_taken_for_what(tmp_path: Path) -> None:
    german = "Das Wasser wird auf dem Herd gekocht und dann in die Tasse gegeben."
    english = "The water is boiled on the stove and then it is poured into the cup."
    (tmp_path / "a.md").write_text(
        f"# Tea\n\n{english}\n\n{english} Again.\n\n{german}\n\nХлеб и вода стоят здесь.\n"
    )
    (told,) = read_given(tmp_path / "a.md", LANGS).told
    assert "taken as English, with 1 paragraph in German, 1 paragraph in Russian" in told
    assert told.endswith("which the space does not know, kept as they are")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A paper\n\n1. Why\n\nThe text is here. It is long.\n\n2. How\n\n2.1 Data\n\nMore text is here.\n",
            [
                (0, "A paper"),
                (1, "Why"),
                ("paragraph", "The text is here. It is long."),
                (1, "How"),
                (2, "Data"),
            ],
        ),
        ("1. Mix it\n\n2. Bake it\n", [("step", "Mix it"), ("step", "Bake it")]),
        (
            "A day\n\n1. he wrote, and no more.\n\nThen he slept.\n",
            [(0, "A day"), ("paragraph", "1. he wrote, and no more.")],
        ),
        ("* A\n** B\n** C\n* D\n", [(1, "A"), (2, "B"), (2, "C"), (1, "D")]),
    ],
)
def test_numbered_headings_of_text_files(text: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(read(text, ".txt"))[: len(expected)] == expected
