"""Numbers with nouns."""

from __future__ import annotations

import pytest

from concepts.counting import count_phrase, counted, is_or_are


@pytest.mark.parametrize(
    ("num", "noun", "expected"),
    [
        (0, "sentence", "0 sentences"),
        (1, "sentence", "1 sentence"),
        (1, "zero byte", "1 zero byte"),
        (2, "entry", "2 entries"),
        (2, "heading below level 5", "2 headings below level 5"),
        (1_200, "box", "1,200 boxes"),
        (2, "paragraph in Danish, which we do not know", "2 paragraphs in Danish, which we do not know"),
    ],
)  # fmt: skip
def test_a_noun_fits_its_number(num: int, noun: str, expected: str) -> None:
    assert counted(num, noun) == expected


def test_phrases_leave_out_what_there_is_none_of() -> None:
    assert count_phrase({"table": 2, "picture": 0, "code block": 1}) == "2 tables, 1 code block"
    assert (is_or_are(1), is_or_are(2)) == ("is", "are")
