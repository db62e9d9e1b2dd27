"""Files that people gave and that came out wrong once (tests/cases), each with what is right.

Their relatives are with the tests of the readers, encodings, sentences and languages; `test_input_cases_cli.py` holds
what the commands do with them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from concepts.errors import InputError
from concepts.given import GivenDocument, read_given

CASES = Path(__file__).parents[2] / "cases"
LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")


def case(name: str) -> GivenDocument:
    return read_given(CASES / name, LANGS)


def headings(document: GivenDocument) -> list[tuple[str, str]]:
    return [(section.path, section.heading) for section in document.sections]


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
