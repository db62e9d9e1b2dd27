"""Texts are compared by their telling words, however these are spelt and inflected."""

from __future__ import annotations

import time

import pytest

from concepts.library.words import (
    americanize,
    asks_for_titled,
    has_other_number,
    kinds_of,
    kinds_of_document,
    stems,
    with_one_name,
)


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


@pytest.mark.parametrize(
    "name", ["WW2", "ww ii", "world war two", "World War II", "the second world war", "2nd World War"]
)
def test_a_world_war_has_one_name(name: str) -> None:
    assert with_one_name(f"Life in {name} in London").replace("the ", "") == "Life in World War 2 in London"


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Causes of World War II", "causes of world war 1"),
        ("The Second World War explained", "WW1 explained"),
        ("Type 2 diabetes", "type 1 diabetes diet"),
        ("Windows 11 tips", "Windows 10 tips"),
    ],
)
def test_the_same_word_with_another_number_is_another_subject(title: str, subject: str) -> None:
    assert has_other_number(title, subject)
    assert not has_other_number(subject, subject)


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Japan in 10 days", "Japan in 7 days"),
        ("Lesson for grade 3", "lesson for grade 4"),
        ("Diabetes explained", "type 1 diabetes"),
        ("From World War I to World War II", "causes of World War I"),
    ],
)
def test_numbers_that_name_nothing_do_not_count(title: str, subject: str) -> None:
    assert not has_other_number(title, subject)


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ("Ghost story in a lighthouse", {"story"}),
        ("user stories in agile", set()),
        ("two-story house plans", {"plan"}),
        ("Write a story about a boy who learns how to swim", {"story"}),
        ("I need a speech for my dad's 70th. He was famous for his jokes.", {"speech"}),
        ("cover letter for a data analyst", {"letter"}),
        ("After the bedtime story she calls me back. We need something that works.", set()),
        ("I run a story hour. Please write a cover letter for me.", {"letter"}),
        ("My landlord sent me a letter raising the rent. Can he do that?", set()),
        ("essay on the poem The Raven", {"essay"}),
        ("menu for a fairy tale party", {"menu"}),
        ("company email policy", {"policy"}),
        ("phishing emails", set()),
        ("French silent letters", set()),
        ("prayer plant care", set()),
        ("e-mail to my landlord", {"letter"}),
        ("fairytale about a frog", {"story"}),
        ("story of my cat Tom who goes to the moon", {"story"}),
        ("an email to my internet company", {"letter"}),
        ("condolence note for a coworker", {"letter"}),
        ("please write a mail to my son's school", {"letter"}),
        ("a dialogue between winter and summer", {"dialogue"}),
        ("role play of a job interview", {"dialogue"}),
        ("Retell the Three Little Pigs", {"story"}),
        ("murder mystery at a chess tournament", {"story"}),
        ("murder mystery dinner for eight", set()),
        ("job advert part time florist", {"job advertisement"}),
        ("homily on the lost sheep", {"sermon"}),
        ("performance review for my assistant", {"performance review"}),
        ("how to prepare a performance review", set()),
        ("performance review tips", set()),
        ("a sketch for a house extension", set()),
        ("a sketch for a silver wedding anniversary", {"dialogue"}),
        ("a diary of a girl in London in 1666", {"diary"}),
        ("keep a food diary", set()),
        ("a short sketch for our wedding", {"dialogue"}),
        ("funny sketch about two doctors", {"dialogue"}),
        ("pencil sketch of a cat", set()),
        ("write a professional bio for a dentist", {"bio"}),
        ("memorial text for a coworker", {"eulogy"}),
        ("notice for the tenants", {"notice"}),
        ("price increase letter window cleaning round", {"letter"}),
        ("cover letter tips", set()),
        ("SOP charging forklift batteries", {"sop"}),
        ("standard operating procedure for cleaning glassware", {"sop"}),
        ("roller derby team code of conduct", {"policy"}),
        ("two weeks notice", set()),
        ("the story of tea", set()),
        ("the story of a bee", {"story"}),
        ("freedom of speech", set()),
        ("speech recognition", set()),
        ("how do I write a eulogy", set()),
        ("writing a detective story", set()),
        ("explain the poem to me", set()),
        ("my boss read my letter\nhow to answer a letter", {"letter"}),
    ],
)
def test_the_kind_of_text_that_a_line_asks_for(asked: str, kinds: set[str]) -> None:
    assert kinds_of(asked) == kinds
    assert asks_for_titled(asked) == bool(kinds & {"diary", "dialogue", "story"})


@pytest.mark.parametrize(
    ("title", "prompt", "kinds"),
    [
        ("The last lamp", "ghost story in a lighthouse", {"story"}),
        ("Bedtime stories made up on the spot", "how do I make up a bedtime story", set()),
        ("A bedtime plan", "calm evening for a toddler with bath, pajamas, milk and a story", {"plan"}),
        ("Love letters: samples to copy", "how do I write a love letter", {"letter"}),
        ("Love letters: samples to copy", None, {"letter"}),
    ],
)
def test_a_document_is_a_story_if_its_prompt_begins_so(
    title: str, prompt: str | None, kinds: set[str]
) -> None:
    assert kinds_of_document(title, prompt) == kinds


def test_the_kind_of_a_prompt_of_many_blank_lines_is_found_in_one_pass() -> None:
    started = time.process_time()
    assert not kinds_of("\n" * 50_000 + "tea")
    assert time.process_time() - started < 10
