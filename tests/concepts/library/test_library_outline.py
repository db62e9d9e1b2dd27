"""The headings and parts that a document gets from a library."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch

from concepts.library import outline
from concepts.library.headings import like_headings
from concepts.library.library import Library, Passage
from concepts.library.names import Names
from concepts.library.outline import (
    LEAST_OF_KIND,
    Candidate,
    Features,
    _known,
    find_candidates,
    find_leading,
    find_outline,
    represent,
)
from concepts.library.parts import MOST_PARTS, OVERVIEW, find_parts
from concepts.library.stored import EMPTY
from tests.concepts.library.toy_library import BEES, GARDEN, encode, of_bees, passage


def test_headings_of_like_documents_are_proposed() -> None:
    documents = [
        passage("Bicycle tire repair", "Finding hole", "A."),
        passage("Bicycle tire repair", "Help from Dunlop", "B."),
        passage("Bicycle tire repair", "What nobody ever needs to know about the tools of his bicycle", "C."),
        passage("Bicycle tire repair again", "finding hole", "D."),
        passage("White bread", "Kneading the dough", "E."),
    ]
    library = Library.of(documents, encode, least_likeness=0.4)
    assert like_headings(library, encode, "Bicycle tire repair") in (["Finding hole"], ["finding hole"])
    assert like_headings(EMPTY, encode, "Bicycle tire repair") == []


def test_the_outline_of_a_known_subject_is_of_its_documents_in_their_order() -> None:
    library = Library.of(GARDEN, encode)
    found = find_outline(library, encode, ["Bees in the garden"])
    assert found == ["Water", "Flowers", "Nesting", "Shelter", "Winter work", "Advice of Bees Smith"], (
        "each once"
    )
    assert len(find_outline(library, encode, ["Bees in the garden"], 3)) == 3
    assert find_outline(library, encode, ["Bees in the garden"], 30) == []
    assert find_outline(library, encode, ["Bees in the garden"], 30, is_wish=True) == found
    bare = Library.of(
        [dataclasses.replace(passage, sentences=passage.sentences[:1]) for passage in GARDEN], encode
    )
    assert find_outline(bare, encode, ["Bees in the garden"]) == [], "sections that say nothing are none"


def test_a_document_about_another_name_gives_no_outline_be_it_its_first_word() -> None:
    trips = [
        Passage(
            f"{place} by train",
            heading,
            tuple(
                f"A train to {place} {what} {heading.lower()} {n}."
                for n, what in enumerate(("has", "shows", "is"))
            ),
        )
        for place in ("Andalusia", "Galicia")
        for heading in ("Towns", "Food", "Tickets", "Weather")
    ]
    library = Library.of(trips, encode)
    found = find_candidates(library, encode, ["Galicia by train for a week"])
    assert [candidate.passages[0].title for candidate in found] == ["Galicia by train"]
    assert find_outline(library, encode, ["Asturias by train"]) == []


def test_a_document_of_five_sections_is_taken_as_it_is() -> None:
    own = ("Water", "Flowers", "Nesting", "Shelter", "Winter work")
    others = ("Predators", "Honey", "Swarms", "Tools")

    def bees(title: str, headings: Sequence[str]) -> list[Passage]:
        said = ("is", "was", "stays")
        return [
            passage(title, heading, *(f"{heading} {what} near." for what in said)) for heading in headings
        ]

    asked = ["Bees in the garden"]
    library = Library.of([*bees("Bees in the garden", own), *bees("Bees in the garden too", others)], encode)
    assert find_outline(library, encode, asked) == list(own)
    assert len(find_outline(library, encode, asked, 6)) == 6, "the other one could give some"


@pytest.mark.parametrize(
    ("title", "asked", "naming"),
    [
        ("Krakatoa, Tambora and Vesuvius compared", "tambora effects", "same"),
        ("How Gödel changed the logic of mathematics", "godel and logic", "same"),
        ("Home Wi-Fi that keeps dropping", "my wifi keeps dropping", "same"),
        ("The Mongols in Europe", "mongol invasion of Europe", "same"),
        ("Sweden: from Vikings to welfare state", "history of sweden", "same"),
        ("Restoring old furniture", "how to restore old furniture", "same"),
        ("A weekend in Lisbon", "a weekend by train", "narrower"),
        ("A weekend in Lisbon", "a weekend in porto", "other"),
        ("A weekend in Lisbon", "How do I plan a weekend? Budget 900", "narrower"),
        ("Business etiquette in South Korea", "business etiquette in north korea", "narrower"),
        ("A weekend in Portland, Maine", "A weekend in Portland, Oregon", "other"),
        ("A weekend in Lisbon", "a weekend in Rio", "other"),
        ("Krakatoa, Tambora and Vesuvius compared", "the effects of Etna", "other"),
        ("Yucatán in ten days by bus", "what to see in Oaxaca", "other"),
        ("Type 2 diabetes", "type 1 diabetes", "other"),
    ],
)
def test_a_document_has_the_names_that_were_asked_for_or_none(title: str, asked: str, naming: str) -> None:
    assert Names(asked).naming(title) == naming


def test_a_document_on_something_with_a_name_stands_behind_where_none_was_asked_for() -> None:
    library = library_of("A weekend in Lisbon by train", "A weekend by train in winter")
    found = find_candidates(library, encode, ["A weekend by train"])
    assert [candidate.is_narrower for candidate in found] == [False, True]
    assert [c.passages[0].title for c in find_candidates(library, encode, ["A weekend in Rio by train"])] == [
        "A weekend by train in winter"
    ]


def test_a_document_on_another_subject_stands_in_under_its_own_title() -> None:
    library = library_of("Bees garden flowers", "Trains")
    (on_it,) = find_candidates(library, encode, ["Bees garden flowers"])[:1]
    assert on_it.likeness >= outline.ON_SUBJECT
    assert find_leading(library, encode, ["Bees garden flowers"]) == ""
    assert find_leading(library, encode, ["Bees garden flowers"], below=2.0) == "Bees garden flowers"
    asked = ["Bees in winter"]
    (off_it,) = find_candidates(library, encode, asked)[:1]
    assert outline.LEAST_LIKENESS <= off_it.likeness < outline.ON_SUBJECT
    assert find_leading(library, encode, asked) == "Bees garden flowers"
    assert find_leading(library, encode, ["Steam engines"]) == ""
    assert find_leading(EMPTY, encode, asked) == ""


def test_the_second_of_two_things_is_no_source_for_the_first() -> None:
    titles = ("Causes of World War II", "What caused the First World War")
    library = Library.of([passage(title, "Causes", "Wars have causes.") for title in titles], encode)
    found = find_candidates(library, encode, ["Causes of world war 1"])
    assert [candidate.passages[0].title for candidate in found] == [titles[1]]


def test_what_a_document_on_the_very_subject_names_may_head_a_section() -> None:
    def tides(heading: str) -> Passage:
        return Passage(
            "Tides",
            heading,
            tuple(f"{heading} {what} the water of the sea." for what in ("pulls", "lifts", "lowers")),
        )

    library = Library.of([tides(h) for h in ("Coasts", "Pull of Moon", "Harbors", "Ebb")], encode)
    assert find_outline(library, encode, ["Tides"]) == ["Coasts", "Pull of Moon", "Harbors", "Ebb"]


def test_a_subject_may_be_known_by_what_is_typed_for_it() -> None:
    library = Library.of(GARDEN, encode)
    assert find_outline(library, encode, ["How can bees live at home"])[:2] == ["Water", "Flowers"]
    assert find_outline(library, encode, ["Steam engines"]) == []
    assert find_outline(EMPTY, encode, ["Steam engines"]) == []


def test_the_parts_of_a_manual_are_documents_on_its_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest one is first, those that are about the same are left out, and others come as it speaks of them."""
    monkeypatch.setattr("concepts.library.parts.PARTS_WITHIN", 0.6)
    library = Library.of(BEES, encode)
    found = find_parts(library, encode, ["Bees garden overview"])
    assert [part.heading for part in found] == [
        OVERVIEW,
        "Flowers food bees garden",
        "Water drink bees garden",
        "Winter cold bees garden",
    ]
    assert found[2].sections == ("Dishes", "Ponds", "Rain", "Drought")
    assert len(find_parts(library, encode, ["Bees garden overview"], 3)) == 3
    assert find_parts(library, encode, ["Bees garden overview"], MOST_PARTS) == []
    assert find_parts(library, encode, ["Steam engines"]) == []
    assert find_parts(EMPTY, encode, ["Steam engines"]) == []


def test_more_sections_than_the_nearest_documents_have_come_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("concepts.library.outline.WIDELY_WITHIN", 0.6)
    library = Library.of(BEES, encode)
    assert len(find_outline(library, encode, ["Bees garden overview"])) < 12
    found = find_outline(library, encode, ["Bees garden overview"], 12)
    assert len(set(found)) == 12 and not {"Flour", "Yeast"} & set(found)


def library_of(*titles: str) -> Library:
    """Return documents of three sections that differ in their titles alone."""
    passages = [
        passage(title, heading, "One way is short.", "Two ways are long.", "Three ways are wide.")
        for title in titles
        for heading in ("Beginning", "Middle", "End")
    ]
    return Library.of(passages, encode, least_likeness=0.0)


def test_the_kind_of_text_that_is_asked_for_comes_first() -> None:
    """A letter, where a letter is asked for; the likeness that decides whether there is an outline stays."""
    library = library_of("Dental office reception job", "Cover letter for office")
    found = {
        kind: [
            candidate.passages[0].title
            for candidate in find_candidates(library, encode, [f"{kind} for dental office reception job"])
        ]
        for kind in ("Cover letter", "Guide")
    }
    assert found["Cover letter"][0] == "Cover letter for office"
    assert found["Guide"][0] == "Dental office reception job"


def test_what_was_typed_names_the_kind_of_text_though_no_name_does() -> None:
    library = library_of("Work letter", "Work essay")
    typed = ("A letter", "An essay", "Two Letters")
    found = [find_candidates(library, encode, ["Work"], text)[0] for text in typed]
    assert [first.passages[0].title for first in found] == ["Work letter", "Work essay", "Work letter"]


def test_few_sections_represent_a_document_its_first_one_among_them() -> None:
    # the first section, three that say about the same, two that say another thing
    vectors_CD = torch.tensor(
        [[1.0, 0, 0], [0, 1.0, 0], [0, 0.99, 0.1], [0, 0.99, -0.1], [0, 0, 1.0], [0, 0.1, 1.0]]
    )
    vectors_CD /= vectors_CD.norm(dim=1, keepdim=True)
    cosines_CC = vectors_CD @ vectors_CD.T
    chosen = represent(torch.tensor([0.1, 0.9, 0.9, 0.8, 0.3, 0.3]), cosines_CC, 3)
    assert chosen[0] == 0
    assert len(set(chosen) & {1, 2, 3}) == len(set(chosen) & {4, 5}) == 1, (
        "what is worth less, but said by no other, is not left out"
    )
    worth_C = torch.full((6,), float("-inf"))
    worth_C[[2, 4]] = 0.5
    assert represent(worth_C, cosines_CC, 3) == [2, 4], "what does not count is never chosen"
    assert represent(worth_C, cosines_CC, 0) == []


def test_to_plan_something_is_no_plan() -> None:
    library = library_of("Wedding garden", "Wedding plan")
    typed = {
        "Give me a plan": True,
        "I want to plan it": False,
        "plan my day": False,
        "How to plan": False,
        "A plan my team likes": True,
    }
    for text, is_asked in typed.items():
        of_kind = {
            c.passages[0].title: c.is_of_kind for c in find_candidates(library, encode, ["Wedding"], text)
        }
        expected = (False, True) if is_asked else (None, None)
        assert of_kind == dict(zip(("Wedding garden", "Wedding plan"), expected, strict=True)), text


def test_a_wished_length_does_not_break_into_a_document_that_is_nearly_as_long() -> None:
    names = ["Water", "Wood", "Wind", "Wheat", "Wine", "Wool", "Wax"]
    passages = [*of_bees("Bees garden", *names), *of_bees("Bees", "Ale", "Ash", "Air", "Art")]
    library = Library.of(passages, encode, least_likeness=0.0)
    assert find_outline(library, encode, ["Bees garden"], 10, is_wish=True) == names
    assert find_outline(library, encode, ["Bees garden"], 10) != names, "a number of sections is no mere wish"
    assert find_outline(library, encode, ["Bees garden"], 12, is_wish=True) == names, (
        "fewer, where there are no more"
    )


def test_a_text_of_the_kind_that_was_asked_for_stands_alone() -> None:
    def document(title: str, *headings: str) -> list[Passage]:
        sentences = tuple(f"Dear garden, the bees of {n} came back today." for n in ("May", "June", "July"))
        return [Passage(title, heading, sentences) for heading in headings]

    passages = [
        *document("Letter to the garden", "Dear garden"),
        *document("Letter to the garden bees", "Bees", "Water", "Flowers", "Hives", "Winter"),
    ]
    library = Library.of(passages, encode)
    assert find_outline(library, encode, ["Letter to the garden"]) == ["Dear garden"]
    assert find_outline(library, encode, ["To the garden"], typed="a letter to the garden") == ["Dear garden"]
    assert find_outline(library, encode, ["Letter to the garden"], 9, is_wish=True) == ["Dear garden"]
    assert find_outline(library, encode, ["Letter to the garden"], 3) != ["Dear garden"]
    assert len(find_outline(library, encode, ["To the garden bees"])) >= 4, "nobody asked for a letter"


def test_a_wished_length_is_not_filled_from_other_documents() -> None:
    own = ["Flowers", "Water", "Nesting", "Winter", "Honey", "Wax"]
    library = Library.of([*of_bees("Bees garden overview", *own), *BEES[4:]], encode)
    called = ["Bees garden overview"]
    assert find_outline(library, encode, called, 12, is_wish=True) == own
    assert set(find_outline(library, encode, called, 12)) > set(own), "the user said how many"


def test_a_section_of_long_sentences_is_a_section() -> None:
    long = "The bees of the garden " + "fly from flower to flower and " * 8 + "come back."
    passages = [
        Passage("Bees in the garden", heading, (long,) * 3) for heading in ("Water", "Hives", "May", "Wax")
    ]
    found = find_outline(Library.of(passages, encode), encode, ["Bees in the garden"])
    assert found == ["Water", "Hives", "May", "Wax"]


def test_of_documents_equally_near_a_thin_one_comes_last() -> None:
    long = tuple(
        f"Bees of the garden gather pollen and honey from flowers in {n} nests all summer." for n in range(60)
    )
    full, thin = "Bees in gardens, told fully", "Bees in gardens, told thinly"
    passages = [Passage(thin, "Bees", long[:3]), Passage(full, "Bees", long)]
    found = find_candidates(Library.of(passages, encode), encode, ["Bees in gardens"])
    assert [(candidate.passages[0].title, candidate.is_thin) for candidate in found] == [
        (full, False),
        (thin, True),
    ]
    own = find_candidates(Library.of(passages, encode, is_own=True), encode, ["Bees in gardens"])
    assert not any(candidate.is_thin for candidate in own)


def test_a_story_for_a_son_is_not_the_one_for_a_daughter() -> None:
    stories = [
        Passage(title, heading, ("One.", "Two.", "Three."), prompt=f"story of a digger for my {child}")
        for title, child in (("The digger at night", "daughter"), ("The digger", "son"))
        for heading in ("Dig", "Night")
    ]
    library = Library.of(stories, encode, least_likeness=0.0)
    for child, title in (("daughter", "The digger at night"), ("son", "The digger")):
        found = find_candidates(library, encode, [f"The digger at night for my {child}"])
        assert found[0].passages[0].title == title


def test_no_text_on_a_subject_stands_in_for_a_story_on_it() -> None:
    def document(title: str, typed: str, *headings: str) -> list[Passage]:
        return [
            Passage(title, heading, (f"{heading} of {title}.",) * 3, prompt=typed) for heading in headings
        ]

    guide = document("Lighthouse lamps", "how do lighthouse lamps work", "Lens", "Oil", "Glass", "Clock")
    story = document("Ana waits", "story with lamps", "Evening", "Midnight")
    library = Library.of([*guide, *story], encode, least_likeness=0.0)

    def lead(wish: str) -> Candidate:
        return find_candidates(library, encode, [wish])[0]

    assert lead("lighthouse lamps").passages[0].title == "Lighthouse lamps"
    found = lead("story with lighthouse lamps")
    assert (found.passages[0].title, found.is_of_kind, found.least) == ("Ana waits", True, LEAST_OF_KIND)
    assert lead("report on lighthouse lamps").passages[0].title == "Lighthouse lamps"
    assert lead("how to write a story about lighthouse lamps").is_of_kind is None


def test_a_story_that_is_far_leads_alone() -> None:
    def far(title: str, *, is_of_kind: bool) -> Candidate:
        return Candidate(
            (passage(title, "Evening", "Ana waits."),),
            torch.tensor([0.3]),
            Features(named=0.3, telling=0.3, unsaid=0.0),
            is_of_kind,
            is_irreplaceable=True,
        )

    story, guide = far("Ana waits", is_of_kind=True), far("Lighthouse lamps", is_of_kind=False)
    assert _known([story, guide], within=0.4, most=6) == [story]
    assert _known([guide, story], within=0.4, most=6) == []


def test_the_nearest_texts_of_a_kind_are_looked_at_however_many_others_are_nearer(monkeypatch) -> None:
    for name in ("NUM_BY_TITLE", "NUM_BY_SECTION"):
        monkeypatch.setattr(outline, name, 1)
    monkeypatch.setattr(outline, "NUM_BY_WORDS", 0)
    guide = passage("Walnut board", "Walnut board care", "Oil the walnut board.")
    text = Passage(
        "Bowl of ash", "For the shop", ("The bowl holds fruit.",), prompt="product description board"
    )
    library = Library.of([guide, text], encode, least_likeness=0.0)

    def found(wish: str) -> set[str]:
        return {c.passages[0].title for c in find_candidates(library, encode, [wish])}

    assert found("care of a walnut board") == {"Walnut board"}
    assert found("product description of a walnut board with walnut board care") == {
        "Walnut board",
        "Bowl of ash",
    }
