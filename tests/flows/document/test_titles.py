"""The title of a document: of its prompt's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from flows.document.asked.options import NO_LIBRARY, WritingOptions
from flows.document.engine import TitleAsk
from flows.document.prompting import encode_prompt
from flows.document.titles import (
    asked_texts,
    choose_title,
    derive_title,
    is_stand_in,
    recased,
    split,
    titles_in,
    unwished,
    without_details,
)
from storage import Store
from tests.flows.flow_fakes import FakeEngine, Vector

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Tea", "Tea"),
        ("How to brew tea.  And more.", "How to brew tea"),
        ("Why tea?", "Why tea?"),
        ("And then...", "And then..."),
        ("word " * 39, "word " * 22 + "word..."),
    ],
)
def test_the_title_is_the_first_sentence(prompt: str, title: str) -> None:
    assert derive_title(prompt, "eng_Latn") == title


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("HOW TO BREW TEA", "How to brew tea"),
        ("how do i brew tea", "How do I brew tea"),
        ("what caused the irish potato famine", "What caused the Irish potato famine"),
        ("three days in lisbon, i'm vegan", "Three days in Lisbon, I'm vegan"),
        ("SPRING IN JAPAN", "Spring in Japan"),
        ("the eu's laws on pet's food", "The EU's laws on pet's food"),
        ("WHAT CAN I DO?", "What can I do?"),
        ("iPhone repair", "iPhone repair"),
        ("NASA", "NASA"),
        ("tea", "Tea"),
        ("Why is the sky  blue?", "Why is the sky blue?"),
        ("how does my TV work", "How does my TV work"),
        ("茶 と 水 の 話", "茶 と 水 の 話"),
    ],
)
def test_a_prompt_all_in_one_case_is_set_as_a_sentence(prompt: str, title: str) -> None:
    assert recased(prompt, "eng_Latn") == title


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("Please write me a guide to green tea", "Guide to green tea"),
        ("I'd like a simple weekly meal plan", "Simple weekly meal plan"),
        ("please write something about bees", "Bees"),
        (
            "Could you write something that helps parents get a toddler to sleep",
            "Helping parents get a toddler to sleep",
        ),
        ("Write an essay about war", "War"),
        ("Please write a short article on why we sleep", "Why we sleep"),
        ("Write a report on war", "Report on war"),
        ("Explain black holes to my 7 year old son, he keeps asking", "Black holes"),
        ("can you explain what inflation is to someone who never had a bank account", "What inflation is"),
        ("A very long self help book on how to stop worrying", "How to stop worrying"),
        ("Write a letter of complaint", "Letter of complaint"),
        ("write a thank you note to my teacher", "Thank you note to my teacher"),
        ("need an essay on why we sleep", "Why we sleep"),
        ("I want a will", "Will"),
        ("Write me a very long and thorough introduction to tea", "Introduction to tea"),
        ("I would like a very long and complete book on baking", "Complete book on baking"),
        ("Make the longest text u can about tea", "Tea"),
        ("Explain how tea is made", "How tea is made"),
        ("Please describe to me the Moon", "The Moon"),
        ("Explain yourself", "Explain yourself"),
        ("Want a will?", "Want a will?"),
        ("Write a will", "Write a will"),
        ("Write a novel in a year", "Write a novel in a year"),
        ("I need to lose weight", "I need to lose weight"),
        ("Make a bird house", "Make a bird house"),
        ("Give feedback", "Give feedback"),
        ("Can you freeze milk?", "Can you freeze milk?"),
        ("Write me a guide to making something on a lathe", "Guide to making something on a lathe"),
    ],
)
def test_a_title_is_no_request(prompt: str, subject: str) -> None:
    assert unwished(prompt, "eng_Latn") == subject
    assert unwished(prompt, "deu_Latn") == prompt


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("A week in Rome, I'm 80", "A week in Rome"),
        (
            "A trip to Japan with two teenagers, one is vegetarian, not too dear",
            "A trip to Japan with two teenagers",
        ),
        ("Resume for a career changer, 42 years old", "Resume for a career changer"),
        ("Dinners for a family of four, about 80 dollars a week", "Dinners for a family of four"),
        ("Why cake must be weighed, not guessed", "Why cake must be weighed, not guessed"),
        ("Twelve kitchen spices, one by one", "Twelve kitchen spices, one by one"),
        ("A letter from the front, 1916", "A letter from the front, 1916"),
        ("How a web page is built, without any code", "How a web page is built, without any code"),
        ("Bread, no oven", "Bread, no oven"),
        ("I'm 60 and diabetic, my knee hurts", "I'm 60 and diabetic, my knee hurts"),
        ("Tea, coffee and cocoa", "Tea, coffee and cocoa"),
        ("How to paint, sand and oil a door", "How to paint, sand and oil a door"),
    ],
)
def test_a_title_tells_nothing_of_the_asker(title: str, shown: str) -> None:
    assert without_details(title, "eng_Latn") == shown
    assert without_details(title, "deu_Latn") == title


LONG = (
    "We have a balcony that faces north. What can we grow there? Please write a guide about plants for shade."
)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("Plants for a balcony with shade", True),
        ("Meeting the neighbors", False),
        ("Plants for shade. And a balcony.", False),
        (" ", False),
    ],
)
def test_a_long_prompt_gets_a_title_of_its_own_words(
    store: Store, new_document: Make, new_job: Make, said: str, counts: bool
) -> None:
    asked: list[TitleAsk] = []

    class Naming(FakeEngine):
        def say_title(self, ask: TitleAsk) -> str:
            asked.append(ask)
            return said

        def encode(self, sentences: Sequence[str], lang: str) -> Vector:
            # what was said is nearest to anything
            rows = super().encode(sentences, lang)
            if said in sentences:
                rows[sentences.index(said)] = asked[0].prompt_vector
            return rows

    document_id = new_document(store, prompt=LONG, seed=5)
    job = new_job(store, document_id, Naming())
    encode_prompt(job)
    title = store.get_document(document_id).title
    assert title == said if counts else title in titles_in(LONG, "eng_Latn")
    (ask,) = asked
    assert (ask.prompt, ask.key, ask.lang) == (LONG, (5,), "eng_Latn")
    encode_prompt(job)
    assert len(asked) == 1  # a title that is stored is not said again


TELLING = (
    "I'm 61, my knees are shot, and the yard is a brick of red clay that cracks all summer. I've already killed two "
    "hydrangeas and a row of lavender. What should I plant first, and what would you do about the soil?"
)


@pytest.mark.parametrize(
    ("prompt", "library", "is_asked"),
    [
        (TELLING, None, True),
        (TELLING, "mine", True),
        (TELLING, NO_LIBRARY, False),
        (LONG, None, False),
        (
            "i am a nurse with two kids and no time and " + "so tired and " * 12 + "want to cook once a week",
            None,
            True,
        ),
    ],
)
def test_a_prompt_that_tells_much_gets_the_title_of_the_librarys_document(
    prompt: str, library: str | None, is_asked: bool
) -> None:
    asks: list[TitleAsk] = []

    class Knowing(FakeEngine):
        def find_title(self, ask: TitleAsk) -> str:
            asks.append(ask)
            return "" if ask.names else "Plants for shade"

    vectors = FakeEngine().encode(split(prompt, "eng_Latn"), "eng_Latn")
    title = choose_title(Knowing(), prompt, vectors, "eng_Latn", key=(1,), library=library)
    assert (title == "Plants for shade") == is_asked == any(not ask.names for ask in asks)
    assert all((ask.prompt, ask.library) == (prompt, library) for ask in asks)


@pytest.mark.parametrize(
    ("prompt", "lang", "library", "names"),
    [
        ("a week in Rome, I'm 80", "eng_Latn", None, ("A week in Rome, I'm 80",)),
        (
            "How do tides work? I live inland.",
            "eng_Latn",
            None,
            ("How do tides work?", "How do tides work? I live inland."),
        ),
        (
            "We owe 8,200. Please write us a plan to be out of debt.",
            "eng_Latn",
            None,
            ("Plan to be out of debt", "We owe 8,200. Please write us a plan to be out of debt."),
        ),
        (
            "We have a zoom. What lens would make the biggest difference for nature?",
            "eng_Latn",
            None,
            ("We have a zoom", "We have a zoom. What lens would make the biggest difference for nature?"),
        ),
        ("Tea", "eng_Latn", "mine", None),
        ("Tee", "deu_Latn", None, None),
        ("a ghost story in a cinema", "eng_Latn", None, ()),
    ],
)
def test_a_plain_prompt_is_searched_by_its_names_in_the_library_that_ships(
    prompt: str, lang: str, library: str | None, names: tuple[str, ...] | None
) -> None:
    asks: list[TitleAsk] = []

    class Knowing(FakeEngine):
        def find_title(self, ask: TitleAsk) -> str:
            asks.append(ask)
            return "Something else"

    vectors = FakeEngine().encode(split(prompt, lang), lang)
    title = choose_title(Knowing(), prompt, vectors, lang, key=(1,), library=library)
    assert [ask.names for ask in asks] == ([] if names is None else [names])
    assert (title == "Something else") == bool(asks)


def test_a_stand_in_has_another_title_than_a_plain_prompt() -> None:
    assert is_stand_in("Sharpening tools", "how to sharpen a scythe", "eng_Latn", None)
    assert not is_stand_in("How to sharpen a scythe", "how to sharpen a scythe", "eng_Latn", None)
    assert not is_stand_in("The last lamp", "a ghost story in a lighthouse", "eng_Latn", None)
    assert not is_stand_in("Sharpening tools", "how to sharpen a scythe", "eng_Latn", "mine")
    assert not is_stand_in("Schärfen", "Eine Sense dengeln", "deu_Latn", None)


@pytest.mark.parametrize(
    ("asks", "is_found"),
    [
        ("Please write a guide to clay gardens.", True),
        ("Please write a comprehensive guide to clay gardens.", False),
        ("I want everything about it, in ten chapters.", True),
    ],
)
def test_a_book_on_a_named_subject_has_a_title_of_the_prompts_own_words(
    store: Store, new_document: Make, new_job: Make, asks: str, is_found: bool
) -> None:
    class Knowing(FakeEngine):
        def find_title(self, ask: TitleAsk) -> str:
            return "Plants for shade"

    document_id = new_document(store, WritingOptions(), prompt=f"{TELLING} {asks}")
    encode_prompt(new_job(store, document_id, Knowing()))
    assert (store.get_document(document_id).title == "Plants for shade") == is_found


def test_the_library_is_told_which_text_is_asked_for() -> None:
    assert asked_texts(LONG) == "a guide about plants for shade"
    assert asked_texts("My landlord is late. Please write me a firm letter. It is cold.") == "a firm letter"
    assert asked_texts("It is cold. What helps?") == ""


def test_what_stands_before_a_colon_is_a_title() -> None:
    prompt = "Sun, wind and water power compared: cost, reliability and impact on the landscape of the coast"
    assert titles_in(prompt, "eng_Latn")[0] == "Sun, wind and water power compared"


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        (
            "Write a comprehensive guide to bees for beginners, from choosing the first hive to the harvest",
            "Comprehensive guide to bees for beginners",
        ),
        (
            "write me a very long and thorough textbook style introduction to statistics for nurses, at least 20 pages",
            "Introduction to statistics for nurses",
        ),
        (
            "a full length account of lighthouses around the world - how they were built, who kept them, and why",
            "Account of lighthouses around the world",
        ),
        (
            "my dad was just diagnosed with atrial fibrillation, explain what it is and what the treatments are, he's "
            "74 and never had anything to do with medicine",
            "My dad was just diagnosed with atrial fibrillation",
        ),
        (
            "write me a complete book about the history of London from the first bridge to the great fire and after, "
            "with chapters",
            "The history of London from the first bridge to the great fire",
        ),
    ],
)
def test_the_title_of_a_detailed_request_is_its_subject(prompt: str, title: str) -> None:
    assert titles_in(prompt, "eng_Latn") == [title]


def test_a_title_is_not_cut_after_its_colon() -> None:
    prompt = "A meal plan for a family of four: two kids aged 6 and 9, one of them allergic to nuts"
    assert titles_in(prompt, "eng_Latn") == ["A meal plan for a family of four"]


def test_a_title_ends_before_a_bracket() -> None:
    prompt = "Please plan a trip by train through Italy for my husband (74, uses a stick) and me (71)? We like gardens."
    assert titles_in(prompt, "eng_Latn")[-1] == "Trip by train through Italy for my husband"


@pytest.mark.parametrize(
    ("prompt", "options", "found", "title"),
    [
        ("Ghost story in a cinema", WritingOptions(), "The last lamp", "The last lamp"),
        ("Ghost story in a cinema", WritingOptions(), "", "Ghost story in a cinema"),
        ("Ghosts in cinemas", WritingOptions(), "The last lamp", "Ghosts in cinemas"),
        (
            "Ghost story in a cinema",
            WritingOptions(library=NO_LIBRARY),
            "The last lamp",
            "Ghost story in a cinema",
        ),
        (
            "Ghost story in a cinema",
            WritingOptions(outline=(("1", "The queue"), ("2", "The dark"))),
            "The last lamp",
            "Ghost story in a cinema",
        ),
    ],
)
def test_a_story_of_the_library_has_its_own_title_and_one_of_the_users_the_prompts(
    store: Store,
    new_document: Make,
    new_job: Make,
    prompt: str,
    options: WritingOptions,
    found: str,
    title: str,
) -> None:
    class Knowing(FakeEngine):
        def find_title(self, ask: TitleAsk) -> str:
            return "" if ask.names else found

    document_id = new_document(store, options, prompt=prompt)
    encode_prompt(new_job(store, document_id, Knowing()))
    assert store.get_document(document_id).title == title
