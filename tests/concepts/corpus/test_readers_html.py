"""Pages as people save them: news, blogs, wikis, books, letters, and what word processors export as HTML."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from concepts.corpus.importers import Unreadable, read_bytes
from concepts.corpus.readers import read_data
from concepts.counting import count_phrase
from concepts.given import read_given
from tests.concepts.corpus.reader_helpers import read, shown

STORY = "<h1>Storm</h1><p>The harbour was closed on Saturday. Nobody went to sea that day.</p>"


@pytest.mark.parametrize(
    ("html", "left_out"),
    [
        ('<div class="ad-slot advertisement">Buy a boat!</div>', "1 advertisement"),
        ('<div class="share-tools">Share <a>Facebook</a></div>', "1 share bar"),
        ('<div class="sharedaddy sd-sharing"><h3>Share this</h3></div>', "1 share bar"),
        ('<section id="comments"><h2>Comments</h2><p>Stay safe.</p></section>', "1 list of comments"),
        ('<div class="related-stories"><h2>More</h2><a>Dog</a></div>', "1 list of other pages"),
        ('<div class="newsletter-signup"><h3>Sign up</h3></div>', "1 form"),
        ('<div class="byline">By Ann Reed</div>', "1 byline"),
        ('<div class="byline-wrapper">Von Eva · 3. Mai</div>', "1 byline"),
        ('<div class="speechify-ignore">Ana · 5 min read</div>', "1 byline"),
        ('<div class="subscription-widget-wrap"><p>Thanks for reading!</p></div>', "1 form"),
        ('<div id="discussion"><h4>Discussion</h4><p>Nice.</p></div>', "1 list of comments"),
        ('<p><a href="#a">Tea</a></p>\n<p><a href="#b">Milk</a> 2</p>', "1 contents list"),
        ('<p class="entry-meta">Posted by Jo</p>', "1 byline"),
        ('<div id="left-sidebar"><ol><li>Home</li></ol></div>', "1 navigation list"),
        ('<div id="catlinks" class="catlinks">Categories: <a>Auks</a></div>', "1 navigation list"),
        ('<div class="footer">All rights reserved.</div>', "1 page footer"),
        ('<header><h1>Our site</h1></header>', "1 page header"),
        ('<p>(<a href="#top">back to top</a>)</p>', "1 navigation list"),
        ('<section class="pg-boilerplate">A free ebook.</section>', "1 site notice"),
        ('<p>One<span class="pagenum">[12]</span>.</p>', "1 page number"),
        ("<p class=MsoToc1><a href='#_T'>Method 2</a></p>", "1 contents list"),
        ('<table class="infobox"><tr><td>Class: birds. They fly.</td></tr></table>', "1 table"),
    ],
)  # fmt: skip
def test_what_surrounds_a_text_is_counted(html: str, left_out: str) -> None:
    reading = read(f"<body>{STORY}{html}</body>", ".html")
    assert count_phrase(reading.left_out) == left_out
    assert [text for _, text in shown(reading) if text != "One."] == [
        text for _, text in shown(read(STORY, ".html"))
    ]


@pytest.mark.parametrize("name", ["comments", "sidebar", "social", "entry-meta", "footer"])
def test_a_name_takes_no_more_than_half_of_a_page(name: str) -> None:
    reading = read(f'<body><p>Short.</p><div class="{name}">{STORY}</div></body>', ".html")
    assert len(shown(reading)) == 3


def test_one_article_is_the_main_part_where_it_has_most_words() -> None:
    reading = read(f"<body><div>Our site</div><article>{STORY}</article><div>Imprint</div></body>", ".html")
    assert shown(reading)[0] == (1, "Storm")
    assert reading.left_out == {"passage around the main part": 2}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # Google Docs
        (
            '<p class="title">Tea</p><p>Mild.<sup><a href="#ftnt1" id="ftnt_ref1">[1]</a></sup> Good.</p>'
            '<div><p><a href="#ftnt_ref1" id="ftnt1">[1]</a> From Japan.</p></div>',
            [(0, "Tea"), ("paragraph", "Mild. Good."), ("note", "From Japan.")],
        ),
        # Word
        (
            '<p class=MsoTitle>Rain</p><p>We measured<a href="#_ftn1" name="_ftnref1">[1]</a> it.</p>'
            "<div id=ftn1><p><a href='#_ftnref1' name='_ftn1'>[1]</a> In mm.</p></div>",
            [(0, "Rain"), ("paragraph", "We measured it."), ("note", "In mm.")],
        ),
        (
            "<p class=MsoListParagraph>\u00b7<span>&nbsp;&nbsp;</span>a bucket</p><p>\u00b7 a ruler</p>",
            [("bullet", "a bucket"), ("bullet", "a ruler")],
        ),
        # EPUB, XHTML
        (
            '<p>It rose.<a epub:type="noteref" href="#n">1</a></p><aside epub:type="footnote" id="n">In 1870.</aside>',
            [("paragraph", "It rose."), ("note", "In 1870.")],
        ),
        # A wiki's notes
        (
            '<p>It died.<sup class="reference"><a href="#c1">[1]</a></sup></p><ol class="references"><li id="c1">'
            '<span class="mw-cite-backlink"><a href="#r">^</a></span> Grieve.</li></ol>',
            [("paragraph", "It died."), ("note", "Grieve.")],
        ),
    ],
)
def test_notes_and_titles_of_word_processors(html: str, expected: list[tuple[int | str, str]]) -> None:
    assert shown(read(f"<body>{html}</body>", ".html")) == expected


def test_remarks_of_readers_are_counted() -> None:
    html = (
        '<p>Strong<sup><a href="#cmnt1" id="cmnt_ref1">[a]</a></sup>.</p>'
        '<div><p><a href="#cmnt_ref1" id="cmnt1">[a]</a>Is it?</p></div>'
    )
    reading = read(html, ".html")
    assert (shown(reading), reading.left_out) == ([("paragraph", "Strong.")], {"comment": 1})


XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'


@pytest.mark.parametrize(
    "tag",
    [
        '<span epub:type="pagebreak" id="p"/>',
        '<a id="x"/>',
        "<script src='a.js'/>",
        "<div />",
        "<p/>",
        "<b/>",
    ],
)
def test_empty_elements_of_xhtml_take_nothing(tag: str) -> None:
    reading = read(XHTML.format(f"<p>He slept. {tag}</p><p>Well.<br/>Long.</p>"), ".xhtml")
    assert [text for _, text in shown(reading)] == ["He slept.", "Well.\nLong."]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<table><tr><td><table><tr><td><p>A letter.</p></td></tr></table></td></tr></table>", ["A letter."]),
        (
            "<table><tr><td>Home</td><td>Take the wheel off. Look for it.<p>It is small.</td></tr></table>",
            ["Home", "Take the wheel off. Look for it.", "It is small."],
        ),
        ("<p>Text.</p><table><tr><td>Bread</td><td>3</td></tr></table>", ["Text."]),
        (
            "<p>Text.</p><table><tr><th>Name</th></tr><tr><td><p>It is a long one.</p><p>It is.</p></td></tr></table>",
            ["Text."],
        ),
        ("Just a line.<br>\u2022 first<br>\u2022 second", ["Just a line.", "first", "second"]),
        ("<p>Q: What?<br>A: This.</p>", ["Q: What?", "A: This."]),
        ("<p>a<br>1. do this<br>2. do that</p>", ["a", "do this", "do that"]),
        ("<p>{% if a %} is a tag.</p>", ["{% if a %} is a tag."]),
    ],
)  # fmt: skip
def test_layout_and_lines(html: str, expected: list[str]) -> None:
    assert [text for _, text in shown(read(html, ".html"))] == expected


def test_bold_paragraphs_are_headings_where_there_are_no_others() -> None:
    html = "<p><b>When</b></p><p>In autumn.</p><p><strong>How:</strong></p><p>Push <b>it</b> in.</p>"
    assert shown(read(html, ".html")) == [
        (2, "When"),
        ("paragraph", "In autumn."),
        (2, "How"),
        ("paragraph", "Push it in."),
    ]


def test_many_notes_and_headers_take_no_time() -> None:
    numbers = range(1500)
    html = "".join(f"<header><h1>T</h1></header><p>a<a href='#b{n}' id='a{n}'>1</a></p>" for n in numbers)
    html += "".join(f"<p><a href='#a{n}' id='b{n}'>1</a> Note {n}.</p>" for n in numbers)
    start = time.process_time()
    reading = read(html, ".html")
    assert sum(element.kind == "note" for element in reading.elements) == 1500
    assert time.process_time() - start < 5


def test_comments_to_people_are_counted_as_in_markdown() -> None:
    page = "<p>Tea.<!-- ask Jo about it --></p><!-- wp:paragraph --><!--more--><p>Is <!-- a\nb -->hot.</p>"
    reading = read_data(page.encode(), ".html")
    assert [element.text for element in reading.elements] == ["Tea.", "Is hot."]
    assert reading.left_out["comment"] == 2
    assert read_data(b"Tea.<!-- ask Jo -->\n", ".md").left_out["comment"] == 1


def test_a_subtitle_is_text_and_the_page_s_title_is_its_first_heading(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<title>My door | The Blog</title><h1>My door</h1><h2 class='post-subtitle'>And what came after</h2>"
        "<p>It squeaked.</p>"
        "<h1>The first week</h1><p>I oiled it.</p><h1>The second</h1><p>It was fine.</p>"
    )
    document = read_given(tmp_path / "a.html", ("eng_Latn",))
    assert document.title == "My door"
    assert [section.heading for section in document.sections] == ["Overview", "The first week", "The second"]
    assert document.sections[0].sentences == ("And what came after", "It squeaked.")


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
            ["Line one.\nLine two.", "flour\nwater\nsalt"],
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


def test_tags_are_nested_as_deep_as_pages_are_and_no_deeper() -> None:
    """The parser looks through all open tags at each new one: 200,000 took over a minute."""
    for opening in ("<div>", "<DIV class=a>", "<b><div/>", "<svg><g>"):
        with pytest.raises(
            Unreadable, match=r"its tags are nested deeper than 2,000; copy its text .* into a \.txt"
        ):
            read_bytes(f"{opening * 200_000}Text.".encode(), ".html", "a.html")
    flat = "<p>One.<td>Two.<li>Three.<br><div><b>Left open.</div><svg><path d='m 0'/></svg>" * 3000
    assert len(read(flat, ".html").elements) == 3 * 3000
    assert shown(read("<div>" * 500 + "Text.", ".html")) == [("paragraph", "Text.")]


@pytest.mark.parametrize(
    "opening",
    ["<blockquote>", "<ul><li>", "<ol><li>", "<table><tr><td>", "<div>", "<section>", "<dl><dd>", "<span>"],
)
def test_nested_html_is_read_or_refused(opening: str) -> None:
    texts = [f"Sentence number {n} stands here." for n in range(1990)]
    found = read("".join(f"{opening}{text} " for text in texts), ".html")
    assert " ".join(element.text for element in found.elements).split(" ") == " ".join(texts).split(" ")
    with pytest.raises(Unreadable, match="its tags are nested deeper than 2,000"):
        read_bytes(f"{opening * 3000}Text.".encode(), ".html", "a.html")


def test_blanks_of_an_unclosed_tag_of_xhtml_are_read_in_one_pass() -> None:
    started = time.process_time()
    with pytest.raises(Unreadable, match="it holds no text"):
        read_bytes(f'<?xml version="1.0"?><x{" " * 100_000}'.encode(), ".xhtml", "a.xhtml")
    assert time.process_time() - started < 10


LONG = "The harbour was closed on Saturday, because the storm had torn two boats from their ropes."
ROSES, VIOLETS = "Roses are red,", "violets are blue. Sugar"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"<p>{ROSES}<br>{VIOLETS}<br/> is sweet.</p>", [("verse", f"{ROSES}\n{VIOLETS}\nis sweet.")]),
        (
            f"<blockquote><p>{ROSES}<br>\n{VIOLETS}<br><br>Hope<br>springs.</p></blockquote>",
            [("verse", f"{ROSES}\n{VIOLETS}"), ("verse", "Hope\nsprings.")],
        ),
        ("<address>Ann Reed<br>12 Quay Road</address>", [("verse", "Ann Reed\n12 Quay Road")]),
        (f"<p>{ROSES}<br>{LONG}<br>{VIOLETS}</p>", [("verse", f"{ROSES}\n{LONG}\n{VIOLETS}")]),
        # Our own pages name a verse, however long its lines are and whatever they begin with.
        (f"<p class=verse>{LONG}<br>{LONG}</p>", [("verse", f"{LONG}\n{LONG}")]),
        ("<p class=verse>- Who?<br>- Me!</p>", [("verse", "- Who?\n- Me!")]),
    ],
)
def test_short_lines_of_a_paragraph_are_verse(html: str, expected: list[tuple[str, str]]) -> None:
    assert shown(read(html, ".html")) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # Running text with a break in it; a break at an end; paragraphs between two breaks.
        (f"<p>{LONG}<br>{LONG}</p>", [("paragraph", f"{LONG} {LONG}")]),
        (f"<p>{LONG}<br>{ROSES}</p>", [("paragraph", f"{LONG} {ROSES}")]),
        (f"<p>{ROSES}<br></p>", [("paragraph", ROSES)]),
        (f"<p>{ROSES}<br><br>{VIOLETS}</p>", [("paragraph", ROSES), ("paragraph", VIOLETS)]),
        ("<p class=verse>Alone.</p>", [("paragraph", "Alone.")]),
        # Lists and labels that somebody typed; a heading in bold; an item; lines outside paragraphs.
        ("<p>1. Mix<br>2. Rest</p>", [("step", "Mix"), ("step", "Rest")]),
        ("<p>Owner: Jo<br>Tags: a</p>", [("paragraph", "Owner: Jo"), ("paragraph", "Tags: a")]),
        ("<p><b>All in<br>bold,</b></p>", [("paragraph", "All in bold,")]),
        (f"<ul><li><p>{ROSES}<br>{VIOLETS}</p></li></ul>", [("bullet", f"{ROSES} {VIOLETS}")]),
        (f"<div>{ROSES}<br>{VIOLETS}<p>Text.</p></div>", [("paragraph", f"{ROSES} {VIOLETS}"), ("paragraph", "Text.")]),
    ],
)  # fmt: skip
def test_other_lines_are_no_verse(html: str, expected: list[tuple[str, str]]) -> None:
    assert shown(read(html, ".html")) == expected
