"""What somebody tells about their own case joins the outline, and what nobody told does not."""

from __future__ import annotations

from functools import partial

import pytest

from concepts.library.cases import Case, Cases, _counted, _is_other_number, add_cases, find_cases
from concepts.library.library import CASES, Library, Passage
from concepts.library.notes import find_notes
from concepts.library.outline import find_candidates, find_outline
from tests.concepts.library.toy_library import encode

TEXT = ("A first sentence says it.", "A second one goes on.", "The third ends it.")


def sections(title: str, *headings: str) -> list[Passage]:
    return [Passage(title, heading, TEXT) for heading in headings]


JAPAN = sections(
    f"Trip Japan{CASES}",
    "Japan teenagers",
    "Vegetarian food Japan",
    "Japan seven days",
    "Japan wheelchair",
    "Japan shy",
)
ROME = sections(f"Trip Rome{CASES}", "Rome teenagers", "Vegetarian food Rome", "Rome honeymoon")
PLAIN = sections("Trip Japan", "Overview", "Trains", "Hotels", "Costs")
LIBRARY = Library.of([*JAPAN, *ROME, *PLAIN], encode, least_likeness=0.0)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("trip Japan with teenagers", {"Japan teenagers"}),
        (
            "trip Japan with teenagers, one wants vegetarian food",
            {"Japan teenagers", "Vegetarian food Japan"},
        ),
        ("trip Japan for seven days", {"Japan seven days"}),
        ("trip Japan for three days", set()),
        ("trip Japan, wheelchair", {"Japan wheelchair"}),
        ("trip Japan, shy", {"Japan shy"}),
        ("trip Japan", set()),
        ("trip Japan and its long history", set()),
        ("repair of a bicycle with teenagers", set()),
    ],
)
def test_a_clause_finds_the_case_that_it_tells(prompt: str, told: set[str]) -> None:
    found = find_cases(LIBRARY, encode, [prompt], prompt)
    assert {case.heading for case in (found.told if found else ())} == told


@pytest.mark.parametrize(
    ("told", "is_told"),
    [
        ("scared", False),
        ("I am scared, 52 years old", False),
        ("my daughter is scared", True),
        ("scared, she is 7 years old", True),
        ("scared 4yo", True),
        ("our twins are scared", True),
    ],
)
def test_a_case_of_a_child_is_none_of_an_adult(told: str, is_told: bool) -> None:
    cases = sections(
        f"Swimming lessons{CASES}", "Swimming scared child", "Swimming pool cold", "Swimming club"
    )
    library = Library.of(cases, encode, least_likeness=0.0)
    prompt = f"Swimming lessons, {told}"
    found = find_cases(library, encode, [prompt], prompt)
    assert ("Swimming scared child" in [c.heading for c in (found.told if found else ())]) == is_told


def test_cases_come_after_the_first_section_and_keep_to_the_wished_number() -> None:
    told = tuple(Case(heading, heading) for heading in ("Japan teenagers", "Japan seven days"))
    add, headings = (
        partial(add_cases, encode, Cases("Trip Japan", told)),
        ["Overview", "Trains", "Hotels", "Costs"],
    )
    both = [case.heading for case in told]
    assert add(headings, named="trip Japan") == ["Overview", *both, "Trains", "Hotels", "Costs"]
    assert add(headings, 4) == ["Overview", "Japan teenagers", "Trains", "Hotels"]
    assert add(headings[:2], 2) == headings[:2]
    assert add(headings, named="speech on a trip Japan") == [*headings, *both]
    assert add_cases(encode, None, headings) == headings


def test_a_case_that_the_leading_document_is_about_is_left_out() -> None:
    cases = Cases("Trip", tuple(Case(f"Trip {clause}", clause) for clause in ("with teenagers", "in a week")))
    told = add_cases(encode, cases, ["Overview", "Trains"], leading="Trip with teenagers")
    assert told == ["Overview", "Trip in a week", "Trains"]


def test_the_cases_of_a_prompt_are_in_its_outline() -> None:
    prompt = "trip Japan with teenagers"
    found = find_outline(LIBRARY, encode, [prompt], typed=prompt, is_wish=True)
    assert found == ["Overview", "Japan teenagers", "Trains", "Hotels", "Costs"]
    assert find_outline(LIBRARY, encode, [prompt], 4, typed=prompt) == [
        "Overview",
        "Trains",
        "Hotels",
        "Costs",
    ]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("a week in Rome", "Rome in seven days", True),
        ("Rome weekend for two days", "2 days of Rome", True),
        ("three times a week", "on three days per week", True),
        ("training three days a week", "training for three days", False),
        ("two weeks", "two days", False),
        ("Rome in spring", "Rome in spring", False),
        ("ten minutes a day", "a day in Rome", False),
        ("ten minutes a day", "10 minutes", True),
    ],
)
def test_numbers_are_the_same_with_their_units(one: str, other: str, is_same: bool) -> None:
    assert bool(_counted(one) & _counted(other)) is is_same


@pytest.mark.parametrize(
    ("own", "wanted", "is_other"),
    [
        ("Rome in ten days", "two weeks in Rome", False),
        ("Rome in three days", "a week in Rome", True),
        ("a speech of one minute", "about 4 minutes", True),
        ("Rome in three days", "Rome for three people", False),
    ],
)
def test_a_far_number_is_another_case(own: str, wanted: str, is_other: bool) -> None:
    assert _is_other_number(_counted(own), _counted(wanted)) is is_other


def test_the_subject_leads_where_its_case_alone_would() -> None:
    """A document on the case is nearest, but not near."""
    running = sections(f"Running{CASES}", "Running asthma", "Running winter", "Running dog")
    plain = sections("Running", "Overview", "Shoes", "Pace", "Plan")
    other = sections("Asthma and any sport", "Lungs", "Attacks", "Sprays", "Pollen")
    library = Library.of([*running, *plain, *other], encode, least_likeness=0.0)
    prompt = "running, asthma, sport"
    assert find_candidates(library, encode, [prompt])[0].passages[0].title == other[0].title
    found = find_outline(library, encode, [prompt], typed=prompt, is_wish=True)
    assert found == ["Overview", "Running asthma", "Shoes", "Pace", "Plan"]


def test_a_case_is_taken_whole_whatever_the_title() -> None:
    title = "Something that is called by quite other words altogether"
    (notes,) = find_notes(LIBRARY, encode, title, ["Japan wheelchair"])
    assert [note.text for note in notes] == list(TEXT)
    assert notes[0].title == f"Trip Japan{CASES}"


def test_cases_lead_no_outline() -> None:
    found = find_candidates(LIBRARY, encode, ["trip Japan particular cases"])
    assert [candidate.passages[0].title for candidate in found] == ["Trip Japan"]


def test_a_prompt_of_another_language_tells_no_case() -> None:
    assert find_cases(LIBRARY, encode, ["trip Japan with teenagers"], "") is None


def test_a_library_of_ones_own_has_no_cases() -> None:
    own = Library.of([*JAPAN, *PLAIN], encode, least_likeness=0.0, is_own=True)
    prompt = "trip Japan with teenagers"
    assert find_cases(own, encode, [prompt], prompt) is None
    titles = {candidate.passages[0].title for candidate in find_candidates(own, encode, [prompt])}
    assert titles == {"Trip Japan", f"Trip Japan{CASES}"}


@pytest.mark.parametrize(
    ("named", "place"),
    [("trip guide", 1), ("toast for Ana", 3), ("letter to Ana", 3), ("ghost story in Japan", None)],
)
def test_no_case_interrupts_a_letter_and_a_story_gets_none(named: str, place: int | None) -> None:
    cases = Cases("Trip", (Case("Trip with a dog", "with a dog"),))
    headings = ["First", "Second", "Third"]
    told = add_cases(encode, cases, headings, named=named)
    expected = headings if place is None else [*headings[:place], "Trip with a dog", *headings[place:]]
    assert told == expected
