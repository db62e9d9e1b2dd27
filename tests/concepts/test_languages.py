"""Language names and detection: the space's own list decides, and nothing is guessed beyond it."""

from __future__ import annotations

import pytest

from concepts.languages import (
    _identifier,
    detect_language,
    foreign_language,
    language_name,
    suggest_languages,
)

FOUR = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
MANY = (*FOUR, "zho_Hans", "zho_Hant", "arb_Arab", "ary_Arab", "nob_Latn", "pes_Arab", "swh_Latn", "por_Latn")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("de", "deu_Latn"),
        ("German", "deu_Latn"),
        ("français", "fra_Latn"),
        ("spanisch", "spa_Latn"),
        ("EN-gb", "eng_Latn"),
        ("deu_latn", "deu_Latn"),
        ("Germn", "deu_Latn"),
        ("Chinese", "zho_Hans"),
        ("zh-TW", "zho_Hant"),
        ("ar", "arb_Arab"),
        ("Norwegian", "nob_Latn"),
        ("pt_BR", "por_Latn"),
    ],
)
def test_what_people_type_is_understood(typed: str, meant: str) -> None:
    assert suggest_languages(typed, MANY)[0] == meant


@pytest.mark.parametrize("typed", ["xx", "?", "", "Klingon", "zh"])
def test_nothing_is_suggested_that_the_space_lacks(typed: str) -> None:
    assert suggest_languages(typed, FOUR) == []


def test_names_are_english() -> None:
    assert [language_name(code) for code in ("deu_Latn", "zho_Hans")] == ["German", "Chinese"]


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("How to share a folder on the network", "eng_Latn"),
        ("Wie man einen Ordner mit anderen Benutzern teilt", "deu_Latn"),
        ("Comment partager un dossier sur le réseau", "fra_Latn"),
        ("Cómo compartir una carpeta en la red", "spa_Latn"),
    ],
)
def test_a_sentence_tells_its_language(text: str, lang: str) -> None:
    assert detect_language(text, FOUR, "eng_Latn") == lang
    assert detect_language(text, MANY, "eng_Latn") == lang


def test_what_cannot_be_told_is_taken_as_expected() -> None:
    for expected in FOUR:
        assert detect_language("12", FOUR, expected) == expected
    # what a few words look like is not enough
    for dish in ("Simple Nachos", "Chicken Parmigiana", "Potato Lángos", "Master Plan", "Ubuntu"):
        assert detect_language(dish, FOUR, "eng_Latn") == "eng_Latn"
    assert detect_language("Wie man einen Ordner teilt", ("eng_Latn",), "eng_Latn") == "eng_Latn"
    assert detect_language("Wie man einen Ordner teilt", ("eng_Latn", "xyz_Latn"), "eng_Latn") == "eng_Latn"


def test_plain_english_asks_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import py3langid.langid

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the model was loaded")

    _identifier.cache_clear()
    monkeypatch.setattr(py3langid.langid.LanguageIdentifier, "from_model_file", refuse)
    assert detect_language("How to share a folder", FOUR, "eng_Latn") == "eng_Latn"
    with pytest.raises(AssertionError, match="was loaded"):
        detect_language("Wie man einen Ordner teilt", FOUR, "eng_Latn")
    with pytest.raises(AssertionError, match="was loaded"):
        detect_language("How to share a folder", FOUR, "deu_Latn")


def test_a_thousand_prompts_load_the_model_once() -> None:
    _identifier.cache_clear()
    for number in range(50):
        detect_language(f"Der Ordner wird freigegeben, Nummer {number}", ("eng_Latn", "deu_Latn"), "eng_Latn")
    assert _identifier.cache_info().misses == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Привет", "Russian"),
        ("Хлеб", "Russian"),
        ("Хліб", "Ukrainian"),
        ("مرحبا", "Arabic"),
        ("روٹی", "Urdu"),
    ],
)
def test_a_word_in_an_unknown_script_is_named_after_its_commonest_language(text: str, name: str) -> None:
    assert foreign_language(text, ("eng_Latn", "deu_Latn")) == name
