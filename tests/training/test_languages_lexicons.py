"""Dictionaries give words and their English, and nothing of what explains them."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from concepts.errors import InputError
from training.languages.lexicons import (
    Entry,
    read_dictd,
    read_ding,
    through_german,
    turned,
)
from training.languages.texts import DICTD, read_lexicons, sample

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DING = """# Version
Tee {m} [cook.] | Tees {pl}; Teesorten {pl} :: tea (drink) | teas
das ist ein sehr langer Satz, den niemand nachschlägt :: long
(etw.) kochen {vt}; sieden :: to boil; to cook; to brew; to stew
"""
EMOJI = """<ldml><annotations><annotation cp="T">drink | {0}</annotation>
<annotation cp="T" type="tts">{0}</annotation>{1}</annotations></ldml>"""


def write_dictd(path: Path, *entries: str) -> None:
    """Write a dictionary as FreeDict's packages have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole, rows = b"", []
    for entry in entries:
        rows.append(f"{entry.split()[0]}\t{_number(len(whole))}\t{_number(len(entry.encode()))}\n")
        whole += entry.encode()
    path.write_bytes(gzip.compress(whole))
    path.with_name(path.name.removesuffix(".dict.dz") + ".index").write_text("".join(rows), encoding="utf-8")


def _number(value: int) -> str:
    digits = ""
    while value or not digits:
        digits, value = DIGITS[value % 64] + digits, value // 64
    return digits


def test_ding_gives_forms_and_synonyms_without_asides(tmp_path: Path) -> None:
    (tmp_path / "de-en").write_text(DING, encoding="utf-8")
    assert list(read_ding(tmp_path / "de-en")) == [
        Entry("Tee", "tea"),
        Entry("Tees", "teas"),
        Entry("Teesorten", "teas"),
        *(Entry(word, gloss) for word in ("kochen", "sieden") for gloss in ("to boil", "to cook", "to brew")),
    ]


def test_freedict_gives_numbered_and_plain_translations_without_explanations(tmp_path: Path) -> None:
    path = tmp_path / "freedict-fra-deu.dict.dz"
    code = "code /kɔd/ <n, masc>\n1. Gesetzbuch\nensemble de lois\n2. Code 3.\nlangage\n"
    tea = f"thé, infusion /te/ <n>\nTee, Aufguss, Trank\n{'boisson ' * 40}\n"
    write_dictd(path, code, tea, "seul\n", "fin /fɛ̃/\nEnde\n")
    assert list(read_dictd(path)) == [
        Entry("code", "Gesetzbuch"),
        Entry("code", "Code"),
        *(Entry(word, gloss) for word in ("thé", "infusion") for gloss in ("Tee", "Aufguss")),
        Entry("fin", "Ende"),
    ]


def test_words_reach_english_through_german() -> None:
    german = [Entry("Tee", "tea"), Entry("tee", "herb tea"), Entry("Tee", "brew"), Entry("Ende", "end")]
    french = [Entry("thé", "Tee"), Entry("fin", "Ende"), Entry("rien", "Nichts")]
    assert list(through_german(french, german)) == [
        Entry("thé", "tea"),
        Entry("thé", "herb tea"),
        Entry("fin", "end"),
    ]
    assert list(turned([Entry("tea", "thé")])) == [Entry("thé", "tea")]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A folder with all dictionaries, of a few words."""
    (tmp_path / "trans").mkdir()
    (tmp_path / "trans" / "de-en").write_text(DING, encoding="utf-8")
    annotations = tmp_path / "unicode" / "cldr" / "common" / "annotations"
    annotations.mkdir(parents=True)
    for lang, name in (("en", "cup"), ("de", "Tasse"), ("fr", "tasse"), ("es", "taza")):
        (annotations / f"{lang}.xml").write_text(EMOJI.format(name, ""), encoding="utf-8")
    for pair in ("fra-eng", "eng-fra", "fra-deu", "deu-fra", "spa-eng", "eng-spa", "spa-deu", "deu-spa"):
        write_dictd(tmp_path / DICTD.format(pair), "x /x/\nTee\n" if pair == "spa-deu" else "y /y/\nz\n")
    return tmp_path


def test_the_commonest_english_of_a_word_is_taken(share: Path) -> None:
    frequency = Counter({"tea": 9, "cup": 8, "boil": 5, "cook": 7, "brew": 3})
    found = [(one.text, one.lang, one.english) for one in read_lexicons(share, frequency)]
    assert found == [
        ("Tasse", "deu_Latn", "cup"),
        ("Tee", "deu_Latn", "tea"),
        ("kochen", "deu_Latn", "cook"),
        ("kochen", "deu_Latn", "boil"),
        ("sieden", "deu_Latn", "cook"),
        ("sieden", "deu_Latn", "boil"),
        ("tasse", "fra_Latn", "cup"),
        ("taza", "spa_Latn", "cup"),
        ("x", "spa_Latn", "tea"),
    ]
    few = sample(list(read_lexicons(share, frequency)), 2, seed=1)
    assert Counter(one.lang for one in few) == {"deu_Latn": 2, "fra_Latn": 1, "spa_Latn": 2}


def test_a_missing_dictionary_is_named_with_its_package(share: Path) -> None:
    (share / DICTD.format("eng-spa")).unlink()
    with pytest.raises(InputError, match=r"eng-spa.dict.dz is missing: install trans-de-en"):
        list(read_lexicons(share, Counter()))
