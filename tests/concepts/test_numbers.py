"""Which numbers of a translation are put right, and which are left alone."""

from __future__ import annotations

import pytest

from concepts.codecs.numbers import keep_numbers


@pytest.mark.parametrize(
    ("source", "text", "kept"),
    [
        ("Error 404 was shown.", "Fehler 440 wurde angezeigt.", "Fehler 404 wurde angezeigt."),
        ("Press 3.", "3 drücken.", "3 drücken."),
        ("It has 1,000 rows.", "Es hat 1.000 Zeilen.", "Es hat 1.000 Zeilen."),
        ("From 5 to 70 of 5.", "Von 5 bis 77 von 6.", "Von 5 bis 70 von 5."),
        ("From 5 to 5.", "Von 5 bis 6.", "Von 5 bis 5."),
        ("A 2x2 table", "Eine Tabelle 2x3", "Eine Tabelle 2x2"),
        ("See RFC2324.", "Siehe RFC2342.", "Siehe RFC2324."),
        ("At 12:30 in 2010", "Um 13:20 im Jahr 2010", "Um 12:30 im Jahr 2010"),
        # another count: which stands for which is not known
        ("Two of 10", "2 von 10", "2 von 10"),
        ("10 of 12", "Zehn", "Zehn"),
        ("None", "5", "5"),
        ("1", "2 und 3", "2 und 3"),
        ("", "", ""),
    ],
)
def test_numbers_of_the_source_are_kept(source: str, text: str, kept: str) -> None:
    assert keep_numbers(text, source) == kept
