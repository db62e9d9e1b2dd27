"""Libraries: passages found by meaning, and the notes that sections get from them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from concepts.corpus.importers import document_row
from concepts.corpus.records import Block, Document, Section
from concepts.corpus.split import split_of
from concepts.errors import InputError, ModelError
from concepts.library.headings import like_headings
from concepts.library.library import Library, Passage, codes_of, entries_of, passages_of
from concepts.library.notes import NoteOptions, find_notes, names_other, stands_alone
from concepts.library.outline import find_candidates, find_outline, represent
from concepts.library.own import read_own
from concepts.library.parts import MOST_PARTS, OVERVIEW, find_parts
from concepts.library.stored import (
    EMPTY,
    MOST_LOADED,
    Libraries,
    StoredPassages,
    load_library,
    write_library,
)

DIM = 64
OPTIONS = NoteOptions()


def encode(texts: list[str]) -> Tensor:
    """Return the sum of a random vector for each word: texts with the same words are alike."""
    rows = []
    for text in texts:
        words = [word.strip(".,:").lower() for word in text.split()]
        seeds = [int.from_bytes(word.encode()[:7], "little") for word in words]
        rows.append(sum(torch.randn(DIM, generator=torch.Generator().manual_seed(s)) for s in seeds))
    return torch.stack(rows)  # type: ignore[arg-type]


def passage(title: str, heading: str, *sentences: str) -> Passage:
    return Passage(title, heading, sentences)


TIRES = passage(
    "Bicycle tire repair",
    "Finding hole",
    "Pumped tubes hiss where the hole is.",
    "A bucket of water shows bubbles at a hole.",
    "It is then marked with chalk.",
)
PATCH = passage(
    "Bicycle tire repair",
    "Gluing patch",
    "Rough rubber takes the patch well.",
    "Press the patch for a minute.",
)
BREAD = passage(
    "White bread", "Kneading dough", "Knead the dough until it is smooth.", "Flour keeps dough dry."
)
LIBRARY = Library.of([TIRES, PATCH, BREAD], encode, least_likeness=0.3)


def test_the_nearest_passage_is_that_about_the_same() -> None:
    subjects = encode(["Bicycle tire: Finding hole", "Bread: Kneading dough"])
    likeness = LIBRARY.likeness(subjects, encode(["Bicycle tire"])[0])
    assert int(likeness[0].argmax()) == 0
    assert likeness[1, 1] > likeness[0, 2]  # the title counts: all of the bicycle is nearer than bread


def test_likeness_is_about_the_cosine() -> None:
    many = torch.randn(200, 384, generator=torch.Generator().manual_seed(1))
    library = Library([passage(str(n), "", "A.") for n in range(200)], *[codes_of(many)] * 3)
    query = many[:1] + 0.8 * torch.randn(1, 384, generator=torch.Generator().manual_seed(2))
    exact = torch.cosine_similarity(query, many)
    found = library.likeness(query, query[0])[0]
    assert int(found.argmax()) == 0
    assert (found - exact).abs().max() < 0.2
    assert abs(float(found[0] - exact[0])) < 0.1


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


def _documents(num: int) -> list[Document]:
    block = Block(("The rim holds the tire in its place.", "Air keeps the tire round."))
    return [
        Document(
            f"Title {n}", (Section("Rims", (block,)), Section("Empty", ())), "eng_Latn", "longhand-everyday"
        )
        for n in range(num)
    ]


def test_a_library_comes_back_as_it_was_written(tmp_path: Path) -> None:
    documents = _documents(30)
    card = write_library(
        documents,
        tmp_path / "mine",
        encode,
        name="mine",
        space_id="toy@1",
        dim=DIM,
        data="tests",
        licence="none",
    )
    assert card.kind == "library" and card.figures == {"documents": 30, "passages": 30}
    loaded = load_library(str(tmp_path / "mine"), space_id="toy@1", encode=encode)
    assert {p.title for p in loaded.passages} == {d.title for d in documents}
    subjects = encode(["Title 7: Rims"])
    again = Library.of(loaded.passages, encode)
    assert torch.equal(loaded.likeness(subjects, subjects[0]), again.likeness(subjects, subjects[0]))
    found = load_library(str(tmp_path / "mine"), space_id="toy@1", encode=encode).likeness(
        subjects, subjects[0]
    )
    assert loaded.passages[int(found.argmax())].title == "Title 7"


def test_documents_that_models_are_measured_on_give_nothing_to_what_is_measured(tmp_path: Path) -> None:
    documents = _documents(300)
    held = [d for d in documents if split_of(d) != "train"]
    assert held
    asked = dataclasses.replace(documents[0], title="Asked of Longhand", page="asked/0001")
    assert split_of(asked) == "test"
    folder = tmp_path / "all"
    write_library(
        [*documents, asked],
        folder,
        encode,
        name="all",
        space_id="toy@1",
        dim=DIM,
        data="tests",
        licence="none",
    )
    everybodys = load_library(str(folder), space_id="toy@1", encode=encode)
    measured = load_library(str(folder), space_id="toy@1", encode=encode, is_measured=True)

    def finds(library: Library, title: str) -> bool:
        about = encode([title])
        place = library.titles.index(title)
        own = list(library.places_of(place))
        seen = bool(library.document_likeness(about[0])[place] > 0)
        assert bool((library.likeness(about, about[0])[0, own] > 0).all()) is seen
        return seen

    assert all(finds(everybodys, d.title) for d in held)
    assert not any(finds(measured, d.title) for d in held)
    assert finds(measured, asked.title), "no model learns from it"


def test_a_library_of_another_space_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_library(
        _documents(3), folder, encode, name="mine", space_id="toy@1", dim=DIM, data="tests", licence="none"
    )
    with pytest.raises(ModelError, match=r"made in the space toy@1, got toy@2.*--library none"):
        load_library(str(folder), space_id="toy@2", encode=encode)
    (folder / "codes.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="checksum"):
        load_library(str(folder), space_id="toy@1", encode=encode)


def test_a_space_without_a_library_gives_none() -> None:
    assert len(load_library(None, space_id="toy@1", encode=encode)) == 0


def test_a_documents_sections_are_its_passages() -> None:
    (found,) = passages_of(_documents(1)[0])
    assert (found.title, found.heading, found.subject) == ("Title 0", "Rims", "Title 0: Rims")
    assert Passage("Rims", "Rims", ()).subject == "Rims"


def test_documents_of_ones_own_are_a_library(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(
        "# Our pond\n\n## Fish\n\nGoldfish eat in spring. They sleep in winter below the ice.\n\n"
        "## Plants\n\nReeds clean the water of the pond. Lilies give shade to the fish below.\n"
    )
    (tmp_path / "photo.jpg").write_bytes(b"\xff")
    passages, left_out = read_own(tmp_path)
    assert [(p.title, p.heading, len(p.sentences)) for p in passages] == [
        ("Our pond", "Fish", 2),
        ("Our pond", "Plants", 2),
    ]
    assert left_out == {"unreadable: unknown kind of file": 1}
    library = load_library(str(tmp_path / "notes.md"), space_id="toy@1", encode=encode)
    (notes,) = find_notes(library, encode, "A guide", ["Plants of the pond"])
    assert {note.text for note in notes} >= {"Reeds clean the water of the pond."}


def test_documents_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"\xff")
    (tmp_path / "blank.md").write_text("\n")
    for path, reason in (("empty", "no document"), ("photo.jpg", r"expected \.md"), ("blank.md", "no text")):
        with pytest.raises(InputError, match=reason):
            read_own(tmp_path / path)


@pytest.mark.parametrize(
    ("title", "subject", "is_other"),
    [
        ("A weekend in Porto", "A long weekend in Lisbon", True),
        ("A weekend in Lisbon", "A long weekend in Lisbon The first day", False),
        ("How bread is baked", "A short history of bread", False),
        ("Porto", "A long weekend in Lisbon", False),  # a first word has a capital whatever it is
        ("The Care And Feeding Of Fish", "Garden ponds", False),
    ],
)
def test_what_is_true_of_one_name_is_not_of_another(title: str, subject: str, *, is_other: bool) -> None:
    assert names_other(title, subject) is is_other


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


GARDEN = [
    Passage(
        title,
        heading,
        tuple(
            f"{heading} {what} {heading.lower()} dear {title.split()[0]}." for what in ("is", "was", "stays")
        ),
        prompt=typed,
    )
    for title, typed in (
        ("Bees in the garden", "how can bees live at my home"),
        ("Bees in a garden", ""),
        ("Baking bread", "bread recipe"),
    )
    for heading in (
        "Water",
        "Flowers",
        "Nesting",
        "Shelter",
        "Winter work",
        f"Advice of {title.split()[0]} Smith",
    )
]


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


def of_bees(title: str, *headings: str) -> list[Passage]:
    found = []
    for heading in headings:
        own = " ".join(f"{heading.lower()}{n}" for n in range(5))
        sentences = tuple(f"{heading} {what} dear {own} of bees." for what in ("is", "was", "stays"))
        found.append(Passage(title, heading, sentences))
    return found


BEES = [
    *of_bees("Bees garden overview", "Flowers", "Water", "Nesting", "Winter"),
    *of_bees("Winter cold bees garden", "Snow", "Sugar", "Cold", "Mice"),
    *of_bees("Water drink bees garden", "Dishes", "Ponds", "Rain", "Drought"),
    *of_bees("Flowers food bees garden", "Clover", "Lime", "Heather", "Dandelion"),
    *of_bees("Garden bees: overview", "Roses", "Trees", "Herbs", "Lawn"),
    *of_bees("Baking bread", "Flour", "Yeast", "Salt", "Oven"),
]


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


def test_documents_on_the_very_subject_can_be_hidden() -> None:
    library = Library.of(GARDEN, encode, least_likeness=0.3)
    library.most_alike = 0.75
    assert find_outline(library, encode, ["Bees in the garden"]) == []
    assert find_parts(library, encode, ["Bees in the garden"]) == []
    (notes,) = find_notes(library, encode, "Bees in the garden", ["Water"])
    assert all("Bees" not in note.title for note in notes)
    assert all("Bees" not in name for name in like_headings(library, encode, "Bees in the garden"))


def test_a_library_covers_what_it_is_about() -> None:
    subjects = encode(["Bicycle tire repair: Finding hole", "Tax law: Deadlines"])
    covered, other = LIBRARY.coverage(subjects, encode(["Bicycle tire repair"])[0]).tolist()
    assert covered > other
    assert EMPTY.coverage(subjects, subjects[0]).tolist() == [0.0, 0.0]


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


def test_own_documents_are_read_again_once_they_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice.\n")
    libraries = Libraries("toy@1", encode)
    first = libraries.get(str(path))
    assert libraries.get(str(path)) is first
    path.write_text("# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice. Frogs sing.\n")
    again = libraries.get(str(path))
    assert again is not first and len(again.passages[0].sentences) == 3
    assert len(libraries.get(None)) == 0


def test_few_libraries_stay_loaded(tmp_path: Path) -> None:
    libraries = Libraries("toy@1", encode)
    for n in range(MOST_LOADED + 1):
        (tmp_path / f"{n}.md").write_text(
            "# Pond\n\n## Fish\n\nGoldfish eat in spring. Carp sleep below the ice.\n"
        )
    first = libraries.get(str(tmp_path / "0.md"))
    for n in range(1, MOST_LOADED + 1):
        libraries.get(str(tmp_path / f"{n}.md"))
    assert libraries.get(str(tmp_path / "0.md")) is not first


def test_what_is_hidden_is_hidden_in_each_library_that_is_loaded_and_in_no_other(tmp_path: Path) -> None:
    write_library(
        _documents(3),
        tmp_path / "mine",
        encode,
        name="mine",
        space_id="toy@1",
        dim=DIM,
        data="tests",
        licence="none",
    )
    about = encode(["Title 1"])[0]
    hiding = Libraries("toy@1", encode, most_alike=0.75)
    assert hiding.get(str(tmp_path / "mine")).document_likeness(about).max() <= 0.75
    assert Libraries("toy@1", encode).get(str(tmp_path / "mine")).document_likeness(about).max() > 0.75
    assert hiding.get(None) is EMPTY
    assert EMPTY.most_alike > 1, "the library of spaces without one is everybody's"


def test_the_kind_of_text_that_is_asked_for_comes_first() -> None:
    """A letter, where a letter is asked for; the likeness that decides whether there is an outline stays."""
    passages = [
        passage(title, heading, "One way is short.", "Two ways are long.", "Three ways are wide.")
        for title in ("Dental office reception job", "Cover letter for office")
        for heading in ("Beginning", "Middle", "End")
    ]
    library = Library.of(passages, encode, least_likeness=0.0)
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
    passages = [
        passage(title, heading, "One way is short.", "Two ways are long.", "Three ways are wide.")
        for title in ("Work letter", "Work essay")
        for heading in ("Beginning", "Middle", "End")
    ]
    library = Library.of(passages, encode, least_likeness=0.0)
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
    passages = [
        passage(title, heading, "One way is short.", "Two ways are long.", "Three ways are wide.")
        for title in ("Wedding garden", "Wedding plan")
        for heading in ("Beginning", "Middle", "End")
    ]
    library = Library.of(passages, encode, least_likeness=0.0)
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


def test_a_librarys_text_is_read_when_it_is_asked_for_and_is_all_there() -> None:
    documents = [
        Document(
            title,
            tuple(Section(head, (Block(tuple(texts)),)) for head, texts in sections),
            "eng_Latn",
            "mine",
            page,
        )
        for title, page, sections in (
            (
                "Tea",
                "1",
                [("Heat", ["Tea is hot."]), ("Empty", []), ("Leaf", ["It is green.", "It is dry."])],
            ),
            ("Tea", "2", [("Cup", ["A cup is small."])]),
            ("Nothing", "3", [("Empty", [])]),
            ("Bees", "4", [("Hive", ["Bees fly."])]),
        )
    ]
    lines = [json.dumps(document_row(document)) for document in documents]
    stored = StoredPassages(lines)
    eager = [passage for document in documents for passage in passages_of(document)]
    assert stored.entries == entries_of(eager)
    assert stored[-1] == stored[3] == eager[3]
    assert list(stored) == list(stored[:]) == eager
    with pytest.raises(IndexError):
        stored[len(eager)]
    parsed: list[str] = []
    lazily = StoredPassages(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "concepts.library.stored.passages_of", lambda d: parsed.append(d.title) or passages_of(d)
        )
        assert [lazily[0], lazily[1], lazily[3]] == [eager[0], eager[1], eager[3]]
    assert parsed == ["Tea", "Bees"]


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
