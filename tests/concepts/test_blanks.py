"""Blanks of a text and facts of a prompt: what fits where, and that no fact fills two blanks."""

from __future__ import annotations

import pytest

from concepts.blanks import Fact, assign, blanks_of, child_of, facts_of, fill, is_told, takes


def test_a_blank_is_named_once_whatever_its_capitals() -> None:
    assert blanks_of(["Dear [Name],", "[name] wrote on [date] about [3] and [x]."]) == ["Name", "date"]


@pytest.mark.parametrize(
    ("prompt", "facts"),
    [
        (
            "Write to Mr. Keller about the heating. It broke on November 12 and I have a cold",
            [("Mr. Keller", "person"), ("November 12", "date")],
        ),
        (
            "speech for Bob Jenkins, with us for 35 years, at 12 Elm Street on 3 May at 7 pm",
            [
                ("Bob Jenkins", "name"),
                ("35 years", "amount"),
                ("12 Elm Street", "address"),
                ("3 May", "date"),
                ("7 pm", "time"),
            ],
        ),
        (
            "nurse at St. Mary's Hospital, 400 euros",
            [("St. Mary's Hospital", "name"), ("400 euros", "amount")],
        ),
        ("Toast for Hannah's wedding, I'm her brother", [("Hannah", "name")]),
        ("my landlord mr Hadley and dr. Singh", [("Mr Hadley", "person"), ("Dr. Singh", "person")]),
        ("order 4471 and flight NW 204", [("4471", "number"), ("NW 204", "number")]),
        ("my son missed Monday and Tuesday", [("Monday and Tuesday", "date")]),
        (
            "two brothers, Karim and Sami, of Lee and Sons",
            [("Karim", "name"), ("Sami", "name"), ("Lee and Sons", "name")],
        ),
        ("love between Nora and Matteo", [("Nora", "name"), ("Matteo", "name")]),
        ("how to march in may with two left feet", []),
        ("", []),
    ],
)
def test_facts_of_a_prompt(prompt: str, facts: list[tuple[str, str]]) -> None:
    assert [(fact.text, fact.kind) for fact in facts_of(prompt)] == facts


@pytest.mark.parametrize(
    ("blank", "fact", "is_taken"),
    [
        ("landlord's name", Fact("Mr. Keller", "person"), True),
        ("name of the company", Fact("Mr. Keller", "person"), False),
        ("name of the company", Fact("Finch Ltd", "name"), True),
        ("bride", Fact("Priya", "name"), True),
        ("subject", Fact("Priya", "name"), False),
        ("your name", Fact("Priya", "name"), False),
        ("date", Fact("3 May", "date"), False),
        ("last day", Fact("3 May", "date"), True),
        ("number of days", Fact("3 May", "date"), False),
        ("number of years", Fact("35 years", "amount"), True),
        ("number of days", Fact("35 years", "amount"), False),
        ("order number", Fact("4471", "number", ("my", "order")), True),
        ("invoice number", Fact("4471", "number", ("my", "order")), False),
        ("funny habit of the groom", Fact("Danny", "name"), False),
        ("number", Fact("4471", "number"), False),
        ("address of the flat", Fact("12 Elm Street", "address"), True),
        ("girl's name", Fact("Mia", "name", ("my", "daughter")), True),
        ("boy's name", Fact("Mia", "name", ("my", "daughter")), False),
        ("boy's name", Fact("Robin", "name", ("story", "for")), True),
        ("boy's name", Fact("Miso", "name", ("our", "cat")), False),
        ("girl's name", Fact("Sam", "name", before=("and", "his", "bear")), False),
        ("girl's name", Fact("Ida", "name", before=("and", "a", "rabbit")), True),
        ("girl's name", Fact("Ida", "name", ("a", "dog", "for")), True),
        ("girl's name", Fact("Button", "name", ("a", "rabbit", "called")), False),
        ("dog's name", Fact("Bruno", "name", ("and", "her", "dog")), True),
        ("dog's name", Fact("Bruno", "name", ("my", "puppy", "called")), True),
        ("dog's name", Fact("Miso", "name", ("our", "cat")), False),
        ("dog's name", Fact("Pip", "name", ("a", "girl", "named")), False),
        ("friend's name", Fact("Miso", "name", ("our", "cat")), False),
        ("woman's name", Fact("Tom", "name", ("her", "husband")), False),
        ("woman's name", Fact("Ines", "name", ("a", "baker")), True),
        ("man's name", Fact("Morwen", "name", ("a", "witch", "named")), False),
        ("woman's name", Fact("Lisbon", "name", ("story", "set", "in")), False),
        ("town's name", Fact("Lisbon", "name", ("story", "set", "in")), True),
        ("town's name", Fact("Thornby", "name", ("the", "mayor", "of")), True),
        ("town's name", Fact("Ines", "name", ("a", "baker")), False),
        ("ship's name", Fact("Aurora", "name", ("a", "spaceship", "called")), True),
        ("friend's name", Fact("Anna", "name", ("a", "letter", "to")), True),
        ("man's name", Fact("Tom", "name", ("a", "lad", "named")), True),
        ("girl's name", Fact("Lisbon", "name", ("story", "set", "in")), False),
        ("girl's name", Fact("Merlin", "name", ("a", "wizard", "named")), False),
        ("pet's name", Fact("Miso", "name", ("our", "cat")), True),
        ("name of the pet shop", Fact("Pawsome", "name", ("the", "shop", "called")), True),
    ],
)
def test_a_blank_takes_facts_of_its_kind(blank: str, fact: Fact, is_taken: bool) -> None:
    assert takes(blank, fact) is is_taken


@pytest.mark.parametrize(
    ("prompt", "role"),
    [
        ("our puppies called Miso", "dog"),
        ("the village of Thornby", "village"),
        ("two friends, Ben and Al", "friend"),
        ("a story about Ben", "about"),
        ("a letter to Anna", "to"),
        ("the wife of Mark", "of"),
        ("two foxes called Rik", "fox"),
        ("a speech in Anna's honor", ""),
    ],
)
def test_the_words_before_a_name_tell_its_role(prompt: str, role: str) -> None:
    assert facts_of(prompt)[0].role == role


def test_a_role_that_the_prompt_tells_weighs_more_than_a_likely_one() -> None:
    knight = Fact("Sir Aldric", "name", ("of", "a", "knight"))
    blanks = ["squire's name", "knight's name"]
    assert is_told("knight's name", knight)
    assert not is_told("squire's name", knight)
    assert assign(blanks, [knight], [[7.9], [7.3]]) == {"knight's name": "Sir Aldric"}
    assert assign(blanks, [knight], [[2.9], [0.1]]) == {"knight's name": "Sir Aldric"}
    assert assign(blanks, [knight], [[2.9], [-0.1]]) == {}


def test_facts_are_matched_so_that_all_fit_best() -> None:
    facts = [Fact("Dr. Patel", "person"), Fact("Finch Ltd", "name")]
    blanks = ["interviewer's name", "guest's name"]
    # the second blank alone would take the first fact
    assert assign(blanks, facts, [[6.0, -4.0], [7.0, 5.0]]) == {
        "interviewer's name": "Dr. Patel",
        "guest's name": "Finch Ltd",
    }
    assert assign(blanks, facts, [[2.0, -4.0], [-3.0, 2.9]]) == {}
    assert assign([], [], []) == {}


def test_a_day_that_several_blanks_take_fills_none() -> None:
    fault, letter, facts = "date of the fault", "date of the first letter", [Fact("3 May", "date")]
    assert assign([fault, letter], facts, [[5.0], [1.0]]) == {}
    assert assign([fault, "your name"], facts, [[5.0], [9.0]]) == {fault: "3 May"}


def test_a_value_brings_its_unit_only_where_none_follows() -> None:
    values = {"number of years": "35 years", "Name": "Bob"}
    assert fill("[name] was here for [number of years] years.", values) == "Bob was here for 35 years."
    assert (
        fill("After [number of years], [Name] leaves [firm].", values) == "After 35 years, Bob leaves [firm]."
    )


def test_a_name_may_have_a_default() -> None:
    text = "[girl's name: Lena]'s bed. [Girl's name: Lena] and [friend's name] slept."
    assert blanks_of([text]) == ["girl's name", "friend's name"]
    assert fill(text, {}) == "Lena's bed. Lena and [friend's name] slept."
    assert fill(text, {"girl's name": "Mia"}) == "Mia's bed. Mia and [friend's name] slept."
    assert fill("[date: 3 May]", {}) == "[date: 3 May]"


@pytest.mark.parametrize(
    ("text", "child"),
    [
        ("a story for my son, her favorite", "boy"),
        ("a story for my niece", "girl"),
        ("a story for my son and my daughter", None),
        ("a story", None),
    ],
)
def test_a_text_may_be_for_a_girl_or_a_boy(text: str, child: str | None) -> None:
    assert child_of(text) == child


def test_the_words_after_a_name_are_known() -> None:
    (fact,) = facts_of("story for Sam and his bear")
    assert fact.before == ("and", "his", "bear")
