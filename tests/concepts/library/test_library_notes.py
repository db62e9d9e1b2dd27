"""The notes that the sections of a document get from a library."""

from __future__ import annotations

import dataclasses

import pytest

from concepts.blocks import BlockKind
from concepts.corpus.records import Block, Document, Section
from concepts.library.library import Library, Passage, passages_of
from concepts.library.names import Names
from concepts.library.notes import NoteOptions, find_notes, stands_alone
from concepts.library.stored import EMPTY
from tests.concepts.library.toy_library import LIBRARY, PATCH, TIRES, encode, passage

OPTIONS = NoteOptions()


def test_a_sections_notes_are_about_it_and_stand_alone() -> None:
    finding, gluing = find_notes(
        LIBRARY, encode, "Bicycle tire repair", ["Finding hole", "Gluing patch"], options=OPTIONS
    )
    assert {note.text for note in finding} >= {TIRES.sentences[1]}
    assert {note.title for note in finding + gluing} == {"Bicycle tire repair"}
    texts = [note.text for note in finding]
    assert TIRES.sentences[2] not in texts or texts[texts.index(TIRES.sentences[2]) - 1] == TIRES.sentences[1]
    assert finding[0].heading == "Finding hole" and gluing[0].heading == "Gluing patch"
    places = [TIRES.sentences.index(note.text) for note in finding if note.heading == TIRES.heading]
    assert places == sorted(places), "the notes of a passage keep its order"


def test_no_sentence_is_given_twice_nor_one_that_says_the_same() -> None:
    twin = passage(
        "Bicycle tire repair again",
        "Finding hole",
        TIRES.sentences[0],
        "The hole is where pumped tubes hiss.",
    )
    library = Library.of([TIRES, PATCH, twin], encode, least_likeness=0.3)
    found = find_notes(
        library, encode, "Bicycle tire repair", ["Finding hole", "Finding the hole"], options=OPTIONS
    )
    texts = [note.text for section in found for note in section]
    assert sum("hiss" in text for text in texts) == 1
    assert len(texts) == len(set(texts))


def test_documents_that_are_left_out_give_nothing() -> None:
    found = find_notes(
        LIBRARY, encode, TIRES.title, ["Finding hole"], options=OPTIONS, without={"Bicycle tire repair"}
    )
    assert found == [[]]


def test_only_wanted_sections_get_notes_and_none_that_others_have() -> None:
    options = dataclasses.replace(OPTIONS, same=0.99)
    taken = [TIRES.sentences[1]]
    found = find_notes(
        LIBRARY,
        encode,
        TIRES.title,
        ["Finding hole", "Gluing patch"],
        options=options,
        wanted=[True, False],
        taken=taken,
    )
    assert found[1] == []
    assert [note.text for note in found[0]] and taken[0] not in [note.text for note in found[0]]


def test_what_is_like_nothing_gets_nothing() -> None:
    assert find_notes(LIBRARY, encode, "Tax law", ["Deadlines"], options=OPTIONS) == [[]]
    assert find_notes(EMPTY, encode, "Tax law", ["Deadlines"]) == [[]]
    assert find_notes(LIBRARY, encode, "Tax law", []) == []


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("The rim holds the tire in its place.", True),
        ("It holds the tire in its place.", False),
        ("This keeps the air inside the tube.", False),
        ("Tools that are needed for it:", False),
        ("A dog that is neither sleepy nor wild", False),
        ("Warm socks therefore help some people to sleep.", False),
        ("A rider on such tires won every race.", False),
        ("Tools such as levers help those who ride often.", True),
        ("Cyclists who read maps at night then need a lamp.", True),
        ("Too short.", False),
        ("Italy has many good cheeses to offer.", True),
        (" ".join(["word"] * 60) + ".", False),
    ],
)
def test_sentences_that_lean_on_others_are_no_notes(text: str, *, stands: bool) -> None:
    assert stands_alone(text, NoteOptions()) is stands


@pytest.mark.parametrize(
    ("title", "subject", "is_other"),
    [
        ("A weekend in Porto", "A long weekend in Lisbon", True),
        ("A weekend in Lisbon", "A long weekend in Lisbon The first day", False),
        ("How bread is baked", "A short history of bread", False),
        ("Porto", "A long weekend in Lisbon", True),
        ("Bread", "A long weekend in Lisbon", False),  # a first word has a capital whatever it is
        ("The Care And Feeding Of Fish", "Garden ponds", False),
    ],
)
def test_what_is_true_of_one_name_is_not_of_another(title: str, subject: str, *, is_other: bool) -> None:
    assert (Names(subject).naming(title) != "same") is is_other


def test_a_document_about_another_name_gives_nothing() -> None:
    weekend = passage("Weekend in Porto", "Food drink", "Small bars serve young green wine.")
    library = Library.of([weekend], encode, least_likeness=0.1)
    assert find_notes(library, encode, "Weekend in Lisbon", ["Food drink"]) == [[]]
    assert len(find_notes(library, encode, "Weekend in Porto", ["Food drink"])[0]) == 1


def test_no_document_gives_a_section_all_its_notes() -> None:
    many = [f"Tire number {n} of the bicycle is round word{n} other{n}." for n in range(9)]
    other = "Bicycle tires of every kind are round."
    library = Library.of(
        [passage("Bicycle tire", "Round", *many), passage("Bicycle tires", "Round", other)],
        encode,
        least_likeness=0.0,
    )
    options = NoteOptions(most_of_document=2, same=0.97)
    (notes,) = find_notes(library, encode, "Bicycle tire", ["Round wheel"], options=options)
    assert sorted(note.title for note in notes) == ["Bicycle tire", "Bicycle tire", "Bicycle tires"]


def test_a_note_knows_whether_it_stood_in_a_list() -> None:
    section = Section(
        "Round tires",
        (
            Block(("Tires of bicycles are round.",)),
            Block(("Pump the tires of bicycles.",), "step"),
            Block(("Ride.",), "step"),
        ),
    )
    library = Library.of(
        passages_of(Document("Bicycle tires", (section,), "eng_Latn", "longhand-everyday")),
        encode,
        least_likeness=0.0,
    )
    (notes,) = find_notes(library, encode, "Bicycle tires", ["Round tires"])
    assert [(note.text, note.block) for note in notes] == [
        ("Tires of bicycles are round.", "paragraph"),
        ("Pump the tires of bicycles.", "step"),
        ("Ride.", "step"),
    ]


def test_a_sentence_that_leans_on_another_is_taken_with_it_or_not_at_all() -> None:
    said = (
        "They hiss.",
        "It was invented for bicycles of another kind.",
        "A tire holds the air of a bicycle.",
        "It is made of rubber and of cord.",
        "Such cord is woven from cotton.",
    )
    library = Library.of([Passage("Bicycle tires", "Tires", said)], encode, least_likeness=0.0)
    (notes,) = find_notes(library, encode, "Bicycle tires", ["Tires of rubber"])
    assert [note.text for note in notes] == list(said[2:])


def test_a_passage_of_a_sections_own_heading_is_taken_as_it_stands() -> None:
    """Nothing that leans, nothing long and nothing like another section's is left out, and its blocks are kept."""
    long = " ".join(["tire"] * 50) + "."
    section = Section(
        "Tires",
        (
            Block(("They hold the air.", long)),
            Block(("Pump tires.", "It is work."), "step"),
            Block(("Ride.",), "step"),
            Block(("So tires stay round.",)),
        ),
    )
    document = Document("Bicycle care", (section,), "eng_Latn", "longhand-everyday")
    other = passage("Bicycle care", "Rims", "So tires stay round.", "Rims hold tires.", "Rims are round.")
    library = Library.of([*passages_of(document), other], encode, least_likeness=0.0)
    of_tires, of_rims, of_both = find_notes(library, encode, "Bicycle care", ["Tires", "Rims", "Tires rims"])
    assert [(note.text, note.block, note.begins) for note in of_tires] == [
        ("They hold the air.", "paragraph", True),
        (long, "paragraph", False),
        ("Pump tires.", "step", True),
        ("It is work.", "step", False),
        ("Ride.", "step", True),
        ("So tires stay round.", "paragraph", True),
    ]
    assert [note.text for note in of_rims] == list(other.sentences)
    assert of_both == [], "what one section has is for no other"
    (again,) = find_notes(
        library, encode, "Bicycle care", ["Tires"], taken=["They hold the air."], options=OPTIONS
    )
    assert "They hold the air." not in [note.text for note in again]


def test_a_document_that_gave_most_of_an_outline_gives_all_of_it() -> None:
    """Also a section whose heading alone tells little, so that a passage of another document is more like it."""
    headings = ["Tires", "Rims", "Spokes", "Afterwards"]
    sentences = [
        tuple(f"{heading} need the {n} cloth." for n in ("first", "second", "last")) for heading in headings
    ]
    passages = [
        passage("Bicycle care", heading, *own) for heading, own in zip(headings, sentences, strict=True)
    ]
    nearer = passage("Care wheels rain", "Afterwards", "Rain is wet.", "Rain falls.")
    library = Library.of([*passages, nearer], encode, least_likeness=0.2)
    title, options = "Bicycle care wheels rain", NoteOptions(num_passages=1)
    for fewest, is_its in ((4, True), (5, False)):
        found = find_notes(
            library, encode, title, headings, options=dataclasses.replace(options, fewest_of_outline=fewest)
        )
        assert [tuple(note.text for note in notes) for notes in found[:3]] == sentences[:3]
        assert (tuple(note.text for note in found[3]) == sentences[3]) is is_its


def test_a_document_that_gave_half_of_an_outline_gives_its_own_sections_before_nearer_ones() -> None:
    headings = ["Tires", "Rims", "In short", "Afterwards"]
    own = [passage("Bicycle care", heading, *(f"{heading} {n}." for n in "abc")) for heading in headings]
    nearer = passage("Care wheels rain", "In short", "Rain is wet.", "Rain falls.", "Rain ends.")
    library = Library.of([*own, nearer], encode, least_likeness=0.0)
    found = find_notes(library, encode, "Bicycle care wheels rain", headings)
    assert [notes[0].title for notes in found] == ["Bicycle care"] * 4


def test_a_story_for_a_son_is_written_from_none_for_a_daughter() -> None:
    """Though both have the same headings."""
    stories = [
        dataclasses.replace(
            passage(f"Digger, {child}", heading, *(f"{child} {n}." for n in "abc")), prompt=f"for my {child}"
        )
        for child in ("daughter", "son")
        for heading in ("Dig", "Night", "Sleep")
    ]
    library = Library.of(stories, encode, least_likeness=0.0)
    for child in ("son", "daughter"):
        found = find_notes(
            library, encode, "Digger", ["Dig", "Night", "Sleep"], prompt=f"digger for my {child}"
        )
        assert {note.text.split()[0] for notes in found for note in notes} == {child}


def test_the_source_of_an_outline_is_found_by_its_name_where_other_passages_are_nearer() -> None:
    headings = ["Before", "Afterwards", "Later"]
    sentences = [
        tuple(f"{heading} is the {n} time." for n in ("first", "second", "last")) for heading in headings
    ]
    source = [
        passage("Bicycle care", heading, *own) for heading, own in zip(headings, sentences, strict=True)
    ]
    others = [
        passage("Bicycle care wheels rain", f"{heading} rain", "Rain is wet.", "Rain falls.", "Rain ends.")
        for heading in headings
    ]
    library = Library.of([*source, *others], encode, least_likeness=0.2)
    options = NoteOptions(num_passages=1)
    for title, prompt in (("Bicycle care wheels rain", ""), ("Wheels rain", "bicycle care")):
        found = find_notes(library, encode, title, headings, prompt=prompt, options=options)
        assert [tuple(note.text for note in own) for own in found] == sentences


def test_a_document_about_another_place_is_no_source_whatever_its_headings() -> None:
    headings = ["Where to eat", "Where to stay", "Getting around"]
    passages = [
        passage("Days in Porto", heading, "One way is Porto.", "Two ways are Porto.", "Three ways are Porto.")
        for heading in headings
    ]
    library = Library.of(passages, encode, least_likeness=0.2)
    assert all(find_notes(library, encode, "Days in Porto", headings))
    assert not any(find_notes(library, encode, "Days in Lisbon", headings))
    assert not any(find_notes(library, encode, "Days in Porto", headings, without=["Days in Porto"]))


def test_a_section_of_a_part_gets_the_passage_of_that_part() -> None:
    """Two parts have a section of one heading, and the passages of both are of documents named as the parts are."""
    documents = [
        passage(title, "Care", *(f"{title.split()[0]} want {what} often." for what in ("air", "oil", "rest")))
        for title in ("Chains of bicycles", "Tires of bicycles")
    ]
    library = Library.of(documents, encode, least_likeness=0.0)
    parts = ["Tires of bicycles", "Chains of bicycles"]
    found = find_notes(library, encode, "Bicycle handbook", ["Care", "Care"], parts=parts)
    assert [{note.title for note in notes} for notes in found] == [{part} for part in parts]


def test_what_stands_under_a_sections_own_heading_is_for_no_other() -> None:
    water = passage(
        "Bees", "Water", "Bees need food and food and water.", "Bees drink at a dish.", "Bees fly to water."
    )
    food = passage(
        "Bees", "Food", "Bees find food in flowers of spring.", "Bees eat pollen.", "Bees keep honey."
    )
    library = Library.of([water, food], encode, least_likeness=0.0)
    of_food, of_water = find_notes(library, encode, "Bees", ["Food", "Water"])
    assert [note.text for note in of_food] == list(food.sentences)
    assert [note.text for note in of_water] == list(water.sentences)


def test_notes_are_read_passage_by_passage_and_a_list_comes_last() -> None:
    steps = Passage(
        "Bicycle tire repair",
        "Finding hole",
        ("Pump the tube of the bicycle.", "Hold the tube of the bicycle under water."),
        ("step", "step"),
    )
    prose = passage(
        "Bicycle tire mending",
        "Finding hole",
        "A hole lets the air of the tube out.",
        "The hole of a tire is seldom large.",
    )
    other = Passage(
        "Bicycle tire care", "Finding hole", ("Look for a hole of the tire weekly.",), ("bullet",)
    )
    library = Library.of([steps, prose, other], encode, least_likeness=0.0)
    options = NoteOptions(passage_within=1.0, within=1.0, list_within=1.0)
    (notes,) = find_notes(library, encode, "Bicycle tire repair", ["Finding hole"], options=options)
    assert [note.block for note in notes] in (
        ["paragraph"] * 2 + ["step"] * 2,
        ["paragraph"] * 2 + ["bullet"],
    )
    texts = [note.text for note in notes]
    assert texts[:2] == list(prose.sentences)
    assert texts[2:] in (list(steps.sentences), list(other.sentences)), "items are of one list"


def test_of_ones_own_documents_all_count_whatever_they_are_called() -> None:
    sentences = [
        "Dogs stay outside the garden gate.",
        "Tools belong back into the shed.",
        "Members pay their share in January.",
        "Everyone waters the young trees weekly.",
        "Rubbish goes home with whoever brought some.",
    ]
    minutes = passage("Minutes of May", "Rules of the club", *sentences)
    for is_own, num in ((True, 5), (False, 0)):
        library = Library.of([minutes], encode, least_likeness=0.0, is_own=is_own)
        (notes,) = find_notes(library, encode, "Guide for members", ["Rules of the club"])
        assert len(notes) == num


def test_a_poem_is_taken_whole_with_its_lines_or_not_at_all() -> None:
    verse: BlockKind = "verse"
    stanzas = (
        Block(("A hole of the tire,", "a hole of the tire,", "it blew."), verse),
        Block(("Oh,", "oh!"), verse),
    )
    poem = Document("Bicycle tire poem", (Section("Finding hole", stanzas),), "eng_Latn", "x")
    prose = passage("Bicycle tire mending", "Patching", "A hole lets the air of the tube out.")
    (own,) = passages_of(poem)
    assert (own.forms, own.begins) == ((verse,) * 5, (True, False, False, True, False))
    library = Library.of([own, prose], encode, least_likeness=0.0)
    (notes,) = find_notes(library, encode, "Bicycle tire poem", ["Finding hole"])
    assert [(note.text, note.block, note.begins) for note in notes] == list(
        zip(own.sentences, own.forms, own.begins, strict=True)
    )
    options = NoteOptions(passage_within=1.0, within=1.0, list_within=1.0, fewest_words=1)
    (notes,) = find_notes(library, encode, "Bicycle tire repair", ["Searching hole"], options=options)
    assert {note.text for note in notes} == set(prose.sentences)


def test_what_leads_may_have_a_name_that_nobody_asked_for_and_other_sentences_may_not() -> None:
    def trip(title: str, *headings: str) -> list[Passage]:
        return [
            Passage(
                title,
                heading,
                tuple(f"{heading} {what} dear on a weekend by train." for what in ("is", "was", "stays")),
                begins=(True, False, False),
            )
            for heading in headings
        ]

    headings = ["Tickets", "Beds", "Meals"]
    library = Library.of(
        [*trip("A weekend in Berlin by train", *headings), *trip("A weekend in Paris by train", "Luggage")],
        encode,
    )
    found = find_notes(library, encode, "A weekend by train", [*headings, "Luggage"])
    assert [{note.title for note in own} for own in found] == [{"A weekend in Berlin by train"}] * 3 + [set()]
    assert find_notes(library, encode, "A weekend in Rome by train", headings) == [[], [], []]
