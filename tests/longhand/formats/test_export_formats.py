"""Markdown that reads as exactly what is stored, and JSON that holds all of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from longhand.formats.export import (
    escape_line,
    join_blocks,
    paragraphs,
    short_title,
    title_of,
    to_json,
    to_markdown,
)
from storage import BlockKind, ExportedDocument, ExportedSection, ExportedSentence

SECTION = ExportedSection(
    path="1",
    heading="# Buying & <brewing> C #",
    heading_score=0.9,
    sentences=tuple(ExportedSentence(ordinal=n - 1, text=f"Sentence {n}.", score=0.8) for n in range(1, 6)),
    num_missing=0,
    is_leaf=True,
    status="decoded",
    stop_reason="end",
    children=(),
)
DOCUMENT = ExportedDocument(
    id="2q5abc",
    title=None,
    prompt="How to make tea\nfor many people",
    lang="eng_Latn",
    status="done",
    updated_at=1_790_000_000.0,
    outline_version=1,
    sections=(SECTION,),
    num_missing=0,
)


def read_headings(markdown: str) -> list[tuple[str, str]]:
    tokens = MarkdownIt("commonmark").parse(markdown)
    return [
        (token.tag, "".join(child.content for child in tokens[i + 1].children or ()))
        for i, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def test_headings_are_real_and_read_as_they_are_stored():
    assert read_headings(to_markdown(DOCUMENT)) == [("h1", "How to make tea"), ("h2", SECTION.heading)]


def test_sentences_are_joined_into_paragraphs():
    text = to_markdown(DOCUMENT)
    assert "\n\nSentence 1. Sentence 2.\n\nSentence 3. Sentence 4. Sentence 5.\n" in text


def with_blocks(*said: tuple[BlockKind | None, str]) -> ExportedDocument:
    sentences = tuple(
        ExportedSentence(ordinal=n, text=text, score=0.8, block=kind) for n, (kind, text) in enumerate(said)
    )
    return replace(DOCUMENT, sections=(replace(SECTION, sentences=sentences),))


RECIPE = with_blocks(
    ("paragraph", "You need:"),
    ("bullet", "Tea."),
    ("bullet", "*Water*."),
    ("paragraph", "Then go on."),
    (None, "Take care."),
    ("step", "Boil it."),
    (None, "It takes a while."),
    ("step", "1. Pour it."),
    ("bullet", "Or don't."),
    ("step", "Wait."),
)


def test_blocks_are_paragraphs_and_lists_that_count_from_one():
    assert to_markdown(RECIPE).split("\n\n", 2)[2] == (
        "You need:\n\n- Tea.\n- \\*Water\\*.\n\nThen go on. Take care.\n\n"
        "1. Boil it. It takes a while.\n2. 1\\. Pour it.\n\n- Or don't.\n\n1. Wait.\n"
    )
    tokens = MarkdownIt("commonmark").parse(to_markdown(RECIPE))
    read = [token.tag for token in tokens if token.type.endswith("list_open")]
    assert read == ["ul", "ol", "ul", "ol"]
    items = [token.content for token in tokens if token.type == "inline" and token.level == 3]
    assert len(items) == 6 and items[2] == "Boil it. It takes a while."


def test_json_has_the_blocks_of_each_section():
    part = replace(SECTION, path="0", sentences=(), is_leaf=False, children=RECIPE.sections)
    (section,) = json.loads(to_json(replace(RECIPE, sections=(part,))))["sections"]
    assert section["blocks"] == []
    blocks = section["children"][0]["blocks"]
    assert [block["kind"] for block in blocks] == [
        "paragraph", "bullet", "bullet", "paragraph", "step", "step", "bullet", "step",
    ]  # fmt: skip
    assert blocks[4] == {"kind": "step", "text": "Boil it. It takes a while."}
    assert json.loads(to_json(DOCUMENT))["sections"][0]["blocks"] == [
        {"kind": "paragraph", "text": "Sentence 1. Sentence 2."},
        {"kind": "paragraph", "text": "Sentence 3. Sentence 4. Sentence 5."},
    ]


@pytest.mark.parametrize(
    ("said", "joined"),
    [
        ([(None, "It goes on."), ("step", "Do.")], [("paragraph", "It goes on."), ("step", "Do.")]),
        ([("step", " "), (None, "Do."), ("step", "")], [("step", "Do.")]),
        ([("step", "Do."), ("bullet", ""), ("paragraph", "On.")], [("step", "Do."), ("paragraph", "On.")]),
        ([("step", ""), (None, "")], []),
        ([], []),
    ],
)
def test_a_block_whose_sentence_is_missing_begins_with_the_next(said, joined):
    assert join_blocks(with_blocks(*said).sections[0].sentences) == joined


def test_a_tree_has_deeper_headings():
    part = replace(SECTION, heading="Part", sentences=(), is_leaf=False, children=(SECTION,))
    levels = [tag for tag, _ in read_headings(to_markdown(replace(DOCUMENT, sections=(part,))))]
    assert levels == ["h1", "h2", "h3"]


def test_what_is_missing_is_said():
    section = replace(SECTION, heading=None, num_missing=2)
    text = to_markdown(replace(DOCUMENT, sections=(section,)))
    assert "## Section 1\n" in text
    assert "<!-- 2 sentences of this section are not decoded yet -->" in text
    assert "nothing is planned yet" in to_markdown(replace(DOCUMENT, sections=()))


def test_json_holds_everything():
    shown = json.loads(to_json(DOCUMENT))
    assert shown["format"] == "longhand.document/2"
    assert shown["sections"][0]["sentences"][4] == {
        "ordinal": 4,
        "text": "Sentence 5.",
        "score": 0.8,
        "block": None,
    }
    assert shown["prompt"] == DOCUMENT.prompt


def test_titles():
    assert title_of(DOCUMENT) == "How to make tea"
    assert title_of(replace(DOCUMENT, title="Tea")) == "Tea"
    assert short_title("word " * 100) == ("word " * 23).strip() + "…"
    assert len(short_title("x" * 500)) == 120


@given(st.lists(st.text(st.characters(codec="ascii", min_codepoint=32), min_size=1), max_size=30))
def test_paragraphs_keep_every_word_in_order(sentences):
    joined = paragraphs(sentences)
    assert " ".join(joined).split() == " ".join(sentences).split()
    assert all(paragraph.strip() for paragraph in joined)


SAMPLES = [
    "# x", "1. a", "12) b", "2 * 3 *a*", "snake_case _em_ __x__", "<b> &amp; a & b", "[l](u) ![i](u)",
    "---", "===", "~~a~~", "a | b", "\\*", "`c`", "+ a", "> q", "- [ ] task", "*", "***", "&#35; x", "<http://a>",
]  # fmt: skip


def read_line(markdown: str) -> str | None:
    tokens = MarkdownIt("commonmark").parse(markdown)
    if [token.type for token in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return None
    children = tokens[1].children or []
    return "".join(c.content for c in children) if all(c.type == "text" for c in children) else None


def test_brackets_to_be_filled_in_are_not_escaped_in_markdown_and_links_are() -> None:
    assert escape_line("Dear [your name], until [date]") == "Dear [your name], until [date]"
    for line in (
        "[a link](there)",
        "[mark]: there",
        "[x] done",
        "[^1] note",
        "![picture] there",
        "[[page name]]",
    ):
        assert escape_line(line).startswith(("\\[", "!\\["))
        assert read_line(escape_line(line)) == line


@pytest.mark.parametrize("text", SAMPLES)
def test_escaped_lines_read_as_the_text(text):
    assert read_line(escape_line(text)) == text


@given(st.text(st.sampled_from("ab1 .)#>+-*_`~[]()!<>&;\\|=é\u00a0"), min_size=1, max_size=30))
def test_any_escaped_line_reads_as_the_text(text):
    line = " ".join(text.split())
    if line:
        assert read_line(escape_line(line)) == line


@given(st.text(st.sampled_from("ab1 .)#>+-*_`~[]()!<>&;\\|=é"), min_size=1, max_size=30))
def test_any_heading_reads_as_the_text(text):
    line = " ".join(text.split())
    if line:
        section = replace(SECTION, heading=line)
        assert read_headings(to_markdown(replace(DOCUMENT, sections=(section,))))[1] == ("h2", line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Sales in [month]: [two sentences].", "Sales in [month]: [two sentences]."),
        ("[month]: good", "\\[month\\]: good"),
        ("costs of [25 to 30 percent] of it", "costs of [25 to 30 percent] of it"),
        ("as shown [1] and [23]", "as shown \\[1\\] and \\[23\\]"),
        ("[name](tea)", "\\[name\\](tea)"),
    ],
)
def test_blanks_stay_as_they_are_and_nothing_becomes_markup(text: str, line: str) -> None:
    assert escape_line(text) == line
