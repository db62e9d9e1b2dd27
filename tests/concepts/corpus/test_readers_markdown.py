"""Markdown of the tools that people write it with: no mark of theirs is read as text, no words are lost unsaid."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from concepts.corpus.importers import Unreadable, read_bytes
from concepts.corpus.readers import read_data
from concepts.corpus.readers.dialects import plain_source
from concepts.corpus.readers.markdown.document import MAX_BLOCK_LEVELS
from concepts.counting import count_phrase
from concepts.given import read_given
from tests.concepts.corpus.reader_helpers import read, shown

LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Obsidian
        ("See [[Flour types|flour]] and [[Water]].", ["See flour and Water."]),
        ("It is ==very wet== at first. ^block1", ["It is very wet at first."]),
        ("> [!info]- Hydration\n> Water by flour.", ["Hydration", "Water by flour."]),
        ("- [/] Bake\n- [-] Rest", ["Bake", "Rest"]),
        ("Ride [[Tram 28|it]] #todo #lisbon/2024\n\n## Ideas #food\n\nEat.", ["Ride it", "Ideas", "Eat."]),
        ("status:: ready\nup:: [[Bread]]", ["status: ready", "up: Bread"]),
        # Hugo, Pandoc
        ("{{% notice tip %}}\nLabel it.\n{{% /notice %}}", ["Label it."]),
        ("Water is H~2~O on 5 m^2^.", ["Water is H2O on 5 m²."]),
        ("They shiver.^[Without wings.] Bees.", ["They shiver. Bees.", "Without wings."]),
        ("Bees form a ball [@seeley1995, p. 33].", ["Bees form a ball."]),
        (
            "| The ball moves\n| over the honey\n| all winter",
            ["The ball moves\nover the honey\nall winter"],
        ),
        ("(1) Wait\n(2) Weigh\n\n#. Listen\n#. Go", ["Wait", "Weigh", "Listen", "Go"]),
        ("A [small word]{.smallcaps} here.", ["A small word here."]),
        ('::: {.warning title="Careful"}\nDo not open it.\n:::', ["Careful", "Do not open it."]),
        # Quarto, kramdown, MkDocs, Docusaurus
        ("::: {.callout-note}\n## Missing days\n\nTwo.\n:::", ["Missing days", "Two."]),
        ("You will find it.\n{: .lead}", ["You will find it."]),
        ('=== "Linux"\n\n    Open a shell.', ["Linux", "Open a shell."]),
        ("Press ++ctrl+c++ now. [Start](#a){ .md-button }", ["Press ctrl+c now. Start"]),
        (":::tip[My tip]\nUse it.\n:::", ["My tip", "Use it."]),
        # Notion, chat models, lists and labels that somebody typed
        ("<aside>\nRead this first.\n</aside>", ["Read this first."]),
        ("Owner: Jo\nTags: a, b", ["Owner: Jo", "Tags: a, b"]),
        ("a) Mix\nb) Rest", ["Mix", "Rest"]),
        ("\u2022 flour\n\u2022 water", ["flour", "water"]),
        # What only looks like a mark
        ("`[[a]]` and `==b==` stay.", ["[[a]] and ==b== stay."]),
        (r"\[\[a\]\] and \==b\== stay.", ["[[a]] and ==b== stay."]),
        ("At 12:30:45 it was 100%% or 50 %% full.", ["At 12:30:45 it was 100%% or 50 %% full."]),
        ("Love it #sunset", ["Love it #sunset"]),
        ("C++ and C++ are one. a == b or c == d.", ["C++ and C++ are one. a == b or c == d."]),
        ("Mail [me@example.org](mailto:me@example.org).", ["Mail me@example.org."]),
    ],
)
def test_marks_of_tools_are_no_text(text: str, expected: list[str]) -> None:
    assert [found for _, found in shown(read(text))] == expected


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("%% do not forget this %%", "1 comment"),
        ("<!-- a long word here -->", "1 comment"),
        ("<!-- todo -->", "1 comment"),
        ("text <!-- todo --> here", "1 comment"),
        ("<!--more-->", ""),
        ("<!-- prettier-ignore -->", ""),
        ("<!-- START doctoc generated contents -->", ""),
        ("<!-- vale off -->", ""),
        ("<!-- End with a joke -->", "1 comment"),
        ("<!-- A vale of tears -->", "1 comment"),
        ("<!-- Vale of tears -->", "1 comment"),
        ("[^9]: Nothing refers to it.", "1 footnote without a reference"),
        ("[^8]: A.\n[^9]: B.", "2 footnotes without a reference"),
        ("text <button>Go on</button> here", "1 button"),
        ("[//]: # (This is one.)", "1 comment"),
        ("{/* nobody reads it */}", "1 comment"),
        ("#baking #bread", "1 tag line"),
        ("[**Tea 1**](#tea)\n\n[**Milk 2**](#milk)", "1 contents list"),
        ("![[crumb.jpg]]", "1 embedded note"),
        ("$$\nT = 1\n$$", "1 formula"),
        ("\\[\nC = 30\n\\]", "1 formula"),
        ("\\newpage", "1 layout command"),
        ('--8<-- "abbr.md"', "1 included file"),
        ("*[HTML]: Hyper Text", "1 abbreviation"),
        ("* TOC\n{:toc}", "1 contents list"),
        ("{% highlight ruby %}\nputs 1\n{% endhighlight %}", "1 code block"),
        ("{{< figure src='a' >}}", "1 template tag"),
        ("import Tabs from '@theme/Tabs';\n\n<Tabs />", "1 code block"),
        ("text :rocket: here", "1 icon"),
        ("text [@seeley1995, p. 3] here", "1 citation"),
    ],
)
def test_what_tools_hide_is_counted(text: str, left_out: str) -> None:
    reading = read(f"# T\n\nFirst.\n\n{text}\n\nLast.\n")
    assert count_phrase(reading.left_out) == left_out
    texts = [found for _, found in shown(reading)]
    assert texts[:2] + texts[-1:] == ["T", "First.", "Last."]
    assert texts[2:-1] in ([], ["text here"])


@pytest.mark.parametrize(
    "text",
    [
        "```\nx = 1\n\n## After\n\nText is here.",
        "~~~python\nx = 1\n\n## After\n\nText is here.",
        "> ```\n> x\n\n## After\n\nText is here.",
    ],
)
def test_a_fence_without_an_end_takes_one_paragraph(text: str) -> None:
    reading = read(text)
    assert shown(reading) == [(2, "After"), ("paragraph", "Text is here.")]
    assert reading.left_out == {"code block": 1}


def test_a_comment_without_an_end_takes_nothing() -> None:
    assert shown(read("A.\n\n<!-- B.\n\n## C\n\nD.")) == [
        *(("paragraph", text) for text in ("A.", "B.")),
        (2, "C"),
        ("paragraph", "D."),
    ]


@pytest.mark.parametrize(
    ("text", "title", "author", "date"),
    [
        ('{"title": "Tea", "author": "Jo", "date": "2024-05-01"}\n\nText.\n', "Tea", "Jo", "2024-05-01"),
        ("% Tea\n% Jo; Al\n% 1 May 2024\n\nText.\n", "Tea", "Jo; Al", "1 May 2024"),
        ("Title: Tea\nAuthor: Jo\nDate: 2024\n\nText.\n", "Tea", "Jo", "2024"),
        ("---\ntitle: Tea\ndate: today\n---\nText.\n", "Tea", "", ""),
    ],
)
def test_metadata_of_tools(text: str, title: str, author: str, date: str) -> None:
    reading = read(text)
    metadata = reading.metadata
    assert (metadata.title, metadata.author, metadata.date) == (title, author, date)
    assert shown(reading) == [("paragraph", "Text.")]


@pytest.mark.parametrize(
    ("text", "expected", "left_out"),
    [
        ("See `<!-- a -->` here.", "See <!-- a --> here.", ""),
        ("Say <ruby>漢字<rp>(</rp><rt>kanji</rt><rp>)</rp></ruby> now.", "Say 漢字 now.", ""),
        ("# <ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字</ruby> here", "漢字 here", ""),
        ("H<sub>2</sub>O, x<sup>2</sup>, 1<sup>st</sup>.", "H2O, x2, 1st.", ""),
        ("# H<sub>2</sub>O <button>Copy</button>", "H2O", "1 button"),
    ],
)
def test_html_inside_markdown_is_read_as_it_is_seen(text: str, expected: str, left_out: str) -> None:
    reading = read(text)
    assert ([found for _, found in shown(reading)], count_phrase(reading.left_out)) == ([expected], left_out)


@pytest.mark.parametrize(
    ("front", "line"),
    [
        ("---\ntitle: Tea\ntags: [a, b\ndate: 2024\n---\n", "line 3 ('tags: [a, b')"),
        ('---\ntitle: "Tea\ntags: a\n---\n', "line 2 ('title: \"Tea')"),
        ("\n---\ntitle: Tea\n\tauthor: x\n...\n", "line 4 ('author: x')"),
        ("---\n  title: Tea\nauthor: @x\n---\n", "line 3 ('author: @x')"),
        ("---\npage:\n  title: No\ntitle: Tea\nnav: !include a.yml\n---\n", "line 5 ('nav: !include a.yml')"),
        ('+++\ntitle = "Tea"\ntags = [\n[extra]\ntitle = "No"\n+++\n', "line 3 ('tags = [')"),
    ],
)
def test_broken_front_matter_keeps_its_title_and_is_told(front: str, line: str, tmp_path: Path) -> None:
    reading = read(f"{front}Text.\n")
    assert (reading.metadata.title, shown(reading)) == ("Tea", [("paragraph", "Text.")])
    assert reading.remarks == (f"its front matter cannot be read at {line}: other lines are read one by one",)
    (tmp_path / "a.md").write_text(f"{front}Text.\n")
    told = [told for told in read_given(tmp_path / "a.md", LANGS).told if "cannot be read" in told]
    assert len(told) == 1 and "\n" not in told[0]


@pytest.mark.parametrize("title", ["Tea: a book", "A: b: c"])
def test_a_colon_in_a_title_is_no_fault(title: str) -> None:
    reading = read(f"---\ntitle: {title}\nauthor: Jo\n---\nText.\n")
    assert (reading.metadata.title, reading.remarks) == (title, ())


@pytest.mark.parametrize("text", ['{"a": 1}', "Note: this is text.\n\nMore.", "%% x %%\n\nText."])
def test_what_only_looks_like_metadata_is_none(text: str) -> None:
    assert read(text).metadata.title == ""


@pytest.mark.parametrize(
    ("text", "title", "headings"),
    [
        ("# Tea\n\n# One\n\nText.\n\n# Two\n\nText.", "Tea", ["One", "Two"]),
        ("<h3>Tea</h3>\n\nIntro.\n\n## One\n\nText.", "Tea", ["Overview", "One"]),
        ("#Tea\n##One\nText.\n##Two\nText.", "Tea", ["One", "Two"]),
        ("**Tea**\n\n**One**\n\nText.\n\n**Two**\n\nText.", "Tea", ["One", "Two"]),
        ("# Tea\n\nText.\n\n# One\n\nText.", "a", ["Tea", "One"]),
        ("### Kicker\n\nText.\n\n# One\n\nText.", "a", ["Kicker", "One"]),
    ],
)
def test_titles_however_they_are_written(text: str, title: str, headings: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text)
    found = read_given(tmp_path / "a.md", LANGS)
    assert (found.title, [section.heading for section in found.sections]) == (title, headings)


@pytest.mark.parametrize(
    "part", ["%%a ", "{/*", "{% ", "$$\n", "\\[\n", "[[a|", "==a ", "<!--", "| a\n", "[a@b;"]
)
def test_marks_that_never_end_take_no_time(part: str) -> None:
    start = time.monotonic()
    read(part * 4000)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("mark", ["[", "(", "<", "*", "_", "`"])
def test_a_line_of_one_mark_is_read_in_seconds_and_kept(mark: str) -> None:
    """Two hundred thousand opening brackets once took eleven seconds: from each, a link's end was looked for."""
    num = 200_000 if mark == "[" else 50_000
    start = time.process_time()
    reading = read(f"# Tea\n\n{mark * num}\n\nTea is [good](x).\n", ".md")
    assert reading.elements[-1].text == "Tea is good."
    assert time.process_time() - start < 7
    if mark == "[":
        assert reading.elements[-2].text == mark * num


def test_brackets_in_each_other_that_no_link_has_are_text() -> None:
    reading = read("# Tea\n\n" + "[" * 300 + "tea [green](x) " + "]" * 300 + "\n\nTea is [good](x).\n", ".md")
    assert [element.text for element in reading.elements[1:]] == [
        "[" * 300 + "tea [green](x) " + "]" * 300,
        "Tea is good.",
    ]


@pytest.mark.parametrize("mark", ["[[]", "![", "[^", "^[", "[](", "*a ", "<a", "++a", "a@", ":a"])
def test_a_paragraph_of_marks_alone_is_refused_at_once(mark: str) -> None:
    started = time.process_time()
    with pytest.raises(Unreadable, match=r"a paragraph that begins with .* has more than .* divide it"):
        read_bytes(f"# Tea\n\n{mark * 200_000}\n".encode(), ".md", "a.md")
    assert time.process_time() - started < 5


def test_growing_runs_of_backticks_are_read_in_one_pass() -> None:
    started = time.process_time()
    assert plain_source("".join("`" * num + "a" for num in range(1, 1500)))
    assert time.process_time() - started < 10


def test_many_marks_in_many_paragraphs_are_read() -> None:
    text = "\n\n".join(f"Word {number}: *one* [two](x) `three`." for number in range(3_000))
    assert len(read_data(text.encode(), ".md").elements) == 3_000


def test_indented_prose_in_markdown_is_text_and_indented_code_is_counted() -> None:
    reading = read("# A\n\n    We went home, and it was late. Nobody saw us.\n\n    x = f(1);\n    y = {}\n")
    assert shown(reading) == [(1, "A")] or shown(reading)[1][1].startswith("We went home")
    reading = read("# A\n\n    x = f(1);\n    y = {}\n\nText.\n")
    assert reading.left_out == {"code block": 1}


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


ROSES, VIOLETS, SUGAR = "Roses are red,", "violets are blue. Sugar", "is sweet."
VERSE = [("verse", f"{ROSES}\n{VIOLETS}\n{SUGAR}")]
LONG = "She went to the harbour " * 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ROSES}  \n{VIOLETS}   \n{SUGAR}", VERSE),
        (f"{ROSES}\\\n{VIOLETS}\\\n{SUGAR}  \n", VERSE),
        (f"> *{ROSES}*\\\n> {VIOLETS}  \n> {SUGAR}", VERSE),
        (f"{ROSES}<br>\n{VIOLETS}<br />\n{SUGAR}", VERSE),
        (f"{ROSES}<br>{VIOLETS}<br>{SUGAR}", VERSE),
        ("\\- Who?  \n\\- Me!", [("verse", "- Who?\n- Me!")]),
        ("Phone: 12  \nTown: Bath", [("verse", "Phone: 12\nTown: Bath")]),
        (f"{LONG}.  \n{LONG}!", [("verse", f"{LONG}.\n{LONG}!")]),
    ],
)
def test_lines_with_hard_breaks_are_verse(text: str, expected: list[tuple[str, str]]) -> None:
    assert shown(read(text)) == expected


def test_a_text_file_has_no_verse() -> None:
    reading = read(f"# Title\n\n{ROSES}  \n{VIOLETS}\n", ".txt")
    assert shown(reading) == [(1, "Title"), ("paragraph", f"{ROSES} {VIOLETS}")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Other line ends are of an editor that wraps; a backslash may be escaped; one line is no verse.
        (f"{ROSES}  \n{VIOLETS}\n{SUGAR}", [("paragraph", f"{ROSES} {VIOLETS} {SUGAR}")]),
        (f"{ROSES}\n{VIOLETS}", [("paragraph", f"{ROSES} {VIOLETS}")]),
        (f"{ROSES}\\\\\n{VIOLETS}", [("paragraph", f"{ROSES}\\ {VIOLETS}")]),
        (f"{ROSES}  \n", [("paragraph", ROSES)]),
        (f"{LONG}.<br>\n{LONG}!", [("paragraph", f"{LONG}. {LONG}!")]),
        # Lists and labels that somebody typed, items.
        ("a) Mix  \nb) Rest", [("step", "Mix"), ("step", "Rest")]),
        ("Owner: Jo\nTags: a, b", [("paragraph", "Owner: Jo"), ("paragraph", "Tags: a, b")]),
        (f"- {ROSES}  \n  {VIOLETS}", [("bullet", f"{ROSES} {VIOLETS}")]),
    ],
)
def test_other_line_ends_are_blanks(text: str, expected: list[tuple[str, str]]) -> None:
    assert shown(read(text)) == expected


def test_a_given_verse_has_a_sentence_for_each_line_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "poem.md"
    path.write_text(f"# Poem\n\n{ROSES}  \n{VIOLETS}  \n...  \n{SUGAR}\n\nHope. It is\nthe thing.\n")
    given = read_given(path, LANGS, "eng_Latn")
    (section,) = given.sections
    assert section.sentences == (ROSES, VIOLETS, SUGAR, "Hope.", "It is the thing.")
    assert section.form == (("verse", 3), ("paragraph", 2))
