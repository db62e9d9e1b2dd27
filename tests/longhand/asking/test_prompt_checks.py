"""Prompts and options that are good stay as they are; the bad ones are in test_cli_bad_input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.errors import InputError, UsageError
from flows.document.asked.prompts import MAX_PROMPT_CHARS, check_choice, check_language, check_prompt
from flows.document.asked.wishes import WISHES

LANGS = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")


@pytest.mark.parametrize(
    "prompt", ["Tea", "茶", "42", "Tea 🍵", "Zwei\nZeilen", "naïve café", "C++", "x" * MAX_PROMPT_CHARS]
)
def test_good_prompts(prompt):
    assert check_prompt(f"  {prompt}\n") == prompt


@given(st.text(max_size=300))
def test_any_text_is_a_prompt_or_one_clear_line(text):
    try:
        assert check_prompt(text) == text.strip()
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("the prompt ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("german", "deu_Latn"),
        ("de", "deu_Latn"),
        ("fr", "fra_Latn"),
        ("spa_latn", "spa_Latn"),
        ("fra-Latn", "fra_Latn"),
        ("Deutsch", "deu_Latn"),
        ("DE", "deu_Latn"),
        ("deu", "deu_Latn"),
    ],
)
def test_what_means_a_language_is_taken_for_it(typed, meant):
    noted: list[str] = []
    assert check_language(typed, LANGS, noted.append) == check_language(meant, LANGS) == meant
    assert noted == []


def test_a_region_is_taken_for_its_language_with_a_note():
    noted: list[str] = []
    assert check_language("de-AT", LANGS, noted.append) == "deu_Latn"
    assert check_language("fr_CA.UTF-8", LANGS, noted.append) == "fra_Latn"
    assert noted == ["took de-AT for deu_Latn (German)", "took fr_CA.UTF-8 for fra_Latn (French)"]


@pytest.mark.parametrize("typed", ["germn", "deu_Latin", "Germna"])
def test_misspelt_languages_are_guessed_in_the_message_only(typed):
    with pytest.raises(UsageError, match="did you mean deu_Latn"):
        check_language(typed, LANGS)


def test_what_is_typed_for_a_language_is_cut():
    with pytest.raises(UsageError) as caught:
        check_language("x" * 1000, LANGS)
    assert len(str(caught.value)) < 300


def test_a_long_list_of_languages_is_cut():
    known = [f"l{n:02}_Latn" for n in range(30)]
    with pytest.raises(UsageError, match="and 22 more"):
        check_language("?", known)


def test_seeds_and_choices():
    assert WISHES["seed"].check(0) == 0
    assert WISHES["seed"].check(2**63 - 1) == 2**63 - 1
    assert check_choice("--format", "md", ("md", "json")) == "md"
    with pytest.raises(UsageError, match="--format is 'xyz': known are md, json"):
        check_choice("--format", "xyz", ("md", "json"))
