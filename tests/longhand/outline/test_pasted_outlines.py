"""Outlines as people paste them: each way gives the same sections, on the same levels."""

from __future__ import annotations

import pytest

from concepts.errors import LonghandError
from longhand.outline.outlines import MAX_CHARS, parse_outline, plain_heading

FLAT = [("1", "Flour"), ("2", "Water"), ("3", "Salt")]
NESTED = [("1", "Flour"), ("1.1", "White"), ("1.2", "Brown"), ("2", "Water")]


def test_an_outline_is_refused_by_its_length_before_it_is_parsed() -> None:
    with pytest.raises(
        LonghandError, match="has 300,001 characters, at most 300,000 are read: keep its headings"
    ):
        parse_outline("#" * (MAX_CHARS + 1))


@pytest.mark.parametrize(
    ("words", "reason"), [("Tea ", "has 100004 characters, at most 200"), ("", r"'\[{40}' holds no word")]
)
def test_a_heading_of_brackets_is_refused_in_a_short_line(words: str, reason: str) -> None:
    with pytest.raises(LonghandError, match=f"line 1: the heading {reason}") as error:
        parse_outline(f"# {words}{'[' * 100_000}")
    assert len(str(error.value)) < 200


def test_a_typed_heading_of_marks_alone_is_left_for_the_check_of_its_length() -> None:
    marks = "![" * 50_000
    assert plain_heading(marks) == marks


def tree(text: str) -> list[tuple[str, str]]:
    return [(heading.path, heading.text) for heading in parse_outline(text).headings]


@pytest.mark.parametrize(
    "text",
    [
        "1 Flour\n2 Water\n3 Salt",
        "1 - Flour\n2 - Water\n3 - Salt",
        "1: Flour\n2: Water\n3: Salt",
        "\uff11\uff0eFlour\n\uff12\uff0eWater\n\uff13\uff0eSalt",
        "\u2460 Flour\n\u2461 Water\n\u2462 Salt",
        "\u2160. Flour\n\u2161. Water\n\u2162. Salt",
        "1\ufe0f\u20e3 Flour\n2\ufe0f\u20e3 Water\n3\ufe0f\u20e3 Salt",
        "\u2705 Flour\n\U0001f449 Water\n\u27a1\ufe0f Salt",
        "-> Flour\n=> Water\n\u2192 Salt",
        "\u2610 Flour\n\u2611 Water\n\u2705 Salt",
        "\u2714\ufe0f Flour\n\u274c Water\n\u2705 Salt",
        "[ ] Flour\n\u2612 Water\n[x] Salt",
        "I. Flour\nWater\nSalt",
        "- Flour[^1]\n- Water\n- Salt [^a]\n\n[^1]: From Kansas.\n[^a]: From\n    the sea.",
        "## Flour[^1]\n## Water\n## Salt\n\n[^1]: From Kansas.",
        "> [!WARNING]\n> Hot stove\n\n- Flour\n- Water\n- Salt",
        "> [!TIP] Mind\n\nFlour\nWater\nSalt",
        "1.\n\nFlour\n\n2.\n\nWater\n\n3.\n\nSalt",
        "1. Flour;\n2. Water,\n3. Salt:",
        "```\n1. Flour\n2. Water\n3. Salt\n```",
        "Here it is:\n\n```markdown\n## Flour\n## Water\n## Salt\n```\n\nTell me more!",
        "##Flour\n##Water\n##Salt",
        "Please write these three sections:\n\n1. Flour\n2. Water\n3. Salt",
        '{"title": "T", "sections": [{"heading": "Flour"}, {"title": "Water"}, "Salt"]}',
        "title: T\nsections:\n  - Flour\n  - Water\n  - Salt\n",
        "\\title{T}\n\\section{Flour}\n\\section{Water}\n\\section*{Salt}",
        "#+TITLE: T\n* Flour\n* Water\n* Salt",
        "Flour\n-----\nWater\n-----\nSalt\n-----",
        "<ol><li>Flour</li><li>Water</li><li>Salt</li></ol>",
    ],
)
def test_flat_outlines(text: str) -> None:
    assert tree(text) == FLAT


@pytest.mark.parametrize(
    "text",
    [
        "1. Flour\n1a. White\n1b. Brown\n2. Water",
        "A. Flour\nA.1 White\nA.2 Brown\nB. Water",
        "1 Flour\n1.1 White\n1.2 Brown\n2 Water",
        "\u00b7\tFlour\no\tWhite\no\tBrown\n\u00b7\tWater",
        "Flour:\n- White\n- Brown\nWater:\n",
        "I. Flour\n  A. White\n  B. Brown\nWater",
        "I. Flour\n- White\n- Brown\nWater",
        "I) Flour\n    White\n    Brown\nWater",
        "\u25cf Flour\n\u2714 White\n\u2610 Brown\n\u25cf Water",
        "<ul><li>Flour<ul><li>White</li><li>Brown</li></ul></li><li>Water</li></ul>",
        '<opml><body><outline text="Flour"><outline text="White"/><outline text="Brown"/></outline>'
        '<outline text="Water"/></body></opml>',
        "sections:\n  - Flour:\n      - White\n      - Brown\n  - Water\n",
        "\\chapter{Flour}\n\\section{White}\n\\section{Brown}\n\\chapter{Water}",
        "#+TITLE: T\n* Flour\n** White\n** Brown\n* Water",
    ],
)
def test_nested_outlines(text: str) -> None:
    assert tree(text) == NESTED


@pytest.mark.parametrize(
    "start",
    [
        "<!DOCTYPE html>\n<html><head><title>x</title></head><body>",
        "<html lang=en>\n<body>\n<div class=a>",
        " \n<main>",
    ],
)
def test_an_html_list_may_be_a_whole_page(start: str) -> None:
    """All items were one heading, glued together."""
    assert tree(f"{start}<ol><li>Flour</li><li>Water</li><li>Salt</li></ol>") == FLAT
    page = f"{start}<h1>Bread</h1><ul><li>Flour</li><li>Water</li></ul>"
    assert parse_outline(page).headings[0].text == "Bread"


def test_what_stands_around_an_html_list_is_kept() -> None:
    outline = parse_outline("<ul><li>Flour</li><li>Water</li></ul><p>It must be cold.</p>")
    assert [(heading.text, heading.points) for heading in outline.headings] == [
        ("Flour", ()),
        ("Water", ("It must be cold.",)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# T\n\n## A\n\n" + "\n".join(f"{'  ' * n}- Item {n}" for n in range(60)), "its lists and quotations are"),
        ("# T\n\n## A\n\n" + ">" * 3000 + " Said.", "its lists and quotations are"),
        ('{"title": "A", "children": [' * 30 + "]}" * 30, "its items are nested deeper than 20"),
        ('{"title": "A", "children": [' * 3000 + "]}" * 3000, "its items are nested deeper than 20"),
        ("sections:\n  " + "- " * 3000 + "A", "its items are nested deeper than 20"),
        (f"""<opml><body>{'<outline text="A">' * 3000}""", "its items are nested deeper than 256"),
        (f"{'<ul><li>A' * 1500}", "its lists and quotations are nested deeper"),
    ],
)  # fmt: skip
def test_an_outline_that_is_nested_too_deep_is_refused(text: str, message: str) -> None:
    """JSON had lost what was deeper than 20 levels, Markdown what was deeper than nine lists."""
    with pytest.raises(LonghandError) as caught:
        parse_outline(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_points_in_a_nested_list_are_all_kept() -> None:
    text = "# T\n\n## A\n\n" + "\n".join(f"{'  ' * n}- Item {n}" for n in range(30)) + "\n\n## B\n"
    assert parse_outline(text).headings[0].points == tuple(f"Item {n}" for n in range(30))


def test_chapters_stand_below_their_parts() -> None:
    text = (
        "Introduction\nPart I. Bread\nChapter 1: Flour\nChapter 2: Water\nPart II. Cakes\nChapter 3: Sugar\n"
    )
    assert [path for path, _ in tree(text)] == ["1", "2", "2.1", "2.2", "3", "3.1"]
    assert [path for path, _ in tree("Chapter 1: A\nChapter 2: B\n")] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "1. Flour\nSay what it is. Name two kinds.\n\n2. Water\n",
            [("Flour", ("Say what it is.", "Name two kinds.")), ("Water", ())],
        ),
        ("- Flour\nIt is milled grain.\n- Water\n", [("Flour", ("It is milled grain.",)), ("Water", ())]),
        ("I. Flour\nII. Water\nIt must be cold.\n", [("Flour", ()), ("Water", ("It must be cold.",))]),
        (
            "# Bread\n\n1. Flour\n   Say what it is. Name two kinds.\n2. **Water**\n   It must be cold.\n",
            [("Flour", ("Say what it is.", "Name two kinds.")), ("Water", ("It must be cold.",))],
        ),
        ("- Flour\n- Water\n\n> [!WARNING]\n> Not hot", [("Flour", ()), ("Water", ("Not hot",))]),
        ("# Flour\n\n> [!WARNING]\n> Not hot.\n\n# Water", [("Flour", ("Not hot.",)), ("Water", ())]),
    ],
)
def test_sentences_below_items_are_points(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(heading.text, heading.points) for heading in parse_outline(text).headings] == expected


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("# Flour[^1]\n# Water[^2]\n\n[^1]: A.\n[^2]: B.", "2 footnotes"),
        ("# T\n\nWrite it short please.\n\n- Flour\n- Water", "1 line around the list"),
        ("# T\n\n> [!NOTE]\n> Write it short.\n\n- Flour\n- Water", "1 line around the list"),
    ],
)
def test_what_is_no_heading_is_counted_once(text: str, left_out: str) -> None:
    assert parse_outline(text).told == (f"the outline: left out: {left_out}",)


@pytest.mark.parametrize(
    ("text", "length"),
    [("## Flour (300 words)", 20), ("- Flour [5 sentences]", 5), ("1. Flour (about 2 paragraphs)", 8),
     ("Flour (5)", None)],
)  # fmt: skip
def test_lengths_in_words_are_taken(text: str, length: int | None) -> None:
    (heading,) = parse_outline(text).headings
    assert (heading.text.removesuffix(" (5)"), heading.length) == ("Flour", length)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("2 eggs\n1 cup of milk\n3 carrots", ["2 eggs", "1 cup of milk", "3 carrots"]),
        ("1 Flour\nSome other line\n2 Water", ["1 Flour", "Some other line", "2 Water"]),
        ("A. Flour\nB. Water", ["Flour", "Water"]),
        ("I. Newton\nA. Einstein\nM. Curie", ["I. Newton", "A. Einstein", "M. Curie"]),
        ("I. Newton", ["I. Newton"]),
        ("The class [^a-z]\nThe sign [^b]", ["The class [^a-z]", "The sign [^b]"]),
        ("Flour & water {x}\nSalt", ["Flour & water {x}", "Salt"]),
        ("[Flour]\n[Water]", ["[Flour]", "[Water]"]),
    ],
)
def test_what_only_looks_like_a_number_stays(text: str, headings: list[str]) -> None:
    assert [heading for _, heading in tree(text)] == headings


@pytest.mark.parametrize(
    "text",
    ["<opml><", '{"a": ', "sections:\n  - [", "[[[[[", "{" * 5000, "sections:\n" + "- - " * 2000, "<li>" * 5000,
     "\\section{"],
)  # fmt: skip
def test_broken_outlines_are_lines_or_one_clear_error(text: str) -> None:
    try:
        assert parse_outline(text).headings
    except LonghandError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "## 1. Flour\n## 2. Water\n## 3. Salt",
        "## 1 Flour\n## 2 Water\n## 3 Salt",
        "### I. Flour\n### II. Water\n### III. Salt",
        "## A) Flour\n## B) Water\n## C) Salt",
        "# 1.0 Flour\n# 2.0 Water\n# 3.0 Salt",
        "## 1. Flour\n\n## 2. Water\n\n## 3. Salt\n\nLet me know if you'd like more detail!",
        "Hi Tom,\n\nhere's the outline as we discussed:\n\n1.\tFlour\n2.\tWater\n3.\tSalt\n\nThanks,\nJo",
        "Hello,\n\n- Flour\n- Water\n- Salt\n\nKind regards,\nMaria Lopez\nHead of Finance\n+49 30 1234567",
        "Sehr geehrte Frau Lopez,\n\n1) Flour\n2) Water\n3) Salt\n\nMit freundlichen Grüßen\nJo",
        "From: Jo\nTo: Tom\nSubject: x\n\nHi Tom,\n\n1. Flour\n2. Water\n3. Salt\n\n--\nJo",
        "Table of Contents\n\nFlour ........ 1\nWater ........ 5\nSalt ........ 9",
        "Our bread\n  - Flour\n  - Water\n  - Salt",
    ],
)
def test_numbers_of_headings_and_words_around_a_list(text: str) -> None:
    assert tree(text) == FLAT


@pytest.mark.parametrize(
    "text",
    [
        "## I. Flour\n### A. White\n### B. Brown\n## II. Water",
        "## 1. Flour\n### 1.1 White\n### 1.2 Brown\n## 2. Water",
        "1) Flour\n   1a) White\n   1b) Brown\n2) Water",
        "Bread 2024\nI.\tFlour\n\tA.\tWhite\n\tB.\tBrown\nII.\tWater",
    ],
)
def test_numbers_of_two_levels(text: str) -> None:
    assert tree(text) == NESTED


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("## 2.4 GHz\n## 5 GHz\n## Security", ["2.4 GHz", "5 GHz", "Security"]),
        ("## 1984 by Orwell\n## 3 Idiots", ["1984 by Orwell", "3 Idiots"]),
        ("## 1. Advent\n## 2. Advent", ["1. Advent", "2. Advent"]),
        ("Hello world\nThanks to all\nThe end", ["Hello world", "Thanks to all", "The end"]),
        ("- Dear diary\n- Best of all\n- Cheers", ["Dear diary", "Best of all", "Cheers"]),
    ],
)
def test_headings_that_only_look_numbered_or_like_a_letter(text: str, headings: list[str]) -> None:
    assert [text for _, text in tree(text)] == headings


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("Flour\n    Where it is from. How it is milled.\nWater", ("Where it is from.", "How it is milled.")),
        ("- Flour\n\n> Mind the dust.\n\n- Water", ("Mind the dust.",)),
        ("## Flour\n\n![White](a.png)\n\nIt is white.\n\n## Water", ("It is white.",)),
    ],
)
def test_points_of_plain_and_quoted_lines(text: str, points: tuple[str, ...]) -> None:
    assert parse_outline(text).headings[0].points == points
