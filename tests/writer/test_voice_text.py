"""The form in which a voice reads and says a document."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.blocks import BLOCK_KINDS
from writer.voice.text import Said, is_over, marked, next_piece, parse_note, parse_piece, section_prefix

_words = st.lists(st.sampled_from(["Peel", "the", "beets", "slowly", "and", "dry"]), min_size=1, max_size=6)
_sentences = st.builds(lambda words: " ".join(words) + ".", _words)
_said = st.builds(Said, _sentences, st.sampled_from([None, *BLOCK_KINDS]))


@given(st.lists(_said, min_size=1, max_size=8))
def test_what_is_marked_is_read_back(said: list[Said]) -> None:
    first = Said(said[0].text, said[0].block or "paragraph")
    sentences = [first, *said[1:]]
    pieces = [before + text for before, text in marked(sentences)]
    assert [parse_note(piece, i == 0, sentences[i]) for i, piece in enumerate(pieces)] == sentences
    # voices have learnt no verse
    plain = [replace(own, block="paragraph") if own.block == "verse" else own for own in sentences]
    assert marked(plain) == marked(sentences)
    assert [parse_piece(piece, i == 0) for i, piece in enumerate(pieces)] == plain


def test_a_section_reads_as_markdown() -> None:
    said = [
        Said("Gather these:", "paragraph"),
        Said("a pump", "bullet"),
        Said("a lever", "bullet"),
        Said("Remove the wheel.", "step"),
        Said("Mind the chain.", None),
        Said("Check the tire.", "step"),
        Said("Done.", "paragraph"),
    ]
    text = "".join(before + body for before, body in marked(said))
    assert text == (
        "Gather these:\n\n- a pump\n- a lever\n\n1. Remove the wheel. Mind the chain.\n2. Check the tire.\n\nDone."
    )


def test_the_prefix_holds_title_contents_and_heading() -> None:
    assert section_prefix("Tea", ["Water", "Leaves"], 1) == (
        "# Tea\n\nContents:\n1. Water\n2. Leaves\n\n## Leaves\n\n"
    )
    assert section_prefix("Tea", ["Water"], 0, ["Boil it once.", "Soft water is best."]) == (
        "# Tea\n\nContents:\n1. Water\n\nNotes:\n- Boil it once.\n- Soft water is best.\n\n## Water\n\n"
    )


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("Fill the kettle.", True),
        ('He said "stop!"', True),
        ("Is it hot?", True),
        ("Use a tool, e.g.", False),
        ("Ask Dr.", False),
        ("Add salt", False),
        ("1.", False),
        ("Take these:", True),
    ],
)
def test_a_sentence_is_over_at_its_mark(text: str, over: bool) -> None:
    assert is_over(text) is over


@pytest.mark.parametrize(
    ("said", "piece"),
    [
        ([Said("Tea is hot.", "paragraph")], " Milk is cold."),
        ([Said("Boil it.", "step"), Said("It takes a while.", None)], "\n2. Milk is cold."),
        ([Said("Boil it.", "step"), Said("Pour it.", "step")], "\n3. Milk is cold."),
        ([Said("Cups.", "bullet")], "\n- Milk is cold."),
        (
            [Said("Boil it.", "step"), Said("Then this.", "paragraph"), Said("Pour it.", "step")],
            "\n2. Milk is cold.",
        ),
        ([Said("Boil it.", "step"), Said("That was it.", "paragraph")], " Milk is cold."),
    ],
)
def test_a_sentence_goes_on_in_the_block_before_it(said: list[Said], piece: str) -> None:
    assert next_piece(said, Said("Milk is cold.", "paragraph")) == piece
    assert parse_piece(piece, False).text == "Milk is cold."


@pytest.mark.parametrize(
    ("following", "piece"),
    [
        (Said("Milk is cold.", "paragraph", is_apart=True), "\n\nMilk is cold."),
        (Said("Milk is cold.", "bullet", is_apart=True), "\n\n- Milk is cold."),
        (Said("Milk is cold.", "step", is_apart=True), "\n2. Milk is cold."),
        (Said("Milk is cold.", "verse", is_apart=True), "\n\nMilk is cold."),
        (Said("Milk is cold.", None), " Milk is cold."),
    ],
)
def test_a_sentence_that_stands_apart_keeps_its_block(following: Said, piece: str) -> None:
    assert next_piece([Said("Boil it.", "step")], following) == piece
