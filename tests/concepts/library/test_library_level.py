"""Simple texts: who asks for them, and which documents answer."""

from __future__ import annotations

import time

import pytest

from concepts.library.level import is_simple, reading_grade
from concepts.library.library import Library, Passage
from concepts.library.outline import find_candidates
from tests.concepts.library.toy_library import encode


@pytest.mark.parametrize(
    "prompt",
    [
        "Photosynthesis explained simply",
        "explain inflation to a 10 year old",
        "what is gravity explained for kids",
        "what is gravity for kids",
        "how does the internet work in simple terms",
        "explain black holes like I'm five",
        "difference between a virus and a bacteria for 7th grade science",
        "the stock market in plain english",
        "evolution for middle school students",
        "Explain to my 8-year-old daughter why the sky is blue",
        "blockchain for dummies",
        "how do volcanoes erupt for third graders",
        "explain photosynthesis to a 6th grader",
        "explain fractions to my 3rd grade class",
        "explain gravity in layman's terms",
        "Explain the water cycle to my kids",
        "explain to a toddler why it rains",
        "explain like I'm a 5 year old what a bank is",
        "explain the heart so that a child understands it",
        "kid-friendly explanation of volcanoes",
        "explain algebra to dummies",
        "the water cycle grade 4",
        "fractions, grade 3 or 4 with answers",
    ],
)
def test_a_simple_explanation_is_asked_for(prompt: str) -> None:
    assert is_simple(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "activities for a 5 year old",
        "birthday party for kids",
        "simple dinner recipes",
        "how to explain death to a child",
        "How should I explain our divorce to my son?",
        "bedtime story for a 4 year old",
        "how to build a simple website",
        "grading of diamonds",
        "grade 8 bolts torque",
        "difference between grade 5 and grade 8 bolts",
        "explain simply supported beams",
        "explain organ donation to a kidney patient",
        "ways to explain war to children",
        "tips for explaining death to a child",
        "explaining cancer to kids",
        "what is the best bike for kids",
        "why is sugar bad for kids",
        "how do I choose a bike for my daughter",
        "best laptops for middle school teachers",
        "easy languages to learn",
    ],
)
def test_what_is_for_children_or_easy_is_no_simple_explanation(prompt: str) -> None:
    assert not is_simple(prompt)


@pytest.mark.parametrize(
    "part", ["what is ", "what is for kids x ", "what is\n", "explain ", "explain to a ", "!"]
)
def test_long_prompts_take_time_in_proportion_to_their_length(part: str) -> None:
    started = time.process_time()
    is_simple(part * (100_000 // len(part)))
    assert time.process_time() - started < 2.0, "half a minute where the time is quadratic"


def test_long_words_and_long_sentences_are_hard_to_read() -> None:
    simple = ["Plants need light.", "They make their food from air and water."]
    hard = [
        "Photosynthetic organisms convert electromagnetic radiation into chemical energy, which enzymes of the "
        "Calvin cycle subsequently incorporate into carbohydrates."
    ]
    assert reading_grade(simple) < 5 < 15 < reading_grade(hard)
    assert reading_grade([]) == reading_grade(["..."]) == 0.0


def test_who_asks_for_a_simple_text_gets_the_document_that_is_easy_to_read() -> None:
    hard = tuple(
        f"Bees of the garden pollinate approximately {n} angiosperm families throughout vegetative development."
        for n in range(60)
    )
    easy = tuple(f"A bee in the garden flies to {n} flowers." for n in range(20))
    plain, full = "Bees in gardens, told thinly", "Bees in gardens, told fully"
    library = Library.of([Passage(plain, "Bees", easy), Passage(full, "Bees", hard)], encode)

    def first(typed: str) -> str:
        return find_candidates(library, encode, ["Bees in gardens"], typed)[0].passages[0].title

    assert first("bees in gardens") == full, "the other one is thin"
    assert first("explain bees in gardens to a 10 year old") == plain


def test_who_asks_for_no_simple_text_gets_none_that_is_meant_for_children() -> None:
    hard = tuple(
        f"Bees of gardens pollinate {n} angiosperm families throughout vegetative development of their surroundings."
        for n in range(60)
    )
    easy = tuple(f"A bee in a garden flies from one flower to the next one {n} times." for n in range(60))
    simple, other = "Bees in gardens explained simply", "Bees in gardens, told of wholly"
    library = Library.of([Passage(simple, "Bees", easy), Passage(other, "Bees", hard)], encode)
    first, second = find_candidates(library, encode, ["Bees in gardens"])
    assert (first.passages[0].title, first.off_level) == (other, 0.0)
    assert second.off_level > 2.0
    assert first.likeness < second.likeness, "it is a little nearer"
    assert not (first.is_thin or second.is_thin)
