"""Texts are compared by their telling words, however these are spelt and inflected."""

from __future__ import annotations

import pytest

from concepts.library.words import americanize, stems


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My neighbour's behaviour", "neighbors behavior"),
        ("Organising a travelling theatre", "organize traveling theaters"),
        ("Mouldy jewellery", "moldy jewelry"),
        ("Kids and maths", "children math"),
        ("A licence for aeroplanes", "license airplane"),
        ("Paediatric anaemia, coeliac disease", "pediatric anemia celiac diseases"),
        ("Cancelled cheques", "canceled check"),
    ],
)
def test_spelling_and_form_do_not_count(one: str, other: str) -> None:
    assert stems(one) == stems(other)


def test_common_and_short_words_tell_nothing_and_short_capitals_do() -> None:
    assert stems("How to write a good CV for the IT job") == {"cv", "it"}


@pytest.mark.parametrize("text", ["advise promise exercise four hours flour tour", "premise metrics centres"])
def test_american_words_stay_and_no_word_is_lost(text: str) -> None:
    assert len(americanize(text).split()) == len(text.split())
    assert americanize(americanize(text)) == americanize(text)
    assert americanize("advise promise exercise four hours flour tour metrics") == (
        "advise promise exercise four hours flour tour metrics"
    )
