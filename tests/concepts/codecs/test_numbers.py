"""Numbers as each language writes them; what may be a version, a date or a time stays."""

from __future__ import annotations

import pytest

from concepts.codecs.numbers import in_language


@pytest.mark.parametrize(
    ("number", "source", "target", "written"),
    [
        ("1,250", "eng_Latn", "deu_Latn", "1.250"),
        ("1,250", "eng_Latn", "fra_Latn", "1\u202f250"),
        ("$1,250.50", "eng_Latn", "spa_Latn", "$1.250,50"),
        ("1.5 km", "eng_Latn", "deu_Latn", "1,5 km"),
        ("3.5 %", "eng_Latn", "fra_Latn", "3,5 %"),
        ("1.200,50 €", "deu_Latn", "eng_Latn", "1,200.50 €"),
        ("1\u00a0200 €", "fra_Latn", "eng_Latn", "1,200 €"),
        ("1.200", "deu_Latn", "spa_Latn", "1.200"),
        # what may be something else stays
        ("3.11", "eng_Latn", "deu_Latn", "3.11"),
        ("1.6.2024", "eng_Latn", "deu_Latn", "1.6.2024"),
        ("192.168.1.20", "eng_Latn", "fra_Latn", "192.168.1.20"),
        ("12:30", "eng_Latn", "deu_Latn", "12:30"),
        ("112-118", "eng_Latn", "deu_Latn", "112-118"),
        ("1/2", "eng_Latn", "deu_Latn", "1/2"),
        ("5", "eng_Latn", "deu_Latn", "5"),
        ("2019", "eng_Latn", "fra_Latn", "2019"),
        ("1,250", "eng_Latn", "swh_Latn", "1,250"),
        ("1,250", "eng_Latn", "eng_Latn", "1,250"),
    ],
)
def test_a_number_is_written_as_in_its_language(number: str, source: str, target: str, written: str) -> None:
    assert in_language(number, source, target) == written
